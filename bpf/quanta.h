/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Rows of the collector "quanta": each time that a thread was on a CPU. */
#ifndef KERNMLOPS_QUANTA_H
#define KERNMLOPS_QUANTA_H

#ifndef KMLOPS_UNIT
#define KMLOPS_UNIT(unit)
#endif

struct quanta_key {
	__u32 pid;		/* thread id, initial pid namespace */
};

/* Store "quanta": one row when the thread is switched out. */
struct quanta_row {
	__u64 run KMLOPS_UNIT(ns);	/* how long it ran */
	__u64 queued KMLOPS_UNIT(ns);	/* how long it could have run before that */
	__u32 tgid;
	__u32 cpu;
	__u32 preempted;	/* 1: it could have run on */
	__u32 one_in;		/* quanta that this row stands for */
};

#endif /* KERNMLOPS_QUANTA_H */
