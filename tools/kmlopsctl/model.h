/* SPDX-License-Identifier: GPL-2.0-only */
/* Models, as the kernel describes them. */
#ifndef KMLOPSCTL_MODEL_H
#define KMLOPSCTL_MODEL_H

#include <stdint.h>
#include <json-c/json.h>
#include <linux/kernmlops.h>

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
	char **input_names;	/* nr_input_names of them, in order */
	unsigned int nr_input_names;
};

/* The model called @name: 0 or a negative errno (-ENOENT: there is none). */
int model_find(const char *name, struct model *model);
void model_free(struct model *model);

/* The content of a model file, to be freed. Returns an exit code after a report. */
int model_read_file(const char *path, uint8_t **data, size_t *size);
/*
 * Send a model file to the kernel, which loads it as @name; @model receives
 * what it has become. 0 or a negative errno.
 */
int model_send(const char *name, const uint8_t *data, uint32_t size,
	       struct model *model);
/* Where a model came from; an empty object if its file does not say. */
struct json_object *model_provenance(const uint8_t *data, size_t size);

struct json_object *model_json(const struct model *model);

#endif /* KMLOPSCTL_MODEL_H */
