/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Rows of the collector "process_trace": the life of processes and threads. */
#ifndef KERNMLOPS_PROCESS_TRACE_H
#define KERNMLOPS_PROCESS_TRACE_H

#ifndef KMLOPS_UNIT
#define KMLOPS_UNIT(unit)
#endif

enum process_trace_kind {
	PROCESS_FORK,		/* the thread is new; it has not run yet */
	PROCESS_EXEC,		/* it runs another program now */
	PROCESS_EXIT,
	PROCESS_COMM,		/* it gave itself another name */
};

struct process_trace_key {
	__u32 pid;		/* thread id, initial pid namespace */
};

/* Store "process_trace". */
struct process_trace_row {
	__u64 lifetime KMLOPS_UNIT(ns);	/* since the thread was made */
	__u32 tgid;		/* process id */
	__u32 parent;		/* process id of the parent */
	__u32 cpu;		/* where it happened */
	__u32 kind;		/* enum process_trace_kind */
	__s32 exit_code;	/* of an exit: as wait() gives it */
	__u32 one_in;		/* events that this row stands for */
	char comm[16];		/* name of the thread, the new one */
	char file[64];		/* of an exec: path, its first 63 bytes */
};

#endif /* KERNMLOPS_PROCESS_TRACE_H */
