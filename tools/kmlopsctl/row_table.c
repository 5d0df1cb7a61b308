// SPDX-License-Identifier: GPL-2.0-only
/* Rows as a table for people: the first rows decide how wide its columns are. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <linux/kernmlops.h>
#include <linux/kernmlops_row.h>

#include "element.h"
#include "kmlopsctl.h"
#include "output.h"
#include "row_format.h"

static bool has_human_unit(const struct column *column)
{
	return column->type == KERNMLOPS_FIELD_TYPE_U64 && column->count == 1 &&
	       column->unit && (!strcmp(column->unit, "ns") ||
				!strcmp(column->unit, "bytes"));
}

/* What a program called itself must not steer the terminal. */
static char *printable(const char *s, size_t size)
{
	char *text = xprintf("%.*s", (int)size, s), *p;

	for (p = text; *p; p++)
		if ((uint8_t)*p < 0x20 || *p == 0x7f)
			*p = '?';
	return text;
}

/* Arrays and floats: rare enough to be slow. */
static char *elements(const struct column *column, const uint8_t *p)
{
	size_t len;
	char *text;
	uint32_t i;
	FILE *out;

	out = open_memstream(&text, &len);
	if (!out)
		return xstrdup("?");
	for (i = 0; i < column->count; i++) {
		if (i)
			putc(' ', out);
		element_write(out, column->type, p, false);
		p += field_type_size(column->type);
	}
	fclose(out);
	return text;
}

static char *cell(const struct column *column, const uint8_t *row)
{
	const uint8_t *p = row + column->offset;
	char human[HUMAN_LEN];
	bool is_signed;
	uint64_t v;

	if (column->type == KERNMLOPS_FIELD_TYPE_CHAR)
		return printable((char *)p, column->count);
	if (column->count > 1 || column->type > KERNMLOPS_FIELD_TYPE_CHAR)
		return elements(column, p);

	v = element_integer(column->type, p, &is_signed);
	if (column->origin == COLUMN_ROW && column->unit)	/* time */
		return xprintf("%" PRIu64 ".%09" PRIu64, v / 1000000000,
			       v % 1000000000);
	if (column->origin == COLUMN_ROW)			/* seq */
		return xprintf("%" PRIu64 "/%" PRIu64, v >> KMLOPS_ROW_POS_BITS,
			       v & (UINT64_MAX >> KMLOPS_ROW_CPU_BITS));
	if (has_human_unit(column))
		return xstrdup(!strcmp(column->unit, "ns") ?
			       human_ns(human, v) : human_bytes(human, v));
	return is_signed ? xprintf("%" PRId64, (int64_t)v) :
			   xprintf("%" PRIu64, v);
}

/* Numbers stand at the right. */
static bool is_right(const struct column *column)
{
	return column->type != KERNMLOPS_FIELD_TYPE_CHAR && column->count == 1;
}

static void put_cell(struct row_writer *writer, unsigned int c, const char *s)
{
	const struct columns *columns = writer->columns;
	const int *width = writer->state;
	bool last = c == columns->nr - 1;

	if (is_right(&columns->columns[c]))
		fprintf(writer->out, "%*s", width[c], s);
	else
		fprintf(writer->out, "%-*s", last ? 0 : width[c], s);
	fputs(last ? "\n" : "  ", writer->out);
}

static void put_header(struct row_writer *writer, const uint8_t *rows,
		       uint32_t nr)
{
	const struct columns *columns = writer->columns;
	unsigned int c;
	uint32_t i;
	int *width;

	width = xalloc(columns->nr * sizeof(*width));
	writer->state = width;
	for (c = 0; c < columns->nr; c++) {
		width[c] = strlen(columns->columns[c].name);
		for (i = 0; i < nr; i++) {
			char *text = cell(&columns->columns[c],
					  rows + i * columns->row_size);

			if ((int)strlen(text) > width[c])
				width[c] = strlen(text);
			free(text);
		}
	}
	for (c = 0; c < columns->nr; c++)
		put_cell(writer, c, columns->columns[c].name);
}

static void table_rows(struct row_writer *writer, const uint8_t *rows,
		       uint32_t nr)
{
	const struct columns *columns = writer->columns;
	unsigned int c;

	if (!writer->state)
		put_header(writer, rows, nr);
	for (; nr; nr--, rows += columns->row_size) {
		for (c = 0; c < columns->nr; c++) {
			char *text = cell(&columns->columns[c], rows);

			put_cell(writer, c, text);
			free(text);
		}
	}
}

static void table_end(struct row_writer *writer)
{
	if (!writer->state)
		put_header(writer, NULL, 0);
	free(writer->state);
}

const struct row_format table_format = {
	.rows = table_rows,
	.end = table_end,
};

void row_print(const struct columns *columns, const void *row)
{
	unsigned int c;
	int width = 0;

	for (c = 0; c < columns->nr; c++)
		if ((int)strlen(columns->columns[c].name) > width)
			width = strlen(columns->columns[c].name);
	for (c = 0; c < columns->nr; c++) {
		const struct column *column = &columns->columns[c];
		bool add_unit = column->unit && !has_human_unit(column);
		char *text = cell(column, row);

		printf("%-*s  %s%s%s\n", width, column->name, text,
		       add_unit ? " " : "", add_unit ? column->unit : "");
		free(text);
	}
}
