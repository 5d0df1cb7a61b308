/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/*
 * The model file: a header, a table of sections, and the sections.
 *
 * Everything is little-endian. Sections start at multiples of 8 bytes, in
 * ascending order, without overlap, and end within the file; gaps are zero.
 * Documentation/kernmlops/model-format.rst explains each part.
 */
#ifndef _UAPI_LINUX_KERNMLOPS_MODEL_H
#define _UAPI_LINUX_KERNMLOPS_MODEL_H

#include <linux/types.h>

#define KMLOPS_MODEL_MAGIC		0x4c4d4d4b	/* "KMML" */
#define KMLOPS_MODEL_FORMAT		1

#define KMLOPS_MODEL_INPUTS_MAX		512
#define KMLOPS_MODEL_SCORES_MAX		256
#define KMLOPS_MODEL_SECTIONS_MAX	16
#define KMLOPS_MODEL_GOLDEN_MAX		1024
#define KMLOPS_MODEL_INPUT_NAME_LEN	32		/* with the final NUL */

/* What computes the outputs. */
enum kmlops_model_kind {
	KMLOPS_MODEL_KIND_LINEAR = 1,
	KMLOPS_MODEL_KIND_MLP = 2,
	KMLOPS_MODEL_KIND_TREE = 3,
	KMLOPS_MODEL_KIND_FOREST = 4,
	KMLOPS_MODEL_KIND_BOOSTED = 5,
};

/* What the outputs mean. */
enum kmlops_model_task {
	KMLOPS_MODEL_TASK_REGRESSION = 1,
	KMLOPS_MODEL_TASK_CLASSIFY = 2,
};

/* How an input becomes what the engine computes with. */
enum kmlops_model_norm {
	KMLOPS_MODEL_NORM_NONE = 0,	/* as it is */
};

enum kmlops_model_section_type {
	KMLOPS_MODEL_SECTION_INPUTS = 1,	/* struct kmlops_model_input[] */
	KMLOPS_MODEL_SECTION_TREE_NODES = 2,	/* struct kmlops_model_tree_node[] */
	KMLOPS_MODEL_SECTION_TREE_LEAVES = 3,	/* output vectors, __le64[] each */
	KMLOPS_MODEL_SECTION_GOLDEN = 4,	/* input vector, then output vector */
	KMLOPS_MODEL_SECTION_PROVENANCE = 5,	/* UTF-8 JSON, not read by the kernel */
};

/**
 * struct kmlops_model_header - First bytes of a model file
 * @magic: KMLOPS_MODEL_MAGIC
 * @format: KMLOPS_MODEL_FORMAT
 * @nr_sections: entries in the table that follows the header
 * @size: bytes of the whole file
 * @crc: CRC-32 (IEEE 802.3, as zlib's crc32) of the file with this field zero
 * @kind: enum kmlops_model_kind
 * @task: enum kmlops_model_task
 * @nr_inputs: length of an input vector of s64
 * @nr_scores: scores per inference: classes of a classifier, 1 of a regressor
 * @fraction_bits: scores are s64 fixed point with this many fraction bits
 * @reserved: zero
 * @fingerprint: first 8 bytes, little-endian, of the SHA-256 of the input
 *   names in order, each followed by a NUL
 *
 * An output vector is 1 + @nr_scores words of s64. Word 0 is the answer: the
 * class of a classifier (an index from 0), the value of a regressor (the same
 * as its score). The words after it are the scores.
 */
struct kmlops_model_header {
	__le32 magic;
	__le16 format;
	__le16 nr_sections;
	__le32 size;
	__le32 crc;
	__le16 kind;
	__le16 task;
	__le16 nr_inputs;
	__le16 nr_scores;
	__le32 fraction_bits;
	__le32 reserved;
	__le64 fingerprint;
};

/**
 * struct kmlops_model_section - One entry of the table of sections
 * @type: enum kmlops_model_section_type, each at most once
 * @offset: first byte of the section in the file
 * @size: bytes of the section
 * @count: number of elements in it
 */
struct kmlops_model_section {
	__le32 type;
	__le32 offset;
	__le32 size;
	__le32 count;
};

/**
 * struct kmlops_model_input - One input, in the order of the input vector
 * @name: of the feature, NUL-terminated and padded with NUL
 * @norm: enum kmlops_model_norm
 * @reserved: zero
 * @min: least value the model was calibrated for
 * @max: greatest value the model was calibrated for
 */
struct kmlops_model_input {
	char   name[KMLOPS_MODEL_INPUT_NAME_LEN];
	__le32 norm;
	__le32 reserved;
	__le64 min;
	__le64 max;
};

/**
 * struct kmlops_model_tree_node - One node of a decision tree, the root first
 * @threshold: go left if input <= threshold, compared as s64
 * @child: an inner node: the index of its left child, the right child is the
 *   next one. A leaf: the index of its output vector in the section of leaves.
 * @input: index of the input to compare, or KMLOPS_MODEL_TREE_LEAF
 * @reserved: zero
 *
 * Nodes are in breadth-first order: the children of the first inner node are
 * nodes 1 and 2, those of the second 3 and 4, and so on.
 */
struct kmlops_model_tree_node {
	__le64 threshold;
	__le32 child;
	__le16 input;
	__le16 reserved;
};

#define KMLOPS_MODEL_TREE_LEAF		0xffff

#endif /* _UAPI_LINUX_KERNMLOPS_MODEL_H */
