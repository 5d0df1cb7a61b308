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
#define KMLOPS_MODEL_SCORES_MAX		128
#define KMLOPS_MODEL_SECTIONS_MAX	16
#define KMLOPS_MODEL_GOLDEN_MAX		1024
#define KMLOPS_MODEL_INPUT_NAME_LEN	32		/* with the final NUL */
#define KMLOPS_MODEL_LAYERS_MAX		32
#define KMLOPS_MODEL_WIDTH_MAX		512		/* outputs of a layer */
#define KMLOPS_MODEL_TREES_MAX		4096

/* What computes the scores. */
enum kmlops_model_kind {
	KMLOPS_MODEL_KIND_LINEAR = 1,	/* an MLP of one layer */
	KMLOPS_MODEL_KIND_MLP = 2,
	KMLOPS_MODEL_KIND_TREE = 3,	/* one tree, leaves hold output vectors */
	KMLOPS_MODEL_KIND_FOREST = 4,	/* sum of trees, leaves hold all scores */
	KMLOPS_MODEL_KIND_BOOSTED = 5,	/* sum of trees, leaves hold one score */
};

/* What the answer is. */
enum kmlops_model_task {
	KMLOPS_MODEL_TASK_REGRESSION = 1,	/* the score */
	KMLOPS_MODEL_TASK_CLASSIFY = 2,		/* index of the first greatest score */
	KMLOPS_MODEL_TASK_BINARY = 3,		/* 1 if the one score is above 0 */
};

/* What becomes of the score of a binary model after the answer was taken. */
enum kmlops_model_link {
	KMLOPS_MODEL_LINK_NONE = 0,
	KMLOPS_MODEL_LINK_SIGMOID = 1,	/* a probability with 16 fraction bits */
};

/* How an input becomes what the first layer computes with. */
enum kmlops_model_norm {
	KMLOPS_MODEL_NORM_NONE = 0,	/* as it is: trees */
	KMLOPS_MODEL_NORM_AFFINE = 1,	/* (x * multiplier + offset) >> shift */
	KMLOPS_MODEL_NORM_LOG2 = 2,	/* the same of log2q4(x) */
};

/* What a layer does with its requantized accumulators. */
enum kmlops_model_activation {
	KMLOPS_MODEL_ACTIVATION_CLAMP = 0,	/* none, ReLU, ReLU6, hard sigmoid */
	KMLOPS_MODEL_ACTIVATION_SIGMOID = 1,
	KMLOPS_MODEL_ACTIVATION_TANH = 2,
};

enum kmlops_model_section_type {
	KMLOPS_MODEL_SECTION_INPUTS = 1,	/* struct kmlops_model_input[] */
	KMLOPS_MODEL_SECTION_TREE_NODES = 2,	/* struct kmlops_model_tree_node[] */
	KMLOPS_MODEL_SECTION_TREE_LEAVES = 3,	/* vectors of __le64 */
	KMLOPS_MODEL_SECTION_GOLDEN = 4,	/* input vector, then output vector */
	KMLOPS_MODEL_SECTION_PROVENANCE = 5,	/* UTF-8 JSON, not read by the kernel */
	KMLOPS_MODEL_SECTION_TREES = 6,		/* struct kmlops_model_tree[] */
	KMLOPS_MODEL_SECTION_BASE = 7,		/* __le64 for each score */
	KMLOPS_MODEL_SECTION_LAYERS = 8,	/* struct kmlops_model_layer[] */
	KMLOPS_MODEL_SECTION_CHANNELS = 9,	/* struct kmlops_model_channel[] */
	KMLOPS_MODEL_SECTION_WEIGHTS = 10,	/* __s8[] */
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
 * @nr_scores: scores per inference: classes of a classifier, else 1
 * @fraction_bits: scores are s64 fixed point with this many fraction bits,
 *   before the link
 * @link: enum kmlops_model_link
 * @reserved: zero
 * @fingerprint: first 8 bytes, little-endian, of the SHA-256 of the input
 *   names in order, each followed by a NUL
 * @max_work: most multiply-accumulates or comparisons of one inference that
 *   the author of the file expects; a model that needs more is refused
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
	__le16 link;
	__le16 reserved;
	__le64 fingerprint;
	__le64 max_work;
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
 * @shift: 0 to 62
 * @min: least value the model was calibrated for
 * @max: greatest value the model was calibrated for
 * @multiplier: s64
 * @offset: s64
 *
 * With a normalizer, values beyond @min and @max are taken for them first.
 * Without one, @min and @max only inform, and the three others are zero.
 */
struct kmlops_model_input {
	char   name[KMLOPS_MODEL_INPUT_NAME_LEN];
	__le32 norm;
	__le32 shift;
	__le64 min;
	__le64 max;
	__le64 multiplier;
	__le64 offset;
};

/**
 * struct kmlops_model_layer - One fully connected layer, the first one first
 * @nr_inputs: outputs of the layer before
 * @nr_outputs: its channels
 * @input_bits: 8 or 16: its inputs are s8 or s16
 * @output_bits: 8 or 16; 32 for the last layer, whose outputs are the scores
 * @activation: enum kmlops_model_activation
 * @reserved: zero
 * @zero_point: s32, added before the clamp; 0 in the last layer
 * @min: s32, least output
 * @max: s32, greatest output
 * @reserved2: zero
 *
 * Its channels are the next @nr_outputs of the section of channels; its
 * weights the next @nr_outputs rows of @nr_inputs bytes of the section of
 * weights.
 */
struct kmlops_model_layer {
	__le16 nr_inputs;
	__le16 nr_outputs;
	__u8   input_bits;
	__u8   output_bits;
	__u8   activation;
	__u8   reserved;
	__le32 zero_point;
	__le32 min;
	__le32 max;
	__le32 reserved2;
};

/**
 * struct kmlops_model_channel - What follows the sum of products of one output
 * @bias: s32, in units of the products; the zero point of the inputs is in it
 * @multiplier: 2^30 to 2^31 - 1
 * @shift: 1 to 62
 */
struct kmlops_model_channel {
	__le32 bias;
	__le32 multiplier;
	__le32 shift;
};

/**
 * struct kmlops_model_tree - One tree of a forest or of boosted trees
 * @nr_nodes: its nodes, the next of the section of nodes
 * @score: boosted trees: the score that its leaves add to; forest: 0
 */
struct kmlops_model_tree {
	__le32 nr_nodes;
	__le32 score;
};

/**
 * struct kmlops_model_tree_node - One node of a tree, the root first
 * @threshold: go left if input <= threshold, compared as s64
 * @child: an inner node: the index of its left child, the right child is the
 *   next one. A leaf: the index of its vector in the section of leaves.
 * @input: index of the input to compare, or KMLOPS_MODEL_TREE_LEAF
 * @reserved: zero
 *
 * Nodes are in breadth-first order: the children of the first inner node are
 * nodes 1 and 2, those of the second 3 and 4, and so on. In forests each tree
 * counts its nodes from 0; the leaves of all are counted together.
 *
 * A vector of leaves is an output vector in a tree, the scores in a forest,
 * and one score in boosted trees.
 */
struct kmlops_model_tree_node {
	__le64 threshold;
	__le32 child;
	__le16 input;
	__le16 reserved;
};

#define KMLOPS_MODEL_TREE_LEAF		0xffff

#endif /* _UAPI_LINUX_KERNMLOPS_MODEL_H */
