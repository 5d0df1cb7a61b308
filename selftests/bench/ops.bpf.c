// SPDX-License-Identifier: GPL-2.0-only
/*
 * The operations that are measured, each in a loop of its own. All take their
 * key from the number of the turn, so that the loop "nothing" costs the same
 * but for the operation.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

#include "kernmlops.bpf.h"
#include "ops.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ops_value);
} features SEC(".maps");

/* A store of its own, for export. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ops_value);
} exported SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, KEYS);
	__type(key, __u32);
	__type(value, struct ops_value);
} table SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, EXPORT_ROWS);
	__type(key, __u32);
	__type(value, struct ops_value);
} big_table SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} ring SEC(".maps");

__u32 turns;			/* of the loop */
__u64 asof;			/* the time that as-of reads ask for */
__u64 now;			/* what the program "clock" found */
__u32 failed;			/* turns that did not do what they should */
struct ops_value sample;	/* what is written */

#define LOOP(name)							\
SEC("syscall")								\
int name(void *ctx)							\
{									\
	bpf_loop(turns, turn_##name, NULL, 0);				\
	return 0;							\
}

static int turn_nothing(__u32 i, void *ctx)
{
	__u32 key = i % KEYS;

	/* The key has to be in memory, as the others have it. */
	asm volatile("" : : "r"(&key) : "memory");
	return 0;
}

LOOP(nothing)

static int turn_capture(__u32 i, void *ctx)
{
	__u32 key = i % KEYS;

	if (kmlops_capture_feature(&features, &key, sizeof(key), &sample,
				   sizeof(sample)) < 0)
		failed++;
	return 0;
}

LOOP(capture)

/* The record that a capture makes: time, key and value. */
struct record {
	__u64 time;
	__u64 key;
	struct ops_value value;
};

static int turn_ringbuf(__u32 i, void *ctx)
{
	__u32 key = i % KEYS;
	struct record *record;

	asm volatile("" : : "r"(&key) : "memory");
	record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
	if (!record) {
		failed++;
		return 0;
	}
	record->time = bpf_ktime_get_ns();
	record->key = key;
	record->value = sample;
	bpf_ringbuf_submit(record, 0);
	return 0;
}

LOOP(ringbuf)

static int turn_latest(__u32 i, void *ctx)
{
	struct ops_value value;
	__u32 key = i % KEYS;

	if (kmlops_get_feature_map(&features, &key, sizeof(key), &value,
				   sizeof(value)) < 0)
		failed++;
	return 0;
}

LOOP(latest)

static int turn_latest_by_name(__u32 i, void *ctx)
{
	struct ops_value value;
	__u32 key = i % KEYS;

	if (kmlops_get_feature("bench", &key, sizeof(key), &value,
			       sizeof(value)) < 0)
		failed++;
	return 0;
}

LOOP(latest_by_name)

static int turn_lookup(__u32 i, void *ctx)
{
	struct ops_value value, *found;
	__u32 key = i % KEYS;

	found = bpf_map_lookup_elem(&table, &key);
	if (!found) {
		failed++;
		return 0;
	}
	value = *found;
	asm volatile("" : : "r"(&value) : "memory");
	return 0;
}

LOOP(lookup)

static int turn_update(__u32 i, void *ctx)
{
	__u32 key = i % KEYS;

	if (bpf_map_update_elem(&table, &key, &sample, BPF_ANY))
		failed++;
	return 0;
}

LOOP(update)

static int turn_get_asof(__u32 i, void *ctx)
{
	KMLOPS_ROW(__u32, struct ops_value) row;
	__u32 key = i % KEYS;

	row.time = asof;
	if (kmlops_get_feature_asof("bench", &key, sizeof(key), &row,
				    sizeof(row)) < 0)
		failed++;
	return 0;
}

LOOP(get_asof)

static int turn_clock(__u32 i, void *ctx)
{
	__u32 key = i % KEYS;

	asm volatile("" : : "r"(&key) : "memory");
	now = bpf_ktime_get_ns();
	return 0;
}

LOOP(clock)

static int turn_fill_store(__u32 i, void *ctx)
{
	if (kmlops_capture_feature(&exported, &i, sizeof(i), &sample,
				   sizeof(sample)) < 0)
		failed++;
	return 0;
}

LOOP(fill_store)

static int turn_fill_table(__u32 i, void *ctx)
{
	if (bpf_map_update_elem(&big_table, &i, &sample, BPF_ANY))
		failed++;
	return 0;
}

LOOP(fill_table)

char _license[] SEC("license") = "GPL";
