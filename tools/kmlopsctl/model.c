// SPDX-License-Identifier: GPL-2.0-only
/* kmlopsctl model: models in the kernel, and model files. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/kernmlops_model.h>

#include "advise.h"
#include "kmlops.h"
#include "kmlopsctl.h"
#include "model.h"
#include "model_format.h"
#include "netlink.h"
#include "output.h"
#include "vectors.h"

/* A part of a model file in one request. */
#define PART_SIZE	(32 * 1024)

static const char help[] =
	"kmlopsctl model load NAME file FILE\n"
	"kmlopsctl model {show|list} [NAME]\n"
	"kmlopsctl model remove NAME\n"
	"kmlopsctl model infer NAME {input V[,V...] | file CSV}\n"
	"kmlopsctl model verify file FILE\n"
	"kmlopsctl model advise file FILE [rate EVENTS] [budget PERCENT]\n";

/* The words of the format; numbers that this tool does not know have none. */
static const char *const kind_names[] = {
	[KMLOPS_MODEL_KIND_LINEAR] = "linear",
	[KMLOPS_MODEL_KIND_MLP] = "mlp",
	[KMLOPS_MODEL_KIND_TREE] = "tree",
	[KMLOPS_MODEL_KIND_FOREST] = "forest",
	[KMLOPS_MODEL_KIND_BOOSTED] = "boosted",
};

static const char *const task_names[] = {
	[KMLOPS_MODEL_TASK_REGRESSION] = "regression",
	[KMLOPS_MODEL_TASK_CLASSIFY] = "classify",
	[KMLOPS_MODEL_TASK_BINARY] = "binary",
};

#define NAME_OF(names, i) \
	((i) && (i) < sizeof(names) / sizeof((names)[0]) ? (names)[i] : "?")

/* From netlink. */

static int parse_model(struct nlmsghdr *nlh, struct model *model)
{
	struct nlattr *tb[KERNMLOPS_A_MODEL_MAX + 1], *attr;
	int err, rem;

	*model = (struct model){ 0 };
	err = nlc_parse(nlh, tb, KERNMLOPS_A_MODEL_MAX);
	if (err)
		return err;
	nlc_string(tb[KERNMLOPS_A_MODEL_NAME], model->name,
		   sizeof(model->name));
	model->version = nlc_uint(tb[KERNMLOPS_A_MODEL_VERSION]);
	model->kind = nlc_uint(tb[KERNMLOPS_A_MODEL_KIND]);
	model->task = nlc_uint(tb[KERNMLOPS_A_MODEL_TASK]);
	model->inputs = nlc_uint(tb[KERNMLOPS_A_MODEL_INPUTS]);
	model->outputs = nlc_uint(tb[KERNMLOPS_A_MODEL_OUTPUTS]);
	model->bytes = nlc_uint(tb[KERNMLOPS_A_MODEL_BYTES]);
	model->depth = nlc_uint(tb[KERNMLOPS_A_MODEL_DEPTH]);
	model->fraction_bits = nlc_uint(tb[KERNMLOPS_A_MODEL_FRACTION_BITS]);
	model->fingerprint = nlc_uint(tb[KERNMLOPS_A_MODEL_FINGERPRINT]);
	model->golden = nlc_uint(tb[KERNMLOPS_A_MODEL_GOLDEN]);
	model->inferences = nlc_uint(tb[KERNMLOPS_A_MODEL_INFERENCES]);

	nlc_for_each_attr(attr, nlh, rem) {
		char name[256];

		if (nla_type(attr) != KERNMLOPS_A_MODEL_INPUT_NAME)
			continue;
		nlc_string(attr, name, sizeof(name));
		model->input_names = xrealloc(model->input_names,
					      (model->nr_input_names + 1) *
					      sizeof(*model->input_names));
		model->input_names[model->nr_input_names++] = xstrdup(name);
	}
	return 0;
}

void model_free(struct model *model)
{
	unsigned int i;

	for (i = 0; i < model->nr_input_names; i++)
		free(model->input_names[i]);
	free(model->input_names);
	*model = (struct model){ 0 };
}

static int on_model(struct nlmsghdr *nlh, void *arg)
{
	model_free(arg);
	return parse_model(nlh, arg);
}

int model_find(const char *name, struct model *model)
{
	struct nl_msg *msg = nlc_new(KERNMLOPS_CMD_MODEL_GET);

	*model = (struct model){ 0 };
	nlc_put_string(msg, KERNMLOPS_A_MODEL_NAME, name);
	return nlc_request(msg, on_model, model);
}

struct model_list {
	struct model *models;
	unsigned int nr;
};

static int on_list(struct nlmsghdr *nlh, void *arg)
{
	struct model_list *list = arg;
	int err;

	list->models = xrealloc(list->models, (list->nr + 1) *
				sizeof(*list->models));
	err = parse_model(nlh, &list->models[list->nr]);
	if (!err)
		list->nr++;
	return err;
}

static void free_list(void *arg)
{
	struct model_list *list = arg;
	unsigned int i;

	for (i = 0; i < list->nr; i++)
		model_free(&list->models[i]);
	free(list->models);
	*list = (struct model_list){ 0 };
}

/* Output. */

struct json_object *model_json(const struct model *model)
{
	struct json_object *json = json_object_new_object();
	struct json_object *names = json_object_new_array();
	char fingerprint[20];
	unsigned int i;

	for (i = 0; i < model->nr_input_names; i++)
		json_object_array_add(names,
				      json_object_new_string(model->input_names[i]));
	/* Readers of JSON that know only doubles would spoil the number. */
	snprintf(fingerprint, sizeof(fingerprint), "%016" PRIx64,
		 model->fingerprint);

	if (model->name[0]) {	/* not of a file */
		json_add_string(json, "name", model->name);
		json_add_uint(json, "version", model->version);
	}
	json_add_string(json, "kind", NAME_OF(kind_names, model->kind));
	json_add_string(json, "task", NAME_OF(task_names, model->task));
	json_add_uint(json, "inputs", model->inputs);
	json_add_uint(json, "outputs", model->outputs);
	json_object_object_add(json, "input_name", names);
	json_add_uint(json, "bytes", model->bytes);
	json_add_uint(json, "depth", model->depth);
	json_add_uint(json, "fraction_bits", model->fraction_bits);
	json_add_string(json, "fingerprint", fingerprint);
	json_add_uint(json, "golden", model->golden);
	if (model->name[0])
		json_add_uint(json, "inferences", model->inferences);
	return json;
}

static void print_model(const struct model *model)
{
	char bytes[HUMAN_LEN];
	unsigned int i;

	printf("kind %s, task %s, %s\n", NAME_OF(kind_names, model->kind),
	       NAME_OF(task_names, model->task),
	       human_bytes(bytes, model->bytes));
	printf("at most %u comparisons, %u scores with %u fraction bits\n",
	       model->depth, model->outputs ? model->outputs - 1 : 0,
	       model->fraction_bits);
	printf("golden vectors reproduced: %u\n", model->golden);
	printf("fingerprint %016" PRIx64 " of %u inputs:\n",
	       model->fingerprint, model->inputs);
	for (i = 0; i < model->nr_input_names; i++)
		printf("  %s\n", model->input_names[i]);
}

static void print_list(const struct model_list *list)
{
	static const char *const headers[] = {
		"name", ">version", "kind", "task", ">inputs", ">scores",
		">depth", ">memory", ">inferences", NULL
	};
	struct table *table = table_new(headers);
	char bytes[HUMAN_LEN];
	unsigned int i;

	for (i = 0; i < list->nr; i++) {
		const struct model *model = &list->models[i];

		table_cell(table, "%s", model->name);
		table_cell(table, "%u", model->version);
		table_cell(table, "%s", NAME_OF(kind_names, model->kind));
		table_cell(table, "%s", NAME_OF(task_names, model->task));
		table_cell(table, "%u", model->inputs);
		table_cell(table, "%u", model->outputs - 1);
		table_cell(table, "%u", model->depth);
		table_cell(table, "%s", human_bytes(bytes, model->bytes));
		table_cell(table, "%" PRIu64, model->inferences);
	}
	table_print(table);
}

/* Commands. */

static int cmd_list(struct args *args)
{
	struct model_list list = { 0 };
	struct json_object *array;
	struct model model;
	const char *name;
	unsigned int i;
	int err;

	if (!args_empty(args)) {
		name = args_next(args, "the name of a model");
		if (!args_end(args))
			return USAGE;
		err = model_find(name, &model);
		if (err)
			return nlc_report(err);
		if (opt_json()) {
			out_json(model_json(&model));
		} else {
			printf("model %s: version %u, %" PRIu64 " inferences\n",
			       model.name, model.version, model.inferences);
			print_model(&model);
		}
		model_free(&model);
		return DONE;
	}

	err = nlc_dump_list(KERNMLOPS_CMD_MODEL_GET, on_list, free_list, &list);
	if (err) {
		free_list(&list);
		return nlc_report(err);
	}
	if (opt_json()) {
		array = json_object_new_array();
		for (i = 0; i < list.nr; i++)
			json_object_array_add(array,
					      model_json(&list.models[i]));
		out_json_list(array);
	} else {
		print_list(&list);
	}
	free_list(&list);
	return DONE;
}

int model_send(const char *name, const uint8_t *data, uint32_t size,
	       struct model *model)
{
	uint32_t offset, len;
	int err = 0;

	for (offset = 0; offset < size && !err; offset += len) {
		struct nl_msg *msg = nlc_new(KERNMLOPS_CMD_MODEL_LOAD);

		len = size - offset < PART_SIZE ? size - offset : PART_SIZE;
		nlc_put_string(msg, KERNMLOPS_A_MODEL_NAME, name);
		nlc_put_u32(msg, KERNMLOPS_A_MODEL_SIZE, size);
		nlc_put_u32(msg, KERNMLOPS_A_MODEL_OFFSET, offset);
		nlc_put(msg, KERNMLOPS_A_MODEL_DATA, data + offset, len);
		err = nlc_request(msg, on_model, model);
	}
	return err;
}

int model_read_file(const char *path, uint8_t **data, size_t *size)
{
	size_t room = 0;
	FILE *file;
	int code = DONE;

	*data = NULL;
	*size = 0;
	file = fopen(path, "rbe");
	if (!file)
		return fail(REFUSED, errno, "cannot read %s: %s", path,
			    strerror(errno));
	do {
		if (*size == room) {
			room = room ? 2 * room : 64 * 1024;
			*data = xrealloc(*data, room);
		}
		*size += fread(*data + *size, 1, room - *size, file);
	} while (!feof(file) && !ferror(file) && *size <= UINT32_MAX);

	if (ferror(file))
		code = fail(REFUSED, errno, "cannot read %s: %s", path,
			    strerror(errno));
	else if (!*size)
		code = fail(UNVERIFIED, EINVAL, "%s is empty", path);
	else if (*size > UINT32_MAX)
		code = fail(UNVERIFIED, EFBIG,
			    "%s is too large for a model file", path);
	fclose(file);
	if (code != DONE)
		free(*data);
	return code;
}

/* @data must have been admitted by libkmlops. */
struct json_object *model_provenance(const uint8_t *data, size_t size)
{
	const struct kmlops_section *section;
	struct kmlops_refusal refusal;
	struct kmlops_model_file model;
	struct json_object *json = NULL;
	struct json_tokener *tokener;

	if (!kmlops_model_file_parse(data, size, &model, &refusal)) {
		section = &model.sections[KMLOPS_MODEL_SECTION_PROVENANCE];
		tokener = json_tokener_new();
		json = json_tokener_parse_ex(tokener, section->data,
					     section->size);
		json_tokener_free(tokener);
	}
	if (!json_object_is_type(json, json_type_object)) {
		json_object_put(json);
		json = json_object_new_object();
	}
	return json;
}

static const char *file_word(struct args *args)
{
	static const char *const words[] = { "file", NULL };
	const char *path;

	if (args_word(args, "the word file", words))
		return NULL;
	path = args_next(args, "the name of the file");
	return path && args_end(args) ? path : NULL;
}

static int cmd_load(struct args *args)
{
	const char *name = args_next(args, "the name of the model");
	struct model model = { 0 };
	const char *path;
	uint8_t *data;
	size_t size;
	int code, err;

	if (!name)
		return USAGE;
	path = file_word(args);
	if (!path)
		return USAGE;
	code = model_read_file(path, &data, &size);
	if (code != DONE)
		return code;

	err = model_send(name, data, size, &model);
	if (err) {
		code = nlc_report(err);
		/* Was it what the file holds, or was it the name? */
		if ((err == -EINVAL || err == -EBADMSG ||
		     err == -EOPNOTSUPP) &&
		    kmlops_model_verify(data, size, NULL))
			code = UNVERIFIED;
	} else if (opt_json()) {
		out_json(model_json(&model));
	} else {
		printf("model %s: version %u, golden vectors reproduced: %u\n",
		       model.name, model.version, model.golden);
	}
	model_free(&model);
	free(data);
	return code;
}

static int cmd_remove(struct args *args)
{
	const char *name = args_next(args, "the name of the model");
	struct nl_msg *msg;
	int err;

	if (!name || !args_end(args))
		return USAGE;
	msg = nlc_new(KERNMLOPS_CMD_MODEL_REMOVE);
	nlc_put_string(msg, KERNMLOPS_A_MODEL_NAME, name);
	err = nlc_request(msg, NULL, NULL);
	return err ? nlc_report(err) : DONE;
}

static int cmd_verify(struct args *args)
{
	struct kmlops_model_handle *handle;
	const struct kmlops_model_info *info;
	char why[KMLOPS_WHY_LEN];
	struct model model;
	const char *path;
	uint8_t *data;
	unsigned int i;
	size_t size;
	int code;

	path = file_word(args);
	if (!path)
		return USAGE;
	code = model_read_file(path, &data, &size);
	if (code != DONE)
		return code;
	handle = kmlops_model_open_buffer(data, size, why);
	free(data);
	if (!handle)
		return fail(UNVERIFIED, errno, "%s: %s", path, why);

	info = kmlops_model_info(handle);
	model = (struct model){
		.kind = info->kind,
		.task = info->task,
		.inputs = info->nr_inputs,
		.outputs = info->nr_outputs,
		.depth = info->depth,
		.fraction_bits = info->fraction_bits,
		.golden = info->golden,
		.fingerprint = info->fingerprint,
		.bytes = info->bytes,
		.nr_input_names = info->nr_inputs,
		.input_names = xalloc(info->nr_inputs *
				      sizeof(*model.input_names)),
	};
	for (i = 0; i < info->nr_inputs; i++)
		model.input_names[i] =
			xstrdup(kmlops_model_input_name(handle, i));
	kmlops_model_close(handle);

	if (opt_json()) {
		out_json(model_json(&model));
	} else {
		printf("%s: good\n", path);
		print_model(&model);
	}
	model_free(&model);
	return DONE;
}

/* Inference. */

struct answers {
	int64_t *output;	/* vectors * outputs words */
	uint32_t version;	/* of the first answer */
	bool mixed;		/* versions */
	uint32_t words;		/* expected in the next reply */
	int64_t *next;
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
	version = nlc_uint(tb[KERNMLOPS_A_MODEL_VERSION]);
	if (!answers->version)
		answers->version = version;
	if (version != answers->version)
		answers->mixed = true;
	return 0;
}

static int infer(const struct model *model, const struct vectors *vectors,
		 struct answers *answers)
{
	uint32_t in = vectors->width * sizeof(int64_t);
	uint32_t out = model->outputs * sizeof(int64_t);
	size_t at, nr, most;
	int err = 0;

	/* As many at a time as both messages have room for. */
	most = PART_SIZE / (in > out ? in : out);
	if (!most)
		most = 1;
	answers->output = xalloc(vectors->nr * out);
	for (at = 0; at < vectors->nr && !err; at += nr) {
		struct nl_msg *msg = nlc_new(KERNMLOPS_CMD_MODEL_INFER);

		nr = vectors->nr - at < most ? vectors->nr - at : most;
		answers->next = answers->output + at * model->outputs;
		answers->words = nr * model->outputs;
		nlc_put_string(msg, KERNMLOPS_A_MODEL_NAME, model->name);
		nlc_put(msg, KERNMLOPS_A_MODEL_INPUT,
			vectors->words + at * vectors->width, nr * in);
		err = nlc_request(msg, on_answers, answers);
	}
	return err;
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

static int run_infer(const struct model *model, const struct vectors *vectors)
{
	struct answers answers = { 0 };
	int err;

	err = infer(model, vectors, &answers);
	if (err) {
		free(answers.output);
		return nlc_report(err);
	}
	if (opt_json())
		print_answers_json(model, &answers, vectors->nr);
	else if (opt.format == FORMAT_CSV)
		print_answers_csv(model, &answers, vectors->nr);
	else
		print_answers(model, &answers, vectors->nr);
	if (answers.mixed)
		warn("a new version of %s was loaded meanwhile: the answers are from more than one version",
		     model->name);
	free(answers.output);
	return DONE;
}

static int cmd_infer(struct args *args)
{
	static const char *const words[] = { "input", "file", NULL };
	const char *name, *word;
	struct vectors vectors;
	struct model model;
	int code, err, i;

	if (opt.format >= FORMAT_NPY)
		return fail_usage("answers have no output as npy");
	name = args_next(args, "the name of the model");
	if (!name)
		return USAGE;
	i = args_word(args, "the word input or file", words);
	if (i < 0)
		return USAGE;
	word = args_next(args, i ? "the name of the file" : "the input vector");
	if (!word || !args_end(args))
		return USAGE;

	err = model_find(name, &model);
	if (err)
		return nlc_report(err);
	code = i ? vectors_read(&vectors, &model, word) :
		   vectors_parse(&vectors, &model, word);
	if (code == DONE) {
		code = run_infer(&model, &vectors);
		vectors_free(&vectors);
	}
	model_free(&model);
	return code;
}

static const struct command commands[] = {
	{ "show", cmd_list },
	{ "list", cmd_list },
	{ "load", cmd_load },
	{ "remove", cmd_remove },
	{ "infer", cmd_infer },
	{ "verify", cmd_verify },
	{ "advise", model_advise },
	{ NULL, NULL }
};

int do_model(struct args *args)
{
	static const char *const tabular[] = { "infer", NULL };

	return command_run_tabular(args, "command of model", commands, tabular,
				   help);
}
