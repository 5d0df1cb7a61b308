// SPDX-License-Identifier: GPL-2.0-only
/*
 * Parser of model files. What it accepts is well-formed: everything that a
 * later reader takes from the file is within it, aligned and of a known size.
 * What the content means is the business of the engine of its kind.
 */
#include "model_format.h"

#define KIND(kind)	(1U << (kind))
#define LAYERS	(KIND(KMLOPS_MODEL_KIND_LINEAR) | KIND(KMLOPS_MODEL_KIND_MLP))
#define SUMS	(KIND(KMLOPS_MODEL_KIND_FOREST) | KIND(KMLOPS_MODEL_KIND_BOOSTED))
#define TREES	(KIND(KMLOPS_MODEL_KIND_TREE) | SUMS)

/* Which kinds of model have a section, and whether they must. */
static const struct {
	const char *name;
	u32 kinds;
	bool optional;
} section_types[KMLOPS_MODEL_SECTION_TYPES] = {
	[KMLOPS_MODEL_SECTION_INPUTS] = { "inputs", LAYERS | TREES },
	[KMLOPS_MODEL_SECTION_TREE_NODES] = { "tree nodes", TREES },
	[KMLOPS_MODEL_SECTION_TREE_LEAVES] = { "tree leaves", TREES },
	[KMLOPS_MODEL_SECTION_GOLDEN] = { "golden vectors", LAYERS | TREES },
	[KMLOPS_MODEL_SECTION_PROVENANCE] = { "provenance", LAYERS | TREES, true },
	[KMLOPS_MODEL_SECTION_TREES] = { "trees", SUMS },
	[KMLOPS_MODEL_SECTION_BASE] = { "base", SUMS },
	[KMLOPS_MODEL_SECTION_LAYERS] = { "layers", LAYERS },
	[KMLOPS_MODEL_SECTION_CHANNELS] = { "channels", LAYERS },
	[KMLOPS_MODEL_SECTION_WEIGHTS] = { "weights", LAYERS },
};

/* Words of a vector in the section of leaves. */
u32 kmlops_model_leaf_words(const struct kmlops_model_file *model)
{
	switch (model->kind) {
	case KMLOPS_MODEL_KIND_TREE:
		return 1 + model->nr_scores;
	case KMLOPS_MODEL_KIND_FOREST:
		return model->nr_scores;
	}
	return 1;
}

/* Bytes of one element, or 0 for a section of bytes. */
static u64 element_size(const struct kmlops_model_file *model, u32 type)
{
	switch (type) {
	case KMLOPS_MODEL_SECTION_INPUTS:
		return sizeof(struct kmlops_model_input);
	case KMLOPS_MODEL_SECTION_TREE_NODES:
		return sizeof(struct kmlops_model_tree_node);
	case KMLOPS_MODEL_SECTION_TREE_LEAVES:
		return 8ULL * kmlops_model_leaf_words(model);
	case KMLOPS_MODEL_SECTION_GOLDEN:
		return 8ULL * (model->nr_inputs + 1 + model->nr_scores);
	case KMLOPS_MODEL_SECTION_TREES:
		return sizeof(struct kmlops_model_tree);
	case KMLOPS_MODEL_SECTION_BASE:
		return 8;
	case KMLOPS_MODEL_SECTION_LAYERS:
		return sizeof(struct kmlops_model_layer);
	case KMLOPS_MODEL_SECTION_CHANNELS:
		return sizeof(struct kmlops_model_channel);
	case KMLOPS_MODEL_SECTION_WEIGHTS:
		return 1;
	}
	return 0;
}

static u32 file_crc(const void *file, size_t size)
{
	const size_t at = offsetof(struct kmlops_model_header, crc);
	const __le32 zero = 0;
	u32 crc;

	crc = kmlops_crc32(0, file, at);
	crc = kmlops_crc32(crc, &zero, sizeof(zero));
	return kmlops_crc32(crc, (const u8 *)file + at + sizeof(zero),
			    size - at - sizeof(zero));
}

static int parse_header(const struct kmlops_model_header *header, size_t size,
			struct kmlops_model_file *model,
			struct kmlops_refusal *refusal)
{
	if (size < sizeof(*header))
		return kmlops_refuse(refusal, -EINVAL,
				     "a model file has at least %zu bytes, this has %zu",
				     sizeof(*header), size);
	if (le32_to_cpu(header->magic) != KMLOPS_MODEL_MAGIC)
		return kmlops_refuse(refusal, -EINVAL,
				     "this is no model file: wrong magic");
	if (le16_to_cpu(header->format) != KMLOPS_MODEL_FORMAT)
		return kmlops_refuse(refusal, -EINVAL,
				     "model file format %u is not supported, %u is",
				     le16_to_cpu(header->format),
				     KMLOPS_MODEL_FORMAT);
	if (le32_to_cpu(header->size) != size)
		return kmlops_refuse(refusal, -EINVAL,
				     "the model file says it has %u bytes, it has %zu",
				     le32_to_cpu(header->size), size);
	if (le32_to_cpu(header->crc) != file_crc(header, size))
		return kmlops_refuse(refusal, -EBADMSG,
				     "the model file is corrupted: its checksum is wrong");

	model->kind = le16_to_cpu(header->kind);
	model->task = le16_to_cpu(header->task);
	model->nr_inputs = le16_to_cpu(header->nr_inputs);
	model->nr_scores = le16_to_cpu(header->nr_scores);
	model->fraction_bits = le32_to_cpu(header->fraction_bits);
	model->link = le16_to_cpu(header->link);
	model->fingerprint = le64_to_cpu(header->fingerprint);
	model->max_work = le64_to_cpu(header->max_work);

	if (!model->kind || model->kind > KMLOPS_MODEL_KIND_BOOSTED)
		return kmlops_refuse(refusal, -EINVAL,
				     "model kind %u is unknown", model->kind);
	if (!model->task || model->task > KMLOPS_MODEL_TASK_BINARY)
		return kmlops_refuse(refusal, -EINVAL,
				     "model task %u is unknown", model->task);
	if (model->kind == KMLOPS_MODEL_KIND_TREE &&
	    model->task == KMLOPS_MODEL_TASK_BINARY)
		return kmlops_refuse(refusal, -EINVAL,
				     "a single tree of two classes has two scores");
	if (!model->nr_inputs || model->nr_inputs > KMLOPS_MODEL_INPUTS_MAX)
		return kmlops_refuse(refusal, -EINVAL,
				     "a model has 1 to %d inputs, this has %u",
				     KMLOPS_MODEL_INPUTS_MAX, model->nr_inputs);
	if (model->task != KMLOPS_MODEL_TASK_CLASSIFY ?
	    model->nr_scores != 1 :
	    model->nr_scores < 2 || model->nr_scores > KMLOPS_MODEL_SCORES_MAX)
		return kmlops_refuse(refusal, -EINVAL,
				     "a model of this task cannot have %u scores",
				     model->nr_scores);
	if (model->fraction_bits > 62)
		return kmlops_refuse(refusal, -EINVAL,
				     "scores have at most 62 fraction bits, not %u",
				     model->fraction_bits);
	if (model->link > KMLOPS_MODEL_LINK_SIGMOID ||
	    (model->link && model->task != KMLOPS_MODEL_TASK_BINARY))
		return kmlops_refuse(refusal, -EINVAL,
				     "a model of this task cannot have link %u",
				     model->link);
	if (model->link == KMLOPS_MODEL_LINK_SIGMOID && model->fraction_bits < 12)
		return kmlops_refuse(refusal, -EINVAL,
				     "a sigmoid needs 12 fraction bits, the scores have %u",
				     model->fraction_bits);
	if (header->reserved)
		return kmlops_refuse(refusal, -EINVAL,
				     "reserved bytes of the header are not zero");
	return 0;
}

static int parse_sections(const void *file, size_t size, u32 nr,
			  struct kmlops_model_file *model,
			  struct kmlops_refusal *refusal)
{
	const struct kmlops_model_section *table =
		(const void *)((const struct kmlops_model_header *)file + 1);
	u64 end = sizeof(struct kmlops_model_header) +
		  (u64)nr * sizeof(*table);
	u32 i;

	if (nr > KMLOPS_MODEL_SECTIONS_MAX)
		return kmlops_refuse(refusal, -EINVAL,
				     "a model file has at most %d sections, this has %u",
				     KMLOPS_MODEL_SECTIONS_MAX, nr);
	if (end > size)
		return kmlops_refuse(refusal, -EINVAL,
				     "the table of %u sections ends beyond the file",
				     nr);

	for (i = 0; i < nr; i++) {
		u32 type = le32_to_cpu(table[i].type);
		u32 offset = le32_to_cpu(table[i].offset);
		u32 bytes = le32_to_cpu(table[i].size);
		u32 count = le32_to_cpu(table[i].count);
		struct kmlops_section *section;
		u64 element;

		if (!type || type >= KMLOPS_MODEL_SECTION_TYPES)
			return kmlops_refuse(refusal, -EINVAL,
					     "section %u has unknown type %u",
					     i, type);
		type = array_index_nospec(type, KMLOPS_MODEL_SECTION_TYPES);
		if (!(section_types[type].kinds & KIND(model->kind)))
			return kmlops_refuse(refusal, -EINVAL,
					     "a model of this kind has no section %s",
					     section_types[type].name);
		section = &model->sections[type];
		if (section->data)
			return kmlops_refuse(refusal, -EINVAL,
					     "section %s is there twice",
					     section_types[type].name);
		if (offset % 8 || offset < end)
			return kmlops_refuse(refusal, -EINVAL,
					     "section %s is misplaced at byte %u",
					     section_types[type].name, offset);
		end = (u64)offset + bytes;
		if (end > size)
			return kmlops_refuse(refusal, -EINVAL,
					     "section %s ends beyond the file",
					     section_types[type].name);
		element = element_size(model, type);
		if (element && element * count != bytes)
			return kmlops_refuse(refusal, -EINVAL,
					     "section %s has %u bytes, %u elements take %llu",
					     section_types[type].name, bytes, count,
					     (unsigned long long)(element *
								  count));
		section->data = (const u8 *)file + offset;
		section->size = bytes;
		section->count = count;
	}

	for (i = 1; i < KMLOPS_MODEL_SECTION_TYPES; i++)
		if (section_types[i].kinds & KIND(model->kind) &&
		    !section_types[i].optional && !model->sections[i].count)
			return kmlops_refuse(refusal, -EINVAL,
					     "section %s is missing or empty",
					     section_types[i].name);
	return 0;
}

/* With a normalizer for layers, without one for trees. */
static int parse_norm(const struct kmlops_model_file *model,
		      const struct kmlops_model_input *input,
		      struct kmlops_refusal *refusal)
{
	u32 norm = le32_to_cpu(input->norm);

	if (norm > KMLOPS_MODEL_NORM_LOG2)
		return kmlops_refuse(refusal, -EINVAL,
				     "input %s has unknown normalizer %u",
				     input->name, norm);
	if (!!norm != !!(LAYERS & KIND(model->kind)))
		return kmlops_refuse(refusal, -EINVAL,
				     "input %s: %s", input->name,
				     norm ? "trees take inputs as they are" :
				     "layers need a normalizer");
	if (!norm && (input->shift || input->multiplier || input->offset))
		return kmlops_refuse(refusal, -EINVAL,
				     "input %s: no normalizer, but factors",
				     input->name);
	if (le32_to_cpu(input->shift) > 62)
		return kmlops_refuse(refusal, -EINVAL,
				     "input %s: shift %u is more than 62",
				     input->name, le32_to_cpu(input->shift));
	return 0;
}

static int parse_inputs(struct kmlops_model_file *model,
			struct kmlops_refusal *refusal)
{
	const struct kmlops_section *section =
		&model->sections[KMLOPS_MODEL_SECTION_INPUTS];
	u32 i, j;
	int err;

	if (section->count != model->nr_inputs)
		return kmlops_refuse(refusal, -EINVAL,
				     "the header says %u inputs, the section has %u",
				     model->nr_inputs, section->count);
	model->inputs = section->data;

	for (i = 0; i < model->nr_inputs; i++) {
		const struct kmlops_model_input *input = &model->inputs[i];

		if (!input->name[0] ||
		    strnlen(input->name, sizeof(input->name)) ==
		    sizeof(input->name))
			return kmlops_refuse(refusal, -EINVAL,
					     "the name of input %u is empty or not terminated",
					     i);
		for (j = 0; j < i; j++)
			if (!strcmp(model->inputs[j].name, input->name))
				return kmlops_refuse(refusal, -EINVAL,
						     "input %s is there twice",
						     input->name);
		err = parse_norm(model, input, refusal);
		if (err)
			return err;
		if ((s64)le64_to_cpu(input->min) > (s64)le64_to_cpu(input->max))
			return kmlops_refuse(refusal, -EINVAL,
					     "the range of input %s is empty",
					     input->name);
	}
	return 0;
}

/**
 * kmlops_model_file_parse() - Check and decode a model file
 * @file: the file, at an address that is a multiple of 8
 * @size: its bytes
 * @model: receives what it holds
 * @refusal: receives the sentence on error
 *
 * Return: 0; -EBADMSG if the checksum is wrong; -EINVAL for all else.
 */
int kmlops_model_file_parse(const void *file, size_t size,
			    struct kmlops_model_file *model,
			    struct kmlops_refusal *refusal)
{
	const struct kmlops_model_header *header = file;
	int err;

	memset(model, 0, sizeof(*model));
	err = parse_header(header, size, model, refusal);
	if (!err)
		err = parse_sections(file, size,
				     le16_to_cpu(header->nr_sections), model,
				     refusal);
	if (!err)
		err = parse_inputs(model, refusal);
	return err;
}
