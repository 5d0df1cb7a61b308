// SPDX-License-Identifier: GPL-2.0-only
/*
 * The parser on any bytes: refuses with a sentence, or what it gives out lies
 * in the file. As they are, and with size and checksum made right.
 */
#include <assert.h>
#include "../user/model_builder.h"
#include "model_format.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static u64 sum;		/* what the compiler must not leave out */

static void parse(const void *file, size_t size)
{
	struct kmlops_refusal refusal = { "" };
	struct kmlops_model_file model;
	u32 type, i;
	int err;

	err = kmlops_model_file_parse(file, size, &model, &refusal);
	if (err) {
		assert(err < 0 && refusal.text[0]);
		return;
	}
	assert(!refusal.text[0]);
	for (type = 0; type < KMLOPS_MODEL_SECTION_TYPES; type++) {
		const struct kmlops_section *section = &model.sections[type];
		const u8 *bytes = section->data;

		assert(!((uintptr_t)bytes % 8));
		for (i = 0; i < section->size; i++)
			sum += bytes[i];
	}
	for (i = 0; i < model.nr_inputs; i++)
		sum += strlen(model.inputs[i].name);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct kmlops_model_header *header;
	/* A copy of its own, for the sanitizer to guard its end. */
	void *file = malloc(size ? size : 1);

	if (size)
		memcpy(file, data, size);
	parse(file, size);
	if (size >= sizeof(*header)) {
		header = file;
		header->magic = KMLOPS_MODEL_MAGIC;
		header->format = KMLOPS_MODEL_FORMAT;
		header->size = size;
		model_seal(file, size);
		parse(file, size);
	}
	free(file);
	return 0;
}
