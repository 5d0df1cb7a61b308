// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stress: threads stand for CPUs, signals on them for interrupts and NMIs,
 * and all capture into one history while others read it in every way there is
 * and truncate it. Every row can be told to be whole by itself.
 *
 * test_stress [ROWS]: go on until so many rows were read (default: 5 seconds).
 *
 * ThreadSanitizer is of no use here: readers race with writers on purpose, and
 * what makes it right (the sequence of a slot) is nothing it knows.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>
#include "clock.h"
#include "cursor.h"
#include "history.h"
#include "key_index.h"
#include "words.h"
#include "tap.h"

#define CPUS_MAX	4
#define LEVELS		3	/* task, interrupt, NMI */
#define OWN_KEYS	4	/* keys that one CPU alone captures */
#define SHARED_KEYS	16
#define LAST		8
#define NESTING		16	/* rows that short interrupts of a row capture */

/*
 * A number says who captured the row: CPU, level, and how many rows that level
 * of that CPU captured before. All the rest of a row follows from it.
 */
#define NUMBER_BITS	48

struct value {
	u64 number;
	u64 words[5];
	u32 half;
	u16 quarter;		/* 54 bytes: the end is no whole word */
} __attribute__((packed));

struct setup {
	const char *what;
	u32 cpus;
	u64 slots;		/* of a CPU */
	u32 burst;		/* captures of a long interrupt; 0: none is long */
	u64 places;		/* of the key index */
	u64 keys;		/* shared keys */
	bool truncate;
	bool lossless;
};

static const struct setup setups[] = {
	{ "long rings", 3, 4096, 0, 256, SHARED_KEYS, false, false },
	{ "short rings, lapped by interrupts", 3, 64, 150, 256, SHARED_KEYS,
	  false, false },
	{ "truncation", 3, 512, 0, 256, SHARED_KEYS, true, false },
	{ "more keys than places", 2, 256, 300, 64, 1000, true, false },
	{ "shortest rings, all at once", 4, 8, 24, 64, 100, true, false },
	{ "lossless", 3, 256, 20, 256, SHARED_KEYS, false, true },
};

struct counts {
	u64 calls;
	u64 stored;
};

static const struct setup *setup;
static struct kmlops_history *history;
static struct kmlops_key_index *key_index;

static struct cpu {
	pthread_t thread;
	struct counts counts[LEVELS];
	u64 chains;		/* times that its own keys were compared */
} cpus[CPUS_MAX];

static __thread u32 this_cpu;
static atomic_bool stop_writers, stop_readers;
static atomic_ullong rows_read, interrupts;

/* The first thing that was wrong; the rest would only follow from it. */
static atomic_flag wrong = ATOMIC_FLAG_INIT;
static char wrong_what[256];
static atomic_bool failed;

__attribute__((format(printf, 1, 2)))
static void fail(const char *format, ...)
{
	va_list args;

	if (atomic_flag_test_and_set(&wrong))
		return;
	va_start(args, format);
	vsnprintf(wrong_what, sizeof(wrong_what), format, args);
	va_end(args);
	failed = true;
}

static u64 mix(u64 number)
{
	number = (number ^ number >> 31) * 0x9e3779b97f4a7c15ULL;
	return number ^ number >> 29;
}

static u32 number_cpu(u64 number)
{
	return number >> (NUMBER_BITS + 2);
}

static u32 number_level(u64 number)
{
	return number >> NUMBER_BITS & 3;
}

/* Every other row is of a key of its CPU alone. */
static u32 key_of(u64 number)
{
	u64 hash = mix(number + 77);

	if (hash & 1)
		return number_cpu(number) * OWN_KEYS + (hash >> 1) % OWN_KEYS;
	return CPUS_MAX * OWN_KEYS + (hash >> 1) % setup->keys;
}

static void fill(struct value *value, u64 number)
{
	int i;

	value->number = number;
	for (i = 0; i < 5; i++)
		value->words[i] = mix(number + i);
	value->half = mix(number + 5);
	value->quarter = mix(number + 6);
}

/* Whether a value is one that was captured, with the key that it had. */
static void check_value(const void *data, u32 key, const char *how)
{
	struct value expected;
	u64 number;

	memcpy(&number, data, sizeof(number));
	fill(&expected, number);
	if (number_cpu(number) >= setup->cpus ||
	    number_level(number) >= LEVELS ||
	    memcmp(&expected, data, sizeof(expected)))
		fail("%s: torn row, number %llx", how,
		     (unsigned long long)number);
	else if (key_of(number) != key)
		fail("%s: row %llx has key %u, not %u", how,
		     (unsigned long long)number, key_of(number), key);
	atomic_fetch_add_explicit(&rows_read, 1, memory_order_relaxed);
}

static void check_body(const u64 *body, const char *how)
{
	if (body[0] >> 32 || body[kmlops_words(4) + 6] >> 48)
		fail("%s: padding is not zero", how);
	check_value(body + 1, body[0], how);
}

/* What kmod/store.c does. */
static void capture(u32 level)
{
	struct counts *counts = &cpus[this_cpu].counts[level];
	struct value value;
	u64 number, ref, time;
	u32 key;

	number = (u64)(this_cpu << 2 | level) << NUMBER_BITS | counts->calls;
	counts->calls++;
	key = key_of(number);
	fill(&value, number);
	counts->stored += kmlops_key_index_append(key_index, history, this_cpu,
						  &key, &value, &ref, &time);
}

static void interrupt(int signal)
{
	u32 level = signal == SIGUSR1 ? 1 : 2;
	u64 random = mix(cpus[this_cpu].counts[level].calls);
	u32 captures = 1 + random % 3;

	/* Some last until the ring has gone round under the interrupted row. */
	if (setup->burst && !(random >> 8 & 7))
		captures = setup->burst;
	while (captures--)
		capture(level);
	interrupts++;
}

/*
 * Compares what the index knows of a key of this CPU with the ring, while
 * nobody captures on this CPU.
 */
static void check_own_key(u32 key)
{
	struct {
		struct kmlops_row head;
		u64 body[8];
	} rows[LAST];
	u64 newest = kmlops_history_newest(history, this_cpu);
	u64 body[8], time, times[LAST], pos, floor;
	int found = 0, got, i;

	/* A chain may end early only near where rows are overwritten. */
	floor = newest > setup->slots - NESTING ?
		newest - setup->slots + NESTING : 1;
	for (pos = newest; pos >= floor && found < LAST; pos--)
		if (!kmlops_history_read(history, kmlops_ref(this_cpu, pos),
					 &time, body) && (u32)body[0] == key)
			times[found++] = time;
	got = kmlops_key_index_last(key_index, history, &key, ~0ULL, 100000,
				    &rows[0].head, LAST);
	if (!found)
		return;
	if (got < found) {
		fail("key %u has %d rows, last gives %d", key, found, got);
		return;
	}
	for (i = 0; i < found; i++)
		if (rows[i].head.time != times[i])
			fail("key %u: row %d of the last has another time",
			     key, i);
	cpus[this_cpu].chains++;
}

static void check_own_keys(void)
{
	sigset_t all, before;
	u32 i;

	if (setup->truncate || setup->places < 256 ||
	    setup->slots <= 2 * NESTING)
		return;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (i = 0; i < OWN_KEYS; i++)
		check_own_key(this_cpu * OWN_KEYS + i);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* Sends @signal to the calling thread every @ns. */
static timer_t start_timer(int signal, long ns)
{
	struct sigevent event = {
		.sigev_notify = SIGEV_THREAD_ID,
		.sigev_signo = signal,
		._sigev_un._tid = gettid(),
	};
	struct itimerspec every = { { 0, ns }, { 0, ns } };
	timer_t timer;

	if (timer_create(CLOCK_MONOTONIC, &event, &timer) ||
	    timer_settime(timer, 0, &every, NULL))
		bail("make a timer");
	return timer;
}

static void *writer(void *arg)
{
	timer_t timers[2];
	sigset_t ours;
	u32 i;

	this_cpu = (struct cpu *)arg - cpus;
	sigemptyset(&ours);
	sigaddset(&ours, SIGUSR1);
	sigaddset(&ours, SIGUSR2);
	timers[0] = start_timer(SIGUSR1, 101000);
	timers[1] = start_timer(SIGUSR2, 229000);
	pthread_sigmask(SIG_UNBLOCK, &ours, NULL);
	while (!stop_writers) {
		for (i = 0; i < 300; i++)
			capture(0);
		check_own_keys();
		/* Unread rows are all there is: let the reader come to them. */
		if (setup->lossless)
			usleep(100);
	}
	pthread_sigmask(SIG_BLOCK, &ours, NULL);
	timer_delete(timers[0]);
	timer_delete(timers[1]);
	return NULL;
}

/* What may not happen along the rows of a read in order of time. */
struct order {
	u64 time;
	u64 times[CPUS_MAX];
	u64 pos[CPUS_MAX];
	u64 numbers[CPUS_MAX][LEVELS];
};

static void check_order(struct order *order, u64 ref, u64 time,
			const u64 *body, const char *how)
{
	u32 cpu = kmlops_ref_cpu(ref), level = number_level(body[1]);
	u64 pos = kmlops_ref_pos(ref);

	check_body(body, how);
	if (failed)
		return;
	if (time < order->time)
		fail("%s: time goes back", how);
	if (cpu >= setup->cpus || number_cpu(body[1]) != cpu) {
		fail("%s: row of CPU %u as one of CPU %u", how,
		     number_cpu(body[1]), cpu);
		return;
	}
	if (pos <= order->pos[cpu])
		fail("%s: position %llu of CPU %u after %llu", how,
		     (unsigned long long)pos, cpu,
		     (unsigned long long)order->pos[cpu]);
	if (time < order->times[cpu])
		fail("%s: time of CPU %u goes back", how, cpu);
	if (order->numbers[cpu][level] > body[1])
		fail("%s: numbers of CPU %u go back", how, cpu);
	order->time = time;
	order->times[cpu] = time;
	order->pos[cpu] = pos;
	order->numbers[cpu][level] = body[1] + 1;
}

static void check_watermark(u64 watermark, u64 time, const char *how)
{
	if (time < watermark)
		fail("%s: a row that was truncated before", how);
}

static u32 random_key(u64 *seed)
{
	*seed = mix(*seed + 1);
	return *seed % (CPUS_MAX * OWN_KEYS + setup->keys);
}

static void check_error(int err, const char *how)
{
	if (err != -ENOENT && err != -EAGAIN && err != -E2BIG)
		fail("%s: error %d", how, err);
}

static void *key_reader(void *arg)
{
	static const char latest[] = "latest", last[] = "last", asof[] = "as-of";
	u64 own_times[CPUS_MAX * OWN_KEYS] = {}, seed = 1, ref, time, t, mark;
	struct {
		struct kmlops_row head;
		u64 body[8];
	} rows[LAST];
	struct value value;
	int n, i;
	u32 key;

	while (!stop_readers) {
		key = random_key(&seed);
		mark = READ_ONCE(history->watermark);
		n = kmlops_key_index_latest(key_index, history, &key, &ref,
					    &time, &value);
		if (n) {
			check_error(n, latest);
		} else {
			check_value(&value, key, latest);
			check_watermark(mark, time, latest);
		}
		/* A key that is in two places may lose the newer one. */
		if (!n && key < CPUS_MAX * OWN_KEYS && setup->places >= 256) {
			if (time < own_times[key])
				fail("latest: goes back");
			own_times[key] = time;
		}

		n = kmlops_key_index_last(key_index, history, &key, ~0ULL,
					  4096, &rows[0].head, LAST);
		if (n < 0)
			check_error(n, last);
		for (i = 0; i < n; i++) {
			check_body(rows[i].body, last);
			check_value((u8 *)rows[i].body + 8, key, last);
			check_watermark(mark, rows[i].head.time, last);
			if (i && rows[i].head.time > rows[i - 1].head.time)
				fail("last: not the latest first");
		}

		t = kmlops_clock_ns() - seed % 100000;
		n = kmlops_key_index_last(key_index, history, &key, t, 4096,
					  &rows[0].head, 1);
		if (n < 0) {
			check_error(n, asof);
		} else {
			check_value((u8 *)rows[0].body + 8, key, asof);
			check_watermark(mark, rows[0].head.time, asof);
			if (rows[0].head.time > t)
				fail("as-of: a row from later");
		}
	}
	return NULL;
}

static void *time_reader(void *arg)
{
	struct kmlops_cursor *cursor;
	struct kmlops_history_stats stats;
	struct kmlops_scan scan;
	u64 ref, time, body[8], mark, captured = 0, from, round = 0;

	while (!stop_readers) {
		struct order order = {};

		mark = READ_ONCE(history->watermark);
		from = round++ & 1 ? kmlops_clock_ns() - 200000 : 0;
		cursor = kmlops_cursor_open(history, from, ~0ULL, NULL);
		while (!kmlops_cursor_next(cursor, history, &ref, &time,
					   body)) {
			check_order(&order, ref, time, body, "cursor");
			check_watermark(from > mark ? from : mark, time,
					"cursor");
		}
		kmlops_cursor_close(cursor);

		memset(&order, 0, sizeof(order));
		mark = READ_ONCE(history->watermark);
		kmlops_scan_begin(&scan, from, kmlops_clock_ns());
		while (!kmlops_scan_next(&scan, history)) {
			if (kmlops_history_read(history, scan.ref, &time,
						body))
				continue;
			check_order(&order, scan.ref, time, body, "scan");
			check_watermark(from > mark ? from : mark, time,
					"scan");
			if (time >= scan.to)
				fail("scan: goes too far");
		}

		mark = READ_ONCE(history->watermark);
		ref = kmlops_history_nearest(history, from);
		if (ref && !kmlops_history_read(history, ref, &time, body)) {
			check_body(body, "nearest");
			check_watermark(mark, time, "nearest");
		}

		kmlops_history_stats(history, round & 2, &stats);
		if (stats.captured < captured)
			fail("captured goes back");
		captured = stats.captured;
		if (captured != stats.stored + stats.overwritten +
				stats.dropped + stats.truncated)
			fail("counters do not add up while rows come");
	}
	return NULL;
}

/* What reads that go on where the last one ended gave in all. */
static struct resumed {
	u64 next[CPUS_MAX];
	struct order order;
	u64 given;
	u64 lost;
} resumed;

static void resume(void)
{
	u64 ref, time, body[8], mark = READ_ONCE(history->watermark);
	struct kmlops_cursor *cursor;
	u32 cpu;

	/* A capture under way may have taken its time before that read. */
	resumed.order.time = 0;
	cursor = kmlops_cursor_open(history, 0, ~0ULL, resumed.next);
	while (!kmlops_cursor_next(cursor, history, &ref, &time, body)) {
		if (kmlops_ref_pos(ref) < resumed.next[kmlops_ref_cpu(ref)])
			fail("resumed: a row of the read before");
		check_order(&resumed.order, ref, time, body, "resumed");
		check_watermark(mark, time, "resumed");
		resumed.given++;
	}
	resumed.lost += cursor->lost;
	memcpy(resumed.next, cursor->next, setup->cpus * sizeof(u64));
	kmlops_cursor_close(cursor);
	if (setup->lossless)
		for (cpu = 0; cpu < setup->cpus; cpu++)
			if (resumed.next[cpu])
				kmlops_history_consume(history, cpu,
						       resumed.next[cpu] - 1);
}

static void *resuming_reader(void *arg)
{
	while (!stop_readers)
		resume();
	return NULL;
}

static void *truncator(void *arg)
{
	while (!stop_readers) {
		kmlops_history_truncate(history, kmlops_clock_ns() - 300000);
		usleep(100);
	}
	return NULL;
}

/* Once all is quiet, every row is accounted for. */
static void check_counters(void)
{
	struct kmlops_history_stats stats;
	struct counts sum = {};
	u64 readable = 0, time, chains = 0;
	u32 cpu, level;

	for (cpu = 0; cpu < setup->cpus; cpu++) {
		chains += cpus[cpu].chains;
		for (level = 0; level < LEVELS; level++) {
			sum.calls += cpus[cpu].counts[level].calls;
			sum.stored += cpus[cpu].counts[level].stored;
		}
	}
	kmlops_history_stats(history, true, &stats);
	note("%llu captures, %llu interrupts, %llu dropped, %llu truncated, %llu chains compared",
	     (unsigned long long)sum.calls, (unsigned long long)interrupts,
	     (unsigned long long)stats.dropped,
	     (unsigned long long)stats.truncated, (unsigned long long)chains);
	ok_equal(stats.captured, sum.calls, "captured counts every call");
	ok_equal(stats.dropped, sum.calls - sum.stored,
		 "dropped counts every call that failed");
	ok_equal(stats.stored + stats.overwritten + stats.dropped +
		 stats.truncated, stats.captured, "the counters add up");

	for (cpu = 0; cpu < setup->cpus; cpu++) {
		u64 pos = kmlops_history_oldest(history, cpu);

		for (; pos <= kmlops_history_newest(history, cpu); pos++)
			readable += !kmlops_history_read(history,
							 kmlops_ref(cpu, pos),
							 &time, NULL) &&
				    time >= history->watermark;
	}
	ok_equal(stats.stored, readable, "stored counts the rows there are");

	resume();
	note("resumed reads gave %llu rows and lost %llu",
	     (unsigned long long)resumed.given,
	     (unsigned long long)resumed.lost);
	if (setup->lossless)
		ok(resumed.given == sum.stored && !resumed.lost,
		   "each row was read once, none was lost");
	else if (!setup->truncate)
		ok(resumed.given + resumed.lost >= sum.stored &&
		   resumed.given + resumed.lost <= sum.calls,
		   "each row was read once or counted as lost");
}

static pthread_t start(void *(*body)(void *), void *arg)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, body, arg))
		bail("make a thread");
	return thread;
}

static void run(u64 rows, double seconds)
{
	pthread_t readers[4];
	u64 until = kmlops_clock_ns() + seconds * 1e9;
	int nr = 0, i;

	memset(cpus, 0, sizeof(cpus));
	memset(&resumed, 0, sizeof(resumed));
	stop_writers = false;
	stop_readers = false;
	interrupts = 0;
	rows_read = 0;
	for (i = 0; i < setup->cpus; i++)
		resumed.next[i] = 1;
	history = kmlops_history_create(4, sizeof(struct value), setup->slots,
					setup->cpus, NULL);
	key_index = kmlops_key_index_create(setup->places, 12345);
	if (!history || !key_index)
		bail("no memory");
	history->lossless = setup->lossless;

	for (i = 0; i < setup->cpus; i++)
		cpus[i].thread = start(writer, &cpus[i]);
	readers[nr++] = start(key_reader, NULL);
	readers[nr++] = start(time_reader, NULL);
	readers[nr++] = start(resuming_reader, NULL);
	if (setup->truncate)
		readers[nr++] = start(truncator, NULL);

	while (!failed && (rows ? rows_read < rows :
				  kmlops_clock_ns() < until))
		usleep(10000);
	stop_writers = true;
	for (i = 0; i < setup->cpus; i++)
		pthread_join(cpus[i].thread, NULL);
	stop_readers = true;
	for (i = 0; i < nr; i++)
		pthread_join(readers[i], NULL);

	ok(!failed, "%s: %llu rows read, none torn", setup->what,
	   (unsigned long long)rows_read);
	if (failed) {
		note("%s", wrong_what);
		exit(1);
	}
	check_counters();
	kmlops_history_destroy(history);
	kmlops_key_index_destroy(key_index);
}

int main(int argc, char **argv)
{
	const char *wanted = argc > 1 ? argv[1] : getenv("STRESS_ROWS");
	const size_t nr = sizeof(setups) / sizeof(*setups);
	struct sigaction action = { .sa_handler = interrupt };
	u64 rows = wanted ? strtoull(wanted, NULL, 0) : 0;
	sigset_t ours;
	size_t i;

	/* An NMI interrupts an interrupt, but not the other way round. */
	sigaction(SIGUSR1, &action, NULL);
	sigaddset(&action.sa_mask, SIGUSR1);
	sigaction(SIGUSR2, &action, NULL);
	sigemptyset(&ours);
	sigaddset(&ours, SIGUSR1);
	sigaddset(&ours, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &ours, NULL);

	for (i = 0; i < nr; i++) {
		setup = &setups[i];
		run(rows / nr + !!(rows % nr), 5.0 / nr);
	}
	return done();
}
