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

/* What seldom happens, for the inline functions below. */
struct kmlops_key_entry *
kmlops_key_index_take_place(struct kmlops_key_index *index,
			    const struct kmlops_history *history, u64 tag);
void kmlops_key_index_link_again(struct kmlops_key_index *index,
				 struct kmlops_history *history,
				 struct kmlops_key_entry *entry,
				 struct kmlops_slot *slot, u64 ref, u64 old);
void kmlops_key_index_count_unindexed(struct kmlops_key_index *index);

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

/* The same while the key is copied: each byte of it is read once. */
static __always_inline u64
kmlops_key_index_copy_key(const struct kmlops_key_index *index, const void *key,
			  u32 size, u64 *copy)
{
	u64 word;

	if (likely(size == 4))
		word = kmlops_load_word(key, 4);
	else if (size <= 8)
		word = kmlops_load_word(key, size);
	else
		return kmlops_key_index_hash_words(index, key, size, copy);
	WRITE_ONCE(*copy, word);
	return kmlops_key_index_hash_word(index, word);
}

/* The first place that a key may take. */
static __always_inline struct kmlops_key_entry *
kmlops_key_index_home(const struct kmlops_key_index *index, u64 tag)
{
	u64 at = (tag >> index->shift) & -sizeof(index->entries[0]);

	return (struct kmlops_key_entry *)((u8 *)index->entries + at);
}

/* Notes in a row, which is busy, what it is about to be linked before. */
static __always_inline void
kmlops_key_index_note(const struct kmlops_history *history,
		      const struct kmlops_write *write, u64 old)
{
	/*
	 * If that row is gone, or there was none, this is the order of another
	 * one. A wrong order only makes readers look.
	 */
	u64 order = READ_ONCE(kmlops_history_slot(history, old)->order);

	WRITE_ONCE(write->slot->order,
		   order > write->time ? order : write->time);
	WRITE_ONCE(write->slot->prev, old);
}

/*
 * Links a row that is published and has *@old noted; if another one was linked
 * meanwhile, *@old becomes that one.
 */
static __always_inline bool
kmlops_key_index_try_link(struct kmlops_key_entry *entry,
			  const struct kmlops_write *write, u64 *old)
{
	u64 noted = *old;

	if (unlikely(!try_cmpxchg(&entry->ref, old, write->ref)))
		return false;
	/* Lapped just now: what nested writers linked stays. */
	if (unlikely(READ_ONCE(write->slot->seq) != write->ref << 1))
		cmpxchg(&entry->ref, write->ref, noted);
	return true;
}

/*
 * Writes a row that was claimed and links it. The key is read once: what is
 * hashed is what is stored. Returns whether it was stored; if not, it was
 * dropped and counted.
 */
static __always_inline bool
kmlops_key_index_write(struct kmlops_key_index *index,
		       struct kmlops_history *history,
		       struct kmlops_write *write, const void *key,
		       const void *value)
{
	struct kmlops_key_entry *entry;
	u64 tag, old;

	if (unlikely(!kmlops_history_occupy(history, write)))
		return false;
	tag = kmlops_key_index_copy_key(index, key, history->key_size,
					write->slot->body);
	kmlops_copy_in(kmlops_slot_value(history, write->slot), value,
		       history->value_size);

	entry = kmlops_key_index_home(index, tag);
	if (unlikely(READ_ONCE(entry->tag) != tag)) {
		entry = kmlops_key_index_take_place(index, history, tag);
		if (unlikely(!entry)) {
			kmlops_key_index_note(history, write, 0);
			if (!kmlops_history_publish(history, write))
				goto lapped;
			kmlops_key_index_count_unindexed(index);
			goto stored;
		}
	}

	old = READ_ONCE(entry->ref);
	kmlops_key_index_note(history, write, old);
	if (unlikely(!kmlops_history_publish(history, write)))
		goto lapped;
	if (unlikely(!kmlops_key_index_try_link(entry, write, &old)))
		kmlops_key_index_link_again(index, history, entry, write->slot,
					    write->ref, old);
stored:
	kmlops_history_end(write, true);
	return true;
lapped:
	kmlops_history_end(write, false);
	return false;
}

/*
 * The time of the latest row of a key, its value in @value; 0 where that takes
 * more than a look at the row that was linked last. The reference of that row,
 * if it is wanted.
 */
static __always_inline u64
kmlops_key_index_try_latest(const struct kmlops_key_index *index,
			    const struct kmlops_history *history,
			    const void *key, u64 *ref, void *value)
{
	const struct kmlops_key_entry *entry;
	u32 size = history->key_size;
	u64 word, tag, at;

	/* The most frequent size first. */
	word = likely(size == 4) ? kmlops_load_word(key, 4) :
	       kmlops_load_word(key, size);
	tag = likely(size <= 8) ?
	      kmlops_key_index_hash_word(index, word) :
	      kmlops_key_index_hash_words(index, key, size, NULL);

	entry = kmlops_key_index_home(index, tag);
	if (unlikely(READ_ONCE(entry->tag) != tag))
		return 0;
	/* Without a row it is 0, the reference of a row without a time. */
	at = READ_ONCE(entry->ref);
	if (ref)
		*ref = at;
	return kmlops_history_try_latest(history, at, key, size, word, value);
}

#endif /* KMLOPS_KEY_INDEX_ROW_H */
