/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The arithmetic of models. Portable. Documentation/kernmlops/fixed-point.rst
 * is its definition; names here are the names there.
 */
#ifndef KMLOPS_FIXED_POINT_H
#define KMLOPS_FIXED_POINT_H

#include "portable.h"

/* All that a number can be. */
struct kmlops_range {
	s64 min;
	s64 max;
};

extern const u16 kmlops_sigmoid_table[257];

static __always_inline s64 kmlops_clamp(s64 value, s64 low, s64 high)
{
	value = value < low ? low : value;
	return value > high ? high : value;
}

/* log2(x + 1) with four fraction bits; @x is not negative. 0 to 1008. */
static __always_inline s64 kmlops_log2q4(s64 x)
{
	u64 y = (u64)x + 1;
	u32 e = 63 - __builtin_clzll(y);
	/* The leading one to bit 63; it and what follows to the lowest bits. */
	s64 m = (y << (63 - e)) >> 59;

	/* The leading one adds 16. */
	return ((s64)e << 4) - 16 + m;
}

/* (acc * multiplier) / 2^shift, half up; multiplier < 2^31, shift 1 to 62. */
static __always_inline s64 kmlops_requantize(s32 acc, s32 multiplier, u32 shift)
{
	return ((s64)acc * multiplier + (1LL << (shift - 1))) >> shift;
}

/* The sigmoid of @v, which has 12 fraction bits; the result has 16. */
static __always_inline u32 kmlops_sigmoid16(s64 v)
{
	u32 u = kmlops_clamp(v, -32768, 32767) + 32768;
	const u16 *at = &kmlops_sigmoid_table[u >> 8];

	return at[0] + (((at[1] - at[0]) * (u & 255) + 128) >> 8);
}

#endif /* KMLOPS_FIXED_POINT_H */
