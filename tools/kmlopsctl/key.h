/* SPDX-License-Identifier: GPL-2.0-only */
/* KEY on the command line. */
#ifndef KMLOPSCTL_KEY_H
#define KMLOPSCTL_KEY_H

#include "store.h"

/*
 * Read the key of one entity of @store: the value of the only field of the
 * key, FIELD=VALUE[,FIELD=VALUE...] for all of its fields, or hex:BYTES. Gives
 * the key_size bytes, to be freed, or NULL after a report.
 */
void *key_parse(const struct store *store, const char *word);

#endif /* KMLOPSCTL_KEY_H */
