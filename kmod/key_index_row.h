/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writing a row to the key index, and reading the latest of a key: inline as
 * far as they go without contention. What seldom happens is in key_index.c.
 * Portable.
 */
#ifndef KMLOPS_KEY_INDEX_ROW_H
#define KMLOPS_KEY_INDEX_ROW_H

#include "history_row.h"
#include "key_index.h"

/*
 * How far a capture has come. All but a captured row take further steps, which
 * are out of line: where a function goes there at its very end, it needs no
 * frame.
 */
enum kmlops_step {
	KMLOPS_CAPTURED,
	KMLOPS_UNCLAIMED,	/* no row is claimed */
	KMLOPS_NO_SLOT,		/* its slot is in use */
	KMLOPS_NO_PLACE,	/* the row is busy and written, not yet linked */
	KMLOPS_NOT_LAST,	/* published; another one was linked meanwhile */
	KMLOPS_LAPPED,		/* linked, but later rows went round the ring */
};

bool kmlops_key_index_finish(struct kmlops_key_index *index,
			     struct kmlops_history *history,
			     enum kmlops_step step, u64 ref, u64 time, u64 tag,
			     u64 old);

/*
 * Multiplicative hashing; the multiplier is 2^64 divided by the golden ratio
 * (Knuth, The Art of Computer Programming, volume 3, 6.4). The upper bits are
 * the good ones. Two keys of up to 8 bytes share a tag only if their hashes
 * differ in the lowest bit alone, which is set so that no tag is 0.
 */
#define KMLOPS_HASH_MULTIPLIER	0x9e3779b97f4a7c15ULL

/* The tag of a key that is one word, and of one that is more. */
static __always_inline u64
kmlops_key_index_hash_word(const struct kmlops_key_index *index, u64 word)
{
	return (word ^ index->seed) * KMLOPS_HASH_MULTIPLIER | 1;
}

u64 kmlops_key_index_hash_words(const struct kmlops_key_index *index,
				const void *key, u32 size, u64 *copy);

static __always_inline u64
kmlops_key_index_hash(const struct kmlops_key_index *index, const void *key,
		      u32 size)
{
	if (unlikely(size > 8))
		return kmlops_key_index_hash_words(index, key, size, NULL);
	return kmlops_key_index_hash_word(index, kmlops_load_word(key, size));
}

/* The first place that a key may take. */
static __always_inline struct kmlops_key_entry *
kmlops_key_index_home(const struct kmlops_key_index *index, u64 tag)
{
	u64 at = (tag >> index->shift) & -sizeof(index->entries[0]);

	return (struct kmlops_key_entry *)((u8 *)index->entries + at);
}

/*
 * Notes in a row, which is busy, what it is about to be linked before. Returns
 * the link to it.
 */
static __always_inline u64
kmlops_key_index_note(const struct kmlops_history *history,
		      const struct kmlops_write *write, u64 old)
{
	u64 link = write->ref | KMLOPS_LINK_LATEST;
	u64 order;

	WRITE_ONCE(write->slot->prev, old);
	WRITE_ONCE(write->slot->order, write->time);
	/*
	 * Less than half of all positions after a row that has the mark as
	 * well: that is an earlier row of this CPU, and no later one is behind.
	 */
	if (likely(!((link - old) >> (KMLOPS_REF_POS_BITS - 1))))
		return link;
	/*
	 * If that row is gone, or there was none, this is the order of another
	 * one. A wrong order only makes readers look.
	 */
	old &= ~KMLOPS_LINK_LATEST;
	order = READ_ONCE(kmlops_history_slot(history, old)->order);
	if (order <= write->time)
		return link;
	WRITE_ONCE(write->slot->order, order);
	return write->ref;
}

/*
 * Links a row that is busy, and publishes it before that. @old is what was
 * linked, or that which was linked meanwhile.
 */
static __always_inline enum kmlops_step
kmlops_key_index_link_row(const struct kmlops_history *history,
			  struct kmlops_key_entry *entry,
			  const struct kmlops_write *write, u64 *old)
{
	u64 link;

	*old = READ_ONCE(entry->link);
	link = kmlops_key_index_note(history, write, *old);
	/* Readers that see this see the row. */
	smp_store_release(&write->slot->seq, write->ref << 1);
	if (unlikely(!try_cmpxchg(&entry->link, old, link)))
		return KMLOPS_NOT_LAST;
	if (unlikely(kmlops_peek(write->ring->head.ref) - write->ref >
		     history->slot_mask))
		return KMLOPS_LAPPED;
	kmlops_history_end(write, true);
	return KMLOPS_CAPTURED;
}

/*
 * Writes a row that was claimed and links it. The key is read once: what is
 * hashed is what is stored. A short key is one of up to 8 bytes.
 */
static __always_inline enum kmlops_step
kmlops_key_index_write(struct kmlops_key_index *index,
		       struct kmlops_history *history,
		       struct kmlops_write *write, const void *key,
		       u32 key_size, bool short_key, const void *value,
		       u32 value_size, u64 *tag, u64 *old)
{
	struct kmlops_key_entry *entry;
	u64 word;

	if (unlikely(!kmlops_history_occupy(history, write)))
		return KMLOPS_NO_SLOT;
	if (short_key) {
		word = kmlops_load_word(key, key_size);
		*tag = kmlops_key_index_hash_word(index, word);
		WRITE_ONCE(write->slot->body[0], word);
		kmlops_copy_value_in(write->slot->body + 1, value, value_size);
	} else {
		*tag = kmlops_key_index_hash_words(index, key, key_size,
						   write->slot->body);
		kmlops_copy_in(kmlops_slot_value(history, write->slot), value,
			       value_size);
	}

	entry = kmlops_key_index_home(index, *tag);
	if (unlikely(kmlops_peek(entry->tag) != *tag))
		return KMLOPS_NO_PLACE;
	return kmlops_key_index_link_row(history, entry, write, old);
}

/*
 * Captures a row with a short key, in a history that is not lossless. For
 * kmlops_key_index_finish(), the row's tag and what was linked at its place.
 */
static __always_inline enum kmlops_step
kmlops_key_index_capture(struct kmlops_key_index *index,
			 struct kmlops_history *history, u32 cpu,
			 const void *key, u32 key_size, const void *value,
			 u32 value_size, struct kmlops_write *write, u64 *tag,
			 u64 *old)
{
	if (unlikely(!kmlops_history_claim(history, cpu, write)))
		return KMLOPS_UNCLAIMED;
	return kmlops_key_index_write(index, history, write, key, key_size,
				      true, value, value_size, tag, old);
}

/*
 * Reads the latest row of a key. False where that takes more than a look at
 * the row that was linked last.
 */
static __always_inline bool
kmlops_key_index_try_latest(const struct kmlops_key_index *index,
			    const struct kmlops_history *history,
			    const void *key, u32 key_size, bool short_key,
			    void *value, u32 value_size, u64 *ref, u64 *time)
{
	const struct kmlops_key_entry *entry;
	u64 word = 0, tag, link;

	if (short_key) {
		word = kmlops_load_word(key, key_size);
		tag = kmlops_key_index_hash_word(index, word);
	} else {
		tag = kmlops_key_index_hash_words(index, key, key_size, NULL);
	}
	entry = kmlops_key_index_home(index, tag);
	if (unlikely(kmlops_peek(entry->tag) != tag))
		return false;
	link = READ_ONCE(entry->link);
	*ref = link & ~KMLOPS_LINK_LATEST;
	return kmlops_history_try_latest(history, link, key, key_size,
					 short_key, word, value, value_size,
					 time);
}

#endif /* KMLOPS_KEY_INDEX_ROW_H */
