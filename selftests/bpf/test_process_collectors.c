// SPDX-License-Identifier: GPL-2.0-only
/* The collectors "process_trace" and "quanta" on processes of known life. */
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "process_trace.h"
#include "quanta.h"
#include "support.h"
#include "tap.h"
#include "tool.h"

#define CHILDREN	20
#define EXIT_CODE	7
#define NAPS		50

static const char *const trace_stores[] = { "process_trace", NULL };
static const char *const quanta_stores[] = { "quanta", NULL };

/* Half of the children run another program, half exit with a code of theirs. */
static void live(void)
{
	int i, status;
	pid_t pid;

	for (i = 0; i < CHILDREN; i++) {
		pid = fork();
		if (!pid) {
			prctl(PR_SET_NAME, "renamed");
			if (i % 2)
				execl("/bin/true", "true", NULL);
			_exit(EXIT_CODE);
		}
		waitpid(pid, &status, 0);
	}
}

static void test_trace(void)
{
	size_t forks = 0, execs = 0, exits = 0, codes = 0, named = 0, files = 0;
	size_t short_lives = 0, i;
	struct json_object *counters;
	struct rows rows;

	start_collector("process_trace", "");
	live();
	counters = stop_collector("process_trace");
	read_rows("process_trace", &rows);
	for (i = 0; i < rows.nr; i++) {
		const struct process_trace_row *row = row_value(&rows, i);

		if (row->parent != getpid() || !strcmp(row->comm, "sh") ||
		    !strcmp(row->comm, "kmlopsctl"))
			continue;
		forks += row->kind == PROCESS_FORK;
		execs += row->kind == PROCESS_EXEC;
		files += row->kind == PROCESS_EXEC &&
			 !strcmp(row->file, "/bin/true");
		exits += row->kind == PROCESS_EXIT;
		codes += row->kind == PROCESS_EXIT &&
			 row->exit_code == EXIT_CODE << 8;
		named += row->kind == PROCESS_COMM &&
			 !strcmp(row->comm, "renamed");
		short_lives += row->kind == PROCESS_EXIT && row->lifetime &&
			       row->lifetime < 60000000000ULL;
	}
	/* popen() makes one more, the shell of the command that stops. */
	ok(forks == CHILDREN || forks == CHILDREN + 1, "a row for each fork");
	ok_equal(execs, CHILDREN / 2, "a row for each exec");
	ok_equal(files, CHILDREN / 2, "with the path");
	ok_equal(exits, CHILDREN, "a row for each exit");
	ok_equal(codes, CHILDREN / 2, "with its code");
	ok_equal(short_lives, CHILDREN, "and the length of the life");
	ok_equal(named, CHILDREN, "a row for each new name");
	ok(books_balance(counters, trace_stores), "the books balance");
	json_object_put(counters);
	free_rows(&rows);
	unregister_store("process_trace");
}

static void nap(void)
{
	struct timespec time = { .tv_nsec = 1000000 };
	volatile int work;
	int i;

	for (i = 0; i < NAPS; i++) {
		for (work = 0; work < 50000; work++)
			;
		nanosleep(&time, NULL);
	}
	_exit(0);
}

static unsigned long long us(const struct timeval *time)
{
	return time->tv_sec * 1000000ULL + time->tv_usec;
}

static void test_quanta(void)
{
	unsigned long long ran, sum = 0;
	struct json_object *counters;
	struct rows rows;
	size_t slept = 0, i;
	struct rusage usage;
	pid_t pid;

	start_collector("quanta", "");
	pid = fork();
	if (!pid)
		nap();
	if (wait4(pid, NULL, 0, &usage) != pid)
		bail("wait4");
	ran = us(&usage.ru_utime) + us(&usage.ru_stime);
	counters = stop_collector("quanta");
	read_rows("quanta", &rows);
	for (i = 0; i < rows.nr; i++) {
		const struct quanta_key *key = row_key(&rows, i);
		const struct quanta_row *row = row_value(&rows, i);

		if (key->pid != pid)
			continue;
		slept += !row->preempted;
		sum += row->run / 1000;
	}
	/* A timer may be over before the sleep; locks and the exit are others. */
	ok(slept >= NAPS - 5 && slept < NAPS + 20, "each nap ends a quantum: %zu", slept);
	/* The times of a process leave interrupts out. */
	ok(sum >= ran * 7 / 10 && sum < ran * 2,
	   "quanta add up to the time that it ran: %llu us of %llu us", sum, ran);
	ok(books_balance(counters, quanta_stores), "the books balance");
	json_object_put(counters);
	free_rows(&rows);
	unregister_store("quanta");
}

int main(void)
{
	connect_family();
	test_trace();
	test_quanta();
	return done();
}
