/* SPDX-License-Identifier: GPL-2.0-only */
/* Recorded tables: which there are in a directory, and stores like them. */
#ifndef KMLOPSCTL_RECORDED_H
#define KMLOPSCTL_RECORDED_H

#include <stdint.h>
#include <json-c/json.h>

#include "store.h"

struct recorded {
	char *path;	/* a file, or a directory of parts */
	char *name;	/* the store that it is of; NULL: it is not said */
	struct json_object *store;	/* as store_json(); NULL: not said */
};

/*
 * The tables of a run, or just the one that @path is. With @name (may be NULL)
 * only that of this store, or the only one there is, which is then of that name.
 * *@nr is how many; free them in any case. An exit code.
 */
int recorded_find(const char *path, const char *name, struct recorded **tables,
		  unsigned int *nr);
void recorded_free(struct recorded *tables, unsigned int nr);

/* Register a store with the fields of the recorded one. An exit code. */
int recorded_register(const struct recorded *table, uint64_t rows,
		      struct store *store);

#endif /* KMLOPSCTL_RECORDED_H */
