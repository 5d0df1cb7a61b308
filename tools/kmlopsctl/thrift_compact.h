/* SPDX-License-Identifier: GPL-2.0-only */
/* Thrift's compact protocol, the encoding of Parquet's metadata, to write it. */
#ifndef KMLOPSCTL_THRIFT_COMPACT_H
#define KMLOPSCTL_THRIFT_COMPACT_H

#include <stdbool.h>

#include "bytes.h"

#define THRIFT_DEPTH	8

/* Structs in structs; the fields of each are written in order of their number. */
struct thrift {
	struct bytes bytes;
	unsigned int depth;
	int last[THRIFT_DEPTH];	/* number of the last field, by depth */
};

enum thrift_type {
	THRIFT_I32 = 5,
	THRIFT_I64 = 6,
	THRIFT_BINARY = 8,
	THRIFT_STRUCT = 12,
};

void thrift_bool(struct thrift *thrift, int field, bool value);
void thrift_i8(struct thrift *thrift, int field, int8_t value);
void thrift_i32(struct thrift *thrift, int field, int32_t value);
void thrift_i64(struct thrift *thrift, int field, int64_t value);
void thrift_binary(struct thrift *thrift, int field, const void *data,
		   size_t size);
void thrift_string(struct thrift *thrift, int field, const char *string);

/* A list; its @nr elements follow, without field numbers. */
void thrift_list(struct thrift *thrift, int field, enum thrift_type type,
		 uint32_t nr);
void thrift_element_i32(struct thrift *thrift, int32_t value);
void thrift_element_string(struct thrift *thrift, const char *string);

/* A struct as a field, or as an element of a list or on its own. */
void thrift_begin(struct thrift *thrift, int field);
void thrift_begin_element(struct thrift *thrift);
void thrift_end(struct thrift *thrift);

#endif /* KMLOPSCTL_THRIFT_COMPACT_H */
