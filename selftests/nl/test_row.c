// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rows over netlink, captured by pushing: reads by key, as of a time, nearest,
 * last, range, resumed; truncation; lossless, mirror and map stores.
 */
#include <sched.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/kernmlops.h>
#include <linux/kernmlops_row.h>
#include "client.h"
#include "tap.h"

#define ROWS 200

struct packed {
	struct kmlops_row row;
	uint32_t key, key_pad;
	uint32_t value, value_pad;
};

static struct client client;
static uint64_t times[ROWS];

/* The rows that a dump gave. */
static struct packed got[20000];
static int got_rows;
static uint64_t got_lost;
static uint8_t got_cursor[4096 * 8];
static int got_cursor_size;

static void expect(int err, const char *sentence, const char *what)
{
	ok(client.err == err && !strcmp(client.sentence, sentence), "%s", what);
	if (client.err != err || strcmp(client.sentence, sentence))
		note("errno %d '%s', expected %d '%s'", client.err,
		     client.sentence, err, sentence);
}

static int make_store(const char *name, int map, uint64_t rows, int mode,
		      bool lossless)
{
	client_begin_register(&client, name, map, rows);
	nla_put_u32(client.msg, KERNMLOPS_A_STORE_MODE, mode);
	if (lossless)
		nla_put_flag(client.msg, KERNMLOPS_A_STORE_LOSSLESS);
	if (client_send(&client))
		note("%s: %s", name, client.sentence);
	return client.err;
}

static uint64_t stat_of(const char *name, int attr)
{
	client_named(&client, KERNMLOPS_CMD_STORE_GET, KERNMLOPS_A_STORE_NAME,
		     name);
	return client_uint(&client, attr);
}

static uint64_t push(const char *store, uint32_t key, uint32_t value)
{
	client_begin(&client, KERNMLOPS_CMD_ROW_PUSH, 0);
	nla_put_string(client.msg, KERNMLOPS_A_ROW_STORE, store);
	nla_put(client.msg, KERNMLOPS_A_ROW_KEY, 4, &key);
	nla_put(client.msg, KERNMLOPS_A_ROW_VALUE, 4, &value);
	return client_send(&client) ? 0 : client_uint(&client,
						      KERNMLOPS_A_ROW_TIME);
}

/* One row by key and/or a time; its value, or -1. */
static int64_t get(const char *store, int64_t key, int attr, uint64_t time)
{
	uint32_t word = key;

	client_begin(&client, KERNMLOPS_CMD_ROW_GET, 0);
	nla_put_string(client.msg, KERNMLOPS_A_ROW_STORE, store);
	if (key >= 0)
		nla_put(client.msg, KERNMLOPS_A_ROW_KEY, 4, &word);
	if (attr)
		nla_put_u64(client.msg, attr, time);
	if (client_send(&client) || !client.attrs[KERNMLOPS_A_ROW_VALUE])
		return -1;
	memcpy(&word, nla_data(client.attrs[KERNMLOPS_A_ROW_VALUE]), 4);
	return word;
}

static void collect(struct client *from, void *arg)
{
	struct nlattr *rows = from->attrs[KERNMLOPS_A_ROW_ROWS];
	struct nlattr *cursor = from->attrs[KERNMLOPS_A_ROW_CURSOR];
	int count = client_uint(from, KERNMLOPS_A_ROW_COUNT);

	if (count && client_uint(from, KERNMLOPS_A_ROW_ROW_SIZE) !=
		     sizeof(got[0]))
		bail("row size");
	if (count && nla_len(rows) != count * (int)sizeof(got[0]))
		bail("rows");
	if (got_rows + count > 20000)
		bail("too many rows");
	if (count)
		memcpy(&got[got_rows], nla_data(rows), nla_len(rows));
	got_rows += count;
	got_lost = client_uint(from, KERNMLOPS_A_ROW_LOST);
	if (cursor) {
		got_cursor_size = nla_len(cursor);
		memcpy(got_cursor, nla_data(cursor), got_cursor_size);
	}
}

static int dump(const char *store, uint64_t from, uint64_t to, bool resume)
{
	got_rows = 0;
	client.each = collect;
	client_begin(&client, KERNMLOPS_CMD_ROW_GET, NLM_F_DUMP);
	nla_put_string(client.msg, KERNMLOPS_A_ROW_STORE, store);
	if (from)
		nla_put_u64(client.msg, KERNMLOPS_A_ROW_FROM, from);
	if (to)
		nla_put_u64(client.msg, KERNMLOPS_A_ROW_TO, to);
	if (resume)
		nla_put(client.msg, KERNMLOPS_A_ROW_CURSOR, got_cursor_size,
			got_cursor);
	client_send(&client);
	client.each = NULL;
	return client.err;
}

static void run_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static bool in_order(int first, int n)
{
	int i;

	for (i = 0; i < n; i++)
		if (got[i].row.time != times[first + i] ||
		    got[i].value != (uint32_t)(first + i))
			return false;
	return true;
}

static void test_history(void)
{
	int map = map_with_btf("rows", 4), i, cpus = sysconf(_SC_NPROCESSORS_ONLN);
	int bad = 0;

	ok_equal(make_store("rows", map, 4 * ROWS, 0, false), 0, "a store");
	for (i = 0; i < ROWS; i++) {
		run_on(i / 7 % cpus);
		times[i] = push("rows", i % 10, i);
	}
	ok(times[0] > 0 && times[ROWS - 1] > times[0], "rows are pushed");
	ok_equal(stat_of("rows", KERNMLOPS_A_STORE_STORED), ROWS,
		 "all of them are stored");

	ok_equal(get("rows", 3, 0, 0), ROWS - 7, "the latest row of a key");
	for (i = 0; i < ROWS; i++)
		bad += get("rows", i % 10, KERNMLOPS_A_ROW_ASOF, times[i]) !=
		       i ||
		       (i >= 10 && get("rows", i % 10, KERNMLOPS_A_ROW_ASOF,
				       times[i] - 1) != i - 10) ||
		       get("rows", -1, KERNMLOPS_A_ROW_NEAREST, times[i]) != i;
	ok_equal(bad, 0, "as-of and nearest reads of each row's time");
	get("rows", 5, KERNMLOPS_A_ROW_ASOF, times[0] - 1);
	expect(-ENOENT, "the store has no row of that key",
	       "no row is as old as that");
	get("rows", 5, KERNMLOPS_A_ROW_NEAREST, times[0]);
	expect(-EINVAL, "the nearest row is that of any key: name no key",
	       "the nearest row of a key is refused");

	client_begin(&client, KERNMLOPS_CMD_ROW_GET, 0);
	nla_put_string(client.msg, KERNMLOPS_A_ROW_STORE, "rows");
	nla_put(client.msg, KERNMLOPS_A_ROW_KEY, 4, &(uint32_t){ 4 });
	nla_put_u32(client.msg, KERNMLOPS_A_ROW_LAST, 100);
	ok(!client_send(&client) &&
	   client_uint(&client, KERNMLOPS_A_ROW_COUNT) == ROWS / 10,
	   "the last rows of a key are as many as there are");
	if (client.attrs[KERNMLOPS_A_ROW_ROWS]) {
		struct packed *rows =
			nla_data(client.attrs[KERNMLOPS_A_ROW_ROWS]);

		for (i = bad = 0; i < ROWS / 10; i++)
			bad += rows[i].value != (uint32_t)(ROWS - 6 - 10 * i);
		ok_equal(bad, 0, "the latest first");
	}
	client_begin(&client, KERNMLOPS_CMD_ROW_GET, 0);
	nla_put_string(client.msg, KERNMLOPS_A_ROW_STORE, "rows");
	nla_put(client.msg, KERNMLOPS_A_ROW_KEY, 4, &(uint32_t){ 4 });
	nla_put_u32(client.msg, KERNMLOPS_A_ROW_LAST, 1000000);
	client_send(&client);
	expect(-EINVAL,
	       "1 to 2047 rows of this store can be had at once, not 1000000",
	       "too many rows at once are refused");

	ok(!dump("rows", 0, 0, false) && got_rows == ROWS && in_order(0, ROWS),
	   "a dump gives all rows in order of time");
	ok(!dump("rows", times[50], times[150], false) && got_rows == 100 &&
	   in_order(50, 100), "a range gives those in it");

	client_begin(&client, KERNMLOPS_CMD_STORE_TRUNCATE, 0);
	nla_put_string(client.msg, KERNMLOPS_A_STORE_NAME, "rows");
	nla_put_u64(client.msg, KERNMLOPS_A_STORE_BEFORE, times[120]);
	ok_equal(client_send(&client), 0, "rows are truncated");
	ok(!dump("rows", 0, 0, false) && got_rows == 80 && in_order(120, 80),
	   "the later ones are left");
	ok(stat_of("rows", KERNMLOPS_A_STORE_TRUNCATED) == 120 &&
	   stat_of("rows", KERNMLOPS_A_STORE_STORED) == 80,
	   "the counters say so");
	ok(get("rows", 5, KERNMLOPS_A_ROW_ASOF, times[119]) == -1 &&
	   get("rows", -1, KERNMLOPS_A_ROW_NEAREST, times[0]) == 120,
	   "reads do not see truncated rows");
	client_named(&client, KERNMLOPS_CMD_STORE_TRUNCATE,
		     KERNMLOPS_A_STORE_NAME, "rows");
	expect(-EINVAL, "truncation needs a time",
	       "truncation without a time is refused");

	client_begin(&client, KERNMLOPS_CMD_ROW_PUSH, 0);
	nla_put_string(client.msg, KERNMLOPS_A_ROW_STORE, "rows");
	nla_put(client.msg, KERNMLOPS_A_ROW_KEY, 3, "key");
	nla_put(client.msg, KERNMLOPS_A_ROW_VALUE, 5, "value");
	client_send(&client);
	expect(-EINVAL, "key and value have 4 and 4 bytes, not 3 and 5",
	       "a row of wrong size is refused");
	close(map);
}

static void test_resumed(void)
{
	int map = map_with_btf("resumed", 4), i, seen = 0, bad = 0, round;

	make_store("resumed", map, 2000, 0, false);
	got_cursor_size = 0;
	for (i = round = 0; round < 20; round++) {
		int until = i + round;

		for (; i < until; i++) {
			run_on(i % 2);
			push("resumed", 1, i);
		}
		bad += dump("resumed", 0, 0, true) || got_rows != round ||
		       (round && got[0].value != (uint32_t)seen);
		seen += got_rows;
	}
	ok(!bad && seen == i, "resumed reads give each row once");

	/* Rows that nobody read in time are lost, and that is told. */
	for (i = 0; i < 5000; i++)
		push("resumed", 1, i);
	dump("resumed", 0, 0, true);
	ok_equal(got_rows + got_lost, 5000, "what was missed is told");
	ok(got_lost > 0, "something was");
	got_cursor_size = 12;
	dump("resumed", 0, 0, true);
	ok(client.err == -EINVAL && strstr(client.sentence, "a cursor has"),
	   "a cursor of wrong size is refused");
	close(map);
}

static void test_lossless(void)
{
	int map = map_with_btf("lossless", 4), i, rows, stored = 0;

	run_on(0);
	make_store("lossless", map, 100, 0, true);
	ok(client.attrs[KERNMLOPS_A_STORE_LOSSLESS], "a lossless store");
	rows = client_uint(&client, KERNMLOPS_A_STORE_ROWS);
	for (i = 0; i < rows + 10; i++)
		stored += !!push("lossless", 1, i);
	expect(-EBUSY, "the store had no room for the row",
	       "a full store takes no row");
	ok_equal(stat_of("lossless", KERNMLOPS_A_STORE_STORED), stored,
		 "what was taken is stored");
	ok_equal(client_uint(&client, KERNMLOPS_A_STORE_DROPPED),
		 rows + 10 - stored, "what was not is counted");
	ok_equal(client_uint(&client, KERNMLOPS_A_STORE_OVERWRITTEN), 0,
		 "nothing is overwritten");
	got_cursor_size = 0;
	dump("lossless", 0, 0, true);
	ok_equal(got_rows, stored, "a reader gets all rows");
	client_begin(&client, KERNMLOPS_CMD_ROW_CONSUME, 0);
	nla_put_string(client.msg, KERNMLOPS_A_ROW_STORE, "lossless");
	nla_put(client.msg, KERNMLOPS_A_ROW_CURSOR, got_cursor_size,
		got_cursor);
	ok_equal(client_send(&client), 0, "it consumes them");
	ok(push("lossless", 1, 0), "then there is room again");
	ok(!dump("lossless", 0, 0, true) && got_rows == 1,
	   "and the read goes on there");
	client_begin(&client, KERNMLOPS_CMD_ROW_CONSUME, 0);
	nla_put_string(client.msg, KERNMLOPS_A_ROW_STORE, "rows");
	nla_put(client.msg, KERNMLOPS_A_ROW_CURSOR, got_cursor_size,
		got_cursor);
	client_send(&client);
	expect(-EINVAL, "the store is not lossless",
	       "only lossless stores are consumed");
	close(map);
}

static void test_mirror(void)
{
	int map = map_with_btf("mirror", 4);
	uint32_t key = 7, value = 0;

	/* The map has room for one key. */
	make_store("mirror", map, 10, KERNMLOPS_STORE_MODE_MIRROR, false);
	push("mirror", 7, 1);
	push("mirror", 7, 2);
	ok(!bpf_map_lookup_elem(map, &key, &value) && value == 2,
	   "a mirror store keeps the latest row in the map");
	ok(push("mirror", 8, 3) && get("mirror", 8, 0, 0) == 3,
	   "a row that the map cannot take is stored");
	ok_equal(stat_of("mirror", KERNMLOPS_A_STORE_UNMIRRORED), 1,
		 "and counted");
	close(map);
}

static int map_of(enum bpf_map_type type, const char *name, uint32_t entries)
{
	return map_of_type(type, name, 4, entries);
}

static void test_map(void)
{
	int cpus = libbpf_num_possible_cpus(), i;
	uint64_t per_cpu[1024] = {};
	uint32_t key, value;
	int map = map_of(BPF_MAP_TYPE_HASH, "maphash", 100);

	ok_equal(make_store("maphash", map, 0, KERNMLOPS_STORE_MODE_MAP,
			    false), 0, "a hash map is a store");
	for (key = 0; key < 50; key++) {
		value = key * 3;
		bpf_map_update_elem(map, &key, &value, BPF_ANY);
	}
	ok_equal(get("maphash", 20, 0, 0), 60, "its rows are read by key");
	ok(get("maphash", 70, 0, 0) == -1 && client.err == -ENOENT,
	   "keys it has not are not found");
	dump("maphash", 0, 0, false);
	for (i = value = 0; i < got_rows; i++)
		value += got[i].value == got[i].key * 3;
	ok(got_rows == 50 && value == 50, "all its rows are dumped");
	dump("maphash", 1, 0, false);
	expect(-EOPNOTSUPP, "a map without history knows no times",
	       "a range of it is refused");
	get("maphash", 20, KERNMLOPS_A_ROW_ASOF, 5);
	expect(-EOPNOTSUPP, "a map without history knows no times",
	       "as-of reads of it are refused");
	push("maphash", 1, 1);
	expect(-EOPNOTSUPP, "a map without history knows no times",
	       "capture into it is refused");
	close(map);

	map = map_of(BPF_MAP_TYPE_LRU_HASH, "maplru", 100);
	make_store("maplru", map, 0, KERNMLOPS_STORE_MODE_MAP, false);
	key = 1;
	value = 11;
	bpf_map_update_elem(map, &key, &value, BPF_ANY);
	ok(get("maplru", 1, 0, 0) == 11 && !dump("maplru", 0, 0, false) &&
	   got_rows == 1, "so is an LRU hash map");
	close(map);

	map = map_of(BPF_MAP_TYPE_ARRAY, "maparray", 10);
	make_store("maparray", map, 0, KERNMLOPS_STORE_MODE_MAP, false);
	bpf_map_update_elem(map, &key, &value, BPF_ANY);
	ok(get("maparray", 1, 0, 0) == 11 && !dump("maparray", 0, 0, false) &&
	   got_rows == 10, "so is an array");
	close(map);

	for (i = 0; i < cpus; i++)
		per_cpu[i] = 100 + i;
	map = map_of(BPF_MAP_TYPE_PERCPU_HASH, "mappercpu", 10);
	make_store("mappercpu", map, 0, KERNMLOPS_STORE_MODE_MAP, false);
	bpf_map_update_elem(map, &key, per_cpu, BPF_ANY);
	dump("mappercpu", 0, 0, false);
	for (i = value = 0; i < got_rows; i++)
		value += got[i].value ==
			 100 + (got[i].row.seq >> KMLOPS_ROW_POS_BITS);
	ok(got_rows == cpus && (int)value == cpus,
	   "a per-CPU hash map has a row for each CPU");
	get("mappercpu", 1, 0, 0);
	ok(!client.err && client_uint(&client, KERNMLOPS_A_ROW_COUNT) ==
	   (uint64_t)cpus, "and as many for a key");
	close(map);

	map = map_of(BPF_MAP_TYPE_PERCPU_ARRAY, "mappcarray", 3);
	make_store("mappcarray", map, 0, KERNMLOPS_STORE_MODE_MAP, false);
	ok(!dump("mappcarray", 0, 0, false) && got_rows == 3 * cpus,
	   "so has a per-CPU array");
	close(map);
}

int main(void)
{
	if (client_open(&client))
		bail("no family");
	test_history();
	test_resumed();
	test_lossless();
	test_mirror();
	test_map();
	return done();
}
