// SPDX-License-Identifier: GPL-2.0-only
/*
 * Key index: an open-addressing table of fixed size.
 *
 * A key has a place among WINDOW neighbours chosen by its hash. A writer links
 * its row by exchanging the reference of the place, after it has noted the old
 * reference in the row while that was busy: so the rows of a place form a
 * chain, the last linked first, and a chain ends where a row has been
 * overwritten.
 *
 * Rows of one key that are captured at once may be linked in another order
 * than that of their times. Each row therefore notes the latest time in the
 * chain from it on (order): a reader that has found a row at least as late
 * knows that no later one is behind.
 *
 * The tag is a hash, and a place can change hands while a writer holds it, so
 * a chain may hold rows of other keys. Readers therefore compare the key in
 * the row, never trust the tag.
 */
#include "key_index_row.h"

/* Places a key may take: two cache lines. */
#define WINDOW		8
/* Each failure is another row of the same place linked meanwhile. */
#define LINK_TRIES	64
/* Each try failed as the rows found were overwritten before they were read. */
#define READ_TRIES	16
/* Rows that a read of the latest row looks at, at most. */
#define LATEST_STEPS	4096

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
	index->shift = 64 - __builtin_ctzll(places * sizeof(index->entries[0]));
	return index;
}

void kmlops_key_index_destroy(struct kmlops_key_index *index)
{
	kmlops_free(index);
}

/* The tag of a key; @copy, unless NULL, receives the words of it. */
u64 kmlops_key_index_hash_words(const struct kmlops_key_index *index,
				const void *key, u32 size, u64 *copy)
{
	u64 hash = index->seed, word;

	for (; size; size -= size < 8 ? size : 8, key = (const u8 *)key + 8) {
		word = kmlops_load_word(key, size);
		if (copy)
			WRITE_ONCE(*copy++, word);
		hash = (hash ^ word) * KMLOPS_HASH_MULTIPLIER;
		/* The last word as one of a short key: it has to be mixed. */
		if (size > 8)
			hash ^= hash >> 32;
	}
	return hash | 1;
}

static struct kmlops_key_entry *place(const struct kmlops_key_index *index,
				      u64 tag, u32 i)
{
	u64 home = kmlops_key_index_home(index, tag) - index->entries;

	return (struct kmlops_key_entry *)&index->entries[(home + i) &
							  index->mask];
}

static u64 last_linked(const struct kmlops_key_entry *entry)
{
	return READ_ONCE(entry->link) & ~KMLOPS_LINK_LATEST;
}

/* The time of the last row linked at a place; 0 if that row is gone. */
static u64 last_written(const struct kmlops_key_entry *entry,
			const struct kmlops_history *history)
{
	u64 ref = last_linked(entry);
	u64 time;

	if (!ref || kmlops_history_read(history, ref, &time, NULL))
		return 0;
	return time;
}

/* Gives the place of the key written least recently to the key @tag. */
static struct kmlops_key_entry *evict(struct kmlops_key_index *index,
				      const struct kmlops_history *history,
				      u64 tag)
{
	struct kmlops_key_entry *entry, *victim = NULL;
	u64 oldest = 0, victim_tag = 0, seen, time;
	u32 i;

	for (i = 0; i < WINDOW; i++) {
		entry = place(index, tag, i);
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

/*
 * The place of the key @tag, taken if need be; NULL if contended. Two CPUs
 * that bring the same new key to a full window at once may take two places:
 * readers use the first, and the row in the other is found by time only.
 */
static struct kmlops_key_entry *take_place(struct kmlops_key_index *index,
					   const struct kmlops_history *history,
					   u64 tag)
{
	u32 i;

	for (i = 0; i < WINDOW; i++) {
		struct kmlops_key_entry *entry = place(index, tag, i);
		u64 seen = READ_ONCE(entry->tag);

		if (likely(seen == tag))
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
	return evict(index, history, tag);
}

static void count_unindexed(struct kmlops_key_index *index)
{
	__atomic_fetch_add(&index->unindexed, 1, __ATOMIC_RELAXED);
}

/*
 * Links a row that is published, where another one was linked meanwhile: @old
 * is that one, and not what the row has noted.
 */
static void link_again(struct kmlops_key_index *index,
		       struct kmlops_history *history,
		       struct kmlops_key_entry *entry,
		       struct kmlops_write *write, u64 old)
{
	u64 link, noted;
	int tries;

	for (tries = 0; tries < LINK_TRIES; tries++) {
		/* Lapped: the slot is another row's now. */
		if (!kmlops_history_reopen(write))
			return;
		noted = old;
		link = kmlops_key_index_note(history, write, noted);
		if (!kmlops_history_publish(history, write)) {
			kmlops_history_lapped(write);
			return;
		}
		if (!try_cmpxchg(&entry->link, &old, link))
			continue;
		/* Lapped just now: what nested writers linked stays. */
		if (READ_ONCE(write->slot->seq) != write->ref << 1)
			cmpxchg(&entry->link, link, noted);
		return;
	}
	count_unindexed(index);
}

/*
 * A row was linked, but later ones went round the ring. Either they found it
 * busy, dropped theirs of that slot, and it is out of readers' reach: it is to
 * go. Or they have overwritten it.
 */
static bool undo(struct kmlops_key_entry *entry,
		 const struct kmlops_write *write, u64 old)
{
	u64 seq = write->ref << 1, link = READ_ONCE(entry->link);

	/* What nested writers linked stays. */
	if (link << 1 == seq)
		cmpxchg(&entry->link, link, old);
	return !kmlops_history_retract(write);
}

/**
 * kmlops_key_index_finish() - Go on with a capture
 * @index: the index
 * @history: the history
 * @step: how far it has come; a row is claimed
 * @ref: its reference
 * @time: its time
 * @tag: the tag of its key, if it has come as far as that
 * @old: what was linked at the place of the key, likewise
 *
 * Context: as kmlops_key_index_append(), on the CPU that captures the row.
 * Return: whether the row was stored; if not, it was dropped and counted.
 */
bool kmlops_key_index_finish(struct kmlops_key_index *index,
			     struct kmlops_history *history,
			     enum kmlops_step step, u64 ref, u64 time, u64 tag,
			     u64 old)
{
	struct kmlops_write write = {
		.ring = &history->rings[kmlops_ref_cpu(ref)],
		.slot = kmlops_history_slot(history, ref),
		.ref = ref,
		.time = time,
	};
	struct kmlops_key_entry *entry = kmlops_key_index_home(index, tag);
	bool stored = true;

	if (step == KMLOPS_NO_SLOT) {
		kmlops_history_drop(write.ring);
		return false;
	}
	if (step == KMLOPS_NO_PLACE) {
		entry = take_place(index, history, tag);
		if (!entry) {
			kmlops_key_index_note(history, &write, 0);
			stored = kmlops_history_publish(history, &write);
			if (stored)
				count_unindexed(index);
			kmlops_history_end(&write, stored);
			return stored;
		}
		step = kmlops_key_index_link_row(history, entry, &write, &old);
	}
	switch (step) {
	case KMLOPS_NOT_LAST:
		link_again(index, history, entry, &write, old);
		break;
	case KMLOPS_LAPPED:
		stored = undo(entry, &write, old);
		break;
	default:
		return true;
	}
	kmlops_history_end(&write, stored);
	return stored;
}

/**
 * kmlops_key_index_append() - Capture a row and link it to its key
 * @index: the index
 * @history: the history
 * @cpu: the CPU this runs on, which must not change before the return
 * @key: the key, of the history's key size
 * @value: the value, of the history's value size
 * @ref: receives the reference of the row
 * @time: receives its time
 *
 * A row that finds no place is counted and stays readable by time.
 *
 * Context: any, NMI included, preemption off. Lockless; bounded, does not
 * sleep.
 * Return: whether the row was stored; if not, it was dropped and counted.
 */
bool kmlops_key_index_append(struct kmlops_key_index *index,
			     struct kmlops_history *history, u32 cpu,
			     const void *key, const void *value, u64 *ref,
			     u64 *time)
{
	struct kmlops_write write;
	enum kmlops_step step;
	u64 tag = 0, old = 0;

	if (!kmlops_history_claim_slowly(history, cpu, &write))
		return false;
	step = kmlops_key_index_write(index, history, &write, key,
				      history->key_size, history->key_size <= 8,
				      value, history->value_size, &tag, &old);
	if (step != KMLOPS_CAPTURED &&
	    !kmlops_key_index_finish(index, history, step, write.ref,
				     write.time, tag, old))
		return false;
	*ref = write.ref;
	*time = write.time;
	return true;
}

/**
 * kmlops_key_index_link() - Link a row that was captured by time only
 * @index: the index
 * @history: the history of the row
 * @slot: slot of the row, as kmlops_history_append() returned it
 * @ref: reference of the row
 * @time: its time
 * @key: its key
 *
 * Context: as kmlops_key_index_append(), on the CPU that captured the row.
 */
void kmlops_key_index_link(struct kmlops_key_index *index,
			   struct kmlops_history *history,
			   struct kmlops_slot *slot, u64 ref, u64 time,
			   const void *key)
{
	u64 tag = kmlops_key_index_hash(index, key, history->key_size);
	struct kmlops_key_entry *entry = take_place(index, history, tag);
	struct kmlops_write write = {
		.ring = &history->rings[kmlops_ref_cpu(ref)],
		.slot = slot,
		.ref = ref,
		.time = time,
	};

	if (likely(entry))
		link_again(index, history, entry, &write,
			   READ_ONCE(entry->link));
	else
		count_unindexed(index);
}

/* The place of the key @tag, or NULL. */
static const struct kmlops_key_entry *find(const struct kmlops_key_index *index,
					   u64 tag)
{
	u32 i;

	for (i = 0; i < WINDOW; i++) {
		const struct kmlops_key_entry *entry = place(index, tag, i);
		u64 seen = READ_ONCE(entry->tag);

		if (likely(seen == tag))
			return entry;
		if (!seen)
			break;
	}
	return NULL;
}

static struct kmlops_row *row_at(struct kmlops_row *rows, u32 stride, u32 i)
{
	return (struct kmlops_row *)((u8 *)rows + (size_t)i * stride);
}

/* Puts a row among the @n latest found so far, the latest first. */
static u32 insert(struct kmlops_row *rows, u32 stride, u32 n, u32 max, u64 time,
		  u64 ref)
{
	u32 i = n < max ? n : max - 1;

	for (; i && row_at(rows, stride, i - 1)->time < time; i--)
		*row_at(rows, stride, i) = *row_at(rows, stride, i - 1);
	row_at(rows, stride, i)->time = time;
	row_at(rows, stride, i)->seq = ref;
	return n < max ? n + 1 : max;
}

/*
 * Collects time and reference of the latest rows of a key from the chain that
 * begins at @at. Returns their number, or -E2BIG if that takes too many steps.
 */
static int walk(const struct kmlops_history *history, u64 at, const void *key,
		u64 asof, u32 steps, struct kmlops_row *rows, u32 stride,
		u32 max)
{
	u64 watermark = READ_ONCE(history->watermark);
	struct kmlops_slot row;
	u32 n = 0;
	int err;

	for (; at; at = row.prev) {
		err = kmlops_history_copy_linked(history, at, key, &row, NULL);
		if (err && err != -ESRCH)
			break;
		if (row.order < watermark)
			break;
		if (n == max && row.order <= row_at(rows, stride, n - 1)->time)
			break;
		if (!steps--)
			return -E2BIG;
		if (!err && row.time <= asof && row.time >= watermark &&
		    (n < max || row.time > row_at(rows, stride, n - 1)->time))
			n = insert(rows, stride, n, max, row.time, at);
		/* Nothing behind is later: no need to look at the next row. */
		if (n == max && row.order <= row_at(rows, stride, n - 1)->time)
			break;
	}
	return n;
}

/**
 * kmlops_key_index_last() - Read the latest rows of a key
 * @index: the index
 * @history: the history the index is of
 * @key: the key, of the history's key size
 * @asof: only rows captured at or before this time
 * @steps: how many rows of the key to look at, at most
 * @rows: receives packed rows, the latest first, at the distance of
 *   kmlops_row_stride(); undefined on error
 * @max: how many rows at most, at least 1
 *
 * Rows that are overwritten while this runs are left out with all before them.
 *
 * Context: any, NMI included. Lockless; takes up to @steps steps.
 * Return: number of rows; -ENOENT if there is none; -E2BIG if more than @steps
 *   rows would have to be looked at; -EAGAIN if rows of the key were
 *   overwritten faster than they were read.
 */
int kmlops_key_index_last(const struct kmlops_key_index *index,
			  const struct kmlops_history *history,
			  const void *key, u64 asof, u32 steps,
			  struct kmlops_row *rows, u32 max)
{
	u64 tag = kmlops_key_index_hash(index, key, history->key_size);
	const struct kmlops_key_entry *entry = find(index, tag);
	u32 stride = kmlops_row_stride(history);
	int tries, n, i;

	if (!entry)
		return -ENOENT;
	for (tries = 0; tries < READ_TRIES; tries++) {
		u64 head = last_linked(entry);

		n = walk(history, head, key, asof, steps, rows, stride, max);
		if (n < 0)
			return n;
		for (i = 0; i < n; i++) {
			struct kmlops_row *row = row_at(rows, stride, i);
			u64 time;

			if (kmlops_history_read(history, row->seq, &time,
						(u64 *)(row + 1)))
				break;
		}
		if (i)
			return i;
		if (!n && last_linked(entry) == head)
			return -ENOENT;
	}
	return -EAGAIN;
}

/* The latest row where the one linked last is not, or is being overwritten. */
static int latest_in_chain(const struct kmlops_key_entry *entry,
			   const struct kmlops_history *history,
			   const void *key, u64 *ref, u64 *time, void *value)
{
	struct kmlops_slot row;
	struct kmlops_row best;
	int tries, n;

	for (tries = 0; tries < READ_TRIES; tries++) {
		u64 head = last_linked(entry);

		n = walk(history, head, key, ~0ULL, LATEST_STEPS, &best,
			 sizeof(best), 1);
		if (n < 0)
			return -EAGAIN;
		if (!n && last_linked(entry) == head)
			return -ENOENT;
		if (n && !kmlops_history_read_linked(history, best.seq, key,
						     &row, value)) {
			*ref = best.seq;
			*time = row.time;
			return 0;
		}
	}
	return -EAGAIN;
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
	const struct kmlops_key_entry *entry;

	if (likely(kmlops_key_index_try_latest(index, history, key,
					       history->key_size,
					       history->key_size <= 8, value,
					       history->value_size, ref, time)))
		return 0;
	entry = find(index, kmlops_key_index_hash(index, key,
						  history->key_size));
	if (!entry)
		return -ENOENT;
	return latest_in_chain(entry, history, key, ref, time, value);
}
