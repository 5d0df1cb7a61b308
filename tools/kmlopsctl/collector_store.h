/* SPDX-License-Identifier: GPL-2.0-only */
/* Stores that are there before a collector starts. */
#ifndef KMLOPSCTL_COLLECTOR_STORE_H
#define KMLOPSCTL_COLLECTOR_STORE_H

#include <stdint.h>

#include "btf_schema.h"

/*
 * Find the store @name to go on in it: that it has these fields and retains at
 * least @rows. An exit code, after a report if it is not DONE. *@map is a
 * descriptor of its map, -1 if there is no such store.
 */
int collector_store_find(const char *name, const struct schema *key,
			 const struct schema *value, uint64_t rows, int *map);

#endif /* KMLOPSCTL_COLLECTOR_STORE_H */
