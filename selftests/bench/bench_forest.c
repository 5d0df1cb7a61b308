// SPDX-License-Identifier: GPL-2.0-only
/*
 * Inference with trees outside of the kernel: the same files, built with its
 * flags, each path next to the same trees as generated C of ifs, with the same
 * flags. Inputs are random, and others in each round: the processor would learn
 * the jumps that a few thousand of them lead to.
 */
#include <string.h>
#include "engine.h"
#include "forests.h"
#include "turns.h"
#include "xgboost_forest.h"

#define VECTORS	1024
#define POOL	(64 * VECTORS)
#define ROUNDS	200
#define FEW	32	/* for who is slow: rounds are short, so that most are quiet */

static struct kmlops_engine *engine;
static s64 pool[POOL][16];
static s64 inputs[VECTORS][16];
static s64 (*ifelse)(const s64 *in);
static volatile s64 sink;

static void run_path(enum kmlops_path path)
{
	s64 score, sum = 0;
	u32 i;

	for (i = 0; i < VECTORS; i++) {
		kmlops_forest_infer(engine->forest, path, inputs[i], &score);
		sum += score;
	}
	sink = sum;
}

static void run_scalar(void)
{
	run_path(KMLOPS_PATH_SCALAR);
}

static void run_avx2(void)
{
	run_path(KMLOPS_PATH_AVX2);
}

static void run_avx512(void)
{
	run_path(KMLOPS_PATH_AVX512);
}

static void run_tree(void)
{
	s64 sum = 0;
	u32 i;

	for (i = 0; i < VECTORS; i++)
		sum += kmlops_tree_infer(engine->tree, inputs[i])[1];
	sink = sum;
}

static void run_ifelse(void)
{
	s64 sum = 0;
	u32 i;

	for (i = 0; i < VECTORS; i++)
		sum += ifelse(inputs[i]);
	sink = sum;
}

static void run_xgboost(void)
{
	double sum = 0;
	u32 i;

	for (i = 0; i < FEW; i++)
		sum += xgboost_infer(i);
	sink = sum;
}

static void open_engine(struct forest_model *model)
{
	struct kmlops_refusal refusal;
	u32 size;
	int err;
	void *file = model_build(&model->builder, &size);

	engine = kmlops_engine_create(file, size, &err, &refusal);
	if (!engine) {
		fprintf(stderr, "bench_forest: %s\n", refusal.text);
		exit(1);
	}
	free(file);
}

static void draw_inputs(u32 bits)
{
	u32 i, j;

	for (i = 0; i < POOL; i++)
		for (j = 0; j < 16; j++)
			pool[i][j] = (s64)random64() >> (64 - bits);
}

static void next_inputs(int round)
{
	memcpy(inputs, pool[round * VECTORS % POOL], sizeof(inputs));
}

/* What is compared computes the same. */
static void check_same(turn_fn a, turn_fn b, const char *what)
{
	s64 sum;

	next_inputs(0);
	a();
	sum = sink;
	b();
	if (sum == sink)
		return;
	fprintf(stderr, "bench_forest: %s differs from if and else\n", what);
	exit(1);
}

static void bench_path(const char *model, enum kmlops_path path, turn_fn run)
{
	turn_fn ways[] = { run, run_ifelse };
	char name[80];
	double ns[2];

	snprintf(name, sizeof(name), "infer.%s.100x6.%s.native_ns", model,
		 kmlops_path_name(path));
	if (!(engine->paths & KMLOPS_PATH_BIT(path))) {
		printf("{\"name\": \"%s\", \"unit\": \"ns\", \"absent\": \"this CPU has no %s\"}\n",
		       name, kmlops_path_name(path));
		return;
	}
	check_same(run, run_ifelse, kmlops_path_name(path));
	turns_measure(ways, 2, ROUNDS, next_inputs, ns);
	report(name, "ns", ns[0] / VECTORS,
	       "generated if/else C, a function per tree, same flags",
	       ns[1] / VECTORS);
}

/* Others run trees of their own making, but as many, as deep. */
static void bench_others(void)
{
	turn_fn ways[] = { run_scalar, run_xgboost };
	double ns[2], sklearn;
	FILE *python;

	xgboost_train(16, 100, 6);
	turns_measure(ways, 2, ROUNDS, next_inputs, ns);
	report("infer.gbdt.100x6.scalar_to_xgboost.native_ns", "ns",
	       ns[0] / VECTORS, "xgboost C API, one row, one thread",
	       ns[1] / FEW);

	python = popen("${PYTHON:-/usr/bin/python3} selftests/bench/sklearn_forest.py 16 100 6 2>/dev/null",
		       "r");
	if (python && fscanf(python, "%lf", &sklearn) == 1)
		report("infer.gbdt.100x6.scalar_to_sklearn.native_ns", "ns",
		       ns[0] / VECTORS, "scikit-learn, one row", sklearn);
	else
		fprintf(stderr, "bench_forest: no scikit-learn here\n");
	if (python)
		pclose(python);
}

static void bench_gbdt(const char *name, enum bench_model which, u32 bits,
		       s64 (*generated)(const s64 *in))
{
	struct forest_model model;

	bench_model_make(&model, which);
	ifelse = generated;
	draw_inputs(bits);
	open_engine(&model);
	bench_path(name, KMLOPS_PATH_SCALAR, run_scalar);
	bench_path(name, KMLOPS_PATH_AVX2, run_avx2);
	bench_path(name, KMLOPS_PATH_AVX512, run_avx512);
	if (which == BENCH_GBDT)
		bench_others();
	kmlops_engine_destroy(engine);
	forest_model_free(&model);
}

/* The one tree as a model of kind tree: leaves hold the answer as well. */
static void make_single(struct forest_model *model)
{
	struct model_builder *builder = &model->builder;
	s64 *leaves = calloc(model->nr_leaves, 16);
	u32 i;

	for (i = 0; i < model->nr_leaves; i++) {
		leaves[2 * i] = model->leaves[i] + model->base[0];
		leaves[2 * i + 1] = leaves[2 * i];
	}
	free(model->leaves);
	model->leaves = leaves;
	builder->nr_sections = 0;
	builder->header.kind = KMLOPS_MODEL_KIND_TREE;
	model_add(builder, KMLOPS_MODEL_SECTION_INPUTS, model->inputs,
		  16 * sizeof(*model->inputs), 16);
	model_add(builder, KMLOPS_MODEL_SECTION_TREE_NODES, model->nodes,
		  model->nr_nodes * sizeof(*model->nodes), model->nr_nodes);
	model_add(builder, KMLOPS_MODEL_SECTION_TREE_LEAVES, leaves,
		  model->nr_leaves * 16, model->nr_leaves);
	model_add(builder, KMLOPS_MODEL_SECTION_GOLDEN, model->golden,
		  2 * (16 + 2) * 8, 2);
}

static void bench_tree(void)
{
	turn_fn ways[] = { run_tree, run_ifelse };
	struct forest_model model;
	double ns[2];

	bench_model_make(&model, BENCH_TREE);
	make_single(&model);
	ifelse = ifelse_tree;
	draw_inputs(16);
	open_engine(&model);
	check_same(run_tree, run_ifelse, "a tree");
	turns_measure(ways, 2, ROUNDS, next_inputs, ns);
	report("infer.tree.depth10.scalar.native_ns", "ns", ns[0] / VECTORS,
	       "generated if/else C, same flags", ns[1] / VECTORS);
	kmlops_engine_destroy(engine);
	forest_model_free(&model);
}

int main(void)
{
	turns_pin();
	bench_gbdt("gbdt", BENCH_GBDT, 16, ifelse_gbdt);
	bench_gbdt("gbdt_wide", BENCH_GBDT_WIDE, 32, ifelse_gbdt_wide);
	bench_tree();
	return 0;
}
