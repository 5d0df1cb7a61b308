// SPDX-License-Identifier: GPL-2.0-only
#include <kunit/test.h>
#include "../refusal.h"

static void sentence_and_error(struct kunit *test)
{
	struct kmlops_refusal refusal;

	KUNIT_EXPECT_EQ(test, kmlops_refuse(&refusal, -E2BIG, "%u of %s", 3,
					    "four"), -E2BIG);
	KUNIT_EXPECT_STREQ(test, refusal.text, "3 of four");
}

static void long_sentence_is_cut(struct kunit *test)
{
	struct {
		struct kmlops_refusal refusal;
		char after;
	} guarded = { .after = 'g' };
	char text[2 * KMLOPS_REFUSAL_LEN];

	memset(text, 't', sizeof(text));
	text[sizeof(text) - 1] = 0;
	KUNIT_EXPECT_EQ(test, kmlops_refuse(&guarded.refusal, -EINVAL, "%s",
					    text), -EINVAL);
	KUNIT_EXPECT_EQ(test, strlen(guarded.refusal.text),
			KMLOPS_REFUSAL_LEN - 1);
	KUNIT_EXPECT_EQ(test, guarded.after, 'g');
}

static struct kunit_case cases[] = {
	KUNIT_CASE(sentence_and_error),
	KUNIT_CASE(long_sentence_is_cut),
	{}
};

static struct kunit_suite suite = {
	.name = "kmlops_refusal",
	.test_cases = cases,
};

kunit_test_suite(suite);
