// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* The collector "quanta": how long threads run, and how long they wait for it. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "collector.bpf.h"
#include "quanta.h"

/* Written under the lock of the run queue that the thread is on. */
struct quantum {
	__u64 runnable;		/* times; 0: not known */
	__u64 switched_in;
	__u64 queued;
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct quantum);
} quanta_of SEC(".maps");

STORE(quanta, struct quanta_key, struct quanta_row);

static struct quantum *quantum_of(struct task_struct *p)
{
	struct quantum *q = bpf_task_storage_get(&quanta_of, p, NULL,
						 BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (!q)
		count(COLLECTOR_NO_STATE);
	return q;
}

static void switch_out(struct task_struct *p, struct quantum *q, bool preempted,
		       __u64 now)
{
	struct quanta_key key = { .pid = p->pid };
	struct quanta_row row = {
		.run = now - q->switched_in,
		.queued = q->queued,
		.tgid = p->tgid,
		.cpu = bpf_get_smp_processor_id(),
		.preempted = preempted,
		.one_in = one_in(),
	};

	if (wanted())
		collect(&quanta, &key, &row);
}

SEC("tp_btf/sched_switch")
int BPF_PROG(sched_switch, bool preempt, struct task_struct *prev,
	     struct task_struct *next)
{
	__u64 now = bpf_ktime_get_ns();
	struct quantum *q;

	if (prev->pid) {
		q = quantum_of(prev);
		/* A task that wanted to sleep may have been left running. */
		if (q) {
			bool runnable = preempt || !prev->__state;

			/* On its CPU already when the collector started. */
			if (q->switched_in)
				switch_out(prev, q, runnable, now);
			else
				end_wanted(false);
			q->switched_in = 0;
			q->runnable = runnable ? now : 0;
		}
	}
	if (next->pid) {
		q = quantum_of(next);
		if (q) {
			q->switched_in = now;
			q->queued = q->runnable && now > q->runnable ?
				    now - q->runnable : 0;
		}
	}
	return 0;
}

static void woken(struct task_struct *p)
{
	struct quantum *q = quantum_of(p);

	if (q && !q->switched_in && !q->runnable)
		q->runnable = bpf_ktime_get_ns();
}

SEC("tp_btf/sched_wakeup")
int BPF_PROG(sched_wakeup, struct task_struct *p)
{
	woken(p);
	return 0;
}

SEC("tp_btf/sched_wakeup_new")
int BPF_PROG(sched_wakeup_new, struct task_struct *p)
{
	woken(p);
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
