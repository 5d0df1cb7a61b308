/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The clock of capture: CLOCK_MONOTONIC in nanoseconds, readable in any
 * context, at the cost of reading the TSC.
 *
 * A line through a recent pair of TSC and CLOCK_MONOTONIC is followed for at
 * most KMLOPS_CLOCK_REACH_MS; a timer draws a new one several times in that
 * time. Where there is no line to follow (no stable TSC, around suspend, after
 * a long idle time, after a switch of the clock's source) the kernel's own NMI-safe
 * accessor is read instead.
 *
 * Error against CLOCK_MONOTONIC: what the clock's rate changes within the
 * reach of a line. NTP keeps it within 500 ppm of the nominal rate, so two rates
 * differ by 1000 ppm at most, and the error is KMLOPS_CLOCK_ERROR_NS in the worst
 * case; in steady state it is well below a microsecond. A clock that is faster
 * or slower than that is not followed at all, at the latest when the last line
 * has ended. The clock may step back by the error: the history log keeps rows in
 * order all the same.
 */
#ifndef KMLOPS_CLOCK_H
#define KMLOPS_CLOCK_H

#define KMLOPS_CLOCK_REACH_MS	1000
#define KMLOPS_CLOCK_ERROR_NS	1000000

#ifdef __KERNEL__

#include <linux/cache.h>
#include <linux/compiler.h>
#include <linux/timekeeping.h>
#include <linux/types.h>
#include <asm/barrier.h>
#include <asm/msr.h>

/*
 * ns(tsc) = ns + ((tsc - start) * mult >> 32) for tsc in [start, start + reach).
 * No two lines have the same start: it is also what tells a reader that the
 * line was drawn anew. While that is done, and without a line, it is out of
 * reach.
 */
struct kmlops_clock {
	u64 start;
	u64 reach;
	u64 ns;
	u64 mult;
} ____cacheline_aligned;

extern struct kmlops_clock kmlops_clock;

/* False where there is no line to follow. */
static __always_inline bool kmlops_clock_try(u64 *now)
{
	/* Read before the line, which it is of. */
	u64 start = smp_load_acquire(&kmlops_clock.start);
	u64 passed = rdtsc() - start;
	/* What is read while the line is drawn anew is not used: see below. */
	u64 ns = data_race(kmlops_clock.ns) +
		 (passed * data_race(kmlops_clock.mult) >> 32); /* the same */
	bool reached = passed < data_race(kmlops_clock.reach); /* the same */

	/* What was read is of one line if it is still the same line. */
	smp_rmb();
	if (unlikely(!reached || READ_ONCE(kmlops_clock.start) != start))
		return false;
	*now = ns;
	return true;
}

static __always_inline u64 kmlops_clock_ns(void)
{
	u64 now;

	return likely(kmlops_clock_try(&now)) ? now : ktime_get_mono_fast_ns();
}

int kmlops_clock_init(void);
void kmlops_clock_exit(void);

#else

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

static inline uint64_t kmlops_clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline bool kmlops_clock_try(uint64_t *now)
{
	*now = kmlops_clock_ns();
	return true;
}

#endif

#endif /* KMLOPS_CLOCK_H */
