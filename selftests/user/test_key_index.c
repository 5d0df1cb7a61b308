// SPDX-License-Identifier: GPL-2.0-only
/*
 * Key index against a plain table of what was last written.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "key_index_row.h"

struct pair {
	struct kmlops_history *history;
	struct kmlops_key_index *index;
};

static struct pair make(u64 rows, u64 places)
{
	struct pair pair = {
		.history = kmlops_history_create(8, 8, rows, 1, NULL),
		.index = kmlops_key_index_create(places, 12345),
	};

	assert_non_null(pair.history);
	assert_non_null(pair.index);
	return pair;
}

static void destroy(struct pair *pair)
{
	kmlops_key_index_destroy(pair->index);
	kmlops_history_destroy(pair->history);
}

static u64 capture(struct pair *pair, u64 key, u64 value)
{
	struct kmlops_slot *slot;
	u64 ref, time;

	slot = kmlops_history_append(pair->history, 0, &key, &value, &ref,
				     &time);
	assert_non_null(slot);
	kmlops_key_index_link(pair->index, pair->history, slot, ref, time,
			      &key);
	return ref;
}

static int latest(struct pair *pair, u64 key, u64 *value)
{
	u64 ref, time;

	return kmlops_key_index_latest(pair->index, pair->history, &key, &ref,
				       &time, value);
}

static void test_latest_of_each_key(void **state)
{
	struct pair pair = make(4096, 1024);
	u64 expected[300] = {}, value, i;
	u32 random = 1;

	for (i = 1; i <= 4096; i++) {
		u64 key = (random = random * 1103515245 + 12345) / 65536 % 300;

		capture(&pair, key, i);
		expected[key] = i;
	}
	for (i = 0; i < 300; i++) {
		assert_int_equal(latest(&pair, i, &value), 0);
		assert_int_equal(value, expected[i]);
	}
	assert_int_equal(latest(&pair, 300, &value), -ENOENT);
	assert_int_equal(pair.index->keys, 300);
	assert_int_equal(pair.index->evicted, 0);
	destroy(&pair);
}

static void test_overwritten_rows_are_gone(void **state)
{
	struct pair pair = make(8, 64);
	u64 value, i;

	capture(&pair, 1, 1);
	for (i = 0; i < 7; i++)
		capture(&pair, 2, i);
	assert_int_equal(latest(&pair, 1, &value), 0);
	capture(&pair, 2, 7);
	assert_int_equal(latest(&pair, 1, &value), -ENOENT);
	assert_int_equal(latest(&pair, 2, &value), 0);
	assert_int_equal(value, 7);
	capture(&pair, 1, 9);
	assert_int_equal(latest(&pair, 1, &value), 0);
	assert_int_equal(value, 9);
	destroy(&pair);
}

static void test_truncated_rows_are_hidden(void **state)
{
	struct pair pair = make(8, 64);
	u64 value;

	capture(&pair, 1, 1);
	kmlops_history_truncate(pair.history, ~0ULL);
	assert_int_equal(latest(&pair, 1, &value), -ENOENT);
	capture(&pair, 1, 2);
	assert_int_equal(latest(&pair, 1, &value), 0);
	destroy(&pair);
}

/* A full index: the least recently written key of a neighbourhood goes. */
static void test_more_keys_than_places(void **state)
{
	struct pair pair = make(4096, 8);
	u64 value, i;

	for (i = 1; i <= 8; i++)
		capture(&pair, i, i);
	capture(&pair, 1, 100);
	capture(&pair, 9, 9);
	assert_int_equal(pair.index->evicted, 1);
	assert_int_equal(latest(&pair, 2, &value), -ENOENT);
	assert_int_equal(latest(&pair, 1, &value), 0);
	assert_int_equal(value, 100);
	assert_int_equal(latest(&pair, 9, &value), 0);
	for (i = 1; i <= 3000; i++) {
		capture(&pair, i, i);
		assert_int_equal(latest(&pair, i, &value), 0);
		assert_int_equal(value, i);
	}
	assert_int_equal(pair.index->keys, 8);
	destroy(&pair);
}

/* Two keys of one hash share a place; the rows tell them apart. */
static void test_equal_hashes(void **state)
{
	struct pair pair = make(64, 64);
	u64 value, i;

	capture(&pair, 1, 10);
	for (i = 0; i <= pair.index->mask; i++)
		if (pair.index->entries[i].tag)
			break;
	/* As if key 2 had hashed to the place of key 1. */
	{
		u64 key = 2, ref, time;
		struct kmlops_slot *slot;

		value = 20;
		slot = kmlops_history_append(pair.history, 0, &key, &value,
					     &ref, &time);
		slot->prev = pair.index->entries[i].link;
		slot->order = time;
		pair.index->entries[i].link = ref;
	}
	assert_int_equal(latest(&pair, 1, &value), 0);
	assert_int_equal(value, 10);
	destroy(&pair);
}

/* A row that was lapped before it could be linked must not hide later ones. */
static void test_lapped_before_linked(void **state)
{
	struct pair pair = make(8, 64);
	u64 key = 1, value = 1, ref, time, i;
	struct kmlops_slot *slot;

	slot = kmlops_history_append(pair.history, 0, &key, &value, &ref,
				     &time);
	for (i = 2; i <= 10; i++)
		capture(&pair, 1, i);
	kmlops_key_index_link(pair.index, pair.history, slot, ref, time,
			      &key);
	assert_int_equal(latest(&pair, 1, &value), 0);
	assert_int_equal(value, 10);
	destroy(&pair);
}

/*
 * A writer is interrupted while its row is busy, by captures that go round the
 * whole ring: its row is out of reach, is dropped, and hides none of theirs.
 */
static void test_lapped_while_busy(void **state)
{
	struct pair pair = make(8, 64);
	u64 key = 1, value = 100, tag, old = 0, ref, time, i, nested = 0;
	struct kmlops_history_stats stats;
	struct kmlops_key_entry *entry;
	struct kmlops_write write;
	enum kmlops_step step;
	u32 rows = 0;

	capture(&pair, 1, 1);
	assert_true(kmlops_history_begin(pair.history, 0, &write));
	write.slot->body[0] = key;
	write.slot->body[1] = value;
	for (i = 2; i <= 13; i++)
		nested += kmlops_key_index_append(pair.index, pair.history, 0,
						  &key, &i, &ref, &time);
	/* One met the busy slot. */
	assert_int_equal(nested, 11);

	tag = kmlops_key_index_hash(pair.index, &key, sizeof(key));
	entry = kmlops_key_index_home(pair.index, tag);
	assert_int_equal(entry->tag, tag);
	step = kmlops_key_index_link_row(pair.history, entry, &write, &old);
	assert_int_equal(step, KMLOPS_LAPPED);
	assert_false(kmlops_key_index_finish(pair.index, pair.history, step,
					     write.ref, write.time, tag, old));

	assert_int_equal(latest(&pair, 1, &value), 0);
	assert_int_equal(value, 13);
	/* Also when its slot is used again. */
	for (i = 14; i <= 30; i++) {
		assert_true(kmlops_key_index_append(pair.index, pair.history, 0,
						    &key, &i, &ref, &time));
		kmlops_history_stats(pair.history, true, &stats);
		assert_int_equal(stats.captured, i + 1);
		assert_int_equal(stats.dropped, 2);
		assert_int_equal(stats.stored + stats.overwritten + 2,
				 stats.captured);
	}
	for (i = kmlops_history_oldest(pair.history, 0);
	     i <= kmlops_history_newest(pair.history, 0); i++)
		rows += !kmlops_history_read(pair.history, i, &time, NULL);
	assert_int_equal(rows, stats.stored);
	destroy(&pair);
}

/* Rows of a few keys on several CPUs, linked in any order. */
#define CPUS	4
#define ROWS	3000
#define KEYS	5

struct captured {
	struct kmlops_slot *slot;
	u64 key, ref, time;
	u64 linked;		/* when, as a number */
};

static int later_first(const void *a, const void *b)
{
	u64 x = ((const struct kmlops_row *)a)->time;
	u64 y = ((const struct kmlops_row *)b)->time;

	return x < y ? 1 : x > y ? -1 : 0;
}

/*
 * The last @max rows of @key at or before @asof, from the list of all. A chain
 * ends at a row that was overwritten: what was linked before it is not found,
 * even if a CPU that captures less still has it. (A read that skipped the
 * missing row would give an answer that was not the latest at that time.)
 */
static u32 brute_force(const struct kmlops_history *history,
		       const struct captured *all, u64 key, u64 asof,
		       struct kmlops_row *rows, u32 max)
{
	static struct kmlops_row found[ROWS];
	u64 reach = 0, at;
	u32 n = 0, i;

	for (i = 0; i < ROWS; i++)
		if (all[i].key == key && all[i].linked >= reach &&
		    kmlops_history_read(history, all[i].ref, &at, NULL))
			reach = all[i].linked + 1;
	for (i = 0; i < ROWS; i++)
		if (all[i].key == key && all[i].time <= asof &&
		    all[i].time >= history->watermark &&
		    all[i].linked >= reach)
			found[n++] = (struct kmlops_row){ all[i].time,
							  all[i].ref };
	qsort(found, n, sizeof(found[0]), later_first);
	n = n < max ? n : max;
	memcpy(rows, found, n * sizeof(found[0]));
	return n;
}

static void compare(const struct kmlops_history *history,
		    const struct kmlops_key_index *index,
		    const struct captured *all, u64 key, u64 asof, u32 max)
{
	struct kmlops_row expected[16];
	struct {
		struct kmlops_row row;
		u64 key, value;
	} rows[16];
	u32 n = brute_force(history, all, key, asof, expected, max), i;
	int got = kmlops_key_index_last(index, history, &key, asof, ROWS,
					&rows[0].row, max);

	assert_int_equal(got, n ? (int)n : -ENOENT);
	for (i = 0; i < n; i++) {
		assert_int_equal(rows[i].row.time, expected[i].time);
		assert_int_equal(rows[i].key, key);
		assert_int_equal(all[rows[i].value].time, expected[i].time);
	}
}

static void test_last_and_asof(void **state)
{
	static struct captured all[ROWS];
	struct kmlops_history *history =
		kmlops_history_create(8, 8, 512, CPUS, NULL);
	struct kmlops_key_index *index = kmlops_key_index_create(64, 99);
	u64 value, ref, time, i, k, pending = 0, linked = 0;
	u32 random = 3;

	/*
	 * A row is linked up to seven rows after it was captured, as happens
	 * when its CPU is slow.
	 */
	for (i = 0; i < ROWS; i++) {
		random = random * 1103515245 + 12345;
		all[i].key = (random >> 16) % KEYS;
		all[i].slot = kmlops_history_append(history,
						    (random >> 8) % CPUS,
						    &all[i].key, &i,
						    &all[i].ref, &all[i].time);
		if ((random >> 24) % 8 == 0 || i - pending >= 7 ||
		    i == ROWS - 1) {
			for (k = i + 1; k-- > pending;) {
				all[k].linked = linked++;
				kmlops_key_index_link(index, history,
						      all[k].slot, all[k].ref,
						      all[k].time,
						      &all[k].key);
			}
			pending = i + 1;
		}
	}
	for (k = 0; k < KEYS + 1; k++) {
		struct kmlops_row last;

		for (i = 0; i < ROWS; i += 3)
			compare(history, index, all, k, all[i].time, 1 + i % 9);
		compare(history, index, all, k, ~0ULL, 16);
		compare(history, index, all, k, 0, 1);
		if (!brute_force(history, all, k, ~0ULL, &last, 1))
			continue;
		assert_int_equal(kmlops_key_index_latest(index, history, &k,
							 &ref, &time, &value),
				 0);
		assert_int_equal(time, last.time);
		assert_int_equal(ref, last.seq);
		assert_int_equal(all[value].time, time);
	}
	kmlops_history_truncate(history, all[ROWS - 500].time);
	for (i = 0; i < ROWS; i += 3)
		compare(history, index, all, i % KEYS, all[i].time, 4);
	k = all[0].key;
	assert_int_equal(kmlops_key_index_last(index, history, &k, all[0].time,
					       3, NULL, 1), -E2BIG);
	kmlops_key_index_destroy(index);
	kmlops_history_destroy(history);
}

/* Keys and values of any size come back, and nothing beside them is written. */
static void test_sizes(void **state)
{
	static const u32 key_sizes[] = { 1, 4, 7, 8, 9, 40, 256 };
	u8 key[256], value[203], got[208];
	u64 ref, time, row_time, body[64], last_ref;
	struct kmlops_key_index *index;
	struct kmlops_history *history;
	u32 k, size, i;

	for (i = 0; i < sizeof(key); i++)
		key[i] = 3 * i + 1;
	for (k = 0; k < sizeof(key_sizes) / sizeof(*key_sizes); k++) {
		for (size = 1; size <= sizeof(value); size++) {
			history = kmlops_history_create(key_sizes[k], size, 4, 1, NULL);
			index = kmlops_key_index_create(64, 7);
			for (i = 0; i < size; i++)
				value[i] = 255 - i - k;
			memset(got, 0xa5, sizeof(got));
			assert_true(kmlops_key_index_append(index, history, 0, key, value,
							    &ref, &time));
			assert_int_equal(kmlops_key_index_latest(index, history, key,
								 &last_ref, &row_time,
								 got), 0);
			assert_int_equal(last_ref, ref);
			assert_int_equal(row_time, time);
			assert_memory_equal(got, value, size);
			assert_int_equal(got[size], 0xa5);

			assert_int_equal(kmlops_history_read(history, ref, &row_time,
							     body), 0);
			assert_memory_equal(body, key, key_sizes[k]);
			assert_memory_equal(body + (key_sizes[k] + 7) / 8, value, size);
			/* Another key of the same beginning. */
			key[key_sizes[k] - 1] ^= 1;
			assert_int_equal(kmlops_key_index_latest(index, history, key,
								 &last_ref, &row_time,
								 got), -ENOENT);
			key[key_sizes[k] - 1] ^= 1;
			kmlops_key_index_destroy(index);
			kmlops_history_destroy(history);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_latest_of_each_key),
		cmocka_unit_test(test_overwritten_rows_are_gone),
		cmocka_unit_test(test_truncated_rows_are_hidden),
		cmocka_unit_test(test_more_keys_than_places),
		cmocka_unit_test(test_equal_hashes),
		cmocka_unit_test(test_lapped_before_linked),
		cmocka_unit_test(test_lapped_while_busy),
		cmocka_unit_test(test_last_and_asof),
		cmocka_unit_test(test_sizes),
	};

	return cmocka_run_group_tests_name("key_index", tests, NULL, NULL);
}
