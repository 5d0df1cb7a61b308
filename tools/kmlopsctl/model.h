/* SPDX-License-Identifier: GPL-2.0-only */
/* Models, as the kernel describes them. */
#ifndef KMLOPSCTL_MODEL_H
#define KMLOPSCTL_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <json-c/json.h>
#include <linux/kernmlops.h>

struct args;

#define MODEL_PATHS_MAX	8

/* A way to compute that a model has on this machine. */
struct model_path {
	char name[16];
	uint64_t time;		/* ns of an inference, tried at load */
};

struct model {
	char name[KERNMLOPS_NAME_MAX + 1];
	uint32_t version;
	uint32_t kind;
	uint32_t task;
	uint32_t inputs;	/* length of an input vector */
	uint32_t outputs;	/* length of an output vector: 1 + scores */
	uint32_t depth;
	uint32_t fraction_bits;
	uint32_t golden;
	uint64_t fingerprint;
	uint64_t bytes;
	uint64_t inferences;
	uint64_t work;
	bool active;
	char path[16];		/* the one that it takes */
	struct model_path paths[MODEL_PATHS_MAX];
	unsigned int nr_paths;
	char **input_names;	/* nr_input_names of them, in order */
	unsigned int nr_input_names;
};

/* The words of the format for what a model is. */
const char *model_kind_name(uint32_t kind);
const char *model_task_name(uint32_t task);

/* Netlink; each gives 0 or a negative errno. */

/* The active version of @name (-ENOENT: there is none). */
int model_find(const char *name, struct model *model);
/* The same of a version; 0 is the active one. */
int model_find_version(const char *name, uint32_t version, struct model *model);
void model_free(struct model *model);

/* How to load a model: all zero is as usual. */
struct model_load {
	bool inactive;
	const char *path;
	uint64_t max_work;
	uint64_t max_memory;
};

/*
 * Send a model file; @model receives the version that it has become. @load may
 * be NULL.
 */
int model_send(const char *name, const uint8_t *data, uint32_t size,
	       const struct model_load *load, struct model *model);

struct json_object *model_json(const struct model *model);
/* Where a model came from; an empty object if its file does not say. */
struct json_object *model_provenance(const uint8_t *data, size_t size);

/* The content of a model file, to be freed. Returns an exit code. */
int model_read_file(const char *path, uint8_t **data, size_t *size);
/* The word file and a name, the next words; or NULL. */
const char *model_file_word(struct args *args);
/* The number after the word version. Returns an exit code. */
int model_version_number(struct args *args, uint32_t *version);

/* Commands in files of their own. */
int model_infer(struct args *args);
int model_verify(struct args *args);

#endif /* KMLOPSCTL_MODEL_H */
