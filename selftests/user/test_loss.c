// SPDX-License-Identifier: GPL-2.0-only
/* Which rows are missing from a read, by their numbers. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/kernmlops_row.h>
#include "loss.h"		/* before cmocka makes a macro of fail() */
#include <cmocka.h>

#define CPUS	3

static uint64_t start_next[CPUS] = { 5, 0, 1 };
static uint64_t end_next[CPUS] = { 12, 0, 3 };
static const struct row_cursor start = { start_next, sizeof(start_next) };
static const struct row_cursor end = { end_next, sizeof(end_next) };

static struct kmlops_row row(uint64_t cpu, uint64_t number, uint64_t time)
{
	return (struct kmlops_row){
		.time = time,
		.seq = cpu << KMLOPS_ROW_POS_BITS | number,
	};
}

static void check_gap(const struct loss *loss, uint32_t nr, uint32_t cpu,
		      uint64_t rows, uint64_t after, uint64_t before)
{
	assert_int_equal(loss->gaps[nr].cpu, cpu);
	assert_int_equal(loss->gaps[nr].rows, rows);
	assert_int_equal(loss->gaps[nr].after, after);
	assert_int_equal(loss->gaps[nr].before, before);
}

static void test_nothing_missing(void **state)
{
	const struct kmlops_row rows[] = {
		row(0, 5, 10), row(2, 1, 11), row(0, 6, 12), row(0, 7, 13),
		row(0, 8, 13), row(2, 2, 14), row(0, 9, 15), row(0, 10, 16),
		row(0, 11, 17),
	};
	struct loss loss;

	loss_begin(&loss, &start, sizeof(rows[0]));
	assert_int_equal(loss_rows(&loss, rows, 4), 0);
	assert_int_equal(loss_rows(&loss, rows + 4, 5), 0);
	assert_int_equal(loss_end(&loss, &end), 0);
	assert_int_equal(loss.missing, 0);
	assert_int_equal(loss.nr_gaps, 0);
	loss_free(&loss);
}

static void test_gaps(void **state)
{
	const struct kmlops_row rows[] = {
		row(0, 7, 10),		/* 5 and 6 before it */
		row(2, 1, 11), row(0, 8, 12),
		row(0, 10, 20),		/* 9 before it */
	};				/* 11 and 2/2 behind them */
	struct json_object *json;
	struct loss loss;

	loss_begin(&loss, &start, sizeof(rows[0]));
	assert_int_equal(loss_rows(&loss, rows, 4), 0);
	assert_int_equal(loss_end(&loss, &end), 0);
	assert_int_equal(loss.missing, 5);
	assert_int_equal(loss.nr_gaps, 4);
	check_gap(&loss, 0, 0, 2, 0, 10);
	check_gap(&loss, 1, 0, 1, 12, 20);
	check_gap(&loss, 2, 0, 1, 20, 0);
	check_gap(&loss, 3, 2, 1, 11, 0);
	json = loss_gaps_json(&loss);
	assert_int_equal(json_object_array_length(json), 4);
	assert_string_equal(json_object_get_string(json_object_array_get_idx(json, 0)),
			    "{ \"cpu\": 0, \"rows\": 2, \"after\": null, \"before\": 10 }");
	assert_string_equal(json_object_get_string(json_object_array_get_idx(json, 3)),
			    "{ \"cpu\": 2, \"rows\": 1, \"after\": 11, \"before\": null }");
	json_object_put(json);
	loss_free(&loss);
}

/* All of a read lost; and a store that was never written. */
static void test_no_rows(void **state)
{
	struct loss loss;

	loss_begin(&loss, &start, sizeof(struct kmlops_row));
	assert_int_equal(loss_end(&loss, &end), 0);
	assert_int_equal(loss.missing, 7 + 2);
	loss_free(&loss);
	loss_begin(&loss, &start, sizeof(struct kmlops_row));
	assert_int_equal(loss_end(&loss, &start), 0);
	assert_int_equal(loss.missing, 0);
	loss_free(&loss);
}

/* Gaps beyond those that are described are counted all the same. */
static void test_many_gaps(void **state)
{
	uint64_t last[CPUS] = { 5 + 2 * (LOSS_GAPS_MAX + 10), 0, 1 };
	const struct row_cursor many = { last, sizeof(last) };
	struct kmlops_row odd;
	struct loss loss;
	int i;

	loss_begin(&loss, &start, sizeof(odd));
	for (i = 0; i < LOSS_GAPS_MAX + 10; i++) {
		odd = row(0, 6 + 2 * i, i);
		assert_int_equal(loss_rows(&loss, &odd, 1), 0);
	}
	assert_int_equal(loss_end(&loss, &many), 0);
	assert_int_equal(loss.missing, LOSS_GAPS_MAX + 10);
	assert_int_equal(loss.nr_gaps, LOSS_GAPS_MAX);
	assert_int_equal(loss.more_gaps, 10);
	loss_free(&loss);
}

static void test_rows_that_cannot_be(void **state)
{
	const struct kmlops_row early = row(0, 4, 1), foreign = row(3, 1, 1);
	const struct kmlops_row once[] = { row(0, 5, 1), row(0, 5, 1) };
	const struct row_cursor other = { end_next, sizeof(uint64_t) };
	struct loss loss;

	loss_begin(&loss, &start, sizeof(early));
	assert_int_equal(loss_rows(&loss, &early, 1), -EBADMSG);
	assert_int_equal(loss_rows(&loss, &foreign, 1), -EBADMSG);
	assert_int_equal(loss_rows(&loss, once, 2), -EBADMSG);
	assert_int_equal(loss_end(&loss, &other), -EBADMSG);
	assert_int_equal(loss_end(&loss, &start), -EBADMSG);
	loss_free(&loss);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_missing),
		cmocka_unit_test(test_gaps),
		cmocka_unit_test(test_no_rows),
		cmocka_unit_test(test_many_gaps),
		cmocka_unit_test(test_rows_that_cannot_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
