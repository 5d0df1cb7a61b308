/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * FlatBuffers as they are read: a place that is not in the buffer makes it bad,
 * and every read after that gives 0, so that it is asked once, at the end.
 */
#ifndef KMLOPSCTL_FLATBUFFER_READ_H
#define KMLOPSCTL_FLATBUFFER_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct flat {
	const uint8_t *data;
	size_t size;
	bool bad;
};

/* A number of 1, 2, 4 or 8 bytes. */
uint64_t flat_number(struct flat *flat, size_t place, size_t size);
/* The place that the offset at @place refers to. */
size_t flat_target(struct flat *flat, size_t place);
/* The place of field @nr of a table; 0: it is absent. */
size_t flat_find(struct flat *flat, size_t table, unsigned int nr);
/* The same of a number; 0 if it is absent. */
uint64_t flat_field_number(struct flat *flat, size_t table, unsigned int nr,
			   size_t size);
/* And of what a field refers to: a table, a vector or a string; 0: absent. */
size_t flat_field_target(struct flat *flat, size_t table, unsigned int nr);
/*
 * The first element of a vector of elements of @size bytes; a string is one of
 * bytes. A @vector of 0 has none.
 */
size_t flat_elements(struct flat *flat, size_t vector, size_t size, uint32_t *nr);

#endif /* KMLOPSCTL_FLATBUFFER_READ_H */
