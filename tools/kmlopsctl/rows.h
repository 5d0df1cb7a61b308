/* SPDX-License-Identifier: GPL-2.0-only */
/* Rows of a store, read from the kernel. */
#ifndef KMLOPSCTL_ROWS_H
#define KMLOPSCTL_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "columns.h"
#include "row_writer.h"

struct row_range {
	bool has_from, has_to;
	uint64_t from, to;	/* from <= time < to */
};

/* Where a dump ended and the next one goes on; zeroed: where the range starts. */
struct row_cursor {
	void *data;		/* to be freed */
	uint32_t size;
};

/* Gets rows; a negative errno ends the dump with it. */
typedef int (*rows_taker)(const void *rows, uint32_t nr, void *arg);

/*
 * Give all rows of @store in the range to @take, which expects them to be of
 * the size that @columns say. With a cursor (may be NULL) only those behind it,
 * and it moves to where they end. *@lost receives how many were overwritten
 * before they could be read. 0 or a negative errno.
 */
int rows_dump(const char *store, const struct row_range *range,
	      struct row_cursor *cursor, const struct columns *columns,
	      rows_taker take, void *arg, uint64_t *lost);
/* A taker whose argument is a row_writer. */
int rows_to_writer(const void *rows, uint32_t nr, void *writer);

/* Let a lossless store overwrite the rows before the cursor. */
int rows_consume(const char *store, const struct row_cursor *cursor);

#endif /* KMLOPSCTL_ROWS_H */
