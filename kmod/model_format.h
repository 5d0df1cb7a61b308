/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Model file: header, sections and inputs, checked and decoded. Portable.
 */
#ifndef KMLOPS_MODEL_FORMAT_H
#define KMLOPS_MODEL_FORMAT_H

#include "portable.h"
#include "refusal.h"
#include <linux/kernmlops_model.h>

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
	u64 fingerprint;
	const struct kmlops_model_input *inputs;
	struct kmlops_section sections[KMLOPS_MODEL_SECTION_PROVENANCE + 1];
};

int kmlops_model_file_parse(const void *file, size_t size,
			    struct kmlops_model_file *model,
			    struct kmlops_refusal *refusal);

#endif /* KMLOPS_MODEL_FORMAT_H */
