// SPDX-License-Identifier: GPL-2.0-only
/* Rows as JSON: an array, or one object a line. */
#include <string.h>
#include <linux/kernmlops.h>

#include "element.h"
#include "kmlopsctl.h"
#include "row_format.h"
#include "utf8.h"

static void put_json_string(FILE *out, const void *string, size_t size)
{
	const uint8_t *s = string;
	size_t i, len;

	putc_unlocked('"', out);
	for (i = 0; i < size; i += len) {
		size_t plain = 0;

		while (i + plain < size && s[i + plain] >= 0x20 &&
		       s[i + plain] < 0x7f && s[i + plain] != '"' &&
		       s[i + plain] != '\\')
			plain++;
		fwrite_unlocked(s + i, 1, plain, out);
		i += plain;
		if (i == size)
			break;
		len = utf8_length(s + i, size - i);
		if (!len) {
			fputs("\\ufffd", out);
			len = 1;
		} else if (s[i] == '"' || s[i] == '\\') {
			fprintf(out, "\\%c", s[i]);
		} else if (s[i] < 0x20 || s[i] == 0x7f) {
			fprintf(out, "\\u%04x", s[i]);
		} else {
			fwrite_unlocked(s + i, 1, len, out);
		}
	}
	putc_unlocked('"', out);
}

static void put_json_column(FILE *out, const struct column *column,
			    const uint8_t *row)
{
	unsigned int size = field_type_size(column->type);
	const uint8_t *p = row + column->offset;
	uint32_t i;

	if (column->type == KERNMLOPS_FIELD_TYPE_CHAR) {
		put_json_string(out, p, strnlen((char *)p, column->count));
		return;
	}
	if (column->count == 1) {
		element_write(out, column->type, p, true);
		return;
	}
	putc_unlocked('[', out);
	for (i = 0; i < column->count; i++, p += size) {
		if (i)
			putc_unlocked(',', out);
		element_write(out, column->type, p, true);
	}
	putc_unlocked(']', out);
}

static void put_json_row(FILE *out, const struct columns *columns,
			 const uint8_t *row)
{
	unsigned int i;

	for (i = 0; i < columns->nr; i++) {
		const struct column *column = &columns->columns[i];

		putc_unlocked(i ? ',' : '{', out);
		fputs_unlocked(column->json, out);
		put_json_column(out, column, row);
		/* The clock stands behind what it is the clock of. */
		if (i == 1)
			fputs(",\"clock\":\"CLOCK_MONOTONIC\"", out);
	}
	putc_unlocked('}', out);
}

static void jsonl_row(struct row_writer *writer, const uint8_t *row)
{
	put_json_row(writer->out, writer->columns, row);
	putc_unlocked('\n', writer->out);
}

static void json_begin(struct row_writer *writer)
{
	putc_unlocked('[', writer->out);
}

static void json_row(struct row_writer *writer, const uint8_t *row)
{
	if (writer->rows)
		putc_unlocked(',', writer->out);
	if (opt.pretty)
		fputs("\n  ", writer->out);
	put_json_row(writer->out, writer->columns, row);
}

static void json_end(struct row_writer *writer)
{
	fputs(opt.pretty && writer->rows ? "\n]\n" : "]\n", writer->out);
}

const struct row_format json_format = {
	.begin = json_begin,
	.row = json_row,
	.end = json_end,
};

const struct row_format jsonl_format = {
	.row = jsonl_row,
};

void row_print_json(const struct columns *columns, const void *row)
{
	put_json_row(stdout, columns, row);
	putchar('\n');
}
