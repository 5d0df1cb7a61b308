/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The clock of capture: CLOCK_MONOTONIC in nanoseconds, readable in any
 * context. It may step back slightly while timekeeping is being updated; the
 * history log keeps the rows of a CPU in order all the same.
 */
#ifndef KMLOPS_CLOCK_H
#define KMLOPS_CLOCK_H

#ifdef __KERNEL__

#include <linux/timekeeping.h>

static inline u64 kmlops_clock_ns(void)
{
	return ktime_get_mono_fast_ns();
}

#else

#include <stdint.h>
#include <time.h>

static inline uint64_t kmlops_clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

#endif

#endif /* KMLOPS_CLOCK_H */
