// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rows of a map that is the store itself. The map is an array of the test, which
 * counts what is asked of it.
 */
#include <kunit/test.h>
#include <linux/cpumask.h>
#include <linux/timekeeping.h>
#include "../map_rows.h"

#define ENTRIES		5
#define KEY_BYTES	3	/* no multiple of anything */
#define VALUE_BYTES	5

/* Keys are "k0", "k1" and so on, the value of one on a CPU "v01c". */
struct fake {
	struct bpf_map map;
	u32 nr;			/* keys there are */
	u32 gone;		/* one that goes before it is looked up */
	bool endless;		/* after the last comes the first */
	u32 lookups;
	char value[VALUE_BYTES + 1];
};

struct packed {
	struct kmlops_row row;
	char key[8];
	char value[8];
};

static struct fake *fake_of(struct bpf_map *map)
{
	return container_of(map, struct fake, map);
}

static int next_key(struct bpf_map *map, void *key, void *next)
{
	struct fake *fake = fake_of(map);
	u32 at = key ? ((char *)key)[1] - '0' + 1 : 0;

	if (at >= fake->nr && fake->endless)
		at = 0;
	if (at >= fake->nr)
		return -ENOENT;
	memcpy(next, "k0", KEY_BYTES);
	((char *)next)[1] = '0' + at;
	return 0;
}

static void *lookup_cpu(struct bpf_map *map, void *key, u32 cpu)
{
	struct fake *fake = fake_of(map);
	u32 at = ((char *)key)[1] - '0';

	fake->lookups++;
	if (at >= fake->nr || at == fake->gone)
		return NULL;
	snprintf(fake->value, sizeof(fake->value), "v%u%02xc", at, cpu);
	return fake->value;
}

static void *lookup(struct bpf_map *map, void *key)
{
	return lookup_cpu(map, key, 0);
}

static const struct bpf_map_ops ops = {
	.map_get_next_key = next_key,
	.map_lookup_elem = lookup,
	.map_lookup_percpu_elem = lookup_cpu,
};

static struct fake *fake_make(struct kunit *test, enum bpf_map_type type)
{
	struct fake *fake = kunit_kzalloc(test, sizeof(*fake), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, fake);
	fake->map.map_type = type;
	fake->map.key_size = KEY_BYTES;
	fake->map.value_size = VALUE_BYTES;
	fake->map.max_entries = ENTRIES;
	fake->map.ops = &ops;
	fake->nr = ENTRIES;
	fake->gone = ~0U;
	return fake;
}

/* Walks to the end. Returns the rows, which are as they should be. */
static u32 walk(struct kunit *test, struct fake *fake)
{
	struct kmlops_map_walk walk;
	struct packed row, expected;
	u64 before, last = 0;
	u32 rows = 0;

	KUNIT_ASSERT_EQ(test, kmlops_map_walk_begin(&walk, &fake->map), 0);
	before = ktime_get_mono_fast_ns();
	memset(&row, 0xa5, sizeof(row));
	while (!kmlops_map_walk_next(&walk, &fake->map, &row.row)) {
		u32 cpu = row.row.seq >> KMLOPS_ROW_POS_BITS;
		u32 at = row.key[1] - '0';

		memset(&expected, 0, sizeof(expected));
		snprintf(expected.key, sizeof(expected.key), "k%u", at);
		snprintf(expected.value, sizeof(expected.value), "v%u%02xc",
			 at, cpu);
		/* The padding, too. */
		KUNIT_EXPECT_MEMEQ(test, row.key, expected.key, 16);
		KUNIT_EXPECT_EQ(test, row.row.seq << KMLOPS_ROW_CPU_BITS, 0);
		KUNIT_EXPECT_TRUE(test, cpu_possible(cpu));
		KUNIT_EXPECT_LT(test, at, fake->nr);
		KUNIT_EXPECT_GE(test, row.row.time + NSEC_PER_MSEC, before);
		KUNIT_EXPECT_GE(test, row.row.time + NSEC_PER_MSEC, last);
		last = row.row.time;
		rows++;
		memset(&row, 0xa5, sizeof(row));
		if (rows > 1000)
			break;
	}
	KUNIT_EXPECT_EQ(test, kmlops_map_walk_next(&walk, &fake->map,
						   &row.row), -ENOENT);
	kmlops_map_walk_end(&walk);
	return rows;
}

static void each_key_once(struct kunit *test)
{
	struct fake *fake = fake_make(test, BPF_MAP_TYPE_HASH);

	for (fake->nr = 0; fake->nr <= ENTRIES; fake->nr++) {
		fake->lookups = 0;
		KUNIT_EXPECT_EQ(test, walk(test, fake), fake->nr);
		KUNIT_EXPECT_EQ(test, fake->lookups, fake->nr);
	}
}

static void each_cpu_of_each_key(struct kunit *test)
{
	struct fake *fake = fake_make(test, BPF_MAP_TYPE_PERCPU_HASH);

	KUNIT_EXPECT_EQ(test, walk(test, fake),
			ENTRIES * num_possible_cpus());
	KUNIT_EXPECT_EQ(test, fake->lookups, ENTRIES * num_possible_cpus());
	fake->nr = 0;
	KUNIT_EXPECT_EQ(test, walk(test, fake), 0);
}

static void keys_that_go_meanwhile(struct kunit *test)
{
	struct fake *fake = fake_make(test, BPF_MAP_TYPE_HASH);

	for (fake->gone = 0; fake->gone < ENTRIES; fake->gone++)
		KUNIT_EXPECT_EQ(test, walk(test, fake), ENTRIES - 1);
	fake->map.map_type = BPF_MAP_TYPE_PERCPU_ARRAY;
	fake->gone = ENTRIES - 1;
	KUNIT_EXPECT_EQ(test, walk(test, fake),
			(ENTRIES - 1) * num_possible_cpus());
}

/* A map whose keys are changed all the time can begin anew for ever. */
static void walks_end(struct kunit *test)
{
	struct fake *fake = fake_make(test, BPF_MAP_TYPE_HASH);
	u32 rows;

	fake->endless = true;
	rows = walk(test, fake);
	KUNIT_EXPECT_GE(test, rows, ENTRIES);
	KUNIT_EXPECT_LE(test, rows, 2 * ENTRIES);
}

static void one_key(struct kunit *test)
{
	struct fake *fake = fake_make(test, BPF_MAP_TYPE_HASH);
	char key[KEY_BYTES] = "k3", value[VALUE_BYTES + 1] = "------";

	KUNIT_EXPECT_EQ(test, kmlops_map_read(&fake->map, key, value), 0);
	/* The next byte is not touched. */
	KUNIT_EXPECT_MEMEQ(test, value, "v300c-", 6);
	KUNIT_EXPECT_EQ(test, kmlops_map_read_cpu(&fake->map, key, 0x1f,
						  value), 0);
	KUNIT_EXPECT_MEMEQ(test, value, "v31fc-", 6);
	key[1] = '0' + ENTRIES;
	KUNIT_EXPECT_EQ(test, kmlops_map_read(&fake->map, key, value),
			-ENOENT);
	KUNIT_EXPECT_EQ(test, kmlops_map_read_cpu(&fake->map, key, 0, value),
			-ENOENT);
	KUNIT_EXPECT_MEMEQ(test, value, "v31fc-", 6);
}

static void types(struct kunit *test)
{
	static const bool served[64] = {
		[BPF_MAP_TYPE_HASH] = true,
		[BPF_MAP_TYPE_LRU_HASH] = true,
		[BPF_MAP_TYPE_ARRAY] = true,
		[BPF_MAP_TYPE_PERCPU_HASH] = true,
		[BPF_MAP_TYPE_LRU_PERCPU_HASH] = true,
		[BPF_MAP_TYPE_PERCPU_ARRAY] = true,
	};
	static const bool percpu[64] = {
		[BPF_MAP_TYPE_PERCPU_HASH] = true,
		[BPF_MAP_TYPE_LRU_PERCPU_HASH] = true,
		[BPF_MAP_TYPE_PERCPU_ARRAY] = true,
	};
	struct fake *fake = fake_make(test, BPF_MAP_TYPE_UNSPEC);
	struct kmlops_refusal refusal;
	u32 type;

	for (type = 0; type < ARRAY_SIZE(served); type++) {
		fake->map.map_type = type;
		KUNIT_EXPECT_EQ_MSG(test,
				    kmlops_map_rows_check(&fake->map, &refusal),
				    served[type] ? 0 : -EOPNOTSUPP, "type %u",
				    type);
		KUNIT_EXPECT_EQ_MSG(test, kmlops_map_is_percpu(&fake->map),
				    percpu[type], "type %u", type);
	}
	KUNIT_EXPECT_STREQ(test, refusal.text,
			   "mode map is for hash and array maps, this is of type 63");
}

static struct kunit_case cases[] = {
	KUNIT_CASE(each_key_once),
	KUNIT_CASE(each_cpu_of_each_key),
	KUNIT_CASE(keys_that_go_meanwhile),
	KUNIT_CASE(walks_end),
	KUNIT_CASE(one_key),
	KUNIT_CASE(types),
	{}
};

static struct kunit_suite suite = {
	.name = "kmlops_map_rows",
	.test_cases = cases,
};

kunit_test_suite(suite);
