/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Rows of the collector "rss_stat": resident memory of processes as it changes. */
#ifndef KERNMLOPS_RSS_STAT_H
#define KERNMLOPS_RSS_STAT_H

#ifndef KMLOPS_UNIT
#define KMLOPS_UNIT(unit)
#endif

struct rss_stat_key {
	__u32 pid;		/* thread that changes it */
};

/* Store "rss_stat". */
struct rss_stat_row {
	__s64 size KMLOPS_UNIT(bytes);	/* of the member, now */
	__u32 tgid;
	__u32 cpu;
	__u32 member;		/* 0 file pages, 1 anonymous, 2 swapped out, 3 shared */
	__u32 mm_id;		/* the same number: the same address space */
	__u32 own;		/* 1: the address space is that of the thread */
	__u32 one_in;		/* changes that this row stands for */
};

#endif /* KERNMLOPS_RSS_STAT_H */
