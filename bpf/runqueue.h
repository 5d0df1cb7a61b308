/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Rows of the collector "runqueue": one at each wakeup of a task, and one when
 * that task is switched in. All are keyed by the thread id.
 */
#ifndef KERNMLOPS_RUNQUEUE_H
#define KERNMLOPS_RUNQUEUE_H

#ifndef KMLOPS_UNIT
#define KMLOPS_UNIT(unit)
#endif

struct runqueue_key {
	__u32 pid;			/* thread id, initial pid namespace */
};

/*
 * Store "runqueue": what is known when the task has been put on a run queue.
 * Durations of a task seen for the first time are 0.
 */
struct runqueue_row {
	__u64 since_ran KMLOPS_UNIT(ns);	/* since the task left the CPU */
	__u64 last_run KMLOPS_UNIT(ns);		/* length of its last run */
	__u64 wait_1 KMLOPS_UNIT(ns);		/* its last waits, newest first */
	__u64 wait_2 KMLOPS_UNIT(ns);
	__u64 wait_3 KMLOPS_UNIT(ns);
	__u64 wait_4 KMLOPS_UNIT(ns);
	__u32 nr_running;	/* runnable tasks on the target CPU, this one included */
	__s32 prio;		/* kernel priority: 0-99 real time, 100-139 fair */
	__s32 nice;
	__u32 cpu;		/* target CPU */
	__u32 cross_cpu;	/* 1: not the CPU it last ran on */
	__u32 remote;		/* 1: woken from another CPU than the target */
	__u32 same_process;	/* 1: waker is a thread of the same process */
	__u32 same_waker;	/* 1: woken by the same thread as last time */
	__u32 by_idle;		/* 1: woken while the waking CPU was idle (interrupt) */
	__u32 is_new;		/* 1: first wakeup after fork */
	__u32 one_in;		/* wakeups that this row stands for */
};

/* Store "runqueue_wait": the outcome of a wakeup, captured at switch-in. */
struct runqueue_wait {
	__u64 woken_at KMLOPS_UNIT(ns);	/* time of the row in "runqueue" */
	__u64 wait KMLOPS_UNIT(ns);	/* from wakeup to switch-in */
	__u32 cpu;			/* where the task was switched in */
	__u32 migrated;			/* 1: not the CPU it was queued on */
};

/* Store "runqueue_prediction": what the model said, before the outcome. */
struct runqueue_prediction {
	__u64 woken_at KMLOPS_UNIT(ns);	/* time of the row in "runqueue" */
	__s64 label;			/* answer of the model */
	__s64 score;			/* its score of class 1 */
	__s64 error;			/* 0, or what kmlops_infer returned */
};

/*
 * Input vector of a model that the collector calls at each wakeup: these
 * fields of struct runqueue_row, each as one s64, in this order.
 */
#define RUNQUEUE_INPUTS(X)						\
	X(since_ran) X(last_run)					\
	X(wait_1) X(wait_2) X(wait_3) X(wait_4)				\
	X(nr_running) X(prio) X(nice)					\
	X(cross_cpu) X(remote) X(same_process) X(same_waker)		\
	X(by_idle) X(is_new)

/*
 * Indexes of the per-CPU counters of the collector. Wakeups are outcomes +
 * outcome errors + replaced + exited + those that wait for a CPU now.
 */
enum runqueue_counter {
	RUNQUEUE_WAKEUPS,	/* rows captured in "runqueue" */
	RUNQUEUE_OUTCOMES,	/* rows captured in "runqueue_wait" */
	RUNQUEUE_REPLACED,	/* woken again before it was switched in */
	RUNQUEUE_UNPAIRED,	/* switched in without having been seen woken */
	RUNQUEUE_EXITED,	/* exited with a wakeup that had no outcome */
	RUNQUEUE_PREDICTIONS,	/* rows captured in "runqueue_prediction" */
	RUNQUEUE_INFER_ERRORS,	/* calls of the model that failed */
	RUNQUEUE_CAPTURE_ERRORS,	/* such rows that capture refused or dropped */
	RUNQUEUE_OUTCOME_ERRORS,	/* outcomes that capture refused or dropped */
	RUNQUEUE_AWAKE,		/* wakeups of a task that was not asleep: no row */
	RUNQUEUE_STATE_ERRORS,	/* events lost as task storage was not to be had */
	RUNQUEUE_SAMPLED_OUT,	/* wakeups left out, as control.one_in says */
	RUNQUEUE_COUNTERS
};

#endif /* KERNMLOPS_RUNQUEUE_H */
