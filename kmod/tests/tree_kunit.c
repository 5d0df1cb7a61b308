// SPDX-License-Identifier: GPL-2.0-only
#include "../tree.h"
#include "sample_model.h"

static struct kmlops_tree *create(struct kunit *test, struct sample *sample,
				  int *err, struct kmlops_refusal *refusal)
{
	struct kmlops_model_file model;
	u32 size;
	u8 *file = sample_build(test, sample, &size);

	KUNIT_ASSERT_EQ(test, kmlops_model_file_parse(file, size, &model,
						      refusal), 0);
	return kmlops_tree_create(&model, err, refusal);
}

static void walks_to_its_leaf(struct kunit *test)
{
	static const s64 vectors[][3] = {
		{ 10, 0, 900 }, { 11, -5, 24 }, { 11, -4, 1024 },
		{ S64_MIN, S64_MIN, 900 }, { S64_MAX, S64_MIN, 24 },
		{ S64_MAX, S64_MAX, 1024 },
	};
	struct kmlops_refusal refusal;
	struct kmlops_tree *tree;
	int err, i;

	tree = create(test, sample_make(test), &err, &refusal);
	KUNIT_ASSERT_NOT_NULL(test, tree);
	KUNIT_EXPECT_EQ(test, tree->depth, 2);
	for (i = 0; i < ARRAY_SIZE(vectors); i++)
		KUNIT_EXPECT_EQ(test, kmlops_tree_infer(tree, vectors[i])[1],
				vectors[i][2]);
	kmlops_tree_destroy(tree);
}

static void refused(struct kunit *test, struct sample *sample,
		    const char *sentence)
{
	struct kmlops_refusal refusal = {};
	int err = 0;

	KUNIT_EXPECT_NULL(test, create(test, sample, &err, &refusal));
	KUNIT_EXPECT_EQ(test, err, -EINVAL);
	KUNIT_EXPECT_STREQ(test, refusal.text, sentence);
	sample_tree_init(&sample->tree);
}

static void bad_trees(struct kunit *test)
{
	struct sample *sample = sample_make(test);

	sample->tree.nodes[2].input = 2;
	refused(test, sample, "tree node 2: there is no input 2");
	/* A cycle. */
	sample->tree.nodes[2].child = 1;
	refused(test, sample,
		"tree node 2: children at 1, the next free place is 3");
	sample->tree.nodes[2].child = ~0U;
	refused(test, sample,
		"tree node 2: children at 4294967295, the next free place is 3");
	sample->tree.nodes[4].child = 3;
	refused(test, sample, "tree node 4: there is no leaf 3");
	sample->tree.nodes[2] = sample->tree.nodes[1];
	refused(test, sample, "tree node 3 is no other node's child");
	sample->tree.leaves[1][0] = 2;
	refused(test, sample, "tree leaf 1: 2 cannot be the answer");
}

static struct kunit_case cases[] = {
	KUNIT_CASE(walks_to_its_leaf),
	KUNIT_CASE(bad_trees),
	{}
};

static struct kunit_suite suite = {
	.name = "kmlops_tree",
	.test_cases = cases,
};

kunit_test_suite(suite);
