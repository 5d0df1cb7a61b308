/* SPDX-License-Identifier: GPL-2.0-only */
/* Packed rows into a file, in any format. */
#ifndef KMLOPSCTL_ROW_WRITER_H
#define KMLOPSCTL_ROW_WRITER_H

#include <stdint.h>
#include <stdio.h>

#include "columns.h"
#include "kmlopsctl.h"

struct row_format;

/* The key under which a file that holds metadata has row_writer.about. */
#define ROWS_ABOUT_KEY	"kernmlops"

/* Writes packed rows into a file. */
struct row_writer {
	const struct row_format *format;
	const struct columns *columns;
	FILE *out;
	const char *about;	/* JSON on the rows; may be another at the end */
	uint64_t rows;		/* written so far */
	bool begun;		/* something was written at all */
	void *state;		/* of the format */
};

/*
 * @about (may be NULL) stays the caller's. FORMAT_NPY needs a file that can be
 * sought.
 */
void rows_begin(struct row_writer *writer, enum format format,
		const struct columns *columns, const char *about, FILE *out);
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

#endif /* KMLOPSCTL_ROW_WRITER_H */
