/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Models: engines by name, replaced while in use.
 */
#ifndef KMLOPS_MODEL_H
#define KMLOPS_MODEL_H

#include <linux/kernmlops.h>
#include <linux/refcount.h>
#include <linux/types.h>
#include <linux/workqueue.h>
#include "engine.h"

/**
 * struct kmlops_model - One version of a model
 * @by_name: in the table of names while it is the active version
 * @free_work: frees the version a grace period after the last reference
 * @engine: what computes
 * @inferences: per CPU, inferences so far
 * @refs: one for being active, one for each netlink reader
 * @version: number of loads under the name, from 1
 * @id: place in the list of all models; kept from version to version
 * @name: name
 */
struct kmlops_model {
	struct hlist_node by_name;
	struct kmlops_engine *engine;
	u64 __percpu *inferences;
	char name[KERNMLOPS_NAME_MAX + 1];
	refcount_t refs;
	u32 version;
	u32 id;
	struct rcu_work free_work;
};

extern unsigned int kmlops_max_models;
extern unsigned int kmlops_max_model_bytes;

int kmlops_models_init(void);
void kmlops_models_exit(void);

struct kmlops_model *kmlops_model_load(const char *name, const void *file,
				       size_t size,
				       struct kmlops_refusal *refusal);
int kmlops_model_remove(const char *name);
struct kmlops_model *kmlops_model_get(const char *name);
struct kmlops_model *kmlops_model_get_next(unsigned long *id);
void kmlops_model_put(struct kmlops_model *model);
unsigned int kmlops_models_count(void);
u64 kmlops_model_inferences(const struct kmlops_model *model);

struct kmlops_model *kmlops_model_find(const char *name);
int kmlops_model_infer(const struct kmlops_model *model, const s64 *in,
		       u32 in_size, s64 *out, u32 out_size);

#endif /* KMLOPS_MODEL_H */
