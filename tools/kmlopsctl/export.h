/* SPDX-License-Identifier: GPL-2.0-only */
/* Rows of a store as files, and what they mean. */
#ifndef KMLOPSCTL_EXPORT_H
#define KMLOPSCTL_EXPORT_H

#include "kmlopsctl.h"
#include "rows.h"
#include "store.h"

/* What to export, and where to: a file, or a directory of them. */
struct export_order {
	struct row_range range;
	const char *file;	/* with a description in FILE.meta.json, or */
	const char *dir;	/* DIR/STORE/part-N.FORMAT and _meta.json */
	enum format format;
	uint64_t part_rows;	/* of each file in @dir; 0: all in one */
	bool consume;		/* let a lossless store overwrite them then */
};

/*
 * Write the rows. No file is there before it is complete, the description
 * comes last. Rows that are missing and that nobody counted are an error. An
 * exit code.
 */
int export_rows(const struct store *store, const struct export_order *order);

/*
 * The same while rows are captured, into a directory: its description comes
 * first, then a part for what is new at each export_more(), and at the end the
 * description again. Whatever ends the program, the parts that are there can be
 * read. NULL after a report; the others give exit codes. @store and @order have
 * to stay.
 */
struct export *export_open(const struct store *store,
			   const struct export_order *order);
int export_more(struct export *export);
int export_close(struct export *export);	/* and free it */
/* So far. */
uint64_t export_rows_written(const struct export *export);
uint64_t export_rows_lost(const struct export *export);

#endif /* KMLOPSCTL_EXPORT_H */
