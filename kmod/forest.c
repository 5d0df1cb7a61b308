// SPDX-License-Identifier: GPL-2.0-only
/*
 * Verification of forests and boosted trees.
 *
 * Each tree is sound for itself (tree_nodes.c). For each score, the greatest
 * leaves of all trees that are above zero are added up, and the least ones
 * that are below: any sum of leaves, in any order, lies between.
 */
#include "forest.h"

/* A batch of deeper trees would take longer than vectors may without pause. */
#define VECTOR_DEPTH_MAX	(KMLOPS_VECTOR_WORK_MAX / KMLOPS_FOREST_BATCH)

static int check_counts(const struct kmlops_model_file *model,
			struct kmlops_refusal *refusal)
{
	const struct kmlops_section *trees =
		&model->sections[KMLOPS_MODEL_SECTION_TREES];
	const struct kmlops_section *base =
		&model->sections[KMLOPS_MODEL_SECTION_BASE];
	const struct kmlops_model_tree *tree = trees->data;
	u32 left = model->sections[KMLOPS_MODEL_SECTION_TREE_NODES].count;
	u32 i;

	if (base->count != model->nr_scores)
		return kmlops_refuse(refusal, -EINVAL,
				     "the header says %u scores, the section base has %u",
				     model->nr_scores, base->count);
	if (trees->count > KMLOPS_MODEL_TREES_MAX)
		return kmlops_refuse(refusal, -EINVAL,
				     "a model has 1 to %d trees, this has %u",
				     KMLOPS_MODEL_TREES_MAX, trees->count);
	for (i = 0; i < trees->count; i++) {
		u32 nr_nodes = le32_to_cpu(tree[i].nr_nodes);
		u32 score = le32_to_cpu(tree[i].score);

		if (!nr_nodes || nr_nodes > left)
			return kmlops_refuse(refusal, -EINVAL,
					     "tree %u has %u nodes, %u are left in the section",
					     i, nr_nodes, left);
		left -= nr_nodes;
		if (model->kind == KMLOPS_MODEL_KIND_BOOSTED ?
		    score >= model->nr_scores : score)
			return kmlops_refuse(refusal, -EINVAL,
					     "tree %u: there is no score %u to add to",
					     i, score);
	}
	if (left)
		return kmlops_refuse(refusal, -EINVAL,
				     "the last %u tree nodes belong to no tree",
				     left);
	return 0;
}

/* Extremes of word @k of the leaves that a tree names. */
static struct kmlops_range leaf_range(const struct kmlops_model_file *model,
				      const struct kmlops_model_tree_node *node,
				      u32 nr_nodes, u32 k)
{
	const __le64 *leaves =
		model->sections[KMLOPS_MODEL_SECTION_TREE_LEAVES].data;
	u32 words = kmlops_model_leaf_words(model);
	struct kmlops_range range = { S64_MAX, S64_MIN };
	u32 i;

	for (i = 0; i < nr_nodes; i++) {
		s64 value;

		if (le16_to_cpu(node[i].input) != KMLOPS_MODEL_TREE_LEAF)
			continue;
		value = le64_to_cpu(leaves[(u64)le32_to_cpu(node[i].child) *
					   words + k]);
		if (value < range.min)
			range.min = value;
		if (value > range.max)
			range.max = value;
	}
	return range;
}

/* Adds what a tree adds to a score; false if that could overflow. */
static bool add_tree(struct kmlops_range *score, struct kmlops_range *sums,
		     const struct kmlops_range *tree)
{
	if (__builtin_add_overflow(sums->min, tree->min < 0 ? tree->min : 0,
				   &sums->min) ||
	    __builtin_add_overflow(sums->max, tree->max > 0 ? tree->max : 0,
				   &sums->max))
		return false;
	/* Both are sums of leaves, so they lie between. */
	score->min += tree->min;
	score->max += tree->max;
	return true;
}

/* Proves the trees; @sums is room for as many ranges as there are scores. */
static int prove(struct kmlops_forest *forest,
		 const struct kmlops_model_file *model,
		 struct kmlops_range *sums, struct kmlops_refusal *refusal)
{
	const struct kmlops_model_tree_node *nodes =
		model->sections[KMLOPS_MODEL_SECTION_TREE_NODES].data;
	const struct kmlops_model_tree *tree =
		model->sections[KMLOPS_MODEL_SECTION_TREES].data;
	u32 words = kmlops_model_leaf_words(model);
	u32 root = 0, i, k, depth;
	int err;

	for (k = 0; k < forest->nr_scores; k++) {
		s64 base = forest->base[k];

		forest->ranges[k] = (struct kmlops_range){ base, base };
		sums[k].min = base < 0 ? base : 0;
		sums[k].max = base > 0 ? base : 0;
	}

	for (i = 0; i < forest->nr_trees; i++) {
		u32 nr_nodes = le32_to_cpu(tree[i].nr_nodes);
		char where[sizeof("tree 4294967295")];

		snprintf(where, sizeof(where), "tree %u", i);
		err = kmlops_tree_nodes_check(model, nodes, nr_nodes, where,
					      &depth, refusal);
		if (err)
			return err;
		for (k = 0; k < words; k++) {
			u32 score = le32_to_cpu(tree[i].score) + k;
			struct kmlops_range range =
				leaf_range(model, nodes, nr_nodes, k);

			if (!add_tree(&forest->ranges[score], &sums[score],
				      &range))
				return kmlops_refuse(refusal, -EINVAL,
						     "tree %u: score %u can overflow 64 bits",
						     i, score);
		}
		forest->trees[i].root = root;
		forest->trees[i].depth = depth;
		forest->trees[i].score = le32_to_cpu(tree[i].score);
		forest->work += depth;
		if (depth > forest->depth)
			forest->depth = depth;
		nodes += nr_nodes;
		root += nr_nodes;
		cond_resched();
	}
	return 0;
}

/**
 * kmlops_forest_create() - Verify a sum of trees and make the engine's copy
 * @model: a parsed model file of kind forest or boosted
 * @err: receives 0, -EINVAL or -ENOMEM
 * @refusal: receives the sentence on error
 *
 * Context: process; sleeps.
 * Return: the trees, owned by the caller, or NULL.
 */
struct kmlops_forest *kmlops_forest_create(const struct kmlops_model_file *model,
					   int *err,
					   struct kmlops_refusal *refusal)
{
	const struct kmlops_section *sections = model->sections;
	const __le64 *base = sections[KMLOPS_MODEL_SECTION_BASE].data;
	u32 nr_trees = sections[KMLOPS_MODEL_SECTION_TREES].count;
	struct kmlops_forest *forest;
	struct kmlops_range *sums;
	u64 bytes;
	u32 i;

	*err = check_counts(model, refusal);
	if (*err)
		return NULL;

	bytes = sizeof(*forest) + nr_trees * sizeof(struct kmlops_forest_tree) +
		model->nr_scores * (sizeof(*forest->base) +
				    sizeof(*forest->ranges));
	forest = kmlops_alloc(bytes, NUMA_NO_NODE);
	sums = kmlops_alloc(model->nr_scores * sizeof(*sums), NUMA_NO_NODE);
	if (!forest || !sums) {
		*err = kmlops_refuse(refusal, -ENOMEM,
				     "no memory for the trees");
		goto err_free;
	}
	forest->nr_scores = model->nr_scores;
	forest->nr_trees = nr_trees;
	forest->nr_nodes = sections[KMLOPS_MODEL_SECTION_TREE_NODES].count;
	forest->bytes = bytes;
	forest->ranges = (void *)(forest + 1);
	forest->base = (void *)(forest->ranges + model->nr_scores);
	forest->trees = (void *)(forest->base + model->nr_scores);
	for (i = 0; i < model->nr_scores; i++)
		forest->base[i] = le64_to_cpu(base[i]);

	*err = prove(forest, model, sums, refusal);
	if (*err)
		goto err_free;
	*err = kmlops_forest_lay_out(forest, model);
	if (*err) {
		kmlops_refuse(refusal, *err, "no memory for the trees");
		goto err_free;
	}
	forest->paths = KMLOPS_PATH_BIT(KMLOPS_PATH_SCALAR);
	if (forest->layout != KMLOPS_FOREST_PLAIN &&
	    forest->depth <= VECTOR_DEPTH_MAX)
		forest->paths |= KMLOPS_PATH_BIT(KMLOPS_PATH_AVX2) |
				 KMLOPS_PATH_BIT(KMLOPS_PATH_AVX512);
	kmlops_free(sums);
	return forest;

err_free:
	kmlops_free(sums);
	kmlops_forest_destroy(forest);
	return NULL;
}

void kmlops_forest_destroy(struct kmlops_forest *forest)
{
	if (!forest)
		return;
	kmlops_free(forest->memory);
	kmlops_free(forest);
}

/* How many of its thresholds are less than @x. */
static __always_inline u32 rank(const s64 *thresholds, u32 nr, s64 x)
{
	const s64 *at = thresholds;

	/*
	 * A choice of two addresses: a jump that depended on @x would be
	 * mispredicted half of the time.
	 */
	while (nr > 1) {
		u32 half = nr / 2;
		const s64 *above = kmlops_opaque(at + half);

		at = above[-1] < x ? above : at;
		nr -= half;
	}
	return at - thresholds + (*at < x);
}

/* Reads each input once: a BPF program may change it meanwhile. */
static void encode(const struct kmlops_forest *forest, const s64 *in,
		   u16 *codes)
{
	u32 i;

	/* Vectors look up some that are not there. */
	memset(codes, 0, 32 * sizeof(*codes));
	for (i = 0; i < forest->nr_inputs; i++) {
		const struct kmlops_forest_input *input = &forest->inputs[i];
		s64 x = READ_ONCE(in[input->input]);

		if (input->nr)
			codes[i] = rank(&forest->thresholds[input->first],
					input->nr, x);
		else
			codes[i] = (u64)kmlops_clamp(x, input->low,
						     input->high) -
				   (u64)input->low;
	}
}

/* Leaves of trees as they are in the file: one tree after the other. */
static void walk_plain(const struct kmlops_forest *forest, const s64 *in,
		       u32 first, u32 nr, u32 *positions)
{
	const struct kmlops_forest_tree *tree = &forest->trees[first];
	u32 i;

	for (i = 0; i < nr; i++)
		positions[i] = kmlops_tree_nodes_walk(&forest->plain[tree[i].root],
						      in);
}

static __always_inline s64 leaf_word(const struct kmlops_forest *forest,
				     u32 bits, u64 at)
{
	if (bits == 16)
		return ((const s16 *)forest->leaves)[at];
	if (bits == 32)
		return ((const s32 *)forest->leaves)[at];
	return ((const s64 *)forest->leaves)[at];
}

static __always_inline void add_leaves_of(const struct kmlops_forest *forest,
					  u32 bits,
					  const struct kmlops_forest_tree *trees,
					  u32 nr, const u32 *positions,
					  s64 *scores)
{
	u32 words = forest->leaf_words, i, k;

	for (i = 0; i < nr; i++) {
		u64 leaf = positions[i];

		if (forest->slots)
			leaf = forest->slots[leaf];
		leaf *= words;
		for (k = 0; k < words; k++)
			scores[trees[i].score + k] +=
				leaf_word(forest, bits, leaf + k);
	}
}

/* The most frequent case: one score, and leaves where trees end. */
static __always_inline s64 sum_of_leaves(const struct kmlops_forest *forest,
					 u32 bits, u32 nr, const u32 *positions)
{
	s64 sum = 0;
	u32 i;

	for (i = 0; i < nr; i++)
		sum += leaf_word(forest, bits, positions[i]);
	return sum;
}

static void add_leaves(const struct kmlops_forest *forest, u32 first, u32 nr,
		       const u32 *positions, s64 *scores)
{
	const struct kmlops_forest_tree *trees = &forest->trees[first];
	bool simple = forest->nr_scores == 1 && !forest->slots;

	if (forest->leaf_bits == 16) {
		if (simple)
			scores[0] += sum_of_leaves(forest, 16, nr, positions);
		else
			add_leaves_of(forest, 16, trees, nr, positions, scores);
	} else if (forest->leaf_bits == 32) {
		if (simple)
			scores[0] += sum_of_leaves(forest, 32, nr, positions);
		else
			add_leaves_of(forest, 32, trees, nr, positions, scores);
	} else {
		add_leaves_of(forest, 64, trees, nr, positions, scores);
	}
}

static void walk(const struct kmlops_forest *forest, enum kmlops_path path,
		 const s64 *in, const u16 *codes, u32 first, u32 nr,
		 u32 *positions)
{
	if (forest->layout == KMLOPS_FOREST_PLAIN)
		walk_plain(forest, in, first, nr, positions);
	else if (path == KMLOPS_PATH_AVX512)
		kmlops_forest_walk_avx512(forest, codes, first, nr, positions);
	else if (path == KMLOPS_PATH_AVX2)
		kmlops_forest_walk_avx2(forest, codes, first, nr, positions);
	else
		kmlops_forest_walk_scalar(forest, codes, first, nr, positions);
}

/**
 * kmlops_forest_infer() - Compute the scores of an input vector
 * @forest: the trees
 * @path: one of forest->paths
 * @in: the input vector
 * @scores: receives nr_scores sums
 *
 * Context: any, NMI included. As many steps as trees are deep.
 */
void kmlops_forest_infer(const struct kmlops_forest *forest,
			 enum kmlops_path path, const s64 *in, s64 *scores)
{
	u16 codes[KMLOPS_FOREST_CODES_MAX + 1] kmlops_uninitialized;
	u32 positions[KMLOPS_FOREST_BATCH] kmlops_uninitialized;
	u32 first, nr, work = 0;

	memcpy(scores, forest->base, forest->nr_scores * sizeof(*scores));
	encode(forest, in, codes);
	if (path != KMLOPS_PATH_SCALAR)
		kmlops_vector_begin();
	for (first = 0; first < forest->nr_trees; first += nr) {
		nr = forest->nr_trees - first;
		if (nr > KMLOPS_FOREST_BATCH)
			nr = KMLOPS_FOREST_BATCH;
		if (path != KMLOPS_PATH_SCALAR &&
		    work + nr * forest->depth > KMLOPS_VECTOR_WORK_MAX) {
			kmlops_vector_pause();
			work = 0;
		}
		work += nr * forest->depth;
		walk(forest, path, in, codes, first, nr, positions);
		add_leaves(forest, first, nr, positions, scores);
	}
	if (path != KMLOPS_PATH_SCALAR)
		kmlops_vector_end();
}
