/* SPDX-License-Identifier: GPL-2.0-only */
/* Rows of a store as a file, with a description beside it. */
#ifndef KMLOPSCTL_EXPORT_H
#define KMLOPSCTL_EXPORT_H

#include "kmlopsctl.h"
#include "rows.h"
#include "store.h"

/*
 * Write the rows of @store in the range to @file and what they mean to
 * @file.meta.json; neither is there before it is complete. With @consume, a
 * lossless store may overwrite the rows when they are there. Returns an exit
 * code.
 */
int export_rows(const struct store *store, const struct row_range *range,
		const char *file, enum format format, bool consume);

#endif /* KMLOPSCTL_EXPORT_H */
