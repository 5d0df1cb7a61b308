// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rows of maps.
 *
 * A map knows no time and no versions: a row is what the map holds now, and a
 * value that a program changes in place meanwhile may be seen half changed, as
 * with bpf_map_lookup_elem().
 */
#include <linux/cpumask.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include "clock.h"
#include "history.h"
#include "map_rows.h"
#include "words.h"

bool kmlops_map_is_percpu(const struct bpf_map *map)
{
	return map->map_type == BPF_MAP_TYPE_PERCPU_HASH ||
	       map->map_type == BPF_MAP_TYPE_LRU_PERCPU_HASH ||
	       map->map_type == BPF_MAP_TYPE_PERCPU_ARRAY;
}

/* Whether @map is of a kind whose content can be read as rows. */
int kmlops_map_rows_check(const struct bpf_map *map,
			  struct kmlops_refusal *refusal)
{
	switch (map->map_type) {
	case BPF_MAP_TYPE_HASH:
	case BPF_MAP_TYPE_LRU_HASH:
	case BPF_MAP_TYPE_ARRAY:
	case BPF_MAP_TYPE_PERCPU_HASH:
	case BPF_MAP_TYPE_LRU_PERCPU_HASH:
	case BPF_MAP_TYPE_PERCPU_ARRAY:
		return 0;
	default:
		return kmlops_refuse(refusal, -EOPNOTSUPP,
				     "mode map is for hash and array maps, this is of type %d",
				     map->map_type);
	}
}

static int copy_value(const struct bpf_map *map, const void *from, void *value)
{
	if (!from)
		return -ENOENT;
	memcpy(value, from, map->value_size);
	return 0;
}

/**
 * kmlops_map_read() - Copy the value of a key
 * @map: the map; if it has a value for each CPU, that of this CPU is copied
 * @key: the key
 * @value: receives the value
 *
 * Context: any in which BPF programs look up maps, within an RCU read side.
 * Return: 0 or -ENOENT.
 */
int kmlops_map_read(struct bpf_map *map, void *key, void *value)
{
	return copy_value(map, map->ops->map_lookup_elem(map, key), value);
}

/* The same of a map with a value for each CPU, for CPU @cpu. */
int kmlops_map_read_cpu(struct bpf_map *map, void *key, unsigned int cpu,
			void *value)
{
	return copy_value(map, map->ops->map_lookup_percpu_elem(map, key, cpu),
			  value);
}

/* Context: process; sleeps. Return: 0 or -ENOMEM. */
int kmlops_map_walk_begin(struct kmlops_map_walk *walk,
			  const struct bpf_map *map)
{
	memset(walk, 0, sizeof(*walk));
	walk->key = kzalloc(2 * map->key_size, GFP_KERNEL);
	if (!walk->key)
		return -ENOMEM;
	walk->next = walk->key + map->key_size;
	walk->left = 2ULL * map->max_entries;
	return 0;
}

void kmlops_map_walk_end(struct kmlops_map_walk *walk)
{
	/* Either may be first: they are exchanged at each step. */
	kfree(min(walk->key, walk->next));
}

static bool step(struct kmlops_map_walk *walk, struct bpf_map *map)
{
	if (!walk->left ||
	    map->ops->map_get_next_key(map, walk->started ? walk->key : NULL,
				       walk->next)) {
		walk->left = 0;
		return false;
	}
	walk->left--;
	swap(walk->key, walk->next);
	walk->started = true;
	walk->cpu = cpumask_first(cpu_possible_mask);
	return true;
}

/**
 * kmlops_map_walk_next() - Copy the next row of a map
 * @walk: the walk
 * @map: its map
 * @row: receives the packed row; its time is that of the read, and its
 *   sequence has the CPU where the map has a value for each
 *
 * Rows that come or go while the walk is under way may be seen or not.
 *
 * Context: process.
 * Return: 0, or -ENOENT at the end.
 */
int kmlops_map_walk_next(struct kmlops_map_walk *walk, struct bpf_map *map,
			 struct kmlops_row *row)
{
	u8 *key = (u8 *)(row + 1);
	u8 *value = key + KMLOPS_ROW_PAD(map->key_size);
	bool percpu = kmlops_map_is_percpu(map);
	int err = -ENOENT;

	memset(key, 0, KMLOPS_ROW_PAD(map->key_size) +
	       KMLOPS_ROW_PAD(map->value_size));
	rcu_read_lock();
	while (err) {
		if (percpu && walk->started && walk->cpu < nr_cpu_ids)
			walk->cpu = cpumask_next(walk->cpu, cpu_possible_mask);
		if (!percpu || !walk->started || walk->cpu >= nr_cpu_ids)
			if (!step(walk, map))
				break;
		err = percpu ? kmlops_map_read_cpu(map, walk->key, walk->cpu,
						   value) :
			       kmlops_map_read(map, walk->key, value);
	}
	rcu_read_unlock();
	if (err)
		return err;
	memcpy(key, walk->key, map->key_size);
	row->time = kmlops_clock_ns();
	row->seq = kmlops_ref(percpu ? walk->cpu : 0, 0);
	return 0;
}
