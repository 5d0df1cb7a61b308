// SPDX-License-Identifier: GPL-2.0-only
/*
 * An NPY file holds packed rows as they are; that they are like those of the
 * store is seen by its header, which has to be what an export of the store
 * would write.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "kmlopsctl.h"
#include "row_npy.h"
#include "recorded_rows.h"

#define BLOCK_ROWS	256

/* The number of rows stands behind their type. */
static int begin(struct row_source *source)
{
	char *type = npy_type_of_rows(&source->columns), *header, *end;
	size_t type_size = strlen(type), size;
	uint8_t length[NPY_PREAMBLE - (sizeof(NPY_MAGIC) - 1)] = { 0 };
	int code = DONE;

	/* A header that has no length is not that of any rows. */
	fread(length, sizeof(length), 1, source->in);
	size = length[0] | length[1] << 8;
	header = xalloc(size + 1);
	if (fread(header, 1, size, source->in) != size ||
	    strncmp(header, type, type_size)) {
		code = source_other_fields(source);
	} else {
		errno = 0;
		source->left = strtoull(header + type_size, &end, 10);
		if (errno || end == header + type_size || *end != ',')
			code = source_bad(source,
					  "the header does not say how many rows there are");
	}
	free(header);
	free(type);
	return code;
}

static int read_block(struct row_source *source)
{
	uint32_t nr = source->left < BLOCK_ROWS ? source->left : BLOCK_ROWS;
	uint32_t row_size = source->columns.row_size;

	source->rows.size = 0;
	bytes_reserve(&source->rows, (size_t)nr * row_size);
	if (fread(source->rows.data, row_size, nr, source->in) != nr)
		return source_bad(source,
				  "the file is truncated: it has not the rows that it says");
	source->left -= nr;
	source->nr = nr;
	return DONE;
}

const struct source_format npy_source = {
	.magic = NPY_MAGIC,
	.magic_size = sizeof(NPY_MAGIC) - 1,
	.begin = begin,
	.read = read_block,
};
