// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kernel API: what other modules call.
 *
 * A store that is held open stays readable after it was unregistered; captures
 * get -ENOENT from then on, as those of BPF programs do. A model that is held
 * open is a name: each inference takes the version that is active then.
 */
#include <linux/err.h>
#include <linux/export.h>
#include <linux/nospec.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include "kernmlops.h"
#include "model.h"
#include "store.h"

/* Rows of a key that a call looks at, at most. */
#define STEPS_MAX	4096

/**
 * kernmlops_store_register() - Register a map as a store
 * @request: what is asked for
 * @reason: receives a sentence of up to KERNMLOPS_REASON_LEN bytes on error;
 *   or NULL
 *
 * Memory is charged to the cgroup of the caller.
 *
 * Context: process, in the task that owns the descriptor where the map is
 * given as one; sleeps.
 * Return: the store, open: the caller closes it. Or an error pointer.
 */
struct kmlops_store *
kernmlops_store_register(const struct kmlops_store_request *request,
			 char *reason)
{
	struct kmlops_refusal refusal = {};
	struct kmlops_store *store = kmlops_store_register(request, &refusal);

	BUILD_BUG_ON(KERNMLOPS_REASON_LEN < sizeof(refusal.text));
	if (IS_ERR(store) && reason)
		strscpy(reason, refusal.text, sizeof(refusal.text));
	return store;
}
EXPORT_SYMBOL_GPL(kernmlops_store_register);

/**
 * kernmlops_store_unregister() - Hide a store
 * @name: its name
 *
 * Nobody finds it any more; whoever holds it open can still read it.
 *
 * Context: process; sleeps.
 * Return: 0, or -ENOENT.
 */
int kernmlops_store_unregister(const char *name)
{
	return kmlops_store_unregister(name);
}
EXPORT_SYMBOL_GPL(kernmlops_store_unregister);

/**
 * kernmlops_store_open() - Find a store and hold it
 * @name: its name
 *
 * Context: any, NMI included; does not sleep.
 * Return: the store, for the caller to close, or NULL if there is none.
 */
struct kmlops_store *kernmlops_store_open(const char *name)
{
	return kmlops_store_get(name);
}
EXPORT_SYMBOL_GPL(kernmlops_store_open);

/**
 * kernmlops_store_close() - Let go of a store
 * @store: the store; may be NULL
 *
 * A store that was unregistered goes with the last who holds it.
 *
 * Context: any but NMI; does not sleep.
 */
void kernmlops_store_close(struct kmlops_store *store)
{
	if (store)
		kmlops_store_put(store);
}
EXPORT_SYMBOL_GPL(kernmlops_store_close);

/**
 * kernmlops_row_size() - Bytes of a packed row
 * @store: the store
 *
 * Context: any, NMI included.
 * Return: the size of struct kmlops_row, key and value, the latter two each
 *   padded to 8 bytes.
 */
u32 kernmlops_row_size(const struct kmlops_store *store)
{
	return kmlops_store_row_size(store);
}
EXPORT_SYMBOL_GPL(kernmlops_row_size);

/**
 * kernmlops_capture_feature() - Append a row
 * @store: the store
 * @key: the entity the row is about
 * @key_size: size of @key in bytes, the key size of the store
 * @data: the features
 * @data_size: size of @data in bytes, the value size of the store
 *
 * Context: any, NMI included; does not sleep. Takes no lock and allocates
 * nothing, but for what the map does in mode mirror.
 * Return: the time of the row (CLOCK_MONOTONIC ns, > 0); -ENOENT if the store
 *   was unregistered; -EINVAL if a size does not fit it; -EBUSY if the row had
 *   no place and was counted as dropped; -EOPNOTSUPP in mode map.
 */
s64 kernmlops_capture_feature(struct kmlops_store *store, const void *key,
			      u32 key_size, const void *data, u32 data_size)
{
	s64 ret = -ENOENT;

	if (key_size != store->key_size || data_size != store->value_size)
		return -EINVAL;
	preempt_disable_notrace();
	if (likely(!READ_ONCE(store->hidden)))
		ret = kmlops_store_capture(store, key, data);
	preempt_enable_notrace();
	return ret;
}
EXPORT_SYMBOL_GPL(kernmlops_capture_feature);

/**
 * kernmlops_get_feature() - Read the latest row of a key
 * @store: the store
 * @key: the entity
 * @key_size: size of @key in bytes, the key size of the store
 * @data: receives the features; undefined on error
 * @data_size: size of @data in bytes, the value size of the store
 *
 * Context: any, NMI included; does not sleep.
 * Return: the time of the row (CLOCK_MONOTONIC ns, > 0; in mode map that of
 *   the read); -ENOENT if the store has no row of that key; -EINVAL if a size
 *   does not fit it; -EAGAIN if rows of the key were overwritten faster than
 *   they were read.
 */
s64 kernmlops_get_feature(const struct kmlops_store *store, const void *key,
			  u32 key_size, void *data, u32 data_size)
{
	u64 ref;
	s64 ret;

	if (key_size != store->key_size || data_size != store->value_size)
		return -EINVAL;
	rcu_read_lock();
	ret = kmlops_store_latest(store, key, data, &ref);
	rcu_read_unlock();
	return ret;
}
EXPORT_SYMBOL_GPL(kernmlops_get_feature);

/**
 * kernmlops_get_feature_asof() - Read the row of a key that was the latest then
 * @store: the store
 * @key: the entity
 * @key_size: size of @key in bytes, the key size of the store
 * @asof: as of when (CLOCK_MONOTONIC ns)
 * @row: receives the latest packed row captured at or before; undefined on
 *   error
 * @row_size: size of @row in bytes
 *
 * Context: any, NMI included; does not sleep. Looks at 4096 rows at most.
 * Return: the time of the row, or an error as kernmlops_get_features_last().
 */
s64 kernmlops_get_feature_asof(const struct kmlops_store *store,
			       const void *key, u32 key_size, u64 asof,
			       struct kmlops_row *row, u32 row_size)
{
	int ret;

	if (key_size != store->key_size ||
	    row_size != kmlops_store_row_size(store))
		return -EINVAL;
	ret = kmlops_store_last(store, key, asof, STEPS_MAX, row, 1);
	return ret < 0 ? ret : (s64)row->time;
}
EXPORT_SYMBOL_GPL(kernmlops_get_feature_asof);

/**
 * kernmlops_get_features_last() - Read the latest rows of a key
 * @store: the store
 * @key: the entity
 * @key_size: size of @key in bytes, the key size of the store
 * @rows: receives packed rows, the latest first; undefined on error
 * @rows_size: size of @rows in bytes: as many packed rows as are wanted
 *
 * Context: any, NMI included; does not sleep. Looks at 4096 rows at most.
 * Return: number of rows; -ENOENT if the store has no row of that key; -EINVAL
 *   if a size does not fit it; -E2BIG if too many rows would have to be looked
 *   at; -EAGAIN if rows of the key were overwritten faster than they were
 *   read; -EOPNOTSUPP in mode map.
 */
int kernmlops_get_features_last(const struct kmlops_store *store,
				const void *key, u32 key_size,
				struct kmlops_row *rows, u32 rows_size)
{
	u32 size = kmlops_store_row_size(store);

	if (key_size != store->key_size || !rows_size || rows_size % size ||
	    rows_size / size > STEPS_MAX)
		return -EINVAL;
	return kmlops_store_last(store, key, U64_MAX, STEPS_MAX, rows,
				 rows_size / size);
}
EXPORT_SYMBOL_GPL(kernmlops_get_features_last);

/**
 * kernmlops_get_feature_ts() - Read the row nearest to a time
 * @store: the store
 * @time: CLOCK_MONOTONIC ns
 * @row: receives the packed row, of any key; undefined on error
 * @row_size: size of @row in bytes
 *
 * Context: any, NMI included; does not sleep. Takes time proportional to the
 * number of CPUs.
 * Return: the time of the row; -ENOENT if the store has no row; -EINVAL if the
 *   size does not fit it; -EAGAIN if rows were overwritten faster than they
 *   were read; -EOPNOTSUPP in mode map.
 */
s64 kernmlops_get_feature_ts(const struct kmlops_store *store, u64 time,
			     struct kmlops_row *row, u32 row_size)
{
	int err;

	if (row_size != kmlops_store_row_size(store))
		return -EINVAL;
	err = kmlops_store_nearest(store, time, row);
	return err ? err : (s64)row->time;
}
EXPORT_SYMBOL_GPL(kernmlops_get_feature_ts);

/**
 * kernmlops_get_row() - Read a row by its identity
 * @store: the store
 * @seq: identity of the row, as another read gave it
 * @row: receives the packed row; undefined on error
 * @row_size: size of @row in bytes
 *
 * Context: any, NMI included; does not sleep.
 * Return: 0; -ENOENT if there is no such row (any more); -EINVAL if the size
 *   does not fit the store; -EOPNOTSUPP in mode map.
 */
int kernmlops_get_row(const struct kmlops_store *store, u64 seq,
		      struct kmlops_row *row, u32 row_size)
{
	if (row_size != kmlops_store_row_size(store))
		return -EINVAL;
	return kmlops_store_row(store, seq, row);
}
EXPORT_SYMBOL_GPL(kernmlops_get_row);

static int each_of_history(const struct kmlops_store *store, u64 from, u64 to,
			   struct kmlops_row *row, kernmlops_row_fn each,
			   void *arg, u64 *lost)
{
	struct kmlops_cursor *cursor;
	int ret = 0;

	cursor = kmlops_cursor_open(store->history, from, to, NULL);
	if (!cursor)
		return -ENOMEM;
	while (!ret && !kmlops_cursor_next(cursor, store->history, &row->seq,
					   &row->time, (u64 *)(row + 1)))
		ret = each(row, arg);
	if (lost)
		*lost = cursor->lost;
	kmlops_cursor_close(cursor);
	return ret;
}

static int each_of_map(const struct kmlops_store *store, struct kmlops_row *row,
		       kernmlops_row_fn each, void *arg)
{
	struct kmlops_map_walk walk;
	int ret;

	ret = kmlops_map_walk_begin(&walk, store->map);
	if (ret)
		return ret;
	while (!ret && !kmlops_map_walk_next(&walk, store->map, row))
		ret = each(row, arg);
	kmlops_map_walk_end(&walk);
	return ret;
}

/**
 * kernmlops_get_features() - Call a function for each row in order of time
 * @store: the store
 * @from: only rows captured at or after this time (CLOCK_MONOTONIC ns)
 * @to: only rows captured before this time; all rows: 0 and U64_MAX
 * @each: called with each packed row, which is valid until it returns; it may
 *   sleep; if it returns other than 0, that is the end
 * @arg: passed on to @each
 * @lost: receives how many rows were overwritten before their turn; or NULL
 *
 * Rows captured after the call began are not part of it. In mode map, the rows
 * are those of the map, and only all of them can be asked for.
 *
 * Context: process; sleeps.
 * Return: 0; what @each returned other than 0; -ENOMEM; -EOPNOTSUPP for a
 *   range of time in mode map.
 */
int kernmlops_get_features(const struct kmlops_store *store, u64 from, u64 to,
			   kernmlops_row_fn each, void *arg, u64 *lost)
{
	struct kmlops_row *row;
	int ret;

	if (lost)
		*lost = 0;
	if (!store->history && (from || to != U64_MAX))
		return -EOPNOTSUPP;
	row = kvmalloc(kmlops_store_row_size(store), GFP_KERNEL);
	if (!row)
		return -ENOMEM;
	ret = store->history ?
	      each_of_history(store, from, to, row, each, arg, lost) :
	      each_of_map(store, row, each, arg);
	kvfree(row);
	return ret;
}
EXPORT_SYMBOL_GPL(kernmlops_get_features);

/**
 * kernmlops_consume_features() - Give the place of rows to new ones
 * @store: the store, lossless
 * @seq: identity of the last row that has been read, of those of one CPU: what
 *   that CPU captured up to it may be overwritten. A row that was not captured
 *   yet counts as the newest.
 *
 * Context: any, NMI included; does not sleep.
 * Return: 0; -ENOENT if @seq is no row of any CPU; -EOPNOTSUPP if the store is
 *   not lossless.
 */
int kernmlops_consume_features(struct kmlops_store *store, u64 seq)
{
	struct kmlops_history *history = store->history;
	u32 cpu = kmlops_ref_cpu(seq);

	if (!history || !history->lossless)
		return -EOPNOTSUPP;
	if (cpu >= history->nr_cpus || !kmlops_ref_pos(seq))
		return -ENOENT;
	cpu = array_index_nospec(cpu, history->nr_cpus);
	if (!history->rings[cpu].slots)
		return -ENOENT;
	kmlops_history_consume(history, cpu, kmlops_ref_pos(seq));
	return 0;
}
EXPORT_SYMBOL_GPL(kernmlops_consume_features);

/**
 * kernmlops_truncate_features() - Hide the rows captured before a time
 * @store: the store
 * @before: CLOCK_MONOTONIC ns; a time in the future counts as now
 *
 * Context: any, NMI included; does not sleep. Takes constant time.
 * Return: 0; -EOPNOTSUPP in mode map.
 */
int kernmlops_truncate_features(struct kmlops_store *store, u64 before)
{
	return kmlops_store_truncate(store, before);
}
EXPORT_SYMBOL_GPL(kernmlops_truncate_features);

/**
 * kernmlops_store_stats() - Count the rows of a store by what became of them
 * @store: the store
 * @stats: receives the counts
 *
 * Rows that were dropped in a stretch that is truncated may be counted as
 * truncated as well; stored is then less by as many.
 *
 * Context: any, NMI included; does not sleep. Takes time proportional to the
 * number of CPUs.
 */
void kernmlops_store_stats(const struct kmlops_store *store,
			   struct kmlops_store_stats *stats)
{
	kmlops_store_count(store, false, stats);
}
EXPORT_SYMBOL_GPL(kernmlops_store_stats);

/**
 * kernmlops_model_open() - Find a model and hold it
 * @name: its name
 *
 * Context: any, NMI included; does not sleep.
 * Return: the model, for the caller to close, or NULL if there is none.
 */
struct kmlops_model_line *kernmlops_model_open(const char *name)
{
	return kmlops_model_line_get(name);
}
EXPORT_SYMBOL_GPL(kernmlops_model_open);

/**
 * kernmlops_model_close() - Let go of a model
 * @model: the model; may be NULL
 *
 * Context: any but NMI; does not sleep.
 */
void kernmlops_model_close(struct kmlops_model_line *model)
{
	if (model)
		kmlops_model_line_put(model);
}
EXPORT_SYMBOL_GPL(kernmlops_model_close);

/**
 * kernmlops_model_infer() - Run the active version of a model
 * @model: the model
 * @in: the input vector, in the order of the model's inputs
 * @in_size: size of @in in bytes: 8 times the number of inputs
 * @out: receives the output vector: the answer, then the scores; it may be
 *   shorter than that, the rest is then left out
 * @out_size: size of @out in bytes, a multiple of 8, at least 8
 *
 * @in and @out must not overlap. A version that is loaded, activated or rolled
 * back to meanwhile waits for the next call: this one goes on with the version
 * it found.
 *
 * Context: any, NMI included; does not sleep. Can be preempted if the caller
 *   can.
 * Return: 0; -ENOENT if the model was removed, even if its name was loaded
 *   again since, or if no version is active; -EINVAL if a size does not fit the
 *   active version.
 */
int kernmlops_model_infer(const struct kmlops_model_line *model, const s64 *in,
			  u32 in_size, s64 *out, u32 out_size)
{
	const struct kmlops_model *active;
	int ret = -ENOENT;

	rcu_read_lock();
	active = rcu_dereference(model->active);
	if (active)
		ret = kmlops_model_infer(active, in, in_size, out, out_size);
	rcu_read_unlock();
	return ret;
}
EXPORT_SYMBOL_GPL(kernmlops_model_infer);

/**
 * kernmlops_infer() - Run the active version of a model by its name
 * @model: the name
 * @in: the input vector, in the order of the model's inputs
 * @in_size: size of @in in bytes: 8 times the number of inputs
 * @out: receives the output vector: the answer, then the scores; it may be
 *   shorter than that, the rest is then left out
 * @out_size: size of @out in bytes, a multiple of 8, at least 8
 *
 * @in and @out must not overlap.
 *
 * Context: any, NMI included; does not sleep. Can be preempted if the caller
 *   can.
 * Return: 0; -ENOENT if there is no such model, or no version of it is active;
 *   -EINVAL if a size does not fit it.
 */
int kernmlops_infer(const char *model, const s64 *in, u32 in_size, s64 *out,
		    u32 out_size)
{
	struct kmlops_model *found;
	int ret = -ENOENT;

	rcu_read_lock();
	found = kmlops_model_find(model);
	if (found)
		ret = kmlops_model_infer(found, in, in_size, out, out_size);
	rcu_read_unlock();
	return ret;
}
EXPORT_SYMBOL_GPL(kernmlops_infer);

/**
 * kernmlops_code_register() - Load a model whose code is in a module
 * @code: the model; must stay until it is unregistered
 *
 * The model file is admitted as if it came from user space, and becomes the
 * next and active version of the name. The code, which must reproduce the
 * golden vectors, is one more path of that version.
 *
 * Context: process; sleeps.
 * Return: 0, or a negative error number; the reason is in the kernel log.
 */
int kernmlops_code_register(struct kernmlops_code *code)
{
	struct kmlops_model_load load = {
		.file = code->file,
		.size = code->size,
		.path = code->path,
		.code = code->infer,
	};
	struct kmlops_refusal refusal;
	struct kmlops_model *model;

	model = kmlops_model_load(code->name, &load, &refusal);
	if (IS_ERR(model)) {
		pr_err("kernmlops: model %s: %s\n", code->name, refusal.text);
		return PTR_ERR(model);
	}
	code->model = model;
	return 0;
}
EXPORT_SYMBOL_GPL(kernmlops_code_register);

/**
 * kernmlops_code_unregister() - Take the code away from its model
 * @code: a model that was registered
 *
 * The model stays, computed by the engine, with the same bits. Nobody is in
 * the code any more on return.
 *
 * Context: process; sleeps.
 */
void kernmlops_code_unregister(struct kernmlops_code *code)
{
	kmlops_model_drop_code(code->model);
	kmlops_model_put(code->model);
	code->model = NULL;
}
EXPORT_SYMBOL_GPL(kernmlops_code_unregister);
