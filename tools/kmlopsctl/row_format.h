/* SPDX-License-Identifier: GPL-2.0-only */
/* The formats that rows can be written in; one file each. */
#ifndef KMLOPSCTL_ROW_FORMAT_H
#define KMLOPSCTL_ROW_FORMAT_H

#include "row_writer.h"

/* What a format does; any of them may be NULL. */
struct row_format {
	void (*begin)(struct row_writer *writer);
	/* Rows as they come, or */
	void (*rows)(struct row_writer *writer, const uint8_t *rows,
		     uint32_t nr);
	/* one by one. */
	void (*row)(struct row_writer *writer, const uint8_t *row);
	void (*end)(struct row_writer *writer);
};

extern const struct row_format table_format;
extern const struct row_format json_format;
extern const struct row_format jsonl_format;
extern const struct row_format csv_format;
extern const struct row_format npy_format;
extern const struct row_format arrow_format;
extern const struct row_format arrow_stream_format;
extern const struct row_format parquet_format;

#endif /* KMLOPSCTL_ROW_FORMAT_H */
