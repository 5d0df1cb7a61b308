// SPDX-License-Identifier: GPL-2.0-only
#include <kunit/test.h>
#include "../names.h"

static void every_byte(struct kunit *test)
{
	struct kmlops_refusal refusal;
	char name[4] = "a.b";
	int byte;

	for (byte = 1; byte < 256; byte++) {
		bool good = byte > ' ' && byte < 0x7f && !strchr("/@,", byte);

		name[1] = byte;
		KUNIT_EXPECT_EQ_MSG(test,
				    kmlops_name_check(name, "store", &refusal),
				    good ? 0 : -EINVAL, "byte %d", byte);
	}
	name[1] = '/';
	kmlops_name_check(name, "store", &refusal);
	KUNIT_EXPECT_STREQ(test, refusal.text,
			   "the name of a store cannot have byte 0x2f");
}

static void lengths(struct kunit *test)
{
	char name[KERNMLOPS_NAME_MAX + 2] = "";
	struct kmlops_refusal refusal;

	KUNIT_EXPECT_EQ(test, kmlops_name_check(name, "model", &refusal),
			-EINVAL);
	KUNIT_EXPECT_STREQ(test, refusal.text,
			   "the name of a model cannot be empty");
	memset(name, 'n', KERNMLOPS_NAME_MAX);
	KUNIT_EXPECT_EQ(test, kmlops_name_check(name, "model", &refusal), 0);
	name[KERNMLOPS_NAME_MAX] = 'n';
	KUNIT_EXPECT_EQ(test, kmlops_name_check(name, "model", &refusal),
			-ENAMETOOLONG);
}

static void buckets(struct kunit *test)
{
	char name[2 * KERNMLOPS_NAME_MAX];
	u32 used[KMLOPS_NAME_BUCKETS / 32] = {}, i, distinct = 0;

	for (i = 0; i < 1000; i++) {
		u32 bucket;

		snprintf(name, sizeof(name), "store-%u", i);
		bucket = kmlops_name_bucket(name);
		KUNIT_ASSERT_LT(test, bucket, KMLOPS_NAME_BUCKETS);
		KUNIT_ASSERT_EQ(test, bucket, kmlops_name_bucket(name));
		used[bucket / 32] |= BIT(bucket % 32);
	}
	for (i = 0; i < ARRAY_SIZE(used); i++)
		distinct += hweight32(used[i]);
	/* 1000 names thrown into 256 buckets leave some 5 empty. */
	KUNIT_EXPECT_GT(test, distinct, 200);
	/* A name no table holds may be longer than any that one does. */
	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = 0;
	KUNIT_EXPECT_LT(test, kmlops_name_bucket(name), KMLOPS_NAME_BUCKETS);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(every_byte),
	KUNIT_CASE(lengths),
	KUNIT_CASE(buckets),
	{}
};

static struct kunit_suite suite = {
	.name = "kmlops_names",
	.test_cases = cases,
};

kunit_test_suite(suite);
