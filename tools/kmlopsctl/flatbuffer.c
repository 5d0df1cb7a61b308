// SPDX-License-Identifier: GPL-2.0-only
/* FlatBuffers: tables, vectors and strings, in the order of their references. */
#include <string.h>

#include "flatbuffer.h"

void flat_set(struct bytes *flat, size_t place, uint64_t number, size_t size)
{
	memcpy(flat->data + place, &number, size);	/* little-endian */
}

/* Make @from refer to @to; offsets are relative to where they stand. */
static void refer(struct bytes *flat, size_t from, size_t to)
{
	flat_set(flat, from, to - from, FLAT_OFFSET);
}

/*
 * In front of a table stands its vtable: its size, that of the table, and for
 * each field the offset in the table, 0 if it is absent. The table begins with
 * the distance to it.
 */
size_t flat_table(struct bytes *flat, size_t from, const uint8_t *sizes,
		  unsigned int nr)
{
	size_t vtable_size = 2 * (nr + 2), table_size = 4;
	size_t vtable, table;
	unsigned int i;

	/* The table is to begin at a multiple of 8. */
	bytes_align(flat, 8);
	bytes_add(flat, NULL, -vtable_size % 8);
	vtable = bytes_add(flat, NULL, vtable_size);
	for (i = 0; i < nr; i++) {
		if (!sizes[i])
			continue;
		table_size += -table_size % sizes[i];
		flat_set(flat, vtable + 4 + 2 * i, table_size, 2);
		table_size += sizes[i];
	}
	table = bytes_add(flat, NULL, table_size);
	flat_set(flat, vtable, vtable_size, 2);
	flat_set(flat, vtable + 2, table_size, 2);
	flat_set(flat, table, table - vtable, 4);
	refer(flat, from, table);
	return table;
}

size_t flat_field(const struct bytes *flat, size_t table, unsigned int nr)
{
	uint32_t distance;
	uint16_t offset;

	memcpy(&distance, flat->data + table, sizeof(distance));
	memcpy(&offset, flat->data + table - distance + 4 + 2 * nr,
	       sizeof(offset));
	return table + offset;
}

size_t flat_vector(struct bytes *flat, size_t from, uint32_t nr, size_t size)
{
	size_t align = size > 8 ? 8 : size, vector;

	/* The elements are aligned, the count stands right before them. */
	bytes_align(flat, 4);
	if (align == 8 && flat->size % 8 == 0)
		bytes_add(flat, NULL, 4);
	vector = bytes_add(flat, &nr, sizeof(nr));
	refer(flat, from, vector);
	return bytes_add(flat, NULL, nr * size);
}

void flat_string(struct bytes *flat, size_t from, const char *string)
{
	uint32_t len = strlen(string);

	bytes_align(flat, 4);
	refer(flat, from, flat->size);
	bytes_add(flat, &len, sizeof(len));
	bytes_add(flat, string, len + 1);
}
