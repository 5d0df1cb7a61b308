/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Model file: header, sections and inputs, checked and decoded. Portable.
 */
#ifndef KMLOPS_MODEL_FORMAT_H
#define KMLOPS_MODEL_FORMAT_H

#include "portable.h"
#include "refusal.h"
#include <linux/kernmlops_model.h>

#define KMLOPS_MODEL_SECTION_TYPES	(KMLOPS_MODEL_SECTION_WEIGHTS + 1)

/* A section within the file; @data is NULL where the file has none. */
struct kmlops_section {
	const void *data;
	u32 size;
	u32 count;
};

/* A checked file. Points into it, so the file must outlive this. */
struct kmlops_model_file {
	u32 kind;
	u32 task;
	u32 nr_inputs;
	u32 nr_scores;
	u32 fraction_bits;
	u32 link;
	u64 fingerprint;
	u64 max_work;
	const struct kmlops_model_input *inputs;
	struct kmlops_section sections[KMLOPS_MODEL_SECTION_TYPES];
};

int kmlops_model_file_parse(const void *file, size_t size,
			    struct kmlops_model_file *model,
			    struct kmlops_refusal *refusal);
u32 kmlops_model_leaf_words(const struct kmlops_model_file *model);

#endif /* KMLOPS_MODEL_FORMAT_H */
