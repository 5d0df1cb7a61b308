// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* The collector "madvise": calls of madvise and munmap, with what they gave. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "collector.bpf.h"
#include "madvise.h"

STORE(madvise, struct madvise_key, struct madvise_row);

static void add_call(__u32 kind, __u64 address, __u64 length, int advice,
		     int result)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct madvise_key key = { .pid = id };
	struct madvise_row row = {
		.address = address,
		.length = length,
		.tgid = id >> 32,
		.cpu = bpf_get_smp_processor_id(),
		.kind = kind,
		.advice = advice,
		.result = result,
		.one_in = one_in(),
	};

	collect(&madvise, &key, &row);
}

SEC("fexit/do_madvise")
int BPF_PROG(do_madvise, struct mm_struct *mm, unsigned long start,
	     size_t length, int advice, int result)
{
	if (wanted())
		add_call(MADVISE_MADVISE, start, length, advice, result);
	return 0;
}

SEC("fexit/__x64_sys_munmap")
int BPF_PROG(sys_munmap, const struct pt_regs *regs, long result)
{
	if (wanted())
		add_call(MADVISE_MUNMAP, PT_REGS_PARM1_SYSCALL(regs),
			 PT_REGS_PARM2_SYSCALL(regs), -1, result);
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
