// SPDX-License-Identifier: GPL-2.0-only
/*
 * Key index: an open-addressing table of fixed size.
 *
 * A key has a place among WINDOW neighbours chosen by its hash. A writer links
 * its row by exchanging the reference of the place, after it has noted the old
 * reference in the row: so the rows of a place form a chain, newest first, and
 * a chain ends where a row has been overwritten.
 *
 * The tag is a hash, and a place can change hands while a writer holds it, so
 * a chain may hold rows of other keys. Readers therefore compare the key in
 * the row, never trust the tag.
 */
#include "key_index.h"
#include "words.h"

/* Places a key may take: two cache lines. */
#define WINDOW		8
/* Each failure is another row of the same place linked meanwhile. */
#define LINK_TRIES	64
/* Rows of other keys, or rows overwritten while read, that a reader bears. */
#define READ_TRIES	64

u64 kmlops_key_index_bytes(u64 places)
{
	struct kmlops_key_index *index = NULL;

	return struct_size(index, entries, places);
}

/**
 * kmlops_key_index_create() - Allocate an empty index
 * @places: number of places, a power of two, at least WINDOW
 * @seed: random, so that nobody can choose keys that collide
 *
 * Context: process; sleeps.
 * Return: the index, owned by the caller, or NULL without memory.
 */
struct kmlops_key_index *kmlops_key_index_create(u64 places, u64 seed)
{
	struct kmlops_key_index *index;

	index = kmlops_alloc(kmlops_key_index_bytes(places), NUMA_NO_NODE);
	if (!index)
		return NULL;
	index->seed = seed;
	index->mask = places - 1;
	return index;
}

void kmlops_key_index_destroy(struct kmlops_key_index *index)
{
	kmlops_free(index);
}

/* Mixes word by word; the multipliers are those of MurmurHash3's finalizer. */
static u64 hash_key(const struct kmlops_key_index *index, const void *key,
		    u32 size)
{
	u64 hash = index->seed ^ size;

	do {
		hash ^= kmlops_load_word(key, size);
		hash = (hash ^ hash >> 33) * 0xff51afd7ed558ccdULL;
		hash = (hash ^ hash >> 33) * 0xc4ceb9fe1a85ec53ULL;
		hash ^= hash >> 33;
		key = (const u8 *)key + 8;
		size = size > 8 ? size - 8 : 0;
	} while (size);

	return hash ? hash : 1;
}

/* The time of the last write to a place; 0 if that row is gone. */
static u64 last_written(const struct kmlops_key_entry *entry,
			const struct kmlops_history *history)
{
	u64 ref = READ_ONCE(entry->ref);
	u64 time;

	if (!ref || kmlops_history_read(history, ref, &time, NULL, NULL))
		return 0;
	return time;
}

/* The place of the key with hash @tag, taken if need be; NULL if contended. */
static struct kmlops_key_entry *
take_place(struct kmlops_key_index *index,
	   const struct kmlops_history *history, u64 tag)
{
	struct kmlops_key_entry *entry, *victim = NULL;
	u64 oldest = 0, victim_tag = 0;
	u32 i;

	for (i = 0; i < WINDOW; i++) {
		u64 seen;

		entry = &index->entries[(tag + i) & index->mask];
		seen = READ_ONCE(entry->tag);
		if (seen == tag)
			return entry;
		if (!seen) {
			seen = cmpxchg(&entry->tag, 0, tag);
			if (!seen) {
				__atomic_fetch_add(&index->keys, 1,
						   __ATOMIC_RELAXED);
				return entry;
			}
			if (seen == tag)
				return entry;
		}
	}

	for (i = 0; i < WINDOW; i++) {
		u64 seen, time;

		entry = &index->entries[(tag + i) & index->mask];
		seen = READ_ONCE(entry->tag);
		time = last_written(entry, history);
		if (!victim || time < oldest) {
			victim = entry;
			victim_tag = seen;
			oldest = time;
		}
	}
	if (cmpxchg(&victim->tag, victim_tag, tag) != victim_tag)
		return NULL;
	__atomic_fetch_add(&index->evicted, 1, __ATOMIC_RELAXED);
	return victim;
}

/**
 * kmlops_key_index_link() - Make a row the latest of its key
 * @index: the index
 * @history: the history of the row
 * @slot: slot of the row, as kmlops_history_append() returned it
 * @ref: reference of the row
 * @key: its key
 *
 * The latest row of a key is that of the last capture to get here. A row that
 * finds no place is counted and stays readable by time.
 *
 * Context: any, NMI included. Lockless; bounded, does not sleep.
 */
void kmlops_key_index_link(struct kmlops_key_index *index,
			   const struct kmlops_history *history,
			   struct kmlops_slot *slot, u64 ref, const void *key)
{
	u64 tag = hash_key(index, key, history->key_size);
	struct kmlops_key_entry *entry = take_place(index, history, tag);
	u64 old, seen;
	int tries;

	if (unlikely(!entry))
		goto unindexed;

	old = READ_ONCE(entry->ref);
	for (tries = 0; tries < LINK_TRIES; tries++) {
		WRITE_ONCE(slot->prev, old);
		seen = cmpxchg(&entry->ref, old, ref);
		if (likely(seen == old)) {
			/* Lapped meanwhile: what nested writers linked stays. */
			if (unlikely(READ_ONCE(slot->seq) !=
				     kmlops_ref_pos(ref) << 1))
				cmpxchg(&entry->ref, ref, old);
			return;
		}
		old = seen;
	}
unindexed:
	__atomic_fetch_add(&index->unindexed, 1, __ATOMIC_RELAXED);
}

/* Newest row of the key in the chain of @entry. */
static int latest_of(const struct kmlops_key_entry *entry,
		     const struct kmlops_history *history, const void *key,
		     u64 *ref, u64 *time, void *value)
{
	u64 head = READ_ONCE(entry->ref);
	u64 at = head, prev;
	int tries, err;

	for (tries = 0; at && tries < READ_TRIES; tries++) {
		err = kmlops_history_read_key(history, at, key, time, &prev,
					      value);
		if (!err) {
			*ref = at;
			return 0;
		}
		if (err == -ESRCH) {
			at = prev;
			continue;
		}
		/* Overwritten: that is the end, unless a later row came. */
		at = READ_ONCE(entry->ref);
		if (at == head)
			return -ENOENT;
		head = at;
	}
	return at ? -EAGAIN : -ENOENT;
}

/**
 * kmlops_key_index_latest() - Read the latest row of a key
 * @index: the index
 * @history: the history the index is of
 * @key: the key, of the history's key size
 * @ref: receives the reference of the row
 * @time: receives its time
 * @value: receives the value, of the history's value size; undefined on error
 *
 * Context: any, NMI included. Lockless; bounded, does not sleep.
 * Return: 0; -ENOENT if no row of the key is left or truncation hides it;
 *   -EAGAIN if rows of the key were overwritten faster than they were read.
 */
int kmlops_key_index_latest(const struct kmlops_key_index *index,
			    const struct kmlops_history *history,
			    const void *key, u64 *ref, u64 *time, void *value)
{
	u64 tag = hash_key(index, key, history->key_size);
	int err;
	u32 i;

	for (i = 0; i < WINDOW; i++) {
		const struct kmlops_key_entry *entry;
		u64 seen;

		entry = &index->entries[(tag + i) & index->mask];
		seen = READ_ONCE(entry->tag);
		if (!seen)
			break;
		if (seen != tag)
			continue;
		err = latest_of(entry, history, key, ref, time, value);
		if (!err && *time < READ_ONCE(history->watermark))
			return -ENOENT;
		return err;
	}
	return -ENOENT;
}
