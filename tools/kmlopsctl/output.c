// SPDX-License-Identifier: GPL-2.0-only
/* Data on stdout: JSON, and tables for people. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kmlopsctl.h"
#include "output.h"

struct options opt;

bool opt_json(void)
{
	return opt.format == FORMAT_JSON || opt.format == FORMAT_JSONL;
}

void out_json(struct json_object *json)
{
	int flags = JSON_C_TO_STRING_NOSLASHESCAPE;

	if (opt.pretty && opt.format == FORMAT_JSON)
		flags |= JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED;
	puts(json_object_to_json_string_ext(json, flags));
	json_object_put(json);
}

void out_json_list(struct json_object *array)
{
	size_t i, nr = json_object_array_length(array);

	if (opt.format != FORMAT_JSONL) {
		out_json(array);
		return;
	}
	for (i = 0; i < nr; i++)
		out_json(json_object_get(json_object_array_get_idx(array, i)));
	json_object_put(array);
}

void json_add_string(struct json_object *to, const char *name, const char *s)
{
	json_object_object_add(to, name, json_object_new_string(s));
}

void json_add_uint(struct json_object *to, const char *name, uint64_t v)
{
	json_object_object_add(to, name, json_object_new_uint64(v));
}

void json_add_int(struct json_object *to, const char *name, int64_t v)
{
	json_object_object_add(to, name, json_object_new_int64(v));
}

struct table {
	const char *const *headers;
	unsigned int columns;
	char **cells;
	size_t nr_cells;
};

struct table *table_new(const char *const *headers)
{
	struct table *table = xalloc(sizeof(*table));

	table->headers = headers;
	while (headers[table->columns])
		table->columns++;
	return table;
}

void table_cell(struct table *table, const char *fmt, ...)
{
	size_t nr = table->nr_cells++;
	va_list args;

	/* Grow at powers of two only. */
	if (!(nr & (nr - 1)) || !nr)
		table->cells = xrealloc(table->cells, (nr ? nr * 2 : 1) *
					sizeof(*table->cells));
	va_start(args, fmt);
	if (vasprintf(&table->cells[nr], fmt, args) < 0)
		table->cells[nr] = xstrdup("");
	va_end(args);
}

/* One line; blanks that only lead to an empty end are left out. */
static void print_line(const struct table *table, char *const *cells,
		       const int *width)
{
	unsigned int c, blanks = 0;

	for (c = 0; c < table->columns; c++) {
		bool right = table->headers[c][0] == '>';
		int len = strlen(cells[c]);
		int pad = width[c] - len;

		if (right)
			blanks += pad;
		if (len)
			printf("%*s%s", blanks, "", cells[c]);
		blanks = (len ? 0 : blanks) + (right ? 0 : pad) + 2;
	}
	putchar('\n');
}

void table_print(struct table *table)
{
	unsigned int columns = table->columns, c;
	char **titles = xalloc(columns * sizeof(*titles));
	int *width = xalloc(columns * sizeof(*width));
	size_t i;

	for (c = 0; c < columns; c++) {
		titles[c] = (char *)table->headers[c] +
			    (table->headers[c][0] == '>');
		width[c] = strlen(titles[c]);
	}
	for (i = 0; i < table->nr_cells; i++) {
		int len = strlen(table->cells[i]);

		if (len > width[i % columns])
			width[i % columns] = len;
	}

	print_line(table, titles, width);
	for (i = 0; i + columns <= table->nr_cells; i += columns)
		print_line(table, table->cells + i, width);

	for (i = 0; i < table->nr_cells; i++)
		free(table->cells[i]);
	free(table->cells);
	free(titles);
	free(width);
	free(table);
}

char *human_bytes(char *buf, uint64_t bytes)
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB", "PiB" };
	double scaled = bytes / 1024.0;
	unsigned int i = 0;

	if (bytes < 1024) {
		snprintf(buf, HUMAN_LEN, "%" PRIu64 " B", bytes);
		return buf;
	}
	while (scaled >= 1024 && i < sizeof(units) / sizeof(units[0]) - 1) {
		scaled /= 1024;
		i++;
	}
	snprintf(buf, HUMAN_LEN, "%.1f %s", scaled, units[i]);
	return buf;
}

char *human_ns(char *buf, uint64_t ns)
{
	static const char *const units[] = { "us", "ms", "s" };
	unsigned int i = 0;

	if (ns < 1000) {
		snprintf(buf, HUMAN_LEN, "%" PRIu64 " ns", ns);
		return buf;
	}
	/* In thousandths of the unit, as whole numbers: rows are many. */
	while (ns >= 1000000 && i < sizeof(units) / sizeof(units[0]) - 1) {
		ns = ns / 1000 + (ns % 1000 >= 500);
		i++;
	}
	snprintf(buf, HUMAN_LEN, "%" PRIu64 ".%03" PRIu64 " %s", ns / 1000,
		 ns % 1000, units[i]);
	return buf;
}
