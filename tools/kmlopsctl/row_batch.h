/* SPDX-License-Identifier: GPL-2.0-only */
/* Packed rows turned into columns, a batch at a time. */
#ifndef KMLOPSCTL_ROW_BATCH_H
#define KMLOPSCTL_ROW_BATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "bytes.h"
#include "columns.h"

/* What a format wants of a batch. */
struct batch_layout {
	bool split;		/* arrays: each element a column of its own */
	bool widen;		/* integers: at least four bytes */
};

/* A column of a batch: for each row @count elements in @width bytes. */
struct batch_column {
	const struct column *column;
	char *name;		/* of the column, with _N for one that was split */
	uint32_t offset;	/* in the packed row */
	uint32_t count;
	uint32_t size;		/* of all elements in the row */
	uint32_t width;		/* and in the batch */
	uint8_t *data;
};

struct row_batch {
	uint32_t row_size;
	uint32_t nr;		/* rows */
	uint32_t room;
	struct batch_column *columns;
	unsigned int nr_columns;
};

void row_batch_init(struct row_batch *batch, const struct columns *columns,
		    struct batch_layout layout);
/* Take as many of the rows as there is room for; gives how many. */
uint32_t row_batch_add(struct row_batch *batch, const uint8_t *rows,
		       uint32_t nr);
void row_batch_free(struct row_batch *batch);

/* A column of bool as bits, the first row in the lowest one. */
void batch_bits(const struct row_batch *batch,
		const struct batch_column *column, struct bytes *bits);

/*
 * A column of char as UTF-8, each row up to its first NUL; bytes that are no
 * UTF-8 become U+FFFD. Appended to @text one after the other: each with its
 * length before it, four bytes, or its end noted in @ends.
 */
void batch_text(const struct row_batch *batch,
		const struct batch_column *column, bool with_lengths,
		struct bytes *text, uint32_t *ends);

#endif /* KMLOPSCTL_ROW_BATCH_H */
