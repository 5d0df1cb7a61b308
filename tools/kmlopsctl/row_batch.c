// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packed rows turned into columns. Rows come in blocks that fit a cache, so
 * each block is taken apart at once, column by column.
 */
#include <stdlib.h>
#include <string.h>
#include <linux/kernmlops.h>

#include "kmlopsctl.h"
#include "row_batch.h"
#include "utf8.h"

/*
 * Readers work on a batch at a time: it should be large, and it is what an
 * export holds in memory.
 */
#define BATCH_ROWS	131072
#define BATCH_BYTES	(16 << 20)

static bool is_char(const struct column *column)
{
	return column->type == KERNMLOPS_FIELD_TYPE_CHAR;
}

static bool is_integer(const struct column *column)
{
	return column->type >= KERNMLOPS_FIELD_TYPE_U8 &&
	       column->type <= KERNMLOPS_FIELD_TYPE_S64;
}

static void add_column(struct row_batch *batch, const struct column *column,
		       char *name, uint32_t first, uint32_t count, bool widen)
{
	uint32_t size = field_type_size(column->type);

	batch->columns[batch->nr_columns++] = (struct batch_column){
		.column = column,
		.name = name,
		.offset = column->offset + first * size,
		.count = count,
		.size = size,
		.width = widen && is_integer(column) && size < 4 ? 4 : size,
	};
}

void row_batch_init(struct row_batch *batch, const struct columns *columns,
		    struct batch_layout layout)
{
	uint32_t nr = 0, bytes = 0, i;
	unsigned int c;

	for (c = 0; c < columns->nr; c++)
		nr += columns->columns[c].count;
	*batch = (struct row_batch){
		.row_size = columns->row_size,
		.columns = xalloc(nr * sizeof(*batch->columns)),
	};
	for (c = 0; c < columns->nr; c++) {
		const struct column *column = &columns->columns[c];

		if (!layout.split || column->count == 1 || is_char(column)) {
			add_column(batch, column, xstrdup(column->name), 0,
				   column->count, layout.widen);
			continue;
		}
		for (i = 0; i < column->count; i++)
			add_column(batch, column,
				   xprintf("%s_%u", column->name, i), i, 1,
				   layout.widen);
	}

	for (c = 0; c < batch->nr_columns; c++)
		bytes += batch->columns[c].count * batch->columns[c].width;
	batch->room = BATCH_BYTES / bytes;	/* a row has less than 16 MiB */
	if (batch->room > BATCH_ROWS)
		batch->room = BATCH_ROWS;
	for (c = 0; c < batch->nr_columns; c++)
		batch->columns[c].data = xalloc((size_t)batch->room *
						batch->columns[c].count *
						batch->columns[c].width);
}

/*
 * Copies of a size that is known when this is compiled, from a distance to the
 * next; the loops are what the time of an export goes into.
 */
#define GATHER(to_type, from_type)					\
	do {								\
		to_type *out = (to_type *)to;				\
		from_type number;					\
									\
		for (i = 0; i < nr; i++, from += row_size) {		\
			memcpy(&number, from, sizeof(number));		\
			out[i] = number;				\
		}							\
	} while (0)

static void gather(const struct batch_column *column, uint32_t at,
		   const uint8_t *from, uint32_t nr, uint32_t row_size)
{
	uint32_t width = column->count * column->width, i;
	uint8_t *to = column->data + (size_t)at * width;

	from += column->offset;
	if (column->width != column->size) {
		switch (column->column->type) {
		case KERNMLOPS_FIELD_TYPE_U8:
			GATHER(uint32_t, uint8_t);
			return;
		case KERNMLOPS_FIELD_TYPE_S8:
			GATHER(int32_t, int8_t);
			return;
		case KERNMLOPS_FIELD_TYPE_U16:
			GATHER(uint32_t, uint16_t);
			return;
		case KERNMLOPS_FIELD_TYPE_S16:
			GATHER(int32_t, int16_t);
			return;
		}
	}
	switch (width) {
	case 1:
		GATHER(uint8_t, uint8_t);
		return;
	case 2:
		GATHER(uint16_t, uint16_t);
		return;
	case 4:
		GATHER(uint32_t, uint32_t);
		return;
	case 8:
		GATHER(uint64_t, uint64_t);
		return;
	}
	for (i = 0; i < nr; i++, from += row_size, to += width)
		memcpy(to, from, width);
}

uint32_t row_batch_add(struct row_batch *batch, const uint8_t *rows,
		       uint32_t nr)
{
	unsigned int c;

	if (nr > batch->room - batch->nr)
		nr = batch->room - batch->nr;
	for (c = 0; c < batch->nr_columns; c++)
		gather(&batch->columns[c], batch->nr, rows, nr,
		       batch->row_size);
	batch->nr += nr;
	return nr;
}

void row_batch_free(struct row_batch *batch)
{
	unsigned int c;

	for (c = 0; c < batch->nr_columns; c++) {
		free(batch->columns[c].name);
		free(batch->columns[c].data);
	}
	free(batch->columns);
	*batch = (struct row_batch){ 0 };
}

void batch_bits(const struct row_batch *batch,
		const struct batch_column *column, struct bytes *bits)
{
	uint32_t nr = batch->nr * column->count, i;
	size_t at = bytes_add(bits, NULL, (nr + 7) / 8);
	uint8_t *to = bits->data + at;

	for (i = 0; i < nr; i++)
		to[i / 8] |= !!column->data[i] << i % 8;
}

void batch_text(const struct batch_column *column, uint32_t row,
		struct bytes *text)
{
	const uint8_t *s = column->data + (size_t)row * column->count;
	size_t size = strnlen((const char *)s, column->count);
	size_t i, len;

	for (i = 0; i < size && s[i] < 0x80; i++)
		;
	bytes_add(text, s, i);
	for (; i < size; i += len) {
		len = utf8_length(s + i, size - i);
		if (len)
			bytes_add(text, s + i, len);
		else
			bytes_add(text, "\xef\xbf\xbd", 3);
		len += !len;
	}
}
