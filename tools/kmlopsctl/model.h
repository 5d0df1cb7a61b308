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

struct json_object *model_json(const struct model *model);

#endif /* KMLOPSCTL_MODEL_H */
