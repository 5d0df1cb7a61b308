/* SPDX-License-Identifier: GPL-2.0-only */
/* Numbers of Arrow's Schema.fbs, Message.fbs and File.fbs. */
#ifndef KMLOPSCTL_ARROW_H
#define KMLOPSCTL_ARROW_H

#include <stdint.h>

#define ARROW_MAGIC	"ARROW1"	/* and two zeros, at the begin of a file */

enum { METADATA_V5 = 4 };
enum { HEADER_SCHEMA = 1, HEADER_RECORD_BATCH = 3 };
enum { TYPE_INT = 2, TYPE_FLOAT = 3, TYPE_UTF8 = 5, TYPE_BOOL = 6,
	TYPE_FIXED_SIZE_LIST = 16 };
enum { PRECISION_SINGLE = 1, PRECISION_DOUBLE = 2 };
enum { MESSAGE_VERSION, MESSAGE_HEADER_TYPE, MESSAGE_HEADER,
	MESSAGE_BODY_LENGTH };
enum { SCHEMA_ENDIANNESS, SCHEMA_FIELDS, SCHEMA_METADATA };
enum { FIELD_NAME, FIELD_NULLABLE, FIELD_TYPE_TYPE, FIELD_TYPE,
	FIELD_DICTIONARY, FIELD_CHILDREN, FIELD_METADATA };
enum { BATCH_LENGTH, BATCH_NODES, BATCH_BUFFERS, BATCH_COMPRESSION };
enum { FOOTER_VERSION, FOOTER_SCHEMA, FOOTER_DICTIONARIES, FOOTER_BATCHES };

struct node {
	int64_t length;
	int64_t null_count;
};

struct buffer {
	int64_t offset;
	int64_t length;
};

#endif /* KMLOPSCTL_ARROW_H */
