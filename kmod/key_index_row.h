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

/* A row, or none. In registers: its address is taken nowhere. */
struct kmlops_indexed {
	u64 ref;
	s64 time;		/* or, without a row, a negative errno */
};

/* What seldom happens, for the inline functions below. */
const struct kmlops_key_entry *
kmlops_key_index_find(const struct kmlops_key_index *index, u64 tag);
struct kmlops_key_entry *
kmlops_key_index_take_place(struct kmlops_key_index *index,
			    const struct kmlops_history *history, u64 tag);
void kmlops_key_index_link_again(struct kmlops_key_index *index,
				 struct kmlops_history *history,
				 struct kmlops_key_entry *entry,
				 struct kmlops_slot *slot, u64 ref, u64 old);
void kmlops_key_index_count_unindexed(struct kmlops_key_index *index);
struct kmlops_indexed
kmlops_key_index_latest_in_chain(const struct kmlops_key_entry *entry,
				 const struct kmlops_history *history,
				 const void *key, void *value);

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

	if (unlikely(size > 8))
		return kmlops_key_index_hash_words(index, key, size, copy);
	word = kmlops_load_word(key, size);
	WRITE_ONCE(*copy, word);
	return kmlops_key_index_hash_word(index, word);
}

/* The first place that a key may take. */
static __always_inline struct kmlops_key_entry *
kmlops_key_index_home(const struct kmlops_key_index *index, u64 tag)
{
	return (struct kmlops_key_entry *)&index->entries[tag >> index->shift];
}

/* Notes in a row, which is busy, what it is about to be linked before. */
static __always_inline void
kmlops_key_index_note(const struct kmlops_history *history,
		      const struct kmlops_write *write, u64 old)
{
	u64 order = 0;

	/* If that row is gone, a wrong order only makes readers look. */
	if (likely(old))
		order = READ_ONCE(kmlops_history_slot(history, old)->order);
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
			  const struct kmlops_write *write, u64 ref, u64 *old)
{
	u64 noted = *old;

	if (unlikely(!try_cmpxchg(&entry->ref, old, ref)))
		return false;
	/* Lapped just now: what nested writers linked stays. */
	if (unlikely(READ_ONCE(write->slot->seq) != write->pos << 1))
		cmpxchg(&entry->ref, ref, noted);
	return true;
}

/* As kmlops_key_index_append(). Return: the row. */
static __always_inline struct kmlops_indexed
kmlops_key_index_write(struct kmlops_key_index *index,
		       struct kmlops_history *history, u32 cpu, const void *key,
		       const void *value)
{
	struct kmlops_indexed none = { 0, -EBUSY }, row;
	struct kmlops_key_entry *entry;
	struct kmlops_write write;
	u64 tag, old;

	if (unlikely(!kmlops_history_begin(history, cpu, &write)))
		return none;
	row.ref = kmlops_ref(cpu, write.pos);
	row.time = write.time;

	tag = kmlops_key_index_copy_key(index, key, history->key_size,
					write.slot->body);
	kmlops_copy_in(write.slot->body + history->key_words, value,
		       history->value_size);

	entry = kmlops_key_index_home(index, tag);
	if (unlikely(READ_ONCE(entry->tag) != tag)) {
		entry = kmlops_key_index_take_place(index, history, tag);
		if (unlikely(!entry)) {
			kmlops_key_index_note(history, &write, 0);
			if (!kmlops_history_publish(history, &write))
				goto lapped;
			kmlops_key_index_count_unindexed(index);
			kmlops_history_end(&write, true);
			return row;
		}
	}

	old = READ_ONCE(entry->ref);
	kmlops_key_index_note(history, &write, old);
	if (unlikely(!kmlops_history_publish(history, &write)))
		goto lapped;
	if (unlikely(!kmlops_key_index_try_link(entry, &write, row.ref, &old)))
		kmlops_key_index_link_again(index, history, entry, write.slot,
					    row.ref, old);
	kmlops_history_end(&write, true);
	return row;
lapped:
	kmlops_history_end(&write, false);
	return none;
}

/**
 * kmlops_key_index_read_latest() - Read the latest row of a key
 * @index: the index
 * @history: the history the index is of
 * @key: the key, of the history's key size
 * @value: receives the value, of the history's value size; undefined on error
 *
 * Context: any, NMI included. Lockless; bounded, does not sleep.
 * Return: the row; or as its time -ENOENT if no row of the key is left or
 *   truncation hides it, -EAGAIN if rows of the key were overwritten faster
 *   than they were read.
 */
static __always_inline struct kmlops_indexed
kmlops_key_index_read_latest(const struct kmlops_key_index *index,
			     const struct kmlops_history *history,
			     const void *key, void *value)
{
	u64 tag = kmlops_key_index_hash(index, key, history->key_size);
	const struct kmlops_key_entry *entry = kmlops_key_index_home(index,
								     tag);
	struct kmlops_indexed latest;
	struct kmlops_slot row;

	if (unlikely(READ_ONCE(entry->tag) != tag)) {
		entry = kmlops_key_index_find(index, tag);
		if (!entry)
			return (struct kmlops_indexed){ 0, -ENOENT };
	}
	latest.ref = READ_ONCE(entry->ref);
	if (unlikely(!latest.ref ||
		     kmlops_history_read_linked(history, latest.ref, key, &row,
						value) ||
		     row.order != row.time ||
		     row.time < READ_ONCE(history->watermark)))
		return kmlops_key_index_latest_in_chain(entry, history, key,
							value);
	latest.time = row.time;
	return latest;
}

#endif /* KMLOPS_KEY_INDEX_ROW_H */
