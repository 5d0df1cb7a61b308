/* SPDX-License-Identifier: GPL-2.0-only */
/* The schema of a store on the command line: FIELD:TYPE[:UNIT][,...]. */
#ifndef KMLOPSCTL_SCHEMA_WORDS_H
#define KMLOPSCTL_SCHEMA_WORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "btf_schema.h"

/* A key or a value as memory holds it. */
struct layout {
	struct schema schema;
	uint32_t size;
	bool plain;		/* its only field is no member of a struct */
};

/*
 * Lay out the fields that @word lists as a C compiler would. A key can also be
 * just a type: one field called key. False after a report if the word makes no
 * sense; free the schema in any case.
 */
bool layout_parse_key(struct layout *layout, const char *word);
bool layout_parse_value(struct layout *layout, const char *word);

#endif /* KMLOPSCTL_SCHEMA_WORDS_H */
