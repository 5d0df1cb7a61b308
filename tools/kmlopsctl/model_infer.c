// SPDX-License-Identifier: GPL-2.0-only
/* kmlopsctl model infer: input vectors to a model in the kernel, answers back. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/kernmlops_model.h>

#include "kmlopsctl.h"
#include "model.h"
#include "netlink.h"
#include "output.h"
#include "vectors.h"

/* Vectors in one request, in bytes. */
#define PART_SIZE	(32 * 1024)
/* Runs that the kernel times in one request. */
#define TIMES_MAX	16000

struct answers {
	int64_t *output;	/* vectors * outputs words */
	uint32_t version;	/* of the first answer */
	bool mixed;		/* versions */
	uint32_t words;		/* expected in the next reply */
	int64_t *next;
	uint32_t *times;	/* nr_times of them */
	size_t nr_times;
};

static int on_answers(struct nlmsghdr *nlh, void *arg)
{
	struct nlattr *tb[KERNMLOPS_A_MODEL_MAX + 1];
	struct answers *answers = arg;
	uint32_t version;
	int err;

	err = nlc_parse(nlh, tb, KERNMLOPS_A_MODEL_MAX);
	if (err)
		return err;
	/* A new version may have other outputs. */
	if (!tb[KERNMLOPS_A_MODEL_OUTPUT] ||
	    nla_len(tb[KERNMLOPS_A_MODEL_OUTPUT]) !=
	    answers->words * sizeof(int64_t))
		return -EBADMSG;
	memcpy(answers->next, nla_data(tb[KERNMLOPS_A_MODEL_OUTPUT]),
	       answers->words * sizeof(int64_t));
	if (tb[KERNMLOPS_A_MODEL_TIMES]) {
		size_t bytes = nla_len(tb[KERNMLOPS_A_MODEL_TIMES]);

		memcpy(answers->times + answers->nr_times,
		       nla_data(tb[KERNMLOPS_A_MODEL_TIMES]), bytes);
		answers->nr_times += bytes / sizeof(*answers->times);
	}
	version = nlc_uint(tb[KERNMLOPS_A_MODEL_VERSION]);
	if (!answers->version)
		answers->version = version;
	if (version != answers->version)
		answers->mixed = true;
	return 0;
}

/* What was asked for on the command line. */
struct request {
	struct model model;
	uint32_t version;	/* 0: the active one */
	uint32_t repeat;
	struct vectors vectors;
};

/* Run @nr vectors from @at on; time @repeat runs of them. */
static int infer_part(const struct request *request, struct answers *answers,
		      size_t at, size_t nr, uint32_t repeat)
{
	const struct vectors *vectors = &request->vectors;
	struct nl_msg *msg = nlc_new(KERNMLOPS_CMD_MODEL_INFER);

	answers->next = answers->output + at * request->model.outputs;
	answers->words = nr * request->model.outputs;
	nlc_put_string(msg, KERNMLOPS_A_MODEL_NAME, request->model.name);
	if (request->version)
		nlc_put_u32(msg, KERNMLOPS_A_MODEL_VERSION, request->version);
	nlc_put(msg, KERNMLOPS_A_MODEL_INPUT,
		vectors->words + at * vectors->width,
		nr * vectors->width * sizeof(int64_t));
	if (repeat)
		nlc_put_u32(msg, KERNMLOPS_A_MODEL_REPEAT, repeat);
	return nlc_request(msg, on_answers, answers);
}

static int infer(const struct request *request, struct answers *answers)
{
	uint32_t outputs = request->model.outputs;
	uint32_t width = request->vectors.width;
	size_t at, nr, most, total = request->vectors.nr;
	uint32_t left = request->repeat, repeat;
	int err = 0;

	/* As many at a time as both messages have room for. */
	most = PART_SIZE / sizeof(int64_t) / (width > outputs ? width : outputs);
	if (!most)
		most = 1;
	answers->output = xalloc(total * outputs * sizeof(int64_t));
	for (at = 0; at < total && !err; at += nr) {
		nr = total - at < most ? total - at : most;
		err = infer_part(request, answers, at, nr, 0);
	}
	if (!left)
		return err;

	answers->times = xalloc(left * sizeof(*answers->times));
	for (at = 0; left && !err; left -= repeat) {
		nr = total - at < most ? total - at : most;
		repeat = left < TIMES_MAX ? left : TIMES_MAX;
		err = infer_part(request, answers, at, nr, repeat);
		at = at + nr < total ? at + nr : 0;
	}
	return err;
}

static int compare_times(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* The time that so many percent of the runs did not exceed. */
static uint32_t percentile(const struct answers *answers, unsigned int percent)
{
	return answers->times[(answers->nr_times - 1) * percent / 100];
}

/* Fixed point as a decimal: the answer of a regressor is a score, too. */
static double decimal(const struct model *model, int64_t v)
{
	return ldexp((double)v, -(int)model->fraction_bits);
}

static struct json_object *output_json(const struct model *model,
				       const int64_t *output)
{
	struct json_object *json = json_object_new_object();
	struct json_object *scores = json_object_new_array();
	unsigned int i;

	json_add_int(json, "answer", output[0]);
	for (i = 1; i < model->outputs; i++)
		json_object_array_add(scores, json_object_new_int64(output[i]));
	json_object_object_add(json, "scores", scores);
	if (opt.format == FORMAT_JSONL)
		json_add_uint(json, "fraction_bits", model->fraction_bits);
	return json;
}

static void print_answers_json(const struct model *model,
			       const struct answers *answers, size_t nr)
{
	struct json_object *outputs = json_object_new_array();
	struct json_object *json;
	size_t i;

	for (i = 0; i < nr; i++)
		json_object_array_add(outputs,
				      output_json(model, answers->output +
						  i * model->outputs));
	if (opt.format == FORMAT_JSONL) {
		out_json_list(outputs);
		return;
	}
	json = json_object_new_object();
	json_add_string(json, "name", model->name);
	json_add_uint(json, "version", answers->version);
	json_add_uint(json, "fraction_bits", model->fraction_bits);
	json_object_object_add(json, "outputs", outputs);
	if (answers->nr_times) {
		json_add_uint(json, "repeat", answers->nr_times);
		json_add_uint(json, "p50_ns", percentile(answers, 50));
		json_add_uint(json, "p99_ns", percentile(answers, 99));
	}
	out_json(json);
}

static void print_answers_csv(const struct model *model,
			      const struct answers *answers, size_t nr)
{
	const int64_t *word = answers->output;
	unsigned int c;
	size_t i;

	fputs("answer", stdout);
	for (c = 1; c < model->outputs; c++)
		printf(",score_%u", c - 1);
	putchar('\n');
	for (i = 0; i < nr; i++)
		for (c = 0; c < model->outputs; c++)
			printf("%" PRId64 "%c", *word++,
			       c == model->outputs - 1 ? '\n' : ',');
}

static void print_answers(const struct model *model,
			  const struct answers *answers, size_t nr)
{
	const char **headers = xalloc((model->outputs + 1) * sizeof(*headers));
	bool is_class = model->task == KMLOPS_MODEL_TASK_CLASSIFY;
	const int64_t *word = answers->output;
	struct table *table;
	unsigned int c;
	size_t i;

	headers[0] = is_class ? ">class" : ">answer";
	for (c = 1; c < model->outputs; c++)
		headers[c] = xprintf(">score %u", c - 1);
	table = table_new(headers);
	for (i = 0; i < nr; i++) {
		for (c = 0; c < model->outputs; c++, word++) {
			if (!c && is_class)
				table_cell(table, "%" PRId64, *word);
			else
				table_cell(table, "%.9g", decimal(model, *word));
		}
	}
	table_print(table);
	for (c = 1; c < model->outputs; c++)
		free((char *)headers[c]);
	free(headers);
}

static void print_times(const struct answers *answers)
{
	char p50[HUMAN_LEN], p99[HUMAN_LEN];

	printf("\n%zu runs in the kernel: p50 %s, p99 %s\n", answers->nr_times,
	       human_ns(p50, percentile(answers, 50)),
	       human_ns(p99, percentile(answers, 99)));
}

static int run(const struct request *request)
{
	const struct model *model = &request->model;
	struct answers answers = { 0 };
	size_t nr = request->vectors.nr;
	int err;

	err = infer(request, &answers);
	if (err) {
		free(answers.times);
		free(answers.output);
		return nlc_report(err);
	}
	if (answers.nr_times)
		qsort(answers.times, answers.nr_times, sizeof(*answers.times),
		      compare_times);
	if (opt_json())
		print_answers_json(model, &answers, nr);
	else if (opt.format == FORMAT_CSV)
		print_answers_csv(model, &answers, nr);
	else
		print_answers(model, &answers, nr);
	if (answers.nr_times && opt.format == FORMAT_TABLE)
		print_times(&answers);
	if (answers.mixed)
		warn("a new version of %s was loaded meanwhile: the answers are from more than one version",
		     model->name);
	free(answers.times);
	free(answers.output);
	return DONE;
}

/* The words after the name, but for the vectors. An exit code. */
static int read_words(struct args *args, struct request *request,
		      const char **word, bool *is_file)
{
	static const char *const words[] = { "version", "input", "file", NULL };
	static const char *const after[] = { "repeat", NULL };
	const char *repeat;
	int i;

	i = args_word(args, "word of model infer", words);
	if (!i) {
		if (model_version_number(args, &request->version) != DONE)
			return USAGE;
		i = args_word(args, "the word input or file", words + 1) + 1;
	}
	if (i < 1)
		return USAGE;
	*is_file = i == 2;
	*word = args_next(args, *is_file ? "the name of the file" : "the input vector");
	if (!*word)
		return USAGE;
	if (args_empty(args))
		return DONE;
	if (args_word(args, "the word repeat", after))
		return USAGE;
	repeat = args_next(args, "the number of runs");
	if (!repeat || !parse_u32("repeat", repeat, &request->repeat))
		return USAGE;
	if (!request->repeat)
		return fail_usage("repeat has to be 1 or more");
	if (opt.format != FORMAT_TABLE && opt.format != FORMAT_JSON)
		return fail_usage("times have no output as %s",
				  format_names[opt.format]);
	return args_end(args) ? DONE : USAGE;
}

int model_infer(struct args *args)
{
	struct request request = { 0 };
	const char *name, *word;
	bool is_file;
	int code, err;

	if (opt.format >= FORMAT_NPY)
		return fail_usage("answers have no output as npy");
	name = args_next(args, "the name of the model");
	if (!name)
		return USAGE;
	code = read_words(args, &request, &word, &is_file);
	if (code != DONE)
		return code;

	err = model_find_version(name, request.version, &request.model);
	if (err)
		return nlc_report(err);
	code = is_file ? vectors_read(&request.vectors, &request.model, word) :
			 vectors_parse(&request.vectors, &request.model, word);
	if (code == DONE) {
		code = run(&request);
		vectors_free(&request.vectors);
	}
	model_free(&request.model);
	return code;
}
