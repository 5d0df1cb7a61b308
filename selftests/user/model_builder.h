/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Model files for tests, made part by part so that a test can spoil one. Natively
 * and for KUnit.
 */
#ifndef MODEL_BUILDER_H
#define MODEL_BUILDER_H

#include "portable.h"
#include <linux/kernmlops_model.h>

struct model_builder {
	struct kmlops_model_header header;
	struct kmlops_model_section sections[KMLOPS_MODEL_SECTIONS_MAX];
	const void *data[KMLOPS_MODEL_SECTIONS_MAX];
	u32 nr_sections;
};

static inline void model_add(struct model_builder *builder, u32 type,
			     const void *data, u32 size, u32 count)
{
	builder->sections[builder->nr_sections].type = type;
	builder->sections[builder->nr_sections].size = size;
	builder->sections[builder->nr_sections].count = count;
	builder->data[builder->nr_sections++] = data;
}

/* Makes the checksum right again. */
static inline void model_seal(void *file, u32 size)
{
	struct kmlops_model_header *header = file;

	header->crc = 0;
	header->crc = kmlops_crc32(0, file, size);
}

/* The file, to be freed with kmlops_free(), and its size; NULL without memory. */
static inline void *model_build(struct model_builder *builder, u32 *size)
{
	u32 offset = sizeof(builder->header) +
		     builder->nr_sections * sizeof(builder->sections[0]);
	u8 *file;
	u32 i;

	for (i = 0; i < builder->nr_sections; i++) {
		offset = (offset + 7) & ~7U;
		builder->sections[i].offset = offset;
		offset += builder->sections[i].size;
	}
	*size = offset;
	file = kmlops_alloc(offset, NUMA_NO_NODE);
	if (!file)
		return NULL;
	builder->header.magic = KMLOPS_MODEL_MAGIC;
	builder->header.format = KMLOPS_MODEL_FORMAT;
	builder->header.nr_sections = builder->nr_sections;
	builder->header.size = offset;
	memcpy(file, &builder->header, sizeof(builder->header));
	memcpy(file + sizeof(builder->header), builder->sections,
	       builder->nr_sections * sizeof(builder->sections[0]));
	for (i = 0; i < builder->nr_sections; i++)
		if (builder->sections[i].size)
			memcpy(file + builder->sections[i].offset,
			       builder->data[i], builder->sections[i].size);
	model_seal(file, offset);
	return file;
}

/*
 * A classifier of two inputs:
 *   x <= 10 ? class 0 : (y <= -5 ? class 1 : class 0)
 */
struct sample_tree {
	struct kmlops_model_input inputs[2];
	struct kmlops_model_tree_node nodes[5];
	s64 leaves[3][3];
	s64 golden[3][5];
};

static inline void sample_tree_init(struct sample_tree *tree)
{
	const struct sample_tree sample = {
		.inputs = {
			{ .name = "x", .min = 0, .max = 100 },
			{ .name = "y", .min = -100, .max = 100 },
		},
		.nodes = {
			{ .threshold = 10, .child = 1, .input = 0 },
			{ .child = 0, .input = KMLOPS_MODEL_TREE_LEAF },
			{ .threshold = -5, .child = 3, .input = 1 },
			{ .child = 1, .input = KMLOPS_MODEL_TREE_LEAF },
			{ .child = 2, .input = KMLOPS_MODEL_TREE_LEAF },
		},
		.leaves = { { 0, 900, 124 }, { 1, 24, 1000 }, { 0, 1024, 0 } },
		.golden = {
			{ 10, -6, 0, 900, 124 },
			{ 11, -5, 1, 24, 1000 },
			{ 11, -4, 0, 1024, 0 },
		},
	};

	*tree = sample;
}

static inline void sample_tree_add(struct model_builder *builder,
				   const struct sample_tree *tree)
{
	memset(builder, 0, sizeof(*builder));
	builder->header.kind = KMLOPS_MODEL_KIND_TREE;
	builder->header.task = KMLOPS_MODEL_TASK_CLASSIFY;
	builder->header.nr_inputs = 2;
	builder->header.nr_scores = 2;
	builder->header.fraction_bits = 10;
	builder->header.max_work = 2;
	model_add(builder, KMLOPS_MODEL_SECTION_INPUTS, tree->inputs,
		  sizeof(tree->inputs), 2);
	model_add(builder, KMLOPS_MODEL_SECTION_TREE_NODES, tree->nodes,
		  sizeof(tree->nodes), 5);
	model_add(builder, KMLOPS_MODEL_SECTION_TREE_LEAVES, tree->leaves,
		  sizeof(tree->leaves), 3);
	model_add(builder, KMLOPS_MODEL_SECTION_GOLDEN, tree->golden,
		  sizeof(tree->golden), 3);
	model_add(builder, KMLOPS_MODEL_SECTION_PROVENANCE, "{}", 2, 2);
}

#endif /* MODEL_BUILDER_H */
