/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * FlatBuffers, the encoding of Arrow's metadata: what is needed to write them.
 *
 * A buffer is written from its root on: a table is appended, then what its
 * fields refer to, which is always further on. Places are offsets in the
 * buffer; they stay valid while it grows.
 */
#ifndef KMLOPSCTL_FLATBUFFER_H
#define KMLOPSCTL_FLATBUFFER_H

#include "bytes.h"

#define FLAT_OFFSET	4	/* size of a field that refers to something */

/*
 * Append a table, all zero, whose fields have these sizes: 1, 2, 4, 8, or 0
 * for one that is absent. @from is the place that is to refer to it.
 */
size_t flat_table(struct bytes *flat, size_t from, const uint8_t *sizes,
		  unsigned int nr);
/* The place of field @nr of a table. */
size_t flat_field(const struct bytes *flat, size_t table, unsigned int nr);
void flat_set(struct bytes *flat, size_t place, uint64_t number, size_t size);

/*
 * Append a vector of @nr zeroed elements of @size bytes, a power of two or a
 * multiple of 8, that the place @from refers to. Gives the place of the first.
 */
size_t flat_vector(struct bytes *flat, size_t from, uint32_t nr, size_t size);
void flat_string(struct bytes *flat, size_t from, const char *string);

#endif /* KMLOPSCTL_FLATBUFFER_H */
