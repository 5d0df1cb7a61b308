// SPDX-License-Identifier: GPL-2.0-only
/*
 * The columns of packed rows: time and seq of the row, the fields of the key,
 * the fields of the value. Names are made unique by telling where they are from.
 */
#include <stdlib.h>
#include <string.h>
#include <linux/kernmlops.h>
#include <linux/kernmlops_row.h>

#include "columns.h"
#include "kmlopsctl.h"
#include "output.h"

static const char *const origin_names[] = {
	[COLUMN_ROW] = "row",
	[COLUMN_KEY] = "key",
	[COLUMN_VALUE] = "value",
};

static bool is_taken(const struct columns *columns, const char *name)
{
	unsigned int i;

	for (i = 0; i < columns->nr; i++)
		if (!strcmp(columns->columns[i].name, name))
			return true;
	return false;
}

/* "name": with what JSON needs escaped; rows are many, so this is done once. */
static char *json_name(const char *name)
{
	struct json_object *string = json_object_new_string(name);
	char *json;

	json = xprintf("%s:", json_object_to_json_string(string));
	json_object_put(string);
	return json;
}

static void add(struct columns *columns, enum column_origin origin,
		uint32_t base, const struct field *field)
{
	char *name = xstrdup(field->name);

	while (is_taken(columns, name)) {
		char *longer = xprintf("%s.%s", origin_names[origin], name);

		free(name);
		name = longer;
	}
	columns->columns[columns->nr++] = (struct column){
		.name = name,
		.json = json_name(name),
		.unit = field->unit,
		.type = field->type,
		.offset = base + field->offset,
		.count = field->count,
		.origin = origin,
	};
}

void columns_of_store(struct columns *columns, const struct store *store)
{
	static const struct field row[] = {
		{
			.name = "time", .unit = "ns", .count = 1,
			.type = KERNMLOPS_FIELD_TYPE_U64,
			.offset = offsetof(struct kmlops_row, time),
		}, {
			.name = "seq", .count = 1,
			.type = KERNMLOPS_FIELD_TYPE_U64,
			.offset = offsetof(struct kmlops_row, seq),
		},
	};
	uint32_t key_offset = sizeof(struct kmlops_row);
	unsigned int i;

	columns->nr = 0;
	columns->columns = xalloc((2 + store->key.nr + store->value.nr) *
				  sizeof(*columns->columns));
	columns->value_offset = key_offset + KMLOPS_ROW_PAD(store->key_size);
	columns->row_size = columns->value_offset +
			    KMLOPS_ROW_PAD(store->value_size);
	for (i = 0; i < 2; i++)
		add(columns, COLUMN_ROW, 0, &row[i]);
	for (i = 0; i < store->key.nr; i++)
		add(columns, COLUMN_KEY, key_offset, &store->key.fields[i]);
	for (i = 0; i < store->value.nr; i++)
		add(columns, COLUMN_VALUE, columns->value_offset,
		    &store->value.fields[i]);
}

void columns_free(struct columns *columns)
{
	unsigned int i;

	for (i = 0; i < columns->nr; i++) {
		free(columns->columns[i].name);
		free(columns->columns[i].json);
	}
	free(columns->columns);
	*columns = (struct columns){ 0 };
}

bool column_is_time(const struct column *column)
{
	return column->origin == COLUMN_ROW &&
	       column->offset == offsetof(struct kmlops_row, time);
}

struct json_object *columns_json(const struct columns *columns)
{
	struct json_object *array = json_object_new_array();
	unsigned int i;

	for (i = 0; i < columns->nr; i++) {
		const struct column *column = &columns->columns[i];
		struct json_object *json = json_object_new_object();

		json_add_string(json, "name", column->name);
		json_add_string(json, "type", field_type_name(column->type));
		json_add_uint(json, "count", column->count);
		if (column->unit)
			json_add_string(json, "unit", column->unit);
		json_add_string(json, "origin", origin_names[column->origin]);
		json_object_array_add(array, json);
	}
	return array;
}

static bool column_is(const struct column *column, struct json_object *json)
{
	struct json_object *name = NULL, *type = NULL, *count = NULL, *origin = NULL;

	json_object_object_get_ex(json, "name", &name);
	json_object_object_get_ex(json, "type", &type);
	json_object_object_get_ex(json, "count", &count);
	json_object_object_get_ex(json, "origin", &origin);
	return name && type && count && origin &&
	       !strcmp(json_object_get_string(name), column->name) &&
	       !strcmp(json_object_get_string(type), field_type_name(column->type)) &&
	       !strcmp(json_object_get_string(origin), origin_names[column->origin]) &&
	       json_object_get_uint64(count) == column->count;
}

bool columns_are(const struct columns *columns, struct json_object *json)
{
	unsigned int i;

	if (!json_object_is_type(json, json_type_array) ||
	    json_object_array_length(json) != columns->nr)
		return false;
	for (i = 0; i < columns->nr; i++)
		if (!column_is(&columns->columns[i],
			       json_object_array_get_idx(json, i)))
			return false;
	return true;
}
