// SPDX-License-Identifier: GPL-2.0-only
/* The client of the netlink tests does the talking. */
#include "nl/client.c"

#include <stdio.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "support.h"
#include "tap.h"
#include "user/model_builder.h"

static struct client client;

static void must(int err, const char *what, const char *name)
{
	if (!err)
		return;
	note("%s", client.sentence);
	errno = -err;
	bail("%s %s", what, name);
}

void connect_family(void)
{
	int err;

	if (client.sock)
		client_close(&client);
	err = client_open(&client);
	if (err) {
		errno = -err;
		bail("no netlink family: is kernmlops.ko loaded?");
	}
}

void register_store(const char *name, int map, uint64_t rows)
{
	client_begin_register(&client, name, map, rows);
	must(client_send(&client), "register", name);
}

void register_map(const char *name, int map)
{
	client_begin_register(&client, name, map, 0);
	nla_put_u32(client.msg, KERNMLOPS_A_STORE_MODE,
		    KERNMLOPS_STORE_MODE_MAP);
	must(client_send(&client), "register", name);
}

void unregister_store(const char *name)
{
	must(client_named(&client, KERNMLOPS_CMD_STORE_UNREGISTER,
			  KERNMLOPS_A_STORE_NAME, name), "unregister", name);
}

static void get_store(const char *name)
{
	must(client_named(&client, KERNMLOPS_CMD_STORE_GET,
			  KERNMLOPS_A_STORE_NAME, name), "get store", name);
}

uint64_t store_counter(const char *name, int attr)
{
	get_store(name);
	return client_uint(&client, attr);
}

int store_adds_up(const char *name)
{
	uint64_t captured, sum;

	get_store(name);
	captured = client_uint(&client, KERNMLOPS_A_STORE_CAPTURED);
	sum = client_uint(&client, KERNMLOPS_A_STORE_STORED) +
	      client_uint(&client, KERNMLOPS_A_STORE_OVERWRITTEN) +
	      client_uint(&client, KERNMLOPS_A_STORE_DROPPED) +
	      client_uint(&client, KERNMLOPS_A_STORE_TRUNCATED);
	if (captured != sum)
		note("store %s: captured %llu, but the sum is %llu", name,
		     (unsigned long long)captured, (unsigned long long)sum);
	return captured == sum;
}

void push_row(const char *name, const void *key, uint32_t key_size,
	      const void *value, uint32_t value_size)
{
	client_begin(&client, KERNMLOPS_CMD_ROW_PUSH, 0);
	nla_put_string(client.msg, KERNMLOPS_A_ROW_STORE, name);
	nla_put(client.msg, KERNMLOPS_A_ROW_KEY, key_size, key);
	nla_put(client.msg, KERNMLOPS_A_ROW_VALUE, value_size, value);
	must(client_send(&client), "push to", name);
}

void truncate_store(const char *name, uint64_t before)
{
	client_begin(&client, KERNMLOPS_CMD_STORE_TRUNCATE, 0);
	nla_put_string(client.msg, KERNMLOPS_A_STORE_NAME, name);
	nla_put_u64(client.msg, KERNMLOPS_A_STORE_BEFORE, before);
	must(client_send(&client), "truncate", name);
}

static void load_model(const char *name, struct model_builder *builder)
{
	u32 size;
	void *file = model_build(builder, &size);

	client_begin(&client, KERNMLOPS_CMD_MODEL_LOAD, 0);
	nla_put_string(client.msg, KERNMLOPS_A_MODEL_NAME, name);
	nla_put_u32(client.msg, KERNMLOPS_A_MODEL_SIZE, size);
	nla_put_u32(client.msg, KERNMLOPS_A_MODEL_OFFSET, 0);
	nla_put(client.msg, KERNMLOPS_A_MODEL_DATA, size, file);
	must(client_send(&client), "load model", name);
	free(file);
}

void load_sample_model(const char *name)
{
	struct model_builder builder;
	struct sample_tree tree;

	sample_tree_init(&tree);
	sample_tree_add(&builder, &tree);
	load_model(name, &builder);
}

void load_split_model(const char *name, const char *const *inputs,
		      unsigned int split, int64_t threshold)
{
	const struct kmlops_model_tree_node nodes[] = {
		{ .threshold = threshold, .child = 1, .input = split },
		{ .child = 0, .input = KMLOPS_MODEL_TREE_LEAF },
		{ .child = 1, .input = KMLOPS_MODEL_TREE_LEAF },
	};
	const s64 leaves[2][3] = { { 0, 1000, 24 }, { 1, 24, 1000 } };
	struct kmlops_model_input *described;
	struct model_builder builder = {};
	size_t words;
	u32 nr = 0;
	s64 *golden;

	while (inputs[nr])
		nr++;
	described = calloc(nr, sizeof(*described));
	for (u32 i = 0; i < nr; i++) {
		snprintf(described[i].name, sizeof(described[i].name), "%s",
			 inputs[i]);
		described[i].max = INT64_MAX;
	}
	words = nr + 3;
	golden = calloc(2 * words, sizeof(*golden));
	golden[split] = threshold;
	golden[words + split] = threshold + 1;
	memcpy(golden + nr, leaves[0], sizeof(leaves[0]));
	memcpy(golden + words + nr, leaves[1], sizeof(leaves[1]));

	builder.header.kind = KMLOPS_MODEL_KIND_TREE;
	builder.header.task = KMLOPS_MODEL_TASK_CLASSIFY;
	builder.header.nr_inputs = nr;
	builder.header.nr_scores = 2;
	builder.header.fraction_bits = 10;
	builder.header.max_work = 1;
	model_add(&builder, KMLOPS_MODEL_SECTION_INPUTS, described,
		  nr * sizeof(*described), nr);
	model_add(&builder, KMLOPS_MODEL_SECTION_TREE_NODES, nodes,
		  sizeof(nodes), 3);
	model_add(&builder, KMLOPS_MODEL_SECTION_TREE_LEAVES, leaves,
		  sizeof(leaves), 2);
	model_add(&builder, KMLOPS_MODEL_SECTION_GOLDEN, golden,
		  2 * words * sizeof(*golden), 2);
	load_model(name, &builder);
	free(golden);
	free(described);
}

void remove_model(const char *name)
{
	must(client_named(&client, KERNMLOPS_CMD_MODEL_REMOVE,
			  KERNMLOPS_A_MODEL_NAME, name), "remove model", name);
}

static void add_rows(struct client *from, void *arg)
{
	struct rows *rows = arg;
	size_t count = client_uint(from, KERNMLOPS_A_ROW_COUNT);
	struct nlattr *packed = from->attrs[KERNMLOPS_A_ROW_ROWS];

	rows->size = client_uint(from, KERNMLOPS_A_ROW_ROW_SIZE);
	if (!packed || nla_len(packed) < count * rows->size)
		return;
	rows->data = realloc(rows->data, (rows->nr + count) * rows->size);
	memcpy(rows->data + rows->nr * rows->size, nla_data(packed),
	       count * rows->size);
	rows->nr += count;
}

void read_rows(const char *name, struct rows *rows)
{
	size_t key;

	memset(rows, 0, sizeof(*rows));
	key = store_counter(name, KERNMLOPS_A_STORE_KEY_SIZE);
	rows->value = sizeof(struct kmlops_row) + KMLOPS_ROW_PAD(key);

	client.each = add_rows;
	client.arg = rows;
	client_begin(&client, KERNMLOPS_CMD_ROW_GET, NLM_F_DUMP);
	nla_put_string(client.msg, KERNMLOPS_A_ROW_STORE, name);
	must(client_send(&client), "read rows of", name);
	client.each = NULL;
}

void free_rows(struct rows *rows)
{
	free(rows->data);
	memset(rows, 0, sizeof(*rows));
}

int run_once(const struct bpf_program *program)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	char packet[64] = {};

	switch (bpf_program__type(program)) {
	case BPF_PROG_TYPE_SYSCALL:
	case BPF_PROG_TYPE_RAW_TRACEPOINT:
		break;
	default:
		opts.data_in = packet;
		opts.data_size_in = sizeof(packet);
		opts.repeat = 1;
	}
	return bpf_prog_test_run_opts(bpf_program__fd(program), &opts);
}

int module_users(void)
{
	FILE *file = fopen("/proc/modules", "r");
	char line[256];
	int users = -1;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "kernmlops %*u %d", &users) == 1)
			break;
	if (file)
		fclose(file);
	return users;
}

long kernel_memory(void)
{
	static const char *const parts[] = { "SUnreclaim:", "VmallocUsed:",
					     "Percpu:" };
	FILE *file = fopen("/proc/meminfo", "r");
	char line[128];
	long sum = 0;
	size_t i;

	while (file && fgets(line, sizeof(line), file))
		for (i = 0; i < sizeof(parts) / sizeof(*parts); i++)
			if (!strncmp(line, parts[i], strlen(parts[i])))
				sum += atol(line + strlen(parts[i]));
	if (file)
		fclose(file);
	return sum;
}
