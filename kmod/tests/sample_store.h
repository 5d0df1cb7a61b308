/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A store for tests: rows of a u64 by u32. Its map is one that only the test
 * knows: registration looks at its sizes and holds references.
 */
#ifndef KMLOPS_SAMPLE_STORE_H
#define KMLOPS_SAMPLE_STORE_H

#include <kunit/test.h>
#include "../store.h"

struct sample_store {
	struct bpf_map map;
	struct kmlops_field fields[2];
	struct kmlops_store_request request;
};

static inline void sample_store_init(struct sample_store *sample)
{
	struct bpf_map *map = &sample->map;

	memset(sample, 0, sizeof(*sample));
	map->map_type = BPF_MAP_TYPE_HASH;
	map->key_size = 4;
	map->value_size = 8;
	map->max_entries = 1;
	/* Only looked at for being there. */
	map->btf = (struct btf *)map;
	map->btf_key_type_id = 1;
	map->btf_value_type_id = 2;
	atomic64_set(&map->refcnt, 1);
	strscpy(sample->fields[0].name, "key");
	sample->fields[0].type = KERNMLOPS_FIELD_TYPE_U32;
	sample->fields[0].count = 1;
	strscpy(sample->fields[1].name, "value");
	sample->fields[1].type = KERNMLOPS_FIELD_TYPE_U64;
	sample->fields[1].count = 1;
	sample->request = (struct kmlops_store_request){
		.name = "kunit",
		.mode = KERNMLOPS_STORE_MODE_HISTORY,
		.rows = 100,
		.map = map,
		.nr_key_fields = 1,
		.nr_value_fields = 1,
		.fields = sample->fields,
	};
}

/* The last reference of a store goes after a grace period and a work item. */
static inline void sample_store_expect_released(struct kunit *test,
						struct sample_store *sample)
{
	int tries = 500;

	while (atomic64_read(&sample->map.refcnt) != 1 && tries--) {
		rcu_barrier();
		schedule_timeout_uninterruptible(msecs_to_jiffies(10));
	}
	KUNIT_EXPECT_EQ(test, atomic64_read(&sample->map.refcnt), 1);
}

#endif /* KMLOPS_SAMPLE_STORE_H */
