/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Rows of the collector "unmap_range": pages that are taken out of page tables. */
#ifndef KERNMLOPS_UNMAP_RANGE_H
#define KERNMLOPS_UNMAP_RANGE_H

#ifndef KMLOPS_UNIT
#define KMLOPS_UNIT(unit)
#endif

struct unmap_range_key {
	__u32 pid;		/* thread id; of the kernel's: exit, reclaim */
};

/* Store "unmap_range": one row for each range within a mapping. */
struct unmap_range_row {
	__u64 start;		/* addresses: start <= range < end */
	__u64 end;
	__u64 vma_start;	/* the mapping that it lies in */
	__u64 vma_end;
	__u32 tgid;
	__u32 cpu;
	__u32 is_huge;		/* 1: hugetlbfs, or huge pages are advised */
	__u32 is_file;		/* 1: a mapping of a file */
	__u32 one_in;		/* ranges that this row stands for */
};

#endif /* KERNMLOPS_UNMAP_RANGE_H */
