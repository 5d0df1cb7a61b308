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

#endif /* KMLOPSCTL_EXPORT_H */
