// SPDX-License-Identifier: GPL-2.0-only
/*
 * write_rows FORMAT ROWS FILE: rows that are made up, by the code that
 * kmlopsctl writes exports with.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "columns.h"
#include "kmlopsctl.h"
#include "made_rows.h"
#include "output.h"
#include "row_writer.h"

/* As many as a message of the kernel holds. */
#define BLOCK_ROWS	200

/* What an export says of its rows, as far as readers need it. */
static const char *about(const struct columns *columns, struct json_object *rows)
{
	struct json_object *json = json_object_new_object();
	struct json_object *store = json_object_new_object();

	json_add_string(store, "name", "made");
	json_object_object_add(json, "store", store);
	json_object_object_add(json, "columns", columns_json(columns));
	json_add_string(json, "clock", "CLOCK_MONOTONIC");
	json_object_object_add(json, "rows", rows);
	json_add_uint(json, "lost", 0);
	return json_object_to_json_string(json);
}

int main(int argc, char **argv)
{
	struct row_writer writer;
	struct columns columns;
	struct store store;
	uint64_t rows, at;
	int format, err;
	void *block;
	FILE *out;

	format = argc == 4 ? word_find("format", argv[1], format_names) : -1;
	if (format < 0 || !parse_u64("ROWS", argv[2], &rows))
		return fail_usage("write_rows FORMAT ROWS FILE");
	out = fopen(argv[3], "w+");
	if (!out) {
		perror(argv[3]);
		return REFUSED;
	}

	made_store(&store);
	columns_of_store(&columns, &store);
	block = xalloc((size_t)BLOCK_ROWS * columns.row_size);
	rows_begin(&writer, format, &columns, about(&columns, NULL), out);
	for (at = 0; at < rows; at += BLOCK_ROWS) {
		uint32_t nr = rows - at < BLOCK_ROWS ? rows - at : BLOCK_ROWS;

		made_rows(block, at, nr);
		rows_write(&writer, block, nr);
	}
	writer.about = about(&columns, json_object_new_uint64(rows));
	err = rows_end(&writer, true);
	if (err)
		fprintf(stderr, "%s: %s\n", argv[3], strerror(-err));
	return err ? REFUSED : DONE;
}
