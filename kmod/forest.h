/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Engine of forests and boosted trees: scores are sums over trees. Portable.
 *
 * Inputs become 16-bit codes first, so that comparing codes decides what
 * comparing the 64-bit numbers decides (forest_layout.c). All trees then see
 * the same codes, and nodes are small.
 */
#ifndef KMLOPS_FOREST_H
#define KMLOPS_FOREST_H

#include "fixed_point.h"
#include "model_format.h"
#include "path.h"
#include "tree_nodes.h"

/* How nodes lie in memory. */
enum kmlops_forest_layout {
	/*
	 * All trees are complete, of one depth, and level by level one beside
	 * the other: the left child of position p of a level is position 2p of
	 * the next, whatever the tree. Nodes are KMLOPS_PACKED_NODE bytes.
	 */
	KMLOPS_FOREST_COMPLETE,
	/* Nodes name their children; a leaf is its own child. */
	KMLOPS_FOREST_LINKED,
	/* As in the file, with 64-bit comparisons: what has no codes. */
	KMLOPS_FOREST_PLAIN,
};

/* The code of an input, u8, then that of a threshold, u16. */
#define KMLOPS_PACKED_NODE	3
/* Vector paths read 4 bytes. */
#define KMLOPS_PACKED_NODE_READ	4

/* Inputs that are compared with anything; more than that have no codes. */
#define KMLOPS_FOREST_CODES_MAX	256

/* Trees that are walked between two sums of leaves. */
#define KMLOPS_FOREST_BATCH	128

struct kmlops_linked_node {
	u16 threshold;
	u16 input;
	u32 child;
};

/**
 * struct kmlops_forest_input - How an input becomes a code
 * @low: without @nr: the least number with a code of its own, whose code is 0
 * @high: without @nr: the greatest one
 * @first: where its thresholds begin
 * @nr: its thresholds; the code is how many of them are less than the input
 * @input: place in the input vector
 */
struct kmlops_forest_input {
	s64 low;
	s64 high;
	u32 first;
	u16 nr;
	u16 input;
};

/**
 * struct kmlops_forest_tree - A tree
 * @root: where its nodes begin; not of complete trees
 * @depth: most comparisons from root to leaf
 * @score: what its leaves add to, or to the scores from there on
 */
struct kmlops_forest_tree {
	u32 root;
	u32 depth;
	u32 score;
};

/**
 * struct kmlops_forest - A verified sum of trees
 * @nr_scores: length of the sums
 * @nr_trees: its trees
 * @nr_nodes: nodes of all trees in the file
 * @depth: depth of the deepest tree
 * @paths: mask of the paths it can take on this machine
 * @work: most comparisons of one inference: the sum of depths
 * @bytes: memory it takes
 * @ranges: extremes of each score
 * @base: what each score begins with
 * @trees: the trees; linked ones in the order of their depths
 * @layout: how nodes lie in memory
 * @leaf_words: words of a leaf
 * @leaf_bits: bits of a word: 16, 32 or 64
 * @nr_inputs: inputs that have a code
 * @inputs: how they become codes, in the order of their codes
 * @thresholds: sorted, of the inputs that are ranked
 * @nodes: nodes of the trees
 * @packed: the same of complete trees, KMLOPS_PACKED_NODE bytes each
 * @linked: the same of linked trees
 * @plain: the same as in the file
 * @slots: index of the leaf that a position stands for, or NULL if it is the
 *   position
 * @leaves: their words
 * @memory: what pointers from @inputs on point into
 */
struct kmlops_forest {
	u32 nr_scores;
	u32 nr_trees;
	u32 nr_nodes;
	u32 depth;
	u32 paths;
	u64 work;
	u64 bytes;
	struct kmlops_range *ranges;
	s64 *base;
	struct kmlops_forest_tree *trees;

	enum kmlops_forest_layout layout;
	u32 leaf_words;
	u32 leaf_bits;
	u32 nr_inputs;
	struct kmlops_forest_input *inputs;
	s64 *thresholds;
	union {
		void *nodes;
		u8 *packed;
		struct kmlops_linked_node *linked;
		struct kmlops_tree_node *plain;
	};
	u32 *slots;
	void *leaves;
	void *memory;
};

struct kmlops_forest *kmlops_forest_create(const struct kmlops_model_file *model,
					   int *err,
					   struct kmlops_refusal *refusal);
void kmlops_forest_destroy(struct kmlops_forest *forest);

void kmlops_forest_infer(const struct kmlops_forest *forest,
			 enum kmlops_path path, const s64 *in, s64 *scores);

/* forest_layout.c */
int kmlops_forest_lay_out(struct kmlops_forest *forest,
			  const struct kmlops_model_file *model);

/*
 * Walkers, one for each path: where trees @first to @first + @nr - 1 send the
 * codes, as positions of the last level or of a node. @nr is 1 to
 * KMLOPS_FOREST_BATCH, for which @positions has room. 32 codes at least can be
 * read, and one beyond the last.
 */
void kmlops_forest_walk_scalar(const struct kmlops_forest *forest,
			       const u16 *codes, u32 first, u32 nr,
			       u32 *positions);
void kmlops_forest_walk_avx2(const struct kmlops_forest *forest,
			     const u16 *codes, u32 first, u32 nr,
			     u32 *positions);
void kmlops_forest_walk_avx512(const struct kmlops_forest *forest,
			       const u16 *codes, u32 first, u32 nr,
			       u32 *positions);

#endif /* KMLOPS_FOREST_H */
