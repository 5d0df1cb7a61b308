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

	model->info = (struct kmlops_model_info){
		.kind = model->engine->kind,
		.task = model->engine->task,
		.nr_inputs = model->engine->nr_inputs,
		.nr_outputs = model->engine->nr_outputs,
		.fraction_bits = model->engine->fraction_bits,
		.depth = model->engine->depth,
		.golden = model->engine->nr_golden,
		.fingerprint = model->engine->fingerprint,
		.bytes = model->engine->bytes,
	};
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

int kmlops_model_verify(const void *file, size_t size, char *why)
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
