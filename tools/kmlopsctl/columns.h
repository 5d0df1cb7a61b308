/* SPDX-License-Identifier: GPL-2.0-only */
/* The columns of the packed rows of a store, the same for all who read rows. */
#ifndef KMLOPSCTL_COLUMNS_H
#define KMLOPSCTL_COLUMNS_H

#include <stdbool.h>
#include <stdint.h>
#include <json-c/json.h>

#include "store.h"

enum column_origin { COLUMN_ROW, COLUMN_KEY, COLUMN_VALUE };

struct column {
	char *name;		/* unique in the table */
	char *json;		/* what stands before its value in JSON */
	const char *unit;	/* NULL: unknown */
	uint32_t type;		/* enum kernmlops_field_type */
	uint32_t offset;	/* in the packed row */
	uint32_t count;
	enum column_origin origin;
};

struct columns {
	struct column *columns;
	unsigned int nr;
	uint32_t row_size;	/* of a packed row */
	uint32_t value_offset;
};

/* Refers to names and units of @store, which has to stay. */
void columns_of_store(struct columns *columns, const struct store *store);
void columns_free(struct columns *columns);

/* The time of the row: CLOCK_MONOTONIC nanoseconds, always below 2^63. */
bool column_is_time(const struct column *column);

struct json_object *columns_json(const struct columns *columns);
/* Whether what columns_json() gave once tells of the same; units may differ. */
bool columns_are(const struct columns *columns, struct json_object *json);

#endif /* KMLOPSCTL_COLUMNS_H */
