// SPDX-License-Identifier: GPL-2.0-only
/*
 * History log, with the local operations of the kernel and real interrupts.
 */
#include <kunit/test.h>
#include <linux/hrtimer.h>
#include "../compat.h"
#include "../history_row.h"

struct value {
	u64 number;
	u64 check;		/* ~number: a torn row shows */
};

static struct kmlops_history *make(struct kunit *test, u64 slots, u32 cpus)
{
	struct kmlops_history *history =
		kmlops_history_create(4, sizeof(struct value), slots, cpus,
				      NULL);

	KUNIT_ASSERT_NOT_NULL(test, history);
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

/* The number in the row at @ref, or 0 if it is not there or is torn. */
static u64 number_at(const struct kmlops_history *history, u64 ref)
{
	u64 time, body[3];

	if (kmlops_history_read(history, ref, &time, body) ||
	    body[2] != ~body[1] || body[0] != (u32)body[1])
		return 0;
	return body[1];
}

static void check_balance(struct kunit *test,
			  const struct kmlops_history *history,
			  struct kmlops_history_stats *stats)
{
	kmlops_history_stats(history, true, stats);
	KUNIT_EXPECT_EQ(test, stats->captured,
			stats->stored + stats->overwritten + stats->dropped +
			stats->truncated);
}

static void ring_keeps_the_latest(struct kunit *test)
{
	struct kmlops_history *history = make(test, 16, 1);
	struct kmlops_history_stats stats;
	u64 i;

	for (i = 1; i <= 20; i++)
		KUNIT_EXPECT_EQ(test, append(history, 0, i), i);
	for (i = 1; i <= 20; i++)
		KUNIT_EXPECT_EQ(test, number_at(history, i), i > 4 ? i : 0);
	check_balance(test, history, &stats);
	KUNIT_EXPECT_EQ(test, stats.stored, 16);
	KUNIT_EXPECT_EQ(test, stats.overwritten, 4);
	kmlops_history_destroy(history);
}

static void cpus_have_their_own(struct kunit *test)
{
	struct kmlops_history *history = make(test, 8, 3);
	u64 i;

	for (i = 1; i <= 9; i++)
		append(history, 2, i);
	append(history, 0, 100);
	KUNIT_EXPECT_EQ(test, number_at(history, kmlops_ref(0, 1)), 100);
	KUNIT_EXPECT_EQ(test, number_at(history, kmlops_ref(2, 9)), 9);
	KUNIT_EXPECT_EQ(test, number_at(history, kmlops_ref(2, 1)), 0);
	KUNIT_EXPECT_EQ(test, number_at(history, kmlops_ref(1, 1)), 0);
	kmlops_history_destroy(history);
}

static void odd_sizes_are_padded(struct kunit *test)
{
	struct kmlops_history *history =
		kmlops_history_create(3, 9, 8, 1, NULL);
	u64 ref, time, body[3];

	KUNIT_ASSERT_NOT_NULL(test, history);
	KUNIT_ASSERT_NOT_NULL(test,
			      kmlops_history_append(history, 0, "abc",
						    "123456789", &ref, &time));
	KUNIT_EXPECT_EQ(test, kmlops_history_read(history, ref, &time, body),
			0);
	KUNIT_EXPECT_MEMEQ(test, body,
			   "abc\0\0\0\0\000123456789\0\0\0\0\0\0", 24);
	kmlops_history_destroy(history);
}

static void lossless_drops_new_rows(struct kunit *test)
{
	struct kmlops_history *history = make(test, 8, 1);
	struct kmlops_history_stats stats;
	u64 i;

	history->lossless = true;
	for (i = 1; i <= 8; i++)
		KUNIT_EXPECT_EQ(test, append(history, 0, i), i);
	KUNIT_EXPECT_EQ(test, append(history, 0, 9), 0);
	kmlops_history_consume(history, 0, 3);
	for (i = 9; i <= 11; i++)
		KUNIT_EXPECT_EQ(test, append(history, 0, i), i);
	KUNIT_EXPECT_EQ(test, append(history, 0, 12), 0);
	KUNIT_EXPECT_EQ(test, number_at(history, 4), 4);
	check_balance(test, history, &stats);
	KUNIT_EXPECT_EQ(test, stats.dropped, 2);
	kmlops_history_destroy(history);
}

static void truncation_hides(struct kunit *test)
{
	struct kmlops_history *history = make(test, 16, 1);
	struct kmlops_history_stats stats;
	u64 time, i;

	for (i = 1; i <= 10; i++)
		append(history, 0, i);
	KUNIT_ASSERT_EQ(test, kmlops_history_read(history, 10, &time, NULL), 0);
	kmlops_history_truncate(history, time);
	check_balance(test, history, &stats);
	KUNIT_EXPECT_EQ(test, stats.stored + stats.truncated, 10);
	KUNIT_EXPECT_GE(test, stats.stored, 1);
	KUNIT_EXPECT_EQ(test, kmlops_history_nearest(history, 0) >= 1, 1);
	kmlops_history_truncate(history, ~0ULL);
	check_balance(test, history, &stats);
	KUNIT_EXPECT_EQ(test, stats.stored, 0);
	KUNIT_EXPECT_EQ(test, kmlops_history_nearest(history, time), 0);
	kmlops_history_destroy(history);
}

static void seek_finds_times(struct kunit *test)
{
	struct kmlops_history *history = make(test, 64, 1);
	u64 times[101], i;

	for (i = 1; i <= 100; i++) {
		append(history, 0, i);
		KUNIT_ASSERT_EQ(test,
				kmlops_history_read(history, i, &times[i], NULL),
				0);
		KUNIT_EXPECT_TRUE(test, i == 1 || times[i] >= times[i - 1]);
	}
	KUNIT_EXPECT_EQ(test, kmlops_history_seek(history, 0, 0), 37);
	KUNIT_EXPECT_EQ(test,
			kmlops_history_seek(history, 0, times[100] + 1), 101);
	for (i = 40; i <= 100; i++) {
		u64 first = i;

		while (first > 37 && times[first - 1] == times[i])
			first--;
		KUNIT_EXPECT_EQ(test,
				kmlops_history_seek(history, 0, times[i]),
				first);
	}
	kmlops_history_destroy(history);
}

/* A timer that captures more than the ring holds into what it interrupts. */
struct nested {
	struct hrtimer timer;
	struct kmlops_history *history;
	u64 calls, stored;
	int cpu;
	bool stop;
};

static enum hrtimer_restart capture_nested(struct hrtimer *timer)
{
	struct nested *nested = container_of(timer, struct nested, timer);
	int i;

	/* Not there, the ring would be of another CPU. */
	if (smp_processor_id() == nested->cpu)
		for (i = 0; i < 12; i++) {
			nested->calls++;
			nested->stored += !!append(nested->history, nested->cpu,
						   nested->calls);
		}
	if (READ_ONCE(nested->stop))
		return HRTIMER_NORESTART;
	hrtimer_forward_now(timer, ns_to_ktime(50 * NSEC_PER_USEC));
	return HRTIMER_RESTART;
}

static void interrupts_nest(struct kunit *test)
{
	struct nested *nested = kunit_kzalloc(test, sizeof(*nested), GFP_KERNEL);
	struct kmlops_history_stats stats;
	u64 calls = 0, stored = 0, torn = 0, time, ref;
	unsigned long end;

	KUNIT_ASSERT_NOT_NULL(test, nested);
	migrate_disable();
	nested->cpu = raw_smp_processor_id();
	nested->history = kmlops_history_create(4, sizeof(struct value), 8,
						nested->cpu + 1, NULL);
	KUNIT_EXPECT_NOT_NULL(test, nested->history);
	if (!nested->history)
		goto out;
	hrtimer_setup(&nested->timer, capture_nested, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_PINNED_HARD);
	hrtimer_start(&nested->timer, ns_to_ktime(50 * NSEC_PER_USEC),
		      HRTIMER_MODE_REL_PINNED_HARD);
	end = jiffies + HZ;
	while (time_before(jiffies, end)) {
		calls++;
		stored += !!append(nested->history, nested->cpu, calls);
		ref = kmlops_ref(nested->cpu,
				 kmlops_history_newest(nested->history,
						       nested->cpu));
		torn += !kmlops_history_read(nested->history, ref, &time, NULL) &&
			!number_at(nested->history, ref) &&
			!kmlops_history_read(nested->history, ref, &time, NULL);
		if (!(calls % 1024))
			cond_resched();
	}
	WRITE_ONCE(nested->stop, true);
	hrtimer_cancel(&nested->timer);
	check_balance(test, nested->history, &stats);
	KUNIT_EXPECT_EQ(test, stats.captured, calls + nested->calls);
	KUNIT_EXPECT_EQ(test, stats.dropped,
			calls - stored + nested->calls - nested->stored);
	KUNIT_EXPECT_EQ(test, torn, 0);
	KUNIT_EXPECT_GT(test, nested->calls, 100);
	kmlops_history_destroy(nested->history);
out:
	migrate_enable();
}

static void sizes_do_not_overflow(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, kmlops_history_slots_per_cpu(1, 1), 8);
	KUNIT_EXPECT_EQ(test, kmlops_history_slots_per_cpu(100, 3), 64);
	KUNIT_EXPECT_EQ(test, kmlops_history_bytes(4, 16, 1ULL << 60, 64),
			(u64)S64_MAX);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(ring_keeps_the_latest),
	KUNIT_CASE(cpus_have_their_own),
	KUNIT_CASE(odd_sizes_are_padded),
	KUNIT_CASE(lossless_drops_new_rows),
	KUNIT_CASE(truncation_hides),
	KUNIT_CASE(seek_finds_times),
	KUNIT_CASE_SLOW(interrupts_nest),
	KUNIT_CASE(sizes_do_not_overflow),
	{}
};

static struct kunit_suite suite = {
	.name = "kmlops_history",
	.test_cases = cases,
};

kunit_test_suite(suite);
