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

/* A packed row of the store: head, key, value. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, struct test_key);
	__type(value, __u64[5]);
} packed SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, struct test_key);
	__type(value, struct bpf_iter_kmlops_rows);
} iterators SEC(".maps");

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

/* ---- the reads of rows, truncation and counters */

typedef KMLOPS_ROW(struct test_key, struct test_row) packed_row;

SEC("syscall")
int last_too_short(void *ctx)
{
	struct test_key key = {};
	packed_row *rows = (packed_row *)bpf_map_lookup_elem(&packed, &key);

	if (rows)
		returned = kmlops_get_features_last("store", &key, sizeof(key),
						    rows, 2 * sizeof(*rows));
	return 0;
}

SEC("syscall")
int last_maybe_null(void *ctx)
{
	struct test_key key = { .id = number };
	packed_row *rows = (packed_row *)bpf_map_lookup_elem(&packed, &key);

	returned = kmlops_get_features_last("store", &key, sizeof(key), rows,
					    sizeof(*rows));
	return 0;
}

SEC("syscall")
int last_without_bound(void *ctx)
{
	struct test_key key = {};
	packed_row *rows = (packed_row *)bpf_map_lookup_elem(&packed, &key);

	if (rows)
		returned = kmlops_get_features_last("store", &key, sizeof(key),
						    rows, (__u32)number);
	return 0;
}

SEC("syscall")
int asof_too_short(void *ctx)
{
	struct test_key key = {};
	packed_row *row = (packed_row *)bpf_map_lookup_elem(&packed, &key);

	if (row)
		returned = kmlops_get_feature_asof("store", &key, sizeof(key),
						   row, sizeof(*row) + 8);
	return 0;
}

SEC("syscall")
int asof_maybe_null(void *ctx)
{
	struct test_key key = { .id = number };
	packed_row *row = (packed_row *)bpf_map_lookup_elem(&packed, &key);

	returned = kmlops_get_feature_asof("store", &key, sizeof(key), row,
					   sizeof(*row));
	return 0;
}

SEC("syscall")
int asof_of_constant(void *ctx)
{
	struct test_key key = {};

	returned = kmlops_get_feature_asof("store", &key, sizeof(key),
					   (void *)&constant_row,
					   sizeof(constant_row));
	return 0;
}

SEC("syscall")
int nearest_too_short(void *ctx)
{
	struct test_key key = {};
	packed_row *row = (packed_row *)bpf_map_lookup_elem(&packed, &key);

	if (row)
		returned = kmlops_get_feature_ts("store", number, row,
						 sizeof(*row) + 1);
	return 0;
}

SEC("syscall")
int nearest_to_null(void *ctx)
{
	returned = kmlops_get_feature_ts("store", number, NULL, 0);
	return 0;
}

SEC("syscall")
int nearest_name_can_change(void *ctx)
{
	packed_row row;

	returned = kmlops_get_feature_ts(writable_name, number, &row,
					 sizeof(row));
	return 0;
}

SEC("syscall")
int row_off_stack(void *ctx)
{
	packed_row row;

	returned = kmlops_get_row("store", number, &row, 512);
	return 0;
}

SEC("syscall")
int row_into_number(void *ctx)
{
	returned = kmlops_get_row("store", 1, (void *)number,
				  sizeof(packed_row));
	return 0;
}

SEC("syscall")
int truncate_by_number(void *ctx)
{
	returned = kmlops_truncate_features((const char *)number, 0);
	return 0;
}

SEC("syscall")
int truncate_name_can_change(void *ctx)
{
	returned = kmlops_truncate_features(writable_name, 0);
	return 0;
}

SEC("syscall")
int stats_too_short(void *ctx)
{
	struct test_key key = {};
	packed_row *row = (packed_row *)bpf_map_lookup_elem(&packed, &key);

	if (row)
		returned = kmlops_store_stats("store", row,
					      sizeof(struct kmlops_store_stats));
	return 0;
}

SEC("syscall")
int stats_into_null(void *ctx)
{
	returned = kmlops_store_stats("store", NULL, 0);
	return 0;
}

SEC("tp_btf/sched_switch")
int stats_into_kernel(__u64 *ctx)
{
	struct task_struct *prev = (void *)ctx[1];

	returned = kmlops_store_stats("store", prev,
				      sizeof(struct kmlops_store_stats));
	return 0;
}

/* ---- loops over rows */

SEC("syscall")
int loop_not_destroyed(void *ctx)
{
	struct bpf_iter_kmlops_rows it;

	bpf_iter_kmlops_rows_new(&it, "store", 0, ~0ULL);
	while (bpf_iter_kmlops_rows_next(&it))
		number++;
	return 0;
}

SEC("syscall")
int loop_left_by_return(void *ctx)
{
	struct bpf_iter_kmlops_rows it;

	bpf_iter_kmlops_rows_new(&it, "store", 0, ~0ULL);
	while (bpf_iter_kmlops_rows_next(&it))
		if (number++ == 5)
			return 1;
	bpf_iter_kmlops_rows_destroy(&it);
	return 0;
}

SEC("syscall")
int next_after_destroy(void *ctx)
{
	struct bpf_iter_kmlops_rows it;

	bpf_iter_kmlops_rows_new(&it, "store", 0, ~0ULL);
	bpf_iter_kmlops_rows_destroy(&it);
	if (bpf_iter_kmlops_rows_next(&it))
		number++;
	return 0;
}

SEC("syscall")
int destroyed_twice(void *ctx)
{
	struct bpf_iter_kmlops_rows it;

	bpf_iter_kmlops_rows_new(&it, "store", 0, ~0ULL);
	bpf_iter_kmlops_rows_destroy(&it);
	bpf_iter_kmlops_rows_destroy(&it);
	return 0;
}

SEC("syscall")
int next_without_new(void *ctx)
{
	struct bpf_iter_kmlops_rows it = {};

	if (bpf_iter_kmlops_rows_next(&it))
		number++;
	return 0;
}

SEC("syscall")
int begun_twice(void *ctx)
{
	struct bpf_iter_kmlops_rows it;

	bpf_iter_kmlops_rows_new(&it, "store", 0, ~0ULL);
	bpf_iter_kmlops_rows_new(&it, "store", 0, ~0ULL);
	bpf_iter_kmlops_rows_destroy(&it);
	return 0;
}

/* What an iterator holds is the kernel's: not to be changed in a loop. */
SEC("syscall")
int iterator_overwritten(void *ctx)
{
	struct bpf_iter_kmlops_rows it;

	bpf_iter_kmlops_rows_new(&it, "store", 0, ~0ULL);
	*(volatile __u64 *)&it = number;
	if (bpf_iter_kmlops_rows_next(&it))
		number++;
	bpf_iter_kmlops_rows_destroy(&it);
	return 0;
}

SEC("syscall")
int iterator_in_map(void *ctx)
{
	struct test_key key = {};
	struct bpf_iter_kmlops_rows *it =
		(void *)bpf_map_lookup_elem(&iterators, &key);

	if (!it)
		return 0;
	bpf_iter_kmlops_rows_new(it, "store", 0, ~0ULL);
	bpf_iter_kmlops_rows_destroy(it);
	return 0;
}

SEC("syscall")
int row_not_checked(void *ctx)
{
	struct bpf_iter_kmlops_rows it;
	struct kmlops_row *row;

	bpf_iter_kmlops_rows_new(&it, "store", 0, ~0ULL);
	row = bpf_iter_kmlops_rows_next(&it);
	number = row->time;
	bpf_iter_kmlops_rows_destroy(&it);
	return 0;
}

SEC("syscall")
int row_written(void *ctx)
{
	struct kmlops_row *row;

	kmlops_for_each_row(row, "store", 0, ~0ULL)
		row->time = 0;
	return 0;
}

SEC("syscall")
int loop_name_can_change(void *ctx)
{
	struct kmlops_row *row;

	kmlops_for_each_row(row, writable_name, 0, ~0ULL)
		number++;
	return 0;
}

/* The map of the latest row: a map as in capture, a buffer as in get. */
SEC("syscall")
int map_of_number(void *ctx)
{
	struct test_key key = {};
	struct test_row row = {};

	returned = kmlops_get_feature_map((void *)number, &key, sizeof(key),
					  &row, sizeof(row));
	return 0;
}

SEC("syscall")
int map_row_too_short(void *ctx)
{
	struct test_key key = {};
	struct test_row *row = bpf_map_lookup_elem(&store, &key);

	if (row)
		returned = kmlops_get_feature_map(&store, &key, sizeof(key),
						  row, sizeof(*row) + 1);
	return 0;
}

SEC("syscall")
int destroyed_without_new(void *ctx)
{
	struct bpf_iter_kmlops_rows it = {};

	bpf_iter_kmlops_rows_destroy(&it);
	return 0;
}

/* As it should be done: leaving early by return and by break. */
SEC("syscall")
int loop_accepted(void *ctx)
{
	struct kmlops_row *row;
	packed_row full;

	kmlops_for_each_row(row, "store", 0, ~0ULL) {
		if (kmlops_get_row("store", row->seq, &full, sizeof(full)))
			return 1;
		if (full.value.number == number)
			break;
	}
	return 0;
}

/* Accepted, so that a refusal of the others is not for the object as a whole. */
SEC("syscall")
int accepted(void *ctx)
{
	struct kmlops_store_stats stats;
	struct test_key key = {};
	struct test_row row = {};
	packed_row full = {};
	__s64 in[2] = {}, out[1];

	returned = kmlops_capture_feature(&store, &key, sizeof(key), &row,
					  sizeof(row));
	returned += kmlops_get_feature("store", &key, sizeof(key), &row,
				       sizeof(row));
	returned += kmlops_get_feature_map(&store, &key, sizeof(key), &row,
					   sizeof(row));
	returned += kmlops_get_features_last("store", &key, sizeof(key), &full,
					     sizeof(full));
	returned += kmlops_get_feature_asof("store", &key, sizeof(key), &full,
					    sizeof(full));
	returned += kmlops_get_feature_ts("store", number, &full, sizeof(full));
	returned += kmlops_truncate_features("store", number);
	returned += kmlops_store_stats("store", &stats, sizeof(stats));
	returned += kmlops_infer("sample", in, sizeof(in), out, sizeof(out));
	return 0;
}

char _license[] SEC("license") = "GPL";
