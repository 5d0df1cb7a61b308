/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Engine of forests and boosted trees: scores are sums over trees. Portable.
 */
#ifndef KMLOPS_FOREST_H
#define KMLOPS_FOREST_H

#include "fixed_point.h"
#include "model_format.h"
#include "path.h"
#include "tree_nodes.h"

/* One tree: where its nodes begin, and the score that boosted ones add to. */
struct kmlops_forest_tree {
	u32 root;
	u32 score;
};

/**
 * struct kmlops_forest - A verified sum of trees
 * @boosted: leaves add to the score of their tree, not to all
 * @nr_inputs: length of an input vector
 * @nr_scores: length of the sums
 * @nr_trees: its trees
 * @nr_nodes: nodes of all trees
 * @depth: depth of the deepest tree
 * @paths: mask of the paths it can take on this machine
 * @work: most comparisons of one inference: the sum of depths
 * @bytes: memory it takes
 * @ranges: extremes of each score
 * @base: what each score begins with
 * @leaves: vectors of the leaves
 * @trees: the trees
 * @nodes: nodes of all trees
 */
struct kmlops_forest {
	bool boosted;
	u32 nr_inputs;
	u32 nr_scores;
	u32 nr_trees;
	u32 nr_nodes;
	u32 depth;
	u32 paths;
	u64 work;
	u64 bytes;
	struct kmlops_range *ranges;
	s64 *base;
	s64 *leaves;
	struct kmlops_forest_tree *trees;
	struct kmlops_tree_node *nodes;
};

struct kmlops_forest *kmlops_forest_create(const struct kmlops_model_file *model,
					   int *err,
					   struct kmlops_refusal *refusal);
void kmlops_forest_destroy(struct kmlops_forest *forest);

void kmlops_forest_infer(const struct kmlops_forest *forest,
			 enum kmlops_path path, const s64 *in, s64 *scores);

#endif /* KMLOPS_FOREST_H */
