// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rows as NPY: a structured array whose dtype is the packed row itself, so that rows
 * are written as they come. Padding is spelled as numpy itself spells it, by
 * fields without a name. The header says how many rows there are: it is
 * written with room for any number, and again when the number is known.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <linux/kernmlops.h>

#include "kmlopsctl.h"
#include "row_format.h"
#include "row_npy.h"

#define NPY_ALIGN	64

static const char *npy_type(uint32_t type)
{
	static const char *const names[] = {
		[KERNMLOPS_FIELD_TYPE_U8] = "|u1",
		[KERNMLOPS_FIELD_TYPE_U16] = "<u2",
		[KERNMLOPS_FIELD_TYPE_U32] = "<u4",
		[KERNMLOPS_FIELD_TYPE_U64] = "<u8",
		[KERNMLOPS_FIELD_TYPE_S8] = "|i1",
		[KERNMLOPS_FIELD_TYPE_S16] = "<i2",
		[KERNMLOPS_FIELD_TYPE_S32] = "<i4",
		[KERNMLOPS_FIELD_TYPE_S64] = "<i8",
		[KERNMLOPS_FIELD_TYPE_BOOL] = "|b1",
		[KERNMLOPS_FIELD_TYPE_F32] = "<f4",
		[KERNMLOPS_FIELD_TYPE_F64] = "<f8",
	};

	return names[type];
}

static void put_npy_padding(FILE *out, uint32_t from, uint32_t to)
{
	if (from < to)
		fprintf(out, "('', '|V%u'), ", to - from);
}

/* A string of Python; names are identifiers, but nobody enforces that. */
static void put_npy_name(FILE *out, const char *name)
{
	putc('\'', out);
	for (; *name; name++)
		if (*name < 0x20 || *name >= 0x7f || strchr("'\\", *name))
			fprintf(out, "\\x%02x", (uint8_t)*name);
		else
			putc(*name, out);
	putc('\'', out);
}

char *npy_type_of_rows(const struct columns *columns)
{
	unsigned int i;
	uint32_t at = 0;
	size_t size;
	char *type;
	FILE *out;

	out = open_memstream(&type, &size);
	if (!out) {
		fail(REFUSED, ENOMEM, "out of memory");
		exit(REFUSED);
	}
	fputs("{'descr': [", out);
	for (i = 0; i < columns->nr; i++) {
		const struct column *column = &columns->columns[i];
		uint32_t bytes = field_type_size(column->type) * column->count;

		put_npy_padding(out, at, column->offset);
		at = column->offset + bytes;
		putc('(', out);
		put_npy_name(out, column->name);
		if (column->type == KERNMLOPS_FIELD_TYPE_CHAR)
			fprintf(out, ", '|S%u'), ", bytes);
		else if (column->count > 1)
			fprintf(out, ", '%s', (%u,)), ", npy_type(column->type),
				column->count);
		else
			fprintf(out, ", '%s'), ", npy_type(column->type));
	}
	put_npy_padding(out, at, columns->row_size);
	fputs("], 'fortran_order': False, 'shape': (", out);
	fclose(out);
	return type;
}

static void npy_header(struct row_writer *writer)
{
	char *type = npy_type_of_rows(writer->columns), *dict;
	size_t size, total;

	/* A number of rows has 20 digits at most. */
	total = NPY_PREAMBLE + strlen(type) + 20 + strlen(",), }") + 1;
	total += -total % NPY_ALIGN;

	dict = xprintf("%s%" PRIu64 ",), }", type, writer->rows);
	size = strlen(dict);
	fwrite(NPY_MAGIC, 1, sizeof(NPY_MAGIC) - 1, writer->out);
	putc((total - NPY_PREAMBLE) & 0xff, writer->out);
	putc((total - NPY_PREAMBLE) >> 8, writer->out);
	fprintf(writer->out, "%s%*s\n", dict,
		(int)(total - NPY_PREAMBLE - size - 1), "");
	free(dict);
	free(type);
}

static void npy_rows(struct row_writer *writer, const uint8_t *rows,
		     uint32_t nr)
{
	fwrite_unlocked(rows, writer->columns->row_size, nr, writer->out);
}

static void npy_end(struct row_writer *writer)
{
	if (!fseeko(writer->out, 0, SEEK_SET))
		npy_header(writer);
}

const struct row_format npy_format = {
	.begin = npy_header,
	.rows = npy_rows,
	.end = npy_end,
};
