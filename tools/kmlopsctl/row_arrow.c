// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rows as Arrow IPC (https://arrow.apache.org/docs/format/Columnar.html), the
 * file and the stream: messages of FlatBuffers, each with a body of buffers.
 * A string is Utf8, an array a FixedSizeList, and nothing is ever null.
 */
#include <stdlib.h>
#include <string.h>
#include <linux/kernmlops.h>

#include "arrow.h"
#include "flatbuffer.h"
#include "kmlopsctl.h"
#include "row_batch.h"
#include "row_format.h"

static const char magic[8] = ARROW_MAGIC;

/* Where a record batch is in the file. */
struct block {
	int64_t offset;
	int32_t metadata_length;
	int32_t pad;
	int64_t body_length;
};

/* What is to be written as the buffers of a batch. */
struct body {
	struct bytes nodes;
	struct bytes buffers;
	struct bytes parts;	/* struct part for each buffer */
	int64_t length;
};

struct part {
	const void *data;
	size_t size;
};

struct arrow {
	struct row_batch batch;
	/* Of columns that are not as they are in the batch: bits, or text. */
	struct bytes *offsets;
	struct bytes *values;
	struct bytes blocks;
	uint64_t at;		/* in the file */
	bool is_file;
};

static void put(struct row_writer *writer, const void *data, size_t size)
{
	struct arrow *arrow = writer->state;

	if (size)
		fwrite_unlocked(data, 1, size, writer->out);
	arrow->at += size;
}

/* The schema. */

static void put_metadata(struct bytes *flat, size_t from, const char *key,
			 const char *value)
{
	static const uint8_t key_value[] = { FLAT_OFFSET, FLAT_OFFSET };
	size_t vector = flat_vector(flat, from, 1, FLAT_OFFSET);
	size_t table = flat_table(flat, vector, key_value, 2);

	flat_string(flat, flat_field(flat, table, 0), key);
	flat_string(flat, flat_field(flat, table, 1), value);
}

/* A field of the type of one element, or of @count of them. */
static void put_field(struct bytes *flat, size_t from, const char *name,
		      const char *unit, uint32_t type, uint32_t count)
{
	static const uint8_t int_type[] = { 4, 1 }, short_type[] = { 2 },
		list_type[] = { 4 };
	const uint8_t sizes[] = {
		[FIELD_NAME] = FLAT_OFFSET,
		[FIELD_TYPE_TYPE] = 1,
		[FIELD_TYPE] = FLAT_OFFSET,
		[FIELD_CHILDREN] = FLAT_OFFSET,
		[FIELD_METADATA] = unit ? FLAT_OFFSET : 0,
	};
	size_t field, slot, table, children;
	uint8_t kind = TYPE_INT;

	field = flat_table(flat, from, sizes, sizeof(sizes));
	flat_string(flat, flat_field(flat, field, FIELD_NAME), name);
	slot = flat_field(flat, field, FIELD_TYPE);
	if (type == KERNMLOPS_FIELD_TYPE_CHAR) {
		kind = TYPE_UTF8;
		flat_table(flat, slot, NULL, 0);
	} else if (count > 1) {
		kind = TYPE_FIXED_SIZE_LIST;
		table = flat_table(flat, slot, list_type, 1);
		flat_set(flat, flat_field(flat, table, 0), count, 4);
	} else if (type == KERNMLOPS_FIELD_TYPE_BOOL) {
		kind = TYPE_BOOL;
		flat_table(flat, slot, NULL, 0);
	} else if (type == KERNMLOPS_FIELD_TYPE_F32 ||
		   type == KERNMLOPS_FIELD_TYPE_F64) {
		kind = TYPE_FLOAT;
		table = flat_table(flat, slot, short_type, 1);
		flat_set(flat, flat_field(flat, table, 0),
			 type == KERNMLOPS_FIELD_TYPE_F32 ? PRECISION_SINGLE :
			 PRECISION_DOUBLE, 2);
	} else {
		table = flat_table(flat, slot, int_type, 2);
		flat_set(flat, flat_field(flat, table, 0),
			 8 * field_type_size(type), 4);
		flat_set(flat, flat_field(flat, table, 1),
			 type >= KERNMLOPS_FIELD_TYPE_S8, 1);
	}
	flat_set(flat, flat_field(flat, field, FIELD_TYPE_TYPE), kind, 1);

	children = flat_vector(flat, flat_field(flat, field, FIELD_CHILDREN),
			       kind == TYPE_FIXED_SIZE_LIST, FLAT_OFFSET);
	if (kind == TYPE_FIXED_SIZE_LIST)
		put_field(flat, children, "item", NULL, type, 1);
	if (unit)
		put_metadata(flat, flat_field(flat, field, FIELD_METADATA),
			     "unit", unit);
}

static void put_schema(struct bytes *flat, size_t from,
		       const struct row_writer *writer)
{
	const struct columns *columns = writer->columns;
	const uint8_t sizes[] = {
		[SCHEMA_FIELDS] = FLAT_OFFSET,
		[SCHEMA_METADATA] = writer->about ? FLAT_OFFSET : 0,
	};
	size_t schema, fields;
	unsigned int i;

	schema = flat_table(flat, from, sizes, sizeof(sizes));
	fields = flat_vector(flat, flat_field(flat, schema, SCHEMA_FIELDS),
			     columns->nr, FLAT_OFFSET);
	for (i = 0; i < columns->nr; i++) {
		const struct column *column = &columns->columns[i];

		put_field(flat, fields + i * FLAT_OFFSET, column->name,
			  column->unit, column_is_time(column) ?
			  KERNMLOPS_FIELD_TYPE_S64 : column->type,
			  column->count);
	}
	if (writer->about)
		put_metadata(flat, flat_field(flat, schema, SCHEMA_METADATA),
			     ROWS_ABOUT_KEY, writer->about);
}

/* Messages. */

/* Begin a message; gives the place that is to refer to its header. */
static size_t message_begin(struct bytes *flat, uint8_t header_type,
			    int64_t body_length)
{
	static const uint8_t sizes[] = {
		[MESSAGE_VERSION] = 2,
		[MESSAGE_HEADER_TYPE] = 1,
		[MESSAGE_HEADER] = FLAT_OFFSET,
		[MESSAGE_BODY_LENGTH] = 8,
	};
	size_t message;

	bytes_add(flat, NULL, FLAT_OFFSET);	/* to the root */
	message = flat_table(flat, 0, sizes, sizeof(sizes));
	flat_set(flat, flat_field(flat, message, MESSAGE_VERSION), METADATA_V5,
		 2);
	flat_set(flat, flat_field(flat, message, MESSAGE_HEADER_TYPE),
		 header_type, 1);
	flat_set(flat, flat_field(flat, message, MESSAGE_BODY_LENGTH),
		 body_length, 8);
	return flat_field(flat, message, MESSAGE_HEADER);
}

/* Write a message, and free it; gives its length with what stands before it. */
static int32_t message_write(struct row_writer *writer, struct bytes *flat)
{
	uint32_t prefix[2] = { UINT32_MAX };
	int32_t length;

	bytes_align(flat, 8);
	prefix[1] = flat->size;
	put(writer, prefix, sizeof(prefix));
	put(writer, flat->data, flat->size);
	length = sizeof(prefix) + flat->size;
	bytes_free(flat);
	return length;
}

static void write_schema(struct row_writer *writer)
{
	struct bytes flat = { 0 };

	put_schema(&flat, message_begin(&flat, HEADER_SCHEMA, 0), writer);
	message_write(writer, &flat);
}

/* Record batches. */

static void add_node(struct body *body, uint32_t length)
{
	struct node node = { .length = length };

	bytes_add(&body->nodes, &node, sizeof(node));
}

static void add_buffer(struct body *body, const void *data, size_t size)
{
	struct buffer buffer = { .offset = body->length, .length = size };
	struct part part = { .data = data, .size = size };

	bytes_add(&body->buffers, &buffer, sizeof(buffer));
	bytes_add(&body->parts, &part, sizeof(part));
	body->length += size + -size % 8;
}

static void add_strings(struct arrow *arrow, struct body *body, unsigned int c)
{
	const struct batch_column *column = &arrow->batch.columns[c];
	struct bytes *offsets = &arrow->offsets[c], *text = &arrow->values[c];

	/* The first text begins at 0, each other one where one ends. */
	offsets->size = 0;
	text->size = 0;
	bytes_add(offsets, NULL, 4 * (size_t)(arrow->batch.nr + 1));
	batch_text(&arrow->batch, column, false, text,
		   (uint32_t *)offsets->data + 1);
	add_buffer(body, offsets->data, offsets->size);
	add_buffer(body, text->data, text->size);
}

/* All values are there, so the buffers that would say which are empty. */
static void add_column(struct arrow *arrow, struct body *body, unsigned int c)
{
	const struct batch_column *column = &arrow->batch.columns[c];
	uint32_t type = column->column->type, nr = arrow->batch.nr;

	add_node(body, nr);
	add_buffer(body, NULL, 0);
	if (type == KERNMLOPS_FIELD_TYPE_CHAR) {
		add_strings(arrow, body, c);
		return;
	}
	if (column->count > 1) {
		add_node(body, nr * column->count);
		add_buffer(body, NULL, 0);
	}
	if (type == KERNMLOPS_FIELD_TYPE_BOOL) {
		arrow->values[c].size = 0;
		batch_bits(&arrow->batch, column, &arrow->values[c]);
		add_buffer(body, arrow->values[c].data, arrow->values[c].size);
		return;
	}
	add_buffer(body, column->data, (size_t)nr * column->width);
}

static void add_struct_vector(struct bytes *flat, size_t from,
			      const struct bytes *structs, size_t size)
{
	size_t first = flat_vector(flat, from, structs->size / size, size);

	if (structs->size)
		memcpy(flat->data + first, structs->data, structs->size);
}

static struct bytes batch_message(const struct row_batch *batch,
				  const struct body *body)
{
	static const uint8_t sizes[] = {
		[BATCH_LENGTH] = 8,
		[BATCH_NODES] = FLAT_OFFSET,
		[BATCH_BUFFERS] = FLAT_OFFSET,
	};
	struct bytes flat = { 0 };
	size_t slot, table;

	slot = message_begin(&flat, HEADER_RECORD_BATCH, body->length);
	table = flat_table(&flat, slot, sizes, sizeof(sizes));
	flat_set(&flat, flat_field(&flat, table, BATCH_LENGTH), batch->nr, 8);
	add_struct_vector(&flat, flat_field(&flat, table, BATCH_NODES),
			  &body->nodes, sizeof(struct node));
	add_struct_vector(&flat, flat_field(&flat, table, BATCH_BUFFERS),
			  &body->buffers, sizeof(struct buffer));
	return flat;
}

static void write_batch(struct row_writer *writer)
{
	static const uint8_t zeros[8];
	struct arrow *arrow = writer->state;
	struct block block = { .offset = arrow->at };
	struct body body = { 0 };
	const struct part *part;
	struct bytes flat;
	unsigned int c;

	for (c = 0; c < arrow->batch.nr_columns; c++)
		add_column(arrow, &body, c);
	flat = batch_message(&arrow->batch, &body);
	block.metadata_length = message_write(writer, &flat);
	block.body_length = body.length;
	bytes_add(&arrow->blocks, &block, sizeof(block));

	for (part = (void *)body.parts.data;
	     (uint8_t *)part < body.parts.data + body.parts.size; part++) {
		put(writer, part->data, part->size);
		put(writer, zeros, -part->size % 8);
	}
	bytes_free(&body.nodes);
	bytes_free(&body.buffers);
	bytes_free(&body.parts);
	arrow->batch.nr = 0;
}

/* The format. */

static void begin(struct row_writer *writer, bool is_file)
{
	struct arrow *arrow = xalloc(sizeof(*arrow));

	writer->state = arrow;
	arrow->is_file = is_file;
	row_batch_init(&arrow->batch, writer->columns,
		       (struct batch_layout){ 0 });
	arrow->offsets = xalloc(arrow->batch.nr_columns *
				sizeof(*arrow->offsets));
	arrow->values = xalloc(arrow->batch.nr_columns *
			       sizeof(*arrow->values));
	if (is_file)
		put(writer, magic, sizeof(magic));
	write_schema(writer);
}

static void file_begin(struct row_writer *writer)
{
	begin(writer, true);
}

static void stream_begin(struct row_writer *writer)
{
	begin(writer, false);
}

static void file_rows(struct row_writer *writer, const uint8_t *rows,
		      uint32_t nr)
{
	struct arrow *arrow = writer->state;
	uint32_t taken;

	while (nr) {
		taken = row_batch_add(&arrow->batch, rows, nr);
		rows += (size_t)taken * writer->columns->row_size;
		nr -= taken;
		if (arrow->batch.nr == arrow->batch.room)
			write_batch(writer);
	}
}

/* A stream is read while it is written: no row waits for those behind it. */
static void stream_rows(struct row_writer *writer, const uint8_t *rows,
			uint32_t nr)
{
	struct arrow *arrow = writer->state;

	file_rows(writer, rows, nr);
	if (arrow->batch.nr)
		write_batch(writer);
	arrow->blocks.size = 0;
}

/* The schema once more, now that it is known how the export ended. */
static void write_footer(struct row_writer *writer)
{
	static const uint8_t sizes[] = {
		[FOOTER_VERSION] = 2,
		[FOOTER_SCHEMA] = FLAT_OFFSET,
		[FOOTER_DICTIONARIES] = FLAT_OFFSET,
		[FOOTER_BATCHES] = FLAT_OFFSET,
	};
	struct arrow *arrow = writer->state;
	struct bytes flat = { 0 };
	uint32_t size;
	size_t table;

	bytes_add(&flat, NULL, FLAT_OFFSET);
	table = flat_table(&flat, 0, sizes, sizeof(sizes));
	flat_set(&flat, flat_field(&flat, table, FOOTER_VERSION), METADATA_V5,
		 2);
	put_schema(&flat, flat_field(&flat, table, FOOTER_SCHEMA), writer);
	flat_vector(&flat, flat_field(&flat, table, FOOTER_DICTIONARIES), 0,
		    sizeof(struct block));
	add_struct_vector(&flat, flat_field(&flat, table, FOOTER_BATCHES),
			  &arrow->blocks, sizeof(struct block));
	size = flat.size;
	put(writer, flat.data, flat.size);
	put(writer, &size, sizeof(size));
	put(writer, magic, strlen(magic));
	bytes_free(&flat);
}

static void end(struct row_writer *writer)
{
	static const uint32_t end_of_stream[2] = { UINT32_MAX, 0 };
	struct arrow *arrow = writer->state;
	unsigned int c;

	if (arrow->batch.nr)
		write_batch(writer);
	put(writer, end_of_stream, sizeof(end_of_stream));
	if (arrow->is_file)
		write_footer(writer);

	for (c = 0; c < arrow->batch.nr_columns; c++) {
		bytes_free(&arrow->offsets[c]);
		bytes_free(&arrow->values[c]);
	}
	free(arrow->offsets);
	free(arrow->values);
	bytes_free(&arrow->blocks);
	row_batch_free(&arrow->batch);
	free(arrow);
}

const struct row_format arrow_format = {
	.begin = file_begin,
	.rows = file_rows,
	.end = end,
};

const struct row_format arrow_stream_format = {
	.begin = stream_begin,
	.rows = stream_rows,
	.end = end,
};
