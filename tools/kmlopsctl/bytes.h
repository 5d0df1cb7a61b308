/* SPDX-License-Identifier: GPL-2.0-only */
/* Bytes in memory that grow at their end. */
#ifndef KMLOPSCTL_BYTES_H
#define KMLOPSCTL_BYTES_H

#include <stddef.h>
#include <stdint.h>

/* Zeroed: none, and no memory. */
struct bytes {
	uint8_t *data;
	size_t size;
	size_t room;
};

/* Room for @size more bytes behind the end, which it does not move. */
uint8_t *bytes_reserve(struct bytes *bytes, size_t size);
/* Append @data, or zeros if it is NULL. Gives the place where it begins. */
size_t bytes_add(struct bytes *bytes, const void *data, size_t size);
/* Append zeros up to a multiple of @align. */
void bytes_align(struct bytes *bytes, size_t align);
void bytes_free(struct bytes *bytes);

#endif /* KMLOPSCTL_BYTES_H */
