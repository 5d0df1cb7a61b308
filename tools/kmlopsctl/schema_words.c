// SPDX-License-Identifier: GPL-2.0-only
/* The schema of a store on the command line: FIELD:TYPE[:UNIT][,...]. */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <linux/kernmlops.h>

#include "kmlopsctl.h"
#include "schema_words.h"

/* What the module takes. Asked here, so that no map is made in vain. */
#define KEY_BYTES_MAX	256
#define VALUE_BYTES_MAX	8192

static void refuse_type(const char *what, const char *name, const char *type)
{
	char *list = xstrdup("");
	uint32_t i;

	for (i = KERNMLOPS_FIELD_TYPE_U8; field_type_size(i); i++) {
		char *longer = xprintf("%s%s%s", list, *list ? ", " : "",
				       field_type_name(i));

		free(list);
		list = longer;
	}
	fail_usage("the %s field %s is of type \"%s\", which is none; there are: %s, and TYPE[N]",
		   what, name, type, list);
	free(list);
}

/* TYPE or TYPE[N], which is cut into its parts. */
static bool parse_type(const char *what, struct field *field, char *word)
{
	char *bracket = strchr(word, '[');
	char *end = word + strlen(word);
	char *whole = xstrdup(word);
	bool good = false;

	if (bracket) {
		if (end[-1] != ']')
			goto unknown;
		end[-1] = 0;
		*bracket++ = 0;
	}
	field->type = field_type_find(word);
	if (!field->type)
		goto unknown;
	if (bracket) {
		if (!parse_u32("the length of an array", bracket, &field->count))
			goto out;
		if (!field->count) {
			fail_usage("the %s field %s is an array of no elements",
				   what, field->name);
			goto out;
		}
	}
	good = true;
	goto out;
unknown:
	refuse_type(what, field->name, whole);
out:
	free(whole);
	return good;
}

/* BTF takes the names that C does. */
static bool check_name(const char *what, const char *name)
{
	const char *at;

	if (!*name) {
		fail_usage("a %s field has no name", what);
		return false;
	}
	if (strlen(name) > KERNMLOPS_NAME_MAX) {
		fail_usage("the name of a field has at most %d bytes, %s has %zu",
			   KERNMLOPS_NAME_MAX, name, strlen(name));
		return false;
	}
	for (at = name; *at; at++) {
		if (isalpha((unsigned char)*at) || *at == '_')
			continue;
		if (at > name && isdigit((unsigned char)*at))
			continue;
		fail_usage("\"%s\" is no name of a field: it has letters, digits and _, and no digit first",
			   name);
		return false;
	}
	return true;
}

static bool check_unit(const char *name, const char *unit)
{
	if (!*unit) {
		fail_usage("the unit of field %s is empty", name);
		return false;
	}
	if (strlen(unit) > KERNMLOPS_NAME_MAX) {
		fail_usage("the unit of a field has at most %d bytes, that of %s has %zu",
			   KERNMLOPS_NAME_MAX, name, strlen(unit));
		return false;
	}
	return true;
}

static bool is_taken(const struct schema *schema, const char *name)
{
	unsigned int i;

	for (i = 0; i < schema->nr; i++)
		if (!strcmp(schema->fields[i].name, name))
			return true;
	return false;
}

/* FIELD:TYPE[:UNIT], which is cut into its parts. */
static bool parse_field(struct schema *schema, const char *what, char *word)
{
	const char *name = strsep(&word, ":");
	char *type = strsep(&word, ":");
	const char *unit = word;
	struct field *field;

	if (!check_name(what, name))
		return false;
	if (!type) {
		fail_usage("the %s field %s has no type: FIELD:TYPE[:UNIT]",
			   what, name);
		return false;
	}
	if (is_taken(schema, name)) {
		fail_usage("the %s has the field %s twice", what, name);
		return false;
	}
	if (schema->nr == KERNMLOPS_FIELDS_MAX) {
		fail_usage("a %s has at most %d fields", what,
			   KERNMLOPS_FIELDS_MAX);
		return false;
	}
	if (unit && !check_unit(name, unit))
		return false;
	field = schema_add(schema, xstrdup(name), unit ? xstrdup(unit) : NULL);
	return parse_type(what, field, type);
}

static uint64_t round_up(uint64_t number, unsigned int step)
{
	return (number + step - 1) / step * step;
}

/* As C does: each field aligned to its type, the whole to the widest of them. */
static bool lay_out(struct layout *layout, const char *what, uint32_t most)
{
	unsigned int i, widest = 1;
	uint64_t end = 0;

	for (i = 0; i < layout->schema.nr; i++) {
		struct field *field = &layout->schema.fields[i];
		unsigned int size = field_type_size(field->type);

		end = round_up(end, size);
		field->offset = end;
		end += (uint64_t)size * field->count;
		if (size > widest)
			widest = size;
	}
	end = round_up(end, widest);
	if (end > most) {
		fail_usage("a %s has at most %u bytes, this has %" PRIu64,
			   what, most, end);
		return false;
	}
	layout->size = end;
	return true;
}

static bool parse_fields(struct layout *layout, const char *what,
			 const char *word)
{
	char *words = xstrdup(word), *rest = words, *field;
	bool good = true;

	while (good && (field = strsep(&rest, ",")))
		good = parse_field(&layout->schema, what, field);
	free(words);
	return good;
}

static bool parse_plain(struct layout *layout, const char *what,
			const char *word)
{
	struct field *field = schema_add(&layout->schema, xstrdup(what), NULL);
	char *type = xstrdup(word);
	bool good = parse_type(what, field, type);

	layout->plain = true;
	free(type);
	return good;
}

bool layout_parse_key(struct layout *layout, const char *word)
{
	bool good = strpbrk(word, ":,") ? parse_fields(layout, "key", word) :
					  parse_plain(layout, "key", word);

	return good && lay_out(layout, "key", KEY_BYTES_MAX);
}

bool layout_parse_value(struct layout *layout, const char *word)
{
	return parse_fields(layout, "value", word) &&
	       lay_out(layout, "value", VALUE_BYTES_MAX);
}
