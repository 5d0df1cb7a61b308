/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Cursor: the rows of a history in order of time, across CPUs. Portable.
 */
#ifndef KMLOPS_CURSOR_H
#define KMLOPS_CURSOR_H

#include "history.h"

/* Next row of one CPU. */
struct kmlops_cursor_head {
	u64 time;
	u64 pos;
	u64 end;		/* first position that is not part of the read */
	u32 cpu;
};

/**
 * struct kmlops_cursor - A read in progress
 * @lost: rows that were overwritten after the read began and before their turn
 * @to: rows captured at or after this time are not part of the read
 * @nr: CPUs that have rows left; @heads[0..@nr) is a heap, least time first
 */
struct kmlops_cursor {
	u64 lost;
	u64 to;
	u32 nr;
	struct kmlops_cursor_head heads[];
};

struct kmlops_cursor *kmlops_cursor_open(const struct kmlops_history *history,
					 u64 from, u64 to);
void kmlops_cursor_close(struct kmlops_cursor *cursor);
int kmlops_cursor_next(struct kmlops_cursor *cursor,
		       const struct kmlops_history *history, u64 *ref,
		       u64 *time, u64 *body);

#endif /* KMLOPS_CURSOR_H */
