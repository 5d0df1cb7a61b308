/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Rows of the collector "collapse_huge_pages": small pages that become huge ones. */
#ifndef KERNMLOPS_COLLAPSE_HUGE_PAGES_H
#define KERNMLOPS_COLLAPSE_HUGE_PAGES_H

#ifndef KMLOPS_UNIT
#define KMLOPS_UNIT(unit)
#endif

struct collapse_huge_pages_key {
	__u32 pid;		/* khugepaged, or who called MADV_COLLAPSE */
};

/* Statuses are those of enum scan_result of the kernel; 1 is success. */

/* Store "collapse_huge_pages": one row for each attempt at 2 MiB, at its end. */
struct collapse_huge_pages_row {
	__u64 duration KMLOPS_UNIT(ns);
	__u64 mm;		/* identity of the address space */
	__u64 address;
	__u32 tgid;
	__u32 cpu;
	__u32 referenced;	/* small pages that were in use lately */
	__u32 unmapped;		/* that were swapped out */
	__s32 status;
	__u32 one_in;		/* attempts that this row stands for */
};

/* Store "khugepaged_scan": one row for each look at 2 MiB that may follow. */
struct khugepaged_scan_row {
	__u64 mm;
	__u32 tgid;
	__u32 cpu;
	__u32 referenced;
	__u32 none_or_zero;	/* small pages that are not there, or zero */
	__u32 unmapped;
	__s32 status;
	__u32 one_in;		/* looks that this row stands for */
};

#endif /* KERNMLOPS_COLLAPSE_HUGE_PAGES_H */
