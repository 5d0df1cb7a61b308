// SPDX-License-Identifier: GPL-2.0-only
/*
 * Cursor: rows of all CPUs in order of time, each once, against a sorted list.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "cursor.h"
#include "history_row.h"

#define CPUS	7
#define ROWS	5000

/* A machine whose CPU 2 is not possible. */
static int node_of(unsigned int cpu)
{
	return cpu == 2 ? -1 : 0;
}

static struct kmlops_history *fill(u64 slots, u64 *times, u64 *refs)
{
	struct kmlops_history *history =
		kmlops_history_create(4, 8, slots, CPUS, node_of);
	u32 random = 7;
	u64 i;

	for (i = 0; i < ROWS; i++) {
		u32 cpu = (random = random * 1103515245 + 12345) / 65536 % CPUS;
		u32 key = i;

		/* CPU 2 never captures. */
		if (cpu == 2)
			cpu = 3;
		assert_non_null(kmlops_history_append(history, cpu, &key, &i,
						      &refs[i], &times[i]));
	}
	return history;
}

/* The same rows by the block, of a size that divides nothing. */
static void check_blocks(struct kmlops_history *history, const u64 *times,
			 const u64 *refs, u64 from, u64 to, u64 expected)
{
	struct kmlops_cursor *cursor = kmlops_cursor_open(history, from, to, NULL);
	struct {
		struct kmlops_row row;
		u64 key, value;
	} rows[13];
	u64 last = 0, nr = 0;
	u32 n, i;

	assert_int_equal(kmlops_row_stride(history), sizeof(*rows));
	while ((n = kmlops_cursor_fill(cursor, history, &rows[0].row, 13))) {
		for (i = 0; i < n; i++) {
			assert_true(rows[i].row.time >= last);
			last = rows[i].row.time;
			assert_in_range(last, from, to - 1);
			assert_int_equal(times[rows[i].value], last);
			assert_int_equal(refs[rows[i].value], rows[i].row.seq);
		}
		nr += n;
	}
	assert_int_equal(nr, expected);
	kmlops_cursor_close(cursor);
}

/* Reads [from, to) and compares with the rows of the list that are left. */
static void check_scan(struct kmlops_history *history, const u64 *times,
		       const u64 *refs, u64 from, u64 to);

static void check_range(struct kmlops_history *history, const u64 *times,
			const u64 *refs, u64 from, u64 to)
{
	struct kmlops_cursor *cursor = kmlops_cursor_open(history, from, to, NULL);
	u64 ref, time, body[2], last = 0, rows = 0, expected = 0, i, at;

	for (i = 0; i < ROWS; i++)
		expected += times[i] >= from && times[i] < to &&
			    !kmlops_history_read(history, refs[i], &at, NULL);
	while (!kmlops_cursor_next(cursor, history, &ref, &time, body)) {
		assert_true(time >= last && time >= from && time < to);
		assert_int_equal(refs[body[1]], ref);
		assert_int_equal(times[body[1]], time);
		last = time;
		rows++;
	}
	assert_int_equal(rows, expected);
	assert_int_equal(cursor->lost, 0);
	kmlops_cursor_close(cursor);
	check_blocks(history, times, refs, from, to, expected);
	check_scan(history, times, refs, from, to);
}

/* The same by a scan. */
static void check_scan(struct kmlops_history *history, const u64 *times,
		       const u64 *refs, u64 from, u64 to)
{
	u64 last = 0, rows = 0, expected = 0, i, at, body[2];
	struct kmlops_scan scan;

	for (i = 0; i < ROWS; i++)
		expected += times[i] >= from && times[i] < to &&
			    times[i] >= history->watermark &&
			    !kmlops_history_read(history, refs[i], &at, NULL);
	kmlops_scan_begin(&scan, from, to);
	while (!kmlops_scan_next(&scan, history)) {
		assert_true(scan.time >= last && scan.time >= from &&
			    scan.time < to);
		assert_int_equal(kmlops_history_read(history, scan.ref, &at,
						     body), 0);
		assert_int_equal(at, scan.time);
		assert_int_equal(refs[body[1]], scan.ref);
		last = scan.time;
		rows++;
	}
	assert_int_equal(rows, expected);
}

static void test_all_rows(void **state)
{
	static u64 times[ROWS], refs[ROWS];
	struct kmlops_history *history = fill(2048, times, refs);

	check_range(history, times, refs, 0, ~0ULL);
	check_range(history, times, refs, times[100], times[4000]);
	check_range(history, times, refs, times[4999], ~0ULL);
	check_range(history, times, refs, times[4999] + 1, ~0ULL);
	check_range(history, times, refs, 0, 0);
	kmlops_history_destroy(history);
}

static void test_after_overwriting_and_truncation(void **state)
{
	static u64 times[ROWS], refs[ROWS];
	struct kmlops_history *history = fill(64, times, refs);

	check_range(history, times, refs, 0, ~0ULL);
	kmlops_history_truncate(history, times[4900]);
	check_range(history, times, refs, times[4900], ~0ULL);
	{
		struct kmlops_cursor *cursor =
			kmlops_cursor_open(history, 0, ~0ULL, NULL);
		u64 ref, time, body[2];

		kmlops_cursor_next(cursor, history, &ref, &time, body);
		assert_true(time >= times[4900]);
		kmlops_cursor_close(cursor);
	}
	kmlops_history_destroy(history);
}

static void test_rows_lost_while_reading(void **state)
{
	static u64 times[ROWS], refs[ROWS];
	struct kmlops_history *history = fill(64, times, refs);
	struct kmlops_cursor *cursor = kmlops_cursor_open(history, 0, ~0ULL, NULL);
	u64 ref, time, body[2], rows = 0, i, at;
	u32 key = 0;

	/* CPU 3 goes round twice: all its 64 rows are lost to the reader. */
	for (i = 0; i < 128; i++)
		kmlops_history_append(history, 3, &key, &i, &ref, &at);
	while (!kmlops_cursor_next(cursor, history, &ref, &time, body)) {
		assert_int_not_equal(kmlops_ref_cpu(ref), 3);
		rows++;
	}
	assert_int_equal(rows, 64 * (CPUS - 2));
	assert_int_equal(cursor->lost, 64);
	kmlops_cursor_close(cursor);
	kmlops_history_destroy(history);
}

/* Reads resumed where the last one ended give each row once, in order. */
static void test_resumed_reads(void **state)
{
	struct kmlops_history *history =
		kmlops_history_create(4, 8, 1024, CPUS, NULL);
	u64 next[CPUS] = {}, seen = 0, last = 0, i = 0, ref, time, body[2];
	u32 random = 5, round, key = 0;

	for (round = 0; round < 200; round++) {
		struct kmlops_cursor *cursor;
		u64 until = i + round % 17;

		for (; i < until; i++) {
			random = random * 1103515245 + 12345;
			kmlops_history_append(history, (random >> 16) % CPUS,
					      &key, &i, &ref, &time);
		}
		cursor = kmlops_cursor_open(history, 0, ~0ULL, next);
		while (!kmlops_cursor_next(cursor, history, &ref, &time,
					   body)) {
			assert_int_equal(body[1], seen);
			assert_true(time >= last);
			last = time;
			seen++;
		}
		assert_int_equal(cursor->lost, 0);
		memcpy(next, cursor->next, sizeof(next));
		kmlops_cursor_close(cursor);
		assert_int_equal(seen, i);
	}
	kmlops_history_destroy(history);
}

/* What is truncated is not read, wherever a read goes on. */
static void test_resumed_after_truncation(void **state)
{
	static u64 times[ROWS], refs[ROWS];
	struct kmlops_history *history = fill(64, times, refs);
	u64 next[CPUS] = { 1, 1, 1, 1, 1, 1, 1 }, ref, time, body[2];
	struct kmlops_cursor *cursor;
	u64 rows = 0, lost = 0, i;
	u32 cpu;

	for (cpu = 0; cpu < CPUS; cpu++)
		lost += kmlops_history_oldest(history, cpu) - 1;
	kmlops_history_truncate(history, times[ROWS - 20]);
	cursor = kmlops_cursor_open(history, 0, ~0ULL, next);
	while (!kmlops_cursor_next(cursor, history, &ref, &time, body)) {
		assert_true(time >= times[ROWS - 20]);
		rows++;
	}
	for (i = 0; i < ROWS; i++)
		rows -= times[i] >= times[ROWS - 20];
	assert_int_equal(rows, 0);
	assert_int_equal(cursor->lost, lost);
	kmlops_cursor_close(cursor);
	kmlops_history_destroy(history);
}

/* A row that was under way while rows were sought by time came before them. */
static void test_finished_late(void **state)
{
	struct kmlops_history *history =
		kmlops_history_create(4, 8, 8, 1, NULL);
	u64 ref, time, body[2], i;
	struct kmlops_cursor *cursor;
	struct kmlops_write write = {};
	struct kmlops_scan scan;
	u32 key = 0;

	for (i = 0; i < 3; i++)
		kmlops_history_append(history, 0, &key, &i, &ref, &time);
	assert_true(kmlops_history_begin(history, 0, &write));
	time = write.time;
	cursor = kmlops_cursor_open(history, time + 1, ~0ULL, NULL);
	kmlops_scan_begin(&scan, time + 1, ~0ULL);
	assert_true(kmlops_history_publish(history, &write));
	kmlops_history_end(&write, true);
	assert_int_equal(kmlops_cursor_next(cursor, history, &ref, &time,
					    body), -ENOENT);
	assert_int_equal(kmlops_scan_next(&scan, history), -ENOENT);
	kmlops_cursor_close(cursor);
	kmlops_history_destroy(history);
}

static void test_empty(void **state)
{
	struct kmlops_history *history =
		kmlops_history_create(4, 8, 8, CPUS, NULL);
	struct kmlops_cursor *cursor = kmlops_cursor_open(history, 0, ~0ULL, NULL);
	u64 ref, time, body[2];

	assert_int_equal(kmlops_cursor_next(cursor, history, &ref, &time,
					    body), -ENOENT);
	kmlops_cursor_close(cursor);
	kmlops_history_destroy(history);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_rows),
		cmocka_unit_test(test_after_overwriting_and_truncation),
		cmocka_unit_test(test_rows_lost_while_reading),
		cmocka_unit_test(test_resumed_reads),
		cmocka_unit_test(test_resumed_after_truncation),
		cmocka_unit_test(test_finished_late),
		cmocka_unit_test(test_empty),
	};

	return cmocka_run_group_tests_name("cursor", tests, NULL, NULL);
}
