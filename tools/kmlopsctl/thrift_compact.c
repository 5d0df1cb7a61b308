// SPDX-License-Identifier: GPL-2.0-only
/* Thrift's compact protocol. */
#include <string.h>

#include "thrift_compact.h"

/* The types that only this file needs to know. */
enum { THRIFT_TRUE = 1, THRIFT_FALSE = 2, THRIFT_BYTE = 3, THRIFT_LIST = 9 };

static void put_byte(struct thrift *thrift, uint8_t byte)
{
	bytes_add(&thrift->bytes, &byte, 1);
}

/* Seven bits a byte, the lowest first; the top bit says that more follow. */
static void put_varint(struct thrift *thrift, uint64_t number)
{
	for (; number >= 0x80; number >>= 7)
		put_byte(thrift, number | 0x80);
	put_byte(thrift, number);
}

/* The sign in the lowest bit, so that small numbers are short. */
static void put_zigzag(struct thrift *thrift, int64_t number)
{
	put_varint(thrift, (uint64_t)number << 1 ^ number >> 63);
}

static void put_field(struct thrift *thrift, int field, int type)
{
	int *last = &thrift->last[thrift->depth];

	/* No struct of Parquet has a gap of more than 15 numbers. */
	put_byte(thrift, (field - *last) << 4 | type);
	*last = field;
}

void thrift_bool(struct thrift *thrift, int field, bool value)
{
	put_field(thrift, field, value ? THRIFT_TRUE : THRIFT_FALSE);
}

void thrift_i8(struct thrift *thrift, int field, int8_t value)
{
	put_field(thrift, field, THRIFT_BYTE);
	put_byte(thrift, value);
}

void thrift_i32(struct thrift *thrift, int field, int32_t value)
{
	put_field(thrift, field, THRIFT_I32);
	put_zigzag(thrift, value);
}

void thrift_i64(struct thrift *thrift, int field, int64_t value)
{
	put_field(thrift, field, THRIFT_I64);
	put_zigzag(thrift, value);
}

static void put_binary(struct thrift *thrift, const void *data, size_t size)
{
	put_varint(thrift, size);
	bytes_add(&thrift->bytes, data, size);
}

void thrift_binary(struct thrift *thrift, int field, const void *data,
		   size_t size)
{
	put_field(thrift, field, THRIFT_BINARY);
	put_binary(thrift, data, size);
}

void thrift_string(struct thrift *thrift, int field, const char *string)
{
	thrift_binary(thrift, field, string, strlen(string));
}

void thrift_list(struct thrift *thrift, int field, enum thrift_type type,
		 uint32_t nr)
{
	put_field(thrift, field, THRIFT_LIST);
	if (nr < 15) {
		put_byte(thrift, nr << 4 | type);
		return;
	}
	put_byte(thrift, 0xf0 | type);
	put_varint(thrift, nr);
}

void thrift_element_i32(struct thrift *thrift, int32_t value)
{
	put_zigzag(thrift, value);
}

void thrift_element_string(struct thrift *thrift, const char *string)
{
	put_binary(thrift, string, strlen(string));
}

void thrift_begin_element(struct thrift *thrift)
{
	thrift->last[++thrift->depth] = 0;
}

void thrift_begin(struct thrift *thrift, int field)
{
	put_field(thrift, field, THRIFT_STRUCT);
	thrift_begin_element(thrift);
}

void thrift_end(struct thrift *thrift)
{
	put_byte(thrift, 0);
	thrift->depth--;
}
