// SPDX-License-Identifier: GPL-2.0-only
/*
 * An Arrow file as row_arrow.c writes it: a schema, whose metadata say which
 * rows these are, and record batches whose buffers are copied into packed rows,
 * a column at a time. Text is what was written: bytes that were no UTF-8 are lost.
 */
#include <stdlib.h>
#include <string.h>
#include <json-c/json.h>
#include <linux/kernmlops.h>

#include "arrow.h"
#include "flatbuffer_read.h"
#include "kmlopsctl.h"
#include "row_format.h"
#include "recorded_rows.h"

/* More than is ever written; what says so is damaged. */
#define METADATA_MAX	(16 << 20)
#define BODY_MAX	(256 << 20)

static const char truncated[] = "the file is truncated";
static const char damaged[] = "the file is damaged";

struct message {
	uint8_t *data;		/* to be freed */
	struct flat flat;
	uint8_t type;		/* 0: the end of the messages */
	size_t header;
	int64_t body_length;
};

static int read_message(const struct row_source *source, struct message *message)
{
	uint32_t prefix[2];	/* a mark, and the size */
	struct flat *flat = &message->flat;
	size_t root;

	*message = (struct message){ 0 };
	if (fread(prefix, sizeof(prefix), 1, source->in) != 1)
		return source_bad(source, truncated);
	if (prefix[0] != UINT32_MAX || prefix[1] > METADATA_MAX)
		return source_bad(source, damaged);
	if (!prefix[1])
		return DONE;
	message->data = xalloc(prefix[1]);
	if (fread(message->data, prefix[1], 1, source->in) != 1)
		return source_bad(source, truncated);
	*flat = (struct flat){ .data = message->data, .size = prefix[1] };
	root = flat_target(flat, 0);
	message->type = flat_field_number(flat, root, MESSAGE_HEADER_TYPE, 1);
	message->header = flat_field_target(flat, root, MESSAGE_HEADER);
	message->body_length = flat_field_number(flat, root, MESSAGE_BODY_LENGTH, 8);
	if (flat->bad || !message->header || message->body_length < 0 ||
	    message->body_length > BODY_MAX)
		return source_bad(source, damaged);
	return DONE;
}

/* ---- the schema */

static bool is_text(struct flat *flat, size_t string, const char *text)
{
	uint32_t length;
	size_t first = flat_elements(flat, string, 1, &length);

	return !flat->bad && length == strlen(text) &&
	       !memcmp(flat->data + first, text, length);
}

/* What the export says of itself, or NULL. */
static struct json_object *about(struct flat *flat, size_t schema)
{
	struct json_tokener *tokener;
	struct json_object *json = NULL;
	uint32_t nr, length;
	size_t pairs, pair, text;

	pairs = flat_elements(flat, flat_field_target(flat, schema, SCHEMA_METADATA),
			      4, &nr);
	for (; nr && !json; nr--, pairs += 4) {
		pair = flat_target(flat, pairs);
		if (!is_text(flat, flat_field_target(flat, pair, 0), ROWS_ABOUT_KEY))
			continue;
		text = flat_elements(flat, flat_field_target(flat, pair, 1), 1,
				     &length);
		if (flat->bad)
			break;
		tokener = json_tokener_new();
		json = json_tokener_parse_ex(tokener, (const char *)flat->data + text,
					     length);
		json_tokener_free(tokener);
	}
	return json;
}

static int begin(struct row_source *source)
{
	struct json_object *json = NULL, *columns = NULL;
	struct message message;
	int code = read_message(source, &message);

	if (code == DONE && message.type != HEADER_SCHEMA)
		code = source_bad(source, damaged);
	if (code == DONE) {
		json = about(&message.flat, message.header);
		json_object_object_get_ex(json, "columns", &columns);
		if (!columns)
			code = source_bad(source, "it is no export of kmlopsctl");
		else if (!columns_are(&source->columns, columns))
			code = source_other_fields(source);
	}
	json_object_put(json);
	free(message.data);
	return code;
}

/* ---- record batches */

struct batch {
	struct flat *flat;
	size_t nodes, buffers;		/* the next ones */
	uint32_t nr_nodes, nr_buffers;	/* that are left */
	const uint8_t *body;
	uint64_t body_length;
	uint32_t nr;			/* rows */
};

/* The next buffer, which has to have @size bytes or more. */
static const uint8_t *next_buffer(struct batch *batch, uint64_t size,
				  uint64_t *length)
{
	uint64_t offset, bytes;

	if (!batch->nr_buffers--) {
		batch->nr_buffers = 0;
		batch->flat->bad = true;
		return NULL;
	}
	offset = flat_number(batch->flat, batch->buffers, 8);
	bytes = flat_number(batch->flat, batch->buffers + 8, 8);
	batch->buffers += sizeof(struct buffer);
	if (offset > batch->body_length || bytes > batch->body_length - offset ||
	    bytes < size)
		batch->flat->bad = true;
	*length = bytes;
	return batch->flat->bad ? NULL : batch->body + offset;
}

/* A node has no nulls, so what would tell them is not looked at. */
static void skip_node(struct batch *batch)
{
	uint64_t length;

	if (!batch->nr_nodes || flat_number(batch->flat, batch->nodes + 8, 8)) {
		batch->flat->bad = true;
		return;
	}
	batch->nr_nodes--;
	batch->nodes += sizeof(struct node);
	next_buffer(batch, 0, &length);
}

static void take_text(struct batch *batch, uint8_t *to, uint32_t stride,
		      uint32_t size)
{
	uint64_t length, i;
	const uint8_t *offsets, *text;
	uint32_t ends[2];

	offsets = next_buffer(batch, 4 * ((uint64_t)batch->nr + 1), &length);
	text = next_buffer(batch, 0, &length);
	for (i = 0; i < batch->nr && !batch->flat->bad; i++, to += stride) {
		memcpy(ends, offsets + 4 * i, sizeof(ends));
		if (ends[0] > ends[1] || ends[1] > length)
			batch->flat->bad = true;
		else
			memcpy(to, text + ends[0], ends[1] - ends[0] < size ?
			       ends[1] - ends[0] : size);
	}
}

static void take_bits(struct batch *batch, uint8_t *to, uint32_t stride,
		      uint32_t count)
{
	uint64_t bit = 0, length;
	const uint8_t *bits;
	uint32_t row, i;

	bits = next_buffer(batch, ((uint64_t)batch->nr * count + 7) / 8, &length);
	for (row = 0; row < batch->nr && bits; row++, to += stride)
		for (i = 0; i < count; i++, bit++)
			to[i] = bits[bit / 8] >> bit % 8 & 1;
}

static void take_numbers(struct batch *batch, uint8_t *to, uint32_t stride,
			 uint32_t size)
{
	uint64_t length;
	const uint8_t *from = next_buffer(batch, (uint64_t)batch->nr * size, &length);
	uint32_t row;

	for (row = 0; row < batch->nr && from; row++, to += stride, from += size)
		memcpy(to, from, size);
}

static void take_column(struct batch *batch, const struct column *column,
			uint8_t *rows, uint32_t row_size)
{
	uint8_t *to = rows + column->offset;

	skip_node(batch);
	if (column->type == KERNMLOPS_FIELD_TYPE_CHAR) {
		take_text(batch, to, row_size, column->count);
		return;
	}
	if (column->count > 1)
		skip_node(batch);
	if (column->type == KERNMLOPS_FIELD_TYPE_BOOL)
		take_bits(batch, to, row_size, column->count);
	else
		take_numbers(batch, to, row_size,
			     field_type_size(column->type) * column->count);
}

static int take_batch(struct row_source *source, struct message *message,
		      const uint8_t *body)
{
	const struct columns *columns = &source->columns;
	struct flat *flat = &message->flat;
	struct batch batch = {
		.flat = flat,
		.body = body,
		.body_length = message->body_length,
	};
	uint64_t nr = flat_field_number(flat, message->header, BATCH_LENGTH, 8);
	unsigned int i;

	if (flat_find(flat, message->header, BATCH_COMPRESSION))
		return source_bad(source, "it is compressed, which no export of kmlopsctl is");
	batch.nodes = flat_elements(flat, flat_field_target(flat, message->header,
							    BATCH_NODES),
				    sizeof(struct node), &batch.nr_nodes);
	batch.buffers = flat_elements(flat, flat_field_target(flat, message->header,
							      BATCH_BUFFERS),
				      sizeof(struct buffer), &batch.nr_buffers);
	if (flat->bad || nr > BODY_MAX / columns->row_size)
		return source_bad(source, damaged);
	batch.nr = nr;
	source->rows.size = 0;
	bytes_add(&source->rows, NULL, nr * columns->row_size);
	for (i = 0; i < columns->nr && !flat->bad; i++)
		take_column(&batch, &columns->columns[i], source->rows.data,
			    columns->row_size);
	if (flat->bad)
		return source_bad(source, damaged);
	source->nr = nr;
	return DONE;
}

/* An empty batch is none; the rest of the file is only for those who seek. */
static int read_batch(struct row_source *source)
{
	struct message message;
	uint8_t *body = NULL;
	int code;

	do {
		code = read_message(source, &message);
		if (code == DONE && message.type) {
			body = xalloc(message.body_length + 1);
			if (fread(body, 1, message.body_length, source->in) !=
			    message.body_length)
				code = source_bad(source, truncated);
			else if (message.type == HEADER_RECORD_BATCH)
				code = take_batch(source, &message, body);
		}
		free(body);
		body = NULL;
		free(message.data);
	} while (code == DONE && message.type && !source->nr);
	return code;
}

const struct source_format arrow_source = {
	.magic = ARROW_MAGIC,
	.magic_size = sizeof(ARROW_MAGIC) + 1,
	.begin = begin,
	.read = read_batch,
};
