// SPDX-License-Identifier: GPL-2.0-only
/*
 * History log: what is stored, what is counted, and writers that interrupt
 * each other on one CPU (signals stand for interrupts and NMIs).
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/time.h>
#include <cmocka.h>
#include "history_row.h"

struct value {
	u64 number;
	u64 check;		/* ~number: a torn row shows */
};

static struct kmlops_history *make(u64 rows, u32 cpus)
{
	struct kmlops_history *history =
		kmlops_history_create(4, sizeof(struct value),
				      kmlops_history_slots_per_cpu(rows, cpus),
				      cpus, NULL);

	assert_non_null(history);
	return history;
}

static u64 append(struct kmlops_history *history, u32 cpu, u64 number)
{
	struct value value = { number, ~number };
	u32 key = number;
	u64 ref, time;

	return kmlops_history_append(history, cpu, &key, &value, &ref, &time) ?
	       ref : 0;
}

/* The number in the row at @ref, or 0 if it is not there. */
static u64 number_at(const struct kmlops_history *history, u64 ref)
{
	u64 time, body[3];

	if (kmlops_history_read(history, ref, &time, body))
		return 0;
	assert_int_equal(body[0], (u32)body[1]);
	assert_int_equal(body[2], ~body[1]);
	return body[1];
}

static void check_balance(const struct kmlops_history *history,
			  struct kmlops_history_stats *stats)
{
	u64 readable = 0, time;
	u32 cpu;

	kmlops_history_stats(history, true, stats);
	assert_int_equal(stats->captured,
			 stats->stored + stats->overwritten + stats->dropped +
			 stats->truncated);
	for (cpu = 0; cpu < history->nr_cpus; cpu++) {
		u64 pos = kmlops_history_oldest(history, cpu);

		for (; pos <= kmlops_history_newest(history, cpu); pos++)
			readable += !kmlops_history_read(history,
							 kmlops_ref(cpu, pos),
							 &time, NULL) &&
				    time >= history->watermark;
	}
	assert_int_equal(stats->stored, readable);
}

static void test_share_of_a_cpu(void **state)
{
	assert_int_equal(kmlops_history_slots_per_cpu(1, 1), 8);
	assert_int_equal(kmlops_history_slots_per_cpu(100, 1), 128);
	assert_int_equal(kmlops_history_slots_per_cpu(100, 3), 64);
	assert_int_equal(kmlops_history_bytes(4, 16, 1ULL << 60, 64), S64_MAX);
}

static void test_rows_until_full(void **state)
{
	struct kmlops_history *history = make(16, 1);
	struct kmlops_history_stats stats;
	u64 i;

	check_balance(history, &stats);
	assert_int_equal(stats.captured, 0);
	for (i = 1; i <= 16; i++)
		assert_int_equal(append(history, 0, i), i);
	for (i = 1; i <= 16; i++)
		assert_int_equal(number_at(history, i), i);
	check_balance(history, &stats);
	assert_int_equal(stats.stored, 16);

	assert_int_equal(append(history, 0, 17), 17);
	assert_int_equal(number_at(history, 1), 0);
	assert_int_equal(number_at(history, 17), 17);
	check_balance(history, &stats);
	assert_int_equal(stats.stored, 16);
	assert_int_equal(stats.overwritten, 1);
	kmlops_history_destroy(history);
}

static void test_cpus_are_apart(void **state)
{
	struct kmlops_history *history = make(32, 4);
	struct kmlops_history_stats stats;
	u64 i;

	for (i = 1; i <= 20; i++)
		append(history, 3, i);
	append(history, 0, 100);
	assert_int_equal(number_at(history, kmlops_ref(0, 1)), 100);
	assert_int_equal(number_at(history, kmlops_ref(3, 20)), 20);
	assert_int_equal(number_at(history, kmlops_ref(3, 12)), 0);
	assert_int_equal(number_at(history, kmlops_ref(1, 1)), 0);
	check_balance(history, &stats);
	assert_int_equal(stats.captured, 21);
	assert_int_equal(stats.overwritten, 12);
	kmlops_history_destroy(history);
}

static void test_odd_sizes_are_padded(void **state)
{
	struct kmlops_history *history =
		kmlops_history_create(3, 9, 8, 1, NULL);
	u64 ref, time, body[3];

	assert_non_null(kmlops_history_append(history, 0, "abc", "123456789",
					      &ref, &time));
	assert_int_equal(kmlops_history_read(history, ref, &time, body),
			 0);
	assert_memory_equal(body, "abc\0\0\0\0\000123456789\0\0\0\0\0\0", 24);
	kmlops_history_destroy(history);
}

static void test_read_by_key(void **state)
{
	struct kmlops_history *history =
		kmlops_history_create(3, 9, 8, 1, NULL);
	struct kmlops_slot row;
	char value[10] = "";
	u64 ref, time;

	kmlops_history_append(history, 0, "abc", "123456789", &ref, &time);
	assert_int_equal(kmlops_history_read_linked(history, ref, "abd", &row,
						    value), -ESRCH);
	assert_string_equal(value, "");
	assert_int_equal(kmlops_history_read_linked(history, ref, "abc", &row,
						    value), 0);
	assert_string_equal(value, "123456789");
	assert_int_equal(row.time, time);
	assert_int_equal(kmlops_history_read_linked(history, ref + 1, "abc",
						    &row, value), -ENOENT);
	kmlops_history_destroy(history);
}

static void test_lossless(void **state)
{
	struct kmlops_history *history = make(8, 1);
	struct kmlops_history_stats stats;
	u64 i, pos;

	history->lossless = true;
	for (i = 1; i <= 8; i++)
		assert_int_equal(append(history, 0, i), i);
	assert_int_equal(append(history, 0, 9), 0);
	kmlops_history_consume(history, 0, 3);
	kmlops_history_consume(history, 0, 2);
	for (i = 9; i <= 11; i++)
		assert_int_equal(append(history, 0, i), i);
	assert_int_equal(append(history, 0, 12), 0);
	assert_int_equal(number_at(history, 4), 4);
	/* What has not been captured cannot be consumed. */
	kmlops_history_consume(history, 0, 1000);
	for (i = 12; i <= 19; i++)
		assert_int_equal(append(history, 0, i), i);
	assert_int_equal(append(history, 0, 20), 0);
	check_balance(history, &stats);
	assert_int_equal(stats.dropped, 3);
	assert_int_equal(stats.overwritten, 11);
	assert_true(kmlops_history_settled(history, 0, &pos));
	assert_int_equal(pos, 19);
	kmlops_history_destroy(history);
}

static void test_nearest(void **state)
{
	struct kmlops_history *history = make(64, 4);
	u64 refs[200], times[200], t, i;

	assert_int_equal(kmlops_history_nearest(history, 5), 0);
	for (i = 0; i < 200; i++) {
		u32 key = i;
		struct value value = { i, ~i };

		kmlops_history_append(history, i * 7 % 3, &key, &value,
				      &refs[i], &times[i]);
	}
	for (t = times[0] - 10; t < times[199] + 10; t += 3) {
		u64 best = ~0ULL, ref, at;

		for (i = 0; i < 200; i++) {
			u64 distance = t > times[i] ? t - times[i] :
				       times[i] - t;

			if (!kmlops_history_read(history, refs[i], &at,
						 NULL) &&
			    at >= history->watermark && distance < best)
				best = distance;
		}
		ref = kmlops_history_nearest(history, t);
		assert_int_equal(kmlops_history_read(history, ref, &at, NULL),
				 0);
		assert_int_equal(t > at ? t - at : at - t, best);
		/* Half way, the first half goes. */
		if (t > times[100] && !history->watermark)
			t = times[0] - 10;
		if (t < times[0])
			kmlops_history_truncate(history, times[150]);
	}
	assert_int_equal(history->watermark, times[150]);
	kmlops_history_truncate(history, ~0ULL);
	assert_int_equal(kmlops_history_nearest(history, times[199]), 0);
	kmlops_history_destroy(history);
}

static void test_seek_by_time(void **state)
{
	struct kmlops_history *history = make(64, 1);
	u64 times[101], i, t;

	for (i = 1; i <= 100; i++) {
		append(history, 0, i);
		kmlops_history_read(history, i, &times[i], NULL);
		assert_true(i == 1 || times[i] >= times[i - 1]);
	}
	assert_int_equal(kmlops_history_seek(history, 0, 0), 37);
	assert_int_equal(kmlops_history_seek(history, 0, times[100] + 1), 101);
	for (t = times[30]; t <= times[100]; t++) {
		u64 expected = 37;

		while (expected <= 100 && times[expected] < t)
			expected++;
		assert_int_equal(kmlops_history_seek(history, 0, t), expected);
		if (t > times[40] && t < times[95])
			t += 7;
	}
	kmlops_history_destroy(history);
}

static void test_truncation(void **state)
{
	struct kmlops_history *history = make(16, 1);
	struct kmlops_history_stats stats;
	u64 time, i;

	for (i = 1; i <= 10; i++)
		append(history, 0, i);
	append(history, 0, 11);
	kmlops_history_read(history, 11, &time, NULL);
	kmlops_history_truncate(history, time);
	check_balance(history, &stats);
	assert_int_equal(stats.truncated + stats.stored, 11);
	assert_true(stats.stored >= 1);

	/* Overwriting truncated rows leaves them truncated. */
	for (i = 12; i <= 27; i++)
		append(history, 0, i);
	check_balance(history, &stats);
	assert_int_equal(stats.captured, 27);
	assert_int_equal(stats.stored, 16);
	assert_int_equal(stats.truncated + stats.overwritten, 11);
	assert_true(stats.truncated <= 10);

	/* The past stays truncated, the future cannot be. */
	kmlops_history_truncate(history, 1);
	kmlops_history_truncate(history, ~0ULL);
	check_balance(history, &stats);
	assert_int_equal(stats.stored, 0);
	append(history, 0, 28);
	check_balance(history, &stats);
	assert_int_equal(stats.stored, 1);
	kmlops_history_destroy(history);
}

static struct kmlops_history *nested_history;
static volatile u64 nested_calls, nested_stored;

static void capture_nested(int signal)
{
	int i;

	/* More than the ring holds, so that the interrupted row is lapped. */
	for (i = 0; i < 24; i++) {
		nested_calls++;
		nested_stored += !!append(nested_history, 0, 1000000 +
							     nested_calls);
	}
}

static void test_interrupted_writers(void **state)
{
	struct itimerval every = { { 0, 20 }, { 0, 20 } };
	struct sigaction action = { .sa_handler = capture_nested };
	struct kmlops_history_stats stats;
	u64 calls = 0, stored = 0, last = 0, time, pos;

	nested_history = make(8, 1);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
	while (nested_calls < 24 * 20000 && calls < 200000000) {
		calls++;
		stored += !!append(nested_history, 0, calls);
	}
	memset(&every, 0, sizeof(every));
	setitimer(ITIMER_REAL, &every, NULL);
	assert_true(nested_calls >= 24 * 1000);

	check_balance(nested_history, &stats);
	assert_int_equal(stats.captured, calls + nested_calls);
	assert_int_equal(stats.dropped, calls - stored +
					nested_calls - nested_stored);
	print_message("# %llu captures, %llu nested, %llu dropped\n",
		      (unsigned long long)stats.captured,
		      (unsigned long long)nested_calls,
		      (unsigned long long)stats.dropped);
	for (pos = kmlops_history_oldest(nested_history, 0);
	     pos <= kmlops_history_newest(nested_history, 0); pos++) {
		if (kmlops_history_read(nested_history, pos, &time, NULL))
			continue;
		assert_true(time >= last);
		last = time;
	}
	kmlops_history_destroy(nested_history);
}

/*
 * The moments between the steps of a writer are too short to be hit often by a
 * signal, so put the ring into the state that such a moment leaves behind.
 */
static void test_slot_held_by_interrupted_row(void **state)
{
	struct kmlops_history *history = make(8, 1);
	struct kmlops_history_stats stats;
	struct kmlops_slot *slot;
	u64 i;

	for (i = 1; i <= 8; i++)
		append(history, 0, i);
	/* Row 3 is under way. */
	slot = kmlops_history_slot(history, 3);
	slot->seq |= 1;
	assert_int_equal(number_at(history, 3), 0);
	for (i = 9; i <= 12; i++)
		assert_int_equal(append(history, 0, i), i == 11 ? 0 : i);
	slot->seq &= ~1ULL;
	kmlops_history_stats(history, true, &stats);
	assert_int_equal(stats.captured, 12);
	assert_int_equal(stats.dropped, 1);
	assert_int_equal(stats.overwritten, 3);

	/* A writer that comes to a later row than its own drops its own. */
	slot = kmlops_history_slot(history, 13);
	slot->seq = 21 << 1;
	assert_int_equal(append(history, 0, 13), 0);
	kmlops_history_stats(history, true, &stats);
	assert_int_equal(stats.dropped, 2);
	kmlops_history_destroy(history);
}

/* The size of a history never wraps to a small one. */
static void test_bytes(void **state)
{
	u64 slots, last = 0, bytes;

	for (slots = 1; slots; slots <<= 1) {
		bytes = kmlops_history_bytes(256, 8192, slots, 4096);
		assert_true(bytes > last || bytes == S64_MAX);
		assert_true(bytes >> 12 >= slots || bytes == S64_MAX);
		last = bytes;
	}
	assert_int_equal(last, S64_MAX);
	assert_int_equal(kmlops_history_bytes(256, 8192, U64_MAX, U32_MAX), S64_MAX);
	bytes = kmlops_history_bytes(4, 8, 16, 3);
	assert_in_range(bytes, 3 * 16 * (sizeof(struct kmlops_slot) + 16), 4096);
}

static int second_is_missing(unsigned int cpu)
{
	return cpu == 1 ? -1 : 0;
}

static void test_missing_cpu(void **state)
{
	struct kmlops_history *history =
		kmlops_history_create(4, 8, 16, 3, second_is_missing);
	struct kmlops_history_stats stats;
	u64 value = 7, refs[2], times[2];
	u32 key = 1;

	assert_non_null(kmlops_history_append(history, 0, &key, &value, &refs[0],
					      &times[0]));
	assert_non_null(kmlops_history_append(history, 2, &key, &value, &refs[1],
					      &times[1]));
	assert_int_equal(kmlops_history_nearest(history, times[1] + 1000), refs[1]);
	kmlops_history_stats(history, true, &stats);
	assert_int_equal(stats.captured, 2);
	assert_int_equal(stats.stored, 2);
	kmlops_history_destroy(history);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_share_of_a_cpu),
		cmocka_unit_test(test_rows_until_full),
		cmocka_unit_test(test_cpus_are_apart),
		cmocka_unit_test(test_odd_sizes_are_padded),
		cmocka_unit_test(test_read_by_key),
		cmocka_unit_test(test_seek_by_time),
		cmocka_unit_test(test_lossless),
		cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_truncation),
		cmocka_unit_test(test_interrupted_writers),
		cmocka_unit_test(test_slot_held_by_interrupted_row),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_missing_cpu),
	};

	return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}
