// SPDX-License-Identifier: GPL-2.0-only
/*
 * Walkers of forests with AVX2: eight trees in a register, up to four registers
 * side by side.
 *
 * Codes and thresholds are compared as 32 bits with a sign, of which they take
 * 16.
 */
#include "forest.h"
/* The kernel has no malloc(), of which the compiler's header makes another. */
#define _MM_MALLOC_H_INCLUDED
#include <immintrin.h>

#define LANES	8

/*
 * The low and the high bytes of up to 16 codes are a half of a register each,
 * where a byte shuffle looks them up.
 */
struct codes {
	__m256i low;
	__m256i high;
	const u16 *many;
	bool are_few;
};

/* The codes whose indexes are the low bytes of @index. */
static __always_inline __m256i find(struct codes codes, __m256i index)
{
	/* Bytes whose index has bit 7 come out as zero. */
	const __m256i not_low = _mm256_set1_epi32(0xffffff00);
	const __m256i not_high = _mm256_set1_epi32(0xffff00ff);
	__m256i low, high;

	if (!codes.are_few) {
		index = _mm256_and_si256(index, _mm256_set1_epi32(255));
		index = _mm256_i32gather_epi32((const int *)codes.many, index,
					       2);
		return _mm256_and_si256(index, _mm256_set1_epi32(0xffff));
	}
	low = _mm256_or_si256(index, not_low);
	high = _mm256_or_si256(_mm256_slli_epi32(index, 8), not_high);
	return _mm256_or_si256(_mm256_shuffle_epi8(codes.low, low),
			       _mm256_shuffle_epi8(codes.high, high));
}

static __always_inline __m256i go(__m256i left, __m256i code,
				  __m256i threshold)
{
	threshold = _mm256_and_si256(threshold, _mm256_set1_epi32(0xffff));
	/* True is -1. */
	return _mm256_sub_epi32(left, _mm256_cmpgt_epi32(code, threshold));
}

static __always_inline __m256i step_complete(const u8 *level,
					     struct codes codes, __m256i at)
{
	__m256i twice = _mm256_add_epi32(at, at);
	__m256i node = _mm256_i32gather_epi32((const int *)level,
					      _mm256_add_epi32(at, twice), 1);

	return go(twice, find(codes, node), _mm256_srli_epi32(node, 8));
}

static __always_inline __m256i step_linked(const struct kmlops_linked_node *nodes,
					   struct codes codes, __m256i at)
{
	const int *words = (const int *)nodes;
	__m256i node = _mm256_i32gather_epi32(words, at, sizeof(*nodes));
	__m256i child = _mm256_i32gather_epi32(words + 1, at, sizeof(*nodes));

	return go(child, find(codes, _mm256_srli_epi32(node, 16)), node);
}

/* Trees of a group; lanes beyond repeat the last tree, for nobody. */
static __always_inline __m256i lane_trees(u32 first, u32 group, u32 last)
{
	const __m256i lanes = _mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0);
	__m256i tree = _mm256_add_epi32(lanes, _mm256_set1_epi32(first + group *
								 LANES));

	return _mm256_min_epu32(tree, _mm256_set1_epi32(last));
}

static __always_inline void walk_complete(const struct kmlops_forest *forest,
					  struct codes codes, u32 first,
					  u32 last, u32 groups, u32 *positions)
{
	u64 level_size = (u64)forest->nr_trees * KMLOPS_PACKED_NODE;
	const u8 *level = forest->packed;
	__m256i at[4];
	u32 depth, i;

#pragma GCC unroll 4
	for (i = 0; i < groups; i++)
		at[i] = lane_trees(first, i, last);
	for (depth = forest->depth; depth; depth--) {
#pragma GCC unroll 4
		for (i = 0; i < groups; i++)
			at[i] = step_complete(level, codes, at[i]);
		level += level_size;
		level_size *= 2;
	}
#pragma GCC unroll 4
	for (i = 0; i < groups; i++)
		_mm256_storeu_si256((__m256i *)(positions + i * LANES), at[i]);
}

static __always_inline void walk_linked(const struct kmlops_forest *forest,
					struct codes codes, u32 first,
					u32 last, u32 groups, u32 *positions)
{
	const struct kmlops_forest_tree *trees = forest->trees;
	const int *roots = (const int *)&trees->root;
	__m256i at[4];
	u32 depth, i;

#pragma GCC unroll 4
	for (i = 0; i < groups; i++) {
		__m256i tree = lane_trees(first, i, last);

		/* Trees are three words. */
		tree = _mm256_add_epi32(tree, _mm256_add_epi32(tree, tree));
		at[i] = _mm256_i32gather_epi32(roots, tree, 4);
	}
	/* The deepest is the last. */
	for (depth = trees[last].depth; depth; depth--) {
#pragma GCC unroll 4
		for (i = 0; i < groups; i++)
			at[i] = step_linked(forest->linked, codes, at[i]);
	}
#pragma GCC unroll 4
	for (i = 0; i < groups; i++)
		_mm256_storeu_si256((__m256i *)(positions + i * LANES), at[i]);
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

/* As many registers as there are trees, so that positions stay in them. */
static __always_inline void walk(const struct kmlops_forest *forest,
				 struct codes codes, u32 first, u32 last,
				 u32 *positions)
{
	for (; last - first >= 3 * LANES; positions += 4 * LANES) {
		u32 end = first + 4 * LANES - 1;

		walk_groups(forest, codes, first, end < last ? end : last, 4,
			    positions);
		if (end >= last)
			return;
		first = end + 1;
	}
	if (last - first >= 2 * LANES)
		walk_groups(forest, codes, first, last, 3, positions);
	else if (last - first >= LANES)
		walk_groups(forest, codes, first, last, 2, positions);
	else
		walk_groups(forest, codes, first, last, 1, positions);
}

static void walk_few(const struct kmlops_forest *forest, const u16 *all,
		     u32 first, u32 last, u32 *positions)
{
	const __m128i byte = _mm_set1_epi16(255);
	__m128i a = _mm_loadu_si128((const __m128i *)all);
	__m128i b = _mm_loadu_si128((const __m128i *)(all + 8));
	__m128i low = _mm_packus_epi16(_mm_and_si128(a, byte),
				       _mm_and_si128(b, byte));
	__m128i high = _mm_packus_epi16(_mm_srli_epi16(a, 8),
					_mm_srli_epi16(b, 8));
	const struct codes codes = {
		.are_few = true,
		.low = _mm256_broadcastsi128_si256(low),
		.high = _mm256_broadcastsi128_si256(high),
	};

	walk(forest, codes, first, last, positions);
}

static void walk_many(const struct kmlops_forest *forest, const u16 *all,
		      u32 first, u32 last, u32 *positions)
{
	const struct codes codes = { .many = all };

	walk(forest, codes, first, last, positions);
}

void kmlops_forest_walk_avx2(const struct kmlops_forest *forest,
			     const u16 *codes, u32 first, u32 nr,
			     u32 *positions)
{
	if (forest->nr_inputs <= 16)
		walk_few(forest, codes, first, first + nr - 1, positions);
	else
		walk_many(forest, codes, first, first + nr - 1, positions);
}
