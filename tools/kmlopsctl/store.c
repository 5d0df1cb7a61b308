// SPDX-License-Identifier: GPL-2.0-only
/* kmlopsctl store: feature stores and their rows. */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/kernmlops_row.h>

#include "export.h"
#include "values.h"
#include "kmlopsctl.h"
#include "map.h"
#include "map_new.h"
#include "netlink.h"
#include "output.h"
#include "replay.h"
#include "rows.h"
#include "schema_words.h"
#include "store.h"
#include "when.h"

/* How long "follow" waits between looks. */
#define FOLLOW_PAUSE_US	200000

static const char help[] =
	"kmlopsctl store register NAME map MAP rows N [mode MODE] [lossless]\n"
	"kmlopsctl store register NAME schema FIELDS key {TYPE|FIELDS} rows N\n"
	"                              [mode {history|mirror}] [keys N] [lossless]\n"
	"kmlopsctl store {show|list} [NAME]\n"
	"kmlopsctl store unregister NAME\n"
	"kmlopsctl store get NAME key KEY [at TIME] [last N]\n"
	"kmlopsctl store get NAME at TIME\n"
	"kmlopsctl store dump NAME [from TIME] [to TIME] [follow] [consume]\n"
	"kmlopsctl store export NAME file FILE [format FORMAT] [from TIME] [to TIME] [consume]\n"
	"kmlopsctl store export NAME dir DIR [rows N] [format FORMAT] [from TIME] [to TIME] [consume]\n"
	"kmlopsctl store push NAME key KEY [FIELD=VALUE...]\n"
	"kmlopsctl store replay NAME {file FILE | dir DIR} [speed {FACTOR|max}]\n"
	"kmlopsctl store truncate NAME before TIME\n"
	"\n"
	"MAP    := { id N | pinned PATH | name MAP }\n"
	"MODE   := { history | mirror | map }\n"
	"FIELDS := FIELD:TYPE[:UNIT][,FIELD:TYPE[:UNIT]...]\n"
	"TYPE   := { SCALAR | SCALAR[N] }\n"
	"SCALAR := { u8 | u16 | u32 | u64 | s8 | s16 | s32 | s64 | bool | char | f32 | f64 }\n"
	"FORMAT := { npy | csv | jsonl | arrow | arrows | parquet }\n"
	"KEY    := { VALUE | FIELD=VALUE[,FIELD=VALUE...] | hex:BYTES }\n"
	"TIME   := { now | -DURATION | NANOSECONDS | RFC3339 }\n";

const char *const store_mode_names[] = {
	[KERNMLOPS_STORE_MODE_HISTORY] = "history",
	[KERNMLOPS_STORE_MODE_MIRROR] = "mirror",
	[KERNMLOPS_STORE_MODE_MAP] = "map",
	NULL
};

static const char *mode_name(uint32_t mode)
{
	return mode <= KERNMLOPS_STORE_MODE_MAP ? store_mode_names[mode] : "?";
}

/* From and to netlink. */

static void put_schema(struct nl_msg *msg, int type,
		       const struct schema *schema)
{
	unsigned int i;

	for (i = 0; i < schema->nr; i++) {
		const struct field *field = &schema->fields[i];
		struct nlattr *nest = nla_nest_start(msg, type | NLA_F_NESTED);

		nlc_put_string(msg, KERNMLOPS_A_FIELD_NAME, field->name);
		nlc_put_u32(msg, KERNMLOPS_A_FIELD_TYPE, field->type);
		nlc_put_u32(msg, KERNMLOPS_A_FIELD_OFFSET, field->offset);
		nlc_put_u32(msg, KERNMLOPS_A_FIELD_COUNT, field->count);
		if (field->unit)
			nlc_put_string(msg, KERNMLOPS_A_FIELD_UNIT,
				       field->unit);
		nla_nest_end(msg, nest);
	}
}

static int parse_field(struct schema *schema, struct nlattr *attr,
		       uint32_t size)
{
	struct nlattr *tb[KERNMLOPS_A_FIELD_MAX + 1];
	struct field *field;
	char text[256];

	if (nla_parse_nested(tb, KERNMLOPS_A_FIELD_MAX, attr, NULL) < 0)
		return -EBADMSG;
	nlc_string(tb[KERNMLOPS_A_FIELD_NAME], text, sizeof(text));
	field = schema_add(schema, xstrdup(text), NULL);
	if (tb[KERNMLOPS_A_FIELD_UNIT]) {
		nlc_string(tb[KERNMLOPS_A_FIELD_UNIT], text, sizeof(text));
		field->unit = xstrdup(text);
	}
	field->type = nlc_uint(tb[KERNMLOPS_A_FIELD_TYPE]);
	field->offset = nlc_uint(tb[KERNMLOPS_A_FIELD_OFFSET]);
	if (tb[KERNMLOPS_A_FIELD_COUNT])
		field->count = nlc_uint(tb[KERNMLOPS_A_FIELD_COUNT]);

	/* Readers of rows rely on this; a type may be newer than this tool. */
	if (!field_type_size(field->type) ||
	    field->offset + (uint64_t)field->count *
	    field_type_size(field->type) > size)
		return -EBADMSG;
	return 0;
}

static int parse_store(struct nlmsghdr *nlh, struct store *store)
{
	struct nlattr *tb[KERNMLOPS_A_STORE_MAX + 1], *attr;
	int err, rem;

	*store = (struct store){ 0 };
	err = nlc_parse(nlh, tb, KERNMLOPS_A_STORE_MAX);
	if (err)
		return err;

	nlc_string(tb[KERNMLOPS_A_STORE_NAME], store->name,
		   sizeof(store->name));
	nlc_string(tb[KERNMLOPS_A_STORE_MAP_NAME], store->map_name,
		   sizeof(store->map_name));
	store->mode = nlc_uint(tb[KERNMLOPS_A_STORE_MODE]);
	store->map_id = nlc_uint(tb[KERNMLOPS_A_STORE_MAP_ID]);
	store->key_size = nlc_uint(tb[KERNMLOPS_A_STORE_KEY_SIZE]);
	store->value_size = nlc_uint(tb[KERNMLOPS_A_STORE_VALUE_SIZE]);
	store->rows = nlc_uint(tb[KERNMLOPS_A_STORE_ROWS]);
	store->captured = nlc_uint(tb[KERNMLOPS_A_STORE_CAPTURED]);
	store->stored = nlc_uint(tb[KERNMLOPS_A_STORE_STORED]);
	store->overwritten = nlc_uint(tb[KERNMLOPS_A_STORE_OVERWRITTEN]);
	store->dropped = nlc_uint(tb[KERNMLOPS_A_STORE_DROPPED]);
	store->truncated = nlc_uint(tb[KERNMLOPS_A_STORE_TRUNCATED]);
	store->unindexed = nlc_uint(tb[KERNMLOPS_A_STORE_UNINDEXED]);
	store->evicted = nlc_uint(tb[KERNMLOPS_A_STORE_EVICTED]);
	store->keys = nlc_uint(tb[KERNMLOPS_A_STORE_KEYS]);
	store->bytes = nlc_uint(tb[KERNMLOPS_A_STORE_BYTES]);
	store->lossless = tb[KERNMLOPS_A_STORE_LOSSLESS];
	store->unmirrored = nlc_uint(tb[KERNMLOPS_A_STORE_UNMIRRORED]);

	nlc_for_each_attr(attr, nlh, rem) {
		if (nla_type(attr) == KERNMLOPS_A_STORE_KEY_FIELD)
			err = parse_field(&store->key, attr, store->key_size);
		else if (nla_type(attr) == KERNMLOPS_A_STORE_VALUE_FIELD)
			err = parse_field(&store->value, attr,
					  store->value_size);
		if (err) {
			store_free(store);
			return err;
		}
	}
	return 0;
}

void store_free(struct store *store)
{
	schema_free(&store->key);
	schema_free(&store->value);
}

static int on_store(struct nlmsghdr *nlh, void *arg)
{
	return parse_store(nlh, arg);
}

int store_find(const char *name, struct store *store)
{
	struct nl_msg *msg = nlc_new(KERNMLOPS_CMD_STORE_GET);

	*store = (struct store){ 0 };
	nlc_put_string(msg, KERNMLOPS_A_STORE_NAME, name);
	return nlc_request(msg, on_store, store);
}

int store_unregister(const char *name)
{
	struct nl_msg *msg = nlc_new(KERNMLOPS_CMD_STORE_UNREGISTER);

	nlc_put_string(msg, KERNMLOPS_A_STORE_NAME, name);
	return nlc_request(msg, NULL, NULL);
}

/* Registration. */

/* Fields of a map; none if it has no BTF, as the kernel says so better. */
static int map_schema(int map_fd, struct schema *key, struct schema *value)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);
	char *why = NULL;
	struct btf *btf;
	int err = 0;

	if (bpf_obj_get_info_by_fd(map_fd, &info, &len))
		return fail(REFUSED, errno, "cannot read about the map: %s",
			    strerror(errno));
	if (!info.btf_id)
		return DONE;
	btf = btf__load_from_kernel_by_id(info.btf_id);
	if (!btf)
		return fail(REFUSED, errno, "cannot read the BTF of map %s: %s",
			    info.name, strerror(errno));

	if (info.btf_key_type_id)
		err = schema_from_btf(key, btf, info.btf_key_type_id, "key",
				      &why);
	if (!err && info.btf_value_type_id)
		err = schema_from_btf(value, btf, info.btf_value_type_id,
				      "value", &why);
	btf__free(btf);
	if (!err)
		return DONE;
	fail(REFUSED, -err, "map %s cannot be a store: %s", info.name, why);
	free(why);
	return REFUSED;
}

static int register_map(const char *name, int map_fd, uint32_t mode,
			uint64_t rows, bool lossless, struct store *reply)
{
	struct schema key = { 0 }, value = { 0 };
	struct store store = { 0 };
	struct nl_msg *msg;
	int code, err;

	code = map_schema(map_fd, &key, &value);
	if (code != DONE)
		goto out;

	msg = nlc_new(KERNMLOPS_CMD_STORE_REGISTER);
	nlc_put_string(msg, KERNMLOPS_A_STORE_NAME, name);
	nlc_put_u32(msg, KERNMLOPS_A_STORE_MODE, mode);
	if (rows)
		nlc_put_uint(msg, KERNMLOPS_A_STORE_ROWS, rows);
	nlc_put_u32(msg, KERNMLOPS_A_STORE_MAP_FD, map_fd);
	if (lossless)
		nlc_put(msg, KERNMLOPS_A_STORE_LOSSLESS, NULL, 0);
	put_schema(msg, KERNMLOPS_A_STORE_KEY_FIELD, &key);
	put_schema(msg, KERNMLOPS_A_STORE_VALUE_FIELD, &value);
	err = nlc_request(msg, on_store, &store);
	if (err)
		code = nlc_report(err);
	if (!err && reply)
		*reply = store;
	else
		store_free(&store);
out:
	schema_free(&key);
	schema_free(&value);
	return code;
}

int store_register(const char *name, int map_fd, uint32_t mode, uint64_t rows,
		   struct store *reply)
{
	return register_map(name, map_fd, mode, rows, false, reply);
}

/* Output. */

static struct json_object *schema_json(const struct schema *schema)
{
	struct json_object *array = json_object_new_array();
	unsigned int i;

	for (i = 0; i < schema->nr; i++) {
		const struct field *field = &schema->fields[i];
		struct json_object *json = json_object_new_object();

		json_add_string(json, "name", field->name);
		json_add_string(json, "type", field_type_name(field->type));
		json_add_uint(json, "offset", field->offset);
		if (field->count != 1)
			json_add_uint(json, "count", field->count);
		if (field->unit)
			json_add_string(json, "unit", field->unit);
		json_object_array_add(array, json);
	}
	return array;
}

struct json_object *store_json(const struct store *store)
{
	struct json_object *json = json_object_new_object();
	struct json_object *map = json_object_new_object();

	json_add_string(json, "name", store->name);
	json_add_string(json, "mode", mode_name(store->mode));
	json_add_uint(json, "rows", store->rows);
	json_object_object_add(json, "lossless",
			       json_object_new_boolean(store->lossless));
	json_add_uint(map, "id", store->map_id);
	json_add_string(map, "name", store->map_name);
	json_object_object_add(json, "map", map);
	json_add_uint(json, "key_size", store->key_size);
	json_add_uint(json, "value_size", store->value_size);
	json_object_object_add(json, "key", schema_json(&store->key));
	json_object_object_add(json, "value", schema_json(&store->value));
	json_add_uint(json, "captured", store->captured);
	json_add_uint(json, "stored", store->stored);
	json_add_uint(json, "overwritten", store->overwritten);
	json_add_uint(json, "dropped", store->dropped);
	json_add_uint(json, "truncated", store->truncated);
	json_add_uint(json, "unindexed", store->unindexed);
	json_add_uint(json, "evicted", store->evicted);
	if (store->mode == KERNMLOPS_STORE_MODE_MIRROR)
		json_add_uint(json, "unmirrored", store->unmirrored);
	json_add_uint(json, "keys", store->keys);
	json_add_uint(json, "bytes", store->bytes);
	return json;
}

static void print_schema(const char *what, const struct schema *schema,
			 uint32_t size)
{
	static const char *const headers[] = {
		"", ">offset", "type", "name", "unit", NULL
	};
	struct table *table = table_new(headers);
	unsigned int i;

	printf("%s: %u bytes\n", what, size);
	for (i = 0; i < schema->nr; i++) {
		const struct field *field = &schema->fields[i];

		table_cell(table, " ");
		table_cell(table, "%u", field->offset);
		if (field->count == 1)
			table_cell(table, "%s", field_type_name(field->type));
		else
			table_cell(table, "%s[%u]",
				   field_type_name(field->type), field->count);
		table_cell(table, "%s", field->name);
		table_cell(table, "%s", field->unit ? field->unit : "");
	}
	table_print(table);
}

static void print_store(const struct store *store)
{
	char bytes[HUMAN_LEN];

	printf("store %s: mode %s%s, %" PRIu64 " rows, %s, map %u (%s)\n",
	       store->name, mode_name(store->mode),
	       store->lossless ? ", lossless" : "", store->rows,
	       human_bytes(bytes, store->bytes), store->map_id,
	       store->map_name);
	printf("captured %" PRIu64 " = stored %" PRIu64 " + overwritten %" PRIu64
	       " + dropped %" PRIu64 " + truncated %" PRIu64 "\n",
	       store->captured, store->stored, store->overwritten,
	       store->dropped, store->truncated);
	printf("keys %" PRIu64 ", evicted %" PRIu64 ", rows not indexed %"
	       PRIu64 "\n", store->keys, store->evicted, store->unindexed);
	if (store->mode == KERNMLOPS_STORE_MODE_MIRROR)
		printf("rows that the map did not take %" PRIu64 "\n",
		       store->unmirrored);
	print_schema("key", &store->key, store->key_size);
	print_schema("value", &store->value, store->value_size);
}

struct store_list {
	struct store *stores;
	unsigned int nr;
};

static int on_list(struct nlmsghdr *nlh, void *arg)
{
	struct store_list *list = arg;
	int err;

	list->stores = xrealloc(list->stores, (list->nr + 1) *
				sizeof(*list->stores));
	err = parse_store(nlh, &list->stores[list->nr]);
	if (!err)
		list->nr++;
	return err;
}

static void free_list(void *arg)
{
	struct store_list *list = arg;
	unsigned int i;

	for (i = 0; i < list->nr; i++)
		store_free(&list->stores[i]);
	free(list->stores);
	*list = (struct store_list){ 0 };
}

static void print_list(const struct store_list *list)
{
	static const char *const headers[] = {
		"name", "mode", ">rows", ">captured", ">stored",
		">overwritten", ">dropped", ">keys", ">memory", "map", NULL
	};
	struct table *table = table_new(headers);
	char bytes[HUMAN_LEN];
	unsigned int i;

	for (i = 0; i < list->nr; i++) {
		const struct store *store = &list->stores[i];

		table_cell(table, "%s", store->name);
		table_cell(table, "%s", mode_name(store->mode));
		table_cell(table, "%" PRIu64, store->rows);
		table_cell(table, "%" PRIu64, store->captured);
		table_cell(table, "%" PRIu64, store->stored);
		table_cell(table, "%" PRIu64, store->overwritten);
		table_cell(table, "%" PRIu64, store->dropped);
		table_cell(table, "%" PRIu64, store->keys);
		table_cell(table, "%s", human_bytes(bytes, store->bytes));
		table_cell(table, "%u (%s)", store->map_id, store->map_name);
	}
	table_print(table);
}

/* Commands. */

static int cmd_list(struct args *args)
{
	struct store_list list = { 0 };
	struct json_object *array;
	struct store store;
	const char *name;
	unsigned int i;
	int err;

	if (!args_empty(args)) {
		name = args_next(args, "the name of a store");
		if (!args_end(args))
			return USAGE;
		err = store_find(name, &store);
		if (err)
			return nlc_report(err);
		if (opt_json())
			out_json(store_json(&store));
		else
			print_store(&store);
		store_free(&store);
		return DONE;
	}

	err = nlc_dump_list(KERNMLOPS_CMD_STORE_GET, on_list, free_list, &list);
	if (err) {
		free_list(&list);
		return nlc_report(err);
	}
	if (opt_json()) {
		array = json_object_new_array();
		for (i = 0; i < list.nr; i++)
			json_object_array_add(array,
					      store_json(&list.stores[i]));
		out_json_list(array);
	} else {
		print_list(&list);
	}
	free_list(&list);
	return DONE;
}

/* The words of register; what is not given is NULL, 0 or as set at first. */
struct register_words {
	int map_fd;		/* -1: no map is given */
	const char *schema;
	const char *key;
	uint64_t rows;
	uint32_t keys;
	int mode;
	bool lossless;
};

static int parse_number_word(struct args *args, const char *what,
			     const char *none, uint64_t *number)
{
	const char *word = args_next(args, none);

	return word && parse_u64(what, word, number) ? DONE : USAGE;
}

static int parse_map_word(struct args *args, int *map_fd)
{
	int code;

	if (*map_fd >= 0)
		return fail_usage("the map is given twice");
	*map_fd = map_open_args(args, &code);
	return *map_fd < 0 ? code : DONE;
}

/* Read all words that are left. An exit code. */
static int parse_register_words(struct args *args, struct register_words *got)
{
	static const char *const words[] = {
		"map", "schema", "key", "keys", "rows", "mode", "lossless", NULL
	};
	uint64_t keys = 0;
	int code = DONE;

	while (!args_empty(args) && code == DONE) {
		switch (args_word(args, "option of store register", words)) {
		case 0:
			code = parse_map_word(args, &got->map_fd);
			break;
		case 1:
			got->schema = args_next(args, "the schema");
			code = got->schema ? DONE : USAGE;
			break;
		case 2:
			got->key = args_next(args, "the type of the key");
			code = got->key ? DONE : USAGE;
			break;
		case 3:
			code = parse_number_word(args, "keys",
						 "the number of keys", &keys);
			if (code == DONE && (!keys || keys > UINT32_MAX))
				code = fail_usage("a map holds 1 to 2^32-1 keys");
			got->keys = keys;
			break;
		case 4:
			code = parse_number_word(args, "rows",
						 "the number of rows",
						 &got->rows);
			if (code == DONE && !got->rows)
				code = fail_usage("a store retains at least one row");
			break;
		case 5:
			got->mode = args_word(args, "mode", store_mode_names);
			code = got->mode < 0 ? USAGE : DONE;
			break;
		case 6:
			got->lossless = true;
			break;
		default:
			code = USAGE;
		}
	}
	return code;
}

/* Whether the words go together. An exit code. */
static int check_register_words(const struct register_words *got)
{
	if (got->map_fd >= 0 && (got->schema || got->key || got->keys))
		return fail_usage("schema, key and keys are for a new map: leave map out");
	if (got->map_fd < 0 && !got->schema)
		return fail_usage("the map is missing: map { id N | pinned PATH | name MAP }, or schema FIELDS for a new one");
	if (got->schema && !got->key)
		return fail_usage("the key is missing: key TYPE, or key FIELD:TYPE,...");
	if (got->schema && got->mode == KERNMLOPS_STORE_MODE_MAP)
		return fail_usage("mode map is for a map that is there already, not for a schema");
	if (got->keys && got->mode != KERNMLOPS_STORE_MODE_MIRROR)
		return fail_usage("keys is for mode mirror: otherwise the map holds no rows");
	if (!got->rows && got->mode != KERNMLOPS_STORE_MODE_MAP)
		return fail_usage("the number of rows to retain is missing: rows N");
	return DONE;
}

/* The map is a schema and a handle; only that of a mirror ever holds rows. */
static int new_map(const char *name, const struct register_words *got,
		   int *code)
{
	struct layout key = { 0 }, value = { 0 };
	uint32_t entries = 1;
	int fd = -1;

	*code = USAGE;
	if (got->keys) {
		entries = got->keys;
	} else if (got->mode == KERNMLOPS_STORE_MODE_MIRROR) {
		if (got->rows > UINT32_MAX) {
			fail_usage("a map holds at most 2^32-1 keys, not one for each row: add keys N");
			return -1;
		}
		entries = got->rows;
	}
	if (layout_parse_key(&key, got->key) &&
	    layout_parse_value(&value, got->schema))
		fd = map_new(name, &key, &value, entries, code);
	if (fd >= 0)
		*code = DONE;
	schema_free(&key.schema);
	schema_free(&value.schema);
	return fd;
}

static int cmd_register(struct args *args)
{
	struct register_words got = {
		.map_fd = -1, .mode = KERNMLOPS_STORE_MODE_HISTORY
	};
	char bytes[HUMAN_LEN];
	struct store store = { 0 };
	const char *name;
	int code;

	name = args_next(args, "the name of the store");
	if (!name)
		return USAGE;
	code = parse_register_words(args, &got);
	if (code == DONE)
		code = check_register_words(&got);
	if (code == DONE && got.schema)
		got.map_fd = new_map(name, &got, &code);
	if (code == DONE)
		code = register_map(name, got.map_fd, got.mode, got.rows,
				    got.lossless, &store);
	if (code == DONE) {
		if (opt_json())
			out_json(store_json(&store));
		else
			printf("store %s: %" PRIu64 " rows, %s\n", store.name,
			       store.rows, human_bytes(bytes, store.bytes));
		store_free(&store);
	}
	if (got.map_fd >= 0)
		close(got.map_fd);	/* the store holds the map */
	return code;
}

static int cmd_unregister(struct args *args)
{
	const char *name = args_next(args, "the name of the store");
	int err;

	if (!name || !args_end(args))
		return USAGE;
	err = store_unregister(name);
	return err ? nlc_report(err) : DONE;
}

/* What get asks for; words that are not given are NULL, or 0. */
struct row_query {
	const void *key;
	const uint64_t *at;
	uint32_t last;
};

struct got_rows {
	const struct store *store;
	const struct columns *columns;
	uint8_t *rows;		/* packed, as in a dump */
	uint32_t nr;
};

static int on_rows(struct nlmsghdr *nlh, void *arg)
{
	struct nlattr *tb[KERNMLOPS_A_ROW_MAX + 1];
	struct got_rows *got = arg;
	uint32_t row_size = got->columns->row_size;
	struct kmlops_row head;
	int err;

	err = nlc_parse(nlh, tb, KERNMLOPS_A_ROW_MAX);
	if (err)
		return err;
	if (tb[KERNMLOPS_A_ROW_ROWS]) {
		got->nr = nlc_uint(tb[KERNMLOPS_A_ROW_COUNT]);
		if (nlc_uint(tb[KERNMLOPS_A_ROW_ROW_SIZE]) != row_size ||
		    nla_len(tb[KERNMLOPS_A_ROW_ROWS]) !=
		    (uint64_t)got->nr * row_size)
			return -EBADMSG;
		got->rows = xrealloc(got->rows, got->nr * row_size);
		memcpy(got->rows, nla_data(tb[KERNMLOPS_A_ROW_ROWS]),
		       got->nr * row_size);
		return 0;
	}

	if (!tb[KERNMLOPS_A_ROW_KEY] || !tb[KERNMLOPS_A_ROW_VALUE] ||
	    nla_len(tb[KERNMLOPS_A_ROW_KEY]) != got->store->key_size ||
	    nla_len(tb[KERNMLOPS_A_ROW_VALUE]) != got->store->value_size)
		return -EBADMSG;
	head.time = nlc_uint(tb[KERNMLOPS_A_ROW_TIME]);
	head.seq = nlc_uint(tb[KERNMLOPS_A_ROW_SEQ]);
	got->rows = xrealloc(got->rows, row_size);
	got->nr = 1;
	memset(got->rows, 0, row_size);
	memcpy(got->rows, &head, sizeof(head));
	memcpy(got->rows + sizeof(head), nla_data(tb[KERNMLOPS_A_ROW_KEY]),
	       got->store->key_size);
	memcpy(got->rows + got->columns->value_offset,
	       nla_data(tb[KERNMLOPS_A_ROW_VALUE]), got->store->value_size);
	return 0;
}

/* One row is an object, or a list of fields; several are as those of a dump. */
static void print_rows(const struct got_rows *got, bool several)
{
	struct row_writer writer;

	if (several || opt.format == FORMAT_CSV) {
		rows_begin(&writer, opt.format, got->columns, NULL, stdout);
		rows_write(&writer, got->rows, got->nr);
		rows_end(&writer, true);
	} else if (opt_json()) {
		row_print_json(got->columns, got->rows);
	} else {
		row_print(got->columns, got->rows);
	}
}

static int get_rows(const struct store *store, const struct row_query *query)
{
	struct nl_msg *msg = nlc_new(KERNMLOPS_CMD_ROW_GET);
	struct columns columns;
	struct got_rows got = { .store = store, .columns = &columns };
	int err;

	columns_of_store(&columns, store);
	nlc_put_string(msg, KERNMLOPS_A_ROW_STORE, store->name);
	if (query->key)
		nlc_put(msg, KERNMLOPS_A_ROW_KEY, query->key, store->key_size);
	if (query->at)
		nlc_put_uint(msg, query->key ? KERNMLOPS_A_ROW_ASOF :
			     KERNMLOPS_A_ROW_NEAREST, *query->at);
	if (query->last)
		nlc_put_u32(msg, KERNMLOPS_A_ROW_LAST, query->last);
	err = nlc_request(msg, on_rows, &got);
	if (!err)
		print_rows(&got, query->last || got.nr != 1);
	free(got.rows);
	columns_free(&columns);
	return err ? nlc_report(err) : DONE;
}

static int cmd_get(struct args *args)
{
	static const char *const words[] = { "key", "at", "last", NULL };
	struct row_query query = { 0 };
	const char *name, *key = NULL, *word;
	void *key_bytes = NULL;
	struct store store;
	int code, err, i;
	uint64_t at;

	if (opt.format >= FORMAT_NPY)
		return fail_usage("%s is for many rows: use store export",
				  format_names[opt.format]);
	name = args_next(args, "the name of the store");
	if (!name)
		return USAGE;
	while (!args_empty(args)) {
		i = args_word(args, "option of store get", words);
		if (i < 0)
			return USAGE;
		word = args_next(args, i == 0 ? "the key" : i == 1 ?
				 "the time" : "the number of rows");
		if (!word)
			return USAGE;
		switch (i) {
		case 0:
			key = word;
			break;
		case 1:
			code = when_parse(word, &at);
			if (code != DONE)
				return code;
			query.at = &at;
			break;
		case 2:
			if (!parse_u32("last", word, &query.last))
				return USAGE;
			if (!query.last)
				return fail_usage("last 0 is no row at all");
			break;
		}
	}
	if (!key && !query.at)
		return fail_usage("the key or a time is missing: key KEY, or at TIME");

	err = store_find(name, &store);
	if (err)
		return nlc_report(err);
	if (key)
		key_bytes = key_parse(&store, key);
	query.key = key_bytes;
	code = key && !key_bytes ? USAGE : get_rows(&store, &query);
	free(key_bytes);
	store_free(&store);
	return code;
}

static int on_pushed(struct nlmsghdr *nlh, void *arg)
{
	struct nlattr *tb[KERNMLOPS_A_ROW_MAX + 1];
	int err;

	err = nlc_parse(nlh, tb, KERNMLOPS_A_ROW_MAX);
	if (!err)
		*(uint64_t *)arg = nlc_uint(tb[KERNMLOPS_A_ROW_TIME]);
	return err;
}

static int push_row(const struct store *store, const void *key,
		    const void *value)
{
	struct nl_msg *msg = nlc_new(KERNMLOPS_CMD_ROW_PUSH);
	struct json_object *json;
	uint64_t time = 0;
	int err;

	nlc_put_string(msg, KERNMLOPS_A_ROW_STORE, store->name);
	nlc_put(msg, KERNMLOPS_A_ROW_KEY, key, store->key_size);
	nlc_put(msg, KERNMLOPS_A_ROW_VALUE, value, store->value_size);
	err = nlc_request(msg, on_pushed, &time);
	if (err)
		return nlc_report(err);
	if (opt_json()) {
		json = json_object_new_object();
		json_add_uint(json, "time", time);
		json_add_string(json, "clock", "CLOCK_MONOTONIC");
		out_json(json);
	}
	return DONE;
}

static int cmd_push(struct args *args)
{
	static const char *const words[] = { "key", NULL };
	void *key, *value = NULL;
	const char *name, *word;
	struct store store;
	int code = USAGE, err;

	name = args_next(args, "the name of the store");
	if (!name || args_word(args, "the word key", words))
		return USAGE;
	word = args_next(args, "the key");
	if (!word)
		return USAGE;

	err = store_find(name, &store);
	if (err)
		return nlc_report(err);
	key = key_parse(&store, word);
	if (key)
		value = value_parse(&store, args);
	if (value)
		code = push_row(&store, key, value);
	free(value);
	free(key);
	store_free(&store);
	return code;
}

static int cmd_truncate(struct args *args)
{
	static const char *const words[] = { "before", NULL };
	const char *name, *word;
	struct nl_msg *msg;
	uint64_t before;
	int code, err;

	name = args_next(args, "the name of the store");
	if (!name || args_word(args, "the word before", words))
		return USAGE;
	word = args_next(args, "the time");
	if (!word || !args_end(args))
		return USAGE;
	code = when_parse(word, &before);
	if (code != DONE)
		return code;
	msg = nlc_new(KERNMLOPS_CMD_STORE_TRUNCATE);
	nlc_put_string(msg, KERNMLOPS_A_STORE_NAME, name);
	nlc_put_uint(msg, KERNMLOPS_A_STORE_BEFORE, before);
	err = nlc_request(msg, NULL, NULL);
	return err ? nlc_report(err) : DONE;
}

/* The words of dump and export. */
enum { WORD_FROM, WORD_TO, WORD_CONSUME, WORD_FOLLOW };
enum { WORD_FILE = WORD_FOLLOW, WORD_FORMAT, WORD_DIR, WORD_ROWS };

struct row_words {
	struct row_range range;
	const char *file;
	const char *dir;
	uint64_t part_rows;	/* 0: not given */
	int format;		/* -1: not given */
	bool consume;
	bool follow;
};

static int parse_time_word(struct args *args, bool *has, uint64_t *time)
{
	const char *word = args_next(args, "the time");

	if (!word)
		return USAGE;
	*has = true;
	return when_parse(word, time);
}

static int parse_format_word(struct args *args, int *format)
{
	static const char *const names[] = {
		"npy", "csv", "jsonl", "arrow", "arrows", "parquet", NULL
	};
	static const enum format formats[] = {
		FORMAT_NPY, FORMAT_CSV, FORMAT_JSONL, FORMAT_ARROW,
		FORMAT_ARROWS, FORMAT_PARQUET
	};
	int i = args_word(args, "format", names);

	if (i < 0)
		return USAGE;
	*format = formats[i];
	return DONE;
}

static int parse_part_rows(struct args *args, uint64_t *rows)
{
	int code = parse_number_word(args, "rows", "the rows of a file", rows);

	if (code == DONE && !*rows)
		code = fail_usage("a file has at least one row");
	return code;
}

/* Read all words that are left; @is_export: those of export. An exit code. */
static int parse_row_words(struct args *args, bool is_export,
			   struct row_words *got)
{
	static const char *const dump_words[] = {
		"from", "to", "consume", "follow", NULL
	};
	static const char *const export_words[] = {
		"from", "to", "consume", "file", "format", "dir", "rows", NULL
	};
	int code = DONE, i;

	*got = (struct row_words){ .format = -1 };
	while (!args_empty(args) && code == DONE) {
		i = args_word(args, is_export ? "option of store export" :
			      "option of store dump",
			      is_export ? export_words : dump_words);
		if (i < 0) {
			code = USAGE;
		} else if (i == WORD_FROM) {
			code = parse_time_word(args, &got->range.has_from,
					       &got->range.from);
		} else if (i == WORD_TO) {
			code = parse_time_word(args, &got->range.has_to,
					       &got->range.to);
		} else if (i == WORD_CONSUME) {
			got->consume = true;
		} else if (!is_export) {
			got->follow = true;
		} else if (i == WORD_FORMAT) {
			code = parse_format_word(args, &got->format);
		} else if (i == WORD_ROWS) {
			code = parse_part_rows(args, &got->part_rows);
		} else if (i == WORD_DIR) {
			got->dir = args_next(args, "the name of the directory");
			code = got->dir ? DONE : USAGE;
		} else {
			got->file = args_next(args, "the name of the file");
			code = got->file ? DONE : USAGE;
		}
	}
	return code;
}

/* Dump what is there; with a cursor also what comes, until the store is gone. */
static int dump_rows(const char *name, const struct row_words *words,
		     struct row_writer *writer)
{
	struct row_cursor cursor = { 0 };
	bool resume = words->follow || words->consume;
	uint64_t lost;
	int err;

	for (;;) {
		err = rows_dump(name, &words->range, resume ? &cursor : NULL,
				writer->columns, rows_to_writer, writer, &lost);
		/* Rows are consumed when they are out, not before. */
		if (fflush(stdout) || ferror(stdout))
			break;
		if (!err && words->consume)
			err = rows_consume(name, &cursor);
		if (!err && lost)
			warn("%s: %" PRIu64 " rows were overwritten before they could be read",
			     name, lost);
		if (err || !words->follow)
			break;
		usleep(FOLLOW_PAUSE_US);
	}
	free(cursor.data);
	return err;
}

static int cmd_dump(struct args *args)
{
	struct row_writer writer;
	struct row_words words;
	struct columns columns;
	int code, err, write_err;
	struct store store;
	const char *name;

	name = args_next(args, "the name of the store");
	if (!name)
		return USAGE;
	code = parse_row_words(args, false, &words);
	if (code != DONE)
		return code;
	if (opt.format == FORMAT_NPY || opt.format == FORMAT_PARQUET)
		return fail_usage("%s is for files: use store export",
				  format_names[opt.format]);
	if (words.follow && words.range.has_to)
		return fail_usage("follow and to exclude each other");
	if (words.follow && opt.format == FORMAT_JSON)
		return fail_usage("an array of JSON would not end: use -o jsonl with follow");

	err = store_find(name, &store);
	if (err)
		return nlc_report(err);
	columns_of_store(&columns, &store);
	/* What goes to stdout is a stream. */
	rows_begin(&writer, opt.format == FORMAT_ARROW ? FORMAT_ARROWS :
		   opt.format, &columns, NULL, stdout);
	err = dump_rows(name, &words, &writer);
	write_err = rows_end(&writer, !err);
	if (write_err)
		code = fail(REFUSED, -write_err, "cannot write the rows: %s",
			    strerror(-write_err));
	else if (err)
		code = nlc_report(err);
	columns_free(&columns);
	store_free(&store);
	return code;
}

static int format_of_name(const char *file)
{
	static const struct {
		const char *ending;
		enum format format;
	} endings[] = {
		{ ".npy", FORMAT_NPY }, { ".csv", FORMAT_CSV },
		{ ".jsonl", FORMAT_JSONL }, { ".ndjson", FORMAT_JSONL },
		{ ".arrow", FORMAT_ARROW }, { ".arrows", FORMAT_ARROWS },
		{ ".parquet", FORMAT_PARQUET },
	};
	const char *dot = strrchr(file, '.');
	unsigned int i;

	for (i = 0; dot && i < sizeof(endings) / sizeof(endings[0]); i++)
		if (!strcmp(dot, endings[i].ending))
			return endings[i].format;
	return -1;
}

/* Whether the words of export go together; fills in the format. An exit code. */
static int check_export_words(struct row_words *got)
{
	if (!got->file && !got->dir)
		return fail_usage("the file is missing: file FILE, or dir DIR for files of one table");
	if (got->file && got->dir)
		return fail_usage("file and dir exclude each other");
	if (got->file && got->part_rows)
		return fail_usage("rows is for the files of a directory: dir DIR");
	if (got->format < 0 && opt.format >= FORMAT_JSONL)
		got->format = opt.format;	/* -o names one of a file */
	if (got->format < 0)
		got->format = got->dir ? FORMAT_PARQUET :
			      format_of_name(got->file);
	if (got->format < 0)
		return fail_usage("the name %s does not tell a format: add format { npy | csv | jsonl | arrow | arrows | parquet }",
				  got->file);
	return DONE;
}

static int cmd_export(struct args *args)
{
	struct export_order order;
	struct row_words got;
	struct store store;
	const char *name;
	int code, err;

	name = args_next(args, "the name of the store");
	if (!name)
		return USAGE;
	code = parse_row_words(args, true, &got);
	if (code == DONE)
		code = check_export_words(&got);
	if (code != DONE)
		return code;

	err = store_find(name, &store);
	if (err)
		return nlc_report(err);
	order = (struct export_order){
		.range = got.range,
		.file = got.file,
		.dir = got.dir,
		.format = got.format,
		.part_rows = got.part_rows,
		.consume = got.consume,
	};
	code = export_rows(&store, &order);
	store_free(&store);
	return code;
}

static int cmd_replay(struct args *args)
{
	static const char *const words[] = { "file", "dir", "speed", NULL };
	struct replay_order order = { .speed = 1 };
	const char *name, *word;
	int i;

	name = args_next(args, "the name of the store");
	if (!name)
		return USAGE;
	while (!args_empty(args)) {
		i = args_word(args, "option of store replay", words);
		if (i < 0)
			return USAGE;
		word = args_next(args, i == 2 ? "the speed" :
				 "what to replay");
		if (!word || (i == 2 && !replay_parse_speed(word, &order.speed)))
			return USAGE;
		if (i != 2)
			order.path = word;
	}
	if (!order.path)
		return fail_usage("what to replay is missing: file FILE, or dir DIR");
	return replay_rows(name, &order);
}

static const struct command commands[] = {
	{ "show", cmd_list },
	{ "list", cmd_list },
	{ "register", cmd_register },
	{ "unregister", cmd_unregister },
	{ "get", cmd_get },
	{ "dump", cmd_dump },
	{ "export", cmd_export },
	{ "push", cmd_push },
	{ "replay", cmd_replay },
	{ "truncate", cmd_truncate },
	{ NULL, NULL }
};

int do_store(struct args *args)
{
	static const char *const tabular[] = { "get", "dump", "export", NULL };

	return command_run_tabular(args, "command of store", commands, tabular,
				   help);
}
