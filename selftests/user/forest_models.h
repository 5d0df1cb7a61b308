/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Random forests and boosted trees, and what they must compute: a naive walk
 * of the trees of the file. Natively and for KUnit.
 */
#ifndef FOREST_MODELS_H
#define FOREST_MODELS_H

#include "model_builder.h"

static u64 random_state = 1;

/* xorshift64* */
static inline u64 random64(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return random_state * 0x2545f4914f6cdd1dULL;
}

/* 0 to @n - 1 */
static inline u32 random_below(u32 n)
{
	return (random64() >> 32) * n >> 32;
}

/* What thresholds are like. */
enum threshold_kind {
	THRESHOLD_S16,		/* leave room above in 16 bits */
	THRESHOLD_S16_EDGE,	/* few, extremes of s16 and beside them */
	THRESHOLD_S32,
	THRESHOLD_S64,
	THRESHOLD_EDGE,		/* few, extremes of all types */
	THRESHOLD_KINDS,
};

/**
 * struct forest_shape - What a random model is like
 * @kind: KMLOPS_MODEL_KIND_FOREST or KMLOPS_MODEL_KIND_BOOSTED
 * @task: enum kmlops_model_task
 * @nr_inputs: inputs
 * @nr_scores: scores
 * @nr_trees: trees
 * @depth: no tree is deeper
 * @split: percentage of the nodes above that depth that are no leaves
 * @chain: one child of two at most is no leaf
 * @max_nodes: of a tree
 * @leaf_bits: leaves are signed numbers of that many bits
 * @thresholds: what thresholds are like
 */
struct forest_shape {
	u32 kind;
	u32 task;
	u32 nr_inputs;
	u32 nr_scores;
	u32 nr_trees;
	u32 depth;
	u32 split;
	bool chain;
	u32 max_nodes;
	u32 leaf_bits;
	enum threshold_kind thresholds;
};

/* A model in parts: whoever spoils one still can build the file. */
struct forest_model {
	struct forest_shape shape;
	u32 nr_nodes;
	u32 nr_leaves;
	u32 leaf_words;
	u64 work;
	struct kmlops_model_input *inputs;
	struct kmlops_model_tree *trees;
	struct kmlops_model_tree_node *nodes;
	s64 *leaves;
	s64 *base;
	s64 *golden;
	struct model_builder builder;
};

static inline s64 random_threshold(enum threshold_kind kind)
{
	static const s64 edges[] = {
		S64_MIN, S64_MAX, S32_MIN, S32_MAX, S16_MIN, S16_MAX, 0,
	};

	switch (kind) {
	case THRESHOLD_S16:
		return (s64)random_below(65535) - 32768;
	case THRESHOLD_S16_EDGE:
		return random_below(2) ? S16_MIN + random_below(3) :
		       S16_MAX - 1 - random_below(3);
	case THRESHOLD_S32:
		return (s32)random64();
	case THRESHOLD_S64:
		return random64();
	default:
		return (u64)edges[random_below(7)] + random_below(3) - 1;
	}
}

static inline s64 random_leaf(u32 bits)
{
	return (s64)random64() >> (64 - bits);
}

/* Appends a tree in breadth-first order; returns its depth. */
static inline u32 random_tree(struct forest_model *model,
			      struct kmlops_model_tree *tree)
{
	const struct forest_shape *shape = &model->shape;
	struct kmlops_model_tree_node *node = &model->nodes[model->nr_nodes];
	u32 nr = 1, level_end = 1, depth = 0, i;

	for (i = 0; i < nr; i++) {
		if (i == level_end) {
			depth++;
			level_end = nr;
		}
		memset(&node[i], 0, sizeof(node[i]));
		if (depth < shape->depth && nr + 2 <= shape->max_nodes &&
		    random_below(100) < shape->split &&
		    (!shape->chain || i == nr - 1)) {
			node[i].threshold = random_threshold(shape->thresholds);
			node[i].input = random_below(shape->nr_inputs);
			node[i].child = nr;
			nr += 2;
		} else {
			node[i].input = KMLOPS_MODEL_TREE_LEAF;
			node[i].child = random_below(model->nr_leaves);
		}
	}
	tree->nr_nodes = nr;
	tree->score = shape->kind == KMLOPS_MODEL_KIND_BOOSTED ?
		      random_below(shape->nr_scores) : 0;
	model->nr_nodes += nr;
	return depth;
}

/* The leaf of a tree that an input vector ends in: an index of vectors. */
static inline u32 oracle_leaf(const struct kmlops_model_tree_node *nodes,
			      const s64 *in)
{
	u32 at = 0;

	while (nodes[at].input != KMLOPS_MODEL_TREE_LEAF) {
		if (in[nodes[at].input] <= (s64)nodes[at].threshold)
			at = nodes[at].child;
		else
			at = nodes[at].child + 1;
	}
	return nodes[at].child;
}

static inline void oracle_scores(const struct forest_model *model,
				 const s64 *in, s64 *scores)
{
	const struct kmlops_model_tree_node *nodes = model->nodes;
	u64 sum;
	u32 i, k;

	memcpy(scores, model->base, model->shape.nr_scores * sizeof(*scores));
	for (i = 0; i < model->shape.nr_trees; i++) {
		u32 leaf = oracle_leaf(nodes, in);

		for (k = 0; k < model->leaf_words; k++) {
			sum = scores[model->trees[i].score + k];
			sum += model->leaves[leaf * model->leaf_words + k];
			scores[model->trees[i].score + k] = sum;
		}
		nodes += model->trees[i].nr_nodes;
	}
}

/* An output vector, for models without a link. */
static inline void oracle_outputs(const struct forest_model *model,
				  const s64 *in, s64 *out)
{
	u32 k, best = 0;

	oracle_scores(model, in, out + 1);
	for (k = 1; k < model->shape.nr_scores; k++)
		if (out[1 + k] > out[1 + best])
			best = k;
	out[0] = model->shape.task == KMLOPS_MODEL_TASK_CLASSIFY ? best :
		 model->shape.task == KMLOPS_MODEL_TASK_BINARY ? out[1] > 0 :
		 out[1];
}

/* Inputs at thresholds, beside them, and anywhere. */
static inline void random_inputs(const struct forest_model *model, s64 *in)
{
	u32 i, node;

	for (i = 0; i < model->shape.nr_inputs; i++) {
		in[i] = random_below(4) ? (s64)random64() >> random_below(64) :
			random_threshold(THRESHOLD_EDGE);
	}
	for (i = 0; i < 2 * model->shape.nr_inputs; i++) {
		node = random_below(model->nr_nodes);
		if (model->nodes[node].input != KMLOPS_MODEL_TREE_LEAF)
			in[model->nodes[node].input] =
				(u64)model->nodes[node].threshold +
				random_below(3) - 1;
	}
}

static inline void forest_model_free(struct forest_model *model)
{
	kmlops_free(model->inputs);
	kmlops_free(model->trees);
	kmlops_free(model->nodes);
	kmlops_free(model->leaves);
	kmlops_free(model->base);
	kmlops_free(model->golden);
	memset(model, 0, sizeof(*model));
}

/* Zeroed; @nr elements of @size bytes. */
static inline void *model_room(u32 nr, size_t size)
{
	return kmlops_alloc(nr * size, NUMA_NO_NODE);
}

/* Golden vectors as they must be, and the parts of the file; false without memory. */
static inline bool forest_model_finish(struct forest_model *model)
{
	const struct forest_shape *shape = &model->shape;
	u32 nr_golden = 2, words = shape->nr_inputs + 1 + shape->nr_scores, i;
	struct model_builder *builder = &model->builder;

	kmlops_free(model->golden);
	model->golden = model_room(nr_golden * words, 8);
	if (!model->golden)
		return false;
	for (i = 0; i < nr_golden; i++) {
		s64 *vector = &model->golden[i * words];

		random_inputs(model, vector);
		oracle_outputs(model, vector, vector + shape->nr_inputs);
	}

	memset(builder, 0, sizeof(*builder));
	builder->header.kind = shape->kind;
	builder->header.task = shape->task;
	builder->header.nr_inputs = shape->nr_inputs;
	builder->header.nr_scores = shape->nr_scores;
	builder->header.fraction_bits = 20;
	builder->header.max_work = model->work;
	model_add(builder, KMLOPS_MODEL_SECTION_INPUTS, model->inputs,
		  shape->nr_inputs * sizeof(*model->inputs), shape->nr_inputs);
	model_add(builder, KMLOPS_MODEL_SECTION_TREES, model->trees,
		  shape->nr_trees * sizeof(*model->trees), shape->nr_trees);
	model_add(builder, KMLOPS_MODEL_SECTION_TREE_NODES, model->nodes,
		  model->nr_nodes * sizeof(*model->nodes), model->nr_nodes);
	model_add(builder, KMLOPS_MODEL_SECTION_TREE_LEAVES, model->leaves,
		  model->nr_leaves * model->leaf_words * 8, model->nr_leaves);
	model_add(builder, KMLOPS_MODEL_SECTION_BASE, model->base,
		  shape->nr_scores * 8, shape->nr_scores);
	model_add(builder, KMLOPS_MODEL_SECTION_GOLDEN, model->golden,
		  nr_golden * words * 8, nr_golden);
	return true;
}

/* False without memory; to be freed either way. */
static inline bool forest_model_random(struct forest_model *model,
				       const struct forest_shape *shape)
{
	u32 i;

	memset(model, 0, sizeof(*model));
	model->shape = *shape;
	model->leaf_words = shape->kind == KMLOPS_MODEL_KIND_FOREST ?
			    shape->nr_scores : 1;
	model->nr_leaves = 1 + random_below(shape->max_nodes);
	model->inputs = model_room(shape->nr_inputs, sizeof(*model->inputs));
	model->trees = model_room(shape->nr_trees, sizeof(*model->trees));
	model->nodes = model_room(shape->nr_trees * shape->max_nodes,
				  sizeof(*model->nodes));
	model->leaves = model_room(model->nr_leaves * model->leaf_words, 8);
	model->base = model_room(shape->nr_scores, 8);
	if (!model->inputs || !model->trees || !model->nodes ||
	    !model->leaves || !model->base)
		return false;

	for (i = 0; i < shape->nr_inputs; i++)
		snprintf(model->inputs[i].name, sizeof(model->inputs[i].name),
			 "input%u", i);
	for (i = 0; i < model->nr_leaves * model->leaf_words; i++)
		model->leaves[i] = random_leaf(shape->leaf_bits);
	for (i = 0; i < shape->nr_scores; i++)
		model->base[i] = random_leaf(shape->leaf_bits);
	for (i = 0; i < shape->nr_trees; i++)
		model->work += random_tree(model, &model->trees[i]);
	return forest_model_finish(model);
}

#endif /* FOREST_MODELS_H */
