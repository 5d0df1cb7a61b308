// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packed rows into a file. They may be many: everything is
 * written as it comes, nothing but a batch of them is kept.
 */
#include <errno.h>
#include <string.h>
#include <linux/kernmlops.h>

#include "kmlopsctl.h"
#include "row_format.h"

const char *const format_names[] = {
	[FORMAT_TABLE] = "table",
	[FORMAT_JSON] = "json",
	[FORMAT_JSONL] = "jsonl",
	[FORMAT_CSV] = "csv",
	[FORMAT_NPY] = "npy",
	[FORMAT_ARROW] = "arrow",
	[FORMAT_ARROWS] = "arrows",
	[FORMAT_PARQUET] = "parquet",
	NULL
};

static const struct row_format *const formats[] = {
	[FORMAT_TABLE] = &table_format,
	[FORMAT_JSON] = &json_format,
	[FORMAT_JSONL] = &jsonl_format,
	[FORMAT_CSV] = &csv_format,
	[FORMAT_NPY] = &npy_format,
	[FORMAT_ARROW] = &arrow_format,
	[FORMAT_ARROWS] = &arrow_stream_format,
	[FORMAT_PARQUET] = &parquet_format,
};

void rows_begin(struct row_writer *writer, enum format format,
		const struct columns *columns, const char *about, FILE *out)
{
	*writer = (struct row_writer){
		.format = formats[format],
		.columns = columns,
		.about = about,
		.out = out,
	};
}

static void begin(struct row_writer *writer)
{
	if (!writer->begun && writer->format->begin)
		writer->format->begin(writer);
	writer->begun = true;
}

void rows_write(struct row_writer *writer, const void *rows, uint32_t nr)
{
	const uint8_t *row = rows;

	if (!nr)
		return;
	begin(writer);
	if (writer->format->rows) {
		writer->format->rows(writer, row, nr);
		writer->rows += nr;
		return;
	}
	for (; nr; nr--, row += writer->columns->row_size) {
		writer->format->row(writer, row);
		writer->rows++;
	}
}

int rows_end(struct row_writer *writer, bool good)
{
	if (!good && !writer->begun)
		return 0;
	errno = 0;
	begin(writer);
	if (writer->format->end)
		writer->format->end(writer);
	if (fflush(writer->out) || ferror(writer->out))
		return errno ? -errno : -EIO;
	return 0;
}
