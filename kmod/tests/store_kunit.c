// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registry of stores.
 */
#include <linux/preempt.h>
#include "sample_store.h"

static struct sample_store sample;
static struct bpf_map *const map = &sample.map;
static struct kmlops_field *const fields = sample.fields;
static struct kmlops_store_request *const request = &sample.request;

static int set_up(struct kunit *test)
{
	sample_store_init(&sample);
	return 0;
}

static void expect_map_released(struct kunit *test)
{
	sample_store_expect_released(test, &sample);
}

static void refused(struct kunit *test, int err, const char *sentence)
{
	struct kmlops_refusal refusal = {};
	struct kmlops_store *store = kmlops_store_register(request, &refusal);

	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(store), err);
	KUNIT_EXPECT_STREQ(test, refusal.text, sentence);
	KUNIT_EXPECT_EQ(test, atomic64_read(&map->refcnt), 1);
	KUNIT_EXPECT_EQ(test, kmlops_stores_count(), 0);
	set_up(test);
}

static s64 capture(struct kmlops_store *store, u32 key, u64 value)
{
	s64 time;

	preempt_disable();
	time = kmlops_store_capture(store, &key, &value);
	preempt_enable();
	return time;
}

static void registered_and_gone(struct kunit *test)
{
	struct kmlops_refusal refusal = {};
	struct kmlops_store *store = kmlops_store_register(request, &refusal);
	struct kmlops_store *again;
	u64 value = 0, ref;
	u32 key = 3;
	s64 time;

	KUNIT_ASSERT_FALSE(test, IS_ERR(store));
	KUNIT_EXPECT_EQ(test, kmlops_stores_count(), 1);
	again = kmlops_store_register(request, &refusal);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(again), -EEXIST);
	request->name = "kunit-2";
	again = kmlops_store_register(request, &refusal);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(again), -EBUSY);
	KUNIT_EXPECT_STREQ(test, refusal.text, "the map is the store kunit already");

	time = capture(store, 3, 33);
	KUNIT_EXPECT_GT(test, time, 0);
	rcu_read_lock();
	KUNIT_EXPECT_PTR_EQ(test, kmlops_store_find("kunit"), store);
	KUNIT_EXPECT_PTR_EQ(test, kmlops_store_of_map(map), store);
	KUNIT_EXPECT_EQ(test, kmlops_store_latest(store, &key, &value, &ref),
			time);
	rcu_read_unlock();
	KUNIT_EXPECT_EQ(test, value, 33);

	KUNIT_EXPECT_EQ(test, kmlops_store_unregister("kunit"), 0);
	KUNIT_EXPECT_EQ(test, kmlops_store_unregister("kunit"), -ENOENT);
	rcu_read_lock();
	KUNIT_EXPECT_NULL(test, kmlops_store_find("kunit"));
	KUNIT_EXPECT_NULL(test, kmlops_store_of_map(map));
	rcu_read_unlock();
	KUNIT_EXPECT_NULL(test, kmlops_store_get("kunit"));
	/* Who holds it still reads it. */
	KUNIT_EXPECT_EQ(test, kmlops_store_latest(store, &key, &value, &ref),
			time);
	kmlops_store_put(store);
	expect_map_released(test);
}

static void bad_requests(struct kunit *test)
{
	request->name = "";
	refused(test, -EINVAL, "the name of a store cannot be empty");
	request->rows = 0;
	refused(test, -EINVAL, "a store retains at least 1 row");
	request->mode = 9;
	refused(test, -EINVAL, "mode 9 is unknown");
	request->nr_key_fields = 0;
	refused(test, -EINVAL, "the key has no fields");
	fields[1].offset = 1;
	refused(test, -EINVAL,
		"value field value ends beyond the 8 bytes of the map's value");
	map->btf = NULL;
	refused(test, -EINVAL, "the map has no BTF for its key and value");
	map->key_size = KMLOPS_KEY_BYTES_MAX + 1;
	refused(test, -E2BIG, "a key has 1 to 256 bytes, the map's has 257");
	map->value_size = KMLOPS_VALUE_BYTES_MAX + 1;
	refused(test, -E2BIG, "a value has 1 to 8192 bytes, the map's has 8193");
	request->mode = KERNMLOPS_STORE_MODE_MIRROR;
	map->map_type = BPF_MAP_TYPE_RINGBUF;
	refused(test, -EOPNOTSUPP,
		"mode mirror is for hash and array maps, this is of type 27");
}

/* A reply that fails undoes its own registration, not one of the same name. */
static void withdrawn_is_only_itself(struct kunit *test)
{
	struct kmlops_store *first, *second;
	struct kmlops_refusal refusal = {};

	first = kmlops_store_register(request, &refusal);
	KUNIT_ASSERT_FALSE(test, IS_ERR(first));
	KUNIT_EXPECT_EQ(test, kmlops_store_unregister("kunit"), 0);
	second = kmlops_store_register(request, &refusal);
	KUNIT_ASSERT_FALSE(test, IS_ERR(second));
	kmlops_store_withdraw(first);
	KUNIT_EXPECT_EQ(test, kmlops_stores_count(), 1);
	rcu_read_lock();
	KUNIT_EXPECT_PTR_EQ(test, kmlops_store_find("kunit"), second);
	rcu_read_unlock();
	kmlops_store_withdraw(second);
	KUNIT_EXPECT_EQ(test, kmlops_stores_count(), 0);
	kmlops_store_put(first);
	kmlops_store_put(second);
	expect_map_released(test);
}

static void memory_of_all(struct kunit *test)
{
	unsigned long max = kmlops_max_stores_memory;
	struct kmlops_refusal refusal = {};
	struct kmlops_store *store;
	u64 before;

	expect_map_released(test);
	before = kmlops_stores_memory();
	store = kmlops_store_register(request, &refusal);
	KUNIT_ASSERT_FALSE(test, IS_ERR(store));
	KUNIT_EXPECT_GT(test, store->bytes, 100 * 48);
	KUNIT_EXPECT_EQ(test, kmlops_stores_memory(), before + store->bytes);
	/* A reader keeps it, so it counts. */
	kmlops_store_withdraw(store);
	kmlops_max_stores_memory = kmlops_stores_memory();
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(kmlops_store_register(request, &refusal)),
			-ENOSPC);
	kmlops_max_stores_memory = max;
	kmlops_store_put(store);
	expect_map_released(test);
	KUNIT_EXPECT_EQ(test, kmlops_stores_memory(), before);
}

static void limits(struct kunit *test)
{
	unsigned long max_bytes = kmlops_max_store_bytes;
	unsigned int max_stores = kmlops_max_stores;
	struct kmlops_refusal refusal;
	struct kmlops_store *store;

	kmlops_max_stores = 0;
	refused(test, -ENOSPC, "max_stores allows 0 stores");
	kmlops_max_stores = max_stores;

	/* The size of no number of rows wraps to one that is allowed. */
	for (request->rows = 1ULL << 20; request->rows; request->rows <<= 1) {
		kmlops_max_store_bytes = 1 << 20;
		store = kmlops_store_register(request, &refusal);
		kmlops_max_store_bytes = max_bytes;
		KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(store), -E2BIG);
	}
	request->rows = ~0ULL;
	store = kmlops_store_register(request, &refusal);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(store), -E2BIG);
	KUNIT_EXPECT_EQ(test, atomic64_read(&map->refcnt), 1);
}

static void rows_by_identity(struct kunit *test)
{
	struct kmlops_refusal refusal;
	struct kmlops_store *store = kmlops_store_register(request, &refusal);
	struct {
		struct kmlops_row row;
		u64 key, value;
	} row;
	u64 value, ref, wild;
	u32 key = 1;
	s64 time;

	KUNIT_ASSERT_FALSE(test, IS_ERR(store));
	time = capture(store, 1, 11);
	KUNIT_EXPECT_EQ(test, kmlops_store_latest(store, &key, &value, &ref),
			time);
	KUNIT_EXPECT_EQ(test, kmlops_store_row(store, ref, &row.row), 0);
	KUNIT_EXPECT_EQ(test, row.value, 11);
	KUNIT_EXPECT_EQ(test, row.row.seq, ref);
	/* Identities that nobody was given: of no CPU, of no row. */
	for (wild = 0; wild < 64; wild++) {
		if (1ULL << wild == ref)
			continue;
		KUNIT_EXPECT_EQ(test, kmlops_store_row(store, 1ULL << wild,
						       &row.row), -ENOENT);
	}
	KUNIT_EXPECT_EQ(test, kmlops_store_row(store, ~0ULL, &row.row),
			-ENOENT);
	KUNIT_EXPECT_EQ(test, kmlops_store_row(store, 0, &row.row), -ENOENT);
	kmlops_store_unregister("kunit");
	kmlops_store_put(store);
	expect_map_released(test);
}

static void counters(struct kunit *test)
{
	struct kmlops_store_stats stats;
	struct kmlops_refusal refusal;
	struct kmlops_store *store;
	u64 i, slots;

	store = kmlops_store_register(request, &refusal);
	KUNIT_ASSERT_FALSE(test, IS_ERR(store));
	slots = store->history->slots_per_cpu;
	migrate_disable();
	for (i = 0; i < slots + 5; i++)
		capture(store, i, i);
	migrate_enable();
	kmlops_store_count(store, true, &stats);
	KUNIT_EXPECT_EQ(test, stats.captured, slots + 5);
	KUNIT_EXPECT_EQ(test, stats.stored, slots);
	KUNIT_EXPECT_EQ(test, stats.overwritten, 5);
	KUNIT_EXPECT_EQ(test, stats.dropped, 0);
	KUNIT_EXPECT_EQ(test, kmlops_store_truncate(store, ~0ULL), 0);
	kmlops_store_count(store, true, &stats);
	KUNIT_EXPECT_EQ(test, stats.stored, 0);
	KUNIT_EXPECT_EQ(test, stats.truncated, slots);
	kmlops_store_unregister("kunit");
	kmlops_store_put(store);
	expect_map_released(test);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(registered_and_gone),
	KUNIT_CASE(bad_requests),
	KUNIT_CASE(limits),
	KUNIT_CASE(withdrawn_is_only_itself),
	KUNIT_CASE(memory_of_all),
	KUNIT_CASE(rows_by_identity),
	KUNIT_CASE(counters),
	{}
};

static struct kunit_suite suite = {
	.name = "kmlops_store",
	.init = set_up,
	.test_cases = cases,
};

kunit_test_suite(suite);
