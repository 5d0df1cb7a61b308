/* SPDX-License-Identifier: GPL-2.0-only */
/* Rows of an export captured once more. */
#ifndef KMLOPSCTL_REPLAY_H
#define KMLOPSCTL_REPLAY_H

#include "store.h"

struct replay_order {
	const char *path;	/* an NPY file, or a directory of such files */
	double speed;		/* so many times as fast; 0: as fast as it goes */
};

/*
 * Push the rows into @store in their order, at their distances in time. The
 * kernel gives them times of now. An exit code.
 */
int replay_rows(const struct store *store, const struct replay_order *order);

#endif /* KMLOPSCTL_REPLAY_H */
