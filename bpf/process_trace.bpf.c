// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* The collector "process_trace": fork, exec, exit, and changes of the name. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "collector.bpf.h"
#include "process_trace.h"

STORE(process_trace, struct process_trace_key, struct process_trace_row);

static void fill(struct process_trace_row *row, struct task_struct *p, __u32 kind)
{
	__u64 now = bpf_ktime_get_ns(), start = p->start_time;

	row->tgid = p->tgid;
	row->parent = p->real_parent->tgid;
	row->cpu = bpf_get_smp_processor_id();
	row->kind = kind;
	row->one_in = one_in();
	row->lifetime = now > start ? now - start : 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(sched_process_fork, struct task_struct *parent,
	     struct task_struct *child)
{
	struct process_trace_key key = { .pid = child->pid };
	struct process_trace_row row = {};

	if (!wanted())
		return 0;
	fill(&row, child, PROCESS_FORK);
	bpf_probe_read_kernel_str(row.comm, sizeof(row.comm), child->comm);
	collect(&process_trace, &key, &row);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(sched_process_exec, struct task_struct *p, pid_t old_pid,
	     struct linux_binprm *bprm)
{
	struct process_trace_key key = { .pid = p->pid };
	struct process_trace_row row = {};

	if (!wanted())
		return 0;
	fill(&row, p, PROCESS_EXEC);
	bpf_probe_read_kernel_str(row.comm, sizeof(row.comm), p->comm);
	bpf_probe_read_kernel_str(row.file, sizeof(row.file), bprm->filename);
	collect(&process_trace, &key, &row);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(sched_process_exit, struct task_struct *p)
{
	struct process_trace_key key = { .pid = p->pid };
	struct process_trace_row row = {};

	if (!wanted())
		return 0;
	fill(&row, p, PROCESS_EXIT);
	row.exit_code = p->exit_code;
	bpf_probe_read_kernel_str(row.comm, sizeof(row.comm), p->comm);
	collect(&process_trace, &key, &row);
	return 0;
}

/* Before the name is changed. An exec gives a new name, too. */
SEC("tp_btf/task_rename")
int BPF_PROG(task_rename, struct task_struct *p, const char *comm)
{
	struct process_trace_key key = { .pid = p->pid };
	struct process_trace_row row = {};

	if (!wanted())
		return 0;
	fill(&row, p, PROCESS_COMM);
	bpf_probe_read_kernel_str(row.comm, sizeof(row.comm), comm);
	collect(&process_trace, &key, &row);
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
