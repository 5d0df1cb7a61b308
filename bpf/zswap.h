/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Rows of the collector "zswap": pages that are swapped to compressed memory. */
#ifndef KERNMLOPS_ZSWAP_H
#define KERNMLOPS_ZSWAP_H

#ifndef KMLOPS_UNIT
#define KMLOPS_UNIT(unit)
#endif

enum zswap_kind {
	ZSWAP_STORE,
	ZSWAP_LOAD,
	ZSWAP_INVALIDATE,	/* what was stored is not needed any more */
};

struct zswap_key {
	__u32 pid;		/* thread id */
};

/* Store "zswap": one row for each call, when it returns. */
struct zswap_row {
	__u64 start KMLOPS_UNIT(ns);	/* CLOCK_MONOTONIC */
	__u64 end KMLOPS_UNIT(ns);
	__u32 tgid;
	__u32 cpu;
	__u32 kind;		/* enum zswap_kind */
	__s32 result;		/* 1: stored, loaded; 0: not, invalidate; < 0: -errno */
	__u32 one_in;		/* calls that this row stands for */
};

#endif /* KERNMLOPS_ZSWAP_H */
