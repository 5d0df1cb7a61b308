// SPDX-License-Identifier: GPL-2.0-only
/*
 * Copies of keys and values word by word: every size, every alignment.
 */
#include <kunit/test.h>
#include "../words.h"

#define SIZE_MAX_TESTED	200

static void copies_are_exact(struct kunit *test)
{
	u8 *from = kunit_kzalloc(test, SIZE_MAX_TESTED + 8, GFP_KERNEL);
	u8 *to = kunit_kzalloc(test, SIZE_MAX_TESTED + 8, GFP_KERNEL);
	u64 *words = kunit_kzalloc(test, SIZE_MAX_TESTED + 16, GFP_KERNEL);
	u32 size, at, i;

	KUNIT_ASSERT_NOT_NULL(test, from);
	KUNIT_ASSERT_NOT_NULL(test, to);
	KUNIT_ASSERT_NOT_NULL(test, words);
	for (i = 0; i < SIZE_MAX_TESTED + 8; i++)
		from[i] = i * 37 + 1;
	for (size = 1; size <= SIZE_MAX_TESTED; size++) {
		u32 whole = 8 * kmlops_words(size);

		at = size % 8;
		memset(words, 0xaa, SIZE_MAX_TESTED + 16);
		kmlops_copy_in(words, from + at, size);
		KUNIT_ASSERT_MEMEQ(test, (u8 *)words, from + at, size);
		/* The padding is zero, what follows is not touched. */
		for (i = size; i < whole; i++)
			KUNIT_ASSERT_EQ(test, ((u8 *)words)[i], 0);
		KUNIT_ASSERT_EQ(test, ((u8 *)words)[whole], 0xaa);

		memset(to, 0xbb, SIZE_MAX_TESTED + 8);
		kmlops_copy_out(to + at, words, size);
		KUNIT_ASSERT_MEMEQ(test, to + at, from + at, size);
		if (at)
			KUNIT_ASSERT_EQ(test, to[at - 1], 0xbb);
		if (at + size < SIZE_MAX_TESTED + 8)
			KUNIT_ASSERT_EQ(test, to[at + size], 0xbb);
	}
}

static void short_words_are_padded(struct kunit *test)
{
	static const u8 bytes[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	u64 expected = 0;
	u32 size;

	KUNIT_EXPECT_EQ(test, kmlops_words(0), 0);
	KUNIT_EXPECT_EQ(test, kmlops_words(1), 1);
	KUNIT_EXPECT_EQ(test, kmlops_words(8), 1);
	KUNIT_EXPECT_EQ(test, kmlops_words(9), 2);
	for (size = 1; size <= 8; size++) {
		expected |= (u64)size << (8 * (size - 1));
		KUNIT_EXPECT_EQ(test, kmlops_load_word(bytes, size), expected);
	}
}

static struct kunit_case cases[] = {
	KUNIT_CASE(copies_are_exact),
	KUNIT_CASE(short_words_are_padded),
	{}
};

static struct kunit_suite suite = {
	.name = "kmlops_words",
	.test_cases = cases,
};

kunit_test_suite(suite);
