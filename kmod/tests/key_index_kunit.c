// SPDX-License-Identifier: GPL-2.0-only
/*
 * Key index against a plain table of what was last written.
 */
#include <kunit/test.h>
#include "../key_index.h"

#define KEYS	40

struct pair {
	struct kmlops_history *history;
	struct kmlops_key_index *index;
};

static struct pair make(struct kunit *test, u64 rows, u64 places)
{
	struct pair pair = {
		.history = kmlops_history_create(8, 8, rows, 1, NULL),
		.index = kmlops_key_index_create(places, 12345),
	};

	KUNIT_ASSERT_NOT_NULL(test, pair.history);
	KUNIT_ASSERT_NOT_NULL(test, pair.index);
	return pair;
}

static void destroy(struct pair *pair)
{
	kmlops_key_index_destroy(pair->index);
	kmlops_history_destroy(pair->history);
}

static u64 capture(struct pair *pair, u64 key, u64 value)
{
	u64 ref = 0, time = 0;

	kmlops_key_index_append(pair->index, pair->history, 0, &key, &value,
				&ref, &time);
	return time;
}

static int latest(struct pair *pair, u64 key, u64 *value)
{
	u64 ref, time;

	return kmlops_key_index_latest(pair->index, pair->history, &key, &ref,
				       &time, value);
}

static void latest_of_each_key(struct kunit *test)
{
	struct pair pair = make(test, 1024, 256);
	u64 expected[KEYS] = {}, value, i;

	for (i = 1; i <= 1000; i++) {
		u64 key = i * i % KEYS;

		capture(&pair, key, i);
		expected[key] = i;
	}
	for (i = 0; i < KEYS; i++) {
		int err = latest(&pair, i, &value);

		KUNIT_EXPECT_EQ(test, err, expected[i] ? 0 : -ENOENT);
		if (!err)
			KUNIT_EXPECT_EQ(test, value, expected[i]);
	}
	KUNIT_EXPECT_EQ(test, pair.index->evicted, 0);
	KUNIT_EXPECT_EQ(test, pair.index->unindexed, 0);
	destroy(&pair);
}

static void overwritten_rows_are_gone(struct kunit *test)
{
	struct pair pair = make(test, 8, 64);
	u64 value, i;

	capture(&pair, 1, 1);
	for (i = 0; i < 7; i++)
		capture(&pair, 2, i);
	KUNIT_EXPECT_EQ(test, latest(&pair, 1, &value), 0);
	capture(&pair, 2, 7);
	KUNIT_EXPECT_EQ(test, latest(&pair, 1, &value), -ENOENT);
	KUNIT_EXPECT_EQ(test, latest(&pair, 2, &value), 0);
	KUNIT_EXPECT_EQ(test, value, 7);
	destroy(&pair);
}

static void truncated_rows_are_hidden(struct kunit *test)
{
	struct pair pair = make(test, 8, 64);
	u64 value;

	capture(&pair, 1, 1);
	kmlops_history_truncate(pair.history, ~0ULL);
	KUNIT_EXPECT_EQ(test, latest(&pair, 1, &value), -ENOENT);
	capture(&pair, 1, 2);
	KUNIT_EXPECT_EQ(test, latest(&pair, 1, &value), 0);
	KUNIT_EXPECT_EQ(test, value, 2);
	destroy(&pair);
}

static void full_index_evicts(struct kunit *test)
{
	struct pair pair = make(test, 1024, 8);
	u64 value, i;

	for (i = 1; i <= 500; i++) {
		capture(&pair, i, i);
		KUNIT_EXPECT_EQ(test, latest(&pair, i, &value), 0);
		KUNIT_EXPECT_EQ(test, value, i);
	}
	KUNIT_EXPECT_EQ(test, pair.index->keys, 8);
	KUNIT_EXPECT_EQ(test, pair.index->evicted, 500 - 8);
	destroy(&pair);
}

static void last_rows_and_asof(struct kunit *test)
{
	struct pair pair = make(test, 64, 64);
	struct {
		struct kmlops_row row;
		u64 key, value;
	} rows[8];
	u64 times[10], key = 1, i;

	for (i = 0; i < 10; i++) {
		times[i] = capture(&pair, 1, i);
		capture(&pair, 2, 100 + i);
	}
	KUNIT_ASSERT_EQ(test,
			kmlops_key_index_last(pair.index, pair.history, &key,
					      ~0ULL, 64, &rows[0].row, 8), 8);
	for (i = 0; i < 8; i++) {
		KUNIT_EXPECT_EQ(test, rows[i].key, 1);
		KUNIT_EXPECT_EQ(test, rows[i].value, 9 - i);
		KUNIT_EXPECT_EQ(test, rows[i].row.time, times[9 - i]);
	}
	KUNIT_ASSERT_EQ(test,
			kmlops_key_index_last(pair.index, pair.history, &key,
					      times[4], 64, &rows[0].row, 1),
			1);
	KUNIT_EXPECT_EQ(test, rows[0].row.time, times[4]);
	KUNIT_EXPECT_EQ(test,
			kmlops_key_index_last(pair.index, pair.history, &key,
					      times[0] - 1, 64, &rows[0].row,
					      1), -ENOENT);
	/* Further back than it may look. */
	KUNIT_EXPECT_EQ(test,
			kmlops_key_index_last(pair.index, pair.history, &key,
					      times[0], 3, &rows[0].row, 1),
			-E2BIG);
	destroy(&pair);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(latest_of_each_key),
	KUNIT_CASE(overwritten_rows_are_gone),
	KUNIT_CASE(truncated_rows_are_hidden),
	KUNIT_CASE(full_index_evicts),
	KUNIT_CASE(last_rows_and_asof),
	{}
};

static struct kunit_suite suite = {
	.name = "kmlops_key_index",
	.test_cases = cases,
};

kunit_test_suite(suite);
