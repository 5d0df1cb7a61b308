// SPDX-License-Identifier: GPL-2.0-only
/*
 * kmlopsctl model advise: what each way to run a model takes on this machine,
 * and which one to take.
 *
 * Inference is measured here with the code that the kernel runs. What it does
 * around it is measured by its like: saving vector registers by XSAVE of all
 * that a user of AVX-512 has, which is what kernel_fpu_begin() does when a
 * process left something there; a decision in user space by an exchange of
 * messages with a thread that waits in epoll.
 */
#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <immintrin.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "advise.h"
#include "model.h"
#include "output.h"
#include "trial.h"
#include "when.h"

/* Code must gain this much over data, which is easier to replace. */
#define CODE_GAIN	1.25

#define EXCHANGES	2000

struct variant {
	const char *name;
	const char *where;	/* it can be called */
	uint64_t ns;		/* of an inference, 0: there is none here */
	uint64_t around_ns;	/* of what has to be done around it */
	uint64_t bytes;
};

/* Saving all register state that this machine has, once. */
__attribute__((target("xsave")))
static uint64_t xsave_ns(void)
{
	static uint8_t area[16 * 1024] __attribute__((aligned(64)));
	uint64_t best = UINT64_MAX, start, took;
	unsigned int a, b, c, d;
	int round, i;

	if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE))
		return 0;
	for (round = 0; round < 50; round++) {
		start = when_now();
		for (i = 0; i < 100; i++)
			_xsave64(area, ~0ULL);
		took = (when_now() - start) / 100;
		best = took < best ? took : best;
	}
	return best;
}

struct peer {
	int in;
	int out;
};

static void *answer_messages(void *arg)
{
	struct epoll_event event = { .events = EPOLLIN };
	const struct peer *peer = arg;
	int poll = epoll_create1(EPOLL_CLOEXEC);
	char message[64];

	epoll_ctl(poll, EPOLL_CTL_ADD, peer->in, &event);
	while (epoll_wait(poll, &event, 1, -1) >= 0 &&
	       read(peer->in, message, sizeof(message)) > 0)
		if (write(peer->out, message, sizeof(message)) < 0)
			break;
	close(poll);
	return NULL;
}

/* A message to a thread that waits for it, and its answer; 0 on failure. */
static uint64_t exchange_ns(void)
{
	uint64_t best = UINT64_MAX, start, took;
	int there[2], back[2], i;
	char message[64] = { 0 };
	struct peer peer;
	pthread_t thread;

	if (pipe2(there, O_CLOEXEC))
		return 0;
	if (pipe2(back, O_CLOEXEC)) {
		close(there[0]);
		close(there[1]);
		return 0;
	}
	peer = (struct peer){ .in = there[0], .out = back[1] };
	if (pthread_create(&thread, NULL, answer_messages, &peer)) {
		best = 0;
		goto out;
	}
	for (i = 0; i < EXCHANGES; i++) {
		start = when_now();
		if (write(there[1], message, sizeof(message)) < 0 ||
		    read(back[0], message, sizeof(message)) < 0)
			break;
		took = when_now() - start;
		best = took < best ? took : best;
	}
	close(there[1]);
	there[1] = -1;
	pthread_join(thread, NULL);
out:
	close(there[0]);
	if (there[1] >= 0)
		close(there[1]);
	close(back[0]);
	close(back[1]);
	return best;
}

static uint64_t cost(const struct variant *variant)
{
	return variant->ns + variant->around_ns;
}

struct advice {
	struct variant variants[KMLOPS_PATHS + 2];
	unsigned int nr;
	double rate;		/* events a second */
	double budget;		/* share of a CPU */
	const struct variant *take;
};

static void add(struct advice *advice, const char *name, const char *where,
		uint64_t ns, uint64_t around_ns, uint64_t bytes)
{
	advice->variants[advice->nr++] = (struct variant){
		name, where, ns, around_ns, bytes
	};
}

/* The cheapest; but code only if that is worth another module. */
static void choose(struct advice *advice)
{
	const struct variant *best = NULL, *code = NULL;
	unsigned int i;

	for (i = 0; i < advice->nr; i++) {
		const struct variant *variant = &advice->variants[i];

		if (!variant->ns)
			continue;
		if (!strcmp(variant->name, "compiled"))
			code = variant;
		else if (!best || cost(variant) < cost(best))
			best = variant;
	}
	advice->take = code && cost(code) * CODE_GAIN < cost(best) ? code : best;
}

static double load_of(const struct advice *advice, const struct variant *variant)
{
	return advice->rate * cost(variant) / 1e9;
}

static struct json_object *metrics_of(const struct trial *trial)
{
	struct json_object *provenance, *metrics = NULL;

	provenance = model_provenance(trial->file, trial->size);
	if (json_object_object_get_ex(provenance, "metrics", &metrics))
		metrics = json_object_get(metrics);
	json_object_put(provenance);
	return metrics;
}

static void add_double(struct json_object *to, const char *name, double v)
{
	json_object_object_add(to, name, json_object_new_double(v));
}

static void print_json(const struct advice *advice, const struct trial *trial)
{
	struct json_object *json = json_object_new_object();
	struct json_object *list = json_object_new_array();
	unsigned int i;
	bool fits;

	for (i = 0; i < advice->nr; i++) {
		const struct variant *variant = &advice->variants[i];
		struct json_object *one = json_object_new_object();

		json_add_string(one, "variant", variant->name);
		json_add_string(one, "where", variant->where);
		if (variant->ns) {
			json_add_uint(one, "ns", cost(variant));
			json_add_uint(one, "inference_ns", variant->ns);
			json_add_uint(one, "bytes", variant->bytes);
			add_double(one, "cpu", load_of(advice, variant));
		}
		json_object_array_add(list, one);
	}
	add_double(json, "rate", advice->rate);
	add_double(json, "budget", advice->budget);
	json_object_object_add(json, "metrics", metrics_of(trial));
	json_object_object_add(json, "variants", list);
	json_add_string(json, "take", advice->take->name);
	fits = load_of(advice, advice->take) <= advice->budget;
	json_object_object_add(json, "fits", json_object_new_boolean(fits));
	out_json(json);
}

static void print(const struct advice *advice, const struct trial *trial)
{
	static const char *const headers[] = {
		"variant", ">ns", ">of which model", ">bytes", ">CPU",
		"can be called", NULL
	};
	struct json_object *metrics = metrics_of(trial);
	const struct variant *take = advice->take;
	struct table *table = table_new(headers);
	char bytes[HUMAN_LEN];
	unsigned int i;

	for (i = 0; i < advice->nr; i++) {
		const struct variant *variant = &advice->variants[i];

		table_cell(table, "%s", variant->name);
		if (variant->ns) {
			table_cell(table, "%" PRIu64, cost(variant));
			table_cell(table, "%" PRIu64, variant->ns);
			table_cell(table, "%s", human_bytes(bytes, variant->bytes));
			table_cell(table, "%.3g%%", 100 * load_of(advice, variant));
			table_cell(table, "%s", variant->where);
		} else {
			table_cell(table, "-");
			table_cell(table, "-");
			table_cell(table, "-");
			table_cell(table, "-");
			table_cell(table, "not on this machine");
		}
	}
	table_print(table);
	printf("CPU at %g events a second. All variants give the same bits.\n",
	       advice->rate);
	if (metrics)
		printf("metrics in the file: %s\n",
		       json_object_to_json_string_ext(metrics,
						      JSON_C_TO_STRING_SPACED));
	json_object_put(metrics);

	if (load_of(advice, take) > advice->budget)
		printf("take %s, but that is more than %g%% of a CPU: a smaller model, or sample\n",
		       take->name, 100 * advice->budget);
	else if (!strcmp(take->name, "compiled"))
		printf("take compiled: kmlopsctl model compile %s file ... load\n",
		       trial->name);
	else if (!strcmp(take->name, "user space"))
		printf("take user space: the exchange is less than what the kernel would take\n");
	else
		printf("take %s: kmlopsctl model load %s file ...; the kernel chooses the path as here\n",
		       take->name, trial->name);
}

static void measure(struct advice *advice, const struct trial *trial)
{
	uint64_t save = xsave_ns(), best = UINT64_MAX, exchange;
	uint64_t branches, tables, bytes;
	enum kmlops_path path;

	for (path = 0; path < KMLOPS_PATH_CODE; path++) {
		uint64_t ns = 0;

		if (trial->engine->paths & KMLOPS_PATH_BIT(path))
			ns = trial_path(trial, path);
		if (ns && ns < best)
			best = ns;
		add(advice, kmlops_path_name(path),
		    path == KMLOPS_PATH_SCALAR ? "everywhere" :
		    "not in NMI; scalar is taken there", ns,
		    path == KMLOPS_PATH_SCALAR ? 0 : save, trial->engine->bytes);
	}

	branches = UINT64_MAX;
	tables = UINT64_MAX;
	bytes = 0;
	if (trial_has_trees(trial) &&
	    trial_code(trial, CODE_BRANCHES, &branches, &bytes) != DONE)
		branches = UINT64_MAX;
	if (trial_code(trial, CODE_TABLES, &tables, &bytes) != DONE)
		tables = UINT64_MAX;
	tables = branches < tables ? branches : tables;
	add(advice, "compiled", "everywhere", tables == UINT64_MAX ? 0 : tables,
	    0, bytes);

	exchange = exchange_ns();
	add(advice, "user space", "where the kernel can wait", exchange ? best : 0,
	    exchange, trial->engine->bytes);
	choose(advice);
}

static bool parse_number(const char *what, const char *word, double *number)
{
	char *end;

	errno = 0;
	*number = strtod(word, &end);
	if (errno || end == word || *end || !(*number > 0)) {
		fail_usage("\"%s\" is no %s", word, what);
		return false;
	}
	return true;
}

int model_advise(struct args *args)
{
	static const char *const words[] = { "file", "rate", "budget", NULL };
	struct advice advice = { .rate = 10000, .budget = 1 };
	char dir[] = "/tmp/kmlops-advise-XXXXXX";
	struct trial trial = { .name = "NAME", .dir = dir };
	const char *path = NULL;
	uint8_t *file;
	size_t size;
	char *infer;
	int code;

	while (!args_empty(args)) {
		int word = args_word(args, "the word file, rate or budget", words);
		const char *value = word < 0 ? NULL :
				    args_next(args, "what follows");

		if (!value)
			return USAGE;
		if (!word)
			path = value;
		else if (!parse_number(word == 1 ? "rate" : "percentage", value,
				       word == 1 ? &advice.rate : &advice.budget))
			return USAGE;
	}
	if (!path)
		return fail_usage("the word file and the name of the file are missing");
	advice.budget /= 100;

	code = model_read_file(path, &file, &size);
	if (code != DONE)
		return code;
	if (!mkdtemp(dir)) {
		free(file);
		return fail(REFUSED, errno, "cannot make %s: %s", dir,
			    strerror(errno));
	}
	code = trial_begin(&trial, path, file, size);
	if (code == DONE) {
		measure(&advice, &trial);
		if (opt_json())
			print_json(&advice, &trial);
		else
			print(&advice, &trial);
	}
	trial_end(&trial);
	infer = xprintf("%s/infer.h", dir);
	unlink(infer);
	free(infer);
	rmdir(dir);
	free(file);
	return code;
}
