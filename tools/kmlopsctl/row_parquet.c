// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rows as Parquet (https://parquet.apache.org/docs/file-format/): a row group
 * for each batch, with one page for each column, plain and uncompressed. All
 * columns are required, so a page of numbers is the column as it is in memory.
 * An array is a column for each element, as in CSV.
 */
#include <stdlib.h>
#include <string.h>
#include <linux/kernmlops.h>

#include "kmlopsctl.h"
#include "row_batch.h"
#include "row_format.h"
#include "thrift_compact.h"

static const char magic[4] = "PAR1";

/* Of parquet.thrift. */
enum parquet_type {
	BOOLEAN = 0, INT32 = 1, INT64 = 2, FLOAT = 4, DOUBLE = 5,
	BYTE_ARRAY = 6,
};

enum { REQUIRED = 0, DATA_PAGE = 0, PLAIN = 0, RLE = 3, UNCOMPRESSED = 0 };
enum { CONVERTED_UTF8 = 0, CONVERTED_UINT_8 = 11, CONVERTED_INT_8 = 15 };
enum { LOGICAL_STRING = 1, LOGICAL_INTEGER = 10 };

struct parquet {
	struct row_batch batch;
	struct bytes page;	/* of a column that is not as it is in the batch */
	struct thrift groups;	/* what the footer is to say of the row groups */
	uint32_t nr_groups;
	uint64_t at;		/* in the file */
};

/* Pages begin so that the numbers in a file that is mapped can be used there. */
#define PAGE_ALIGN	8

/* A column of a row group in the file. */
struct chunk {
	uint64_t offset;
	uint64_t size;
};

static void put(struct row_writer *writer, const void *data, size_t size)
{
	struct parquet *parquet = writer->state;

	if (size)
		fwrite_unlocked(data, 1, size, writer->out);
	parquet->at += size;
}

static enum parquet_type physical_type(const struct batch_column *column)
{
	switch (column->column->type) {
	case KERNMLOPS_FIELD_TYPE_BOOL:
		return BOOLEAN;
	case KERNMLOPS_FIELD_TYPE_CHAR:
		return BYTE_ARRAY;
	case KERNMLOPS_FIELD_TYPE_F32:
		return FLOAT;
	case KERNMLOPS_FIELD_TYPE_F64:
		return DOUBLE;
	}
	return column->width == 8 ? INT64 : INT32;
}

/* Row groups. */

/* The values of a column as a page holds them. */
static const void *page_data(struct parquet *parquet,
			     const struct batch_column *column, size_t *size)
{
	struct bytes *page = &parquet->page;

	page->size = 0;
	if (column->column->type == KERNMLOPS_FIELD_TYPE_BOOL) {
		batch_bits(&parquet->batch, column, page);
	} else if (column->column->type == KERNMLOPS_FIELD_TYPE_CHAR) {
		batch_text(&parquet->batch, column, true, page, NULL);
	} else {
		*size = (size_t)parquet->batch.nr * column->width;
		return column->data;
	}
	*size = page->size;
	return page->data;
}

static struct chunk write_chunk(struct row_writer *writer,
				const struct batch_column *column)
{
	struct parquet *parquet = writer->state;
	static const uint8_t zeros[PAGE_ALIGN];
	struct thrift header = { 0 };
	struct chunk chunk;
	const void *data;
	size_t size;

	data = page_data(parquet, column, &size);
	thrift_i32(&header, 1, DATA_PAGE);
	thrift_i32(&header, 2, size);
	thrift_i32(&header, 3, size);
	thrift_begin(&header, 5);
	thrift_i32(&header, 1, parquet->batch.nr);
	thrift_i32(&header, 2, PLAIN);
	thrift_i32(&header, 3, RLE);
	thrift_i32(&header, 4, RLE);
	thrift_end(&header);
	bytes_add(&header.bytes, NULL, 1);
	put(writer, zeros, -(parquet->at + header.bytes.size) % PAGE_ALIGN);
	chunk.offset = parquet->at;
	put(writer, header.bytes.data, header.bytes.size);
	put(writer, data, size);
	chunk.size = header.bytes.size + size;
	bytes_free(&header.bytes);
	return chunk;
}

/* The first and the last row say between which times all of them are. */
static void put_time_limits(struct thrift *to, const struct row_batch *batch,
			    const struct batch_column *column)
{
	const uint8_t *first = column->data;
	const uint8_t *last = first + (size_t)(batch->nr - 1) * column->width;

	thrift_begin(to, 12);
	thrift_i64(to, 3, 0);
	thrift_binary(to, 5, last, column->width);
	thrift_binary(to, 6, first, column->width);
	thrift_end(to);
}

static void put_chunk(struct thrift *to, const struct row_batch *batch,
		      const struct batch_column *column,
		      const struct chunk *chunk)
{
	thrift_begin_element(to);
	thrift_i64(to, 2, chunk->offset);
	thrift_begin(to, 3);
	thrift_i32(to, 1, physical_type(column));
	thrift_list(to, 2, THRIFT_I32, 1);
	thrift_element_i32(to, PLAIN);
	thrift_list(to, 3, THRIFT_BINARY, 1);
	thrift_element_string(to, column->name);
	thrift_i32(to, 4, UNCOMPRESSED);
	thrift_i64(to, 5, batch->nr);
	thrift_i64(to, 6, chunk->size);
	thrift_i64(to, 7, chunk->size);
	thrift_i64(to, 9, chunk->offset);
	if (column_is_time(column->column))
		put_time_limits(to, batch, column);
	thrift_end(to);
	thrift_end(to);
}

static void write_group(struct row_writer *writer)
{
	struct parquet *parquet = writer->state;
	struct row_batch *batch = &parquet->batch;
	struct thrift *groups = &parquet->groups;
	uint64_t begin = parquet->at;
	unsigned int c;

	thrift_begin_element(groups);
	thrift_list(groups, 1, THRIFT_STRUCT, batch->nr_columns);
	for (c = 0; c < batch->nr_columns; c++) {
		struct chunk chunk = write_chunk(writer, &batch->columns[c]);

		put_chunk(groups, batch, &batch->columns[c], &chunk);
	}
	thrift_i64(groups, 2, parquet->at - begin);
	thrift_i64(groups, 3, batch->nr);
	thrift_i64(groups, 5, begin);
	thrift_i64(groups, 6, parquet->at - begin);
	thrift_end(groups);
	parquet->nr_groups++;
	batch->nr = 0;
}

/* The footer. */

static void put_schema_element(struct thrift *to,
			       const struct batch_column *column)
{
	uint32_t type = column->column->type;
	bool is_signed = type >= KERNMLOPS_FIELD_TYPE_S8 ||
			 column_is_time(column->column);
	int log2_size = __builtin_ctz(column->size);

	thrift_begin_element(to);
	thrift_i32(to, 1, physical_type(column));
	thrift_i32(to, 3, REQUIRED);
	thrift_string(to, 4, column->name);
	if (type == KERNMLOPS_FIELD_TYPE_CHAR) {
		thrift_i32(to, 6, CONVERTED_UTF8);
		thrift_begin(to, 10);
		thrift_begin(to, LOGICAL_STRING);
		thrift_end(to);
		thrift_end(to);
	} else if (type <= KERNMLOPS_FIELD_TYPE_S64) {
		thrift_i32(to, 6, (is_signed ? CONVERTED_INT_8 :
				   CONVERTED_UINT_8) + log2_size);
		thrift_begin(to, 10);
		thrift_begin(to, LOGICAL_INTEGER);
		thrift_i8(to, 1, 8 * column->size);
		thrift_bool(to, 2, is_signed);
		thrift_end(to);
		thrift_end(to);
	}
	thrift_end(to);
}

static void put_schema(struct thrift *to, const struct row_batch *batch)
{
	unsigned int c;

	thrift_list(to, 2, THRIFT_STRUCT, 1 + batch->nr_columns);
	thrift_begin_element(to);
	thrift_string(to, 4, "schema");
	thrift_i32(to, 5, batch->nr_columns);
	thrift_end(to);
	for (c = 0; c < batch->nr_columns; c++)
		put_schema_element(to, &batch->columns[c]);
}

static void put_about(struct thrift *to, const char *about)
{
	thrift_list(to, 5, THRIFT_STRUCT, 1);
	thrift_begin_element(to);
	thrift_string(to, 1, ROWS_ABOUT_KEY);
	thrift_string(to, 2, about);
	thrift_end(to);
}

/* That limits are meant in the order of the type, which old files did not say. */
static void put_orders(struct thrift *to, unsigned int nr)
{
	thrift_list(to, 7, THRIFT_STRUCT, nr);
	for (; nr; nr--) {
		thrift_begin_element(to);
		thrift_begin(to, 1);
		thrift_end(to);
		thrift_end(to);
	}
}

static void write_footer(struct row_writer *writer)
{
	struct parquet *parquet = writer->state;
	struct thrift footer = { 0 };
	uint32_t size;

	thrift_i32(&footer, 1, 2);
	put_schema(&footer, &parquet->batch);
	thrift_i64(&footer, 3, writer->rows);
	thrift_list(&footer, 4, THRIFT_STRUCT, parquet->nr_groups);
	bytes_add(&footer.bytes, parquet->groups.bytes.data,
		  parquet->groups.bytes.size);
	if (writer->about)
		put_about(&footer, writer->about);
	thrift_string(&footer, 6, "kmlopsctl " KMLOPS_VERSION);
	put_orders(&footer, parquet->batch.nr_columns);
	bytes_add(&footer.bytes, NULL, 1);

	size = footer.bytes.size;
	put(writer, footer.bytes.data, size);
	put(writer, &size, sizeof(size));
	put(writer, magic, sizeof(magic));
	bytes_free(&footer.bytes);
}

/* The format. */

static void parquet_begin(struct row_writer *writer)
{
	struct parquet *parquet = xalloc(sizeof(*parquet));

	writer->state = parquet;
	row_batch_init(&parquet->batch, writer->columns,
		       (struct batch_layout){ .split = true, .widen = true });
	put(writer, magic, sizeof(magic));
}

static void parquet_rows(struct row_writer *writer, const uint8_t *rows,
			 uint32_t nr)
{
	struct parquet *parquet = writer->state;
	uint32_t taken;

	while (nr) {
		taken = row_batch_add(&parquet->batch, rows, nr);
		rows += (size_t)taken * writer->columns->row_size;
		nr -= taken;
		if (parquet->batch.nr == parquet->batch.room)
			write_group(writer);
	}
}

static void parquet_end(struct row_writer *writer)
{
	struct parquet *parquet = writer->state;

	if (parquet->batch.nr)
		write_group(writer);
	write_footer(writer);
	bytes_free(&parquet->page);
	bytes_free(&parquet->groups.bytes);
	row_batch_free(&parquet->batch);
	free(parquet);
}

const struct row_format parquet_format = {
	.begin = parquet_begin,
	.rows = parquet_rows,
	.end = parquet_end,
};
