/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Engine of single trees. Portable.
 */
#ifndef KMLOPS_TREE_H
#define KMLOPS_TREE_H

#include "tree_nodes.h"

/**
 * struct kmlops_tree - A verified tree
 * @depth: most comparisons from root to leaf
 * @nr_nodes: number of nodes
 * @leaves: output vectors, after the nodes in the same allocation
 * @nodes: the nodes, root first
 */
struct kmlops_tree {
	u32 depth;
	u32 nr_nodes;
	const s64 *leaves;
	struct kmlops_tree_node nodes[];
};

struct kmlops_tree *kmlops_tree_create(const struct kmlops_model_file *model,
				       int *err,
				       struct kmlops_refusal *refusal);
void kmlops_tree_destroy(struct kmlops_tree *tree);
u64 kmlops_tree_bytes(const struct kmlops_model_file *model);

/**
 * kmlops_tree_infer() - Find the output vector of an input vector
 * @tree: the tree
 * @in: the input vector
 *
 * Context: any. At most depth comparisons.
 * Return: the output vector, valid as long as the tree.
 */
static inline const s64 *kmlops_tree_infer(const struct kmlops_tree *tree,
					   const s64 *in)
{
	return &tree->leaves[kmlops_tree_nodes_walk(tree->nodes, in)];
}

#endif /* KMLOPS_TREE_H */
