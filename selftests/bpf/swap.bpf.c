// SPDX-License-Identifier: GPL-2.0-only
/*
 * Inferences while versions of the model come and go. One version gives
 * 0, 1000, 24 and the other one 1, 24, 1000, whatever the input.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "kernmlops.bpf.h"
#include "swap.h"

struct swap_counts in_syscall, in_scheduler;

static void infer(struct swap_counts *counts)
{
	__s64 in[2] = { 7, 7 }, out[3] = { -1, -1, -1 };

	if (kmlops_infer(SWAP_MODEL, in, sizeof(in), out, sizeof(out)))
		__sync_fetch_and_add(&counts->failed, 1);
	else if (out[0] == 0 && out[1] == 1000 && out[2] == 24)
		__sync_fetch_and_add(&counts->first, 1);
	else if (out[0] == 1 && out[1] == 24 && out[2] == 1000)
		__sync_fetch_and_add(&counts->second, 1);
	else
		__sync_fetch_and_add(&counts->mixed, 1);
}

static int turn(__u32 index, void *ctx)
{
	infer(&in_syscall);
	return 0;
}

SEC("syscall")
int on_syscall(void *ctx)
{
	bpf_loop(SWAP_TURNS, turn, NULL, 0);
	return 0;
}

SEC("tp_btf/sched_switch")
int on_switch(void *ctx)
{
	infer(&in_scheduler);
	return 0;
}

char _license[] SEC("license") = "GPL";
