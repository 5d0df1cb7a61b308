/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Rows of a map that itself is the store (mode map).
 */
#ifndef KMLOPS_MAP_ROWS_H
#define KMLOPS_MAP_ROWS_H

#include <linux/bpf.h>
#include <linux/kernmlops_row.h>
#include "refusal.h"

/**
 * struct kmlops_map_walk - A read of all rows of a map in progress
 * @key: the last key, map->key_size bytes; what follows it comes next
 * @next: receives the key after it
 * @cpu: for a map with a value for each CPU, the next CPU of @key
 * @started: @key is valid
 * @left: keys that may still come; a map that is changed meanwhile can make a
 *   walk begin anew, and it has to end
 */
struct kmlops_map_walk {
	void *key;
	void *next;
	unsigned int cpu;
	bool started;
	u64 left;
};

int kmlops_map_rows_check(const struct bpf_map *map,
			  struct kmlops_refusal *refusal);
bool kmlops_map_is_percpu(const struct bpf_map *map);
int kmlops_map_read(struct bpf_map *map, void *key, void *value);
int kmlops_map_read_cpu(struct bpf_map *map, void *key, unsigned int cpu,
			void *value);

int kmlops_map_walk_begin(struct kmlops_map_walk *walk,
			  const struct bpf_map *map);
int kmlops_map_walk_next(struct kmlops_map_walk *walk, struct bpf_map *map,
			 struct kmlops_row *row);
void kmlops_map_walk_end(struct kmlops_map_walk *walk);

#endif /* KMLOPS_MAP_ROWS_H */
