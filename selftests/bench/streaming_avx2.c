// SPDX-License-Identifier: GPL-2.0-only
#include <immintrin.h>
#include "streaming.h"

void stream_avx2(const void *weights, u32 size)
{
	const __m256i *at = weights, *end = (void *)((u8 *)weights + size);
	__m256i x = _mm256_set1_epi32(0x00010002);
	__m256i sums[4] = {};
	u32 i;

	for (; at + 4 <= end; at += 4) {
#pragma GCC unroll 4
		for (i = 0; i < 4; i++)
			sums[i] = _mm256_add_epi32(sums[i],
						   _mm256_madd_epi16(x, at[i]));
	}
	for (; at < end; at++)
		sums[0] = _mm256_add_epi32(sums[0], _mm256_madd_epi16(x, *at));
#pragma GCC unroll 4
	for (i = 0; i < 4; i++)
		asm volatile("" : : "x" (sums[i]));
}
