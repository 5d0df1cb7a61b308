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
#include "kfuncs.h"
#include "model.h"
#include "store.h"

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
 *   place and was counted as dropped.
 */
__bpf_kfunc s64 kmlops_capture_feature(void *map__map, void *key, u32 key__sz,
				       void *data, u32 data__sz)
{
	struct kmlops_store *store;
	s64 ret = -ENOENT;

	/* Keeps the CPU, and is a read side of RCU. */
	preempt_disable_notrace();
	store = kmlops_store_of_map(map__map);
	if (likely(store)) {
		if (likely(key__sz == store->history->key_size &&
			   data__sz == store->history->value_size))
			ret = kmlops_store_capture(store, key, data);
		else
			ret = -EINVAL;
	}
	preempt_enable_notrace();
	return ret;
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
 * Return: the time of the row (CLOCK_MONOTONIC ns, > 0), or -ENOENT if there
 *   is no such store or no row of that key in it, -EINVAL if a size does not
 *   fit the store, -EAGAIN if rows of the key were overwritten faster than
 *   they were read.
 */
__bpf_kfunc s64 kmlops_get_feature(const char *name__str, void *key,
				   u32 key__sz, void *data, u32 data__sz)
{
	struct kmlops_store *store;
	s64 ret = -ENOENT;
	u64 ref;

	rcu_read_lock();
	store = kmlops_store_find(name__str);
	if (likely(store)) {
		if (likely(key__sz == store->history->key_size &&
			   data__sz == store->history->value_size))
			ret = kmlops_store_latest(store, key, data, &ref);
		else
			ret = -EINVAL;
	}
	rcu_read_unlock();
	return ret;
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
 *
 * Context: any, NMI included; does not sleep.
 * Return: 0, or -ENOENT if there is no such model, -EINVAL if a size does not
 *   fit it.
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

BTF_KFUNCS_START(kmlops_kfunc_ids)
BTF_ID_FLAGS(func, kmlops_capture_feature)
BTF_ID_FLAGS(func, kmlops_get_feature)
BTF_ID_FLAGS(func, kmlops_infer)
BTF_KFUNCS_END(kmlops_kfunc_ids)

/*
 * The set is offered to every program type, also to socket filters, which
 * CAP_BPF alone may load. Rows hold what tracing sees, and capture stamps
 * state that tracing reads: loading wants the capability for that, or the one
 * that manages stores.
 */
static int may_call(const struct bpf_prog *prog, u32 kfunc_id)
{
	if (!btf_id_set8_contains(&kmlops_kfunc_ids, kfunc_id))
		return 0;
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
