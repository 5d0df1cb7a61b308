/* SPDX-License-Identifier: GPL-2.0-only */
/* Keys and values on the command line. */
#ifndef KMLOPSCTL_VALUES_H
#define KMLOPSCTL_VALUES_H

#include "kmlopsctl.h"
#include "store.h"

/*
 * Read the key of one entity of @store: the value of the only field of the
 * key, FIELD=VALUE[,FIELD=VALUE...] for all of its fields, or hex:BYTES. Gives
 * the key_size bytes, to be freed, or NULL after a report.
 */
void *key_parse(const struct store *store, const char *word);

/*
 * Read a value from all words that are left, each FIELD=VALUE; fields that are
 * not given are zero. Or one word, hex:BYTES. Gives the value_size bytes, to
 * be freed, or NULL after a report.
 */
void *value_parse(const struct store *store, struct args *args);

#endif /* KMLOPSCTL_VALUES_H */
