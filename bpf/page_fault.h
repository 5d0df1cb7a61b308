/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Rows of the collector "page_fault": what faults cost, and which pages they chose. */
#ifndef KERNMLOPS_PAGE_FAULT_H
#define KERNMLOPS_PAGE_FAULT_H

#ifndef KMLOPS_UNIT
#define KMLOPS_UNIT(unit)
#endif

/* What became of the question whether to take a huge page. */
enum page_fault_decision {
	PAGE_FAULT_SMALL,	/* it did not come up */
	PAGE_FAULT_HUGE,	/* taken: a huge page is there */
	PAGE_FAULT_FALLBACK,	/* wanted, but there was none, or it did not fit */
};

struct page_fault_key {
	__u32 pid;		/* thread id */
};

/*
 * Store "page_fault": one row for each fault that the memory management handles,
 * and for each of its retries. The cost is duration, the benefit of a decision
 * is mapped: what needs no other fault.
 */
struct page_fault_row {
	__u64 duration KMLOPS_UNIT(ns);
	__u64 mapped KMLOPS_UNIT(bytes);	/* of the decision; 0: it failed */
	__u64 address;
	__u64 vma_start;	/* the mapping: start <= address < end */
	__u64 vma_end;
	__u32 tgid;
	__u32 cpu;
	__u32 flags;		/* FAULT_FLAG_* of the kernel: 1 is write */
	__u32 result;		/* VM_FAULT_* of the kernel: 4 is major */
	__u32 decision;		/* enum page_fault_decision */
	__u32 advised;		/* 1: MADV_HUGEPAGE, 2: MADV_NOHUGEPAGE */
	__u32 one_in;		/* faults that this row stands for */
};

#endif /* KERNMLOPS_PAGE_FAULT_H */
