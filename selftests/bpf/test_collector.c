// SPDX-License-Identifier: GPL-2.0-only
/*
 * The collector "runqueue" on workloads of known answer: two real-time threads
 * on one CPU that wake each other in turn, so that each wakeup is followed by
 * one wait, and two processes that do so from one CPU to another.
 */
#include <pthread.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <json-c/json.h>

#include "support.h"
#include "runqueue.h"
#include "tap.h"
#include "tool.h"

#define ROWS	"65536"
#define ROUNDS	500

#define PINS	"/sys/fs/bpf/kernmlops"

#define NAME(field) #field,
static const char *const inputs[] = { RUNQUEUE_INPUTS(NAME) NULL };
#undef NAME

static void start(const char *options)
{
	start_collector("runqueue", options);
}

/* The counters at the end. */
static void stop(__u64 *counters)
{
	static const char *const names[RUNQUEUE_COUNTERS] = {
		"wakeups", "outcomes", "replaced", "unpaired", "exited",
		"predictions", "infer_errors", "capture_errors",
		"outcome_errors", "awake", "state_errors", "sampled_out",
	};
	struct json_object *json = stop_collector("runqueue");
	int i;

	for (i = 0; i < RUNQUEUE_COUNTERS; i++)
		counters[i] = counter_of(json, names[i]);
	json_object_put(json);
}

/* A command that is refused with a sentence, which is part of what it says. */
static void refused(const char *words, const char *sentence, const char *what)
{
	int code;

	json_object_put(kmlopsctl(words, &code));
	if (!ok(code == 1 && strstr(said, sentence), "%s", what))
		note("code %d: %s", code, said);
}

static bool nothing_pinned(void)
{
	struct stat st;

	return stat(PINS, &st) && errno == ENOENT;
}

/* ---- workloads */

struct player {
	int in, out;
	int cpu;
	bool first;
	bool real_time;
	pid_t tid;
};

static void play(struct player *p)
{
	struct sched_param param = { .sched_priority = 1 };
	cpu_set_t cpus;
	char ball = 0;
	int i;

	CPU_ZERO(&cpus);
	CPU_SET(p->cpu, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus) ||
	    (p->real_time && sched_setscheduler(0, SCHED_FIFO, &param)))
		_exit(2);
	for (i = 0; i < ROUNDS; i++) {
		if (p->first && write(p->out, &ball, 1) != 1)
			_exit(2);
		if (read(p->in, &ball, 1) != 1)
			_exit(2);
		if (!p->first && write(p->out, &ball, 1) != 1)
			_exit(2);
	}
}

static void *play_thread(void *arg)
{
	struct player *p = arg;

	p->tid = syscall(__NR_gettid);
	play(p);
	return NULL;
}

static void make_pair(struct player *pair)
{
	int there[2], back[2];

	if (pipe(there) || pipe(back))
		bail("pipe");
	pair[0].out = there[1];
	pair[1].in = there[0];
	pair[1].out = back[1];
	pair[0].in = back[0];
	pair[0].first = true;
}

static void end_pair(struct player *pair)
{
	int i;

	for (i = 0; i < 2; i++) {
		close(pair[i].in);
		close(pair[i].out);
	}
}

/* Threads of equal real-time priority: a woken one waits until the other sleeps. */
static void play_on_one_cpu(struct player *pair)
{
	pthread_t threads[2];
	int i;

	make_pair(pair);
	for (i = 0; i < 2; i++) {
		pair[i].real_time = true;
		pair[i].cpu = 1;
		if (pthread_create(&threads[i], NULL, play_thread, &pair[i]))
			bail("pthread_create");
	}
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	end_pair(pair);
}

static void play_across_cpus(struct player *pair)
{
	int i, status;

	make_pair(pair);
	for (i = 0; i < 2; i++) {
		pair[i].cpu = i;
		pair[i].tid = fork();
		if (!pair[i].tid) {
			play(&pair[i]);
			_exit(0);
		}
	}
	for (i = 0; i < 2; i++) {
		waitpid(pair[i].tid, &status, 0);
		if (status)
			bail("a player failed");
	}
	end_pair(pair);
}

/* ---- rows */

static const struct runqueue_key *key_of(const struct rows *rows, size_t i)
{
	return row_key(rows, i);
}

static const struct runqueue_row *wakeup_of(const struct rows *rows, size_t i)
{
	return row_value(rows, i);
}

/* The row of a thread at a time, found by both; -1 if there is none. */
static ssize_t find_row(const struct rows *rows, __u32 pid, __u64 time)
{
	size_t low = 0, high = rows->nr, i;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (row_head(rows, mid)->time < time)
			low = mid + 1;
		else
			high = mid;
	}
	for (i = low; i < rows->nr && row_head(rows, i)->time == time; i++)
		if (key_of(rows, i)->pid == pid)
			return i;
	return -1;
}

struct joined {
	struct rows wakeups, outcomes;
	ssize_t *outcome;	/* of each wakeup, -1 if it has none */
	size_t without;		/* wakeups without an outcome */
	size_t strays;		/* outcomes without a wakeup, or a second one */
	size_t bad;		/* outcomes that cannot be right */
};

static void join(struct joined *j)
{
	size_t i;

	read_rows("runqueue", &j->wakeups);
	read_rows("runqueue_wait", &j->outcomes);
	j->outcome = calloc(j->wakeups.nr + 1, sizeof(*j->outcome));
	j->without = j->wakeups.nr;
	j->strays = 0;
	j->bad = 0;
	for (i = 0; i < j->wakeups.nr; i++)
		j->outcome[i] = -1;

	for (i = 0; i < j->outcomes.nr; i++) {
		const struct runqueue_wait *wait = row_value(&j->outcomes, i);
		ssize_t w = find_row(&j->wakeups, key_of(&j->outcomes, i)->pid,
				     wait->woken_at);

		if (w < 0 || j->outcome[w] >= 0) {
			j->strays++;
			continue;
		}
		j->outcome[w] = i;
		j->without--;
		/*
		 * The row of the outcome is captured after the switch, and the
		 * clocks of two CPUs may differ by a little.
		 */
		if (!wait->wait ||
		    wait->woken_at + wait->wait >
		    row_head(&j->outcomes, i)->time + 10000 ||
		    wait->migrated != (wait->cpu != wakeup_of(&j->wakeups, w)->cpu))
			j->bad++;
	}
}

static void free_joined(struct joined *j)
{
	free_rows(&j->wakeups);
	free_rows(&j->outcomes);
	free(j->outcome);
}

/* What is known of a player's wakeups. */
struct seen {
	size_t wakeups, outcomes, remote, crossed, same_process, same_waker;
	size_t new_task, real_time, alone, elsewhere, broken_history;
};

static void look_at(const struct joined *j, const struct player *p,
		    struct seen *seen)
{
	__u64 waits[4] = {};
	size_t i;

	memset(seen, 0, sizeof(*seen));
	for (i = 0; i < j->wakeups.nr; i++) {
		const struct runqueue_row *row = wakeup_of(&j->wakeups, i);

		if (key_of(&j->wakeups, i)->pid != p->tid)
			continue;
		seen->wakeups++;
		seen->remote += row->remote;
		seen->crossed += row->cross_cpu;
		seen->same_process += row->same_process;
		seen->same_waker += row->same_waker;
		seen->new_task += row->is_new;
		seen->real_time += row->prio == 98;
		seen->alone += row->nr_running < 2;
		seen->elsewhere += row->cpu != p->cpu;
		if (row->wait_1 != waits[0] || row->wait_2 != waits[1] ||
		    row->wait_3 != waits[2] || row->wait_4 != waits[3] ||
		    (!row->since_ran && !row->is_new))
			seen->broken_history++;

		if (j->outcome[i] < 0)
			continue;
		seen->outcomes++;
		memmove(waits + 1, waits, 3 * sizeof(*waits));
		waits[0] = ((const struct runqueue_wait *)
			    row_value(&j->outcomes, j->outcome[i]))->wait;
	}
}

/* ---- tests */

static void check_sums(const struct joined *j, const __u64 *counters)
{
	ok_equal(j->strays, 0, "each outcome has its wakeup by thread and time");
	ok_equal(j->bad, 0, "each wait is possible");
	ok_equal(counters[RUNQUEUE_WAKEUPS], j->wakeups.nr,
		 "each wakeup counted is a row");
	ok_equal(counters[RUNQUEUE_OUTCOMES], j->outcomes.nr,
		 "each outcome counted is a row");
	ok_equal(counters[RUNQUEUE_REPLACED], 0, "no wakeup was replaced");
	ok_equal(counters[RUNQUEUE_UNPAIRED], 0, "no wakeup was missed");
	ok_equal(counters[RUNQUEUE_EXITED], 0, "no task exited while it waited");
	ok_equal(counters[RUNQUEUE_CAPTURE_ERRORS] +
		 counters[RUNQUEUE_OUTCOME_ERRORS] +
		 counters[RUNQUEUE_STATE_ERRORS], 0, "nothing went wrong");
	/* What waits at the end is at most what was woken as it ended. */
	ok(j->without < 20, "the rest, %zu, waited at the end", j->without);
	ok(store_adds_up("runqueue") && store_adds_up("runqueue_wait"),
	   "in both stores, captured is the sum of what became of rows");
	ok_equal(store_counter("runqueue", KERNMLOPS_A_STORE_OVERWRITTEN) +
		 store_counter("runqueue", KERNMLOPS_A_STORE_DROPPED), 0,
		 "no row was lost");
}

static void check_one_cpu(const struct joined *j, const struct player *p,
			  const char *who)
{
	struct seen seen;

	look_at(j, p, &seen);
	/* At first a player may find the other one awake. */
	ok(seen.wakeups >= ROUNDS - 5 && seen.wakeups < ROUNDS + 10,
	   "%s: a wakeup for each round", who);
	note("%s: %zu wakeups, %zu alone, %zu same waker", who, seen.wakeups,
	     seen.alone, seen.same_waker);
	ok_equal(seen.outcomes, seen.wakeups, "each has an outcome");
	ok(seen.real_time >= ROUNDS - 5, "its priority is seen");
	ok_equal(seen.new_task, 1, "one wakeup is that of a new task");
	ok(seen.remote <= 5 && seen.crossed <= 2 && seen.elsewhere <= 2,
	   "woken on the CPU where it ran");
	ok(seen.same_process >= ROUNDS - 5, "by a thread of the same process");
	ok(seen.same_waker >= ROUNDS - 10, "by the same thread as before");
	ok(seen.alone <= 10, "the waker still runs there");
	ok_equal(seen.broken_history, 0, "with its last four waits");
}

static void check_across(const struct joined *j, const struct player *p,
			 const char *who)
{
	struct seen seen;

	look_at(j, p, &seen);
	ok(seen.wakeups > ROUNDS / 4, "%s: woken", who);
	note("%s: %zu wakeups, %zu remote", who, seen.wakeups, seen.remote);
	ok_equal(seen.outcomes, seen.wakeups, "each has an outcome");
	ok(seen.remote >= seen.wakeups / 2, "from another CPU");
	ok(seen.crossed <= 2 && seen.elsewhere <= 2, "on the CPU where it ran");
	ok(!seen.same_process, "by another process");
	ok_equal(seen.broken_history, 0, "with its last four waits");
}

static void test_collect(void)
{
	struct player threads[2] = {}, processes[2] = {};
	__u64 counters[RUNQUEUE_COUNTERS];
	struct joined j = {};

	start("rows " ROWS);
	refused("collector start runqueue", "running already",
		"a second start is refused");
	play_on_one_cpu(threads);
	play_across_cpus(processes);
	stop(counters);
	ok(nothing_pinned(), "stopped, nothing is pinned");
	refused("collector stop runqueue", "not running",
		"a second stop is refused");

	join(&j);
	check_sums(&j, counters);
	check_one_cpu(&j, &threads[0], "first thread");
	check_one_cpu(&j, &threads[1], "second thread");
	check_across(&j, &processes[0], "first process");
	check_across(&j, &processes[1], "second process");
	free_joined(&j);
}

/* Started again, it goes on in the stores that are there; now with a model. */
static void test_predict(void)
{
	__u64 before = store_counter("runqueue", KERNMLOPS_A_STORE_CAPTURED);
	size_t wrong = 0, late = 0, strays = 0, ones = 0, i;
	struct player threads[2] = {};
	__u64 counters[RUNQUEUE_COUNTERS];
	struct rows predictions;
	struct joined j = {};

	/* Input 6 is nr_running. */
	load_split_model("crowded", inputs, 6, 1);
	start("model crowded");
	play_on_one_cpu(threads);
	stop(counters);

	join(&j);
	read_rows("runqueue_prediction", &predictions);
	ok_equal(j.wakeups.nr, before + counters[RUNQUEUE_WAKEUPS],
		 "started again, the rows go into the same store");
	ok_equal(predictions.nr, counters[RUNQUEUE_WAKEUPS],
		 "each wakeup has a prediction");
	ok_equal(counters[RUNQUEUE_PREDICTIONS], predictions.nr,
		 "and they are counted");
	ok_equal(counters[RUNQUEUE_INFER_ERRORS], 0, "the model never failed");
	for (i = 0; i < predictions.nr; i++) {
		const struct runqueue_prediction *p = row_value(&predictions, i);
		ssize_t w = find_row(&j.wakeups, key_of(&predictions, i)->pid,
				     p->woken_at);
		bool crowded;

		if (w < 0) {
			strays++;
			continue;
		}
		crowded = wakeup_of(&j.wakeups, w)->nr_running > 1;
		ones += crowded;
		wrong += p->error || p->label != crowded ||
			 p->score != (crowded ? 1000 : 24);
		if (j.outcome[w] >= 0)
			late += row_head(&predictions, i)->time >
				row_head(&j.outcomes, j.outcome[w])->time;
	}
	ok_equal(strays, 0, "each has its wakeup by thread and time");
	ok_equal(wrong, 0, "each is what the model says of that row");
	ok(ones >= ROUNDS - 5 && ones < predictions.nr, "both answers occur");
	ok_equal(late, 0, "each was there before its outcome");
	free_rows(&predictions);
	free_joined(&j);
}

static void test_model_refused(void)
{
	const char *swapped[16];

	memcpy(swapped, inputs, sizeof(inputs));
	swapped[3] = inputs[4];
	swapped[4] = inputs[3];
	load_split_model("swapped", swapped, 0, 1);
	refused("collector start runqueue model swapped",
		"input 3 of model swapped is wait_3, but runqueue gives it wait_2",
		"a model of other inputs is refused, the first one named");
	memcpy(swapped, inputs, sizeof(inputs));
	swapped[14] = NULL;
	load_split_model("short", swapped, 0, 1);
	refused("collector start runqueue model short",
		"model short has 14 inputs; runqueue would go on with is_new",
		"one of too few inputs, too");
	refused("collector start runqueue model nobody",
		"there is no model nobody",
		"one that is not there, too");
	ok(nothing_pinned(), "nothing is left of that");
	remove_model("swapped");
	remove_model("short");
}

/* What a running collector needs can go: that is counted, and nothing else. */
static void test_things_go(void)
{
	struct player threads[2] = {};
	__u64 counters[RUNQUEUE_COUNTERS];
	struct rows predictions;
	size_t failed = 0, i;

	start("model crowded");
	remove_model("crowded");
	play_on_one_cpu(threads);
	stop(counters);
	ok(counters[RUNQUEUE_INFER_ERRORS] >= 2 * (ROUNDS - 5) &&
	   counters[RUNQUEUE_PREDICTIONS] >= counters[RUNQUEUE_INFER_ERRORS],
	   "a model that is removed meanwhile: each call is counted");
	read_rows("runqueue_prediction", &predictions);
	for (i = 0; i < predictions.nr; i++) {
		const struct runqueue_prediction *p = row_value(&predictions, i);

		failed += p->error == -ENOENT && !p->label && !p->score;
	}
	free_rows(&predictions);
	ok_equal(failed, counters[RUNQUEUE_INFER_ERRORS],
		 "and its row says why there is no answer");

	start("");
	unregister_store("runqueue_wait");
	play_on_one_cpu(threads);
	unregister_store("runqueue");
	play_on_one_cpu(threads);
	stop(counters);
	ok(counters[RUNQUEUE_OUTCOME_ERRORS] >= 2 * (ROUNDS - 5),
	   "a store of outcomes that is unregistered meanwhile: counted");
	ok(counters[RUNQUEUE_CAPTURE_ERRORS] >= 2 * (ROUNDS - 5),
	   "the store of wakeups, too");
	ok(counters[RUNQUEUE_WAKEUPS] >=
	   counters[RUNQUEUE_OUTCOMES] + counters[RUNQUEUE_OUTCOME_ERRORS],
	   "the sums still hold");
	unregister_store("runqueue_prediction");
}

/* A store of the name, but of other rows, is in the way. */
static void test_other_store(void)
{
	int code, map = map_with_btf("other", 8);

	register_store("runqueue_wait", map, 100);
	refused("collector start runqueue", "the store runqueue_wait is there",
		"a store of the same name and other rows is refused");
	json_object_put(kmlopsctl("store show runqueue", &code));
	ok_equal(code, 1, "no store was registered");
	ok(nothing_pinned(), "nothing is pinned");
	unregister_store("runqueue_wait");
	close(map);
}

int main(void)
{
	connect_family();
	test_collect();
	test_predict();
	test_model_refused();
	test_things_go();
	test_other_store();
	return done();
}
