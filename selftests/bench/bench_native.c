// SPDX-License-Identifier: GPL-2.0-only
/*
 * Captures outside of the kernel: the same files, built with its flags, next
 * to what a ring takes for the same record. Everyone reads the same clock
 * (clock_gettime), which the kernel's capture does not.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <time.h>
#include "captures.h"
#include "report.h"

#define ROUNDS		201
#define TURNS		4000	/* of a round */
#define TURNS_OF_BOTH	5	/* of two that are compared */

/* A writer, and what it found out in each round. */
struct writer {
	pthread_t thread;
	u32 cpu;
	capture_fn *capture;
	u32 keys[TURNS];
	struct ops_value values[64];
	double ns[ROUNDS];	/* a turn */
	double ran[ROUNDS];	/* share of the round that it had the CPU */
};

static struct writer writers[2];
static pthread_barrier_t barrier;
static u32 at_start;

static u64 now(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (u64)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void one_round(struct writer *writer, int round, u32 nr_writers)
{
	u64 started, cpu_started, took;
	u32 i;

	/* Both have the CPU when the clock starts. */
	__atomic_fetch_add(&at_start, 1, __ATOMIC_ACQ_REL);
	while (__atomic_load_n(&at_start, __ATOMIC_ACQUIRE) <
	       nr_writers * (round + 1))
		__builtin_ia32_pause();

	started = now(CLOCK_MONOTONIC);
	cpu_started = now(CLOCK_THREAD_CPUTIME_ID);
	for (i = 0; i < TURNS; i++)
		writer->capture(writer->cpu, &writer->keys[i],
				&writer->values[i % 64]);
	took = now(CLOCK_MONOTONIC) - started;
	writer->ran[round] = (now(CLOCK_THREAD_CPUTIME_ID) - cpu_started) /
			     (double)took;
	writer->ns[round] = took / (double)TURNS;
}

static u32 nr_writers;

static void *write_rounds(void *arg)
{
	struct writer *writer = arg;
	cpu_set_t cpus;
	int round;

	CPU_ZERO(&cpus);
	CPU_SET(writer->cpu, &cpus);
	if (pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus)) {
		fprintf(stderr, "bench_native: there is no CPU %u\n",
			writer->cpu);
		exit(1);
	}
	pthread_barrier_wait(&barrier);
	for (round = 0; round < ROUNDS; round++)
		one_round(writer, round, nr_writers);
	return NULL;
}

/*
 * Time of a capture with 1 or 2 writers: the median of the rounds in which
 * nobody took a CPU away; the slower writer counts.
 */
static double measure(capture_fn *capture, u32 nr)
{
	double rounds[ROUNDS];
	int round, kept = 0;
	u32 i;

	nr_writers = nr;
	at_start = 0;
	pthread_barrier_init(&barrier, NULL, nr);
	for (i = 0; i < nr; i++) {
		writers[i].cpu = i;
		writers[i].capture = capture;
		pthread_create(&writers[i].thread, NULL, write_rounds,
			       &writers[i]);
	}
	for (i = 0; i < nr; i++)
		pthread_join(writers[i].thread, NULL);
	pthread_barrier_destroy(&barrier);

	for (round = 0; round < ROUNDS; round++) {
		double ns = 0, ran = 1;

		for (i = 0; i < nr; i++) {
			if (writers[i].ns[round] > ns)
				ns = writers[i].ns[round];
			if (writers[i].ran[round] < ran)
				ran = writers[i].ran[round];
		}
		if (ran > 0.95)
			rounds[kept++] = ns;
	}
	if (kept < 20) {
		fprintf(stderr, "bench_native: others used the CPUs in all but %d of %d rounds\n",
			kept, ROUNDS);
		exit(1);
	}
	return median(rounds, kept);
}

/* Keys in random order; those of the second writer are others, or the same. */
static void choose_keys(bool same)
{
	u32 random = 1, i, j;

	for (i = 0; i < 2; i++) {
		for (j = 0; j < TURNS; j++) {
			random = random * 1664525 + 1013904223;
			writers[i].keys[j] = random >> 22;
			if (i && !same)
				writers[i].keys[j] += KEYS;
		}
		for (j = 0; j < 64 * 8; j++)
			writers[i].values[j / 8].words[j % 8] = random * j;
	}
}

/* Two such times, measured in turns: a machine gets slower and faster. */
static void measure_both(capture_fn *a, u32 nr_a, double *time_a,
			 capture_fn *b, u32 nr_b, double *time_b)
{
	double times_a[TURNS_OF_BOTH], times_b[TURNS_OF_BOTH];
	int i;

	for (i = 0; i < TURNS_OF_BOTH; i++) {
		times_a[i] = measure(a, nr_a);
		times_b[i] = measure(b, nr_b);
	}
	*time_a = median(times_a, TURNS_OF_BOTH);
	*time_b = median(times_b, TURNS_OF_BOTH);
}

static double scaling(capture_fn *capture)
{
	double one, two;

	measure_both(capture, 1, &one, capture, 2, &two);
	return two / one;
}

int main(void)
{
	double store, other;

	if (!stores_create()) {
		fprintf(stderr, "bench_native: no memory\n");
		return 1;
	}

	choose_keys(false);
	/* Once around all rings, so that captures overwrite. */
	measure(store_capture, 2);
	measure(own_store_capture, 2);

	measure_both(store_capture, 1, &store, ringbuf_capture, 1, &other);
	report("store.capture.64B.native_ns", "ns", store,
	       "ring buffer as BPF's (lock, header, copy, commit), same clock",
	       other);

	store = scaling(store_capture);
	report("store.capture.scaling", "x", store,
	       "ring with one atomic head, two writers against one",
	       scaling(shared_capture));

	/*
	 * CPUs that share a core slow each other down whatever they do. This
	 * is without that: what it costs that the store is the same one.
	 */
	measure_both(store_capture, 2, &store, own_store_capture, 2, &other);
	report("store.capture.contention", "ns", store,
	       "two writers, each into a store of its own", other);
	choose_keys(true);
	measure_both(store_capture, 2, &store, own_store_capture, 2, &other);
	report("store.capture.contention_same_keys", "ns", store,
	       "two writers, each into a store of its own", other);

	stores_destroy();
	return 0;
}
