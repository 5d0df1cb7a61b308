/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Models: engines by name, in versions, replaced while in use.
 */
#ifndef KMLOPS_MODEL_H
#define KMLOPS_MODEL_H

#include <linux/kernmlops.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/types.h>
#include <linux/workqueue.h>
#include "engine.h"

/**
 * struct kmlops_model - One version of a model
 * @in_line: in the list of versions of its name, as long as it is kept
 * @free_work: frees the version a grace period after the last reference
 * @engine: what computes
 * @inferences: per CPU, inferences so far
 * @name: name
 * @refs: one for being kept, one for each holder
 * @version: number of loads under the name, from 1
 * @activated: when it became the active version, to compare with those of
 *   other versions; 0 if it never did, or was rolled back
 */
struct kmlops_model {
	struct list_head in_line;
	struct kmlops_engine *engine;
	u64 __percpu *inferences;
	char name[KERNMLOPS_NAME_MAX + 1];
	refcount_t refs;
	u32 version;
	u64 activated;
	struct rcu_work free_work;
};

/**
 * struct kmlops_model_line - The versions of a name
 * @by_name: in the table of names
 * @active: what callers of the name get, or NULL
 * @name: the name
 * @versions: those that are kept, the newest first
 * @nr_versions: how many those are
 * @last_version: number of the newest one ever
 * @id: place in the list of all names
 * @refs: one for being in the table, one for each holder
 * @rcu: frees the line
 */
struct kmlops_model_line {
	struct hlist_node by_name;
	struct kmlops_model __rcu *active;
	char name[KERNMLOPS_NAME_MAX + 1];
	struct list_head versions;
	u32 nr_versions;
	u32 last_version;
	u32 id;
	refcount_t refs;
	struct rcu_head rcu;
};

/**
 * struct kmlops_model_load - How to load a model
 * @file: the model file, at an address that is a multiple of 8; not kept
 * @size: its bytes
 * @inactive: do not make it the active version
 * @path: name of the path to take, or NULL for the quickest
 * @code: the model as code, or NULL
 * @budget: what it may take; 0 for what module parameters allow
 */
struct kmlops_model_load {
	const void *file;
	size_t size;
	bool inactive;
	const char *path;
	kmlops_engine_code code;
	struct kmlops_budget budget;
};

extern unsigned int kmlops_max_models;
extern unsigned int kmlops_max_model_bytes;
extern unsigned int kmlops_max_model_versions;
extern unsigned long kmlops_max_model_work;
extern unsigned long kmlops_max_model_memory;
extern unsigned long kmlops_max_models_memory;

int kmlops_models_init(void);
void kmlops_models_exit(void);

struct kmlops_model *kmlops_model_load(const char *name,
				       const struct kmlops_model_load *load,
				       struct kmlops_refusal *refusal);
int kmlops_model_remove(const char *name, u32 version,
			struct kmlops_refusal *refusal);
struct kmlops_model *kmlops_model_activate(const char *name, u32 version,
					   struct kmlops_refusal *refusal);
struct kmlops_model *kmlops_model_rollback(const char *name, u32 version,
					   struct kmlops_refusal *refusal);

void kmlops_model_drop_code(struct kmlops_model *model);

struct kmlops_model *kmlops_model_get(const char *name, u32 version,
				      struct kmlops_refusal *refusal);
struct kmlops_model *kmlops_model_get_next(unsigned long *id, u32 *before);
void kmlops_model_put(struct kmlops_model *model);
bool kmlops_model_is_active(const struct kmlops_model *model);
u64 kmlops_model_inferences(const struct kmlops_model *model);

unsigned int kmlops_models_count(void);
u64 kmlops_models_memory(void);
u32 kmlops_models_changes(void);

struct kmlops_model_line *kmlops_model_line_get(const char *name);
void kmlops_model_line_put(struct kmlops_model_line *line);

struct kmlops_model *kmlops_model_find(const char *name);
int kmlops_model_infer(const struct kmlops_model *model, const s64 *in,
		       u32 in_size, s64 *out, u32 out_size);

#endif /* KMLOPS_MODEL_H */
