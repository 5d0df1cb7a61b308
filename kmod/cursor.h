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
 * @from: rows captured before this time are not part of the read
 * @to: rows captured at or after this time are not part of the read
 * @next: per CPU, the first position that the read has not covered yet
 * @nr: CPUs that have rows left
 * @heads: their next rows, a heap: least time first
 */
struct kmlops_cursor {
	u64 lost;
	u64 from;
	u64 to;
	u64 *next;
	u32 nr;
	struct kmlops_cursor_head heads[];
};

struct kmlops_cursor *kmlops_cursor_open(const struct kmlops_history *history,
					 u64 from, u64 to, const u64 *resume);
void kmlops_cursor_close(struct kmlops_cursor *cursor);
int kmlops_cursor_next(struct kmlops_cursor *cursor,
		       const struct kmlops_history *history, u64 *ref,
		       u64 *time, u64 *body);
u32 kmlops_cursor_fill(struct kmlops_cursor *cursor,
		       const struct kmlops_history *history,
		       struct kmlops_row *rows, u32 max);

/**
 * struct kmlops_scan - A read in progress that takes no memory of its own
 * @to: rows captured at or after this time are not part of the read
 * @time: time of the last row
 * @ref: its reference; 0 before the first row
 * @next: reference of a candidate for the next row; 0 if there is none
 * @bound: no other CPU has a row before this time; its lower bits are as good
 *
 * Plain numbers, so that it may live where a BPF program could change it.
 */
struct kmlops_scan {
	u64 to;
	u64 time;
	u64 ref;
	u64 next;
	u64 bound;
};

void kmlops_scan_begin(struct kmlops_scan *scan, u64 from, u64 to);
int kmlops_scan_next(struct kmlops_scan *scan,
		     const struct kmlops_history *history);

#endif /* KMLOPS_CURSOR_H */
