// SPDX-License-Identifier: GPL-2.0-only
/*
 * Forests and boosted trees: every path of this CPU gives what a naive walk
 * gives, each fault of a file has its own sentence, and sums are proved to the
 * last value.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <cmocka.h>
#include "engine.h"
#include "forest_models.h"

/* A sanitized build is several times slower. */
#ifdef __SANITIZE_ADDRESS__
#define MODELS	400
#else
#define MODELS	2000
#endif
#define INPUTS	24

static struct forest_model model;

/* What the models were made into. */
static u32 layouts[KMLOPS_FOREST_PLAIN + 1];
static u32 leaf_bits[65];
static u32 ranked[2];

static struct kmlops_engine *accepted(void)
{
	struct kmlops_refusal refusal = {};
	struct kmlops_engine *engine;
	int err = 1;
	u32 size;
	void *file = model_build(&model.builder, &size);

	engine = kmlops_engine_create(file, size, &err, &refusal);
	assert_string_equal(refusal.text, "");
	assert_int_equal(err, 0);
	assert_non_null(engine);
	free(file);
	return engine;
}

static void check_inputs(const struct kmlops_engine *engine, const s64 *in,
			 u64 seed)
{
	s64 expected[1 + KMLOPS_MODEL_SCORES_MAX];
	s64 out[1 + KMLOPS_MODEL_SCORES_MAX];
	enum kmlops_path path;
	u32 k;

	oracle_outputs(&model, in, expected);
	for (path = 0; path < KMLOPS_PATHS; path++) {
		if (!(engine->paths & KMLOPS_PATH_BIT(path)))
			continue;
		memset(out, 0x55, sizeof(out));
		kmlops_engine_infer_path(engine, path, in, out,
					 engine->nr_outputs);
		for (k = 0; k < engine->nr_outputs; k++)
			if (out[k] != expected[k])
				fail_msg("seed %llu: output %u of path %s is %lld, not %lld",
					 (unsigned long long)seed, k,
					 kmlops_path_name(path),
					 (long long)out[k],
					 (long long)expected[k]);
		for (k = 0; k < model.shape.nr_scores; k++) {
			assert_true(out[1 + k] >= engine->forest->ranges[k].min);
			assert_true(out[1 + k] <= engine->forest->ranges[k].max);
		}
	}
}

/* The model that a seed stands for, on many inputs. Returns its paths. */
static u32 check_model(const struct forest_shape *shape, u64 seed)
{
	s64 in[KMLOPS_MODEL_INPUTS_MAX];
	struct kmlops_engine *engine;
	u32 i, paths;

	random_state = seed;
	forest_model_random(&model, shape);
	engine = accepted();
	assert_int_equal(engine->forest->work, model.work);
	for (i = 0; i < INPUTS; i++) {
		random_inputs(&model, in);
		check_inputs(engine, in, seed);
	}
	for (i = 0; i < 2; i++) {
		memset(in, i ? 0x7f : 0x80, sizeof(in));
		check_inputs(engine, in, seed);
	}
	layouts[engine->forest->layout]++;
	leaf_bits[engine->forest->leaf_bits]++;
	for (i = 0; i < engine->forest->nr_inputs; i++)
		ranked[engine->forest->inputs[i].nr > 0]++;
	paths = engine->paths;
	kmlops_engine_destroy(engine);
	forest_model_free(&model);
	return paths;
}

static u32 one_of(const u32 *choices, u32 nr)
{
	return choices[random_below(nr)];
}

static struct forest_shape random_shape(u64 seed)
{
	static const u32 trees[] = { 1, 2, 3, 7, 8, 9, 31, 32, 33, 100, 300 };
	static const u32 inputs[] = { 1, 2, 15, 16, 17, 31, 32, 33, 64, 255, 256,
				      257, 512 };
	static const u32 scores[] = { 2, 3, 8, 9, 128 };
	static const u32 nodes[] = { 1, 3, 63, 127, 1000, 40000 };
	static const u32 bits[] = { 1, 8, 16, 17, 32, 33, 50 };
	static const u32 splits[] = { 0, 50, 60, 80, 100 };
	struct forest_shape shape;

	random_state = seed;
	random64();
	shape = (struct forest_shape){
		.kind = random_below(2) ? KMLOPS_MODEL_KIND_FOREST :
			KMLOPS_MODEL_KIND_BOOSTED,
		.task = 1 + random_below(3),
		.nr_inputs = one_of(inputs, 13),
		.nr_scores = 1,
		.nr_trees = one_of(trees, 11),
		.depth = random_below(17),
		.split = one_of(splits, 5),
		.chain = !random_below(8),
		.max_nodes = one_of(nodes, 6),
		.leaf_bits = one_of(bits, 7),
		.thresholds = random_below(THRESHOLD_KINDS),
	};
	/* 300 trees of 40000 nodes would be a test of patience. */
	if (shape.nr_trees > 9 && shape.max_nodes > 1000)
		shape.max_nodes = 1000;
	if (shape.task == KMLOPS_MODEL_TASK_CLASSIFY)
		shape.nr_scores = one_of(scores, 5);
	return shape;
}

static void test_random(void **state)
{
	const char *given = getenv("SEED");
	u64 seed = given ? strtoull(given, NULL, 0) : (u64)time(NULL) << 20;
	u32 i;

	print_message("# %d models from seed %llu on (SEED=...)\n", MODELS,
		      (unsigned long long)seed);
	for (i = 0; i < MODELS; i++) {
		struct forest_shape shape = random_shape(seed + i);

		check_model(&shape, seed + i);
	}
	print_message("# complete %u, linked %u, plain %u\n",
		      layouts[KMLOPS_FOREST_COMPLETE],
		      layouts[KMLOPS_FOREST_LINKED],
		      layouts[KMLOPS_FOREST_PLAIN]);
	assert_true(layouts[KMLOPS_FOREST_COMPLETE]);
	assert_true(layouts[KMLOPS_FOREST_LINKED]);
	for (i = 16; i <= 64; i *= 2)
		assert_true(leaf_bits[i]);
	assert_true(ranked[0] && ranked[1]);
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
		  .nr_trees = 3, .depth = 0, .max_nodes = 1, .leaf_bits = 8 },
		KMLOPS_FOREST_COMPLETE, true,
	}, {	/* too lopsided to be completed */
		{ .kind = KMLOPS_MODEL_KIND_FOREST, .nr_inputs = 40,
		  .nr_trees = 33, .depth = 40, .split = 90, .chain = true,
		  .max_nodes = 81, .leaf_bits = 20, .thresholds = THRESHOLD_S64 },
		KMLOPS_FOREST_LINKED, true,
	}, {	/* too deep for a batch of vectors */
		{ .kind = KMLOPS_MODEL_KIND_BOOSTED, .nr_inputs = 3,
		  .nr_trees = 2, .depth = 513, .split = 100, .chain = true,
		  .max_nodes = 2000, .leaf_bits = 40, .thresholds = THRESHOLD_S64 },
		KMLOPS_FOREST_LINKED, false,
	}, {	/* more work than vectors may do without a pause */
		{ .kind = KMLOPS_MODEL_KIND_BOOSTED, .nr_inputs = 3,
		  .nr_trees = 300, .depth = 512, .split = 100, .chain = true,
		  .max_nodes = 2000, .leaf_bits = 40, .thresholds = THRESHOLD_S64 },
		KMLOPS_FOREST_LINKED, true,
	}, {	/* more inputs than codes */
		{ .kind = KMLOPS_MODEL_KIND_BOOSTED, .nr_inputs = 512,
		  .nr_trees = 100, .depth = 6, .split = 100, .max_nodes = 127,
		  .leaf_bits = 16, .thresholds = THRESHOLD_S16 },
		KMLOPS_FOREST_PLAIN, false,
	}, {	/* more thresholds than ranks */
		{ .kind = KMLOPS_MODEL_KIND_BOOSTED, .nr_inputs = 1,
		  .nr_trees = 1, .depth = 17, .split = 100,
		  .max_nodes = 2 * 65536 + 1, .leaf_bits = 16,
		  .thresholds = THRESHOLD_S64 },
		KMLOPS_FOREST_PLAIN, false,
	}, {	/* as many as there are */
		{ .kind = KMLOPS_MODEL_KIND_BOOSTED, .nr_inputs = 1,
		  .nr_trees = 1, .depth = 17, .split = 100,
		  .max_nodes = 2 * 65535 + 1, .leaf_bits = 16,
		  .thresholds = THRESHOLD_S64 },
		KMLOPS_FOREST_COMPLETE, true,
	},
};

/* Each layout is chosen where it should be. */
static void test_layouts(void **state)
{
	u32 i;

	for (i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		struct forest_shape shape = shapes[i].shape;
		u32 paths;

		shape.task = KMLOPS_MODEL_TASK_REGRESSION;
		shape.nr_scores = 1;
		memset(layouts, 0, sizeof(layouts));
		paths = check_model(&shape, 1 + i);
		print_message("# shape %u\n", i);
		assert_int_equal(layouts[shapes[i].layout], 1);
		assert_int_equal(paths, shapes[i].vectors ? kmlops_cpu_paths() :
				 KMLOPS_PATH_BIT(KMLOPS_PATH_SCALAR));
	}
}

/* Two trees of two inputs, three classes. */
static int setup(void **state)
{
	const struct forest_shape shape = {
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

	forest_model_free(&model);
	random_state = 1;
	forest_model_random(&model, &shape);
	return 0;
}

static int teardown(void **state)
{
	forest_model_free(&model);
	return 0;
}

static void refused(const char *sentence)
{
	struct kmlops_refusal refusal = {};
	int err = 0;
	u32 size;
	void *file = model_build(&model.builder, &size);

	assert_null(kmlops_engine_create(file, size, &err, &refusal));
	assert_string_equal(refusal.text, sentence);
	assert_int_equal(err, -EINVAL);
	free(file);
	setup(NULL);
}

/* The section of a type in the table. */
static struct kmlops_model_section *section(u32 type)
{
	u32 i;

	for (i = 0; model.builder.sections[i].type != type; i++)
		;
	return &model.builder.sections[i];
}

static void test_counts(void **state)
{
	struct kmlops_model_tree many[KMLOPS_MODEL_TREES_MAX + 1] = {};

	section(KMLOPS_MODEL_SECTION_BASE)->size = 16;
	section(KMLOPS_MODEL_SECTION_BASE)->count = 2;
	refused("the header says 3 scores, the section base has 2");
	section(KMLOPS_MODEL_SECTION_TREES)->size = sizeof(many);
	section(KMLOPS_MODEL_SECTION_TREES)->count = KMLOPS_MODEL_TREES_MAX + 1;
	model.builder.data[section(KMLOPS_MODEL_SECTION_TREES) -
			   model.builder.sections] = many;
	refused("a model has 1 to 4096 trees, this has 4097");
	model.trees[1].nr_nodes = 0;
	refused("tree 1 has 0 nodes, 5 are left in the section");
	model.trees[0].nr_nodes = 4;
	refused("the last 1 tree nodes belong to no tree");
	model.trees[1].nr_nodes = 6;
	refused("tree 1 has 6 nodes, 5 are left in the section");
	model.trees[1].nr_nodes = 0xffffffff;
	refused("tree 1 has 4294967295 nodes, 5 are left in the section");
	model.trees[0].nr_nodes = 3;
	model.trees[1].nr_nodes = 7;
	refused("tree 0 node 1: children at 3, the tree has 3 nodes");
	model.trees[1].score = 1;
	refused("tree 1: there is no score 1 to add to");
}

static void test_boosted_score(void **state)
{
	struct forest_shape shape = model.shape;

	shape.kind = KMLOPS_MODEL_KIND_BOOSTED;
	forest_model_free(&model);
	forest_model_random(&model, &shape);
	model.trees[0].score = 2;
	forest_model_finish(&model);
	kmlops_engine_destroy(accepted());
	model.trees[1].score = 3;
	refused("tree 1: there is no score 3 to add to");
}

static void test_nodes(void **state)
{
	model.nodes[5].input = 2;
	refused("tree 1 node 0: there is no input 2");
	model.nodes[6].child = 5;
	refused("tree 1 node 1: children at 5, the next free place is 3");
	model.nodes[6].child = 0;
	refused("tree 1 node 1: children at 0, the next free place is 3");
	model.nodes[9].child = 5;
	refused("tree 1 node 4: there is no leaf 5");
	model.nodes[9].input = 0;
	model.nodes[9].child = 5;
	refused("tree 1 node 4: children at 5, the tree has 5 nodes");
	model.nodes[6].input = KMLOPS_MODEL_TREE_LEAF;
	model.nodes[6].child = 0;
	refused("tree 1 node 3 is no other node's child");
	model.nodes[7].reserved = 1;
	refused("tree 1 node 2: reserved bytes are not zero");
}

/* Boosted regression; each tree is one leaf or two, of the given values. */
static void sum_of(s64 base, s64 a_low, s64 a_high, s64 b_low, s64 b_high)
{
	const struct forest_shape shape = {
		.kind = KMLOPS_MODEL_KIND_BOOSTED,
		.task = KMLOPS_MODEL_TASK_REGRESSION,
		.nr_inputs = 1,
		.nr_scores = 1,
		.nr_trees = 2,
		.depth = 1,
		.split = 100,
		.max_nodes = 3,
		.leaf_bits = 1,
	};
	u32 i;

	forest_model_free(&model);
	forest_model_random(&model, &shape);
	free(model.leaves);
	model.nr_leaves = 4;
	model.leaves = calloc(4, 8);
	model.base[0] = base;
	model.leaves[0] = a_low;
	model.leaves[1] = a_high;
	model.leaves[2] = b_low;
	model.leaves[3] = b_high;
	for (i = 0; i < 4; i++)
		model.nodes[1 + i % 2 + 3 * (i / 2)].child = i;
	forest_model_finish(&model);
}

static void sum_accepted(s64 low, s64 high)
{
	struct kmlops_engine *engine = accepted();
	s64 in[1];

	assert_int_equal(engine->forest->ranges[0].min, low);
	assert_int_equal(engine->forest->ranges[0].max, high);
	for (in[0] = -40000; in[0] < 40000; in[0] += 100)
		check_inputs(engine, in, 0);
	kmlops_engine_destroy(engine);
}

static void test_overflow(void **state)
{
	sum_of(1, -5, S64_MAX - 10, 0, 9);
	sum_accepted(-4, S64_MAX);
	sum_of(1, -5, S64_MAX - 10, 0, 10);
	refused("tree 1: score 0 can overflow 64 bits");
	sum_of(-1, S64_MIN + 10, 5, -9, 0);
	sum_accepted(S64_MIN, 4);
	sum_of(-1, S64_MIN + 10, 5, -10, 0);
	refused("tree 1: score 0 can overflow 64 bits");
	sum_of(S64_MIN, S64_MIN, S64_MIN, 0, 0);
	refused("tree 0: score 0 can overflow 64 bits");
	sum_of(S64_MAX, 0, 0, S64_MIN, S64_MIN);
	sum_accepted(-1, -1);
	/* An order of the sum overflows, another one does not. */
	sum_of(S64_MAX, -5, -5, 5, 5);
	refused("tree 1: score 0 can overflow 64 bits");
	sum_of(0, S64_MIN, S64_MAX, 0, 0);
	sum_accepted(S64_MIN, S64_MAX);
}

/* A forest names the score. */
static void test_overflow_of_forest(void **state)
{
	u32 i;

	for (i = 0; i < model.nr_leaves; i++)
		model.leaves[3 * i + 2] = S64_MAX / 2;
	model.base[2] = 1;
	forest_model_finish(&model);
	kmlops_engine_destroy(accepted());
	model.base[2] = 2;
	refused("tree 1: score 2 can overflow 64 bits");
}

/* Leaves that no node names do not count. */
static void test_unused_leaf(void **state)
{
	sum_of(0, 1, 2, S64_MAX, S64_MAX);
	model.nodes[4].child = 0;
	model.nodes[5].child = 1;
	forest_model_finish(&model);
	sum_accepted(2, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_layouts, teardown),
		cmocka_unit_test_teardown(test_random, teardown),
		cmocka_unit_test_setup_teardown(test_counts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_boosted_score, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nodes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_overflow, setup, teardown),
		cmocka_unit_test_setup_teardown(test_overflow_of_forest, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unused_leaf, setup, teardown),
	};

	return cmocka_run_group_tests_name("forest", tests, NULL, NULL);
}
