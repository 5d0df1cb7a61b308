/* SPDX-License-Identifier: GPL-2.0-only */
/* Making an eBPF map of a given schema. */
#ifndef KMLOPSCTL_MAP_NEW_H
#define KMLOPSCTL_MAP_NEW_H

#include "kmlopsctl.h"
#include "schema_words.h"

/*
 * Make a hash map, with BTF that tells the fields of its keys and values. Its
 * name is @name, as far as maps can have it. Gives a file descriptor, or -1
 * after a report, with the exit code in *@code.
 */
int map_new(const char *name, const struct layout *key,
	    const struct layout *value, uint32_t entries, int *code);

#endif /* KMLOPSCTL_MAP_NEW_H */
