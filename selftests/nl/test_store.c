// SPDX-License-Identifier: GPL-2.0-only
/*
 * Netlink commands of stores and rows: what they accept, and what they refuse
 * with which sentence.
 */
#include <fcntl.h>
#include <unistd.h>
#include <linux/kernmlops.h>
#include "client.h"
#include "tap.h"

static struct client client;
static int map;

static void refused(int err, const char *sentence, const char *what)
{
	client_send(&client);
	if (client.err != err)
		note("errno %d, expected %d", client.err, err);
	ok(client.err == err && !strcmp(client.sentence, sentence), "%s", what);
	if (strcmp(client.sentence, sentence))
		note("said '%s'", client.sentence);
}

static void set_parameter(const char *name, const char *value)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/sys/module/kernmlops/parameters/%s",
		 name);
	fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		bail("%s", path);
	close(fd);
}

static int unregister(const char *name)
{
	return client_named(&client, KERNMLOPS_CMD_STORE_UNREGISTER,
			    KERNMLOPS_A_STORE_NAME, name);
}

static void test_register(void)
{
	client_begin_register(&client, "first", map, 1000);
	ok_equal(client_send(&client), 0, "a map is registered");
	ok_equal(client.replies, 1, "the reply is the store");
	ok_string(client.attrs[KERNMLOPS_A_STORE_NAME] ?
		  nla_get_string(client.attrs[KERNMLOPS_A_STORE_NAME]) : NULL,
		  "first", "its name");
	ok(client_uint(&client, KERNMLOPS_A_STORE_ROWS) >= 1000,
	   "it has room for the rows asked for");
	ok_equal(client_uint(&client, KERNMLOPS_A_STORE_KEY_SIZE), 4,
		 "its key size");
	ok_equal(client_uint(&client, KERNMLOPS_A_STORE_VALUE_SIZE), 4,
		 "its value size");
	ok_equal(client_uint(&client, KERNMLOPS_A_STORE_STORED), 0,
		 "it is empty");

	ok_equal(client_named(&client, KERNMLOPS_CMD_STORE_GET,
			      KERNMLOPS_A_STORE_NAME, "first"), 0,
		 "it is found by name");
	ok(client_uint(&client, KERNMLOPS_A_STORE_BYTES) > 1000 * 32,
	   "it says what it costs");

	client_begin_register(&client, "first", map_with_btf("other", 4), 10);
	refused(-EEXIST, "a store first is registered already",
		"a name that is taken is refused");
	client_begin_register(&client, "second", map, 10);
	refused(-EBUSY, "the map is the store first already",
		"a map that is a store is refused");
}

static void test_bad_map(void)
{
	int null = open("/dev/null", O_RDONLY);
	char sentence[80];

	client_begin_register(&client, "bad", map_without_btf(4), 10);
	refused(-EINVAL, "the map has no BTF for its key and value",
		"a map without BTF is refused");
	client_begin_register(&client, "bad", 999, 10);
	refused(-EBADF, "descriptor 999 is no BPF map",
		"a descriptor that is not open is refused");
	client_begin_register(&client, "bad", null, 10);
	snprintf(sentence, sizeof(sentence), "descriptor %d is no BPF map",
		 null);
	refused(-EINVAL, sentence, "a descriptor of a file is refused");
	client_begin_register(&client, "bad", map_with_btf("big", 8196), 10);
	refused(-E2BIG, "a value has 1 to 8192 bytes, the map's has 8196",
		"a value that is too large is refused");
	close(null);
}

static void test_bad_name(void)
{
	int other = map_with_btf("other", 4);

	client_begin_register(&client, "", other, 10);
	refused(-EINVAL, "the name of a store cannot be empty",
		"an empty name is refused");
	client_begin_register(&client, "abcdefghijklmnopqrstuvwxyz012345",
			      other, 10);
	refused(-ENAMETOOLONG,
		"the name of a store has at most 31 bytes, this has 32",
		"a name that is too long is refused");
	client_begin_register(&client, "a b", other, 10);
	refused(-EINVAL, "the name of a store cannot have byte 0x20",
		"a name with a space is refused");
	client_begin_register(&client, "a\xc3\xa9", other, 10);
	refused(-EINVAL, "the name of a store cannot have byte 0xc3",
		"a name that is not ASCII is refused");
	client_begin_register(&client, "abcdefghijklmnopqrstuvwxyz01234",
			      other, 10);
	ok_equal(client_send(&client), 0, "a name of 31 bytes is not");
	ok_equal(unregister("abcdefghijklmnopqrstuvwxyz01234"), 0,
		 "and is found again");
	close(other);
}

static void test_bad_schema(void)
{
	int wide = map_with_btf("wide", 16);

	client_begin_register(&client, "bad", wide, 10);
	client_put_field(&client, KERNMLOPS_A_STORE_VALUE_FIELD, "beyond",
			 KERNMLOPS_FIELD_TYPE_U64, 12);
	refused(-EINVAL,
		"value field beyond ends beyond the 16 bytes of the map's value",
		"a field that does not fit the value is refused");
	client_begin_register(&client, "bad", wide, 10);
	client_put_field(&client, KERNMLOPS_A_STORE_KEY_FIELD, "more",
			 KERNMLOPS_FIELD_TYPE_U8, 4);
	refused(-EINVAL,
		"key field more ends beyond the 4 bytes of the map's key",
		"a field that does not fit the key is refused");
	client_begin_register(&client, "bad", wide, 10);
	client_put_field(&client, KERNMLOPS_A_STORE_VALUE_FIELD, "value",
			 KERNMLOPS_FIELD_TYPE_U32, 8);
	refused(-EINVAL, "value field value is there twice",
		"a field name that is taken is refused");
	client_begin_register(&client, "bad", wide, 10);
	client_put_field(&client, KERNMLOPS_A_STORE_VALUE_FIELD,
			 "abcdefghijklmnopqrstuvwxyz012345",
			 KERNMLOPS_FIELD_TYPE_U32, 8);
	refused(-ENAMETOOLONG, "the name of a field has at most 31 bytes",
		"a field name that is too long is refused");
	client_begin_register(&client, "bad", wide, 10);
	client_put_field(&client, KERNMLOPS_A_STORE_VALUE_FIELD, "odd", 99, 8);
	ok(client_send(&client) == -ERANGE && client.sentence[0],
	   "an unknown field type is refused with a sentence");

	client_begin(&client, KERNMLOPS_CMD_STORE_REGISTER, 0);
	nla_put_string(client.msg, KERNMLOPS_A_STORE_NAME, "bad");
	refused(-EINVAL, "registration needs a map and a number of rows",
		"a registration without a map is refused");
	client_begin(&client, KERNMLOPS_CMD_STORE_REGISTER, 0);
	refused(-EINVAL, "the request names no object",
		"a registration without a name is refused");
	client_begin_register(&client, "bad", wide, 10);
	nla_put_u64(client.msg, 30, 1);
	ok(client_send(&client) == -EINVAL && client.sentence[0],
	   "an unknown attribute is refused with a sentence");
	close(wide);
}

static uint64_t info_uint(uint32_t attr)
{
	client_begin(&client, KERNMLOPS_CMD_INFO_GET, 0);
	client_send(&client);
	return client_uint(&client, attr);
}

/* The last grace period of what was unregistered may not be over. */
static uint64_t settled_memory(void)
{
	uint64_t memory = info_uint(KERNMLOPS_A_INFO_STORES_MEMORY), last;

	do {
		last = memory;
		usleep(200000);
		memory = info_uint(KERNMLOPS_A_INFO_STORES_MEMORY);
	} while (memory != last);
	return memory;
}

static void test_memory_of_all(int spare)
{
	uint64_t max = info_uint(KERNMLOPS_A_INFO_STORES_MEMORY_MAX), before, bytes;
	char number[24], sentence[160];

	before = settled_memory();
	client_begin_register(&client, "bad", spare, 1000);
	client_send(&client);
	bytes = client_uint(&client, KERNMLOPS_A_STORE_BYTES);
	ok(bytes >= 1000 * 40 &&
	   info_uint(KERNMLOPS_A_INFO_STORES_MEMORY) == before + bytes,
	   "the memory of a store is counted");
	unregister("bad");
	ok_equal(settled_memory(), before, "until it is freed");

	snprintf(number, sizeof(number), "%llu",
		 (unsigned long long)(before + bytes - 1));
	set_parameter("max_stores_memory", number);
	snprintf(sentence, sizeof(sentence),
		 "%llu KiB more than %llu KiB, max_stores_memory allows %llu KiB",
		 (unsigned long long)bytes >> 10,
		 (unsigned long long)before >> 10,
		 (unsigned long long)(before + bytes - 1) >> 10);
	client_begin_register(&client, "bad", spare, 1000);
	refused(-ENOSPC, sentence, "all stores together have a limit");
	ok_equal(info_uint(KERNMLOPS_A_INFO_STORES_MEMORY), before,
		 "what was refused is not counted");
	snprintf(number, sizeof(number), "%llu", (unsigned long long)max);
	set_parameter("max_stores_memory", number);
}

static void test_limits(void)
{
	int other = map_with_btf("other", 4);

	client_begin_register(&client, "bad", other, 0);
	refused(-EINVAL, "a store retains at least 1 row",
		"a store of no rows is refused");
	client_begin_register(&client, "bad", other, ~0ULL);
	ok(client_send(&client) == -E2BIG &&
	   strstr(client.sentence, "max_store_bytes allows"),
	   "a store larger than the limit is refused");
	set_parameter("max_stores", "1");
	client_begin_register(&client, "bad", other, 10);
	refused(-ENOSPC, "max_stores allows 1 stores",
		"a store too many is refused");
	set_parameter("max_stores", "64");
	test_memory_of_all(other);
	client_begin_register(&client, "bad", other, 10);
	nla_put_u32(client.msg, KERNMLOPS_A_STORE_MODE, 9);
	ok(client_send(&client) == -ERANGE && client.sentence[0],
	   "an unknown mode is refused with a sentence");
	client_begin_register(&client, "bad", other, 10);
	nla_put_u32(client.msg, KERNMLOPS_A_STORE_MODE,
		    KERNMLOPS_STORE_MODE_MAP);
	nla_put_flag(client.msg, KERNMLOPS_A_STORE_LOSSLESS);
	refused(-EINVAL, "a map without history cannot be lossless",
		"a map cannot be lossless");
	close(other);
}

static void count_names(struct client *client, void *arg)
{
	int *seen = arg;
	const char *name =
		nla_get_string(client->attrs[KERNMLOPS_A_STORE_NAME]);

	if (!strcmp(name, "first"))
		seen[0]++;
	else if (!strncmp(name, "list", 4))
		seen[1]++;
	else
		seen[2]++;
}

static void test_list(void)
{
	int seen[3] = {}, maps[40];
	char name[32];
	int i;

	for (i = 0; i < 40; i++) {
		maps[i] = map_with_btf("list", 4);
		snprintf(name, sizeof(name), "list%d", i);
		client_begin_register(&client, name, maps[i], 10);
		if (client_send(&client))
			bail("%s: %s", name, client.sentence);
	}
	client.each = count_names;
	client.arg = seen;
	client_begin(&client, KERNMLOPS_CMD_STORE_GET, NLM_F_DUMP);
	ok_equal(client_send(&client), 0, "stores are listed");
	client.each = NULL;
	ok(seen[0] == 1 && seen[1] == 40 && !seen[2],
	   "each store is listed once");
	for (i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "list%d", i);
		unregister(name);
		close(maps[i]);
	}
}

static void test_rows(void)
{
	uint32_t key = 1;

	client_begin(&client, KERNMLOPS_CMD_ROW_GET, 0);
	nla_put_string(client.msg, KERNMLOPS_A_ROW_STORE, "first");
	nla_put(client.msg, KERNMLOPS_A_ROW_KEY, 4, &key);
	refused(-ENOENT, "the store has no row of that key",
		"a key without rows is refused");
	client_begin(&client, KERNMLOPS_CMD_ROW_GET, 0);
	nla_put_string(client.msg, KERNMLOPS_A_ROW_STORE, "first");
	nla_put(client.msg, KERNMLOPS_A_ROW_KEY, 3, &key);
	refused(-EINVAL, "a key of this store has 4 bytes, not 3",
		"a key of wrong size is refused");
	client_begin(&client, KERNMLOPS_CMD_ROW_GET, 0);
	nla_put_string(client.msg, KERNMLOPS_A_ROW_STORE, "first");
	refused(-EINVAL, "the request names no key",
		"a read without a key is refused");
	client_begin(&client, KERNMLOPS_CMD_ROW_GET, 0);
	nla_put_string(client.msg, KERNMLOPS_A_ROW_STORE, "nosuch");
	refused(-ENOENT, "there is no store of that name",
		"a read of an unknown store is refused");

	client_begin(&client, KERNMLOPS_CMD_ROW_GET, NLM_F_DUMP);
	nla_put_string(client.msg, KERNMLOPS_A_ROW_STORE, "first");
	ok(!client_send(&client) && !client.replies,
	   "an empty store dumps no rows");
	client_begin(&client, KERNMLOPS_CMD_ROW_GET, NLM_F_DUMP);
	nla_put_string(client.msg, KERNMLOPS_A_ROW_STORE, "nosuch");
	refused(-ENOENT, "there is no store of that name",
		"a dump of an unknown store is refused");
	client_begin(&client, KERNMLOPS_CMD_ROW_GET, NLM_F_DUMP);
	refused(-EINVAL, "the request names no object",
		"a dump of no store is refused");
}

static void test_unregister(void)
{
	ok_equal(unregister("first"), 0, "a store is unregistered");
	ok_equal(unregister("first"), -ENOENT, "once only");
	ok_string(client.sentence, "there is no store of that name",
		  "with a sentence");
	ok_equal(client_named(&client, KERNMLOPS_CMD_STORE_GET,
			      KERNMLOPS_A_STORE_NAME, "first"), -ENOENT,
		 "it is not found any more");
	client_begin_register(&client, "first", map, 10);
	ok_equal(client_send(&client), 0, "the name and the map are free again");
	/* Left to the end of the module. */
}

int main(void)
{
	if (client_open(&client))
		bail("no family");
	map = map_with_btf("first", 4);
	if (map < 0)
		bail("map");

	test_register();
	test_bad_map();
	test_bad_name();
	test_bad_schema();
	test_limits();
	test_list();
	test_rows();
	test_unregister();
	client_close(&client);
	return done();
}
