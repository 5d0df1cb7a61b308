// SPDX-License-Identifier: GPL-2.0-only
/*
 * Verification of the nodes of a tree.
 *
 * The children of a node stand side by side and after it, and no two nodes
 * share children. So a walk always moves forward: it ends, and visits each
 * node once at most.
 */
#include "tree_nodes.h"

static int check_node(const struct kmlops_model_file *model,
		      const struct kmlops_model_tree_node *node, u32 nr_nodes,
		      const char *where, u32 at, u32 expected_child,
		      struct kmlops_refusal *refusal)
{
	u32 nr_leaves = model->sections[KMLOPS_MODEL_SECTION_TREE_LEAVES].count;
	u32 input = le16_to_cpu(node->input);
	u32 child = le32_to_cpu(node->child);

	if (node->reserved)
		return kmlops_refuse(refusal, -EINVAL,
				     "%s node %u: reserved bytes are not zero",
				     where, at);
	if (input == KMLOPS_MODEL_TREE_LEAF) {
		if (child >= nr_leaves)
			return kmlops_refuse(refusal, -EINVAL,
					     "%s node %u: there is no leaf %u",
					     where, at, child);
		return 0;
	}
	if (input >= model->nr_inputs)
		return kmlops_refuse(refusal, -EINVAL,
				     "%s node %u: there is no input %u",
				     where, at, input);
	if (child != expected_child)
		return kmlops_refuse(refusal, -EINVAL,
				     "%s node %u: children at %u, the next free place is %u",
				     where, at, child, expected_child);
	if (child + 2ULL > nr_nodes)
		return kmlops_refuse(refusal, -EINVAL,
				     "%s node %u: children at %u, the tree has %u nodes",
				     where, at, child, nr_nodes);
	return 0;
}

/**
 * kmlops_tree_nodes_check() - Verify the nodes of a tree
 * @model: a parsed model file
 * @wire: the nodes of the tree, within the file
 * @nr: how many
 * @where: what refusals call the tree
 * @depth: receives the most comparisons from root to leaf
 * @refusal: receives the sentence on error
 *
 * Return: 0 or -EINVAL.
 */
int kmlops_tree_nodes_check(const struct kmlops_model_file *model,
			    const struct kmlops_model_tree_node *wire, u32 nr,
			    const char *where, u32 *depth,
			    struct kmlops_refusal *refusal)
{
	u32 next_child = 1, level_end = 1, i;
	int err;

	*depth = 0;
	for (i = 0; i < nr; i++) {
		err = check_node(model, &wire[i], nr, where, i, next_child,
				 refusal);
		if (err)
			return err;
		/* A node that is nobody's child is where the walk ended. */
		if (i == next_child)
			break;
		/* All of one level is followed by all of the next. */
		if (i == level_end) {
			++*depth;
			level_end = next_child;
		}
		if (le16_to_cpu(wire[i].input) != KMLOPS_MODEL_TREE_LEAF)
			next_child += 2;
	}
	if (next_child != nr)
		return kmlops_refuse(refusal, -EINVAL,
				     "%s node %u is no other node's child",
				     where, next_child);
	return 0;
}

/**
 * kmlops_tree_nodes_decode() - Make an engine's nodes
 * @wire: checked nodes of a tree
 * @nr: how many
 * @leaf_words: words of a vector of a leaf
 * @nodes: receives them
 */
void kmlops_tree_nodes_decode(const struct kmlops_model_tree_node *wire,
			      u32 nr, u32 leaf_words,
			      struct kmlops_tree_node *nodes)
{
	u32 i;

	for (i = 0; i < nr; i++) {
		nodes[i].threshold = le64_to_cpu(wire[i].threshold);
		nodes[i].child = le32_to_cpu(wire[i].child);
		nodes[i].input = le16_to_cpu(wire[i].input);
		if (nodes[i].input == KMLOPS_MODEL_TREE_LEAF)
			nodes[i].child *= leaf_words;
	}
}
