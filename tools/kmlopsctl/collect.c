// SPDX-License-Identifier: GPL-2.0-only
/*
 * kmlopsctl collect: run a workload, capture around it, and keep what was
 * captured in a directory. What is captured is written as it comes:
 *
 *	DIR/run.json			what this is; complete at the end
 *	DIR/STORE/part-N.FORMAT, _meta.json	see export.h
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "collect_guard.h"
#include "collector.h"
#include "draft.h"
#include "export.h"
#include "kmlopsctl.h"
#include "netlink.h"
#include "output.h"
#include "store.h"
#include "system_info.h"
#include "when.h"

#define NSEC_PER_SEC	1000000000ULL
#define NSEC_PER_MSEC	1000000ULL

#define TICK		(250 * NSEC_PER_MSEC)
/* Rows wait no longer than this for their file... */
#define PART_TIME	(2 * NSEC_PER_SEC)
/* ...and not until this part of their store is full. */
#define PART_FILL	4
/* The command gets so long to end by itself. */
#define GRACE		(5 * NSEC_PER_SEC)
#define ONE_IN_MAX	65536

static const char help[] =
	"kmlopsctl collect collectors NAME,... [duration SECONDS] [to DIR] [rows N]\n"
	"        [budget PERCENT] [format FORMAT] [interval MS] [-- COMMAND [ARGUMENT...]]\n"
	"\n"
	"collectors NAME,...  what to capture; all: what can run here. Or -c NAME,...\n"
	"duration SECONDS     end after that long, or when COMMAND ends. Or -d SECONDS\n"
	"to DIR               the new directory (run-TIME). Or -o DIR\n"
	"rows N               retain N rows in each store (65536)\n"
	"budget PERCENT       of one CPU, for each collector: above it makes rows of fewer\n"
	"                     events, at random\n"
	"format FORMAT        arrow, parquet, npy, csv or jsonl (arrow)\n"
	"interval MS          between two readings of a collector that reads files\n";

struct kept_store {
	const char *name;
	struct store store;	/* what it is */
	uint64_t before[4];	/* its counters at the start, as the next four */
	struct export_order order;
	struct export *export;
	bool registered;	/* by us */
	uint64_t captured;	/* since then, so far */
	uint64_t overwritten;
	uint64_t dropped;
	uint64_t truncated;
	uint64_t written_at;
};

struct kept_collector {
	const struct collector *c;
	bool started;
	uint32_t one_in;
	uint64_t cpu_ns;	/* when it was looked at last */
	struct json_object *final;	/* its state at the end */
};

struct collect {
	/* What was asked for. */
	char *names;
	char *dir;
	uint64_t duration;	/* ns; 0: no limit */
	struct collector_options options;
	double budget;		/* percent; 0: none */
	enum format format;
	struct args command;

	struct kept_collector *collectors;
	unsigned int nr_collectors;
	struct kept_store *stores;
	unsigned int nr_stores;

	struct guard guard;
	int stats;		/* holds BPF statistics on */
	sigset_t signals;
	uint64_t began;		/* rows count from here on */
	uint64_t going;		/* all collectors run, and so does the command */
	uint64_t ended;
	uint64_t budget_at;
	struct json_object *sampling;	/* what the budget made us do, and when */
	struct json_object *system;

	pid_t pid;		/* of the command; 0: none, or it has ended */
	int status;		/* of wait() */
	bool has_status;
	bool interrupted;
};

/* ---- the command line */

static bool parse_number(const char *what, const char *word, double most,
			 double *number)
{
	char *end;

	if (!word)
		return false;
	errno = 0;
	*number = strtod(word, &end);
	if (*word >= '0' && *word <= '9' && !*end && !errno && *number > 0 &&
	    *number <= most)
		return true;
	fail_usage("%s has to be a number above 0, and at most %.0f, not \"%s\"",
		   what, most, word);
	return false;
}

static bool parse_format(const char *word, enum format *format)
{
	int i = word ? word_find("format", word, format_names) : -1;

	if (i < 0)
		return false;
	if (i == FORMAT_TABLE || i == FORMAT_JSON) {
		fail_usage("a run is not kept as %s", format_names[i]);
		return false;
	}
	*format = i;
	return true;
}

static bool parse_option(struct collect *run, struct args *args)
{
	static const char *const words[] = {
		"collectors", "-c", "duration", "-d", "to", "-o", "rows",
		"budget", "format", "interval", NULL
	};
	int option = args_word(args, "option of collect", words);
	const char *word;
	double number;

	if (option < 0)
		return false;
	word = args_next(args, "what stands behind it");
	if (!word)
		return false;
	switch (option) {
	case 0 ... 1:
		free(run->names);
		run->names = xstrdup(word);
		return true;
	case 2 ... 3:
		if (!parse_number("the duration", word, 1e9, &number))
			return false;
		run->duration = number * NSEC_PER_SEC;
		return true;
	case 4 ... 5:
		free(run->dir);
		run->dir = xstrdup(word);
		return true;
	case 6:
		if (!parse_u64("the number of rows", word, &run->options.rows))
			return false;
		if (run->options.rows)
			return true;
		fail_usage("the number of rows cannot be 0");
		return false;
	case 7:
		return parse_number("the budget", word, 100, &run->budget);
	case 8:
		return parse_format(word, &run->format);
	default:
		if (!parse_number("the interval", word, 86400000, &number))
			return false;
		run->options.interval = number * NSEC_PER_MSEC;
		return true;
	}
}

static void add_collector(struct collect *run, const struct collector *c)
{
	unsigned int i;

	for (i = 0; i < run->nr_collectors; i++)
		if (run->collectors[i].c == c)
			return;
	run->collectors = xrealloc(run->collectors, (run->nr_collectors + 1) *
				   sizeof(*run->collectors));
	run->collectors[run->nr_collectors++] = (struct kept_collector){
		.c = c,
		.one_in = 1,
	};
}

static bool can_run(const struct collector *c)
{
	struct collector_needs needs;
	bool good;

	collector_needs(c, &needs);
	good = !json_object_array_length(needs.missing);
	collector_needs_free(&needs);
	return good;
}

static bool parse_names(struct collect *run)
{
	char *names, *rest, *name;
	bool good = true;
	int i;

	if (!run->names) {
		fail_usage("what to collect is missing: collectors NAME,...; see: kmlopsctl collector list");
		return false;
	}
	names = xstrdup(run->names);
	rest = names;
	while (good && (name = strsep(&rest, ","))) {
		const struct collector *c = collector_find(name);

		if (!strcmp(name, "all")) {
			for (i = 0; collectors[i]; i++)
				if (can_run(collectors[i]))
					add_collector(run, collectors[i]);
		} else if (c) {
			add_collector(run, c);
		} else {
			fail_usage("there is no collector \"%s\"; see: kmlopsctl collector list",
				   name);
			good = false;
		}
	}
	free(names);
	return good;
}

static bool parse(struct collect *run, struct args *args)
{
	struct tm tm;
	time_t clock;
	char text[32];

	while (!args_empty(args)) {
		if (!strcmp(args->argv[0], "--")) {
			args->argc--;
			args->argv++;
			run->command = *args;
			if (args_empty(args)) {
				fail_usage("the command is missing behind --");
				return false;
			}
			break;
		}
		if (!parse_option(run, args))
			return false;
	}
	if (!parse_names(run))
		return false;
	if (!run->dir) {
		clock = time(NULL);
		strftime(text, sizeof(text), "run-%Y%m%d-%H%M%S",
			 localtime_r(&clock, &tm));
		run->dir = xstrdup(text);
	}
	return true;
}

/* ---- run.json */

static struct json_object *command_json(const struct collect *run)
{
	struct json_object *array;
	int i;

	if (!run->command.argc)
		return NULL;
	array = json_object_new_array();
	for (i = 0; i < run->command.argc; i++)
		json_object_array_add(array,
				      json_object_new_string(run->command.argv[i]));
	return array;
}

static struct json_object *collectors_json(const struct collect *run)
{
	struct json_object *json = json_object_new_object();
	unsigned int i;

	for (i = 0; i < run->nr_collectors; i++)
		json_object_object_add(json, run->collectors[i].c->name,
				       json_object_get(run->collectors[i].final));
	return json;
}

static struct json_object *stores_json(const struct collect *run)
{
	struct json_object *json = json_object_new_object();
	unsigned int i;

	for (i = 0; i < run->nr_stores; i++) {
		const struct kept_store *kept = &run->stores[i];
		struct json_object *store = json_object_new_object();

		json_add_uint(store, "captured", kept->captured);
		json_add_uint(store, "overwritten", kept->overwritten);
		json_add_uint(store, "dropped", kept->dropped);
		json_add_uint(store, "truncated", kept->truncated);
		if (kept->export) {
			json_add_uint(store, "rows",
				      export_rows_written(kept->export));
			json_add_uint(store, "lost",
				      export_rows_lost(kept->export));
		}
		json_object_object_add(json, kept->name, store);
	}
	return json;
}

static void add_status(const struct collect *run, struct json_object *json)
{
	bool exited = run->has_status && WIFEXITED(run->status);
	bool killed = run->has_status && WIFSIGNALED(run->status);

	json_object_object_add(json, "exit_code", exited ?
			       json_object_new_int(WEXITSTATUS(run->status)) : NULL);
	json_object_object_add(json, "signal", killed ?
			       json_object_new_int(WTERMSIG(run->status)) : NULL);
}

static struct json_object *run_json(const struct collect *run, const char *state)
{
	struct json_object *json = json_object_new_object();

	json_add_string(json, "kmlopsctl", KMLOPS_VERSION);
	json_add_string(json, "state", state);
	json_add_string(json, "clock", "CLOCK_MONOTONIC");
	json_add_uint(json, "began", run->began);
	json_object_object_add(json, "going", run->going ?
			       json_object_new_uint64(run->going) : NULL);
	json_object_object_add(json, "ended", run->ended ?
			       json_object_new_uint64(run->ended) : NULL);
	json_add_int(json, "realtime_offset_ns",
		     when_realtime_offset(run->began));
	json_add_string(json, "format", format_names[run->format]);
	json_object_object_add(json, "command", command_json(run));
	add_status(run, json);
	json_object_object_add(json, "budget_percent", run->budget > 0 ?
			       json_object_new_double(run->budget) : NULL);
	/* From each time on, a row stands for so many events. */
	json_object_object_add(json, "sampling", json_object_get(run->sampling));
	json_object_object_add(json, "collectors", collectors_json(run));
	json_object_object_add(json, "stores", stores_json(run));
	json_object_object_add(json, "system", json_object_get(run->system));
	return json;
}

static int write_run(const struct collect *run, const char *state)
{
	struct json_object *json = run_json(run, state);
	char *name = xprintf("%s/run.json", run->dir);
	int flags = JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
		    JSON_C_TO_STRING_NOSLASHESCAPE;
	const char *text = json_object_to_json_string_ext(json, flags);
	struct draft draft;
	int code = draft_open(&draft, name);

	if (code == DONE)
		fprintf(draft.out, "%s\n", text);
	code = draft_close(&draft, code);
	json_object_put(json);
	free(name);
	return code;
}

/* ---- stores */

static void add_store(struct collect *run, const char *name)
{
	struct kept_store *kept;
	struct store store;

	run->stores = xrealloc(run->stores, (run->nr_stores + 1) *
			       sizeof(*run->stores));
	kept = &run->stores[run->nr_stores++];
	*kept = (struct kept_store){ .name = name };
	kept->registered = store_find(name, &store) == -ENOENT;
	if (kept->registered)
		return;
	kept->before[0] = store.captured;
	kept->before[1] = store.overwritten;
	kept->before[2] = store.dropped;
	kept->before[3] = store.truncated;
	store_free(&store);
}

static int open_exports(struct collect *run)
{
	unsigned int i;
	int err;

	for (i = 0; i < run->nr_stores; i++) {
		struct kept_store *kept = &run->stores[i];

		err = store_find(kept->name, &kept->store);
		if (err)
			return nlc_report(err);
		kept->order = (struct export_order){
			.dir = run->dir,
			.format = run->format,
			.range = { .has_from = true, .from = run->began },
		};
		kept->export = export_open(&kept->store, &kept->order);
		if (!kept->export)
			return REFUSED;
		kept->written_at = when_now();
	}
	return DONE;
}

/* What the kernel counted since the start. */
static int look_at_store(struct kept_store *kept)
{
	struct store store;
	int err = store_find(kept->name, &store);

	if (err)
		return nlc_report(err);
	kept->captured = store.captured - kept->before[0];
	kept->overwritten = store.overwritten - kept->before[1];
	kept->dropped = store.dropped - kept->before[2];
	kept->truncated = store.truncated - kept->before[3];
	store_free(&store);
	return DONE;
}

static int write_rows(struct collect *run, bool all)
{
	unsigned int i;
	int code;

	for (i = 0; i < run->nr_stores; i++) {
		struct kept_store *kept = &run->stores[i];
		int64_t waiting;

		code = look_at_store(kept);
		if (code != DONE)
			return code;
		waiting = kept->captured - export_rows_written(kept->export) -
			  export_rows_lost(kept->export);
		if (!all && waiting < (int64_t)kept->store.rows / PART_FILL &&
		    when_now() - kept->written_at < PART_TIME)
			continue;
		code = export_more(kept->export);
		if (code != DONE)
			return code;
		kept->written_at = when_now();
	}
	return DONE;
}

/* ---- the command */

/* It waits for the end of the pipe *@go, which is its start. */
static int start_command(struct collect *run, int *go)
{
	int start[2];
	char byte;

	*go = -1;
	if (!run->command.argc)
		return DONE;
	if (pipe(start))
		return fail(REFUSED, errno, "cannot make a pipe: %s",
			    strerror(errno));
	fflush(stdout);
	run->pid = fork();
	if (run->pid < 0)
		return fail(REFUSED, errno, "cannot start %s: %s",
			    run->command.argv[0], strerror(errno));
	if (!run->pid) {
		sigset_t none;

		close(start[1]);
		if (read(start[0], &byte, 1) != 1)
			_exit(127);
		close(start[0]);
		guard_forget(&run->guard);
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		execvp(run->command.argv[0], run->command.argv);
		fprintf(stderr, "kmlopsctl: cannot run %s: %s\n",
			run->command.argv[0], strerror(errno));
		_exit(127);
	}
	close(start[0]);
	*go = start[1];
	return DONE;
}

static bool command_ended(struct collect *run)
{
	if (run->pid && waitpid(run->pid, &run->status, WNOHANG) == run->pid) {
		run->pid = 0;
		run->has_status = true;
	}
	return run->has_status;
}

/* Ask it to end, and make it end if it does not. */
static void end_command(struct collect *run)
{
	uint64_t until = when_now() + GRACE;

	if (!run->pid || command_ended(run))
		return;
	kill(run->pid, run->interrupted ? SIGINT : SIGTERM);
	while (!command_ended(run) && when_now() < until)
		usleep(10000);
	if (command_ended(run))
		return;
	kill(run->pid, SIGKILL);
	waitpid(run->pid, &run->status, 0);
	run->has_status = true;
	run->pid = 0;
}

/* ---- the budget */

static uint64_t cpu_time_of(const struct collector *c)
{
	struct json_object *state = collector_state(c);
	uint64_t ns;

	if (!state)
		return 0;
	ns = json_object_get_uint64(json_object_object_get(state, "cpu_ns"));
	json_object_put(state);
	return ns;
}

static void note_sampling(struct collect *run, const struct kept_collector *kept,
			  double used)
{
	struct json_object *json = json_object_new_object();

	json_add_uint(json, "time", when_now());
	json_add_string(json, "collector", kept->c->name);
	json_add_uint(json, "one_in", kept->one_in);
	json_object_object_add(json, "cpu_percent", json_object_new_double(used));
	json_object_array_add(run->sampling, json);
}

/*
 * What a collector used since the last look decides how many events make a
 * row: fewer at once when it was too much, more again step by step.
 */
static double keep_to_budget(struct collect *run, struct kept_collector *kept,
			     uint64_t time)
{
	uint64_t cpu_ns = cpu_time_of(kept->c);
	double used = 100.0 * (cpu_ns - kept->cpu_ns) / time;
	uint32_t one_in = kept->one_in;

	kept->cpu_ns = cpu_ns;
	if (run->budget <= 0)
		return used;
	if (used > run->budget)
		one_in = one_in * (used / run->budget) + 1;
	else if (used < run->budget / 2)
		one_in /= 2;
	if (one_in < 1)
		one_in = 1;
	if (one_in > ONE_IN_MAX)
		one_in = ONE_IN_MAX;
	if (one_in != kept->one_in && collector_sample(kept->c, one_in) == DONE) {
		kept->one_in = one_in;
		note_sampling(run, kept, used);
	}
	return used;
}

static double look_at_collectors(struct collect *run)
{
	uint64_t time = when_now() - run->budget_at;
	double used = 0;
	unsigned int i;

	for (i = 0; i < run->nr_collectors; i++)
		used += keep_to_budget(run, &run->collectors[i], time);
	run->budget_at = when_now();
	return used;
}

/* ---- capture */

/* @time: since @last rows were captured. */
static void show_progress(const struct collect *run, double cpu, uint64_t time,
			  uint64_t *last)
{
	uint64_t captured = 0, lost = 0, dropped = 0, rate;
	unsigned int i;

	for (i = 0; i < run->nr_stores; i++) {
		captured += run->stores[i].captured;
		dropped += run->stores[i].dropped;
		lost += export_rows_lost(run->stores[i].export);
	}
	rate = (captured - *last) * NSEC_PER_SEC / time;
	fprintf(stderr, "\r%" PRIu64 " s  %" PRIu64 " rows  %" PRIu64 "/s  ",
		(uint64_t)((when_now() - run->going) / NSEC_PER_SEC), captured,
		rate);
	fprintf(stderr, "%" PRIu64 " lost  %" PRIu64 " dropped  %.1f %% of a CPU\033[K",
		lost, dropped, cpu);
	*last = captured;
}

/* A signal that ends the capture, within a tick. */
static bool wait_tick(struct collect *run)
{
	struct timespec tick = { .tv_nsec = TICK };
	int signal = sigtimedwait(&run->signals, NULL, &tick);

	run->interrupted |= signal == SIGINT || signal == SIGTERM ||
			    signal == SIGHUP;
	return run->interrupted;
}

static int capture(struct collect *run)
{
	bool progress = isatty(STDERR_FILENO), over = false;
	uint64_t shown = when_now(), last = 0, time;
	int code = DONE;

	run->going = when_now();
	run->budget_at = run->going;
	while (code == DONE && !over) {
		over = wait_tick(run) || command_ended(run) ||
		       (run->duration && when_now() - run->going >= run->duration);
		code = write_rows(run, false);
		time = when_now() - shown;
		if (time >= NSEC_PER_SEC) {
			double cpu = look_at_collectors(run);

			if (progress)
				show_progress(run, cpu, time, &last);
			shown += time;
		}
	}
	if (progress)
		fputs("\r\033[K", stderr);
	return code;
}

static int start_collectors(struct collect *run)
{
	unsigned int i;
	int code;

	for (i = 0; i < run->nr_collectors; i++) {
		struct kept_collector *kept = &run->collectors[i];
		struct collector_options options = run->options;

		if (!kept->c->poller)
			options.interval = 0;
		code = collector_start(kept->c, &options);
		if (code != DONE)
			return code;
		kept->started = true;
	}
	return DONE;
}

static int stop_collectors(struct collect *run)
{
	unsigned int i;
	int code = DONE;

	for (i = 0; i < run->nr_collectors; i++) {
		struct kept_collector *kept = &run->collectors[i];

		if (kept->started &&
		    collector_stop(kept->c, &kept->final) != DONE)
			code = REFUSED;
		kept->started = false;
	}
	return code;
}

/* A row of the command is between the start and the end of the collectors. */
static int capture_around(struct collect *run)
{
	int go, code;

	code = start_command(run, &go);
	if (code == DONE)
		code = start_collectors(run);
	if (code == DONE)
		code = open_exports(run);
	if (code == DONE)
		code = write_run(run, "running");
	if (go >= 0) {
		if (code == DONE && write(go, "", 1) != 1)
			code = fail(REFUSED, errno, "cannot start the command");
		close(go);
	}
	if (code == DONE)
		code = capture(run);
	end_command(run);
	run->ended = when_now();
	if (stop_collectors(run) != DONE)
		code = REFUSED;
	return code;
}

static int close_exports(struct collect *run, int code)
{
	unsigned int i;

	if (code == DONE)
		code = write_rows(run, true);
	for (i = 0; i < run->nr_stores; i++)
		if (run->stores[i].export)
			look_at_store(&run->stores[i]);
	if (code != DONE)
		write_run(run, "failed");
	else
		code = write_run(run, run->interrupted ? "interrupted" :
							 "complete");
	return code;
}

/* ---- the whole */

static void print_run(const struct collect *run)
{
	static const char *const headers[] = {
		"store", ">rows", ">captured", ">overwritten", ">dropped",
		">lost", NULL
	};
	struct table *table = table_new(headers);
	unsigned int i;

	for (i = 0; i < run->nr_stores; i++) {
		const struct kept_store *kept = &run->stores[i];

		table_cell(table, "%s", kept->name);
		table_cell(table, "%" PRIu64, export_rows_written(kept->export));
		table_cell(table, "%" PRIu64, kept->captured);
		table_cell(table, "%" PRIu64, kept->overwritten);
		table_cell(table, "%" PRIu64, kept->dropped);
		table_cell(table, "%" PRIu64, export_rows_lost(kept->export));
	}
	table_print(table);
	printf("%s: %.1f s", run->dir,
	       (double)(run->ended - run->going) / NSEC_PER_SEC);
	if (run->has_status && WIFEXITED(run->status))
		printf(", the command exited with %d", WEXITSTATUS(run->status));
	else if (run->has_status)
		printf(", the command was ended by signal %d",
		       WTERMSIG(run->status));
	puts(run->interrupted ? ", interrupted" : "");
}

static void finish(struct collect *run, int *code)
{
	unsigned int i;

	for (i = 0; i < run->nr_stores; i++) {
		struct kept_store *kept = &run->stores[i];

		if (kept->export) {
			int closed = export_close(kept->export);

			if (*code == DONE)
				*code = closed;
		}
		store_free(&kept->store);
		if (kept->registered)
			store_unregister(kept->name);
	}
	for (i = 0; i < run->nr_collectors; i++)
		json_object_put(run->collectors[i].final);
	json_object_put(run->sampling);
	json_object_put(run->system);
	if (run->stats >= 0)
		close(run->stats);
	free(run->stores);
	free(run->collectors);
	free(run->names);
	free(run->dir);
}

static int prepare(struct collect *run)
{
	unsigned int i, s;
	int err;

	err = nlc_now(&run->began);
	if (err)
		return nlc_report(err);
	for (i = 0; i < run->nr_collectors; i++) {
		const struct collector *c = run->collectors[i].c;
		const char **names = collector_stores(c);

		if (collector_running(c) > 0) {
			free(names);
			return fail(REFUSED, EBUSY,
				    "%s is running already; stop it with: kmlopsctl collector stop %s",
				    c->name, c->name);
		}
		for (s = 0; names[s]; s++)
			add_store(run, names[s]);
		free(names);
	}
	if (mkdir(run->dir, 0777))
		return fail(REFUSED, errno, errno == EEXIST ?
			    "%s is there already" :
			    "cannot make the directory %s: %s", run->dir,
			    strerror(errno));
	run->sampling = json_object_new_array();
	run->system = system_info_json();
	/* So that the kernel measures what its programs take. */
	run->stats = bpf_enable_stats(BPF_STATS_RUN_TIME);

	sigemptyset(&run->signals);
	sigaddset(&run->signals, SIGINT);
	sigaddset(&run->signals, SIGTERM);
	sigaddset(&run->signals, SIGHUP);
	sigaddset(&run->signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &run->signals, NULL);
	return DONE;
}

int do_collect(struct args *args)
{
	struct collect run = { .format = FORMAT_ARROW, .stats = -1 };
	const struct collector **guarded;
	unsigned int i;
	int code = USAGE;

	if (!args_empty(args) && !strcmp(args->argv[0], "help")) {
		fputs(help, stderr);
		return DONE;
	}
	if (!parse(&run, args))
		goto out;
	code = prepare(&run);
	if (code != DONE)
		goto out;
	guarded = xalloc((run.nr_collectors + 1) * sizeof(*guarded));
	for (i = 0; i < run.nr_collectors; i++)
		guarded[i] = run.collectors[i].c;
	code = guard_start(&run.guard, guarded);
	if (code == DONE) {
		code = capture_around(&run);
		code = close_exports(&run, code);
		guard_end(&run.guard);
	}
	free(guarded);
	if (code == DONE && opt_json())
		out_json(run_json(&run, run.interrupted ? "interrupted" :
							  "complete"));
	else if (code == DONE)
		print_run(&run);
out:
	finish(&run, &code);
	return code;
}
