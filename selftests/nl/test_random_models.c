// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random models of every kind: the kernel computes what kernmlops.Reference
 * does. run-tests makes the files anew for each run. To be accepted a file must
 * give its golden vectors on every path of this CPU; here they are asked for
 * once more, as any user would ask.
 */
#include <linux/kernmlops.h>
#include <linux/kernmlops_model.h>
#include "client.h"
#include "tap.h"

#define PART (32 * 1024)

static struct client client;
static uint8_t file[4 << 20];

static uint32_t read_file(const char *path)
{
	FILE *from = fopen(path, "re");
	size_t size;

	if (!from)
		return 0;
	size = fread(file, 1, sizeof(file), from);
	fclose(from);
	return size;
}

static int load(uint32_t size)
{
	uint32_t offset, part;
	int err = 0;

	for (offset = 0; offset < size && !err; offset += part) {
		part = size - offset < PART ? size - offset : PART;
		client_begin(&client, KERNMLOPS_CMD_MODEL_LOAD, 0);
		nla_put_string(client.msg, KERNMLOPS_A_MODEL_NAME, "random");
		nla_put_u32(client.msg, KERNMLOPS_A_MODEL_SIZE, size);
		nla_put_u32(client.msg, KERNMLOPS_A_MODEL_OFFSET, offset);
		nla_put(client.msg, KERNMLOPS_A_MODEL_DATA, part, file + offset);
		err = client_send(&client);
	}
	return err;
}

static const struct kmlops_model_section *golden_section(void)
{
	const struct kmlops_model_header *header = (const void *)file;
	const struct kmlops_model_section *table = (const void *)(header + 1);

	while (table->type != KMLOPS_MODEL_SECTION_GOLDEN)
		table++;
	return table;
}

/* How many golden vectors come out wrong; -1 if one cannot be asked for. */
static int wrong_answers(uint32_t *asked)
{
	const struct kmlops_model_header *header = (const void *)file;
	const struct kmlops_model_section *golden = golden_section();
	const int64_t *vector = (const void *)(file + golden->offset);
	uint32_t in = header->nr_inputs, out = 1 + header->nr_scores;
	uint32_t i;
	int wrong = 0;

	for (i = 0; i < golden->count; i++, vector += in + out) {
		struct nlattr *output;

		client_begin(&client, KERNMLOPS_CMD_MODEL_INFER, 0);
		nla_put_string(client.msg, KERNMLOPS_A_MODEL_NAME, "random");
		nla_put(client.msg, KERNMLOPS_A_MODEL_INPUT, in * 8, vector);
		if (client_send(&client))
			return -1;
		output = client.attrs[KERNMLOPS_A_MODEL_OUTPUT];
		wrong += !output || nla_len(output) != out * 8 ||
			 memcmp(nla_data(output), vector + in, out * 8);
		++*asked;
	}
	return wrong;
}

int main(void)
{
	uint32_t models = 0, asked = 0;
	char path[64];

	if (client_open(&client))
		bail("no family");
	if (read_file("models/seed"))
		note("%.*s", (int)strcspn((char *)file, "\n"), (char *)file);

	for (;;) {
		uint32_t size;

		snprintf(path, sizeof(path), "models/%u.kmml", models);
		size = read_file(path);
		if (!size)
			break;
		models++;
		if (!ok_equal(load(size), 0, path)) {
			note("%s", client.sentence);
			continue;
		}
		ok_equal(wrong_answers(&asked), 0, "its answers");
	}
	ok(models >= 100, "%u models", models);
	ok(asked >= 5000, "%u vectors", asked);

	ok_equal(load(read_file("models/spoiled.kmml")), -EBADMSG,
		 "a golden vector with one wrong bit");
	ok(strstr(client.sentence, "golden vector 63 (scalar): output"),
	   "is named: %s", client.sentence);
	ok_equal(client_named(&client, KERNMLOPS_CMD_MODEL_REMOVE,
			      KERNMLOPS_A_MODEL_NAME, "random"), 0,
		 "nothing is left behind");
	client_close(&client);
	return done();
}
