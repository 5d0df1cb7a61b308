// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs of all contexts that capture into one store and read it, run a model
 * that is swapped meanwhile, and count what the calls returned.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "kernmlops.bpf.h"
#include "stress.h"

#define ENOENT	2
#define EAGAIN	11
#define EBUSY	16

/* Captures of one run of the syscall program. */
#define ROUNDS	32
/* Captures of an NMI that go round in the narrow store, one NMI in eight. */
#define BURST	12

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct stress_key);
	__type(value, struct stress_row);
} wide SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct stress_key);
	__type(value, struct stress_row);
} narrow SEC(".maps");

/* Of a store that comes and goes. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct stress_key);
	__type(value, struct stress_row);
} fleeting SEC(".maps");

__u64 calls[STRESS_STORES][STRESS_PROGRAMS];
__u64 results[STRESS_STORES][STRESS_RESULTS];
__u64 fleeting_results[STRESS_RESULTS];
__u64 rows_read, rows_wrong, reads_failed;
__u64 inferences, inferences_without, inferences_wrong;

static __always_inline __u32 result_of(__s64 ret)
{
	if (ret > 0)
		return RESULT_STORED;
	if (ret == -EBUSY)
		return RESULT_DROPPED;
	return ret == -ENOENT ? RESULT_NO_STORE : RESULT_OTHER;
}

static __always_inline void check(const struct stress_row *row, __u32 key)
{
	__sync_fetch_and_add(&rows_read, 1);
	if (!stress_is_whole(row, key))
		__sync_fetch_and_add(&rows_wrong, 1);
}

static __noinline int read(__u64 number)
{
	KMLOPS_ROW(struct stress_key, struct stress_row) row = {};
	struct stress_key key = { .id = number % STRESS_KEYS };
	__s64 ret;

	switch (number & 3) {
	case 0:
		ret = kmlops_get_feature_map(&wide, &key, sizeof(key),
					     &row.value, sizeof(row.value));
		break;
	case 1:
		ret = kmlops_get_feature_map(&narrow, &key, sizeof(key),
					     &row.value, sizeof(row.value));
		break;
	case 2:
		ret = kmlops_get_feature_ts("narrow", bpf_ktime_get_ns(), &row,
					    sizeof(row));
		key.id = row.key.id;
		break;
	default:
		row.time = bpf_ktime_get_ns() - (number & 0xfffff);
		ret = kmlops_get_feature_asof("wide", &key, sizeof(key), &row,
					      sizeof(row));
	}
	if (ret > 0)
		check(&row.value, key.id);
	else if (ret != -ENOENT && ret != -EAGAIN)
		__sync_fetch_and_add(&reads_failed, 1);
	return 0;
}

/* One version gives 0, 1000, 24 and the other one 1, 24, 1000. */
static __noinline int infer(void)
{
	__s64 in[2] = { 7, 7 }, out[3] = { -1, -1, -1 };
	int err = kmlops_infer(STRESS_MODEL, in, sizeof(in), out, sizeof(out));

	if (err == -ENOENT)
		__sync_fetch_and_add(&inferences_without, 1);
	else if (!err && ((out[0] == 0 && out[1] == 1000 && out[2] == 24) ||
			  (out[0] == 1 && out[1] == 24 && out[2] == 1000)))
		__sync_fetch_and_add(&inferences, 1);
	else
		__sync_fetch_and_add(&inferences_wrong, 1);
	return 0;
}

static __noinline int capture(__u32 store, __u32 program)
{
	struct stress_row row;
	struct stress_key key;
	__u64 number;
	__u32 result;

	if (program >= STRESS_PROGRAMS || store >= STRESS_STORES)
		return 0;
	number = __sync_fetch_and_add(&calls[store][program], 1);
	number |= (__u64)program << 56;
	stress_fill(&row, number);
	key.id = stress_key_of(number);
	if (store == WIDE)
		result = result_of(capture_feature(&wide, &key, &row));
	else
		result = result_of(capture_feature(&narrow, &key, &row));
	if (result < STRESS_RESULTS)
		__sync_fetch_and_add(&results[store][result], 1);

	if (!(number & 3))
		read(number >> 2);
	if (!(number & 7))
		infer();
	return 0;
}

static __noinline int capture_both(__u32 program)
{
	capture(WIDE, program);
	capture(NARROW, program);
	return 0;
}

SEC("fentry/kernmlops_nmi_test")
int BPF_PROG(on_nmi)
{
	int i;

	capture(WIDE, ON_NMI);
	if (calls[WIDE][ON_NMI] & 7)
		return 0;
	for (i = 0; i < BURST; i++)
		capture(NARROW, ON_NMI);
	return 0;
}

SEC("perf_event")
int on_timer(struct bpf_perf_event_data *ctx)
{
	return capture_both(ON_TIMER);
}

SEC("tp_btf/sched_switch")
int BPF_PROG(on_switch)
{
	return capture_both(ON_SWITCH);
}

SEC("xdp")
int on_packet(struct xdp_md *ctx)
{
	capture_both(ON_PACKET);
	return XDP_PASS;
}

/* On the loopback device. */
SEC("xdp")
int on_wire(struct xdp_md *ctx)
{
	capture_both(ON_WIRE);
	return XDP_PASS;
}

/* This one may sleep. */
SEC("lsm.s/file_open")
int BPF_PROG(on_open, struct file *file)
{
	capture_both(ON_OPEN);
	return 0;
}

SEC("syscall")
int on_syscall(void *ctx)
{
	struct stress_row row = {};
	struct stress_key key = {};
	__u32 result;
	int i;

	for (i = 0; i < ROUNDS; i++)
		capture_both(ON_SYSCALL);
	result = result_of(capture_feature(&fleeting, &key, &row));
	if (result < STRESS_RESULTS)
		__sync_fetch_and_add(&fleeting_results[result], 1);
	return 0;
}

/* Congestion control: its programs run while the kernel has the socket locked. */
SEC("struct_ops")
__u32 BPF_PROG(on_loss, struct sock *sk)
{
	return 64;
}

SEC("struct_ops")
__u32 BPF_PROG(on_undo, struct sock *sk)
{
	return 64;
}

SEC("struct_ops")
void BPF_PROG(on_ack, struct sock *sk, __u32 ack, __u32 acked)
{
	capture_both(ON_ACK);
}

SEC(".struct_ops")
struct tcp_congestion_ops stress_tcp = {
	.ssthresh = (void *)on_loss,
	.undo_cwnd = (void *)on_undo,
	.cong_avoid = (void *)on_ack,
	.name = STRESS_TCP,
};

char _license[] SEC("license") = "GPL";
