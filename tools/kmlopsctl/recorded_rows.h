/* SPDX-License-Identifier: GPL-2.0-only */
/* Rows read back from an export, packed as the kernel has them. */
#ifndef KMLOPSCTL_RECORDED_ROWS_H
#define KMLOPSCTL_RECORDED_ROWS_H

#include <stdio.h>

#include "bytes.h"
#include "columns.h"
#include "store.h"

struct row_source {
	/* What the rows have to be. */
	const struct store *store;
	struct columns columns;

	/* Files, in order. */
	char **names;
	size_t nr_names;
	size_t next_name;

	/* The one that is read. */
	const char *name;
	FILE *in;
	const struct source_format *format;
	uint64_t left;		/* rows that are yet to be read, of an npy file */
	uint64_t last;		/* time of the row before */

	/* Rows of it in memory. */
	struct bytes rows;
	uint32_t nr;
	uint32_t next;
};

/*
 * How a format is read: begin a file behind its first bytes, then read some
 * rows at a time; 0 rows are the end. Both give an exit code.
 */
struct source_format {
	char magic[8];
	size_t magic_size;
	int (*begin)(struct row_source *source);
	int (*read)(struct row_source *source);
};

extern const struct source_format npy_source;
extern const struct source_format arrow_source;

/*
 * Open an export of rows like those of @store: a file, or a directory of parts.
 * Nothing but the names is read yet. An exit code; close it in any case.
 */
int source_open(struct row_source *source, const char *path,
		const struct store *store);
/* The next row; NULL at the end, or with an exit code in *@code. */
const uint8_t *source_next(struct row_source *source, int *code);
void source_close(struct row_source *source);

/* For the formats: report that the file is not what it should be. */
int source_bad(const struct row_source *source, const char *what);
int source_other_fields(const struct row_source *source);

#endif /* KMLOPSCTL_RECORDED_ROWS_H */
