/* SPDX-License-Identifier: GPL-2.0-only */
/* Rows of a store: reading them, and writing them in each format. */
#ifndef KMLOPSCTL_ROWS_H
#define KMLOPSCTL_ROWS_H

#include <stdint.h>
#include <stdio.h>
#include <json-c/json.h>

#include "columns.h"
#include "kmlopsctl.h"

struct row_format;

/* Writes packed rows into a file. */
struct row_writer {
	const struct row_format *format;
	const struct columns *columns;
	FILE *out;
	uint64_t rows;		/* written so far */
	bool begun;		/* something was written at all */
	void *state;		/* of the format */
};

/* FORMAT_NPY needs a file that can be sought. */
void rows_begin(struct row_writer *writer, enum format format,
		const struct columns *columns, FILE *out);
void rows_write(struct row_writer *writer, const void *rows, uint32_t nr);
/*
 * Write what is left and flush; 0 or a negative errno of any write so far.
 * Nothing is written if the rows are not @good and there were none.
 */
int rows_end(struct row_writer *writer, bool good);

/* One packed row for people: a line for each column. */
void row_print(const struct columns *columns, const void *row);
/* One packed row as JSON. */
void row_print_json(const struct columns *columns, const void *row);

struct row_range {
	bool has_from, has_to;
	uint64_t from, to;	/* from <= time < to */
};

/* Where a dump ended and the next one goes on; zeroed: where the range starts. */
struct row_cursor {
	void *data;		/* to be freed */
	uint32_t size;
};

/*
 * Give all rows of @store in the range to @writer. With a cursor (may be NULL)
 * only those behind it, and it moves to where they end. *@lost receives how
 * many were overwritten before they could be read. 0 or a negative errno.
 */
int rows_dump(const char *store, const struct row_range *range,
	      struct row_cursor *cursor, struct row_writer *writer,
	      uint64_t *lost);

/* Let a lossless store overwrite the rows before the cursor. */
int rows_consume(const char *store, const struct row_cursor *cursor);

#endif /* KMLOPSCTL_ROWS_H */
