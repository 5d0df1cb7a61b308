// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registry of stores.
 *
 * Two tables, by name and by map, are read under RCU by kfuncs and written
 * under one mutex. A store leaves both tables at unregistration; its memory
 * goes a grace period after the last reference.
 */
#include <linux/btf.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/nospec.h>
#include <linux/overflow.h>
#include <linux/random.h>
#include <linux/topology.h>
#include <linux/xarray.h>
#include "clock.h"
#include "compat.h"
#include "names.h"
#include "store.h"

/* Places of a key index; a store of fewer rows has as many as rows. */
#define INDEX_PLACES_MAX	65536

unsigned int kmlops_max_stores = 64;
module_param_named(max_stores, kmlops_max_stores, uint, 0644);
MODULE_PARM_DESC(max_stores, "Most stores that can be registered");

unsigned long kmlops_max_store_bytes;
module_param_named(max_store_bytes, kmlops_max_store_bytes, ulong, 0644);
MODULE_PARM_DESC(max_store_bytes,
		 "Most bytes of one store (default: a quarter of memory)");

unsigned long kmlops_max_stores_memory;
module_param_named(max_stores_memory, kmlops_max_stores_memory, ulong, 0644);
MODULE_PARM_DESC(max_stores_memory,
		 "Most bytes of all stores (default: half of memory)");

static DEFINE_MUTEX(stores_lock);	/* writers of all that follows */
static struct hlist_head stores_by_name[KMLOPS_NAME_BUCKETS];
struct hlist_head kmlops_stores_by_map[1 << KMLOPS_MAP_BUCKET_BITS];
static DEFINE_XARRAY_ALLOC1(stores);
static u32 next_id;
static unsigned int stores_count;
static u64 stores_memory;		/* until it is freed */
static struct workqueue_struct *free_queue;

/**
 * kmlops_store_find() - Find a store by name
 * @name: the name
 *
 * Context: any, NMI included, within an RCU read side.
 * Return: the store, valid until the read side ends, or NULL.
 */
struct kmlops_store *kmlops_store_find(const char *name)
{
	struct kmlops_store *store;

	hlist_for_each_entry_rcu(store,
				 &stores_by_name[kmlops_name_bucket(name)],
				 by_name, lockdep_is_held(&stores_lock))
		if (!strcmp(store->name, name))
			return store;
	return NULL;
}

/* A store by id, to go on with a read that holds no reference. */
struct kmlops_store *kmlops_store_by_id(u32 id)
{
	return xa_load(&stores, id);
}

/* The store of that name with a reference, or NULL. */
struct kmlops_store *kmlops_store_get(const char *name)
{
	struct kmlops_store *store;

	rcu_read_lock();
	store = kmlops_store_find(name);
	if (store && !refcount_inc_not_zero(&store->refs))
		store = NULL;
	rcu_read_unlock();
	return store;
}

/*
 * The first store registered under an id at or after *@id, with a reference,
 * or NULL. Sets *@id to its id.
 */
struct kmlops_store *kmlops_store_get_next(unsigned long *id)
{
	struct kmlops_store *store;

	rcu_read_lock();
	store = xa_find(&stores, id, ULONG_MAX, XA_PRESENT);
	while (store && !refcount_inc_not_zero(&store->refs))
		store = xa_find_after(&stores, id, ULONG_MAX, XA_PRESENT);
	rcu_read_unlock();
	return store;
}

static void store_destroy(struct kmlops_store *store)
{
	kmlops_key_index_destroy(store->index);
	kmlops_history_destroy(store->history);
	if (store->bytes) {
		mutex_lock(&stores_lock);
		WRITE_ONCE(stores_memory, stores_memory - store->bytes);
		mutex_unlock(&stores_lock);
	}
	if (!IS_ERR_OR_NULL(store->map))
		bpf_map_put(store->map);
	kfree(store);
}

static void store_free_work(struct work_struct *work)
{
	store_destroy(container_of(to_rcu_work(work), struct kmlops_store,
				   free_work));
}

void kmlops_store_put(struct kmlops_store *store)
{
	if (refcount_dec_and_test(&store->refs))
		queue_rcu_work(free_queue, &store->free_work);
}

unsigned int kmlops_stores_count(void)
{
	return READ_ONCE(stores_count);
}

/* Bytes that all stores take, those included that only readers hold. */
u64 kmlops_stores_memory(void)
{
	return READ_ONCE(stores_memory);
}

static int check_mode(const struct bpf_map *map, u32 mode, bool lossless,
		      struct kmlops_refusal *refusal)
{
	switch (mode) {
	case KERNMLOPS_STORE_MODE_HISTORY:
		return 0;
	case KERNMLOPS_STORE_MODE_MIRROR:
		if (map->map_type != BPF_MAP_TYPE_HASH &&
		    map->map_type != BPF_MAP_TYPE_LRU_HASH &&
		    map->map_type != BPF_MAP_TYPE_ARRAY)
			return kmlops_refuse(refusal, -EOPNOTSUPP,
					     "mode mirror is for hash and array maps, this is of type %d",
					     map->map_type);
		return 0;
	case KERNMLOPS_STORE_MODE_MAP:
		if (lossless)
			return kmlops_refuse(refusal, -EINVAL,
					     "a map without history cannot be lossless");
		return kmlops_map_rows_check(map, refusal);
	}
	return kmlops_refuse(refusal, -EINVAL, "mode %u is unknown", mode);
}

/* Whether rows of @map are plain data of a known layout and bearable size. */
static int check_map(const struct bpf_map *map, struct kmlops_refusal *refusal)
{
	if (!map->btf || !map->btf_value_type_id || !map->btf_key_type_id)
		return kmlops_refuse(refusal, -EINVAL,
				     "the map has no BTF for its key and value");
	if (!IS_ERR_OR_NULL(map->record) && map->record->cnt)
		return kmlops_refuse(refusal, -EINVAL,
				     "a value of the map holds a %s: rows are plain data only",
				     btf_field_type_name(map->record->fields[0].type));
	if (!map->key_size || map->key_size > KMLOPS_KEY_BYTES_MAX)
		return kmlops_refuse(refusal, -E2BIG,
				     "a key has 1 to %d bytes, the map's has %u",
				     KMLOPS_KEY_BYTES_MAX, map->key_size);
	if (!map->value_size || map->value_size > KMLOPS_VALUE_BYTES_MAX)
		return kmlops_refuse(refusal, -E2BIG,
				     "a value has 1 to %d bytes, the map's has %u",
				     KMLOPS_VALUE_BYTES_MAX, map->value_size);
	return 0;
}

static int node_of_cpu(unsigned int cpu)
{
	int node;

	if (!cpu_possible(cpu))
		return -1;
	node = cpu_to_node(cpu);
	return node == NUMA_NO_NODE ? first_online_node : node;
}

/* Counts the bytes of a store before they are allocated, if they are allowed. */
static int reserve_memory(struct kmlops_store *store, u64 bytes,
			  struct kmlops_refusal *refusal)
{
	u64 all;
	int err = 0;

	mutex_lock(&stores_lock);
	if (check_add_overflow(stores_memory, bytes, &all) ||
	    all > kmlops_max_stores_memory) {
		err = kmlops_refuse(refusal, -ENOSPC,
				    "%llu KiB more than %llu KiB, max_stores_memory allows %lu KiB",
				    bytes >> 10, stores_memory >> 10,
				    kmlops_max_stores_memory >> 10);
	} else {
		WRITE_ONCE(stores_memory, all);
		store->bytes = bytes;
	}
	mutex_unlock(&stores_lock);
	return err;
}

static int allocate_rows(struct kmlops_store *store, u64 rows, bool lossless,
			 struct kmlops_refusal *refusal)
{
	u64 slots, places, bytes;
	int err;

	if (!rows)
		return kmlops_refuse(refusal, -EINVAL,
				     "a store retains at least 1 row");
	/* Beyond this nothing fits memory, and powers of two may overflow. */
	if (rows > 1ULL << 40)
		rows = 1ULL << 40;

	slots = kmlops_history_slots_per_cpu(rows, num_possible_cpus());
	places = roundup_pow_of_two(clamp_t(u64, slots * num_possible_cpus(),
					    64, INDEX_PLACES_MAX));
	bytes = kmlops_history_bytes(store->map->key_size,
				     store->map->value_size, slots,
				     num_possible_cpus());
	if (bytes > kmlops_max_store_bytes)
		return kmlops_refuse(refusal, -E2BIG,
				     "the rows take %llu KiB, max_store_bytes allows %lu KiB",
				     bytes >> 10, kmlops_max_store_bytes >> 10);
	err = reserve_memory(store, bytes + kmlops_key_index_bytes(places),
			     refusal);
	if (err)
		return err;

	store->history = kmlops_history_create(store->map->key_size,
					       store->map->value_size, slots,
					       nr_cpu_ids, node_of_cpu);
	store->index = kmlops_key_index_create(places, get_random_u64());
	if (!store->history || !store->index)
		return kmlops_refuse(refusal, -ENOMEM,
				     "no memory for the %llu KiB of rows",
				     bytes >> 10);
	store->history->lossless = lossless;
	return 0;
}

/* Puts a finished store into the tables. */
static int publish(struct kmlops_store *store, struct kmlops_refusal *refusal)
{
	struct kmlops_store *other;
	int err;

	mutex_lock(&stores_lock);
	if (kmlops_store_find(store->name)) {
		err = kmlops_refuse(refusal, -EEXIST,
				    "a store %s is registered already",
				    store->name);
		goto out;
	}
	other = kmlops_store_of_map(store->map);
	if (other) {
		err = kmlops_refuse(refusal, -EBUSY,
				    "the map is the store %s already",
				    other->name);
		goto out;
	}
	if (stores_count >= kmlops_max_stores) {
		err = kmlops_refuse(refusal, -ENOSPC,
				    "max_stores allows %u stores",
				    kmlops_max_stores);
		goto out;
	}
	err = xa_alloc_cyclic(&stores, &store->id, store, xa_limit_31b,
			      &next_id, GFP_KERNEL);
	if (err < 0) {
		kmlops_refuse(refusal, err, "no memory to list the store");
		goto out;
	}
	err = 0;
	hlist_add_head_rcu(&store->by_name,
			   &stores_by_name[kmlops_name_bucket(store->name)]);
	hlist_add_head_rcu(&store->by_map, kmlops_map_bucket(store->map));
	WRITE_ONCE(stores_count, stores_count + 1);
out:
	mutex_unlock(&stores_lock);
	return err;
}

/* The map of a request with a reference, or an error pointer. */
static struct bpf_map *get_map(const struct kmlops_store_request *request)
{
	if (!request->map)
		return bpf_map_get(request->map_fd);
	bpf_map_inc(request->map);
	return request->map;
}

/**
 * kmlops_store_register() - Register a map as a store
 * @request: what is asked for
 * @refusal: receives the sentence on error
 *
 * Memory is charged to the cgroup of the caller.
 *
 * Context: process, in the task that owns the map's descriptor, if it is given
 * by that; sleeps.
 * Return: the store with a reference for the caller, or an error pointer.
 */
struct kmlops_store *
kmlops_store_register(const struct kmlops_store_request *request,
		      struct kmlops_refusal *refusal)
{
	u32 nr_fields = request->nr_key_fields + request->nr_value_fields;
	struct kmlops_store *store;
	int err;

	err = kmlops_name_check(request->name, "store", refusal);
	if (err)
		return ERR_PTR(err);

	store = kzalloc(struct_size(store, fields, nr_fields),
			GFP_KERNEL_ACCOUNT);
	if (!store) {
		kmlops_refuse(refusal, 0, "no memory for the store");
		return ERR_PTR(-ENOMEM);
	}
	refcount_set(&store->refs, 2);
	INIT_RCU_WORK(&store->free_work, store_free_work);
	strscpy(store->name, request->name, sizeof(store->name));
	store->mode = request->mode;
	store->nr_key_fields = request->nr_key_fields;
	store->nr_value_fields = request->nr_value_fields;
	memcpy(store->fields, request->fields,
	       nr_fields * sizeof(*request->fields));

	store->map = get_map(request);
	if (IS_ERR(store->map)) {
		err = kmlops_refuse(refusal, PTR_ERR(store->map),
				    "descriptor %d is no BPF map",
				    request->map_fd);
		goto err_destroy;
	}
	store->key_size = store->map->key_size;
	store->value_size = store->map->value_size;
	err = check_map(store->map, refusal);
	if (!err)
		err = check_mode(store->map, store->mode, request->lossless,
				 refusal);
	if (!err)
		err = kmlops_schema_check(store->fields, store->nr_key_fields,
					  store->map->key_size, "key",
					  refusal);
	if (!err)
		err = kmlops_schema_check(store->fields + store->nr_key_fields,
					  store->nr_value_fields,
					  store->map->value_size, "value",
					  refusal);
	if (!err && store->mode != KERNMLOPS_STORE_MODE_MAP)
		err = allocate_rows(store, request->rows, request->lossless,
				    refusal);
	store->plain_key_size = KMLOPS_NO_SIZE;
	if (store->mode == KERNMLOPS_STORE_MODE_HISTORY &&
	    !request->lossless && store->key_size <= 8)
		store->plain_key_size = store->key_size;
	if (!err)
		err = publish(store, refusal);
	if (err)
		goto err_destroy;
	return store;

err_destroy:
	store_destroy(store);
	return ERR_PTR(err);
}

/* Takes a store out of the tables, with the lock held. */
static void hide(struct kmlops_store *store)
{
	lockdep_assert_held(&stores_lock);
	WRITE_ONCE(store->hidden, true);
	hlist_del_rcu(&store->by_name);
	hlist_del_rcu(&store->by_map);
	xa_erase(&stores, store->id);
	WRITE_ONCE(stores_count, stores_count - 1);
	kmlops_store_put(store);
}

/**
 * kmlops_store_unregister() - Hide a store
 * @name: its name
 *
 * Programs that hold the map get -ENOENT from then on. The memory goes when
 * the last reader has left.
 *
 * Context: process; sleeps.
 * Return: 0, or -ENOENT.
 */
int kmlops_store_unregister(const char *name)
{
	struct kmlops_store *store;

	mutex_lock(&stores_lock);
	store = kmlops_store_find(name);
	if (store)
		hide(store);
	mutex_unlock(&stores_lock);
	return store ? 0 : -ENOENT;
}

/* Undoes a registration, unless the store was unregistered meanwhile. */
void kmlops_store_withdraw(struct kmlops_store *store)
{
	mutex_lock(&stores_lock);
	if (!store->hidden)
		hide(store);
	mutex_unlock(&stores_lock);
}

/*
 * Makes the row the value of its key in the map. Maps are not safe to update
 * from an NMI, which may have interrupted an update of the same map.
 */
static void mirror(struct kmlops_store *store, void *key, void *value)
{
	int err = -EBUSY;

	if (!in_nmi()) {
		rcu_read_lock();
		err = store->map->ops->map_update_elem(store->map, key, value,
						       BPF_ANY);
		rcu_read_unlock();
	}
	if (err)
		atomic64_inc(&store->unmirrored);
}

/**
 * kmlops_store_capture() - Append a row
 * @store: the store
 * @key: key, of the store's key size
 * @value: value, of the store's value size
 *
 * Context: any, NMI included, preemption off. Takes no lock, but those of the
 * map in mode mirror.
 * Return: the time of the row; -EBUSY if it was dropped (and counted);
 *   -EOPNOTSUPP in mode map.
 */
s64 kmlops_store_capture(struct kmlops_store *store, const void *key,
			 const void *value)
{
	u64 ref, time;

	if (unlikely(!store->history))
		return -EOPNOTSUPP;
	if (unlikely(!kmlops_key_index_append(store->index, store->history,
					      smp_processor_id(), key, value,
					      &ref, &time)))
		return -EBUSY;
	if (unlikely(store->mode == KERNMLOPS_STORE_MODE_MIRROR))
		mirror(store, (void *)key, (void *)value);
	return time;
}

/**
 * kmlops_store_latest() - Read the latest row of a key
 * @store: the store
 * @key: key, of the store's key size
 * @value: receives the value, of the store's value size; undefined on error
 * @ref: receives the identity of the row
 *
 * Context: any, NMI included, within an RCU read side.
 * Return: the time of the row (in mode map that of the read), or -ENOENT or
 *   -EAGAIN as kmlops_key_index_latest().
 */
s64 kmlops_store_latest(const struct kmlops_store *store, const void *key,
			void *value, u64 *ref)
{
	u64 time;
	int err;

	if (likely(store->history)) {
		err = kmlops_key_index_latest(store->index, store->history,
					      key, ref, &time, value);
		return err ? err : time;
	}
	*ref = 0;
	err = kmlops_map_read(store->map, (void *)key, value);
	return err ? err : kmlops_clock_ns();
}

/**
 * kmlops_store_last() - Read the latest rows of a key
 * @store: the store
 * @key: key, of the store's key size
 * @asof: only rows captured at or before this time
 * @steps: how many rows of the key to look at, at most
 * @rows: receives packed rows, the latest first; undefined on error
 * @max: how many rows at most, at least 1
 *
 * Context: any, NMI included, within an RCU read side or with a reference.
 * Return: number of rows, or what kmlops_key_index_last() returns, or
 *   -EOPNOTSUPP in mode map.
 */
int kmlops_store_last(const struct kmlops_store *store, const void *key,
		      u64 asof, u32 steps, struct kmlops_row *rows, u32 max)
{
	if (!store->history)
		return -EOPNOTSUPP;
	return kmlops_key_index_last(store->index, store->history, key, asof,
				     steps, rows, max);
}

/**
 * kmlops_store_row() - Read a row by its identity
 * @store: the store
 * @ref: identity (seq) of the row; any number
 * @row: receives the packed row; undefined on error
 *
 * Context: any, NMI included, within an RCU read side or with a reference.
 * Return: 0; -ENOENT if there is no such row (any more); -EOPNOTSUPP in mode
 *   map.
 */
int kmlops_store_row(const struct kmlops_store *store, u64 ref,
		     struct kmlops_row *row)
{
	const struct kmlops_history *history = store->history;
	u32 cpu = kmlops_ref_cpu(ref);
	u64 time;

	if (!history)
		return -EOPNOTSUPP;
	if (cpu >= history->nr_cpus || !kmlops_ref_pos(ref))
		return -ENOENT;
	cpu = array_index_nospec(cpu, history->nr_cpus);
	if (!history->rings[cpu].slots)
		return -ENOENT;
	if (kmlops_history_read(history, kmlops_ref(cpu, kmlops_ref_pos(ref)),
				&time, (u64 *)(row + 1)) ||
	    time < READ_ONCE(history->watermark))
		return -ENOENT;
	row->time = time;
	row->seq = ref;
	return 0;
}

/**
 * kmlops_store_nearest() - Read the row nearest to a time
 * @store: the store
 * @time: the time
 * @row: receives the packed row; undefined on error
 *
 * Context: as kmlops_history_nearest(), within an RCU read side or with a
 * reference.
 * Return: 0; -ENOENT if there is no row; -EAGAIN if rows were overwritten
 *   faster than they were read; -EOPNOTSUPP in mode map.
 */
int kmlops_store_nearest(const struct kmlops_store *store, u64 time,
			 struct kmlops_row *row)
{
	int tries;
	u64 ref;

	if (!store->history)
		return -EOPNOTSUPP;
	for (tries = 0; tries < 8; tries++) {
		ref = kmlops_history_nearest(store->history, time);
		if (!ref)
			return -ENOENT;
		if (!kmlops_store_row(store, ref, row))
			return 0;
	}
	return -EAGAIN;
}

/* Hides the rows captured before @before; 0, or -EOPNOTSUPP in mode map. */
int kmlops_store_truncate(const struct kmlops_store *store, u64 before)
{
	if (!store->history)
		return -EOPNOTSUPP;
	kmlops_history_truncate(store->history, before);
	return 0;
}

/* Counts rows, see kmlops_history_stats(); all zero in mode map. */
void kmlops_store_count(const struct kmlops_store *store, bool exact,
			struct kmlops_store_stats *stats)
{
	struct kmlops_history_stats rows;

	memset(stats, 0, sizeof(*stats));
	if (!store->history)
		return;
	kmlops_history_stats(store->history, exact, &rows);
	stats->captured = rows.captured;
	stats->stored = rows.stored;
	stats->overwritten = rows.overwritten;
	stats->dropped = rows.dropped;
	stats->truncated = rows.truncated;
	stats->unindexed = READ_ONCE(store->index->unindexed);
	stats->evicted = READ_ONCE(store->index->evicted);
	stats->keys = READ_ONCE(store->index->keys);
	stats->unmirrored = atomic64_read(&store->unmirrored);
}

int kmlops_stores_init(void)
{
	if (!kmlops_max_store_bytes)
		kmlops_max_store_bytes = (totalram_pages() << PAGE_SHIFT) / 4;
	if (!kmlops_max_stores_memory)
		kmlops_max_stores_memory = (totalram_pages() << PAGE_SHIFT) / 2;

	free_queue = alloc_workqueue("kernmlops_stores", WQ_UNBOUND, 0);
	return free_queue ? 0 : -ENOMEM;
}

/* Nobody can find or register a store any more. */
void kmlops_stores_exit(void)
{
	struct kmlops_store *store;
	unsigned long id;

	mutex_lock(&stores_lock);
	xa_for_each(&stores, id, store)
		hide(store);
	mutex_unlock(&stores_lock);

	/* Queues the work of all stores, then runs it. */
	rcu_barrier();
	destroy_workqueue(free_queue);
}
