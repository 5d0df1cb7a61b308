// SPDX-License-Identifier: GPL-2.0-only
/*
 * Uses of the kfuncs that the verifier refuses. Each is loaded alone; what the
 * verifier says about it is in test_refused.c.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

#include "kernmlops.bpf.h"
#include "calls.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct test_key);
	__type(value, struct test_row);
} store SEC(".maps");

const volatile struct test_row constant_row;
char writable_name[8] = "store";
__u64 number;
__s64 returned;

SEC("syscall")
int stack_as_map(void *ctx)
{
	struct test_key key = {};
	struct test_row row = {};

	returned = kmlops_capture_feature(&row, &key, sizeof(key), &row,
					  sizeof(row));
	return 0;
}

SEC("syscall")
int null_as_map(void *ctx)
{
	struct test_key key = {};
	struct test_row row = {};

	returned = kmlops_capture_feature(NULL, &key, sizeof(key), &row,
					  sizeof(row));
	return 0;
}

SEC("syscall")
int value_as_map(void *ctx)
{
	struct test_key key = {};
	struct test_row *row = bpf_map_lookup_elem(&store, &key);

	if (row)
		returned = kmlops_capture_feature(row, &key, sizeof(key), row,
						  sizeof(*row));
	return 0;
}

SEC("syscall")
int key_too_short(void *ctx)
{
	struct test_row row = {};
	struct test_key key = {};

	/* The key is the last thing on the stack. */
	returned = kmlops_capture_feature(&store, &key, 64, &row, sizeof(row));
	return 0;
}

SEC("syscall")
int row_too_short(void *ctx)
{
	struct test_key key = {};
	struct test_row *row = bpf_map_lookup_elem(&store, &key);

	if (row)
		returned = kmlops_capture_feature(&store, &key, sizeof(key),
						  row, sizeof(*row) + 1);
	return 0;
}

SEC("syscall")
int number_as_key(void *ctx)
{
	struct test_row row = {};

	returned = kmlops_capture_feature(&store, (void *)number, 4, &row,
					  sizeof(row));
	return 0;
}

/* A NULL of a size would be followed by the kernel. */
SEC("syscall")
int maybe_null_key(void *ctx)
{
	struct test_key key = {}, *found = bpf_map_lookup_elem(&store, &key);
	struct test_row row = {};

	returned = kmlops_capture_feature(&store, found, sizeof(key), &row,
					  sizeof(row));
	return 0;
}

SEC("syscall")
int maybe_null_row(void *ctx)
{
	struct test_key key = {};
	struct test_row *row = bpf_map_lookup_elem(&store, &key);

	returned = kmlops_capture_feature(&store, &key, sizeof(key), row,
					  sizeof(*row));
	return 0;
}

SEC("syscall")
int maybe_null_answer(void *ctx)
{
	struct test_key key = {};
	struct test_row *row = bpf_map_lookup_elem(&store, &key);

	returned = kmlops_get_feature("store", &key, sizeof(key), row,
				      sizeof(*row));
	return 0;
}

SEC("syscall")
int maybe_null_input(void *ctx)
{
	struct test_key key = {};
	struct test_row *row = bpf_map_lookup_elem(&store, &key);
	__s64 out[1];

	returned = kmlops_infer("sample", row, sizeof(*row), out, sizeof(out));
	return 0;
}

SEC("syscall")
int maybe_null_output(void *ctx)
{
	struct test_key key = {};
	struct test_row *row = bpf_map_lookup_elem(&store, &key);
	__s64 in[2] = {};

	returned = kmlops_infer("sample", in, sizeof(in), row, sizeof(*row));
	return 0;
}

SEC("syscall")
int null_input(void *ctx)
{
	__s64 out[1];

	returned = kmlops_infer("sample", NULL, 0, out, sizeof(out));
	return 0;
}

SEC("syscall")
int null_row(void *ctx)
{
	struct test_key key = {};

	returned = kmlops_capture_feature(&store, &key, sizeof(key), NULL, 0);
	return 0;
}

SEC("syscall")
int size_without_bound(void *ctx)
{
	struct test_key key = {};
	struct test_row row = {};

	returned = kmlops_get_feature("store", &key, sizeof(key), &row,
				      (__u32)number + 1);
	return 0;
}

SEC("syscall")
int constant_as_row(void *ctx)
{
	struct test_key key = {};

	returned = kmlops_get_feature("store", &key, sizeof(key),
				      (void *)&constant_row,
				      sizeof(constant_row));
	return 0;
}

SEC("syscall")
int name_on_stack(void *ctx)
{
	struct test_key key = {};
	struct test_row row = {};
	char name[8] = "store";

	__builtin_memcpy(name, writable_name, sizeof(name));
	returned = kmlops_get_feature(name, &key, sizeof(key), &row,
				      sizeof(row));
	return 0;
}

SEC("syscall")
int name_in_writable_map(void *ctx)
{
	struct test_key key = {};
	struct test_row row = {};

	returned = kmlops_get_feature(writable_name, &key, sizeof(key), &row,
				      sizeof(row));
	return 0;
}

SEC("syscall")
int number_as_name(void *ctx)
{
	__s64 words[2] = {};

	returned = kmlops_infer((const char *)number, words, 8, words + 1, 8);
	return 0;
}

SEC("syscall")
int output_too_short(void *ctx)
{
	__s64 words[2] = {};

	returned = kmlops_infer("sample", words, 16, words + 1, 64);
	return 0;
}

SEC("xdp")
int packet_without_check(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	struct test_row row = {};

	returned = kmlops_capture_feature(&store, data, sizeof(struct test_key),
					  &row, sizeof(row));
	return XDP_PASS;
}

SEC("tp_btf/sched_switch")
int kernel_memory_as_row(__u64 *ctx)
{
	struct task_struct *prev = (void *)ctx[1];
	struct test_key key = {};

	returned = kmlops_get_feature("store", &key, sizeof(key), prev,
				      sizeof(struct test_row));
	return 0;
}

/* Accepted, so that a refusal of the others is not for the object as a whole. */
SEC("syscall")
int accepted(void *ctx)
{
	struct test_key key = {};
	struct test_row row = {};

	returned = kmlops_capture_feature(&store, &key, sizeof(key), &row,
					  sizeof(row));
	return 0;
}

char _license[] SEC("license") = "GPL";
