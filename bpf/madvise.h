/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Rows of the collector "madvise": what processes say of their memory. */
#ifndef KERNMLOPS_MADVISE_H
#define KERNMLOPS_MADVISE_H

#ifndef KMLOPS_UNIT
#define KMLOPS_UNIT(unit)
#endif

enum madvise_kind {
	MADVISE_MADVISE,	/* madvise(), process_madvise() */
	MADVISE_MUNMAP,		/* munmap() */
};

struct madvise_key {
	__u32 pid;		/* thread id of the caller */
};

/* Store "madvise": one row for each call, when it returns. */
struct madvise_row {
	__u64 length KMLOPS_UNIT(bytes);
	__u64 address;
	__u32 tgid;
	__u32 cpu;
	__u32 kind;		/* enum madvise_kind */
	__s32 advice;		/* MADV_*; -1 for munmap */
	__s32 result;		/* 0 or a negative errno */
	__u32 one_in;		/* calls that this row stands for */
};

#endif /* KERNMLOPS_MADVISE_H */
