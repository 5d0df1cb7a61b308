/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Several ways to do the same thing, timed in turns on one CPU: a machine gets
 * slower and faster. Rounds in which others had the CPU do not count.
 */
#ifndef SELFTESTS_BENCH_TURNS_H
#define SELFTESTS_BENCH_TURNS_H

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "report.h"

#define TURNS_MAX	1000
#define WAYS_MAX	8

typedef void (*turn_fn)(void);

/* Called before each turn, with the round: its time does not count. */
typedef void prepare_fn(int round);

static inline double turns_now(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return time.tv_sec * 1e9 + time.tv_nsec;
}

static inline void turns_pin(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(sched_getcpu(), &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
}

/* Nanoseconds that each way takes, the median of its quiet rounds. */
static inline void turns_measure(const turn_fn ways[], int nr, int rounds,
				 prepare_fn *prepare, double *ns)
{
	static double times[WAYS_MAX][TURNS_MAX];
	int kept[WAYS_MAX] = { 0 }, round, i;

	for (round = 0; round < rounds; round++) {
		for (i = 0; i < nr; i++) {
			double started, ran, took;

			prepare(round);
			started = turns_now(CLOCK_MONOTONIC);
			ran = turns_now(CLOCK_THREAD_CPUTIME_ID);
			ways[i]();
			ran = turns_now(CLOCK_THREAD_CPUTIME_ID) - ran;
			took = turns_now(CLOCK_MONOTONIC) - started;
			if (ran > 0.95 * took)
				times[i][kept[i]++] = took;
		}
	}
	for (i = 0; i < nr; i++) {
		if (kept[i] < rounds / 10 + 1) {
			fprintf(stderr, "others used the CPU in all but %d of %d rounds\n",
				kept[i], rounds);
			exit(1);
		}
		ns[i] = median(times[i], kept[i]);
	}
}

#endif /* SELFTESTS_BENCH_TURNS_H */
