// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registry of models.
 *
 * The table of names holds the active version of each model. Loading a name
 * again replaces the entry in one step under RCU: an inference runs on the
 * version it found, whole; the old one goes a grace period later.
 */
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/rculist.h>
#include <linux/xarray.h>
#include "model.h"
#include "names.h"

unsigned int kmlops_max_models = 256;
module_param_named(max_models, kmlops_max_models, uint, 0644);
MODULE_PARM_DESC(max_models, "Most models that can be loaded");

unsigned int kmlops_max_model_bytes = 16 << 20;
module_param_named(max_model_bytes, kmlops_max_model_bytes, uint, 0644);
MODULE_PARM_DESC(max_model_bytes, "Most bytes of one model file");

static DEFINE_MUTEX(models_lock);	/* writers of all that follows */
static struct hlist_head models_by_name[KMLOPS_NAME_BUCKETS];
static DEFINE_XARRAY_ALLOC1(models);
static unsigned int models_count;
static struct workqueue_struct *free_queue;

/**
 * kmlops_model_find() - Find the active version of a model
 * @name: its name
 *
 * Context: any, NMI included, within an RCU read side.
 * Return: the version, valid until the read side ends, or NULL.
 */
struct kmlops_model *kmlops_model_find(const char *name)
{
	struct kmlops_model *model;

	hlist_for_each_entry_rcu(model,
				 &models_by_name[kmlops_name_bucket(name)],
				 by_name, lockdep_is_held(&models_lock))
		if (!strcmp(model->name, name))
			return model;
	return NULL;
}

/* The active version of that name with a reference, or NULL. */
struct kmlops_model *kmlops_model_get(const char *name)
{
	struct kmlops_model *model;

	rcu_read_lock();
	model = kmlops_model_find(name);
	/* A version that lost its last reference has been replaced: again. */
	while (model && !refcount_inc_not_zero(&model->refs))
		model = kmlops_model_find(name);
	rcu_read_unlock();
	return model;
}

/*
 * The first model with an id at or after *@id, with a reference, or NULL. Sets
 * *@id to its id.
 */
struct kmlops_model *kmlops_model_get_next(unsigned long *id)
{
	struct kmlops_model *model;

	rcu_read_lock();
	model = xa_find(&models, id, ULONG_MAX, XA_PRESENT);
	while (model && !refcount_inc_not_zero(&model->refs))
		model = xa_find(&models, id, ULONG_MAX, XA_PRESENT);
	rcu_read_unlock();
	return model;
}

static void model_destroy(struct kmlops_model *model)
{
	kmlops_engine_destroy(model->engine);
	free_percpu(model->inferences);
	kfree(model);
}

static void model_free_work(struct work_struct *work)
{
	model_destroy(container_of(to_rcu_work(work), struct kmlops_model,
				   free_work));
}

void kmlops_model_put(struct kmlops_model *model)
{
	if (refcount_dec_and_test(&model->refs))
		queue_rcu_work(free_queue, &model->free_work);
}

unsigned int kmlops_models_count(void)
{
	return READ_ONCE(models_count);
}

u64 kmlops_model_inferences(const struct kmlops_model *model)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(*per_cpu_ptr(model->inferences, cpu));
	return sum;
}

/* Makes @model the active version of its name. */
static int activate(struct kmlops_model *model, struct kmlops_refusal *refusal)
{
	struct kmlops_model *old;
	int err = 0;

	mutex_lock(&models_lock);
	old = kmlops_model_find(model->name);
	if (old) {
		model->version = old->version + 1;
		model->id = old->id;
		xa_store(&models, model->id, model, GFP_KERNEL);
		hlist_replace_rcu(&old->by_name, &model->by_name);
		kmlops_model_put(old);
		goto out;
	}
	if (models_count >= kmlops_max_models) {
		err = kmlops_refuse(refusal, -ENOSPC,
				    "max_models allows %u models",
				    kmlops_max_models);
		goto out;
	}
	err = xa_alloc(&models, &model->id, model, xa_limit_31b, GFP_KERNEL);
	if (err) {
		kmlops_refuse(refusal, err, "no memory to list the model");
		goto out;
	}
	model->version = 1;
	hlist_add_head_rcu(&model->by_name,
			   &models_by_name[kmlops_name_bucket(model->name)]);
	WRITE_ONCE(models_count, models_count + 1);
out:
	mutex_unlock(&models_lock);
	return err;
}

/**
 * kmlops_model_load() - Verify a model file and make it the active version
 * @name: name of the model
 * @file: the file, at an address that is a multiple of 8; not kept
 * @size: its bytes
 * @refusal: receives the sentence on error
 *
 * Memory is charged to the cgroup of the caller.
 *
 * Context: process; sleeps.
 * Return: the version with a reference for the caller, or an error pointer.
 */
struct kmlops_model *kmlops_model_load(const char *name, const void *file,
				       size_t size,
				       struct kmlops_refusal *refusal)
{
	struct kmlops_model *model;
	int err;

	err = kmlops_name_check(name, "model", refusal);
	if (err)
		return ERR_PTR(err);

	model = kzalloc(sizeof(*model), GFP_KERNEL_ACCOUNT);
	if (!model)
		goto err_memory;
	refcount_set(&model->refs, 2);
	INIT_RCU_WORK(&model->free_work, model_free_work);
	strscpy(model->name, name, sizeof(model->name));

	model->inferences = alloc_percpu_gfp(u64, GFP_KERNEL_ACCOUNT);
	if (!model->inferences)
		goto err_memory;
	model->engine = kmlops_engine_create(file, size, &err, refusal);
	if (!model->engine)
		goto err_destroy;
	err = activate(model, refusal);
	if (err)
		goto err_destroy;
	return model;

err_memory:
	err = kmlops_refuse(refusal, -ENOMEM, "no memory for the model");
err_destroy:
	if (model)
		model_destroy(model);
	return ERR_PTR(err);
}

/* Takes a model out of the table, with the lock held. */
static void hide(struct kmlops_model *model)
{
	lockdep_assert_held(&models_lock);
	hlist_del_rcu(&model->by_name);
	xa_erase(&models, model->id);
	WRITE_ONCE(models_count, models_count - 1);
	kmlops_model_put(model);
}

/**
 * kmlops_model_remove() - Remove a model
 * @name: its name
 *
 * Programs that call it get -ENOENT from then on.
 *
 * Context: process; sleeps.
 * Return: 0, or -ENOENT.
 */
int kmlops_model_remove(const char *name)
{
	struct kmlops_model *model;

	mutex_lock(&models_lock);
	model = kmlops_model_find(name);
	if (model)
		hide(model);
	mutex_unlock(&models_lock);
	return model ? 0 : -ENOENT;
}

/**
 * kmlops_model_infer() - Run a model on one input vector
 * @model: the model
 * @in: the input vector
 * @in_size: its bytes, 8 times the number of inputs
 * @out: receives the first words of the output vector
 * @out_size: how many bytes of it, a multiple of 8, not 0, not more than all
 *
 * Context: any, NMI included, within an RCU read side or with a reference.
 * Return: 0, or -EINVAL if a size does not fit.
 */
int kmlops_model_infer(const struct kmlops_model *model, const s64 *in,
		       u32 in_size, s64 *out, u32 out_size)
{
	const struct kmlops_engine *engine = model->engine;

	if (in_size != 8 * engine->nr_inputs || !out_size || out_size % 8 ||
	    out_size > 8 * engine->nr_outputs)
		return -EINVAL;
	kmlops_engine_infer(engine, in, out, out_size / 8);
	this_cpu_inc(*model->inferences);
	return 0;
}

int kmlops_models_init(void)
{
	free_queue = alloc_workqueue("kernmlops_models", 0, 0);
	return free_queue ? 0 : -ENOMEM;
}

/* Nobody can find or load a model any more. */
void kmlops_models_exit(void)
{
	struct kmlops_model *model;
	unsigned long id;

	mutex_lock(&models_lock);
	xa_for_each(&models, id, model)
		hide(model);
	mutex_unlock(&models_lock);

	/* Queues the work of all models, then runs it. */
	rcu_barrier();
	destroy_workqueue(free_queue);
}
