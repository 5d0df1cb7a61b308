// SPDX-License-Identifier: GPL-2.0-only
/* kmlopsctl collector: programs that fill stores. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <json-c/json.h>

#include "collector.h"
#include "kmlopsctl.h"
#include "output.h"

static const char help[] =
	"kmlopsctl collector {list|show} [NAME]\n"
	"kmlopsctl collector start NAME [rows N] [model MODEL] [interval MS]\n"
	"kmlopsctl collector stop NAME\n"
	"\n"
	"rows N       retain N rows in each store (65536)\n"
	"model MODEL  call this model for each row, and keep its answers\n"
	"interval MS  time between two readings of a collector that reads files\n";

/* The next word is the name of a collector; NULL after a report if it is not. */
static const struct collector *collector_arg(struct args *args)
{
	const char *name = args_next(args, "the name of a collector");
	const struct collector *c;

	if (!name)
		return NULL;
	c = collector_find(name);
	if (!c)
		fail_usage("there is no collector \"%s\"; see: kmlopsctl collector list",
			   name);
	return c;
}

/* All collectors, or only the one that the next word names. */
static bool wanted_arg(struct args *args, const struct collector **only)
{
	*only = NULL;
	if (!args_empty(args)) {
		*only = collector_arg(args);
		if (!*only)
			return false;
	}
	return args_end(args);
}

static bool report_unreadable(int running)
{
	if (running >= 0)
		return false;
	fail(REFUSED, -running, "cannot see what runs: %s%s",
	     strerror(-running), running == -EACCES ? "; this needs root" : "");
	return true;
}

static struct json_object *strings_json(const char *const *strings)
{
	struct json_object *array = json_object_new_array();

	while (strings && *strings)
		json_object_array_add(array, json_object_new_string(*strings++));
	return array;
}

static struct json_object *collector_json(const struct collector *c, bool running)
{
	struct json_object *json = json_object_new_object();
	const char **stores = collector_stores(c);
	struct collector_needs needs;

	collector_needs(c, &needs);
	json_add_string(json, "name", c->name);
	json_add_string(json, "about", c->about);
	json_object_object_add(json, "running", json_object_new_boolean(running));
	json_object_object_add(json, "available",
			       json_object_new_boolean(!json_object_array_length(needs.missing)));
	json_object_object_add(json, "missing", json_object_get(needs.missing));
	json_object_object_add(json, "without", json_object_get(needs.without));
	json_object_object_add(json, "hooks", json_object_get(needs.hooks));
	collector_needs_free(&needs);
	json_object_object_add(json, "stores", strings_json(stores));
	free(stores);
	json_object_object_add(json, "model_inputs",
			       strings_json(c->model_inputs));
	return json;
}

static const char *text_of(struct json_object *json, const char *name)
{
	return json_object_get_string(json_object_object_get(json, name));
}

static uint64_t number_of(struct json_object *json, const char *name)
{
	return json_object_get_uint64(json_object_object_get(json, name));
}

static bool flag_of(struct json_object *json, const char *name)
{
	return json_object_get_boolean(json_object_object_get(json, name));
}

/* Elements of an array of strings in one line; to be freed. */
static char *joined(struct json_object *array, const char *between)
{
	char *all = xstrdup("");
	size_t i;

	for (i = 0; i < json_object_array_length(array); i++) {
		const char *s = json_object_get_string(json_object_array_get_idx(array, i));
		char *longer = xprintf("%s%s%s", all, i ? between : "", s);

		free(all);
		all = longer;
	}
	return all;
}

static void print_list(struct json_object *list)
{
	static const char *const headers[] = {
		"name", "running", "can run", "about", NULL
	};
	struct table *table = table_new(headers);
	size_t i;

	for (i = 0; i < json_object_array_length(list); i++) {
		struct json_object *json = json_object_array_get_idx(list, i);
		char *missing = joined(json_object_object_get(json, "missing"),
				       "; ");
		char *without = joined(json_object_object_get(json, "without"),
				       "; ");

		table_cell(table, "%s", text_of(json, "name"));
		table_cell(table, "%s", flag_of(json, "running") ? "yes" : "no");
		if (*missing)
			table_cell(table, "no: %s", missing);
		else if (*without)
			table_cell(table, "yes, but %s", without);
		else
			table_cell(table, "yes");
		table_cell(table, "%s", text_of(json, "about"));
		free(missing);
		free(without);
	}
	table_print(table);
}

static int cmd_list(struct args *args)
{
	struct json_object *list;
	const struct collector *only;
	int i, running;

	if (!wanted_arg(args, &only))
		return USAGE;
	list = json_object_new_array();
	for (i = 0; collectors[i]; i++) {
		if (only && collectors[i] != only)
			continue;
		running = collector_running(collectors[i]);
		if (report_unreadable(running)) {
			json_object_put(list);
			return REFUSED;
		}
		json_object_array_add(list, collector_json(collectors[i],
							   running));
	}
	if (opt_json()) {
		out_json_list(list);
	} else {
		print_list(list);
		json_object_put(list);
	}
	return DONE;
}

static void print_programs(struct json_object *programs)
{
	static const char *const headers[] = {
		"program", ">id", ">recursion misses", ">runs", ">ns per run", NULL
	};
	struct table *table = table_new(headers);
	size_t i;

	for (i = 0; i < json_object_array_length(programs); i++) {
		struct json_object *json = json_object_array_get_idx(programs, i);
		uint64_t runs = number_of(json, "run_count");

		table_cell(table, "%s", text_of(json, "name"));
		table_cell(table, "%" PRIu64, number_of(json, "id"));
		table_cell(table, "%" PRIu64, number_of(json, "recursion_misses"));
		/* Runs are counted only with sysctl kernel.bpf_stats_enabled. */
		if (runs) {
			table_cell(table, "%" PRIu64, runs);
			table_cell(table, "%" PRIu64,
				   number_of(json, "run_time_ns") / runs);
		} else {
			table_cell(table, "-");
			table_cell(table, "-");
		}
	}
	table_print(table);
}

static void print_state(const struct collector *c, struct json_object *json)
{
	struct json_object *counters = json_object_object_get(json, "counters");
	char *stores = joined(json_object_object_get(json, "stores"), ", ");
	const char *const *names = collector_counters(c);
	const char *model = text_of(json, "model");
	uint64_t one_in = number_of(json, "one_in");
	int i;

	printf("collector %s: %s, model %s, stores %s\n", c->name,
	       flag_of(json, "running") ? "running" : "stopped",
	       model ? model : "none", stores);
	for (i = 0; names[i]; i++)
		printf("%s%s %" PRIu64, i ? ", " : "", names[i],
		       number_of(counters, names[i]));
	puts("");
	if (one_in > 1)
		printf("one in %" PRIu64 "\n", one_in);
	if (flag_of(json, "running") && c->elf)
		print_programs(json_object_object_get(json, "programs"));
	free(stores);
}

/* What it does now, or did until it was stopped, after the name. */
static struct json_object *with_name(const struct collector *c, bool running,
				     struct json_object *state)
{
	struct json_object *json = json_object_new_object();

	json_add_string(json, "name", c->name);
	json_object_object_add(json, "running", json_object_new_boolean(running));
	if (!state)
		return json;
	json_object_object_foreach(state, key, value)
		json_object_object_add(json, key, json_object_get(value));
	json_object_put(state);
	return json;
}

static void out_state(const struct collector *c, struct json_object *json)
{
	if (opt_json()) {
		out_json(json);
		return;
	}
	if (json_object_object_get(json, "counters"))
		print_state(c, json);
	else
		printf("collector %s: not running\n", c->name);
	json_object_put(json);
}

/* The state of one collector as an object. */
static int show_one(const struct collector *c, struct json_object **json)
{
	struct json_object *state = NULL;
	int running = collector_running(c);

	if (report_unreadable(running))
		return REFUSED;
	if (running) {
		state = collector_state(c);
		if (!state)
			return REFUSED;
	}
	*json = with_name(c, running, state);
	return DONE;
}

static int cmd_show(struct args *args)
{
	struct json_object *list, *json;
	const struct collector *only;
	int i, code;

	if (!wanted_arg(args, &only))
		return USAGE;
	if (only) {
		code = show_one(only, &json);
		if (code == DONE)
			out_state(only, json);
		return code;
	}

	list = json_object_new_array();
	for (i = 0; collectors[i]; i++) {
		code = show_one(collectors[i], &json);
		if (code != DONE) {
			json_object_put(list);
			return code;
		}
		if (opt_json())
			json_object_array_add(list, json);
		else
			out_state(collectors[i], json);
	}
	if (opt_json())
		out_json_list(list);
	else
		json_object_put(list);
	return DONE;
}

static int cmd_start(struct args *args)
{
	static const char *const words[] = { "rows", "model", "interval", NULL };
	struct collector_options options = { 0 };
	const struct collector *c = collector_arg(args);
	struct json_object *json;
	const char *word;
	int code;

	if (!c)
		return USAGE;
	while (!args_empty(args)) {
		switch (args_word(args, "option of collector start", words)) {
		case 0:
			word = args_next(args, "the number of rows");
			if (!word || !parse_u64("the number of rows", word,
						&options.rows))
				return USAGE;
			if (!options.rows)
				return fail_usage("the number of rows cannot be 0");
			break;
		case 1:
			options.model = args_next(args, "the name of the model");
			if (!options.model)
				return USAGE;
			break;
		case 2:
			word = args_next(args, "the interval");
			if (!word || !parse_u64("the interval", word,
						&options.interval))
				return USAGE;
			if (!options.interval || options.interval > 86400000)
				return fail_usage("an interval is from 1 to 86400000 ms");
			options.interval *= 1000000;
			break;
		default:
			return USAGE;
		}
	}

	code = collector_start(c, &options);
	if (code != DONE)
		return code;
	code = show_one(c, &json);
	if (code == DONE)
		out_state(c, json);
	return code;
}

static int cmd_stop(struct args *args)
{
	const struct collector *c = collector_arg(args);
	struct json_object *final;
	int code;

	if (!c || !args_end(args))
		return USAGE;
	code = collector_stop(c, &final);
	if (code == DONE)
		out_state(c, with_name(c, false, final));
	else
		json_object_put(final);
	return code;
}

static const struct command commands[] = {
	{ .name = "list", .func = cmd_list },
	{ .name = "show", .func = cmd_show },
	{ .name = "start", .func = cmd_start },
	{ .name = "stop", .func = cmd_stop },
	{ .name = NULL }
};

int do_collector(struct args *args)
{
	return command_run(args, "command of collector", commands, help);
}
