// SPDX-License-Identifier: GPL-2.0-only
/*
 * Uploads: parts in order, one upload a socket. Sockets are numbers here that
 * no socket has.
 */
#include <kunit/test.h>
#include <linux/mm.h>
#include "../upload.h"

#define PORT	0xfffff000U

static int add(u32 port, const char *name, u32 size, u32 offset, u32 length,
	       void **file, struct kmlops_refusal *refusal)
{
	static const u8 data[] = "0123456789abcdef";
	struct kmlops_upload_part part = {
		.name = name, .size = size, .offset = offset,
		.data = data + offset, .length = length,
	};

	refusal->text[0] = 0;
	return kmlops_upload_add(port, &part, file, refusal);
}

static void parts_make_a_file(struct kunit *test)
{
	struct kmlops_refusal refusal;
	void *file, *other;

	KUNIT_EXPECT_EQ(test, add(PORT, "a", 16, 0, 7, &file, &refusal), 0);
	KUNIT_EXPECT_NULL(test, file);
	/* Another socket in between has its own. */
	KUNIT_EXPECT_EQ(test, add(PORT + 1, "a", 8, 0, 8, &other, &refusal), 0);
	KUNIT_ASSERT_NOT_NULL(test, other);
	KUNIT_EXPECT_MEMEQ(test, other, "01234567", 8);
	kvfree(other);
	KUNIT_EXPECT_EQ(test, add(PORT, "a", 16, 7, 1, &file, &refusal), 0);
	KUNIT_EXPECT_NULL(test, file);
	KUNIT_EXPECT_EQ(test, add(PORT, "a", 16, 8, 8, &file, &refusal), 0);
	KUNIT_ASSERT_NOT_NULL(test, file);
	KUNIT_EXPECT_MEMEQ(test, file, "0123456789abcdef", 16);
	kvfree(file);
}

/* What follows a first part of 4 bytes is refused, and the upload forgotten. */
static void refused(struct kunit *test, const char *name, u32 size, u32 offset,
		    u32 length, const char *sentence)
{
	struct kmlops_refusal refusal;
	void *file;

	KUNIT_EXPECT_EQ(test, add(PORT, "a", 16, 0, 4, &file, &refusal), 0);
	KUNIT_EXPECT_EQ(test, add(PORT, name, size, offset, length, &file,
				  &refusal), -EINVAL);
	KUNIT_EXPECT_STREQ(test, refusal.text, sentence);
	KUNIT_EXPECT_NULL(test, file);
	KUNIT_EXPECT_EQ(test, add(PORT, "a", 16, 4, 4, &file, &refusal),
			-EINVAL);
	KUNIT_EXPECT_STREQ(test, refusal.text,
			   "this socket has not sent the first part");
}

static void bad_parts(struct kunit *test)
{
	refused(test, "b", 16, 4, 4,
		"the part belongs to another upload than the first part");
	refused(test, "a", 17, 4, 4,
		"the part belongs to another upload than the first part");
	refused(test, "a", 16, 5, 4, "the next part starts at byte 4, not 5");
	refused(test, "a", 16, 3, 4, "the next part starts at byte 4, not 3");
	refused(test, "a", 16, 4, 13,
		"a part of 13 bytes at 4 does not fit 16 bytes");
	refused(test, "a", 16, 4, 0,
		"a part of 0 bytes at 4 does not fit 16 bytes");
	refused(test, "a", 16, 4, ~0U,
		"a part of 4294967295 bytes at 4 does not fit 16 bytes");
}

static void limits(struct kunit *test)
{
	struct kmlops_refusal refusal;
	void *file;
	u32 i;

	KUNIT_EXPECT_EQ(test, add(PORT, "a", ~0U, 0, 4, &file, &refusal),
			-E2BIG);
	for (i = 0; i < 64; i++)
		KUNIT_EXPECT_EQ(test, add(PORT + i, "a", 16, 0, 4, &file,
					  &refusal), 0);
	KUNIT_EXPECT_EQ(test, add(PORT + i, "a", 16, 0, 4, &file, &refusal),
			-EBUSY);
	KUNIT_EXPECT_STREQ(test, refusal.text,
			   "64 uploads are under way already");
	/* An error forgets: all are gone. */
	for (i = 0; i < 64; i++)
		KUNIT_EXPECT_EQ(test, add(PORT + i, "a", 16, 4, 0, &file,
					  &refusal), -EINVAL);
	KUNIT_EXPECT_EQ(test, add(PORT, "a", 4, 0, 4, &file, &refusal), 0);
	KUNIT_EXPECT_NOT_NULL(test, file);
	kvfree(file);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(parts_make_a_file),
	KUNIT_CASE(bad_parts),
	KUNIT_CASE(limits),
	{}
};

static struct kunit_suite suite = {
	.name = "kmlops_upload",
	.test_cases = cases,
};

kunit_test_suite(suite);
