// SPDX-License-Identifier: GPL-2.0-only
/*
 * Example of Documentation/kernmlops/store.rst: how long each process waits in
 * read(2), as a feature, and what it is compared with the time before.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "kernmlops.bpf.h"

struct read_key { __u32 tgid; };
struct read_row {
	KMLOPS_UNIT(ns) __u64 took;
	KMLOPS_UNIT(ns) __u64 took_before;
};

/* Registered as the store "reads": kmlopsctl store register reads map name reads rows 10000 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct read_key);
	__type(value, struct read_row);
} reads SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, __u32);		/* thread */
	__type(value, __u64);		/* since when it is in read(2) */
} entered SEC(".maps");

SEC("tracepoint/syscalls/sys_enter_read")
int read_begins(void *ctx)
{
	__u32 thread = bpf_get_current_pid_tgid();
	__u64 now = bpf_ktime_get_ns();

	bpf_map_update_elem(&entered, &thread, &now, BPF_ANY);
	return 0;
}

SEC("tracepoint/syscalls/sys_exit_read")
int read_ends(void *ctx)
{
	__u32 thread = bpf_get_current_pid_tgid();
	__u64 *since = bpf_map_lookup_elem(&entered, &thread);
	struct read_key key = { bpf_get_current_pid_tgid() >> 32 };
	struct read_row row = {}, before;

	if (!since)
		return 0;
	row.took = bpf_ktime_get_ns() - *since;
	if (kmlops_get_feature_map(&reads, &key, sizeof(key), &before, sizeof(before)) > 0)
		row.took_before = before.took;
	capture_feature(&reads, &key, &row);
	return 0;
}

char _license[] SEC("license") = "GPL";
