// SPDX-License-Identifier: GPL-2.0-only
/*
 * Walkers of forests in general registers.
 *
 * A step down a tree waits for memory twice, for a node and for the code that
 * it compares. No jump depends on the data, and eight trees take their steps
 * side by side, so the processor waits for all of them at once.
 */
#include "forest.h"

#define LANES	8

/* One step of one tree. Positions are long: indexes need no extension then. */
static __always_inline u64 step_complete(const u8 *level, const u16 *codes,
					 u64 position)
{
	const u8 *node = &level[position * KMLOPS_PACKED_NODE];
	u16 threshold;

	memcpy(&threshold, &node[1], sizeof(threshold));
	return 2 * position + (codes[node[0]] > threshold);
}

static __always_inline u64 step_linked(const struct kmlops_linked_node *nodes,
				       const u16 *codes, u64 position)
{
	const struct kmlops_linked_node *node = &nodes[position];

	return node->child + (codes[node->input] > node->threshold);
}

/* Lanes beyond the trees repeat the last one, for nobody. */
static __always_inline u32 lane_tree(u32 first, u32 lane, u32 nr)
{
	return first + (lane < nr ? lane : nr - 1);
}

static void walk_complete(const struct kmlops_forest *forest, const u16 *codes,
			  u32 first, u32 nr, u32 *positions)
{
	const u8 *level = forest->packed;
	u64 at[LANES], level_size = (u64)forest->nr_trees * KMLOPS_PACKED_NODE;
	u32 depth, i;

#pragma GCC unroll 8
	for (i = 0; i < LANES; i++)
		at[i] = lane_tree(first, i, nr);
	for (depth = forest->depth; depth; depth--) {
#pragma GCC unroll 8
		for (i = 0; i < LANES; i++)
			at[i] = step_complete(level, codes, at[i]);
		level += level_size;
		level_size *= 2;
	}
#pragma GCC unroll 8
	for (i = 0; i < LANES; i++)
		positions[i] = at[i];
}

static void walk_linked(const struct kmlops_forest *forest, const u16 *codes,
			u32 first, u32 nr, u32 *positions)
{
	const struct kmlops_forest_tree *trees = forest->trees;
	u32 depth, i;
	u64 at[LANES];

#pragma GCC unroll 8
	for (i = 0; i < LANES; i++)
		at[i] = trees[lane_tree(first, i, nr)].root;
	/* The deepest is the last. */
	for (depth = trees[lane_tree(first, LANES - 1, nr)].depth; depth;
	     depth--) {
#pragma GCC unroll 8
		for (i = 0; i < LANES; i++)
			at[i] = step_linked(forest->linked, codes, at[i]);
	}
#pragma GCC unroll 8
	for (i = 0; i < LANES; i++)
		positions[i] = at[i];
}

void kmlops_forest_walk_scalar(const struct kmlops_forest *forest,
			       const u16 *codes, u32 first, u32 nr,
			       u32 *positions)
{
	u32 done;

	for (done = 0; done < nr; done += LANES) {
		if (forest->layout == KMLOPS_FOREST_COMPLETE)
			walk_complete(forest, codes, first + done, nr - done,
				      positions + done);
		else
			walk_linked(forest, codes, first + done, nr - done,
				    positions + done);
	}
}
