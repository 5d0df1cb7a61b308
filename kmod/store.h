/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Stores: a registered BPF map with the history of its rows.
 */
#ifndef KMLOPS_STORE_H
#define KMLOPS_STORE_H

#include <linux/bpf.h>
#include <linux/hash.h>
#include <linux/rculist.h>
#include <linux/refcount.h>
#include <linux/workqueue.h>
#include "cursor.h"
#include "kernmlops.h"
#include "key_index.h"
#include "map_rows.h"
#include "schema.h"

#define KMLOPS_KEY_BYTES_MAX	256
#define KMLOPS_VALUE_BYTES_MAX	8192

#define KMLOPS_NO_SIZE	U32_MAX

/**
 * struct kmlops_store - A registered map and its rows
 * @by_name: in the table of names while registered
 * @by_map: in the table of maps while registered
 * @free_work: frees the store a grace period after the last reference
 * @refs: one for being registered, one for each netlink reader and module
 * @map: schema and handle; a reference is held
 * @history: the rows; NULL in mode map
 * @index: latest rows by key; NULL in mode map
 * @key_size: bytes of a key
 * @value_size: bytes of a value
 * @plain_key_size: in mode history, not lossless and with keys of up to 8 bytes:
 *   @key_size. Captures and reads of the latest row go the short way then.
 *   Otherwise KMLOPS_NO_SIZE, which no caller can pass: 0 it can
 * @id: place in the list of all stores, not used again soon
 * @mode: enum kernmlops_store_mode
 * @hidden: no longer registered
 * @unmirrored: mode mirror: rows that the map did not take
 * @bytes: memory of rows and index, 0 in mode map
 * @nr_key_fields: fields of the key, the first in @fields
 * @nr_value_fields: fields of the value, which follow them
 * @name: name
 * @fields: the schema
 */
struct kmlops_store {
	struct hlist_node by_map;
	struct bpf_map *map;
	struct kmlops_history *history;
	struct kmlops_key_index *index;
	u32 plain_key_size;
	u32 value_size;
	u32 key_size;
	struct hlist_node by_name;
	u32 mode;
	u32 id;
	refcount_t refs;
	bool hidden;
	char name[KERNMLOPS_NAME_MAX + 1];
	atomic64_t unmirrored;
	u32 nr_key_fields;
	u32 nr_value_fields;
	u64 bytes;
	struct rcu_work free_work;
	struct kmlops_field fields[];
};

extern unsigned int kmlops_max_stores;
extern unsigned long kmlops_max_store_bytes;
extern unsigned long kmlops_max_stores_memory;

int kmlops_stores_init(void);
void kmlops_stores_exit(void);

struct kmlops_store *
kmlops_store_register(const struct kmlops_store_request *request,
		      struct kmlops_refusal *refusal);
int kmlops_store_unregister(const char *name);
void kmlops_store_withdraw(struct kmlops_store *store);
struct kmlops_store *kmlops_store_get(const char *name);
struct kmlops_store *kmlops_store_get_next(unsigned long *id);
void kmlops_store_put(struct kmlops_store *store);
unsigned int kmlops_stores_count(void);
u64 kmlops_stores_memory(void);

struct kmlops_store *kmlops_store_find(const char *name);
struct kmlops_store *kmlops_store_by_id(u32 id);

s64 kmlops_store_capture(struct kmlops_store *store, const void *key,
			 const void *value);
s64 kmlops_store_latest(const struct kmlops_store *store, const void *key,
			void *value, u64 *ref);
int kmlops_store_last(const struct kmlops_store *store, const void *key,
		      u64 asof, u32 steps, struct kmlops_row *rows, u32 max);
int kmlops_store_row(const struct kmlops_store *store, u64 ref,
		     struct kmlops_row *row);
int kmlops_store_nearest(const struct kmlops_store *store, u64 time,
			 struct kmlops_row *row);
int kmlops_store_truncate(const struct kmlops_store *store, u64 before);
void kmlops_store_count(const struct kmlops_store *store, bool exact,
			struct kmlops_store_stats *stats);

#define KMLOPS_MAP_BUCKET_BITS	8

/* Changed by registration only. */
extern struct hlist_head kmlops_stores_by_map[1 << KMLOPS_MAP_BUCKET_BITS];

static __always_inline struct hlist_head *
kmlops_map_bucket(const struct bpf_map *map)
{
	return &kmlops_stores_by_map[hash_ptr(map, KMLOPS_MAP_BUCKET_BITS)];
}

/**
 * kmlops_store_of_map() - Find the store of a map
 * @map: the map
 *
 * Context: any, NMI included, within an RCU read side (or preemption off), or
 * a writer of the registry.
 * Return: the store, valid until the read side ends, or NULL.
 */
static __always_inline struct kmlops_store *
kmlops_store_of_map(const struct bpf_map *map)
{
	struct kmlops_store *store;

	hlist_for_each_entry_rcu_notrace(store, kmlops_map_bucket(map), by_map)
		if (likely(store->map == map))
			return store;
	return NULL;
}

/* Bytes of a packed row. */
static inline u32 kmlops_store_row_size(const struct kmlops_store *store)
{
	return sizeof(struct kmlops_row) + KMLOPS_ROW_PAD(store->key_size) +
	       KMLOPS_ROW_PAD(store->value_size);
}

#endif /* KMLOPS_STORE_H */
