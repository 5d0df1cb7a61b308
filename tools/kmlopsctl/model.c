// SPDX-License-Identifier: GPL-2.0-only
/* kmlopsctl model: models in the kernel. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/kernmlops_model.h>

#include "advise.h"
#include "compile.h"
#include "kmlops.h"
#include "kmlopsctl.h"
#include "model.h"
#include "model_format.h"
#include "netlink.h"
#include "output.h"

/* A part of a model file in one request. */
#define PART_SIZE	(32 * 1024)

static const char help[] =
	"kmlopsctl model load NAME file FILE [inactive] [path {scalar|avx2|avx512}]\n"
	"                    [work OPERATIONS] [memory BYTES]\n"
	"kmlopsctl model {show|list} [NAME [version N]]\n"
	"kmlopsctl model activate NAME version N\n"
	"kmlopsctl model rollback NAME [version N]\n"
	"kmlopsctl model remove NAME [version N]\n"
	"kmlopsctl model infer NAME [version N] {input V[,V...] | file CSV} [repeat N]\n"
	"kmlopsctl model verify file FILE\n"
	"kmlopsctl model compile NAME file FILE [output DIR] [kernel DIR] [devel DIR]\n"
	"                        [style {branches|tables}] [load]\n"
	"kmlopsctl model advise file FILE [rate EVENTS] [budget PERCENT]\n";

/* Numbers that this tool does not know have no word. */
const char *model_kind_name(uint32_t kind)
{
	switch (kind) {
	case KMLOPS_MODEL_KIND_LINEAR:
		return "linear";
	case KMLOPS_MODEL_KIND_MLP:
		return "mlp";
	case KMLOPS_MODEL_KIND_TREE:
		return "tree";
	case KMLOPS_MODEL_KIND_FOREST:
		return "forest";
	case KMLOPS_MODEL_KIND_BOOSTED:
		return "boosted";
	}
	return "?";
}

const char *model_task_name(uint32_t task)
{
	switch (task) {
	case KMLOPS_MODEL_TASK_REGRESSION:
		return "regression";
	case KMLOPS_MODEL_TASK_CLASSIFY:
		return "classify";
	case KMLOPS_MODEL_TASK_BINARY:
		return "binary";
	}
	return "?";
}

/* From netlink. */

static void add_path(struct model *model, struct nlattr *nest)
{
	struct nlattr *tb[KERNMLOPS_A_PATH_MAX + 1];
	struct model_path *path;

	if (model->nr_paths == MODEL_PATHS_MAX ||
	    nla_parse_nested(tb, KERNMLOPS_A_PATH_MAX, nest, NULL))
		return;
	path = &model->paths[model->nr_paths++];
	nlc_string(tb[KERNMLOPS_A_PATH_NAME], path->name, sizeof(path->name));
	path->time = nlc_uint(tb[KERNMLOPS_A_PATH_TIME]);
}

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
	model->work = nlc_uint(tb[KERNMLOPS_A_MODEL_WORK]);
	model->active = tb[KERNMLOPS_A_MODEL_ACTIVE];
	nlc_string(tb[KERNMLOPS_A_MODEL_PATH], model->path,
		   sizeof(model->path));

	nlc_for_each_attr(attr, nlh, rem) {
		char name[256];

		if (nla_type(attr) == KERNMLOPS_A_MODEL_PATH_TIME)
			add_path(model, attr);
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

/* A request about a version of a model; 0 is for none. */
static struct nl_msg *new_request(uint8_t cmd, const char *name,
				  uint32_t version)
{
	struct nl_msg *msg = nlc_new(cmd);

	nlc_put_string(msg, KERNMLOPS_A_MODEL_NAME, name);
	if (version)
		nlc_put_u32(msg, KERNMLOPS_A_MODEL_VERSION, version);
	return msg;
}

int model_find_version(const char *name, uint32_t version, struct model *model)
{
	*model = (struct model){ 0 };
	return nlc_request(new_request(KERNMLOPS_CMD_MODEL_GET, name, version),
			   on_model, model);
}

int model_find(const char *name, struct model *model)
{
	return model_find_version(name, 0, model);
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
	struct json_object *paths = json_object_new_array();
	char fingerprint[20];
	unsigned int i;

	for (i = 0; i < model->nr_paths; i++) {
		struct json_object *path = json_object_new_object();

		json_add_string(path, "name", model->paths[i].name);
		json_add_uint(path, "time", model->paths[i].time);
		json_object_array_add(paths, path);
	}

	for (i = 0; i < model->nr_input_names; i++)
		json_object_array_add(names,
				      json_object_new_string(model->input_names[i]));
	/* Readers of JSON that know only doubles would spoil the number. */
	snprintf(fingerprint, sizeof(fingerprint), "%016" PRIx64,
		 model->fingerprint);

	json_add_string(json, "name", model->name);
	json_add_uint(json, "version", model->version);
	json_object_object_add(json, "active",
			       json_object_new_boolean(model->active));
	json_add_string(json, "kind", model_kind_name(model->kind));
	json_add_string(json, "task", model_task_name(model->task));
	json_add_uint(json, "inputs", model->inputs);
	json_add_uint(json, "outputs", model->outputs);
	json_object_object_add(json, "input_name", names);
	json_add_uint(json, "bytes", model->bytes);
	json_add_uint(json, "depth", model->depth);
	json_add_uint(json, "work", model->work);
	json_add_uint(json, "fraction_bits", model->fraction_bits);
	json_add_string(json, "fingerprint", fingerprint);
	json_add_uint(json, "golden", model->golden);
	json_add_uint(json, "inferences", model->inferences);
	json_add_string(json, "path", model->path);
	json_object_object_add(json, "path_time", paths);
	return json;
}

static void print_model(const struct model *model)
{
	char bytes[HUMAN_LEN], time[HUMAN_LEN];
	unsigned int i;

	printf("model %s: version %u%s, %" PRIu64 " inferences\n", model->name,
	       model->version, model->active ? "" : " (not active)",
	       model->inferences);
	printf("kind %s, task %s, %s\n", model_kind_name(model->kind),
	       model_task_name(model->task), human_bytes(bytes, model->bytes));
	printf("at most %" PRIu64 " operations, %u scores with %u fraction bits\n",
	       model->work, model->outputs ? model->outputs - 1 : 0,
	       model->fraction_bits);
	printf("path %s of", model->path);
	for (i = 0; i < model->nr_paths; i++)
		printf("%s %s (%s)", i ? "," : "", model->paths[i].name,
		       human_ns(time, model->paths[i].time));
	printf("\ngolden vectors reproduced: %u\n", model->golden);
	printf("fingerprint %016" PRIx64 " of %u inputs:\n",
	       model->fingerprint, model->inputs);
	for (i = 0; i < model->nr_input_names; i++)
		printf("  %s\n", model->input_names[i]);
}

static void print_list(const struct model_list *list)
{
	static const char *const headers[] = {
		"name", ">version", "active", "kind", "task", ">inputs",
		">scores", ">work", ">memory", "path", ">inferences", NULL
	};
	struct table *table = table_new(headers);
	char bytes[HUMAN_LEN];
	unsigned int i;

	for (i = 0; i < list->nr; i++) {
		const struct model *model = &list->models[i];

		table_cell(table, "%s", model->name);
		table_cell(table, "%u", model->version);
		table_cell(table, "%s", model->active ? "yes" : "no");
		table_cell(table, "%s", model_kind_name(model->kind));
		table_cell(table, "%s", model_task_name(model->task));
		table_cell(table, "%u", model->inputs);
		table_cell(table, "%u", model->outputs - 1);
		table_cell(table, "%" PRIu64, model->work);
		table_cell(table, "%s", human_bytes(bytes, model->bytes));
		table_cell(table, "%s", model->path);
		table_cell(table, "%" PRIu64, model->inferences);
	}
	table_print(table);
}

/* Commands. */

int model_version_number(struct args *args, uint32_t *version)
{
	const char *word = args_next(args, "the number of the version");

	if (!word || !parse_u32("the version", word, version))
		return USAGE;
	return *version ? DONE : fail_usage("versions count from 1");
}

static int version_words(struct args *args, uint32_t *version)
{
	static const char *const words[] = { "version", NULL };

	if (args_word(args, "the word version", words))
		return USAGE;
	return model_version_number(args, version);
}

/* A name, and a version where there is one; nothing follows. */
static int name_words(struct args *args, const char **name, uint32_t *version)
{
	int code = DONE;

	*version = 0;
	*name = args_next(args, "the name of the model");
	if (!*name)
		return USAGE;
	if (!args_empty(args))
		code = version_words(args, version);
	return code == DONE && !args_end(args) ? USAGE : code;
}

static struct json_object *list_json(const struct model_list *list)
{
	struct json_object *array = json_object_new_array();
	unsigned int i;

	for (i = 0; i < list->nr; i++)
		json_object_array_add(array, model_json(&list->models[i]));
	return array;
}

/* What versions of the same name may differ in. */
static struct json_object *versions_json(const struct model_list *list)
{
	struct json_object *array = json_object_new_array();
	unsigned int i;

	for (i = 0; i < list->nr; i++) {
		struct json_object *json = json_object_new_object();
		const struct model *model = &list->models[i];

		json_add_uint(json, "version", model->version);
		json_object_object_add(json, "active",
				       json_object_new_boolean(model->active));
		json_add_uint(json, "bytes", model->bytes);
		json_add_uint(json, "work", model->work);
		json_add_string(json, "path", model->path);
		json_add_uint(json, "inferences", model->inferences);
		json_object_array_add(array, json);
	}
	return array;
}

static void print_show(const struct model *model, const struct model_list *list)
{
	struct json_object *json;

	if (!opt_json()) {
		print_model(model);
		if (list->nr > 1) {
			putchar('\n');
			print_list(list);
		}
		return;
	}
	json = model_json(model);
	if (list->nr)
		json_object_object_add(json, "versions",
				       versions_json(list));
	out_json(json);
}

static int show_version(const char *name, uint32_t version)
{
	const struct model_list none = { 0 };
	struct model model;
	int err;

	err = model_find_version(name, version, &model);
	if (err)
		return nlc_report(err);
	print_show(&model, &none);
	model_free(&model);
	return DONE;
}

/* All versions of a model: the active one, or else the newest, at length. */
static int show(const char *name)
{
	struct model_list list = { 0 };
	unsigned int i, nr = 0, at = 0;
	int err;

	err = nlc_dump_list(KERNMLOPS_CMD_MODEL_GET, on_list, free_list, &list);
	if (err) {
		free_list(&list);
		return nlc_report(err);
	}
	for (i = 0; i < list.nr; i++) {
		if (strcmp(list.models[i].name, name)) {
			model_free(&list.models[i]);
			continue;
		}
		if (list.models[i].active)
			at = nr;
		list.models[nr++] = list.models[i];
	}
	list.nr = nr;
	if (!nr) {
		free_list(&list);
		return show_version(name, 0);	/* says that there is none */
	}
	print_show(&list.models[at], &list);
	free_list(&list);
	return DONE;
}

static int cmd_list(struct args *args)
{
	struct model_list list = { 0 };
	const char *name;
	uint32_t version;
	int code, err;

	if (!args_empty(args)) {
		code = name_words(args, &name, &version);
		if (code != DONE)
			return code;
		return version ? show_version(name, version) : show(name);
	}
	err = nlc_dump_list(KERNMLOPS_CMD_MODEL_GET, on_list, free_list, &list);
	if (err) {
		free_list(&list);
		return nlc_report(err);
	}
	if (opt_json())
		out_json_list(list_json(&list));
	else
		print_list(&list);
	free_list(&list);
	return DONE;
}

/* In parts; the last one brings the model back. */
int model_send(const char *name, const uint8_t *data, uint32_t size,
	       const struct model_load *load, struct model *model)
{
	static const struct model_load as_usual;
	uint32_t offset, len;
	int err = 0;

	if (!load)
		load = &as_usual;
	for (offset = 0; offset < size && !err; offset += len) {
		struct nl_msg *msg = new_request(KERNMLOPS_CMD_MODEL_LOAD,
						 name, 0);

		len = size - offset < PART_SIZE ? size - offset : PART_SIZE;
		nlc_put_u32(msg, KERNMLOPS_A_MODEL_SIZE, size);
		nlc_put_u32(msg, KERNMLOPS_A_MODEL_OFFSET, offset);
		nlc_put(msg, KERNMLOPS_A_MODEL_DATA, data + offset, len);
		if (load->inactive)
			nlc_put(msg, KERNMLOPS_A_MODEL_INACTIVE, NULL, 0);
		if (load->path)
			nlc_put_string(msg, KERNMLOPS_A_MODEL_PATH, load->path);
		if (load->max_work)
			nlc_put_uint(msg, KERNMLOPS_A_MODEL_WORK_MAX,
				     load->max_work);
		if (load->max_memory)
			nlc_put_uint(msg, KERNMLOPS_A_MODEL_MEMORY_MAX,
				     load->max_memory);
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

const char *model_file_word(struct args *args)
{
	static const char *const words[] = { "file", NULL };

	if (args_word(args, "the word file", words))
		return NULL;
	return args_next(args, "the name of the file");
}

/* What follows the file: an exit code. */
static int load_words(struct args *args, struct model_load *load)
{
	static const char *const words[] = {
		"inactive", "path", "work", "memory", NULL
	};
	const char *word;

	while (!args_empty(args)) {
		int i = args_word(args, "word of model load", words);

		if (i < 0)
			return USAGE;
		if (!i) {
			load->inactive = true;
			continue;
		}
		word = args_next(args, i == 1 ? "the name of the path" :
				 "the number");
		if (!word)
			return USAGE;
		if (i == 1)
			load->path = word;
		else if (!parse_u64(words[i], word,
				    i == 2 ? &load->max_work :
				    &load->max_memory))
			return USAGE;
	}
	return DONE;
}

static int cmd_load(struct args *args)
{
	const char *name = args_next(args, "the name of the model");
	struct model_load load = { 0 };
	struct model model = { 0 };
	const char *path;
	uint8_t *data;
	size_t size;
	int code, err;

	if (!name)
		return USAGE;
	path = model_file_word(args);
	if (!path)
		return USAGE;
	code = load_words(args, &load);
	if (code == DONE)
		code = model_read_file(path, &data, &size);
	if (code != DONE)
		return code;

	err = model_send(name, data, size, &load, &model);
	if (err) {
		code = nlc_report(err);
		/* Was it what the file holds, or was it the request? */
		if (kmlops_verify(data, size, NULL) == err)
			code = UNVERIFIED;
	} else if (opt_json()) {
		out_json(model_json(&model));
	} else {
		printf("model %s: version %u%s, golden vectors reproduced: %u\n",
		       model.name, model.version,
		       model.active ? "" : " (not active)", model.golden);
	}
	model_free(&model);
	free(data);
	return code;
}

/* Commands that make another version the active one. */
static int switch_version(uint8_t cmd, const char *name, uint32_t version)
{
	struct model model = { 0 };
	int err;

	err = nlc_request(new_request(cmd, name, version), on_model, &model);
	if (err)
		return nlc_report(err);
	if (opt_json())
		out_json(model_json(&model));
	else
		printf("model %s: version %u is active\n", model.name,
		       model.version);
	model_free(&model);
	return DONE;
}

static int cmd_activate(struct args *args)
{
	const char *name = args_next(args, "the name of the model");
	uint32_t version;
	int code;

	if (!name)
		return USAGE;
	code = version_words(args, &version);
	if (code != DONE || !args_end(args))
		return USAGE;
	return switch_version(KERNMLOPS_CMD_MODEL_ACTIVATE, name, version);
}

static int cmd_rollback(struct args *args)
{
	const char *name;
	uint32_t version;
	int code = name_words(args, &name, &version);

	return code == DONE ?
	       switch_version(KERNMLOPS_CMD_MODEL_ROLLBACK, name, version) :
	       code;
}

static int cmd_remove(struct args *args)
{
	const char *name;
	uint32_t version;
	int code, err;

	code = name_words(args, &name, &version);
	if (code != DONE)
		return code;
	err = nlc_request(new_request(KERNMLOPS_CMD_MODEL_REMOVE, name,
				      version), NULL, NULL);
	return err ? nlc_report(err) : DONE;
}

static const struct command commands[] = {
	{ "show", cmd_list },
	{ "list", cmd_list },
	{ "load", cmd_load },
	{ "activate", cmd_activate },
	{ "rollback", cmd_rollback },
	{ "remove", cmd_remove },
	{ "infer", model_infer },
	{ "verify", model_verify },
	{ "compile", model_compile },
	{ "advise", model_advise },
	{ NULL, NULL }
};

int do_model(struct args *args)
{
	static const char *const tabular[] = { "infer", NULL };

	return command_run_tabular(args, "command of model", commands, tabular,
				   help);
}
