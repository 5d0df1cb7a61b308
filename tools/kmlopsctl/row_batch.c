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
 * Readers work on a batch at a time: it should be large. But it is what an
 * export holds in memory, and is to be in a cache when it is written.
 */
#define BATCH_ROWS	131072
#define BATCH_BYTES	(4 << 20)

static bool is_char(const struct column *column)
{
	return column->type == KERNMLOPS_FIELD_TYPE_CHAR;
}

static bool is_integer(const struct column *column)
{
	return column->type >= KERNMLOPS_FIELD_TYPE_U8 &&
	       column->type <= KERNMLOPS_FIELD_TYPE_S64;
}

/* Texts are padded to whole words in a batch: they are searched so. */
#define TEXT_ALIGN	8

static void add_column(struct row_batch *batch, const struct column *column,
		       char *name, uint32_t first, uint32_t count, bool widen)
{
	uint32_t size = field_type_size(column->type);
	uint32_t width = count * size;

	if (is_char(column))
		width += -width % TEXT_ALIGN;
	else if (widen && is_integer(column) && size < 4)
		width = 4 * count;
	batch->columns[batch->nr_columns++] = (struct batch_column){
		.column = column,
		.name = name,
		.offset = column->offset + first * size,
		.count = count,
		.size = count * size,
		.width = width,
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
		bytes += batch->columns[c].width;
	batch->room = BATCH_BYTES / bytes;	/* a row has less than 4 MiB */
	if (batch->room > BATCH_ROWS)
		batch->room = BATCH_ROWS;
	for (c = 0; c < batch->nr_columns; c++)
		batch->columns[c].data = xalloc((size_t)batch->room *
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
		_Pragma("GCC unroll 8")					\
		for (i = 0; i < nr; i++, from += row_size) {		\
			memcpy(&number, from, sizeof(number));		\
			out[i] = number;				\
		}							\
	} while (0)

/* A string of 8 to 16 bytes, as most are, is two words that overlap. */
static void gather_text(const struct batch_column *column, uint8_t *to,
			const uint8_t *from, uint32_t nr, uint32_t row_size)
{
	uint32_t size = column->size, last = size - 8, i;

	for (i = 0; i < nr; i++, from += row_size, to += column->width) {
		if (size >= 8 && size <= 16) {
			memcpy(to, from, 8);
			memcpy(to + last, from + last, 8);
		} else {
			memcpy(to, from, size);
		}
	}
}

static void gather(const struct batch_column *column, uint32_t at,
		   const uint8_t *from, uint32_t nr, uint32_t row_size)
{
	uint8_t *to = column->data + (size_t)at * column->width;
	uint32_t i;

	from += column->offset;
	if (is_char(column->column)) {
		gather_text(column, to, from, nr, row_size);
		return;
	}
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
	switch (column->size) {
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
	for (i = 0; i < nr; i++, from += row_size, to += column->width)
		memcpy(to, from, column->size);
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

/* Eight bytes to eight bits: the byte of each that is not 0 sets a bit. */
static uint8_t eight_bits(const uint8_t *bytes)
{
	uint64_t word;

	memcpy(&word, bytes, sizeof(word));
	word |= word >> 4;
	word |= word >> 2;
	word |= word >> 1;
	return (word & 0x0101010101010101) * 0x0102040810204080 >> 56;
}

void batch_bits(const struct row_batch *batch,
		const struct batch_column *column, struct bytes *bits)
{
	uint32_t nr = batch->nr * column->count, i;
	size_t at = bytes_add(bits, NULL, (nr + 7) / 8);
	uint8_t *to = bits->data + at;

	for (i = 0; i + 8 <= nr; i += 8)
		to[i / 8] = eight_bits(column->data + i);
	for (; i < nr; i++)
		to[i / 8] |= !!column->data[i] << i % 8;
}

/* What is not ASCII: character by character. Returns the end. */
static uint8_t *put_utf8(uint8_t *to, const uint8_t *s, size_t size)
{
	size_t i, len;

	for (i = 0; i < size; i += len) {
		len = utf8_length(s + i, size - i);
		if (len) {
			memcpy(to, s + i, len);
			to += len;
		} else {
			memcpy(to, "\xef\xbf\xbd", 3);
			to += 3;
			len = 1;
		}
	}
	return to;
}

/*
 * Copies up to the first NUL, a word at a time; @size is a multiple of its
 * size, and @to has room for three times as much.
 */
static uint8_t *put_text(uint8_t *to, const uint8_t *s, size_t size)
{
	const uint64_t ones = 0x0101010101010101, tops = 0x8080808080808080;
	uint64_t word, nuls;
	size_t i;

	for (i = 0; i < size; i += sizeof(word)) {
		memcpy(&word, s + i, sizeof(word));
		if (word & tops)
			return put_utf8(to, s + i,
					strnlen((char *)s + i, size - i));
		memcpy(to, &word, sizeof(word));
		nuls = (word - ones) & tops;	/* no byte has its top bit */
		if (nuls)
			return to + __builtin_ctzll(nuls) / 8;
		to += sizeof(word);
	}
	return to;
}

void batch_text(const struct row_batch *batch,
		const struct batch_column *column, bool with_lengths,
		struct bytes *text, uint32_t *ends)
{
	size_t most = (with_lengths ? 4 : 0) + 3 * (size_t)column->width;
	uint8_t *begin = bytes_reserve(text, batch->nr * most), *to = begin;
	const uint8_t *from = column->data;
	uint32_t row;

	for (row = 0; row < batch->nr; row++, from += column->width) {
		uint8_t *end = put_text(to + (with_lengths ? 4 : 0), from,
					column->width);
		uint32_t length = end - to - 4;

		if (with_lengths)
			memcpy(to, &length, sizeof(length));
		else
			ends[row] = end - begin;
		to = end;
	}
	text->size += to - begin;
}
