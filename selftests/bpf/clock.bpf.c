// SPDX-License-Identifier: GPL-2.0-only
/*
 * Captures between two readings of CLOCK_MONOTONIC: how far the time of a row
 * is outside of them.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "kernmlops.bpf.h"
#include "clock_rows.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct clock_key);
	__type(value, struct clock_row);
} store SEC(".maps");

/* The line that captures follow; beyond any time while there is none. */
extern const void kmlops_clock __ksym;
#define NO_LINE	0x4000000000000000

const volatile __u64 bound;	/* ns */
__u64 captures, failed;
__u64 early, late;		/* rows that were off by more */
__u64 worst;			/* ns; a guess, as others may write it as well */
__u64 on_line;			/* captures while there was a line */
__u64 lines, last_line;

static void look_at_line(void)
{
	__u64 start = NO_LINE;

	bpf_probe_read_kernel(&start, sizeof(start), &kmlops_clock);
	if (start >= NO_LINE)
		return;
	__sync_fetch_and_add(&on_line, 1);
	if (start != last_line) {
		last_line = start;
		lines++;
	}
}

static void capture(__u32 program)
{
	struct clock_key key = { program };
	struct clock_row row;
	__u64 after, off = 0;
	__s64 time;

	look_at_line();
	row.before = bpf_ktime_get_ns();
	time = capture_feature(&store, &key, &row);
	after = bpf_ktime_get_ns();
	__sync_fetch_and_add(&captures, 1);
	if (time <= 0) {
		__sync_fetch_and_add(&failed, 1);
	} else if (time < row.before) {
		off = row.before - time;
		if (off > bound)
			__sync_fetch_and_add(&early, 1);
	} else if (time > after) {
		off = time - after;
		if (off > bound)
			__sync_fetch_and_add(&late, 1);
	}
	if (off > worst)
		worst = off;
}

static int turn(__u32 i, void *ctx)
{
	capture(0);
	return 0;
}

SEC("syscall")
int on_syscall(void *ctx)
{
	bpf_loop(CLOCK_TURNS, turn, NULL, 0);
	return 0;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(on_switch)
{
	capture(1);
	return 0;
}

char _license[] SEC("license") = "GPL";
