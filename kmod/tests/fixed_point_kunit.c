// SPDX-License-Identifier: GPL-2.0-only
/*
 * The arithmetic of models, at the edges, as the document defines it.
 */
#include <kunit/test.h>
#include "../fixed_point.h"

static void clamp_and_log(struct kunit *test)
{
	u32 e;

	KUNIT_EXPECT_EQ(test, kmlops_clamp(S64_MIN, -3, 4), -3);
	KUNIT_EXPECT_EQ(test, kmlops_clamp(S64_MAX, -3, 4), 4);
	KUNIT_EXPECT_EQ(test, kmlops_clamp(0, -3, 4), 0);
	KUNIT_EXPECT_EQ(test, kmlops_log2q4(0), 0);
	for (e = 1; e < 63; e++) {
		/* x + 1 = 2^e, and one and a half times that. */
		KUNIT_EXPECT_EQ(test, kmlops_log2q4((1LL << e) - 1), 16 * e);
		KUNIT_EXPECT_EQ(test, kmlops_log2q4((3LL << (e - 1)) - 1),
				16 * e + 8);
	}
	KUNIT_EXPECT_EQ(test, kmlops_log2q4(S64_MAX), 1008);
}

static void requantize_rounds_half_up(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, kmlops_requantize(3, 1, 1), 2);
	KUNIT_EXPECT_EQ(test, kmlops_requantize(-3, 1, 1), -1);
	KUNIT_EXPECT_EQ(test, kmlops_requantize(5, 1, 2), 1);
	KUNIT_EXPECT_EQ(test, kmlops_requantize(-5, 1, 2), -1);
	KUNIT_EXPECT_EQ(test, kmlops_requantize(S32_MIN, S32_MAX, 62), -1);
	KUNIT_EXPECT_EQ(test, kmlops_requantize(S32_MAX, S32_MAX, 62), 1);
	KUNIT_EXPECT_EQ(test, kmlops_requantize(S32_MIN, S32_MAX, 31),
			-(s64)S32_MAX);
}

static void sigmoid_is_monotone(struct kunit *test)
{
	u32 last = 0, now;
	s64 v;

	for (v = -40000; v <= 40000; v += 7) {
		now = kmlops_sigmoid16(v);
		KUNIT_ASSERT_GE_MSG(test, now, last, "at %lld", v);
		last = now;
	}
	KUNIT_EXPECT_EQ(test, kmlops_sigmoid16(0), 32768);
	KUNIT_EXPECT_EQ(test, kmlops_sigmoid16(S64_MIN),
			kmlops_sigmoid16(-32768));
	KUNIT_EXPECT_EQ(test, kmlops_sigmoid16(S64_MAX),
			kmlops_sigmoid16(32767));
	KUNIT_EXPECT_LE(test, kmlops_sigmoid16(S64_MAX), 65536);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(clamp_and_log),
	KUNIT_CASE(requantize_rounds_half_up),
	KUNIT_CASE(sigmoid_is_monotone),
	{}
};

static struct kunit_suite suite = {
	.name = "kmlops_fixed_point",
	.test_cases = cases,
};

kunit_test_suite(suite);
