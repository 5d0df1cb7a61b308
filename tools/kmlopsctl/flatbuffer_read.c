// SPDX-License-Identifier: GPL-2.0-only
/* FlatBuffers: what flatbuffer.c describes, read back. */
#include <string.h>

#include "flatbuffer_read.h"

uint64_t flat_number(struct flat *flat, size_t place, size_t size)
{
	uint64_t number = 0;

	if (flat->bad || place > flat->size || size > flat->size - place) {
		flat->bad = true;
		return 0;
	}
	memcpy(&number, flat->data + place, size);	/* little-endian */
	return number;
}

size_t flat_target(struct flat *flat, size_t place)
{
	return place + flat_number(flat, place, 4);
}

size_t flat_find(struct flat *flat, size_t table, unsigned int nr)
{
	size_t vtable, place = 4 + 2 * nr;
	int32_t distance = flat_number(flat, table, 4);
	uint16_t offset;

	/* The vtable stands before or behind its table. */
	if (flat->bad || distance > (int64_t)table) {
		flat->bad = true;
		return 0;
	}
	vtable = table - distance;
	if (place + 2 > flat_number(flat, vtable, 2))
		return 0;
	offset = flat_number(flat, vtable + place, 2);
	return offset && !flat->bad ? table + offset : 0;
}

uint64_t flat_field_number(struct flat *flat, size_t table, unsigned int nr,
			   size_t size)
{
	size_t place = flat_find(flat, table, nr);

	return place ? flat_number(flat, place, size) : 0;
}

size_t flat_field_target(struct flat *flat, size_t table, unsigned int nr)
{
	size_t place = flat_find(flat, table, nr);

	return place ? flat_target(flat, place) : 0;
}

size_t flat_elements(struct flat *flat, size_t vector, size_t size, uint32_t *nr)
{
	*nr = vector ? flat_number(flat, vector, 4) : 0;
	if (flat->bad || !vector)
		return 0;
	vector += 4;
	if (vector > flat->size || *nr > (flat->size - vector) / size) {
		flat->bad = true;
		*nr = 0;
	}
	return vector;
}
