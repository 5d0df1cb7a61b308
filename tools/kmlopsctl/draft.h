/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Files that get their name when they are complete, so that whoever finds one
 * can read it. What is written when a signal ends the program is removed.
 */
#ifndef KMLOPSCTL_DRAFT_H
#define KMLOPSCTL_DRAFT_H

#include <stdio.h>

#include "kmlopsctl.h"

struct draft {
	const char *name;
	char *path;
	FILE *out;
	unsigned int slot;	/* among those that a signal removes */
};

/* Both return an exit code, after a report if it is not DONE. */
int draft_open(struct draft *draft, const char *name);
/*
 * Give the file its name if @code, what became of it so far, is DONE, and
 * remove it otherwise. Gives the code as it is then. A draft that is zeroed was
 * never opened.
 */
int draft_close(struct draft *draft, int code);

#endif /* KMLOPSCTL_DRAFT_H */
