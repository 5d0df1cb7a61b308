// SPDX-License-Identifier: GPL-2.0-only
/* The ways to write a record that bench_native compares. */
#include "captures.h"
#include "key_index_row.h"

#define SLOTS		16384	/* of a ring, and of each CPU in the store */
#define PLACES		65536	/* of the index, as many as the kernel takes */

struct record {
	u64 time;
	u64 key;
	struct ops_value value;
};

static struct store {
	struct kmlops_history *history;
	struct kmlops_key_index *index;
} stores[2];

static bool create(struct store *store)
{
	store->history = kmlops_history_create(sizeof(u32),
					       sizeof(struct ops_value), SLOTS,
					       2, NULL);
	store->index = kmlops_key_index_create(PLACES, 0x123456789abcdef);
	return store->history && store->index;
}

bool stores_create(void)
{
	return create(&stores[0]) && create(&stores[1]);
}

void stores_destroy(void)
{
	int i;

	for (i = 0; i < 2; i++) {
		kmlops_key_index_destroy(stores[i].index);
		kmlops_history_destroy(stores[i].history);
	}
}

static __always_inline void capture(const struct store *store, u32 cpu,
				    const u32 *key,
				    const struct ops_value *value)
{
	struct kmlops_write write;
	enum kmlops_step step;
	u64 tag = 0, old = 0;

	/* As the kfunc does it. */
	step = kmlops_key_index_capture(store->index, store->history, cpu, key,
					sizeof(*key), value, sizeof(*value),
					&write, &tag, &old);
	if (unlikely(step != KMLOPS_CAPTURED && step != KMLOPS_UNCLAIMED))
		kmlops_key_index_finish(store->index, store->history, step,
					write.ref, write.time, tag, old);
}

void store_capture(u32 cpu, const u32 *key, const struct ops_value *value)
{
	capture(&stores[0], cpu, key, value);
}

void own_store_capture(u32 cpu, const u32 *key, const struct ops_value *value)
{
	capture(&stores[cpu], cpu, key, value);
}

/*
 * What BPF's ring buffer does: space is reserved under a lock, the record has
 * a header that says "busy" until it is committed. The consumer is never behind.
 */
static struct {
	u32 lock;
	u64 consumer ____cacheline_aligned;
	u64 producer ____cacheline_aligned;
	u8 data[SLOTS * 128] ____cacheline_aligned;
} ringbuf;

void ringbuf_capture(u32 cpu, const u32 *key, const struct ops_value *value)
{
	const u64 size = sizeof(struct record) + 8;
	struct record *record;
	u32 *header;
	u64 at;

	while (__atomic_exchange_n(&ringbuf.lock, 1, __ATOMIC_ACQUIRE))
		while (READ_ONCE(ringbuf.lock))
			__builtin_ia32_pause();
	at = ringbuf.producer;
	if (at + size - __atomic_load_n(&ringbuf.consumer, __ATOMIC_ACQUIRE) >
	    sizeof(ringbuf.data))
		__atomic_store_n(&ringbuf.consumer, at, __ATOMIC_RELAXED);
	header = (u32 *)(ringbuf.data + (at & (sizeof(ringbuf.data) / 2 - 1)));
	WRITE_ONCE(*header, sizeof(*record) | 1U << 31);
	__atomic_store_n(&ringbuf.producer, at + size, __ATOMIC_RELEASE);
	__atomic_store_n(&ringbuf.lock, 0, __ATOMIC_RELEASE);

	record = (struct record *)(header + 2);
	record->time = kmlops_clock_ns();
	record->key = *key;
	record->value = *value;
	__atomic_exchange_n(header, (u32)sizeof(*record), __ATOMIC_ACQ_REL);
}

/* One head for all, taken by an atomic addition. */
static struct {
	u64 head;
	struct {
		u64 seq;
		struct record record;
	} slots[SLOTS] ____cacheline_aligned;
} shared;

void shared_capture(u32 cpu, const u32 *key, const struct ops_value *value)
{
	u64 pos = __atomic_fetch_add(&shared.head, 1, __ATOMIC_RELAXED);
	struct record *record = &shared.slots[pos % SLOTS].record;

	record->time = kmlops_clock_ns();
	record->key = *key;
	record->value = *value;
	__atomic_store_n(&shared.slots[pos % SLOTS].seq, pos, __ATOMIC_RELEASE);
}
