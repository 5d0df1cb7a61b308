// SPDX-License-Identifier: GPL-2.0-only
/*
 * Admission and inference: any model that is admitted computes, on any input
 * whatever, without overflow or access out of bounds (the sanitizers watch),
 * what 128-bit arithmetic straight from the file gives, within the bounds that
 * were proved, and the same on every path.
 *
 * A mutation of a model has other outputs, so its golden vectors are made
 * right, one output for each refusal.
 */
#include <assert.h>
#include "../user/forest_models.h"
#include "../user/layer_models.h"
#include "engine.h"

#define REPAIRS_MAX	200
#define PATTERNS	24

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static const struct kmlops_budget budget = { 100000, 4 << 20 };

/* Puts what the model computes where the refusal says it should be. */
static bool repair(void *file, size_t size, const struct kmlops_refusal *refusal)
{
	struct kmlops_model_file model;
	struct kmlops_refusal ignored;
	unsigned int vector, output;
	char path[16];
	long long value;
	u8 *golden;
	u32 words;

	if (sscanf(refusal->text, "golden vector %u (%15[^)]): output %u is %lld",
		   &vector, path, &output, &value) != 4)
		return false;
	/* The first path is right by definition, the others must be like it. */
	assert(!strcmp(path, "scalar"));
	assert(!kmlops_model_file_parse(file, size, &model, &ignored));
	words = model.nr_inputs + 1 + model.nr_scores;
	golden = (u8 *)file +
		 ((const u8 *)model.sections[KMLOPS_MODEL_SECTION_GOLDEN].data -
		  (const u8 *)file);
	memcpy(golden + 8 * (vector * words + model.nr_inputs + output), &value,
	       8);
	model_seal(file, size);
	return true;
}

static struct kmlops_engine *admit(void *file, size_t size)
{
	struct kmlops_refusal refusal = { "" };
	struct kmlops_engine *engine;
	u32 tries;
	int err;

	for (tries = 0; tries < REPAIRS_MAX; tries++) {
		engine = kmlops_engine_admit(file, size, &budget, &err,
					     &refusal);
		if (engine)
			return engine;
		assert(err < 0 && refusal.text[0]);
		if (err != -EBADMSG || !repair(file, size, &refusal))
			return NULL;
	}
	return NULL;
}

static void make_inputs(const struct kmlops_model_file *model, u32 pattern,
			s64 *in)
{
	u32 i;

	for (i = 0; i < model->nr_inputs; i++) {
		const struct kmlops_model_input *input = &model->inputs[i];
		u32 kind = pattern < 8 ? pattern :
			   pattern < 16 ? random_below(8) : 8;

		switch (kind) {
		case 0:
			in[i] = S64_MIN;
			break;
		case 1:
			in[i] = S64_MAX;
			break;
		case 2:
			in[i] = 0;
			break;
		case 3:
			in[i] = -1;
			break;
		case 4:
			in[i] = input->min;
			break;
		case 5:
			in[i] = input->max;
			break;
		case 6:
			in[i] = (u64)input->min - 1;
			break;
		case 7:
			in[i] = (u64)input->max + 1;
			break;
		default:
			in[i] = (s64)random64() >> random_below(64);
		}
	}
}

/* The scores before the link; false where the oracle has no room for them. */
static bool oracle(const struct kmlops_model_file *model,
		   const struct kmlops_engine *engine, const s64 *in,
		   s64 *scores)
{
	const struct kmlops_section *sections = model->sections;
	struct forest_model forest = {};
	static struct net net;
	struct net_seen seen;
	u32 i;

	if (engine->mlp) {
		net.nr_inputs = model->nr_inputs;
		net.nr_layers = engine->mlp->nr_layers;
		if (net.nr_layers > NET_LAYERS_MAX)
			return false;
		memcpy(net.inputs, model->inputs,
		       net.nr_inputs * sizeof(*net.inputs));
		memcpy(net.layers, sections[KMLOPS_MODEL_SECTION_LAYERS].data,
		       net.nr_layers * sizeof(*net.layers));
		net.channels = (void *)sections[KMLOPS_MODEL_SECTION_CHANNELS].data;
		net.weights = (void *)sections[KMLOPS_MODEL_SECTION_WEIGHTS].data;
		net_seen_init(&seen);
		net_oracle(&net, in, scores, &seen);
		for (i = 0; i < net.nr_layers; i++) {
			const struct kmlops_layer_proof *proof =
				&engine->mlp->layers[i].proof;

			assert(seen.acc[i][0] >= proof->acc.min);
			assert(seen.acc[i][1] <= proof->acc.max);
			assert(seen.output[i][0] >= proof->output.min);
			assert(seen.output[i][1] <= proof->output.max);
		}
		return true;
	}
	forest.nodes = (void *)sections[KMLOPS_MODEL_SECTION_TREE_NODES].data;
	forest.leaves = (void *)sections[KMLOPS_MODEL_SECTION_TREE_LEAVES].data;
	if (engine->tree) {
		memcpy(scores, forest.leaves + oracle_leaf(forest.nodes, in) *
		       (1 + model->nr_scores) + 1, 8 * model->nr_scores);
		return true;
	}
	forest.base = (void *)sections[KMLOPS_MODEL_SECTION_BASE].data;
	forest.trees = (void *)sections[KMLOPS_MODEL_SECTION_TREES].data;
	forest.shape.nr_trees = sections[KMLOPS_MODEL_SECTION_TREES].count;
	forest.shape.nr_scores = model->nr_scores;
	forest.leaf_words = kmlops_model_leaf_words(model);
	oracle_scores(&forest, in, scores);
	for (i = 0; i < model->nr_scores; i++) {
		assert(scores[i] >= engine->forest->ranges[i].min);
		assert(scores[i] <= engine->forest->ranges[i].max);
	}
	return true;
}

static void check_answer(const struct kmlops_engine *engine, const s64 *out,
			 const s64 *scores)
{
	u32 nr = engine->nr_outputs - 1, i;

	if (engine->link)
		assert(out[1] >= 0 && out[1] <= 65536);
	else if (scores)
		assert(!memcmp(out + 1, scores, 8 * nr));
	switch (engine->task) {
	case KMLOPS_MODEL_TASK_CLASSIFY:
		assert(out[0] >= 0 && out[0] < nr);
		/* The leaf of a tree says itself what it answers. */
		for (i = 0; i < nr && !engine->tree; i++)
			assert(out[1 + i] < out[1 + out[0]] ||
			       (out[1 + i] == out[1 + out[0]] && i >= out[0]));
		break;
	case KMLOPS_MODEL_TASK_BINARY:
		assert(out[0] == 0 || out[0] == 1);
		if (scores)
			assert(out[0] == (scores[0] > 0));
		break;
	default:
		assert(out[0] == out[1]);
	}
}

static void infer(const struct kmlops_engine *engine,
		  const struct kmlops_model_file *model)
{
	/* Of their own, for the sanitizer to guard their ends. */
	s64 *in = malloc(8 * engine->nr_inputs);
	s64 *out = malloc(8 * engine->nr_outputs);
	s64 *first = malloc(8 * engine->nr_outputs);
	s64 scores[KMLOPS_MODEL_WIDTH_MAX];
	u32 pattern;

	for (pattern = 0; pattern < PATTERNS; pattern++) {
		enum kmlops_path path;
		bool known;

		make_inputs(model, pattern, in);
		known = oracle(model, engine, in, scores);
		kmlops_engine_infer_path(engine, KMLOPS_PATH_SCALAR, in, first,
					 engine->nr_outputs);
		check_answer(engine, first, known ? scores : NULL);
		for (path = 1; path < KMLOPS_PATHS; path++) {
			if (!(engine->paths & KMLOPS_PATH_BIT(path)))
				continue;
			kmlops_engine_infer_path(engine, path, in, out,
						 engine->nr_outputs);
			assert(!memcmp(out, first, 8 * engine->nr_outputs));
		}
		kmlops_engine_infer(engine, in, out, 1);
		assert(out[0] == first[0]);
	}
	free(in);
	free(out);
	free(first);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct kmlops_model_header *header;
	struct kmlops_model_file model;
	struct kmlops_refusal refusal;
	struct kmlops_engine *engine;

	if (size < sizeof(*header))
		return 0;
	random_state = crc32(0, data, size) + 1;
	header = malloc(size);
	memcpy(header, data, size);
	header->magic = KMLOPS_MODEL_MAGIC;
	header->format = KMLOPS_MODEL_FORMAT;
	header->size = size;
	header->max_work = budget.work;
	model_seal(header, size);
	engine = admit(header, size);
	if (engine) {
		assert(!kmlops_model_file_parse(header, size, &model, &refusal));
		infer(engine, &model);
		kmlops_engine_destroy(engine);
	}
	free(header);
	return 0;
}
