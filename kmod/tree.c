// SPDX-License-Identifier: GPL-2.0-only
/*
 * Verification of single trees. The engine's copy cannot be changed by the
 * uploader.
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
	const __le64 *wire_leaves = leaves->data;
	u32 words = kmlops_model_leaf_words(model);
	struct kmlops_tree *tree;
	s64 *copy;
	u32 i;

	tree = kmlops_alloc(kmlops_tree_bytes(model), NUMA_NO_NODE);
	if (!tree) {
		*err = kmlops_refuse(refusal, -ENOMEM, "no memory for the tree");
		return NULL;
	}
	tree->nr_nodes = nodes->count;
	*err = kmlops_tree_nodes_check(model, nodes->data, nodes->count, "tree",
				       &tree->depth, refusal);
	if (*err)
		goto err_free;
	kmlops_tree_nodes_decode(nodes->data, nodes->count, words, tree->nodes);

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
