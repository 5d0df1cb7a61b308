/* SPDX-License-Identifier: GPL-2.0-only */
/* Stores, as the kernel describes them. */
#ifndef KMLOPSCTL_STORE_H
#define KMLOPSCTL_STORE_H

#include <stdbool.h>
#include <stdint.h>
#include <json-c/json.h>
#include <linux/kernmlops.h>

#include "btf_schema.h"

struct store {
	char name[KERNMLOPS_NAME_MAX + 1];
	char map_name[32];
	uint32_t mode;
	bool lossless;
	uint32_t map_id;
	uint32_t key_size;
	uint32_t value_size;
	struct schema key;
	struct schema value;
	uint64_t rows;
	uint64_t captured;
	uint64_t stored;
	uint64_t overwritten;
	uint64_t dropped;
	uint64_t truncated;
	uint64_t unindexed;
	uint64_t evicted;
	uint64_t unmirrored;	/* of mode mirror */
	uint64_t keys;
	uint64_t bytes;
};

/*
 * Register a map as a store, its fields taken from its BTF. Returns an exit
 * code, other than DONE after a report. @reply (may be NULL) receives the
 * store; free it with store_free().
 */
int store_register(const char *name, int map_fd, uint32_t mode, uint64_t rows,
		   struct store *reply);

/* Unregister by name: 0 or a negative errno for nlc_report(). */
int store_unregister(const char *name);

/* The store called @name: 0 or a negative errno (-ENOENT: there is none). */
int store_find(const char *name, struct store *store);
void store_free(struct store *store);

struct json_object *store_json(const struct store *store);

extern const char *const store_mode_names[];

#endif /* KMLOPSCTL_STORE_H */
