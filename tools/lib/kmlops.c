// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* libkmlops: a thin coat over the engines of the kernel module. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine.h"
#include "kmlops.h"

struct kmlops_model_handle {
	struct kmlops_engine *engine;
	struct kmlops_model_info info;
};

static void explain(char *why, const char *sentence)
{
	if (why)
		snprintf(why, KMLOPS_WHY_LEN, "%s", sentence);
}

/* Index among the paths that the model has, as its users see them. */
static uint32_t path_index(const struct kmlops_engine *engine)
{
	return __builtin_popcount(engine->paths &
				  (KMLOPS_PATH_BIT(engine->path) - 1));
}

static void describe(struct kmlops_model_info *info,
		     const struct kmlops_engine *engine)
{
	*info = (struct kmlops_model_info){
		.kind = engine->kind,
		.task = engine->task,
		.nr_inputs = engine->nr_inputs,
		.nr_outputs = engine->nr_outputs,
		.fraction_bits = engine->fraction_bits,
		.depth = engine->depth,
		.golden = engine->nr_golden,
		.nr_paths = __builtin_popcount(engine->paths),
		.path = path_index(engine),
		.fingerprint = engine->fingerprint,
		.bytes = engine->bytes,
		.work = engine->work,
	};
	if (engine->mlp) {
		info->nr_layers = engine->mlp->nr_layers;
	} else if (engine->tree) {
		info->nr_trees = 1;
		info->nr_nodes = engine->tree->nr_nodes;
	} else {
		info->nr_trees = engine->forest->nr_trees;
		info->nr_nodes = engine->forest->nr_nodes;
	}
}

struct kmlops_model_handle *kmlops_model_open_buffer(const void *file,
						     size_t size, char *why)
{
	struct kmlops_refusal refusal = { "" };
	struct kmlops_model_handle *model;
	void *aligned;
	int err;

	model = calloc(1, sizeof(*model));
	aligned = malloc(size ? size : 1);
	if (!model || !aligned) {
		explain(why, "no memory for the model");
		err = -ENOMEM;
		goto err_free;
	}
	if (size)
		memcpy(aligned, file, size);
	model->engine = kmlops_engine_create(aligned, size, &err, &refusal);
	if (!model->engine) {
		explain(why, refusal.text);
		goto err_free;
	}
	free(aligned);

	describe(&model->info, model->engine);
	return model;

err_free:
	free(aligned);
	free(model);
	errno = -err;
	return NULL;
}

/* The content of a file, to be freed; NULL with errno set. */
static void *read_file(const char *path, size_t *size)
{
	FILE *file = fopen(path, "rbe");
	struct stat st;
	void *data;
	int err;

	if (!file)
		return NULL;
	if (fstat(fileno(file), &st))
		goto err_close;
	if (!S_ISREG(st.st_mode)) {
		errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
		goto err_close;
	}
	data = malloc(st.st_size ? st.st_size : 1);
	if (!data)
		goto err_close;
	*size = fread(data, 1, st.st_size, file);
	if (ferror(file)) {
		err = errno;
		free(data);
		errno = err;
		goto err_close;
	}
	fclose(file);
	return data;

err_close:
	err = errno;
	fclose(file);
	errno = err;
	return NULL;
}

struct kmlops_model_handle *kmlops_model_open(const char *path, char *why)
{
	struct kmlops_model_handle *model;
	size_t size = 0;
	void *file;
	int err;

	file = read_file(path, &size);
	if (!file) {
		err = errno;
		explain(why, strerror(err));
		errno = err;
		return NULL;
	}
	model = kmlops_model_open_buffer(file, size, why);
	err = errno;
	free(file);
	errno = err;
	return model;
}

int kmlops_verify(const void *file, size_t size, char *why)
{
	struct kmlops_model_handle *model;

	model = kmlops_model_open_buffer(file, size, why);
	if (!model)
		return -errno;
	kmlops_model_close(model);
	return 0;
}

const struct kmlops_model_info *
kmlops_model_info(const struct kmlops_model_handle *model)
{
	return &model->info;
}

const char *kmlops_model_input_name(const struct kmlops_model_handle *model,
				    uint32_t index)
{
	return index < model->info.nr_inputs ?
	       model->engine->input_names[index] : NULL;
}

static struct kmlops_bounds bounds_of(struct kmlops_range range)
{
	return (struct kmlops_bounds){ range.min, range.max };
}

int kmlops_model_layer(const struct kmlops_model_handle *model, uint32_t index,
		       struct kmlops_layer_bounds *bounds)
{
	const struct kmlops_layer *layer;

	if (index >= model->info.nr_layers)
		return -EINVAL;
	layer = &model->engine->mlp->layers[index];
	*bounds = (struct kmlops_layer_bounds){
		.nr_inputs = layer->nr_inputs,
		.nr_outputs = layer->nr_outputs,
		.acc_min_channel = layer->proof.acc_min_channel,
		.acc_max_channel = layer->proof.acc_max_channel,
		.acc = bounds_of(layer->proof.acc),
		.requantized = bounds_of(layer->proof.requantized),
		.output = bounds_of(layer->proof.output),
		.work = layer->proof.work,
		.bytes = layer->proof.bytes,
	};
	return 0;
}

/* What a score of a single tree can be: the extremes of its leaves. */
static struct kmlops_bounds tree_bounds(const struct kmlops_tree *tree,
					uint32_t index)
{
	struct kmlops_bounds bounds = { INT64_MAX, INT64_MIN };
	uint32_t i;

	for (i = 0; i < tree->nr_nodes; i++) {
		int64_t score;

		if (tree->nodes[i].input != KMLOPS_MODEL_TREE_LEAF)
			continue;
		score = tree->leaves[tree->nodes[i].child + 1 + index];
		if (score < bounds.min)
			bounds.min = score;
		if (score > bounds.max)
			bounds.max = score;
	}
	return bounds;
}

int kmlops_model_score(const struct kmlops_model_handle *model, uint32_t index,
		       struct kmlops_bounds *bounds)
{
	const struct kmlops_engine *engine = model->engine;

	if (index >= model->info.nr_outputs - 1)
		return -EINVAL;
	if (engine->mlp)
		*bounds = bounds_of(engine->mlp->layers[model->info.nr_layers - 1].proof.output);
	else if (engine->tree)
		*bounds = tree_bounds(engine->tree, index);
	else
		*bounds = bounds_of(engine->forest->ranges[index]);
	return 0;
}

int kmlops_model_path(const struct kmlops_model_handle *model, uint32_t index,
		      struct kmlops_path_info *info)
{
	enum kmlops_path path;

	for (path = 0; path < KMLOPS_PATHS; path++) {
		if (!(model->engine->paths & KMLOPS_PATH_BIT(path)) || index--)
			continue;
		info->name = kmlops_path_name(path);
		info->time = model->engine->path_ns[path];
		return 0;
	}
	return -EINVAL;
}

int kmlops_model_use_path(struct kmlops_model_handle *model, const char *name)
{
	struct kmlops_refusal refusal;
	int err = kmlops_engine_use_path(model->engine, name, &refusal);

	model->info.path = path_index(model->engine);
	return err;
}

int kmlops_infer(const struct kmlops_model_handle *model, const int64_t *in,
		 size_t in_words, int64_t *out, size_t out_words)
{
	if (in_words != model->info.nr_inputs || !out_words ||
	    out_words > model->info.nr_outputs)
		return -EINVAL;
	kmlops_engine_infer(model->engine, in, out, out_words);
	return 0;
}

void kmlops_model_close(struct kmlops_model_handle *model)
{
	if (!model)
		return;
	kmlops_engine_destroy(model->engine);
	free(model);
}
