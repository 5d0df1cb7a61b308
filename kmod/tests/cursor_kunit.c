// SPDX-License-Identifier: GPL-2.0-only
/*
 * Cursor and scan: rows of all CPUs in order of time, each once.
 */
#include <kunit/test.h>
#include "../cursor.h"

#define CPUS	3
#define ROWS	100

/* ROWS rows numbered from 0 in order of time; CPU 1 captures none. */
static struct kmlops_history *fill(struct kunit *test, u64 slots, u64 *times)
{
	struct kmlops_history *history =
		kmlops_history_create(4, 8, slots, CPUS, NULL);
	u64 i, ref;
	u32 key = 0;

	KUNIT_ASSERT_NOT_NULL(test, history);
	for (i = 0; i < ROWS; i++)
		KUNIT_ASSERT_NOT_NULL(test,
				      kmlops_history_append(history,
							    i * 7 % 5 < 2 ? 0 : 2,
							    &key, &i, &ref,
							    &times[i]));
	return history;
}

static u64 read_range(struct kunit *test, struct kmlops_history *history,
		      const u64 *times, u64 from, u64 to)
{
	struct kmlops_cursor *cursor =
		kmlops_cursor_open(history, from, to, NULL);
	u64 ref, time, body[2], last = 0, rows = 0, scanned = 0;
	struct kmlops_scan scan;

	KUNIT_ASSERT_NOT_NULL(test, cursor);
	while (!kmlops_cursor_next(cursor, history, &ref, &time, body)) {
		KUNIT_EXPECT_TRUE(test,
				  time >= last && time >= from && time < to);
		KUNIT_EXPECT_EQ(test, times[body[1]], time);
		last = time;
		rows++;
	}
	kmlops_cursor_close(cursor);

	kmlops_scan_begin(&scan, from, to);
	for (last = 0; !kmlops_scan_next(&scan, history); scanned++) {
		KUNIT_EXPECT_GE(test, scan.time, last);
		last = scan.time;
	}
	KUNIT_EXPECT_EQ(test, scanned, rows);
	return rows;
}

static void ranges(struct kunit *test)
{
	u64 *times = kunit_kcalloc(test, ROWS, sizeof(*times), GFP_KERNEL);
	struct kmlops_history *history;
	u64 expected = 0, i;

	KUNIT_ASSERT_NOT_NULL(test, times);
	history = fill(test, 128, times);
	KUNIT_EXPECT_EQ(test, read_range(test, history, times, 0, ~0ULL), ROWS);
	KUNIT_EXPECT_EQ(test, read_range(test, history, times, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, read_range(test, history, times,
					 times[ROWS - 1] + 1, ~0ULL), 0);
	for (i = 0; i < ROWS; i++)
		expected += times[i] >= times[20] && times[i] < times[70];
	KUNIT_EXPECT_EQ(test,
			read_range(test, history, times, times[20], times[70]),
			expected);
	kmlops_history_truncate(history, times[50]);
	for (expected = 0, i = 0; i < ROWS; i++)
		expected += times[i] >= times[50];
	KUNIT_EXPECT_EQ(test, read_range(test, history, times, 0, ~0ULL),
			expected);
	kmlops_history_destroy(history);
}

static void rows_lost_while_reading(struct kunit *test)
{
	u64 *times = kunit_kcalloc(test, ROWS, sizeof(*times), GFP_KERNEL);
	struct kmlops_history *history;
	struct kmlops_cursor *cursor;
	u64 ref, time, body[2], rows = 0, i;
	u32 key = 0;

	KUNIT_ASSERT_NOT_NULL(test, times);
	history = fill(test, 16, times);
	cursor = kmlops_cursor_open(history, 0, ~0ULL, NULL);
	KUNIT_ASSERT_NOT_NULL(test, cursor);
	for (i = 0; i < 32; i++)
		kmlops_history_append(history, 2, &key, &i, &ref, &time);
	while (!kmlops_cursor_next(cursor, history, &ref, &time, body)) {
		KUNIT_EXPECT_EQ(test, kmlops_ref_cpu(ref), 0);
		rows++;
	}
	KUNIT_EXPECT_EQ(test, rows, 16);
	KUNIT_EXPECT_EQ(test, cursor->lost, 16);
	kmlops_cursor_close(cursor);
	kmlops_history_destroy(history);
}

static void resumed_reads(struct kunit *test)
{
	struct kmlops_history *history =
		kmlops_history_create(4, 8, 256, CPUS, NULL);
	u64 next[CPUS] = {}, seen = 0, i = 0, ref, time, body[2];
	u32 round, key = 0;

	KUNIT_ASSERT_NOT_NULL(test, history);
	for (round = 0; round < 30; round++) {
		struct kmlops_cursor *cursor;
		u64 until = i + round % 7;

		for (; i < until; i++)
			kmlops_history_append(history, i % CPUS, &key, &i,
					      &ref, &time);
		cursor = kmlops_cursor_open(history, 0, ~0ULL, next);
		KUNIT_ASSERT_NOT_NULL(test, cursor);
		while (!kmlops_cursor_next(cursor, history, &ref, &time, body))
			KUNIT_EXPECT_EQ(test, body[1], seen++);
		KUNIT_EXPECT_EQ(test, cursor->lost, 0);
		memcpy(next, cursor->next, sizeof(next));
		kmlops_cursor_close(cursor);
		KUNIT_EXPECT_EQ(test, seen, i);
	}
	kmlops_history_destroy(history);
}

static void packed_rows(struct kunit *test)
{
	u64 *times = kunit_kcalloc(test, ROWS, sizeof(*times), GFP_KERNEL);
	struct {
		struct kmlops_row row;
		u64 key, value;
	} *rows = kunit_kcalloc(test, ROWS, sizeof(*rows), GFP_KERNEL);
	struct kmlops_history *history;
	struct kmlops_cursor *cursor;
	u32 total = 0, n, i;

	KUNIT_ASSERT_NOT_NULL(test, times);
	KUNIT_ASSERT_NOT_NULL(test, rows);
	history = fill(test, 128, times);
	cursor = kmlops_cursor_open(history, 0, ~0ULL, NULL);
	KUNIT_ASSERT_NOT_NULL(test, cursor);
	while ((n = kmlops_cursor_fill(cursor, history, &rows[total].row,
				       min(13, ROWS - total))))
		total += n;
	KUNIT_EXPECT_EQ(test, total, ROWS);
	for (i = 0; i < total; i++)
		KUNIT_EXPECT_EQ(test, rows[i].row.time, times[rows[i].value]);
	kmlops_cursor_close(cursor);
	kmlops_history_destroy(history);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(ranges),
	KUNIT_CASE(rows_lost_while_reading),
	KUNIT_CASE(resumed_reads),
	KUNIT_CASE(packed_rows),
	{}
};

static struct kunit_suite suite = {
	.name = "kmlops_cursor",
	.test_cases = cases,
};

kunit_test_suite(suite);
