// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's side of a decision: an input vector is there; either it goes to
 * user space, or the model is called.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

#include "kernmlops.bpf.h"
#include "decide.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 16);
} ring SEC(".maps");

/* Input vectors as user space looks them up, and the answers it gives back. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, struct event);
} vectors SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __s64);
} answers SEC(".maps");

struct event event;
__u32 event_size;	/* bytes of it that count */
__u32 inputs_size;
__u32 turns;
__u32 failed;
__s64 answer;

/* To user space: a record with its time. */
SEC("syscall")
int submit(void *ctx)
{
	__u32 size = event_size;

	if (size > sizeof(event))
		return 1;
	event.time = bpf_ktime_get_ns();
	if (bpf_ringbuf_output(&ring, &event, size, 0))
		failed++;
	return 0;
}

static int turn_nothing(__u32 i, void *ctx)
{
	return 0;
}

SEC("syscall")
int nothing(void *ctx)
{
	bpf_loop(turns, turn_nothing, NULL, 0);
	return 0;
}

static int turn_call(__u32 i, void *ctx)
{
	__u32 size = inputs_size;

	if (size > sizeof(event.inputs) ||
	    kmlops_infer("eval", event.inputs, size, &answer, sizeof(answer)))
		failed++;
	return 0;
}

/* The model in the kernel; loads only where kernmlops.ko is. */
SEC("syscall")
int call(void *ctx)
{
	bpf_loop(turns, turn_call, NULL, 0);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
