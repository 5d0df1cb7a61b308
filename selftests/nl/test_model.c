// SPDX-License-Identifier: GPL-2.0-only
/*
 * Netlink commands of models: upload in parts, versions, inference.
 */
#include <fcntl.h>
#include <unistd.h>
#include <linux/kernmlops.h>
#include "../user/model_builder.h"
#include "client.h"
#include "tap.h"

static struct client client;
static struct sample_tree tree;
static u8 *file;
static u32 size;

static void put_part(struct client *to, const char *name, u32 whole, u32 offset,
		     const void *data, u32 length)
{
	client_begin(to, KERNMLOPS_CMD_MODEL_LOAD, 0);
	nla_put_string(to->msg, KERNMLOPS_A_MODEL_NAME, name);
	nla_put_u32(to->msg, KERNMLOPS_A_MODEL_SIZE, whole);
	nla_put_u32(to->msg, KERNMLOPS_A_MODEL_OFFSET, offset);
	nla_put(to->msg, KERNMLOPS_A_MODEL_DATA, length, data);
}

static int send_part(struct client *to, u32 offset, u32 length)
{
	put_part(to, "model", size, offset, file + offset, length);
	return client_send(to);
}

static void expect(int err, const char *sentence, const char *what)
{
	ok(client.err == err && !strcmp(client.sentence, sentence), "%s", what);
	if (client.err != err || strcmp(client.sentence, sentence))
		note("errno %d '%s', expected %d '%s'", client.err,
		     client.sentence, err, sentence);
}

static int load(const void *data, u32 bytes)
{
	put_part(&client, "model", bytes, 0, data, bytes);
	return client_send(&client);
}

static u32 version_of(const char *name)
{
	client_named(&client, KERNMLOPS_CMD_MODEL_GET, KERNMLOPS_A_MODEL_NAME,
		     name);
	return client_uint(&client, KERNMLOPS_A_MODEL_VERSION);
}

static void test_load(void)
{
	ok_equal(load(file, size), 0, "a model is loaded in one part");
	ok_equal(client_uint(&client, KERNMLOPS_A_MODEL_VERSION), 1,
		 "it is version 1");
	ok_equal(client_uint(&client, KERNMLOPS_A_MODEL_DEPTH), 2, "its depth");
	ok_equal(client_uint(&client, KERNMLOPS_A_MODEL_INPUTS), 2,
		 "its inputs");
	ok_equal(client_uint(&client, KERNMLOPS_A_MODEL_GOLDEN), 3,
		 "its golden vectors");
	ok_equal(load(file, size), 0, "the name is loaded again");
	ok_equal(client_uint(&client, KERNMLOPS_A_MODEL_VERSION), 2,
		 "that is version 2");
	ok_equal(client_uint(&client, KERNMLOPS_A_MODEL_INFERENCES), 0,
		 "which starts to count anew");
}

static void test_parts(void)
{
	struct client other;
	u32 i;

	ok_equal(send_part(&client, 0, 100), 0, "a first part is taken");
	ok_equal(client.replies, 0, "and not answered yet");
	ok_equal(version_of("model"), 2, "the model in use stays");

	/* Another socket cannot add to it, and starts its own. */
	client_open(&other);
	send_part(&other, 100, size - 100);
	ok(other.err == -EINVAL &&
	   !strcmp(other.sentence, "this socket has not sent the first part"),
	   "another socket cannot continue it");
	ok_equal(send_part(&other, 0, 50), 0, "but can begin its own");
	client_close(&other);

	ok_equal(send_part(&client, 100, size - 100), 0,
		 "the last part completes it");
	ok_equal(client_uint(&client, KERNMLOPS_A_MODEL_VERSION), 3,
		 "and makes the next version");

	for (i = 0; i < size && !client.err; i += 8)
		send_part(&client, i, size - i < 8 ? size - i : 8);
	ok(!client.err && version_of("model") == 4, "parts may be small");

	send_part(&client, 0, 100);
	send_part(&client, 108, 8);
	expect(-EINVAL, "the next part starts at byte 100, not 108",
	       "a gap is refused");
	send_part(&client, 100, 8);
	expect(-EINVAL, "this socket has not sent the first part",
	       "and forgets the upload");

	send_part(&client, 0, 100);
	put_part(&client, "other", size, 100, file + 100, 8);
	client_send(&client);
	expect(-EINVAL, "the part belongs to another upload than the first part",
	       "a part of another name is refused");
	put_part(&client, "model", 50, 0, file, 51);
	client_send(&client);
	expect(-EINVAL, "a part of 51 bytes at 0 does not fit 50 bytes",
	       "a part beyond the end is refused");
	put_part(&client, "model", 50, 0, file, 0);
	client_send(&client);
	expect(-EINVAL, "a part of 0 bytes at 0 does not fit 50 bytes",
	       "an empty part is refused");
	put_part(&client, "model", 17 << 20, 0, file, 8);
	client_send(&client);
	expect(-E2BIG,
	       "the file has 17825792 bytes, max_model_bytes allows 16777216",
	       "a file that is too large is refused");
	send_part(&client, 0, 100);
	ok_equal(send_part(&client, 0, size), 0,
		 "offset 0 starts the upload anew");
}

static void test_bad_files(void)
{
	u8 *bad = malloc(size);

	memcpy(bad, file, size);
	bad[size / 2] ^= 1;
	load(bad, size);
	expect(-EBADMSG, "the model file is corrupted: its checksum is wrong",
	       "a corrupted file is refused");
	load(file, size - 1);
	ok(client.err == -EINVAL &&
	   strstr(client.sentence, "the model file says it has"),
	   "a truncated file is refused");
	load("x", 1);
	expect(-EINVAL, "a model file has at least 48 bytes, this has 1",
	       "a file of one byte is refused");
	memcpy(bad, file, size);
	((struct kmlops_model_header *)bad)->kind = 9;
	model_seal(bad, size);
	load(bad, size);
	expect(-EINVAL, "model kind 9 is unknown",
	       "a model of an unknown kind is refused");
	put_part(&client, "", size, 0, file, size);
	client_send(&client);
	expect(-EINVAL, "the name of a model cannot be empty",
	       "an empty name is refused");
	put_part(&client, "abcdefghijklmnopqrstuvwxyz012345", size, 0, file,
		 size);
	client_send(&client);
	expect(-ENAMETOOLONG,
	       "the name of a model has at most 31 bytes, this has 32",
	       "a name that is too long is refused");
	client_named(&client, KERNMLOPS_CMD_MODEL_LOAD, KERNMLOPS_A_MODEL_NAME,
		     "model");
	expect(-EINVAL, "a part of a model needs size, offset and data",
	       "a part without data is refused");
	free(bad);
}

static void set_timeout(const char *seconds)
{
	int fd = open("/sys/module/kernmlops/parameters/upload_timeout",
		      O_WRONLY);

	if (fd < 0 || write(fd, seconds, strlen(seconds)) < 0)
		bail("upload_timeout");
	close(fd);
}

static void test_uploads(void)
{
	u32 half = size / 2, before = version_of("model");
	struct client clients[65];
	bool taken = true;
	u32 i;

	set_timeout("1");
	send_part(&client, 0, half);
	ok_equal(client.err, 0, "half a file is sent");
	usleep(1500 * 1000);
	send_part(&client, half, size - half);
	expect(-EINVAL, "this socket has not sent the first part",
	       "and forgotten when nothing follows in time");
	set_timeout("60");

	/* Two at once, part by part in turns: two whole models. */
	client_open(&clients[0]);
	for (i = 0; i < size; i += 32) {
		u32 length = size - i < 32 ? size - i : 32;

		send_part(&client, i, length);
		put_part(&clients[0], "other", size, i, file + i, length);
		client_send(&clients[0]);
		taken &= !client.err && !clients[0].err;
	}
	client_close(&clients[0]);
	ok(taken, "two uploads at once");
	ok_equal(version_of("model"), before + 1, "the one is loaded");
	ok_equal(version_of("other"), 1, "and so is the other");
	client_named(&client, KERNMLOPS_CMD_MODEL_REMOVE,
		     KERNMLOPS_A_MODEL_NAME, "other");

	for (i = 0; i < 64; i++) {
		client_open(&clients[i]);
		taken &= !send_part(&clients[i], 0, half);
	}
	ok(taken, "64 sockets begin uploads");
	client_open(&clients[64]);
	send_part(&clients[64], 0, half);
	ok(clients[64].err == -EBUSY &&
	   !strcmp(clients[64].sentence, "64 uploads are under way already"),
	   "one more is told to try later");
	/* As if it had died. */
	client_close(&clients[0]);
	ok_equal(send_part(&clients[64], 0, half), 0,
		 "a client that is gone leaves its place");
	for (i = 1; i < 65; i++)
		client_close(&clients[i]);
	ok_equal(send_part(&client, 0, size), 0, "as they all do");
}

static void infer(const char *name, const s64 *input, u32 bytes)
{
	client_begin(&client, KERNMLOPS_CMD_MODEL_INFER, 0);
	nla_put_string(client.msg, KERNMLOPS_A_MODEL_NAME, name);
	nla_put(client.msg, KERNMLOPS_A_MODEL_INPUT, bytes, input);
	client_send(&client);
}

static void test_infer(void)
{
	static s64 many[8000];
	const s64 expected[3][3] = { { 0, 900, 124 }, { 1, 24, 1000 },
				     { 0, 1024, 0 } };
	const s64 input[3][2] = { { 10, 0 }, { 11, -5 }, { 11, -4 } };

	version_of("model");
	ok_equal(client_uint(&client, KERNMLOPS_A_MODEL_INFERENCES), 0,
		 "no inference is counted yet");
	infer("model", input[0], sizeof(input));
	ok_equal(client.err, 0, "three vectors are run at once");
	ok(client.attrs[KERNMLOPS_A_MODEL_OUTPUT] &&
	   nla_len(client.attrs[KERNMLOPS_A_MODEL_OUTPUT]) ==
	   sizeof(expected) &&
	   !memcmp(nla_data(client.attrs[KERNMLOPS_A_MODEL_OUTPUT]), expected,
		   sizeof(expected)), "their outputs are right");
	version_of("model");
	ok_equal(client_uint(&client, KERNMLOPS_A_MODEL_INFERENCES), 3,
		 "three inferences are counted");
	infer("model", input[0], 8);
	expect(-EINVAL,
	       "input is not a number of vectors of 2 8-byte words: 8 bytes",
	       "half a vector is refused");
	infer("model", input[0], 0);
	expect(-EINVAL,
	       "input is not a number of vectors of 2 8-byte words: 0 bytes",
	       "no vector is refused");
	infer("model", many, 4000 * 16);
	expect(-EINVAL, "at most 2708 vectors at once, not 4000",
	       "too many vectors are refused");
	infer("model", many, 2708 * 16);
	ok_equal(client.err, 0, "as many as fit are not");
	infer("nosuch", input[0], 16);
	expect(-ENOENT, "there is no model of that name",
	       "an unknown model is refused");
}

static void count_models(struct client *from, void *arg)
{
	*(int *)arg += !!from->attrs[KERNMLOPS_A_MODEL_ACTIVE];
}

static void test_list_and_remove(void)
{
	char name[32];
	int seen = 0, i;

	for (i = 0; i < 30; i++) {
		snprintf(name, sizeof(name), "list%d", i);
		put_part(&client, name, size, 0, file, size);
		client_send(&client);
	}
	client.each = count_models;
	client.arg = &seen;
	client_begin(&client, KERNMLOPS_CMD_MODEL_GET, NLM_F_DUMP);
	ok_equal(client_send(&client), 0, "models are listed");
	client.each = NULL;
	ok_equal(seen, 31, "each model is listed once");
	for (i = 0; i < 30; i++) {
		snprintf(name, sizeof(name), "list%d", i);
		client_named(&client, KERNMLOPS_CMD_MODEL_REMOVE,
			     KERNMLOPS_A_MODEL_NAME, name);
	}
	ok_equal(client_named(&client, KERNMLOPS_CMD_MODEL_REMOVE,
			      KERNMLOPS_A_MODEL_NAME, "model"), 0,
		 "a model is removed");
	client_named(&client, KERNMLOPS_CMD_MODEL_REMOVE,
		     KERNMLOPS_A_MODEL_NAME, "model");
	expect(-ENOENT, "there is no model of that name", "once only");
	load(file, size);
	ok_equal(client_uint(&client, KERNMLOPS_A_MODEL_VERSION), 1,
		 "a removed name starts at version 1");
	/* That one, and half an upload, are left to the end of the module. */
	send_part(&client, 0, 100);
}

int main(void)
{
	struct model_builder builder;

	if (client_open(&client))
		bail("no family");
	sample_tree_init(&tree);
	sample_tree_add(&builder, &tree);
	file = model_build(&builder, &size);

	test_load();
	test_parts();
	test_bad_files();
	test_uploads();
	test_infer();
	test_list_and_remove();
	return done();
}
