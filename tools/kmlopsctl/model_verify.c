// SPDX-License-Identifier: GPL-2.0-only
/* kmlopsctl model verify: what the kernel would prove of a model file. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "kmlops.h"
#include "kmlopsctl.h"
#include "model.h"
#include "output.h"

static struct json_object *bounds_json(const struct kmlops_bounds *bounds)
{
	struct json_object *json = json_object_new_object();

	json_add_int(json, "min", bounds->min);
	json_add_int(json, "max", bounds->max);
	return json;
}

static struct json_object *layers_json(const struct kmlops_model_handle *handle)
{
	struct json_object *array = json_object_new_array();
	struct kmlops_layer_bounds layer;
	unsigned int i;

	for (i = 0; !kmlops_model_layer(handle, i, &layer); i++) {
		struct json_object *json = json_object_new_object();

		json_add_uint(json, "inputs", layer.nr_inputs);
		json_add_uint(json, "outputs", layer.nr_outputs);
		json_object_object_add(json, "acc", bounds_json(&layer.acc));
		json_add_uint(json, "acc_min_channel", layer.acc_min_channel);
		json_add_uint(json, "acc_max_channel", layer.acc_max_channel);
		json_object_object_add(json, "requantized",
				       bounds_json(&layer.requantized));
		json_object_object_add(json, "output",
				       bounds_json(&layer.output));
		json_add_uint(json, "work", layer.work);
		json_add_uint(json, "bytes", layer.bytes);
		json_object_array_add(array, json);
	}
	return array;
}

static struct json_object *scores_json(const struct kmlops_model_handle *handle)
{
	struct json_object *array = json_object_new_array();
	struct kmlops_bounds bounds;
	unsigned int i;

	for (i = 0; !kmlops_model_score(handle, i, &bounds); i++)
		json_object_array_add(array, bounds_json(&bounds));
	return array;
}

static struct json_object *inputs_json(const struct kmlops_model_handle *handle)
{
	struct json_object *array = json_object_new_array();
	const char *name;
	unsigned int i;

	for (i = 0; (name = kmlops_model_input_name(handle, i)); i++)
		json_object_array_add(array, json_object_new_string(name));
	return array;
}

static struct json_object *paths_json(const struct kmlops_model_handle *handle)
{
	struct json_object *array = json_object_new_array();
	struct kmlops_path_info path;
	unsigned int i;

	for (i = 0; !kmlops_model_path(handle, i, &path); i++) {
		struct json_object *json = json_object_new_object();

		json_add_string(json, "name", path.name);
		json_add_uint(json, "time", path.time);
		json_object_array_add(array, json);
	}
	return array;
}

static void print_json(const struct kmlops_model_handle *handle)
{
	const struct kmlops_model_info *info = kmlops_model_info(handle);
	struct json_object *json = json_object_new_object();
	struct kmlops_path_info path;
	char fingerprint[20];

	snprintf(fingerprint, sizeof(fingerprint), "%016" PRIx64,
		 info->fingerprint);
	json_add_string(json, "kind", model_kind_name(info->kind));
	json_add_string(json, "task", model_task_name(info->task));
	json_add_uint(json, "inputs", info->nr_inputs);
	json_add_uint(json, "outputs", info->nr_outputs);
	json_object_object_add(json, "input_name", inputs_json(handle));
	json_add_uint(json, "bytes", info->bytes);
	json_add_uint(json, "depth", info->depth);
	json_add_uint(json, "work", info->work);
	json_add_uint(json, "fraction_bits", info->fraction_bits);
	json_add_string(json, "fingerprint", fingerprint);
	json_add_uint(json, "golden", info->golden);
	kmlops_model_path(handle, info->path, &path);
	json_add_string(json, "path", path.name);
	json_object_object_add(json, "path_time", paths_json(handle));
	if (info->nr_layers) {
		json_object_object_add(json, "layers", layers_json(handle));
	} else {
		json_add_uint(json, "trees", info->nr_trees);
		json_add_uint(json, "nodes", info->nr_nodes);
	}
	json_object_object_add(json, "scores", scores_json(handle));
	out_json(json);
}

static void print_layers(const struct kmlops_model_handle *handle)
{
	static const char *const headers[] = {
		">layer", ">inputs", ">outputs", ">accumulator from", ">channel",
		">to", ">channel", ">output from", ">to", ">work", ">memory",
		NULL
	};
	struct table *table = table_new(headers);
	struct kmlops_layer_bounds layer;
	char bytes[HUMAN_LEN];
	unsigned int i;

	for (i = 0; !kmlops_model_layer(handle, i, &layer); i++) {
		table_cell(table, "%u", i);
		table_cell(table, "%u", layer.nr_inputs);
		table_cell(table, "%u", layer.nr_outputs);
		table_cell(table, "%" PRId64, layer.acc.min);
		table_cell(table, "%u", layer.acc_min_channel);
		table_cell(table, "%" PRId64, layer.acc.max);
		table_cell(table, "%u", layer.acc_max_channel);
		table_cell(table, "%" PRId64, layer.output.min);
		table_cell(table, "%" PRId64, layer.output.max);
		table_cell(table, "%" PRIu64, layer.work);
		table_cell(table, "%s", human_bytes(bytes, layer.bytes));
	}
	table_print(table);
}

static void print_scores(const struct kmlops_model_handle *handle)
{
	static const char *const headers[] = { ">score", ">from", ">to", NULL };
	struct table *table = table_new(headers);
	struct kmlops_bounds bounds;
	unsigned int i;

	for (i = 0; !kmlops_model_score(handle, i, &bounds); i++) {
		table_cell(table, "%u", i);
		table_cell(table, "%" PRId64, bounds.min);
		table_cell(table, "%" PRId64, bounds.max);
	}
	table_print(table);
}

static void print_proof(const struct kmlops_model_handle *handle,
			const char *file)
{
	const struct kmlops_model_info *info = kmlops_model_info(handle);
	char bytes[HUMAN_LEN], time[HUMAN_LEN];
	struct kmlops_path_info path;
	const char *name;
	unsigned int i;

	printf("%s: good\n", file);
	printf("kind %s, task %s, %s\n", model_kind_name(info->kind),
	       model_task_name(info->task), human_bytes(bytes, info->bytes));
	printf("at most %" PRIu64 " operations, %u scores with %u fraction bits\n",
	       info->work, info->nr_outputs - 1, info->fraction_bits);
	printf("paths, all with the same outputs:");
	for (i = 0; !kmlops_model_path(handle, i, &path); i++)
		printf("%s %s (%s)", i ? "," : "", path.name,
		       human_ns(time, path.time));
	printf("\ngolden vectors reproduced: %u\n", info->golden);
	printf("fingerprint %016" PRIx64 " of %u inputs:\n", info->fingerprint,
	       info->nr_inputs);
	for (i = 0; (name = kmlops_model_input_name(handle, i)); i++)
		printf("  %s\n", name);

	putchar('\n');
	if (info->nr_layers) {
		printf("Whatever the inputs:\n");
		print_layers(handle);
		return;
	}
	printf("Whatever the inputs, over %u tree%s of %u nodes, depth %u:\n",
	       info->nr_trees, info->nr_trees == 1 ? "" : "s", info->nr_nodes,
	       info->depth);
	print_scores(handle);
}

int model_verify(struct args *args)
{
	struct kmlops_model_handle *handle;
	char why[KMLOPS_WHY_LEN];
	const char *path;
	uint8_t *data;
	size_t size;
	int code;

	path = model_file_word(args);
	if (!path || !args_end(args))
		return USAGE;
	code = model_read_file(path, &data, &size);
	if (code != DONE)
		return code;
	handle = kmlops_model_open_buffer(data, size, why);
	code = errno;
	free(data);
	if (!handle)
		return fail(UNVERIFIED, code, "%s: %s", path, why);
	if (opt_json())
		print_json(handle);
	else
		print_proof(handle, path);
	kmlops_model_close(handle);
	return DONE;
}
