// SPDX-License-Identifier: GPL-2.0-only
/* Recorded tables, by their descriptions: see export.h. */
#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <linux/kernmlops.h>

#include "kmlopsctl.h"
#include "map_new.h"
#include "recorded.h"

/* ---- which there are */

static struct json_object *member(struct json_object *json, const char *name)
{
	struct json_object *value = NULL;

	json_object_object_get_ex(json, name, &value);
	return value;
}

/* Takes @path over; what its description says, if it has one. */
static void add(struct recorded **tables, unsigned int *nr, char *path)
{
	struct json_object *name, *meta;
	struct recorded *table;
	struct stat info;
	char *about;

	about = xprintf(!stat(path, &info) && S_ISDIR(info.st_mode) ?
			"%s/_meta.json" : "%s.meta.json", path);
	meta = json_object_from_file(about);
	*tables = xrealloc(*tables, (*nr + 1) * sizeof(**tables));
	table = &(*tables)[(*nr)++];
	*table = (struct recorded){
		.path = path,
		.store = json_object_get(member(meta, "store")),
	};
	name = member(table->store, "name");
	if (name)
		table->name = xstrdup(json_object_get_string(name));
	json_object_put(meta);
	free(about);
}

static void add_run(struct recorded **tables, unsigned int *nr, const char *dir)
{
	char *pattern = xprintf("%s/*/_meta.json", dir);
	glob_t found = { 0 };
	size_t i;

	if (!glob(pattern, 0, NULL, &found)) {
		for (i = 0; i < found.gl_pathc; i++) {
			char *path = xstrdup(found.gl_pathv[i]);

			*strrchr(path, '/') = 0;
			add(tables, nr, path);
		}
	}
	globfree(&found);
	free(pattern);
}

static void clear(struct recorded *table)
{
	free(table->path);
	free(table->name);
	json_object_put(table->store);
}

void recorded_free(struct recorded *tables, unsigned int nr)
{
	while (nr--)
		clear(&tables[nr]);
	free(tables);
}

/* Leave the one of @name alone, or the only one. */
static int choose(struct recorded *tables, unsigned int *nr, const char *path,
		  const char *name)
{
	struct recorded chosen;
	unsigned int i;

	for (i = 0; i < *nr; i++)
		if (tables[i].name && !strcmp(tables[i].name, name))
			break;
	if (i == *nr && *nr > 1)
		return fail(REFUSED, ENOENT,
			    "%s: it has nothing of store %s; take one of its directories, such as %s",
			    path, name, tables[0].path);
	if (i == *nr)
		i = 0;
	chosen = tables[i];
	tables[i] = tables[0];
	tables[0] = chosen;
	while (*nr > 1)
		clear(&tables[--*nr]);
	free(tables[0].name);
	tables[0].name = xstrdup(name);
	return DONE;
}

int recorded_find(const char *path, const char *name, struct recorded **tables,
		  unsigned int *nr)
{
	char *about = xprintf("%s/_meta.json", path);
	bool is_table = !access(about, F_OK);

	free(about);
	*tables = NULL;
	*nr = 0;
	if (!is_table)
		add_run(tables, nr, path);
	if (!*nr)
		add(tables, nr, xstrdup(path));
	return name ? choose(*tables, nr, path, name) : DONE;
}

/* ---- a store like one of them */

static bool take_field(struct layout *layout, struct json_object *json)
{
	struct json_object *name = member(json, "name"), *unit = member(json, "unit");
	struct json_object *type = member(json, "type"), *count = member(json, "count");
	uint64_t offset = json_object_get_uint64(member(json, "offset")), bytes;
	struct field *field;

	if (!name || !type)
		return false;
	field = schema_add(&layout->schema, xstrdup(json_object_get_string(name)),
			   unit ? xstrdup(json_object_get_string(unit)) : NULL);
	field->type = field_type_find(json_object_get_string(type));
	field->count = count ? json_object_get_uint64(count) : 1;
	field->offset = offset;
	bytes = (uint64_t)field->count * field_type_size(field->type);
	return field->type && field->count && offset <= layout->size &&
	       bytes <= layout->size - offset;
}

static bool take_layout(struct layout *layout, struct json_object *fields,
			struct json_object *size)
{
	size_t i;

	layout->size = json_object_get_uint64(size);
	if (!json_object_is_type(fields, json_type_array))
		return false;
	for (i = 0; i < json_object_array_length(fields); i++)
		if (!take_field(layout, json_object_array_get_idx(fields, i)))
			return false;
	return true;
}

int recorded_register(const struct recorded *table, uint64_t rows,
		      struct store *store)
{
	struct json_object *json = table->store;
	struct layout key = { 0 }, value = { 0 };
	int code, map = -1;

	if (!take_layout(&key, member(json, "key"), member(json, "key_size")) ||
	    !take_layout(&value, member(json, "value"), member(json, "value_size")))
		code = fail(REFUSED, EINVAL,
			    "%s: its description does not say what the fields are",
			    table->path);
	else
		map = map_new(table->name, &key, &value, 1, &code);
	if (map >= 0) {
		code = store_register(table->name, map,
				      KERNMLOPS_STORE_MODE_HISTORY, rows, store);
		close(map);
	}
	schema_free(&key.schema);
	schema_free(&value.schema);
	return code;
}
