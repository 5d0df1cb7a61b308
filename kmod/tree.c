// SPDX-License-Identifier: GPL-2.0-only
/*
 * Verification of decision trees.
 *
 * The children of a node stand side by side and after it, and no two nodes
 * share children. So a walk always moves forward: it ends, and visits each
 * node once at most. The engine copy cannot be changed by the uploader.
 */
#include "tree.h"

/* Bytes of the engine's copy. */
u64 kmlops_tree_bytes(const struct kmlops_model_file *model)
{
	struct kmlops_tree *tree = NULL;

	return struct_size(tree, nodes,
			   model->sections[KMLOPS_MODEL_SECTION_TREE_NODES].count) +
	       model->sections[KMLOPS_MODEL_SECTION_TREE_LEAVES].size;
}

static int check_node(const struct kmlops_model_file *model,
		      const struct kmlops_model_tree_node *node, u32 at,
		      u32 expected_child, struct kmlops_refusal *refusal)
{
	u32 nr_nodes = model->sections[KMLOPS_MODEL_SECTION_TREE_NODES].count;
	u32 nr_leaves = model->sections[KMLOPS_MODEL_SECTION_TREE_LEAVES].count;
	u32 input = le16_to_cpu(node->input);
	u32 child = le32_to_cpu(node->child);

	if (node->reserved)
		return kmlops_refuse(refusal, -EINVAL,
				     "tree node %u: reserved bytes are not zero",
				     at);
	if (input == KMLOPS_MODEL_TREE_LEAF) {
		if (child >= nr_leaves)
			return kmlops_refuse(refusal, -EINVAL,
					     "tree node %u: there is no leaf %u",
					     at, child);
		return 0;
	}
	if (input >= model->nr_inputs)
		return kmlops_refuse(refusal, -EINVAL,
				     "tree node %u: there is no input %u",
				     at, input);
	if (child != expected_child || child + 2ULL > nr_nodes)
		return kmlops_refuse(refusal, -EINVAL,
				     "tree node %u: children at %u, the next free place is %u of %u",
				     at, child, expected_child, nr_nodes);
	return 0;
}

/* Answers of a classifier are classes. */
static int check_leaves(const struct kmlops_model_file *model,
			const s64 *leaves, u32 nr,
			struct kmlops_refusal *refusal)
{
	u32 words = 1 + model->nr_scores;
	u32 i;

	for (i = 0; i < nr; i++) {
		s64 answer = leaves[i * words];

		if (model->task == KMLOPS_MODEL_TASK_CLASSIFY ?
		    answer < 0 || answer >= model->nr_scores :
		    answer != leaves[i * words + 1])
			return kmlops_refuse(refusal, -EINVAL,
					     "tree leaf %u: %lld cannot be the answer",
					     i, (long long)answer);
	}
	return 0;
}

/**
 * kmlops_tree_create() - Verify a tree and make the engine's copy
 * @model: a parsed model file of kind tree
 * @err: receives 0, -EINVAL or -ENOMEM
 * @refusal: receives the sentence on error
 *
 * Context: process; sleeps.
 * Return: the tree, owned by the caller, or NULL.
 */
struct kmlops_tree *kmlops_tree_create(const struct kmlops_model_file *model,
				       int *err,
				       struct kmlops_refusal *refusal)
{
	const struct kmlops_section *nodes =
		&model->sections[KMLOPS_MODEL_SECTION_TREE_NODES];
	const struct kmlops_section *leaves =
		&model->sections[KMLOPS_MODEL_SECTION_TREE_LEAVES];
	const struct kmlops_model_tree_node *wire = nodes->data;
	const __le64 *wire_leaves = leaves->data;
	u32 words = 1 + model->nr_scores;
	u32 next_child = 1, level_end = 1;
	struct kmlops_tree *tree;
	s64 *copy;
	u32 i;

	tree = kmlops_alloc(kmlops_tree_bytes(model), NUMA_NO_NODE);
	if (!tree) {
		*err = kmlops_refuse(refusal, -ENOMEM, "no memory for the tree");
		return NULL;
	}
	tree->nr_nodes = nodes->count;

	for (i = 0; i < nodes->count; i++) {
		struct kmlops_tree_node *node = &tree->nodes[i];

		*err = check_node(model, &wire[i], i, next_child, refusal);
		if (*err)
			goto err_free;
		/* All of one level is followed by all of the next. */
		if (i == level_end) {
			tree->depth++;
			level_end = next_child;
		}
		node->threshold = le64_to_cpu(wire[i].threshold);
		node->input = le16_to_cpu(wire[i].input);
		node->child = le32_to_cpu(wire[i].child);
		if (node->input == KMLOPS_MODEL_TREE_LEAF)
			node->child *= words;
		else
			next_child += 2;
	}
	if (next_child != nodes->count) {
		*err = kmlops_refuse(refusal, -EINVAL,
				     "tree node %u is no other node's child",
				     next_child);
		goto err_free;
	}

	copy = (s64 *)&tree->nodes[nodes->count];
	for (i = 0; i < leaves->count * words; i++)
		copy[i] = le64_to_cpu(wire_leaves[i]);
	tree->leaves = copy;
	*err = check_leaves(model, copy, leaves->count, refusal);
	if (*err)
		goto err_free;
	return tree;

err_free:
	kmlops_free(tree);
	return NULL;
}

void kmlops_tree_destroy(struct kmlops_tree *tree)
{
	kmlops_free(tree);
}
