/* SPDX-License-Identifier: GPL-2.0-only */
/* Data on stdout: JSON, and tables for people. */
#ifndef KMLOPSCTL_OUTPUT_H
#define KMLOPSCTL_OUTPUT_H

#include <stddef.h>
#include <stdint.h>
#include <json-c/json.h>

/* Print @json as the options ask for, and free it. */
void out_json(struct json_object *json);
/* Print a list: one array, or one line for each element with -o jsonl. */
void out_json_list(struct json_object *array);

void json_add_string(struct json_object *to, const char *name, const char *s);
void json_add_uint(struct json_object *to, const char *name, uint64_t v);
void json_add_int(struct json_object *to, const char *name, int64_t v);

/*
 * A table of aligned columns. Headers are given at once; a header that begins
 * with '>' makes its column right-aligned. Cells are given row by row.
 */
struct table;
struct table *table_new(const char *const *headers);	/* NULL-terminated */
void table_cell(struct table *table, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void table_print(struct table *table);			/* and free */

/* Numbers for people, in @buf: 1.5 MiB; 1.234 ms. They return @buf. */
#define HUMAN_LEN 32
char *human_bytes(char *buf, uint64_t bytes);
char *human_ns(char *buf, uint64_t ns);

#endif /* KMLOPSCTL_OUTPUT_H */
