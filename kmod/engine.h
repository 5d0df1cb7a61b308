/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Engine: a verified model that computes. Portable.
 */
#ifndef KMLOPS_ENGINE_H
#define KMLOPS_ENGINE_H

#include "forest.h"
#include "mlp.h"
#include "model_format.h"
#include "path.h"
#include "tree.h"

/**
 * struct kmlops_budget - What a model may take
 * @work: most multiply-accumulates or comparisons of one inference
 * @bytes: most memory
 */
struct kmlops_budget {
	u64 work;
	u64 bytes;
};

/**
 * typedef kmlops_engine_code - A model as code
 * @in: the input vector
 * @scores: receives the scores before the link; of a single tree, the output
 *   vector
 *
 * Context: any, NMI included, within an RCU read side.
 */
typedef void (*kmlops_engine_code)(const s64 *in, s64 *scores);

/**
 * struct kmlops_engine - A model ready to compute
 * @kind: enum kmlops_model_kind
 * @task: enum kmlops_model_task
 * @nr_inputs: words of an input vector
 * @nr_outputs: words of an output vector
 * @raw_bits: fraction bits of the scores before the link
 * @fraction_bits: fraction bits of the scores that it gives out
 * @link: enum kmlops_model_link
 * @nr_golden: golden vectors it reproduced on each of its paths
 * @paths: mask of the paths that it has on this machine
 * @path: the one to take where vectors are usable: the quickest here
 * @everywhere: the one to take elsewhere: the quicker of scalar and code
 * @code: the model as code, or NULL
 * @path_ns: of each path, nanoseconds of an inference when it was tried
 * @fingerprint: of its input names
 * @bytes: memory it takes
 * @work: most multiply-accumulates or comparisons of one inference
 * @depth: most comparisons in a tree; 0 of layers
 * @mlp: what computes, of kinds linear and MLP
 * @tree: what computes, of kind tree
 * @forest: what computes, of kinds forest and boosted
 * @input_names: names of the inputs in order
 */
struct kmlops_engine {
	u32 kind;
	u32 task;
	u32 nr_inputs;
	u32 nr_outputs;
	u32 raw_bits;
	u32 fraction_bits;
	u32 link;
	u32 nr_golden;
	u32 paths;
	enum kmlops_path path;
	enum kmlops_path everywhere;
	kmlops_engine_code code;
	u32 path_ns[KMLOPS_PATHS];
	u64 fingerprint;
	u64 bytes;
	u64 work;
	u32 depth;
	struct kmlops_mlp *mlp;
	struct kmlops_tree *tree;
	struct kmlops_forest *forest;
	char input_names[][KMLOPS_MODEL_INPUT_NAME_LEN];
};

struct kmlops_engine *kmlops_engine_admit(const void *file, size_t size,
					  const struct kmlops_budget *budget,
					  int *err,
					  struct kmlops_refusal *refusal);
int kmlops_engine_use_path(struct kmlops_engine *engine, const char *name,
			   struct kmlops_refusal *refusal);
void kmlops_engine_destroy(struct kmlops_engine *engine);

int kmlops_engine_add_code(struct kmlops_engine *engine,
			   kmlops_engine_code code, const void *file,
			   size_t size, struct kmlops_refusal *refusal);
void kmlops_engine_leave_code(struct kmlops_engine *engine);
void kmlops_engine_drop_code(struct kmlops_engine *engine);

/* As kmlops_engine_admit(), whatever it takes. */
static inline struct kmlops_engine *
kmlops_engine_create(const void *file, size_t size, int *err,
		     struct kmlops_refusal *refusal)
{
	return kmlops_engine_admit(file, size, NULL, err, refusal);
}

void kmlops_engine_give_out(const struct kmlops_engine *engine,
			    const s64 *scores, s64 *out, u32 nr_out);
void kmlops_engine_infer_path(const struct kmlops_engine *engine,
			      enum kmlops_path path, const s64 *in, s64 *out,
			      u32 nr_out);

/**
 * kmlops_engine_infer() - Compute the outputs for one input vector
 * @engine: the model
 * @in: nr_inputs words
 * @out: receives the first @nr_out words of the output vector
 * @nr_out: 1 to nr_outputs
 *
 * Context: any, NMI included. Bounded, allocates nothing, cannot fail.
 */
static inline void kmlops_engine_infer(const struct kmlops_engine *engine,
				       const s64 *in, s64 *out, u32 nr_out)
{
	enum kmlops_path path = READ_ONCE(engine->path);
	const s64 *leaf;
	u32 i;

	/* Takes less than a call with room for the scores of other kinds. */
	if (engine->kind == KMLOPS_MODEL_KIND_TREE &&
	    likely(path == KMLOPS_PATH_SCALAR)) {
		leaf = kmlops_tree_infer(engine->tree, in);
		for (i = 0; i < nr_out; i++)
			out[i] = leaf[i];
		return;
	}
	if (kmlops_path_is_vector(path) && !kmlops_vector_usable())
		path = READ_ONCE(engine->everywhere);
	kmlops_engine_infer_path(engine, path, in, out, nr_out);
}

#endif /* KMLOPS_ENGINE_H */
