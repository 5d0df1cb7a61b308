// SPDX-License-Identifier: GPL-2.0-only
/*
 * All kfuncs that read a store, from each kind of program.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "kernmlops.bpf.h"
#include "reads.h"

#define EINVAL 22

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct reads_key);
	__type(value, struct reads_value);
} store SEC(".maps");

struct reads_result results[READS_CONTEXTS];
__u64 times[READS_ROWS];
__s64 truncated;
const volatile __u32 tester;

typedef KMLOPS_ROW(struct reads_key, struct reads_value) reads_row;

/* Too large for a stack, and not shared between programs on two CPUs here. */
static reads_row last_rows[READS_LAST];

SEC("syscall")
int fill(void *ctx)
{
	__u32 i;

	for (i = 0; i < READS_ROWS; i++) {
		struct reads_key key = { i % READS_KEYS };
		struct reads_value value = { .number = i };

		times[i] = capture_feature(&store, &key, &value);
	}
	return 0;
}

SEC("syscall")
int truncate(void *ctx)
{
	truncated = kmlops_truncate_features("reads", times[40]);
	return 0;
}

static void iterate(struct reads_result *r, __u64 from, __u64 to, __s64 *rows,
		    __s64 *numbers)
{
	struct kmlops_row *row;
	reads_row full;
	__u64 before = 0;
	__s64 count = 0, sum = 0, read = 0, in_order = 1;

	kmlops_for_each_row(row, "reads", from, to) {
		if (row->time < before)
			in_order = 0;
		before = row->time;
		count++;
		if (!kmlops_get_row("reads", row->seq, &full, sizeof(full)) &&
		    full.time == before) {
			read++;
			sum += full.value.number;
		}
	}
	*rows = count;
	*numbers = sum;
	r->all_read = read;
	r->all_in_order = in_order;
}

static void read_all(__u32 context)
{
	struct kmlops_store_stats stats = {};
	struct bpf_iter_kmlops_rows none;
	struct reads_key key = { 1 };
	struct reads_value value = {};
	struct reads_result *r;
	reads_row row = {};
	__s64 sum;
	int i;

	if (context >= READS_CONTEXTS)
		return;
	r = &results[context];
	r->by_map = kmlops_get_feature_map(&store, &key, sizeof(key), &value,
					   sizeof(value));
	if (r->by_map > 0)
		r->by_map = value.number;

	row.time = times[50];
	r->asof = kmlops_get_feature_asof("reads", &key, sizeof(key), &row,
					  sizeof(row));
	if (r->asof > 0)
		r->asof = row.value.number;
	row.time = times[0] - 1;
	r->asof_early = kmlops_get_feature_asof("reads", &key, sizeof(key),
						&row, sizeof(row));

	r->nearest = kmlops_get_feature_ts("reads", times[60], &row,
					   sizeof(row));
	if (r->nearest > 0)
		r->nearest = row.value.number;
	r->bad_size = kmlops_get_feature_ts("reads", times[60], &row,
					    sizeof(row) - 8);
	r->no_row = kmlops_get_row("reads", ~0ULL, &row, sizeof(row));

	r->last = kmlops_get_features_last("reads", &key, sizeof(key),
					   last_rows, sizeof(last_rows));
	r->last_numbers = 0;
	for (i = 0; i < READS_LAST; i++)
		r->last_numbers += last_rows[i].value.number;

	iterate(r, times[20], times[30], &r->range, &r->range_numbers);
	iterate(r, 0, ~0ULL, &r->all, &sum);

	r->no_store = bpf_iter_kmlops_rows_new(&none, "nosuch", 0, ~0ULL);
	if (bpf_iter_kmlops_rows_next(&none))
		r->no_store = 1;
	bpf_iter_kmlops_rows_destroy(&none);

	r->stats = kmlops_store_stats("reads", &stats, sizeof(stats));
	r->captured = stats.captured;
	r->stored = stats.stored;
	r->runs++;
}

static bool is_tester(void)
{
	return (__u32)bpf_get_current_pid_tgid() == tester;
}

SEC("syscall")
int in_syscall(void *ctx)
{
	read_all(READS_SYSCALL);
	return 0;
}

SEC("xdp")
int in_xdp(struct xdp_md *ctx)
{
	read_all(READS_XDP);
	return XDP_PASS;
}

SEC("tc")
int in_tc(struct __sk_buff *ctx)
{
	read_all(READS_TC);
	return 0;
}

SEC("socket")
int in_socket(struct __sk_buff *ctx)
{
	read_all(READS_SOCKET);
	return 0;
}

SEC("raw_tp/sys_enter")
int in_raw_tp(struct bpf_raw_tracepoint_args *ctx)
{
	if (is_tester())
		read_all(READS_RAW_TP);
	return 0;
}

SEC("tp_btf/sys_enter")
int in_tp_btf(__u64 *ctx)
{
	if (is_tester())
		read_all(READS_TP_BTF);
	return 0;
}

SEC("tracepoint/syscalls/sys_enter_getppid")
int in_tracepoint(void *ctx)
{
	if (is_tester())
		read_all(READS_TRACEPOINT);
	return 0;
}

SEC("kprobe/__x64_sys_getppid")
int in_kprobe(struct pt_regs *ctx)
{
	if (is_tester())
		read_all(READS_KPROBE);
	return 0;
}

char _license[] SEC("license") = "GPL";
