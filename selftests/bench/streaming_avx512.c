// SPDX-License-Identifier: GPL-2.0-only
#include <immintrin.h>
#include "streaming.h"

void stream_avx512(const void *weights, u32 size)
{
	const __m512i *at = weights, *end = (void *)((u8 *)weights + size);
	__m512i x = _mm512_set1_epi32(0x01020304);
	__m512i sums[8] = {};
	u32 i;

	/* Sums that do not wait for each other. */
	for (; at + 8 <= end; at += 8) {
#pragma GCC unroll 8
		for (i = 0; i < 8; i++)
			sums[i] = _mm512_dpbusd_epi32(sums[i], x, at[i]);
	}
	for (; at < end; at++)
		sums[0] = _mm512_dpbusd_epi32(sums[0], x, *at);
#pragma GCC unroll 8
	for (i = 0; i < 8; i++)
		asm volatile("" : : "v" (sums[i]));
}
