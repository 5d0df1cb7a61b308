/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Rows of the collector "page_cache": the page cache, and readahead into it. */
#ifndef KERNMLOPS_PAGE_CACHE_H
#define KERNMLOPS_PAGE_CACHE_H

#ifndef KMLOPS_UNIT
#define KMLOPS_UNIT(unit)
#endif

enum page_cache_kind {
	PAGE_CACHE_ADD,
	PAGE_CACHE_DELETE,
	PAGE_CACHE_DIRTY,	/* has to be written back */
};

struct page_cache_key {
	__u64 inode;
	__u32 device;		/* of its file system: major << 20 | minor */
	__u32 unused;
};

/* Store "page_cache": one row for each folio that changes its state. */
struct page_cache_row {
	__u64 index;		/* its first page in the file */
	__u32 pages;
	__u32 kind;		/* enum page_cache_kind */
	__u32 pid;		/* thread id */
	__u32 tgid;
	__u32 cpu;
	__u32 one_in;		/* changes that this row stands for */
};

/*
 * Store "readahead": one row for each time that a read or fault asks for it.
 * With the rows of "page_cache", the inputs of KML's model: file, offset, time,
 * and the size of the window.
 */
struct readahead_row {
	__u64 file_size KMLOPS_UNIT(bytes);
	__u64 index;		/* the page that is wanted */
	__u64 window_start;	/* window as of before: pages in the file */
	__u64 previous;		/* page read last by this open file; -1: none */
	__u32 wanted;		/* pages */
	__u32 window_size;	/* pages */
	__u32 window_async;	/* pages at its end that start the next one */
	__u32 window_max;	/* most pages of a window: read_ahead_kb */
	__u32 mmap_miss;	/* faults that were not found in the cache */
	__u32 asynchronous;	/* 1: a page ahead was hit; 0: one was missed */
	__u32 random;		/* 1: the program said so */
	__u32 pid;
	__u32 tgid;
	__u32 cpu;
	__u32 one_in;		/* times that this row stands for */
};

#endif /* KERNMLOPS_PAGE_CACHE_H */
