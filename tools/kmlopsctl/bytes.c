// SPDX-License-Identifier: GPL-2.0-only
/* Bytes in memory that grow at their end. */
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "kmlopsctl.h"

uint8_t *bytes_reserve(struct bytes *bytes, size_t size)
{
	if (bytes->room - bytes->size < size) {
		bytes->room = bytes->size + size + bytes->room / 2;
		bytes->data = xrealloc(bytes->data, bytes->room);
	}
	return bytes->data + bytes->size;
}

size_t bytes_add(struct bytes *bytes, const void *data, size_t size)
{
	uint8_t *to = bytes_reserve(bytes, size);

	if (data && size)
		memcpy(to, data, size);
	else if (size)
		memset(to, 0, size);
	bytes->size += size;
	return bytes->size - size;
}

void bytes_align(struct bytes *bytes, size_t align)
{
	bytes_add(bytes, NULL, -bytes->size % align);
}

void bytes_free(struct bytes *bytes)
{
	free(bytes->data);
	*bytes = (struct bytes){ 0 };
}
