/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Engine: a verified model that computes. Portable.
 */
#ifndef KMLOPS_ENGINE_H
#define KMLOPS_ENGINE_H

#include "model_format.h"
#include "tree.h"

/**
 * struct kmlops_engine - A model ready to compute
 * @kind: enum kmlops_model_kind
 * @task: enum kmlops_model_task
 * @nr_inputs: words of an input vector
 * @nr_outputs: words of an output vector
 * @fraction_bits: fraction bits of the scores
 * @nr_golden: golden vectors it reproduced
 * @fingerprint: of its input names
 * @bytes: memory it takes
 * @tree: the decision tree
 * @input_names: names of the inputs in order
 */
struct kmlops_engine {
	u32 kind;
	u32 task;
	u32 nr_inputs;
	u32 nr_outputs;
	u32 fraction_bits;
	u32 nr_golden;
	u64 fingerprint;
	u64 bytes;
	struct kmlops_tree *tree;
	char input_names[][KMLOPS_MODEL_INPUT_NAME_LEN];
};

struct kmlops_engine *kmlops_engine_create(const void *file, size_t size,
					   int *err,
					   struct kmlops_refusal *refusal);
void kmlops_engine_destroy(struct kmlops_engine *engine);

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
	const s64 *leaf = kmlops_tree_infer(engine->tree, in);
	u32 i;

	for (i = 0; i < nr_out; i++)
		out[i] = leaf[i];
}

#endif /* KMLOPS_ENGINE_H */
