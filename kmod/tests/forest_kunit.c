// SPDX-License-Identifier: GPL-2.0-only
/*
 * Forests and boosted trees: whatever layout the engine chooses, each path that
 * this machine has gives what a naive walk gives.
 */
#include <kunit/test.h>
#include "../forest.h"
#include "../../selftests/user/forest_models.h"

/* A model, its file, and room to compute in. */
struct sample {
	struct forest_model model;
	u8 *file;
	s64 in[KMLOPS_MODEL_INPUTS_MAX];
	s64 expected[KMLOPS_MODEL_SCORES_MAX];
	s64 got[KMLOPS_MODEL_SCORES_MAX];
};

static void sample_clear(struct sample *sample)
{
	forest_model_free(&sample->model);
	kmlops_free(sample->file);
	sample->file = NULL;
}

static void sample_free(void *sample)
{
	sample_clear(sample);
	kvfree(sample);
}

/* Freed with its model at the end of the test. */
static struct sample *sample_make(struct kunit *test)
{
	struct sample *sample = kvzalloc(sizeof(*sample), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, sample);
	KUNIT_ASSERT_EQ(test,
			kunit_add_action_or_reset(test, sample_free, sample),
			0);
	return sample;
}

static struct kmlops_forest *create(struct kunit *test, struct sample *sample,
				    int *err, struct kmlops_refusal *refusal)
{
	struct kmlops_model_file file;
	u32 size;

	kmlops_free(sample->file);
	sample->file = model_build(&sample->model.builder, &size);
	KUNIT_ASSERT_NOT_NULL(test, sample->file);
	refusal->text[0] = 0;
	KUNIT_ASSERT_EQ_MSG(test,
			    kmlops_model_file_parse(sample->file, size, &file,
						    refusal), 0,
			    "%s", refusal->text);
	return kmlops_forest_create(&file, err, refusal);
}

static void compare(struct kunit *test, const struct kmlops_forest *forest,
		    struct sample *sample)
{
	u32 nr_scores = forest->nr_scores, path, k;

	oracle_scores(&sample->model, sample->in, sample->expected);
	for (path = 0; path < KMLOPS_PATHS; path++) {
		if (!(forest->paths & kmlops_cpu_paths() &
		      KMLOPS_PATH_BIT(path)))
			continue;
		memset(sample->got, 0x55, sizeof(sample->got));
		kmlops_forest_infer(forest, path, sample->in, sample->got);
		KUNIT_EXPECT_MEMEQ_MSG(test, sample->got, sample->expected,
				       8 * nr_scores, "path %s",
				       kmlops_path_name(path));
	}
	for (k = 0; k < nr_scores; k++) {
		KUNIT_EXPECT_GE(test, sample->expected[k],
				forest->ranges[k].min);
		KUNIT_EXPECT_LE(test, sample->expected[k],
				forest->ranges[k].max);
	}
}

/* Tries a random model of a shape. Returns its layout, and what it may take. */
static enum kmlops_forest_layout try_shape(struct kunit *test,
					   struct sample *sample,
					   const struct forest_shape *shape,
					   u32 inputs, u32 *paths)
{
	enum kmlops_forest_layout layout;
	struct kmlops_refusal refusal;
	struct kmlops_forest *forest;
	int err;

	KUNIT_ASSERT_TRUE(test, forest_model_random(&sample->model, shape));
	forest = create(test, sample, &err, &refusal);
	KUNIT_ASSERT_NOT_NULL_MSG(test, forest, "%s", refusal.text);
	KUNIT_EXPECT_EQ(test, forest->work, sample->model.work);
	while (inputs--) {
		random_inputs(&sample->model, sample->in);
		compare(test, forest, sample);
	}
	memset(sample->in, 0x7f, sizeof(sample->in));
	compare(test, forest, sample);
	memset(sample->in, 0x80, sizeof(sample->in));
	compare(test, forest, sample);
	layout = forest->layout;
	*paths = forest->paths;
	kmlops_forest_destroy(forest);
	sample_clear(sample);
	return layout;
}

static void random_models(struct kunit *test)
{
	static const u32 trees[] = { 1, 2, 7, 8, 9, 31, 33, 130 };
	static const u32 inputs[] = { 1, 2, 15, 17, 32, 33, 256, 257 };
	static const u32 bits[] = { 8, 16, 17, 32, 33, 50 };
	struct sample *sample = sample_make(test);
	u32 seen[KMLOPS_FOREST_PLAIN + 1] = {}, round, paths;

	random_state = 1;
	for (round = 0; round < 200; round++) {
		struct forest_shape shape = {
			.kind = round % 2 ? KMLOPS_MODEL_KIND_FOREST :
				KMLOPS_MODEL_KIND_BOOSTED,
			.task = KMLOPS_MODEL_TASK_CLASSIFY,
			.nr_inputs = inputs[random_below(ARRAY_SIZE(inputs))],
			.nr_scores = 2 + random_below(8),
			.nr_trees = trees[random_below(ARRAY_SIZE(trees))],
			.depth = random_below(12),
			.split = 50 + random_below(51),
			.chain = !random_below(8),
			.max_nodes = 1 + 2 * random_below(64),
			.leaf_bits = bits[random_below(ARRAY_SIZE(bits))],
			.thresholds = random_below(THRESHOLD_KINDS),
		};

		seen[try_shape(test, sample, &shape, 6, &paths)]++;
	}
	KUNIT_EXPECT_GT(test, seen[KMLOPS_FOREST_COMPLETE], 0);
	KUNIT_EXPECT_GT(test, seen[KMLOPS_FOREST_LINKED], 0);
}

static const struct {
	struct forest_shape shape;
	enum kmlops_forest_layout layout;
	bool vectors;
} shapes[] = {
	{	/* as boosted trees are trained */
		{ .kind = KMLOPS_MODEL_KIND_BOOSTED, .nr_inputs = 16,
		  .nr_trees = 100, .depth = 6, .split = 100, .max_nodes = 127,
		  .leaf_bits = 16, .thresholds = THRESHOLD_S16 },
		KMLOPS_FOREST_COMPLETE, true,
	}, {	/* leaves only */
		{ .kind = KMLOPS_MODEL_KIND_FOREST, .nr_inputs = 1,
		  .nr_trees = 3, .max_nodes = 1, .leaf_bits = 8 },
		KMLOPS_FOREST_COMPLETE, true,
	}, {	/* too lopsided to be completed */
		{ .kind = KMLOPS_MODEL_KIND_FOREST, .nr_inputs = 40,
		  .nr_trees = 33, .depth = 40, .split = 90, .chain = true,
		  .max_nodes = 81, .leaf_bits = 20,
		  .thresholds = THRESHOLD_S64 },
		KMLOPS_FOREST_LINKED, true,
	}, {	/* too deep for a batch of vectors */
		{ .kind = KMLOPS_MODEL_KIND_BOOSTED, .nr_inputs = 3,
		  .nr_trees = 2, .depth = 513, .split = 100, .chain = true,
		  .max_nodes = 2000, .leaf_bits = 40,
		  .thresholds = THRESHOLD_S64 },
		KMLOPS_FOREST_LINKED, false,
	}, {	/* more work than vectors may do without a pause */
		{ .kind = KMLOPS_MODEL_KIND_BOOSTED, .nr_inputs = 3,
		  .nr_trees = 300, .depth = 512, .split = 100, .chain = true,
		  .max_nodes = 2000, .leaf_bits = 40,
		  .thresholds = THRESHOLD_S64 },
		KMLOPS_FOREST_LINKED, true,
	}, {	/* more inputs than codes */
		{ .kind = KMLOPS_MODEL_KIND_BOOSTED, .nr_inputs = 512,
		  .nr_trees = 100, .depth = 6, .split = 100, .max_nodes = 127,
		  .leaf_bits = 16, .thresholds = THRESHOLD_S16 },
		KMLOPS_FOREST_PLAIN, false,
	},
};

static void layouts(struct kunit *test)
{
	const u32 vectors = KMLOPS_PATH_BIT(KMLOPS_PATH_AVX2) |
			    KMLOPS_PATH_BIT(KMLOPS_PATH_AVX512);
	struct sample *sample = sample_make(test);
	u32 i, paths;

	random_state = 1;
	for (i = 0; i < ARRAY_SIZE(shapes); i++) {
		struct forest_shape shape = shapes[i].shape;

		shape.task = KMLOPS_MODEL_TASK_REGRESSION;
		shape.nr_scores = 1;
		KUNIT_EXPECT_EQ_MSG(test,
				    try_shape(test, sample, &shape, 3, &paths),
				    shapes[i].layout, "shape %u", i);
		KUNIT_EXPECT_EQ_MSG(test, paths & vectors,
				    shapes[i].vectors ? vectors : 0,
				    "shape %u", i);
	}
}

/* Two trees of two inputs and five nodes, three classes. */
static void draw_small(struct kunit *test, struct sample *sample)
{
	static const struct forest_shape shape = {
		.kind = KMLOPS_MODEL_KIND_FOREST,
		.task = KMLOPS_MODEL_TASK_CLASSIFY,
		.nr_inputs = 2,
		.nr_scores = 3,
		.nr_trees = 2,
		.depth = 2,
		.split = 100,
		.max_nodes = 5,
		.leaf_bits = 16,
	};

	sample_clear(sample);
	random_state = 1;
	KUNIT_ASSERT_TRUE(test, forest_model_random(&sample->model, &shape));
}

static void refused(struct kunit *test, struct sample *sample,
		    const char *sentence)
{
	struct kmlops_refusal refusal;
	struct kmlops_forest *forest;
	int err = 0;

	forest = create(test, sample, &err, &refusal);
	KUNIT_EXPECT_NULL(test, forest);
	kmlops_forest_destroy(forest);
	KUNIT_EXPECT_EQ(test, err, -EINVAL);
	KUNIT_EXPECT_STREQ(test, refusal.text, sentence);
	draw_small(test, sample);
}

static void bad_trees(struct kunit *test)
{
	struct sample *sample = sample_make(test);
	struct forest_model *model = &sample->model;

	draw_small(test, sample);
	model->trees[1].nr_nodes = 0;
	refused(test, sample, "tree 1 has 0 nodes, 5 are left in the section");
	model->trees[1].nr_nodes = ~0U;
	refused(test, sample,
		"tree 1 has 4294967295 nodes, 5 are left in the section");
	model->trees[0].nr_nodes = 4;
	refused(test, sample, "the last 1 tree nodes belong to no tree");
	model->trees[1].score = 1;
	refused(test, sample, "tree 1: there is no score 1 to add to");
	model->nodes[5].input = 2;
	refused(test, sample, "tree 1 node 0: there is no input 2");
	/* A cycle. */
	model->nodes[6].child = 0;
	refused(test, sample,
		"tree 1 node 1: children at 0, the next free place is 3");
	model->nodes[9].child = ~0U;
	refused(test, sample, "tree 1 node 4: there is no leaf 4294967295");
}

/* Each leaf of both trees counts @leaf for class 2, which begins at @base. */
static void sums_of(struct kunit *test, struct sample *sample, s64 base,
		    s64 leaf)
{
	struct forest_model *model = &sample->model;
	u32 i;

	draw_small(test, sample);
	for (i = 0; i < model->nr_leaves; i++)
		model->leaves[3 * i + 2] = leaf;
	model->base[2] = base;
}

static void overflows(struct kunit *test)
{
	struct sample *sample = sample_make(test);
	struct kmlops_refusal refusal;
	struct kmlops_forest *forest;
	int err;

	sums_of(test, sample, 1, S64_MAX / 2);
	forest = create(test, sample, &err, &refusal);
	KUNIT_ASSERT_NOT_NULL_MSG(test, forest, "%s", refusal.text);
	KUNIT_EXPECT_EQ(test, forest->ranges[2].min, S64_MAX);
	KUNIT_EXPECT_EQ(test, forest->ranges[2].max, S64_MAX);
	random_inputs(&sample->model, sample->in);
	compare(test, forest, sample);
	kmlops_forest_destroy(forest);

	sums_of(test, sample, 2, S64_MAX / 2);
	refused(test, sample, "tree 1: score 2 can overflow 64 bits");
	sums_of(test, sample, -1, S64_MIN / 2);
	refused(test, sample, "tree 1: score 2 can overflow 64 bits");
	sums_of(test, sample, S64_MIN, -1);
	refused(test, sample, "tree 0: score 2 can overflow 64 bits");
}

static struct kunit_case cases[] = {
	KUNIT_CASE_SLOW(random_models),
	KUNIT_CASE_SLOW(layouts),
	KUNIT_CASE(bad_trees),
	KUNIT_CASE(overflows),
	{}
};

static struct kunit_suite suite = {
	.name = "kmlops_forest",
	.test_cases = cases,
};

kunit_test_suite(suite);
