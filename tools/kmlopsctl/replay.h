/* SPDX-License-Identifier: GPL-2.0-only */
/* Rows of an export captured once more. */
#ifndef KMLOPSCTL_REPLAY_H
#define KMLOPSCTL_REPLAY_H

#include "store.h"

struct replay_order {
	const char *path;	/* a file, a directory of parts, or a run */
	double speed;		/* so many times as fast; 0: as fast as it goes */
};

/* Whether @word is a speed; reports if it is not. */
bool replay_parse_speed(const char *word, double *speed);

/*
 * Push the rows into the store @name in their order, at their distances in time.
 * The kernel gives them times of now. An exit code.
 */
int replay_rows(const char *name, const struct replay_order *order);

#endif /* KMLOPSCTL_REPLAY_H */
