/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * KernMLOps for other kernel modules: feature stores and models.
 *
 * The same calls with the same semantics as those of BPF programs
 * (bpf/kernmlops.bpf.h), on stores and models that are held open instead of
 * named each time. kernel_api.c says of each in which context it may be called.
 *
 * A module that uses this needs Module.symvers of kernmlops.ko to be built
 * (KBUILD_EXTRA_SYMBOLS), and pins it while loaded.
 */
#ifndef KERNMLOPS_H
#define KERNMLOPS_H

#include <linux/types.h>
#include <linux/kernmlops.h>
#include <linux/kernmlops_row.h>
#include "kernmlops_field.h"

struct bpf_map;
struct kmlops_model_line;
struct kmlops_store;

/**
 * struct kmlops_store_request - What registration asks for
 * @name: name of the store
 * @mode: enum kernmlops_store_mode
 * @lossless: drop new rows rather than those that were not consumed
 * @rows: rows to retain at least; not in mode map
 * @map: the map, or NULL for the one of @map_fd
 * @map_fd: descriptor of the map in the calling task
 * @nr_key_fields: fields of the key, the first in @fields
 * @nr_value_fields: fields of the value, which follow them
 * @fields: the schema; copied
 */
struct kmlops_store_request {
	const char *name;
	u32 mode;
	bool lossless;
	u64 rows;
	struct bpf_map *map;
	int map_fd;
	u32 nr_key_fields;
	u32 nr_value_fields;
	const struct kmlops_field *fields;
};

/**
 * struct kmlops_store_stats - What became of the rows of a store
 * @captured: calls that captured; the sum of the next four
 * @stored: rows that can be read
 * @overwritten: rows that gave their place to later ones
 * @dropped: rows that found no place
 * @truncated: rows that truncation hid
 * @unindexed: rows not to be found by key, as the index had no room
 * @evicted: keys that gave their place in the index to another
 * @keys: places of the index in use
 * @unmirrored: mode mirror: rows that the map did not take
 *
 * BPF programs know it by this name and layout, too.
 */
struct kmlops_store_stats {
	u64 captured;
	u64 stored;
	u64 overwritten;
	u64 dropped;
	u64 truncated;
	u64 unindexed;
	u64 evicted;
	u64 keys;
	u64 unmirrored;
};

/* Bytes of a sentence that says why a registration was refused. */
#define KERNMLOPS_REASON_LEN	80

/* What is called for each row; other than 0 ends the walk. */
typedef int (*kernmlops_row_fn)(const struct kmlops_row *row, void *arg);

struct kmlops_store *
kernmlops_store_register(const struct kmlops_store_request *request,
			 char *reason);
int kernmlops_store_unregister(const char *name);
struct kmlops_store *kernmlops_store_open(const char *name);
void kernmlops_store_close(struct kmlops_store *store);
u32 kernmlops_row_size(const struct kmlops_store *store);

s64 kernmlops_capture_feature(struct kmlops_store *store, const void *key,
			      u32 key_size, const void *data, u32 data_size);
s64 kernmlops_get_feature(const struct kmlops_store *store, const void *key,
			  u32 key_size, void *data, u32 data_size);
s64 kernmlops_get_feature_asof(const struct kmlops_store *store,
			       const void *key, u32 key_size, u64 asof,
			       struct kmlops_row *row, u32 row_size);
int kernmlops_get_features_last(const struct kmlops_store *store,
				const void *key, u32 key_size,
				struct kmlops_row *rows, u32 rows_size);
s64 kernmlops_get_feature_ts(const struct kmlops_store *store, u64 time,
			     struct kmlops_row *row, u32 row_size);
int kernmlops_get_row(const struct kmlops_store *store, u64 seq,
		      struct kmlops_row *row, u32 row_size);
int kernmlops_get_features(const struct kmlops_store *store, u64 from, u64 to,
			   kernmlops_row_fn each, void *arg, u64 *lost);
int kernmlops_consume_features(struct kmlops_store *store, u64 seq);
int kernmlops_truncate_features(struct kmlops_store *store, u64 before);
void kernmlops_store_stats(const struct kmlops_store *store,
			   struct kmlops_store_stats *stats);

struct kmlops_model_line *kernmlops_model_open(const char *name);
void kernmlops_model_close(struct kmlops_model_line *model);
int kernmlops_model_infer(const struct kmlops_model_line *model, const s64 *in,
			  u32 in_size, s64 *out, u32 out_size);
/**
 * struct kernmlops_code - A model as code
 * @name: name of the model
 * @file: its model file, at an address that is a multiple of 8
 * @size: bytes of the file
 * @path: the path to take, "code" for instance, or NULL for the quickest
 * @infer: computes the scores of an input vector, as many words as the model
 *   has scores, before the link; of a single tree the output vector. Runs
 *   anywhere, NMI included; must not sleep or fault.
 * @model: not for the caller
 */
struct kernmlops_code {
	const char *name;
	const void *file;
	size_t size;
	const char *path;
	void (*infer)(const s64 *in, s64 *scores);
	struct kmlops_model *model;
};

int kernmlops_code_register(struct kernmlops_code *code);
void kernmlops_code_unregister(struct kernmlops_code *code);

int kernmlops_infer(const char *model, const s64 *in, u32 in_size, s64 *out,
		    u32 out_size);

#endif /* KERNMLOPS_H */
