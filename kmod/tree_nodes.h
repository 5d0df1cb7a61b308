/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Nodes of one tree, of a single one or of a sum: verified, decoded, walked.
 * Portable.
 */
#ifndef KMLOPS_TREE_NODES_H
#define KMLOPS_TREE_NODES_H

#include "model_format.h"

/* One comparison, or a leaf: then @child is where its vector begins. */
struct kmlops_tree_node {
	s64 threshold;
	u32 child;
	u32 input;
};

int kmlops_tree_nodes_check(const struct kmlops_model_file *model,
			    const struct kmlops_model_tree_node *wire, u32 nr,
			    const char *where, u32 *depth,
			    struct kmlops_refusal *refusal);
void kmlops_tree_nodes_decode(const struct kmlops_model_tree_node *wire,
			      u32 nr, u32 leaf_words,
			      struct kmlops_tree_node *nodes);

/**
 * kmlops_tree_nodes_walk() - Find the leaf of an input vector
 * @nodes: checked nodes of a tree, the root first
 * @in: the input vector
 *
 * Context: any. At most depth comparisons.
 * Return: where the vector of the leaf begins in the array of leaves.
 */
static inline u32 kmlops_tree_nodes_walk(const struct kmlops_tree_node *nodes,
					 const s64 *in)
{
	const struct kmlops_tree_node *node = nodes;

	while (node->input != KMLOPS_MODEL_TREE_LEAF) {
		const struct kmlops_tree_node *left = &nodes[node->child];
		/* Both addresses are there before the input is: a choice. */
		const struct kmlops_tree_node *right = kmlops_opaque(left + 1);

		node = READ_ONCE(in[node->input]) > node->threshold ? right :
		       left;
	}
	return node->child;
}

#endif /* KMLOPS_TREE_NODES_H */
