/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A process that stops collectors if the one that started them dies. Their
 * stores stay: what was not written yet can still be read from them.
 */
#ifndef KMLOPSCTL_COLLECT_GUARD_H
#define KMLOPSCTL_COLLECT_GUARD_H

#include <sys/types.h>

struct collector;

struct guard {
	pid_t pid;
	int pipe;	/* its end tells that we have died */
};

/* The list ends with NULL. An exit code, after a report if it is not DONE. */
int guard_start(struct guard *guard, const struct collector *const *collectors);
/* All is stopped: it is not needed any more. */
void guard_end(struct guard *guard);
/* In a child, which may live longer than we do. */
void guard_forget(struct guard *guard);

#endif /* KMLOPSCTL_COLLECT_GUARD_H */
