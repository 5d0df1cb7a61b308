// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registry of models.
 *
 * A name has a line of versions, of which at most one is active: that is what
 * callers of the name get. Loading makes a new version and, usually, the active
 * one, in one step under RCU: an inference runs on the version it found, whole.
 * Older versions are kept, so that they can be made active again.
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
MODULE_PARM_DESC(max_models, "Most names of models");

unsigned int kmlops_max_model_bytes = 16 << 20;
module_param_named(max_model_bytes, kmlops_max_model_bytes, uint, 0644);
MODULE_PARM_DESC(max_model_bytes, "Most bytes of one model file");

unsigned int kmlops_max_model_versions = 4;
module_param_named(max_model_versions, kmlops_max_model_versions, uint, 0644);
MODULE_PARM_DESC(max_model_versions, "Versions of a model that are kept; the active and the newest one always are");

unsigned long kmlops_max_model_work = 1 << 20;
module_param_named(max_model_work, kmlops_max_model_work, ulong, 0644);
MODULE_PARM_DESC(max_model_work, "Most multiply-accumulates or comparisons of one inference");

unsigned long kmlops_max_model_memory = 64 << 20;
module_param_named(max_model_memory, kmlops_max_model_memory, ulong, 0644);
MODULE_PARM_DESC(max_model_memory, "Most bytes of one version of a model");

unsigned long kmlops_max_models_memory = 256 << 20;
module_param_named(max_models_memory, kmlops_max_models_memory, ulong, 0644);
MODULE_PARM_DESC(max_models_memory, "Most bytes of all versions of all models");

static DEFINE_MUTEX(models_lock);	/* writers of all that follows */
static struct hlist_head lines_by_name[KMLOPS_NAME_BUCKETS];
static DEFINE_XARRAY_ALLOC1(lines);
static unsigned int lines_count;
static u64 models_memory;		/* of the versions that are kept */
static u64 last_activated;
static u32 models_changes = 1;
static struct workqueue_struct *free_queue;

static struct kmlops_model_line *find_line(const char *name)
{
	struct kmlops_model_line *line;

	hlist_for_each_entry_rcu(line, &lines_by_name[kmlops_name_bucket(name)],
				 by_name, lockdep_is_held(&models_lock))
		if (!strcmp(line->name, name))
			return line;
	return NULL;
}

static struct kmlops_model *active_of(const struct kmlops_model_line *line)
{
	return rcu_dereference_protected(line->active,
					 lockdep_is_held(&models_lock));
}

/**
 * kmlops_model_find() - Find the active version of a model
 * @name: its name
 *
 * Context: any, NMI included, within an RCU read side.
 * Return: the version, valid until the read side ends, or NULL.
 */
struct kmlops_model *kmlops_model_find(const char *name)
{
	struct kmlops_model_line *line = find_line(name);

	return likely(line) ? rcu_dereference(line->active) : NULL;
}

/**
 * kmlops_model_line_get() - Hold a name
 * @name: the name
 *
 * Context: any, NMI included.
 * Return: its line, for the caller to put, or NULL if there is no such model.
 */
struct kmlops_model_line *kmlops_model_line_get(const char *name)
{
	struct kmlops_model_line *line;

	rcu_read_lock();
	line = find_line(name);
	/* One that lost its last reference was removed; there may be a new one. */
	while (line && !refcount_inc_not_zero(&line->refs))
		line = find_line(name);
	rcu_read_unlock();
	return line;
}

void kmlops_model_line_put(struct kmlops_model_line *line)
{
	if (refcount_dec_and_test(&line->refs))
		kfree_rcu(line, rcu);
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

static int refuse_name(struct kmlops_refusal *refusal)
{
	return kmlops_refuse(refusal, -ENOENT,
			     "there is no model of that name");
}

/*
 * A version of a line, or its active one if @version is 0. NULL with an error
 * number and a sentence if there is no such line (@line is NULL) or version.
 */
static struct kmlops_model *find_version(const struct kmlops_model_line *line,
					 u32 version, int *err,
					 struct kmlops_refusal *refusal)
{
	struct kmlops_model *model;

	lockdep_assert_held(&models_lock);
	if (!line) {
		*err = refuse_name(refusal);
		return NULL;
	}
	if (!version) {
		model = active_of(line);
		if (!model)
			*err = kmlops_refuse(refusal, -ENOENT,
					     "no version of the model is active");
		return model;
	}
	list_for_each_entry(model, &line->versions, in_line)
		if (model->version == version)
			return model;
	*err = kmlops_refuse(refusal, -ENOENT,
			     "there is no version %u, the last one was %u",
			     version, line->last_version);
	return NULL;
}

/**
 * kmlops_model_get() - Hold a version of a model
 * @name: its name
 * @version: its number, or 0 for the active one
 * @refusal: receives the sentence on error
 *
 * Context: process; sleeps.
 * Return: the version with a reference, or ERR_PTR(-ENOENT).
 */
struct kmlops_model *kmlops_model_get(const char *name, u32 version,
				      struct kmlops_refusal *refusal)
{
	struct kmlops_model *model;
	int err = 0;

	mutex_lock(&models_lock);
	model = find_version(find_line(name), version, &err, refusal);
	if (model)
		refcount_inc(&model->refs);
	mutex_unlock(&models_lock);
	return model ?: ERR_PTR(err);
}

/**
 * kmlops_model_get_next() - Hold one version after the other
 * @id: of the name to go on with; 0 to begin
 * @before: of that name, versions from this one on were seen; 0 for none
 *
 * Context: process; sleeps.
 * Return: the next version with a reference, or NULL.
 */
struct kmlops_model *kmlops_model_get_next(unsigned long *id, u32 *before)
{
	struct kmlops_model_line *line;
	struct kmlops_model *model;

	mutex_lock(&models_lock);
	for (;;) {
		unsigned long at = *id;

		line = xa_find(&lines, id, ULONG_MAX, XA_PRESENT);
		if (!line)
			break;
		if (*id != at)
			*before = 0;
		list_for_each_entry(model, &line->versions, in_line) {
			if (*before && model->version >= *before)
				continue;
			*before = model->version;
			refcount_inc(&model->refs);
			mutex_unlock(&models_lock);
			return model;
		}
		++*id;
		*before = 0;
	}
	mutex_unlock(&models_lock);
	return NULL;
}

/* Whether callers of its name get @model, which the caller holds. */
bool kmlops_model_is_active(const struct kmlops_model *model)
{
	bool active;

	rcu_read_lock();
	active = kmlops_model_find(model->name) == model;
	rcu_read_unlock();
	return active;
}

u64 kmlops_model_inferences(const struct kmlops_model *model)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(*per_cpu_ptr(model->inferences, cpu));
	return sum;
}

/* How many names there are. */
unsigned int kmlops_models_count(void)
{
	return READ_ONCE(lines_count);
}

u64 kmlops_models_memory(void)
{
	return READ_ONCE(models_memory);
}

/* Differs, and is not 0, after each change of names, versions or activity. */
u32 kmlops_models_changes(void)
{
	return READ_ONCE(models_changes);
}

static void changed(void)
{
	lockdep_assert_held(&models_lock);
	WRITE_ONCE(models_changes, models_changes + 1 ?: 1);
}

static void activate(struct kmlops_model_line *line, struct kmlops_model *model)
{
	lockdep_assert_held(&models_lock);
	rcu_assign_pointer(line->active, model);
	changed();
}

/* Takes a version that nobody can find any more out of its line. */
static void drop_version(struct kmlops_model_line *line,
			 struct kmlops_model *model)
{
	lockdep_assert_held(&models_lock);
	list_del(&model->in_line);
	line->nr_versions--;
	WRITE_ONCE(models_memory, models_memory - model->engine->bytes);
	changed();
	kmlops_model_put(model);
}

static void drop_line(struct kmlops_model_line *line)
{
	struct kmlops_model *model, *next;

	lockdep_assert_held(&models_lock);
	hlist_del_rcu(&line->by_name);
	xa_erase(&lines, line->id);
	WRITE_ONCE(lines_count, lines_count - 1);
	/* For those who hold the line. */
	RCU_INIT_POINTER(line->active, NULL);
	list_for_each_entry_safe(model, next, &line->versions, in_line)
		drop_version(line, model);
	changed();
	kmlops_model_line_put(line);
}

static struct kmlops_model_line *make_line(const char *name, int *err,
					   struct kmlops_refusal *refusal)
{
	struct kmlops_model_line *line;

	lockdep_assert_held(&models_lock);
	if (lines_count >= kmlops_max_models) {
		*err = kmlops_refuse(refusal, -ENOSPC,
				     "max_models allows %u models",
				     kmlops_max_models);
		return NULL;
	}
	line = kzalloc(sizeof(*line), GFP_KERNEL_ACCOUNT);
	*err = line ? xa_alloc(&lines, &line->id, line, xa_limit_31b,
			       GFP_KERNEL) : -ENOMEM;
	if (*err) {
		kmlops_refuse(refusal, *err, "no memory to list the model");
		kfree(line);
		return NULL;
	}
	INIT_LIST_HEAD(&line->versions);
	refcount_set(&line->refs, 1);
	strscpy(line->name, name, sizeof(line->name));
	hlist_add_head_rcu(&line->by_name,
			   &lines_by_name[kmlops_name_bucket(name)]);
	WRITE_ONCE(lines_count, lines_count + 1);
	return line;
}

/*
 * Bytes of the oldest versions, those beyond what is kept of a line that has, or
 * is to get, @more newer ones. Drops them if @drop. @active stays.
 */
static u64 trim(struct kmlops_model_line *line,
		const struct kmlops_model *active, u32 more, bool drop)
{
	u32 left = line->nr_versions + more;
	struct kmlops_model *model, *next;
	u64 bytes = 0;

	list_for_each_entry_safe_reverse(model, next, &line->versions, in_line) {
		if (left <= kmlops_max_model_versions)
			break;
		if (model == active ||
		    (!more && list_is_first(&model->in_line, &line->versions)))
			continue;
		left--;
		bytes += model->engine->bytes;
		if (drop)
			drop_version(line, model);
	}
	return bytes;
}

static int add_version(struct kmlops_model *model, bool inactive,
		       struct kmlops_refusal *refusal)
{
	u64 bytes = model->engine->bytes, others;
	struct kmlops_model_line *line;
	int err = 0;

	mutex_lock(&models_lock);
	line = find_line(model->name);
	others = models_memory;
	if (line)
		others -= trim(line, inactive ? active_of(line) : NULL, 1,
			       false);
	if (others + bytes > kmlops_max_models_memory) {
		err = kmlops_refuse(refusal, -ENOSPC,
				    "%llu bytes more than %llu, max_models_memory allows %lu",
				    bytes, others, kmlops_max_models_memory);
		goto out;
	}
	if (!line)
		line = make_line(model->name, &err, refusal);
	if (!line)
		goto out;
	model->version = ++line->last_version;
	list_add(&model->in_line, &line->versions);
	line->nr_versions++;
	WRITE_ONCE(models_memory, models_memory + bytes);
	changed();
	if (!inactive) {
		model->activated = ++last_activated;
		activate(line, model);
	}
	trim(line, active_of(line), 0, true);
out:
	mutex_unlock(&models_lock);
	return err;
}

/**
 * kmlops_model_load() - Verify a model file and make it a version of its name
 * @name: name of the model
 * @load: the file, and what to make of it
 * @refusal: receives the sentence on error
 *
 * Memory is charged to the cgroup of the caller.
 *
 * Context: process; sleeps.
 * Return: the version with a reference for the caller, or an error pointer.
 */
struct kmlops_model *kmlops_model_load(const char *name,
				       const struct kmlops_model_load *load,
				       struct kmlops_refusal *refusal)
{
	struct kmlops_budget budget = {
		.work = load->budget.work ?: kmlops_max_model_work,
		.bytes = load->budget.bytes ?: kmlops_max_model_memory,
	};
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
	model->engine = kmlops_engine_admit(load->file, load->size, &budget,
					    &err, refusal);
	if (!model->engine)
		goto err_destroy;
	if (load->code) {
		err = kmlops_engine_add_code(model->engine, load->code,
					     load->file, load->size, refusal);
		if (err)
			goto err_destroy;
	}
	if (load->path) {
		err = kmlops_engine_use_path(model->engine, load->path,
					     refusal);
		if (err)
			goto err_destroy;
	}
	err = add_version(model, load->inactive, refusal);
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

/**
 * kmlops_model_drop_code() - Leave the code of a module
 * @model: the version that was loaded with it, held by the caller
 *
 * The version goes on with its engine. Nobody is in the code on return.
 *
 * Context: process; sleeps.
 */
void kmlops_model_drop_code(struct kmlops_model *model)
{
	kmlops_engine_leave_code(model->engine);
	synchronize_rcu();
	kmlops_engine_drop_code(model->engine);
}

/**
 * kmlops_model_remove() - Remove a model, or a version of it
 * @name: its name
 * @version: the version, or 0 for all
 * @refusal: receives the sentence on error
 *
 * Programs that call a model that is removed get -ENOENT from then on.
 *
 * Context: process; sleeps.
 * Return: 0; -ENOENT if there is none; -EBUSY if the version is active.
 */
int kmlops_model_remove(const char *name, u32 version,
			struct kmlops_refusal *refusal)
{
	struct kmlops_model_line *line;
	struct kmlops_model *model;
	int err = 0;

	mutex_lock(&models_lock);
	line = find_line(name);
	if (!version) {
		if (line)
			drop_line(line);
		else
			err = refuse_name(refusal);
		goto out;
	}
	model = find_version(line, version, &err, refusal);
	if (!model)
		goto out;
	if (model == active_of(line))
		err = kmlops_refuse(refusal, -EBUSY,
				    "version %u is active: activate another one, or remove all",
				    version);
	else if (line->nr_versions == 1)
		drop_line(line);
	else
		drop_version(line, model);
out:
	mutex_unlock(&models_lock);
	return err;
}

/**
 * kmlops_model_activate() - Make a version the one that callers get
 * @name: name of the model
 * @version: the version
 * @refusal: receives the sentence on error
 *
 * Context: process; sleeps.
 * Return: the version with a reference, or ERR_PTR(-ENOENT).
 */
struct kmlops_model *kmlops_model_activate(const char *name, u32 version,
					   struct kmlops_refusal *refusal)
{
	struct kmlops_model_line *line;
	struct kmlops_model *model;
	int err = 0;

	mutex_lock(&models_lock);
	line = find_line(name);
	model = find_version(line, version, &err, refusal);
	if (model) {
		if (model != active_of(line)) {
			model->activated = ++last_activated;
			activate(line, model);
		}
		refcount_inc(&model->refs);
	}
	mutex_unlock(&models_lock);
	return model ?: ERR_PTR(err);
}

/* The version that was active before all that were since @until. */
static struct kmlops_model *
active_before(const struct kmlops_model_line *line, u64 until)
{
	struct kmlops_model *model, *last = NULL;

	list_for_each_entry(model, &line->versions, in_line)
		if (model->activated && model->activated < until &&
		    (!last || model->activated > last->activated))
			last = model;
	return last;
}

static struct kmlops_model *roll_back(struct kmlops_model_line *line,
				      u32 version, int *err,
				      struct kmlops_refusal *refusal)
{
	struct kmlops_model *active, *model, *other;

	active = find_version(line, 0, err, refusal);
	if (!active)
		return NULL;
	if (version) {
		model = find_version(line, version, err, refusal);
		if (!model)
			return NULL;
		if (!model->activated || model == active) {
			*err = kmlops_refuse(refusal, -EINVAL,
					     "version %u was not active before version %u",
					     version, active->version);
			return NULL;
		}
	} else {
		model = active_before(line, active->activated);
		if (!model) {
			*err = kmlops_refuse(refusal, -ENOENT,
					     "no version that is kept was active before version %u",
					     active->version);
			return NULL;
		}
	}
	/* What is rolled back is nothing to come back to. */
	list_for_each_entry(other, &line->versions, in_line)
		if (other->activated > model->activated)
			other->activated = 0;
	activate(line, model);
	return model;
}

/**
 * kmlops_model_rollback() - Go back to a version that was active before
 * @name: name of the model
 * @version: the version, or 0 for the last one before the active one
 * @refusal: receives the sentence on error
 *
 * Going back again goes further back.
 *
 * Context: process; sleeps.
 * Return: the version with a reference; ERR_PTR(-ENOENT) if there is none;
 *   ERR_PTR(-EINVAL) if @version was not active before.
 */
struct kmlops_model *kmlops_model_rollback(const char *name, u32 version,
					   struct kmlops_refusal *refusal)
{
	struct kmlops_model *model;
	int err = 0;

	mutex_lock(&models_lock);
	model = roll_back(find_line(name), version, &err, refusal);
	if (model)
		refcount_inc(&model->refs);
	mutex_unlock(&models_lock);
	return model ?: ERR_PTR(err);
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
 *   Can be preempted if the caller can.
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
	free_queue = alloc_workqueue("kernmlops_models", WQ_UNBOUND, 0);
	return free_queue ? 0 : -ENOMEM;
}

/* Nobody can find or load a model any more. */
void kmlops_models_exit(void)
{
	struct kmlops_model_line *line;
	unsigned long id;

	mutex_lock(&models_lock);
	xa_for_each(&lines, id, line)
		drop_line(line);
	mutex_unlock(&models_lock);

	/* Queues the work of all models, then runs it. */
	rcu_barrier();
	destroy_workqueue(free_queue);
}
