/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What the programs of each collector are made of. A program that sees an
 * event asks wanted(), fills a row and gives it to collect().
 *
 * With KMLOPS_RINGBUF defined, rows go into a BPF ring buffer instead of a
 * store: what a benchmark compares a collector with.
 */
#ifndef KERNMLOPS_COLLECTOR_BPF_H
#define KERNMLOPS_COLLECTOR_BPF_H

#include "kernmlops.bpf.h"
#include "collector_control.h"

struct collector_control control SEC(".data.control");

/* A collector with counters of its own defines how many there are. */
#ifndef COUNTERS
#define COUNTERS	COLLECTOR_COUNTERS
#endif

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

/* A store. The map says what a row is and stays empty: rows are in the module. */
#define STORE(name, key_type, value_type)				\
	struct {							\
		__uint(type, BPF_MAP_TYPE_HASH);			\
		__uint(max_entries, 1);					\
		__type(key, key_type);					\
		__type(value, value_type);				\
	} name SEC(".maps")

/* Programs interrupt each other on a CPU: the sum is atomic. */
static __always_inline void count(__u32 counter)
{
	__u64 *value = bpf_map_lookup_elem(&counters, &counter);

	if (value)
		__sync_fetch_and_add(value, 1);
}

/* How many events a row stands for: to be a field of each row. */
static __always_inline __u32 one_in(void)
{
	return control.one_in ? : 1;
}

/* Whether to leave an event out, at random, as there are too many. */
static __always_inline bool left_out(void)
{
	__u32 n = control.one_in;

	return n > 1 && bpf_get_prandom_u32() % n;
}

/* Count an event; false if it is to make no row. */
static __always_inline bool wanted(void)
{
	if (!control.active)
		return false;
	count(COLLECTOR_EVENTS);
	if (left_out()) {
		count(COLLECTOR_SAMPLED_OUT);
		return false;
	}
	return true;
}

/*
 * The same for events that have a begin and an end: whether to keep that one
 * has begun. Those left out cost nothing more.
 */
static __always_inline bool begin_wanted(void)
{
	if (!control.active)
		return false;
	if (left_out()) {
		count(COLLECTOR_EVENTS);
		count(COLLECTOR_SAMPLED_OUT);
		return false;
	}
	return true;
}

/* Whether an end makes a row, given whether its begin was @kept. */
static __always_inline bool end_wanted(bool kept)
{
	if (!control.active)
		return false;
	if (kept) {
		count(COLLECTOR_EVENTS);
		return true;
	}
	/* Most of these were left out, and are counted. */
	if (control.one_in > 1)
		return false;
	count(COLLECTOR_EVENTS);
	count(COLLECTOR_UNPAIRED);
	return false;
}

#ifdef KMLOPS_RINGBUF
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 22);
} ring SEC(".maps");

#define emit(store, row_key, row_value) ({				\
	struct {							\
		__u64 time;						\
		typeof(*(row_key)) key;					\
		typeof(*(row_value)) value;				\
	} *record_ = bpf_ringbuf_reserve(&ring, sizeof(*record_), 0);	\
	if (record_) {							\
		record_->time = bpf_ktime_get_ns();			\
		record_->key = *(row_key);				\
		record_->value = *(row_value);				\
		bpf_ringbuf_submit(record_, 0);				\
	}								\
	record_ ? 1 : -1;						\
})
#else
#define emit(store, row_key, row_value)	capture_feature(store, row_key, row_value)
#endif

/* Capture the row of a wanted event, and count what became of it. */
#define collect(store, row_key, row_value)				\
	count(emit(store, row_key, row_value) > 0 ? COLLECTOR_ROWS :	\
						    COLLECTOR_REFUSED)

/*
 * Where in the kernel a call began, for the program at its end: one for each
 * thread. Calls of the functions that use it are not nested.
 */
#define CALLS(state_type)						\
	struct {							\
		__uint(type, BPF_MAP_TYPE_HASH);			\
		__uint(max_entries, 16384);				\
		__type(key, __u64);					\
		__type(value, state_type);				\
	} calls SEC(".maps")

/*
 * Keep that a call begins in this thread, if it is wanted. If it is not, what a
 * call left whose end was not seen must not be taken for its begin.
 */
#define call_begins(state) ({						\
	__u64 id_ = bpf_get_current_pid_tgid();				\
	if (!begin_wanted()) {						\
		if (bpf_map_lookup_elem(&calls, &id_))			\
			bpf_map_delete_elem(&calls, &id_);		\
	} else if (bpf_map_update_elem(&calls, &id_, state, BPF_ANY)) {	\
		count(COLLECTOR_NO_STATE);				\
	}								\
})

/* What was kept of it or NULL, until call_ends(). */
#define call_kept() ({							\
	__u64 id_ = bpf_get_current_pid_tgid();				\
	bpf_map_lookup_elem(&calls, &id_);				\
})

#define call_ends() ({							\
	__u64 id_ = bpf_get_current_pid_tgid();				\
	bpf_map_delete_elem(&calls, &id_);				\
})

#endif /* KERNMLOPS_COLLECTOR_BPF_H */
