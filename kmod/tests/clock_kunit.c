// SPDX-License-Identifier: GPL-2.0-only
/*
 * The clock along lines drawn here by hand, while nobody else draws any, and
 * along those of clock.c.
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include "../clock.h"

static int stop_drawing(struct kunit_suite *suite)
{
	kmlops_clock_exit();
	return 0;
}

static void draw_again(struct kunit_suite *suite)
{
	if (kmlops_clock_init())
		pr_err("kernmlops: no clock after its tests\n");
}

/* As draw() of clock.c does it. */
static void draw(u64 start, u64 reach, u64 ns, u64 mult)
{
	WRITE_ONCE(kmlops_clock.start, rdtsc() + (1ULL << 63));
	/* Before anything of the new line is to be seen. */
	smp_wmb();
	WRITE_ONCE(kmlops_clock.mult, mult);
	WRITE_ONCE(kmlops_clock.ns, ns);
	WRITE_ONCE(kmlops_clock.reach, reach);
	/* After all of it. */
	smp_store_release(&kmlops_clock.start, start);
}

static void a_line_is_followed(struct kunit *test)
{
	u64 start = rdtsc_ordered(), before, after, now, last = 0;
	int i;

	/* 3.5 ns a tick: none of this machine. */
	draw(start, 1ULL << 40, NSEC_PER_SEC, 7ULL << 31);
	for (i = 0; i < 1000; i++) {
		before = rdtsc_ordered() - start;
		KUNIT_ASSERT_TRUE(test, kmlops_clock_try(&now));
		after = rdtsc_ordered() - start;
		KUNIT_EXPECT_GE(test, now, NSEC_PER_SEC + before * 7 / 2);
		KUNIT_EXPECT_LE(test, now, NSEC_PER_SEC + after * 7 / 2);
		KUNIT_EXPECT_GE(test, now, last);
		last = now;
		KUNIT_EXPECT_GE(test, kmlops_clock_ns(), last);
	}
}

static void expect_fallback(struct kunit *test, const char *why)
{
	u64 now, before, after;

	KUNIT_EXPECT_FALSE_MSG(test, kmlops_clock_try(&now), "%s", why);
	before = ktime_get_mono_fast_ns();
	now = kmlops_clock_ns();
	after = ktime_get_mono_fast_ns();
	KUNIT_EXPECT_GE_MSG(test, now, before, "%s", why);
	KUNIT_EXPECT_LE_MSG(test, now, after, "%s", why);
}

static void nothing_beyond_its_reach(struct kunit *test)
{
	const u64 far = 1ULL << 40;
	u64 now;

	draw(rdtsc() - far, far, 1, 1ULL << 32);
	expect_fallback(test, "the line has ended");
	draw(rdtsc() + far, far, 1, 1ULL << 32);
	expect_fallback(test, "the line has not begun");
	draw(rdtsc() + (1ULL << 63), far, 1, 1ULL << 32);
	expect_fallback(test, "there is no line");
	draw(rdtsc() - far, 2 * far, 1, 0);
	KUNIT_EXPECT_TRUE(test, kmlops_clock_try(&now));
	KUNIT_EXPECT_EQ(test, now, 1);
}

/* Two kinds of lines by turns: a mixture of them would be neither's time. */
#define KIND_NS(kind)	((1 + (kind)) * (1ULL << 60))
#define PASSED		BIT_ULL(28)	/* ticks, at least */

/* No two lines have the same start. */
static void draw_line(u64 first, u64 n)
{
	draw(first + n, 1ULL << 32, KIND_NS(n % 2), (1 + n % 2) << 31);
}

static int draw_by_turns(void *data)
{
	u64 first = *(u64 *)data, n;

	for (n = 1; !kthread_should_stop(); n++) {
		draw_line(first, n);
		if (!(n % 1024))
			cond_resched();
	}
	return 0;
}

static void lines_do_not_mix(struct kunit *test)
{
	u64 now, before, after, first, kind, seen[2] = {}, missed = 0, wrong = 0;
	struct task_struct *task;
	unsigned long end;

	/* So that no number of lines drawn here comes near. */
	first = rdtsc_ordered() - 2 * PASSED;
	draw_line(first, 0);
	task = kthread_run(draw_by_turns, &first, "kmlops_clock_kunit");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	end = jiffies + HZ / 2;
	while (time_before(jiffies, end)) {
		/* The start of the line has moved by less than PASSED. */
		before = rdtsc_ordered() - first - PASSED;
		if (!kmlops_clock_try(&now)) {
			missed++;
			cond_resched();
			continue;
		}
		after = rdtsc_ordered() - first;
		kind = now >= KIND_NS(1);
		now -= KIND_NS(kind);
		wrong += 2 * now + 1 < (1 + kind) * before ||
			 2 * now > (1 + kind) * after;
		seen[kind]++;
		if (!(seen[kind] % 256))
			cond_resched();
	}
	kthread_stop(task);
	kunit_info(test, "%llu and %llu times, %llu between lines", seen[0],
		   seen[1], missed);
	KUNIT_EXPECT_EQ(test, wrong, 0);
	KUNIT_EXPECT_GT(test, seen[0], 0);
	KUNIT_EXPECT_GT(test, seen[1], 0);
}

static void lines_of_the_module(struct kunit *test)
{
	u64 now, before, after, worst = 0, lines = 0, last = 0, followed = 0;
	unsigned long end;

	KUNIT_ASSERT_EQ(test, kmlops_clock_init(), 0);
	end = jiffies + 2 * HZ;
	while (time_before(jiffies, end)) {
		u64 start = READ_ONCE(kmlops_clock.start);

		followed += kmlops_clock_try(&now);
		before = ktime_get_ns();
		now = kmlops_clock_ns();
		after = ktime_get_ns();
		if (now < before)
			worst = max(worst, before - now);
		if (now > after)
			worst = max(worst, now - after);
		lines += start != last;
		last = start;
		usleep_range(100, 200);
	}
	kmlops_clock_exit();
	KUNIT_EXPECT_LE(test, worst, KMLOPS_CLOCK_ERROR_NS);
	kunit_info(test, "%llu lines, %llu ns off at most", lines, worst);
	if (!followed)
		kunit_skip(test, "CLOCK_MONOTONIC is not made of the TSC here");
	KUNIT_EXPECT_GT(test, lines, 2);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(a_line_is_followed),
	KUNIT_CASE(nothing_beyond_its_reach),
	KUNIT_CASE(lines_do_not_mix),
	KUNIT_CASE_SLOW(lines_of_the_module),
	{}
};

static struct kunit_suite suite = {
	.name = "kmlops_clock",
	.suite_init = stop_drawing,
	.suite_exit = draw_again,
	.test_cases = cases,
};

kunit_test_suite(suite);
