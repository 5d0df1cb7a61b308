// SPDX-License-Identifier: GPL-2.0-only
/*
 * kfuncs, called as programs call them: what each returns, and for which sizes,
 * and that none leaves preemption off. Verifier and registration are tested with
 * real programs.
 */
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include "../clock.h"
#include "../model.h"
#include "kfunc_calls.h"
#include "sample_model.h"
#include "sample_store.h"

#define NAME	"kunit"
#define ROWS	10

struct row {
	struct kmlops_row row;
	u64 key;
	u64 value;
};

static struct sample_store sample;
static struct kmlops_store *registered;

static int set_up(struct kunit *test)
{
	sample_store_init(&sample);
	registered = NULL;
	return 0;
}

static void register_sample(struct kunit *test)
{
	struct kmlops_refusal refusal;

	registered = kmlops_store_register(&sample.request, &refusal);
	KUNIT_ASSERT_FALSE(test, IS_ERR(registered));
}

static void unregister_sample(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, kmlops_store_unregister(NAME), 0);
	kmlops_store_put(registered);
	sample_store_expect_released(test, &sample);
}

/* Calls end the read sides that they begin, whichever way they go. */
static void expect_no_read_side(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, preempt_count(), 0);
	KUNIT_EXPECT_EQ(test, rcu_preempt_depth(), 0);
}

static s64 capture(u32 key, u64 value)
{
	return kmlops_capture_feature(&sample.map, &key, 4, &value, 8);
}

static void nobody_is_registered(struct kunit *test)
{
	struct bpf_iter_kmlops_rows it;
	struct kmlops_store_stats stats;
	struct row row = {};
	u64 value = 0;
	u32 key = 0;

	KUNIT_EXPECT_EQ(test, capture(1, 2), -ENOENT);
	KUNIT_EXPECT_EQ(test, kmlops_get_feature(NAME, &key, 4, &value, 8),
			-ENOENT);
	KUNIT_EXPECT_EQ(test, kmlops_get_feature_map(&sample.map, &key, 4,
						     &value, 8), -ENOENT);
	KUNIT_EXPECT_EQ(test, kmlops_get_features_last(NAME, &key, 4, &row,
						       sizeof(row)), -ENOENT);
	KUNIT_EXPECT_EQ(test, kmlops_get_feature_asof(NAME, &key, 4, &row,
						      sizeof(row)), -ENOENT);
	KUNIT_EXPECT_EQ(test, kmlops_get_feature_ts(NAME, 1, &row,
						    sizeof(row)), -ENOENT);
	KUNIT_EXPECT_EQ(test, kmlops_get_row(NAME, 1, &row, sizeof(row)),
			-ENOENT);
	KUNIT_EXPECT_EQ(test, kmlops_truncate_features(NAME, 1), -ENOENT);
	KUNIT_EXPECT_EQ(test, kmlops_store_stats(NAME, &stats, sizeof(stats)),
			-ENOENT);
	KUNIT_EXPECT_EQ(test, bpf_iter_kmlops_rows_new(&it, NAME, 0, U64_MAX),
			-ENOENT);
	KUNIT_EXPECT_NULL(test, bpf_iter_kmlops_rows_next(&it));
	bpf_iter_kmlops_rows_destroy(&it);
	KUNIT_EXPECT_EQ(test, kmlops_infer(NAME, &row, 16, &value, 8),
			-ENOENT);
	expect_no_read_side(test);
}

/* Every size but the right one, on the short way and on the long one. */
static void try_sizes(struct kunit *test)
{
	u8 key[16] = {}, value[16] = {};
	struct kmlops_store_stats stats;
	u32 key_size, size;

	register_sample(test);
	KUNIT_ASSERT_GT(test, capture(0, 0), 0);
	for (key_size = 0; key_size <= 16; key_size++) {
		for (size = 0; size <= 16; size++) {
			bool right = key_size == 4 && size == 8;
			s64 ret;

			ret = kmlops_get_feature(NAME, key, key_size, value,
						 size);
			KUNIT_EXPECT_TRUE(test, right ? ret > 0 :
					  ret == -EINVAL);
			ret = kmlops_get_feature_map(&sample.map, key, key_size,
						     value, size);
			KUNIT_EXPECT_TRUE(test, right ? ret > 0 :
					  ret == -EINVAL);
			ret = kmlops_capture_feature(&sample.map, key, key_size,
						     value, size);
			KUNIT_EXPECT_TRUE(test, right ? ret > 0 :
					  ret == -EINVAL);
		}
	}
	KUNIT_EXPECT_EQ(test, kmlops_store_stats(NAME, &stats, sizeof(stats)),
			0);
	KUNIT_EXPECT_EQ(test, stats.captured, 2);
	KUNIT_EXPECT_EQ(test, stats.stored, 2);
	expect_no_read_side(test);
	unregister_sample(test);
}

static void sizes(struct kunit *test)
{
	try_sizes(test);
	set_up(test);
	sample.request.lossless = true;
	try_sizes(test);
}

static void sizes_of_rows(struct kunit *test)
{
	struct row rows[3] = {};
	u32 key = 1, size;

	register_sample(test);
	KUNIT_ASSERT_GT(test, capture(1, 1), 0);
	KUNIT_ASSERT_GT(test, capture(1, 2), 0);
	for (size = 0; size <= sizeof(rows); size++) {
		int whole = size && !(size % sizeof(rows[0])) ?
			    size / sizeof(rows[0]) : 0;
		s64 ret;

		ret = kmlops_get_features_last(NAME, &key, 4, rows, size);
		KUNIT_EXPECT_EQ(test, ret, whole ? min(whole, 2) : -EINVAL);
		rows[0].row.time = U64_MAX;
		ret = kmlops_get_feature_asof(NAME, &key, 4, rows, size);
		KUNIT_EXPECT_TRUE(test, whole == 1 ? ret > 0 : ret == -EINVAL);
		ret = kmlops_get_feature_ts(NAME, 1, rows, size);
		KUNIT_EXPECT_TRUE(test, whole == 1 ? ret > 0 : ret == -EINVAL);
		ret = kmlops_get_row(NAME, rows[0].row.seq, rows, size);
		KUNIT_EXPECT_EQ(test, ret, whole == 1 ? 0 : -EINVAL);
		if (size != sizeof(struct kmlops_store_stats))
			KUNIT_EXPECT_EQ(test, kmlops_store_stats(NAME, rows,
								 size),
					-EINVAL);
	}
	for (size = 0; size <= 16; size++)
		if (size != 4)
			KUNIT_EXPECT_EQ(test,
					kmlops_get_features_last(NAME, &key,
								 size, rows,
								 24), -EINVAL);
	expect_no_read_side(test);
	unregister_sample(test);
}

/* ROWS rows of two keys by turns, all on this CPU. */
static void capture_rows(struct kunit *test, s64 *times)
{
	u32 i;

	migrate_disable();
	for (i = 0; i < ROWS; i++) {
		times[i] = capture(i % 2, 100 + i);
		KUNIT_EXPECT_GT(test, times[i], 0);
		/* Of equal times any row would do. */
		while (kmlops_clock_ns() <= times[i])
			cpu_relax();
	}
	migrate_enable();
}

static void reads(struct kunit *test)
{
	struct row row, rows[ROWS];
	s64 times[ROWS];
	u64 value;
	u32 key, i;

	register_sample(test);
	capture_rows(test, times);
	for (key = 0; key < 2; key++) {
		u32 last = ROWS - 2 + key;

		KUNIT_EXPECT_EQ(test, kmlops_get_feature(NAME, &key, 4, &value,
							 8), times[last]);
		KUNIT_EXPECT_EQ(test, value, 100 + last);
		value = 0;
		KUNIT_EXPECT_EQ(test, kmlops_get_feature_map(&sample.map, &key,
							     4, &value, 8),
				times[last]);
		KUNIT_EXPECT_EQ(test, value, 100 + last);
		KUNIT_EXPECT_EQ(test,
				kmlops_get_features_last(NAME, &key, 4, rows,
							 sizeof(rows)),
				ROWS / 2);
		for (i = 0; i < ROWS / 2; i++) {
			KUNIT_EXPECT_EQ(test, rows[i].value,
					100 + last - 2 * i);
			KUNIT_EXPECT_EQ(test, rows[i].key, key);
		}
	}
	for (i = 0; i < ROWS; i++) {
		/* One less than the next row of the key: this one still. */
		key = i % 2;
		row.row.time = i + 2 < ROWS ? times[i + 2] - 1 : U64_MAX;
		KUNIT_EXPECT_EQ(test, kmlops_get_feature_asof(NAME, &key, 4,
							      &row,
							      sizeof(row)),
				times[i]);
		KUNIT_EXPECT_EQ(test, row.value, 100 + i);
		KUNIT_EXPECT_EQ(test, kmlops_get_feature_ts(NAME, times[i],
							    &row, sizeof(row)),
				times[i]);
		KUNIT_EXPECT_EQ(test, row.value, 100 + i);
		KUNIT_EXPECT_EQ(test, kmlops_get_row(NAME, row.row.seq,
						     &rows[0], sizeof(row)),
				0);
		KUNIT_EXPECT_MEMEQ(test, &rows[0], &row, sizeof(row));
	}
	key = 2;
	KUNIT_EXPECT_EQ(test, kmlops_get_feature(NAME, &key, 4, &value, 8),
			-ENOENT);
	row.row.time = times[0] - 1;
	key = 0;
	KUNIT_EXPECT_EQ(test, kmlops_get_feature_asof(NAME, &key, 4, &row,
						      sizeof(row)), -ENOENT);

	KUNIT_EXPECT_EQ(test, kmlops_truncate_features(NAME, times[4]), 0);
	KUNIT_EXPECT_EQ(test, kmlops_get_features_last(NAME, &key, 4, rows,
						       sizeof(rows)), 3);
	expect_no_read_side(test);
	unregister_sample(test);
}

static u32 iterate(struct kunit *test, const s64 *times, u64 from, u64 to)
{
	struct bpf_iter_kmlops_rows it;
	struct kmlops_row *head;
	struct row row;
	u32 rows = 0;
	u64 last = 0;

	KUNIT_EXPECT_EQ(test, bpf_iter_kmlops_rows_new(&it, NAME, from, to), 0);
	while ((head = bpf_iter_kmlops_rows_next(&it))) {
		KUNIT_EXPECT_EQ(test, kmlops_get_row(NAME, head->seq, &row,
						     sizeof(row)), 0);
		KUNIT_EXPECT_EQ(test, row.row.time, head->time);
		KUNIT_EXPECT_EQ(test, times[row.value - 100], head->time);
		KUNIT_EXPECT_GT(test, head->time, last);
		last = head->time;
		rows++;
	}
	KUNIT_EXPECT_NULL(test, bpf_iter_kmlops_rows_next(&it));
	bpf_iter_kmlops_rows_destroy(&it);
	return rows;
}

static void iterators(struct kunit *test)
{
	struct bpf_iter_kmlops_rows it;
	s64 times[ROWS];

	register_sample(test);
	KUNIT_EXPECT_EQ(test, iterate(test, times, 0, U64_MAX), 0);
	capture_rows(test, times);
	KUNIT_EXPECT_EQ(test, iterate(test, times, 0, U64_MAX), ROWS);
	KUNIT_EXPECT_EQ(test, iterate(test, times, times[2], times[7]), 5);
	KUNIT_EXPECT_EQ(test, iterate(test, times, times[7], times[2]), 0);

	/* A store that goes ends it, and one of that name does not go on. */
	KUNIT_EXPECT_EQ(test, bpf_iter_kmlops_rows_new(&it, NAME, 0, U64_MAX),
			0);
	KUNIT_EXPECT_NOT_NULL(test, bpf_iter_kmlops_rows_next(&it));
	unregister_sample(test);
	register_sample(test);
	capture_rows(test, times);
	KUNIT_EXPECT_NULL(test, bpf_iter_kmlops_rows_next(&it));
	KUNIT_EXPECT_NULL(test, bpf_iter_kmlops_rows_next(&it));
	bpf_iter_kmlops_rows_destroy(&it);
	expect_no_read_side(test);
	unregister_sample(test);
}

/* What needs a history says so where the store is the map. */
static void mode_map(struct kunit *test)
{
	struct bpf_iter_kmlops_rows it;
	struct row row = {};
	u32 key = 1;

	sample.request.mode = KERNMLOPS_STORE_MODE_MAP;
	sample.request.rows = 0;
	register_sample(test);
	KUNIT_EXPECT_EQ(test, capture(1, 1), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, kmlops_get_features_last(NAME, &key, 4, &row,
						       sizeof(row)),
			-EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, kmlops_get_feature_asof(NAME, &key, 4, &row,
						      sizeof(row)),
			-EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, kmlops_get_feature_ts(NAME, 1, &row,
						    sizeof(row)), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, kmlops_get_row(NAME, 1, &row, sizeof(row)),
			-EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, kmlops_truncate_features(NAME, 1), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, bpf_iter_kmlops_rows_new(&it, NAME, 0, U64_MAX),
			-EOPNOTSUPP);
	KUNIT_EXPECT_NULL(test, bpf_iter_kmlops_rows_next(&it));
	bpf_iter_kmlops_rows_destroy(&it);
	expect_no_read_side(test);
	unregister_sample(test);
}

static void inference(struct kunit *test)
{
	struct kmlops_model_load load = {};
	struct kmlops_refusal refusal;
	struct kmlops_model *model;
	s64 in[2] = { 11, -5 }, out[3] = {};
	u32 size;

	load.file = sample_build(test, sample_make(test), &size);
	load.size = size;
	load.inactive = true;
	model = kmlops_model_load(NAME, &load, &refusal);
	KUNIT_ASSERT_FALSE(test, IS_ERR(model));
	kmlops_model_put(model);
	KUNIT_EXPECT_EQ(test, kmlops_infer(NAME, in, 16, out, 24), -ENOENT);
	model = kmlops_model_activate(NAME, 1, &refusal);
	KUNIT_ASSERT_FALSE(test, IS_ERR(model));
	kmlops_model_put(model);
	KUNIT_EXPECT_EQ(test, kmlops_infer(NAME, in, 16, out, 24), 0);
	KUNIT_EXPECT_EQ(test, out[0], 1);
	KUNIT_EXPECT_EQ(test, out[1], 24);
	KUNIT_EXPECT_EQ(test, out[2], 1000);
	KUNIT_EXPECT_EQ(test, kmlops_infer(NAME, in, 8, out, 24), -EINVAL);
	KUNIT_EXPECT_EQ(test, kmlops_infer(NAME, in, 16, out, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, kmlops_infer("kunit2", in, 16, out, 24),
			-ENOENT);
	KUNIT_EXPECT_EQ(test, kmlops_model_remove(NAME, 0, &refusal), 0);
	KUNIT_EXPECT_EQ(test, kmlops_infer(NAME, in, 16, out, 24), -ENOENT);
	expect_no_read_side(test);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(nobody_is_registered),
	KUNIT_CASE(sizes),
	KUNIT_CASE(sizes_of_rows),
	KUNIT_CASE(reads),
	KUNIT_CASE(iterators),
	KUNIT_CASE(mode_map),
	KUNIT_CASE(inference),
	{}
};

static struct kunit_suite suite = {
	.name = "kmlops_kfuncs",
	.init = set_up,
	.test_cases = cases,
};

kunit_test_suite(suite);
