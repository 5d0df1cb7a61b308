// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * The collector "runqueue": what is known about a task when it is woken, and
 * how long it then waits for a CPU.
 *
 * A wakeup counts if the task has left its CPU to sleep; one that catches the
 * task before it has gone to sleep causes no wait. A task that is switched out
 * while it could have run on is not woken to run again, so that wait is no
 * outcome either.
 *
 * The row of a wakeup and its outcome are joined by thread id and time: the
 * task carries the time of its row until it is switched in.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "kernmlops.bpf.h"
#include "runqueue.h"
#define COUNTERS	RUNQUEUE_COUNTERS
#include "collector.bpf.h"

#define NICE_0_PRIO	120

/*
 * Written under the lock of the run queue that the task is on, but for what is
 * known of the waker: that is written while the task is being woken, which
 * only one CPU at a time can do, and read when it has been queued.
 */
struct task_state {
	__u64 woken_at;		/* time of its row, or of a wakeup without one */
	__u64 switched_in;	/* times; 0: not seen */
	__u64 switched_out;
	__u64 last_run;
	__u64 waits[4];		/* newest first */
	__u32 queued_on;	/* CPU it was woken to */
	bool runnable;		/* woken or on a CPU, and not asleep since */
	bool waiting;		/* woken, not switched in since */
	bool has_row;		/* that wakeup has a row in "runqueue" */

	bool waker_known;
	bool same_process;
	bool by_idle;
	__u32 waker;		/* thread ids */
	__u32 last_waker;
	__u32 waker_cpu;
	__u32 last_cpu;		/* where the task was when the waker came */
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct task_state);
} tasks SEC(".maps");

STORE(runqueue, struct runqueue_key, struct runqueue_row);
STORE(runqueue_wait, struct runqueue_key, struct runqueue_wait);
STORE(runqueue_prediction, struct runqueue_key, struct runqueue_prediction);

/* The model to call, set by the loader; empty: none. */
const volatile char model_name[32] SEC(".rodata.model");

extern const struct rq runqueues __ksym;

static struct task_state *state_of(struct task_struct *p)
{
	struct task_state *state;

	state = bpf_task_storage_get(&tasks, p, NULL,
				     BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!state)
		count(RUNQUEUE_STATE_ERRORS);
	return state;
}

/* Of any size; only loads of what has no sign are made to fit. */
struct task_struct___on_cpu {
	unsigned int on_cpu;
} __attribute__((preserve_access_index));

static bool is_on_cpu(struct task_struct *p)
{
	return ((struct task_struct___on_cpu *)p)->on_cpu;
}

static __u64 since(__u64 then, __u64 now)
{
	return then && now > then ? now - then : 0;
}

/* The task that runs here wakes @p; in an interrupt, whoever it came upon. */
static void note_waker(struct task_struct *p, struct task_state *state)
{
	struct task_struct *waker = bpf_get_current_task_btf();

	state->waker = waker->pid;
	state->waker_cpu = bpf_get_smp_processor_id();
	state->same_process = waker->tgid == p->tgid;
	state->by_idle = !waker->pid;
	state->last_cpu = p->thread_info.cpu;
	state->waker_known = true;
}

/*
 * Tasks that could run on the CPU now. nr_running also counts those that sleep
 * but stay queued until their lag is paid off (delayed dequeue).
 */
static __u32 runnable_tasks(__u32 cpu)
{
	const struct rq *rq = bpf_per_cpu_ptr(&runqueues, cpu);
	__u32 nr;

	if (!rq)
		return 0;
	nr = rq->nr_running;
	if (bpf_core_field_exists(rq->cfs.h_nr_queued) &&
	    bpf_core_field_exists(rq->cfs.h_nr_runnable))
		nr -= rq->cfs.h_nr_queued - rq->cfs.h_nr_runnable;
	return nr;
}

static void fill_row(struct runqueue_row *row, struct task_struct *p,
		     struct task_state *state, __u64 now, bool is_new)
{
	__u32 cpu = p->thread_info.cpu;

	row->since_ran = since(state->switched_out, now);
	row->last_run = state->last_run;
	row->wait_1 = state->waits[0];
	row->wait_2 = state->waits[1];
	row->wait_3 = state->waits[2];
	row->wait_4 = state->waits[3];
	row->nr_running = runnable_tasks(cpu);
	row->prio = p->prio;
	row->nice = p->static_prio - NICE_0_PRIO;
	row->cpu = cpu;
	row->cross_cpu = cpu != state->last_cpu;
	row->remote = cpu != state->waker_cpu;
	row->same_process = state->same_process;
	row->same_waker = state->waker && state->waker == state->last_waker;
	row->by_idle = state->by_idle;
	row->is_new = is_new;
	row->one_in = one_in();
}

/* Ask the model before the outcome exists, and keep what it says. */
static void ask_model(struct runqueue_key *key, struct runqueue_row *row,
		      __u64 woken_at)
{
#define WORD(name) row->name,
	__s64 in[] = { RUNQUEUE_INPUTS(WORD) };
#undef WORD
	struct runqueue_prediction prediction = { .woken_at = woken_at };
	__s64 out[3];		/* class, score of class 0, score of class 1 */
	int err;

	err = kmlops_infer((const char *)model_name, in, sizeof(in),
			   out, sizeof(out));
	if (err) {
		prediction.error = err;
		count(RUNQUEUE_INFER_ERRORS);
	} else {
		prediction.label = out[0];
		prediction.score = out[2];
	}
	count(emit(&runqueue_prediction, key, &prediction) > 0 ?
	      RUNQUEUE_PREDICTIONS : RUNQUEUE_CAPTURE_ERRORS);
}

static void wait_from(struct task_state *state, __u64 time, __u32 cpu)
{
	state->woken_at = time;
	state->queued_on = cpu;
	state->waiting = true;
	state->last_waker = state->waker;
	state->waker_known = false;
}

/* @p has been put on the run queue of its CPU, whose lock is held. */
static void wakeup(struct task_struct *p, bool is_new)
{
	struct runqueue_key key = { .pid = p->pid };
	struct runqueue_row row = {};
	struct task_state *state;
	__s64 time;
	__u64 now;

	if (!p->pid)
		return;
	state = state_of(p);
	if (!state)
		return;

	if (state->waiting) {
		/* Its switch-in was not seen. */
		if (state->has_row)
			count(RUNQUEUE_REPLACED);
	} else if (state->runnable || is_on_cpu(p)) {
		if (control.active)
			count(RUNQUEUE_AWAKE);
		state->runnable = true;
		state->waker_known = false;
		return;
	}
	state->runnable = true;
	state->waiting = false;
	if (!control.active)
		return;
	/* A new task has no sched_waking: its parent, running here, wakes it. */
	if (!state->waker_known)
		note_waker(p, state);

	now = bpf_ktime_get_ns();
	if (left_out()) {
		state->has_row = false;
		wait_from(state, now, p->thread_info.cpu);
		count(RUNQUEUE_SAMPLED_OUT);
		return;
	}
	fill_row(&row, p, state, now, is_new);
	time = emit(&runqueue, &key, &row);
	state->has_row = time > 0;
	wait_from(state, time > 0 ? time : now, row.cpu);

	if (time <= 0) {
		count(RUNQUEUE_CAPTURE_ERRORS);
		return;
	}
	count(RUNQUEUE_WAKEUPS);
	if (model_name[0])
		ask_model(&key, &row, time);
}

static void switch_out(struct task_struct *p, bool preempted, __u64 now)
{
	struct task_state *state = state_of(p);

	if (!state)
		return;
	state->last_run = since(state->switched_in, now);
	state->switched_out = now;
	/*
	 * Not the state that the tracepoint gives: that is also set for a task
	 * that wanted to sleep, but runs on as a signal is pending.
	 */
	state->runnable = preempted || !p->__state;
}

static void switch_in(struct task_struct *p, __u64 now)
{
	struct runqueue_key key = { .pid = p->pid };
	struct task_state *state = state_of(p);
	struct runqueue_wait outcome = {};

	if (!state)
		return;
	state->switched_in = now;
	if (!state->waiting) {
		if (!state->runnable && control.active)
			count(RUNQUEUE_UNPAIRED);
		state->runnable = true;
		return;
	}

	outcome.woken_at = state->woken_at;
	outcome.wait = since(state->woken_at, now);
	outcome.cpu = bpf_get_smp_processor_id();
	outcome.migrated = outcome.cpu != state->queued_on;

	state->waiting = false;
	state->waits[3] = state->waits[2];
	state->waits[2] = state->waits[1];
	state->waits[1] = state->waits[0];
	state->waits[0] = outcome.wait;

	if (state->has_row)
		count(emit(&runqueue_wait, &key, &outcome) > 0 ?
		      RUNQUEUE_OUTCOMES : RUNQUEUE_OUTCOME_ERRORS);
}

SEC("tp_btf/sched_switch")
int BPF_PROG(sched_switch, bool preempt, struct task_struct *prev,
	     struct task_struct *next)
{
	__u64 now = bpf_ktime_get_ns();

	if (prev->pid)
		switch_out(prev, preempt, now);
	if (next->pid)
		switch_in(next, now);
	return 0;
}

/* Its storage goes with the task: what is left unpaired is counted here. */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(sched_process_exit, struct task_struct *p)
{
	struct task_state *state = bpf_task_storage_get(&tasks, p, NULL, 0);

	if (state && state->waiting) {
		state->waiting = false;
		if (state->has_row)
			count(RUNQUEUE_EXITED);
	}
	return 0;
}

/* By the waker, where it runs; the task has not been queued anywhere yet. */
SEC("tp_btf/sched_waking")
int BPF_PROG(sched_waking, struct task_struct *p)
{
	struct task_state *state;

	if (!p->pid)
		return 0;
	state = state_of(p);
	if (state)
		note_waker(p, state);
	return 0;
}

/* Where the task is queued: the waker's CPU, or the target's after an IPI. */
SEC("tp_btf/sched_wakeup")
int BPF_PROG(sched_wakeup, struct task_struct *p)
{
	wakeup(p, false);
	return 0;
}

SEC("tp_btf/sched_wakeup_new")
int BPF_PROG(sched_wakeup_new, struct task_struct *p)
{
	wakeup(p, true);
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
