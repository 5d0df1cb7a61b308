// SPDX-License-Identifier: GPL-2.0-only
/*
 * Uses of the kfuncs that the verifier accepts: from each kind of program, and
 * with sizes and names that the kfuncs themselves have to refuse.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "kernmlops.bpf.h"
#include "calls.h"

#define TC_ACT_OK	0

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct test_key);
	__type(value, struct test_row);
} store SEC(".maps");

/* Never registered. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct test_key);
	__type(value, struct test_row);
} stranger SEC(".maps");

/* A store that is the map itself. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct test_key);
	__type(value, struct test_row);
} live SEC(".maps");

/* A store that is found through a map of maps. */
struct inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct test_row);
} inner_store SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct inner);
} outer SEC(".maps") = {
	.values = { &inner_store },
};

struct used used[CONTEXTS];
__u32 no_bytes;		/* a size that only the kfunc can refuse */
__s64 returned[WRONGS];
struct test_row untouched = { .number = 7 };
__s64 inner_captured;
__s64 packet_captured;
__s64 shared_captured;

/* So that events which others cause, too, count only when the test does. */
const volatile __u32 tester;

static bool is_tester(void)
{
	return (__u32)bpf_get_current_pid_tgid() == tester;
}

static void use(__u32 context)
{
	struct test_key key = { .id = context };
	struct test_row row = {
		.number = 0x1122334455667788ULL + context,
		.first = context,
		.last = ~context,
	};
	__s64 in[2] = { 11, -5 };
	struct used *u;

	if (context >= CONTEXTS)
		return;
	u = &used[context];
	u->captured = kmlops_capture_feature(&store, &key, sizeof(key), &row,
					     sizeof(row));
	u->got = kmlops_get_feature("kfuncs", &key, sizeof(key), &u->row,
				    sizeof(u->row));
	u->inferred = kmlops_infer("sample", in, sizeof(in), u->out,
				   sizeof(u->out));
	u->runs++;
}

SEC("syscall")
int in_syscall(void *ctx)
{
	use(IN_SYSCALL);
	return 0;
}

SEC("xdp")
int in_xdp(struct xdp_md *ctx)
{
	use(IN_XDP);
	return XDP_PASS;
}

SEC("tc")
int in_tc(struct __sk_buff *skb)
{
	use(IN_TC);
	return TC_ACT_OK;
}

SEC("socket")
int in_socket(struct __sk_buff *skb)
{
	use(IN_SOCKET);
	return 0;
}

SEC("cgroup_skb/egress")
int in_cgroup(struct __sk_buff *skb)
{
	use(IN_CGROUP);
	return 1;
}

SEC("raw_tp/sys_enter")
int in_raw_tp(void *ctx)
{
	use(IN_RAW_TP);
	return 0;
}

SEC("tp_btf/sys_enter")
int BPF_PROG(in_tp_btf, struct pt_regs *regs, long id)
{
	if (is_tester())
		use(IN_TP_BTF);
	return 0;
}

SEC("tracepoint/syscalls/sys_enter_getppid")
int in_tracepoint(void *ctx)
{
	if (is_tester())
		use(IN_TRACEPOINT);
	return 0;
}

SEC("kprobe/__x64_sys_getppid")
int in_kprobe(struct pt_regs *ctx)
{
	if (is_tester())
		use(IN_KPROBE);
	return 0;
}

/* A function that a test run of the program calls. */
SEC("fentry/bpf_fentry_test1")
int BPF_PROG(in_fentry)
{
	use(IN_FENTRY);
	return 0;
}

SEC("perf_event")
int in_perf_event(struct bpf_perf_event_data *ctx)
{
	use(IN_PERF_EVENT);
	return 0;
}

/* A row and a key that lie in the packet itself. */
SEC("xdp")
int from_packet(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;

	if (data + sizeof(struct test_key) + sizeof(struct test_row) > end)
		return XDP_ABORTED;
	packet_captured = kmlops_capture_feature(&store, data,
						 sizeof(struct test_key),
						 data + sizeof(struct test_key),
						 sizeof(struct test_row));
	return XDP_PASS;
}

SEC("syscall")
int inner_map(void *ctx)
{
	struct test_row row = { .number = 42 };
	__u32 zero = 0, key = INNER_KEY;
	void *map = bpf_map_lookup_elem(&outer, &zero);

	if (map)
		inner_captured = kmlops_capture_feature(map, &key, sizeof(key),
							&row, sizeof(row));
	return 0;
}

/* The test gives this program the map of another one. */
SEC("syscall")
int shared_map(void *ctx)
{
	struct test_key key = { .id = SHARED_KEY };
	struct test_row row = { .number = 43 };

	shared_captured = capture_feature(&store, &key, &row);
	return 0;
}

static void capture_wrongly(void)
{
	__u64 words[4] = {};

	returned[CAPTURE_NO_KEY] =
		kmlops_capture_feature(&live, words, no_bytes & 7, words, 16);
	returned[CAPTURE_LONG_KEY] =
		kmlops_capture_feature(&store, words, 8, words, 16);
	returned[CAPTURE_SHORT_KEY] =
		kmlops_capture_feature(&store, words, 3, words, 16);
	returned[CAPTURE_LONG_ROW] =
		kmlops_capture_feature(&store, words, 4, words, 24);
	returned[CAPTURE_SHORT_ROW] =
		kmlops_capture_feature(&store, words, 4, words, 15);
	returned[CAPTURE_NO_STORE] =
		kmlops_capture_feature(&stranger, words, 4, words, 16);
}

static void get_wrongly(void)
{
	struct test_key never = { .id = EMPTY_KEY }, key = { .id = IN_SYSCALL };
	struct test_row *row = &untouched;
	__u64 long_key = 0;

	returned[GET_NO_KEY] =
		kmlops_get_feature_map(&live, &long_key, no_bytes & 7, row,
				       sizeof(*row));
	returned[GET_NO_STORE] =
		kmlops_get_feature("nobody", &key, sizeof(key), row,
				   sizeof(*row));
	returned[GET_EMPTY_NAME] =
		kmlops_get_feature("", &key, sizeof(key), row, sizeof(*row));
	returned[GET_LONG_NAME] =
		kmlops_get_feature("a name of more bytes than a store can have",
				   &key, sizeof(key), row, sizeof(*row));
	returned[GET_PREFIX] =
		kmlops_get_feature("kfunc", &key, sizeof(key), row,
				   sizeof(*row));
	returned[GET_NO_ROW] =
		kmlops_get_feature("kfuncs", &never, sizeof(never), row,
				   sizeof(*row));
	returned[GET_LONG_KEY] =
		kmlops_get_feature("kfuncs", &long_key, sizeof(long_key), row,
				   sizeof(*row));
	returned[GET_SHORT_ROW] =
		kmlops_get_feature("kfuncs", &key, sizeof(key), row, 8);
}

static void infer_wrongly(void)
{
	__s64 in[3] = { 11, -5 }, out[4] = {};

	returned[INFER_NO_MODEL] = kmlops_infer("nobody", in, 16, out, 24);
	returned[INFER_SHORT_IN] = kmlops_infer("sample", in, 8, out, 24);
	returned[INFER_LONG_IN] = kmlops_infer("sample", in, 24, out, 24);
	returned[INFER_ODD_IN] = kmlops_infer("sample", in, 15, out, 24);
	returned[INFER_ODD_OUT] = kmlops_infer("sample", in, 16, out, 12);
	returned[INFER_LONG_OUT] = kmlops_infer("sample", in, 16, out, 32);
	returned[INFER_SHORT_OUT] = kmlops_infer("sample", in, 16, out, 8);
}

SEC("syscall")
int wrongly(void *ctx)
{
	capture_wrongly();
	get_wrongly();
	infer_wrongly();
	return 0;
}

char _license[] SEC("license") = "GPL";
