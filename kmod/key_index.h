/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Key index: from a key to its latest row in the history log, and from there
 * along the chain of earlier ones. Portable.
 */
#ifndef KMLOPS_KEY_INDEX_H
#define KMLOPS_KEY_INDEX_H

#include "history.h"

/**
 * struct kmlops_key_entry - One place of the index
 * @tag: hash of the key that has the place; 0: free
 * @link: row that was linked here last, and whether it is the latest
 */
struct kmlops_key_entry {
	u64 tag;
	u64 link;
};

struct kmlops_key_index {
	u64 seed;
	u64 mask;		/* places - 1, a power of two - 1 */
	u32 shift;		/* of a hash, to leave the offset of a place */
	/* Written at times, so not in the line that every capture reads. */
	u64 keys ____cacheline_aligned;	/* places taken */
	u64 evicted;		/* keys that lost their place to another */
	u64 unindexed;		/* rows that could not be linked */
	struct kmlops_key_entry entries[] ____cacheline_aligned;
};

u64 kmlops_key_index_bytes(u64 places);
struct kmlops_key_index *kmlops_key_index_create(u64 places, u64 seed);
void kmlops_key_index_destroy(struct kmlops_key_index *index);

bool kmlops_key_index_append(struct kmlops_key_index *index,
			     struct kmlops_history *history, u32 cpu,
			     const void *key, const void *value, u64 *ref,
			     u64 *time);
void kmlops_key_index_link(struct kmlops_key_index *index,
			   struct kmlops_history *history,
			   struct kmlops_slot *slot, u64 ref, u64 time,
			   const void *key);
int kmlops_key_index_latest(const struct kmlops_key_index *index,
			    const struct kmlops_history *history,
			    const void *key, u64 *ref, u64 *time, void *value);
int kmlops_key_index_last(const struct kmlops_key_index *index,
			  const struct kmlops_history *history,
			  const void *key, u64 asof, u32 steps,
			  struct kmlops_row *rows, u32 max);

#endif /* KMLOPS_KEY_INDEX_H */
