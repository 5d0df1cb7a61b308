// SPDX-License-Identifier: GPL-2.0-only
/* Rows as CSV: an array has a column for each element. */
#include <stdlib.h>
#include <string.h>
#include <linux/kernmlops.h>

#include "element.h"
#include "kmlopsctl.h"
#include "row_format.h"

static void put_csv_string(FILE *out, const char *s, size_t size)
{
	size_t i;

	if (!memchr(s, ',', size) && !memchr(s, '"', size) &&
	    !memchr(s, '\n', size) && !memchr(s, '\r', size)) {
		fwrite_unlocked(s, 1, size, out);
		return;
	}
	putc_unlocked('"', out);
	for (i = 0; i < size; i++) {
		if (s[i] == '"')
			putc_unlocked('"', out);
		putc_unlocked(s[i], out);
	}
	putc_unlocked('"', out);
}

static void csv_begin(struct row_writer *writer)
{
	const struct columns *columns = writer->columns;
	unsigned int c;
	uint32_t i;

	for (c = 0; c < columns->nr; c++) {
		const struct column *column = &columns->columns[c];
		const char *comma = c ? "," : "";

		if (column->count == 1 ||
		    column->type == KERNMLOPS_FIELD_TYPE_CHAR) {
			fputs(comma, writer->out);
			put_csv_string(writer->out, column->name,
				       strlen(column->name));
			continue;
		}
		for (i = 0; i < column->count; i++) {
			char *name = xprintf("%s_%u", column->name, i);

			fputs(i ? "," : comma, writer->out);
			put_csv_string(writer->out, name, strlen(name));
			free(name);
		}
	}
	putc_unlocked('\n', writer->out);
}

static void csv_row(struct row_writer *writer, const uint8_t *row)
{
	const struct columns *columns = writer->columns;
	unsigned int c;
	uint32_t i;

	for (c = 0; c < columns->nr; c++) {
		const struct column *column = &columns->columns[c];
		unsigned int size = field_type_size(column->type);
		const uint8_t *p = row + column->offset;

		if (c)
			putc_unlocked(',', writer->out);
		if (column->type == KERNMLOPS_FIELD_TYPE_CHAR) {
			put_csv_string(writer->out, (char *)p,
				       strnlen((char *)p, column->count));
			continue;
		}
		for (i = 0; i < column->count; i++, p += size) {
			if (i)
				putc_unlocked(',', writer->out);
			element_write(writer->out, column->type, p, false);
		}
	}
	putc_unlocked('\n', writer->out);
}

const struct row_format csv_format = {
	.begin = csv_begin,
	.row = csv_row,
};
