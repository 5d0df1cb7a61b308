// SPDX-License-Identifier: GPL-2.0-only
/*
 * kfuncs: what BPF programs call.
 *
 * The verifier has checked that a buffer has the size that is passed, and that
 * a name is a constant string. It knows nothing of the rest: sizes are checked
 * against the store or model here. Buffers may lie in maps that others write
 * meanwhile, so each word is read once.
 */
#include <linux/bpf.h>
#include <linux/btf.h>
#include <linux/btf_ids.h>
#include <linux/capability.h>
#include <linux/module.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include "clock.h"
#include "compat.h"
#include "key_index_row.h"
#include "kfuncs.h"
#include "model.h"
#include "store.h"

/* Rows of a key that a call looks at, at most. */
#define STEPS_MAX	4096

/*
 * preempt_enable_notrace() at the very end of a function, with what seldom
 * happens out of line: inline, it makes the whole function keep a frame.
 */
#ifdef CONFIG_PREEMPTION
static noinline notrace s64 reschedule(s64 ret)
{
	__preempt_schedule_notrace();
	return ret;
}

static __always_inline s64 end_read_side(s64 ret)
{
	barrier();
	if (unlikely(__preempt_count_dec_and_test()))
		return reschedule(ret);
	return ret;
}
#else
static __always_inline s64 end_read_side(s64 ret)
{
	preempt_enable_notrace();
	return ret;
}
#endif

/*
 * What does not go at once. Each ends the read side of its caller, which has
 * nothing left to do: so it needs no frame either.
 */
static noinline s64 capture_slowly(struct kmlops_store *store, const void *key,
				   u32 key_size, const void *value,
				   u32 value_size)
{
	s64 ret = -EINVAL;

	if (key_size == store->key_size && value_size == store->value_size)
		ret = kmlops_store_capture(store, key, value);
	return end_read_side(ret);
}

static noinline s64 finish_capture(struct kmlops_store *store,
				   enum kmlops_step step, u64 ref, u64 time,
				   u64 tag, u64 old)
{
	bool stored = kmlops_key_index_finish(store->index, store->history,
					      step, ref, time, tag, old);

	return end_read_side(stored ? time : -EBUSY);
}

static noinline s64 read_slowly(const struct kmlops_store *store,
				const void *key, u32 key_size, void *value,
				u32 value_size)
{
	s64 ret = -EINVAL;
	u64 ref;

	if (key_size == store->key_size && value_size == store->value_size)
		ret = kmlops_store_latest(store, key, value, &ref);
	return end_read_side(ret);
}

__bpf_kfunc_start_defs();

/**
 * kmlops_capture_feature() - Append a row to the store of a map
 * @map__map: the map that was registered as a store
 * @key: the entity the row is about
 * @key__sz: size of @key in bytes, the key size of the map
 * @data: the features
 * @data__sz: size of @data in bytes, the value size of the map
 *
 * Stamps the row with the time, appends it to the history of this CPU and
 * makes it the latest row of its key. Takes no lock and allocates nothing.
 *
 * Context: any, NMI included; does not sleep.
 * Return: the time of the row (CLOCK_MONOTONIC ns, > 0), or -ENOENT if the map
 *   is no store, -EINVAL if a size does not fit it, -EBUSY if the row had no
 *   place and was counted as dropped, -EOPNOTSUPP if the store is the map
 *   itself (mode map).
 */
__bpf_kfunc s64 kmlops_capture_feature(void *map__map, void *key, u32 key__sz,
				       void *data, u32 data__sz)
{
	struct kmlops_write write;
	struct kmlops_store *store;
	enum kmlops_step step;
	u64 tag = 0, old = 0;

	/* Keeps the CPU, and is a read side of RCU. */
	preempt_disable_notrace();
	store = kmlops_store_of_map(map__map);
	if (unlikely(!store))
		return end_read_side(-ENOENT);
	if (unlikely(key__sz != store->plain_key_size ||
		     data__sz != store->value_size))
		return capture_slowly(store, key, key__sz, data, data__sz);
	step = kmlops_key_index_capture(store->index, store->history,
					smp_processor_id(), key, key__sz, data,
					data__sz, &write, &tag, &old);
	if (likely(step == KMLOPS_CAPTURED))
		return end_read_side(write.time);
	if (step == KMLOPS_UNCLAIMED)
		return capture_slowly(store, key, key__sz, data, data__sz);
	return finish_capture(store, step, write.ref, write.time, tag, old);
}

/* In a read side, which it ends. */
static __always_inline s64 read_latest(const struct kmlops_store *store,
				       void *key, u32 key_size, void *data,
				       u32 data_size)
{
	u64 time, ref;

	if (unlikely(!store))
		return end_read_side(-ENOENT);
	if (unlikely(key_size != store->plain_key_size ||
		     data_size != store->value_size ||
		     !kmlops_key_index_try_latest(store->index, store->history,
						  key, key_size, true, data,
						  data_size, &ref, &time)))
		return read_slowly(store, key, key_size, data, data_size);
	return end_read_side(time);
}

/**
 * kmlops_get_feature() - Read the latest row of a key
 * @name__str: name of the store
 * @key: the entity
 * @key__sz: size of @key in bytes, the key size of the store
 * @data: receives the features; undefined on error
 * @data__sz: size of @data in bytes, the value size of the store
 *
 * Context: any, NMI included; does not sleep.
 * Return: the time of the row (CLOCK_MONOTONIC ns, > 0; in mode map that of
 *   the read), or -ENOENT if there is no such store or no row of that key in
 *   it, -EINVAL if a size does not fit the store, -EAGAIN if rows of the key
 *   were overwritten faster than they were read.
 */
__bpf_kfunc s64 kmlops_get_feature(const char *name__str, void *key,
				   u32 key__sz, void *data, u32 data__sz)
{
	preempt_disable_notrace();
	return read_latest(kmlops_store_find(name__str), key, key__sz, data,
			   data__sz);
}

/**
 * kmlops_get_feature_map() - Read the latest row of a key, by map
 * @map__map: the map that was registered as a store
 * @key: the entity
 * @key__sz: size of @key in bytes, the key size of the store
 * @data: receives the features; undefined on error
 * @data__sz: size of @data in bytes, the value size of the store
 *
 * As kmlops_get_feature(), without the time to look up a name.
 */
__bpf_kfunc s64 kmlops_get_feature_map(void *map__map, void *key, u32 key__sz,
				       void *data, u32 data__sz)
{
	/* A read side of RCU, for less than rcu_read_lock() takes. */
	preempt_disable_notrace();
	return read_latest(kmlops_store_of_map(map__map), key, key__sz, data,
			   data__sz);
}

static int read_last(const char *name, void *key, u32 key_size, u64 asof,
		     struct kmlops_row *rows, u32 size, u32 max)
{
	struct kmlops_store *store;
	int ret = -ENOENT;
	u32 stride;

	rcu_read_lock();
	store = kmlops_store_find(name);
	if (store) {
		stride = kmlops_store_row_size(store);
		if (key_size != store->key_size || !size || size % stride ||
		    size / stride > max)
			ret = -EINVAL;
		else
			ret = kmlops_store_last(store, key, asof, STEPS_MAX,
						rows, size / stride);
	}
	rcu_read_unlock();
	return ret;
}

/**
 * kmlops_get_features_last() - Read the latest rows of a key
 * @name__str: name of the store
 * @key: the entity
 * @key__sz: size of @key in bytes, the key size of the store
 * @rows: receives packed rows (struct kmlops_row, key, value), the latest
 *   first; undefined on error
 * @rows__sz: size of @rows in bytes: as many packed rows as are wanted
 *
 * Context: any, NMI included; does not sleep. Looks at 4096 rows at most.
 * Return: number of rows; -ENOENT if there is no such store or no row of that
 *   key in it; -EINVAL if a size does not fit the store; -E2BIG if too many
 *   rows would have to be looked at; -EAGAIN if rows of the key were
 *   overwritten faster than they were read; -EOPNOTSUPP in mode map.
 */
__bpf_kfunc int kmlops_get_features_last(const char *name__str, void *key,
					 u32 key__sz, void *rows, u32 rows__sz)
{
	return read_last(name__str, key, key__sz, U64_MAX, rows, rows__sz,
			 STEPS_MAX);
}

/**
 * kmlops_get_feature_asof() - Read the row of a key that was the latest then
 * @name__str: name of the store
 * @key: the entity
 * @key__sz: size of @key in bytes, the key size of the store
 * @row: a packed row (struct kmlops_row, key, value): its time says as of
 *   when; receives the latest row captured at or before; undefined on error
 * @row__sz: size of @row in bytes
 *
 * Context: any, NMI included; does not sleep. Looks at 4096 rows at most.
 * Return: the time of the row (CLOCK_MONOTONIC ns, > 0), or an error as
 *   kmlops_get_features_last().
 */
__bpf_kfunc s64 kmlops_get_feature_asof(const char *name__str, void *key,
					u32 key__sz, void *row, u32 row__sz)
{
	struct kmlops_row *packed = row;
	int ret;

	if (row__sz < sizeof(*packed))
		return -EINVAL;
	ret = read_last(name__str, key, key__sz, READ_ONCE(packed->time),
			packed, row__sz, 1);
	return ret < 0 ? ret : (s64)READ_ONCE(packed->time);
}

/* The store of that name if a packed row of it has @size bytes. */
static struct kmlops_store *find_for_row(const char *name, u32 size, int *err)
{
	struct kmlops_store *store = kmlops_store_find(name);

	*err = -ENOENT;
	if (store && size != kmlops_store_row_size(store)) {
		*err = -EINVAL;
		return NULL;
	}
	return store;
}

/**
 * kmlops_get_feature_ts() - Read the row nearest to a time
 * @name__str: name of the store
 * @time: CLOCK_MONOTONIC ns
 * @row: receives the packed row (struct kmlops_row, key, value), of any key;
 *   undefined on error
 * @row__sz: size of @row in bytes
 *
 * Context: any, NMI included; does not sleep. Takes time proportional to the
 * number of CPUs.
 * Return: the time of the row (CLOCK_MONOTONIC ns, > 0); -ENOENT if there is
 *   no such store or no row in it; -EINVAL if the size does not fit the store;
 *   -EAGAIN if rows were overwritten faster than they were read; -EOPNOTSUPP
 *   in mode map.
 */
__bpf_kfunc s64 kmlops_get_feature_ts(const char *name__str, u64 time,
				      void *row, u32 row__sz)
{
	struct kmlops_row *packed = row;
	struct kmlops_store *store;
	int err;

	rcu_read_lock();
	store = find_for_row(name__str, row__sz, &err);
	if (store)
		err = kmlops_store_nearest(store, time, packed);
	rcu_read_unlock();
	return err ? err : (s64)READ_ONCE(packed->time);
}

/**
 * kmlops_get_row() - Read a row by its identity
 * @name__str: name of the store
 * @seq: identity of the row, as an iterator or another read gave it
 * @row: receives the packed row (struct kmlops_row, key, value); undefined on
 *   error
 * @row__sz: size of @row in bytes
 *
 * Context: any, NMI included; does not sleep.
 * Return: 0; -ENOENT if there is no such store or row (any more); -EINVAL if
 *   the size does not fit the store; -EOPNOTSUPP in mode map.
 */
__bpf_kfunc int kmlops_get_row(const char *name__str, u64 seq, void *row,
			       u32 row__sz)
{
	struct kmlops_store *store;
	int err;

	rcu_read_lock();
	store = find_for_row(name__str, row__sz, &err);
	if (store)
		err = kmlops_store_row(store, seq, row);
	rcu_read_unlock();
	return err;
}

/**
 * kmlops_truncate_features() - Hide the rows captured before a time
 * @name__str: name of the store
 * @before: CLOCK_MONOTONIC ns; a time in the future counts as now
 *
 * Context: any, NMI included; does not sleep. Takes constant time.
 * Return: 0; -ENOENT if there is no such store; -EOPNOTSUPP in mode map.
 */
__bpf_kfunc int kmlops_truncate_features(const char *name__str, u64 before)
{
	struct kmlops_store *store;
	int err = -ENOENT;

	rcu_read_lock();
	store = kmlops_store_find(name__str);
	if (store)
		err = kmlops_store_truncate(store, before);
	rcu_read_unlock();
	return err;
}

/**
 * kmlops_store_stats() - Count the rows of a store by what became of them
 * @name__str: name of the store
 * @stats: receives a struct kmlops_store_stats
 * @stats__sz: its size in bytes
 *
 * captured is the sum of stored, overwritten, dropped and truncated, exactly.
 * Rows that were dropped in a stretch that is truncated may be counted as
 * truncated as well; stored is then less by as many.
 *
 * Context: any, NMI included; does not sleep. Takes time proportional to the
 * number of CPUs.
 * Return: 0; -ENOENT if there is no such store; -EINVAL if the size is wrong.
 */
__bpf_kfunc int kmlops_store_stats(const char *name__str, void *stats,
				   u32 stats__sz)
{
	struct kmlops_store *store;
	int err = -ENOENT;

	if (stats__sz != sizeof(struct kmlops_store_stats))
		return -EINVAL;
	rcu_read_lock();
	store = kmlops_store_find(name__str);
	if (store) {
		kmlops_store_count(store, false, stats);
		err = 0;
	}
	rcu_read_unlock();
	return err;
}

/*
 * An iterator is on the stack of the program and holds numbers only: a store
 * that is unregistered meanwhile ends it.
 */
struct bpf_iter_kmlops_rows {
	__u64 __opaque[8];
} __aligned(8);

struct rows_iter {
	struct kmlops_scan scan;
	struct kmlops_row row;
	u32 store_id;		/* 0: ended */
	u32 unused;
} __aligned(8);

/**
 * bpf_iter_kmlops_rows_new() - Begin to iterate over rows
 * @it: the iterator
 * @name__str: name of the store
 * @from: only rows captured at or after this time (CLOCK_MONOTONIC ns)
 * @to: only rows captured before this time; a time in the future counts as
 *   now, so the loop ends
 *
 * Context: any, NMI included; does not sleep.
 * Return: 0; -ENOENT if there is no such store; -EOPNOTSUPP in mode map. The
 *   iterator has no rows then.
 */
__bpf_kfunc int bpf_iter_kmlops_rows_new(struct bpf_iter_kmlops_rows *it,
					 const char *name__str, u64 from,
					 u64 to)
{
	struct rows_iter *iter = (void *)it;
	struct kmlops_store *store;
	int err = -ENOENT;

	BUILD_BUG_ON(sizeof(*iter) != sizeof(*it));
	iter->store_id = 0;
	rcu_read_lock();
	store = kmlops_store_find(name__str);
	if (store && !store->history) {
		err = -EOPNOTSUPP;
	} else if (store) {
		kmlops_scan_begin(&iter->scan, from,
				  min(to, kmlops_clock_ns()));
		iter->store_id = store->id;
		err = 0;
	}
	rcu_read_unlock();
	return err;
}

/**
 * bpf_iter_kmlops_rows_next() - Go to the next row in order of time
 * @it: the iterator
 *
 * Gives time and identity; kmlops_get_row() reads key and value. Rows that are
 * overwritten before their turn are left out.
 *
 * Context: any, NMI included; does not sleep. Takes time proportional to the
 * number of CPUs when the next row is on another CPU.
 * Return: the row, valid until the next call, or NULL at the end.
 */
__bpf_kfunc struct kmlops_row *
bpf_iter_kmlops_rows_next(struct bpf_iter_kmlops_rows *it)
{
	struct rows_iter *iter = (void *)it;
	struct kmlops_store *store;
	int err = -ENOENT;

	if (!iter->store_id)
		return NULL;
	rcu_read_lock();
	store = kmlops_store_by_id(iter->store_id);
	if (store)
		err = kmlops_scan_next(&iter->scan, store->history);
	rcu_read_unlock();
	if (err) {
		iter->store_id = 0;
		return NULL;
	}
	iter->row.time = iter->scan.time;
	iter->row.seq = iter->scan.ref;
	return &iter->row;
}

/**
 * bpf_iter_kmlops_rows_destroy() - End an iteration
 * @it: the iterator
 */
__bpf_kfunc void bpf_iter_kmlops_rows_destroy(struct bpf_iter_kmlops_rows *it)
{
}

/**
 * kmlops_infer() - Run a model
 * @name__str: name of the model
 * @in: the input vector: s64 words in the order of the model's inputs
 * @in__sz: size of @in in bytes: 8 times the number of inputs
 * @out: receives the output vector: the answer, then the scores; it may be
 *   shorter than that, the rest is then left out
 * @out__sz: size of @out in bytes, a multiple of 8, at least 8
 *
 * @in and @out must not overlap: the outputs would be those of other inputs.
 * The version that is active when the call begins computes all of them.
 *
 * Context: any, NMI included; does not sleep. Can be preempted if the caller
 *   can.
 * Return: 0, or -ENOENT if there is no such model or no version of it is
 *   active, -EINVAL if a size does not fit it.
 */
__bpf_kfunc int kmlops_infer(const char *name__str, void *in, u32 in__sz,
			     void *out, u32 out__sz)
{
	struct kmlops_model *model;
	int ret = -ENOENT;

	rcu_read_lock();
	model = kmlops_model_find(name__str);
	if (likely(model))
		ret = kmlops_model_infer(model, in, in__sz, out, out__sz);
	rcu_read_unlock();
	return ret;
}

__bpf_kfunc_end_defs();

/* Trusted arguments: no pointer may be NULL. */
BTF_KFUNCS_START(kmlops_kfunc_ids)
BTF_ID_FLAGS(func, kmlops_capture_feature, KF_TRUSTED_ARGS)
BTF_ID_FLAGS(func, kmlops_get_feature, KF_TRUSTED_ARGS)
BTF_ID_FLAGS(func, kmlops_get_feature_map, KF_TRUSTED_ARGS)
BTF_ID_FLAGS(func, kmlops_get_features_last, KF_TRUSTED_ARGS)
BTF_ID_FLAGS(func, kmlops_get_feature_asof, KF_TRUSTED_ARGS)
BTF_ID_FLAGS(func, kmlops_get_feature_ts, KF_TRUSTED_ARGS)
BTF_ID_FLAGS(func, kmlops_get_row, KF_TRUSTED_ARGS)
BTF_ID_FLAGS(func, kmlops_truncate_features, KF_TRUSTED_ARGS)
BTF_ID_FLAGS(func, kmlops_store_stats, KF_TRUSTED_ARGS)
BTF_ID_FLAGS(func, bpf_iter_kmlops_rows_new, KF_ITER_NEW)
BTF_ID_FLAGS(func, bpf_iter_kmlops_rows_next, KF_ITER_NEXT | KF_RET_NULL)
BTF_ID_FLAGS(func, bpf_iter_kmlops_rows_destroy, KF_ITER_DESTROY)
BTF_ID_FLAGS(func, kmlops_infer, KF_TRUSTED_ARGS)
BTF_KFUNCS_END(kmlops_kfunc_ids)

/*
 * The set is offered to every program type, also to socket filters, which
 * CAP_BPF alone may load. Rows hold what tracing sees, and capture stamps
 * state that tracing reads: loading wants the capability for that, or the one
 * that manages stores.
 *
 * It is asked about functions of this module's BTF only, and must not look them
 * up in the set: where that BTF refers to the kernel's by way of .BTF.base, the
 * ids in the set are not those that loading gave.
 */
static int may_call(const struct bpf_prog *prog, u32 kfunc_id)
{
	return perfmon_capable() || capable(CAP_NET_ADMIN) ? 0 : -EACCES;
}

static const struct btf_kfunc_id_set kmlops_kfunc_set = {
	.owner = THIS_MODULE,
	.set = &kmlops_kfunc_ids,
	.filter = may_call,
};

int kmlops_kfuncs_init(void)
{
	return register_btf_kfunc_id_set(BPF_PROG_TYPE_UNSPEC,
					 &kmlops_kfunc_set);
}
