// SPDX-License-Identifier: GPL-2.0-only
/*
 * Walkers of forests with AVX-512: 16 trees in a register, up to eight
 * registers side by side, as a gather takes long and many can be under way.
 *
 * Codes and thresholds are compared in the high words of 32 bits. What is in
 * the low word of a threshold does not matter, as that of a code is 0.
 */
#include "forest.h"
/* The kernel has no malloc(), of which the compiler's header makes another. */
#define _MM_MALLOC_H_INCLUDED
#include <immintrin.h>

#define LANES		16
#define GROUPS_MAX	(KMLOPS_FOREST_BATCH / LANES)
#define HIGH_WORDS	0xaaaaaaaaU

/* Up to 32 codes are one register, which a permutation looks up. */
struct codes {
	__m512i few;
	const u16 *many;
	bool are_few;
};

/* The codes whose indexes are the low bytes of high words, in high words. */
static __always_inline __m512i find(struct codes codes, __m512i index)
{
	if (codes.are_few)
		return _mm512_maskz_permutexvar_epi16(HIGH_WORDS, index,
						      codes.few);
	index = _mm512_and_si512(_mm512_srli_epi32(index, 16),
				 _mm512_set1_epi32(255));
	return _mm512_slli_epi32(_mm512_i32gather_epi32(index, codes.many, 2),
				 16);
}

static __always_inline __m512i go(__m512i left, __m512i code,
				  __m512i threshold)
{
	__mmask16 right = _mm512_cmpgt_epu32_mask(code, threshold);

	return _mm512_mask_add_epi32(left, right, left, _mm512_set1_epi32(1));
}

static __always_inline __m512i step_complete(const u8 *level,
					     struct codes codes, __m512i at)
{
	__m512i twice = _mm512_add_epi32(at, at);
	__m512i node = _mm512_i32gather_epi32(_mm512_add_epi32(at, twice),
					      level, 1);

	return go(twice, find(codes, _mm512_slli_epi32(node, 16)),
		  _mm512_slli_epi32(node, 8));
}

static __always_inline __m512i step_linked(const struct kmlops_linked_node *nodes,
					   struct codes codes, __m512i at)
{
	__m512i node = _mm512_i32gather_epi32(at, nodes, sizeof(*nodes));
	__m512i child = _mm512_i32gather_epi32(at, &nodes->child,
					       sizeof(*nodes));

	return go(child, find(codes, node), _mm512_slli_epi32(node, 16));
}

/* Trees of a group; lanes beyond repeat the last tree, for nobody. */
static __always_inline __m512i lane_trees(u32 first, u32 group, u32 last)
{
	const __m512i lanes = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7,
					       6, 5, 4, 3, 2, 1, 0);
	__m512i tree = _mm512_add_epi32(lanes, _mm512_set1_epi32(first + group *
								 LANES));

	return _mm512_min_epu32(tree, _mm512_set1_epi32(last));
}

static __always_inline void walk_complete(const struct kmlops_forest *forest,
					  struct codes codes, u32 first,
					  u32 last, u32 groups, u32 *positions)
{
	u64 level_size = (u64)forest->nr_trees * KMLOPS_PACKED_NODE;
	const u8 *level = forest->packed;
	__m512i at[GROUPS_MAX];
	u32 depth, i;

#pragma GCC unroll 8
	for (i = 0; i < groups; i++)
		at[i] = lane_trees(first, i, last);
	for (depth = forest->depth; depth; depth--) {
#pragma GCC unroll 8
		for (i = 0; i < groups; i++)
			at[i] = step_complete(level, codes, at[i]);
		level += level_size;
		level_size *= 2;
	}
#pragma GCC unroll 8
	for (i = 0; i < groups; i++)
		_mm512_storeu_si512(positions + i * LANES, at[i]);
}

static __always_inline void walk_linked(const struct kmlops_forest *forest,
					struct codes codes, u32 first,
					u32 last, u32 groups, u32 *positions)
{
	const struct kmlops_forest_tree *trees = forest->trees;
	__m512i at[GROUPS_MAX];
	u32 depth, i;

#pragma GCC unroll 8
	for (i = 0; i < groups; i++) {
		__m512i tree = lane_trees(first, i, last);

		/* Trees are three words. */
		tree = _mm512_add_epi32(tree, _mm512_add_epi32(tree, tree));
		at[i] = _mm512_i32gather_epi32(tree, &trees->root, 4);
	}
	/* The deepest is the last. */
	for (depth = trees[last].depth; depth; depth--) {
#pragma GCC unroll 8
		for (i = 0; i < groups; i++)
			at[i] = step_linked(forest->linked, codes, at[i]);
	}
#pragma GCC unroll 8
	for (i = 0; i < groups; i++)
		_mm512_storeu_si512(positions + i * LANES, at[i]);
}

static __always_inline void walk_groups(const struct kmlops_forest *forest,
					struct codes codes, u32 first, u32 last,
					u32 groups, u32 *positions)
{
	if (forest->layout == KMLOPS_FOREST_COMPLETE)
		walk_complete(forest, codes, first, last, groups, positions);
	else
		walk_linked(forest, codes, first, last, groups, positions);
}

/* A copy for most numbers of groups: positions stay in registers. */
static __always_inline void walk(const struct kmlops_forest *forest,
				 struct codes codes, u32 first, u32 last,
				 u32 *positions)
{
	u32 groups = (last - first) / LANES + 1;

	if (groups == 1)
		walk_groups(forest, codes, first, last, 1, positions);
	else if (groups == 2)
		walk_groups(forest, codes, first, last, 2, positions);
	else if (groups <= 4)
		walk_groups(forest, codes, first, last, 4, positions);
	else if (groups <= 6)
		walk_groups(forest, codes, first, last, 6, positions);
	else if (groups == 7)
		walk_groups(forest, codes, first, last, 7, positions);
	else
		walk_groups(forest, codes, first, last, GROUPS_MAX, positions);
}

static void walk_few(const struct kmlops_forest *forest, const u16 *all,
		     u32 first, u32 last, u32 *positions)
{
	const struct codes codes = {
		.few = _mm512_loadu_si512(all),
		.are_few = true,
	};

	walk(forest, codes, first, last, positions);
}

static void walk_many(const struct kmlops_forest *forest, const u16 *all,
		      u32 first, u32 last, u32 *positions)
{
	const struct codes codes = { .many = all };

	walk(forest, codes, first, last, positions);
}

void kmlops_forest_walk_avx512(const struct kmlops_forest *forest,
			       const u16 *codes, u32 first, u32 nr,
			       u32 *positions)
{
	if (forest->nr_inputs <= 32)
		walk_few(forest, codes, first, first + nr - 1, positions);
	else
		walk_many(forest, codes, first, first + nr - 1, positions);
}
