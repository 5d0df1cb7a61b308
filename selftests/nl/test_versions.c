// SPDX-License-Identifier: GPL-2.0-only
/*
 * Versions of models: kept, activated, rolled back and removed, within the
 * budgets. Version N of the test gives N as its score.
 */
#include <fcntl.h>
#include <unistd.h>
#include <linux/kernmlops.h>
#include "../user/model_builder.h"
#include "client.h"
#include "tap.h"

#define PARAMETERS	"/sys/module/kernmlops/parameters/"
#define NAME		"versions"

static struct client client;

static void set_parameter(const char *name, const char *value)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), PARAMETERS "%s", name);
	fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		bail("cannot set %s", name);
	close(fd);
}

static void expect(int err, const char *sentence, const char *what)
{
	ok(client.err == err && !strcmp(client.sentence, sentence), "%s", what);
	if (client.err != err || strcmp(client.sentence, sentence))
		note("errno %d '%s', expected %d '%s'", client.err,
		     client.sentence, err, sentence);
}

/* A regressor that gives @score whatever its one input. */
static void *constant_model(s64 score, u32 *size)
{
	const struct kmlops_model_input input = { .name = "x", .max = 1 };
	const struct kmlops_model_tree_node leaf = {
		.input = KMLOPS_MODEL_TREE_LEAF
	};
	const s64 outputs[] = { score, score }, golden[] = { 0, score, score };
	struct model_builder builder = { 0 };

	builder.header.kind = KMLOPS_MODEL_KIND_TREE;
	builder.header.task = KMLOPS_MODEL_TASK_REGRESSION;
	builder.header.nr_inputs = 1;
	builder.header.nr_scores = 1;
	model_add(&builder, KMLOPS_MODEL_SECTION_INPUTS, &input, sizeof(input),
		  1);
	model_add(&builder, KMLOPS_MODEL_SECTION_TREE_NODES, &leaf,
		  sizeof(leaf), 1);
	model_add(&builder, KMLOPS_MODEL_SECTION_TREE_LEAVES, outputs,
		  sizeof(outputs), 1);
	model_add(&builder, KMLOPS_MODEL_SECTION_GOLDEN, golden, sizeof(golden),
		  1);
	return model_build(&builder, size);
}

static void begin_load(const char *name, const void *file, u32 size)
{
	client_begin(&client, KERNMLOPS_CMD_MODEL_LOAD, 0);
	nla_put_string(client.msg, KERNMLOPS_A_MODEL_NAME, name);
	nla_put_u32(client.msg, KERNMLOPS_A_MODEL_SIZE, size);
	nla_put_u32(client.msg, KERNMLOPS_A_MODEL_OFFSET, 0);
	nla_put(client.msg, KERNMLOPS_A_MODEL_DATA, size, file);
}

static int load(s64 score, bool inactive)
{
	void *file;
	u32 size;

	file = constant_model(score, &size);
	begin_load(NAME, file, size);
	if (inactive)
		nla_put_flag(client.msg, KERNMLOPS_A_MODEL_INACTIVE);
	client_send(&client);
	free(file);
	return client.err;
}

static int about(int cmd, u32 version)
{
	client_begin(&client, cmd, 0);
	nla_put_string(client.msg, KERNMLOPS_A_MODEL_NAME, NAME);
	if (version)
		nla_put_u32(client.msg, KERNMLOPS_A_MODEL_VERSION, version);
	return client_send(&client);
}

/* What the model answers: a score, or an errno. */
static s64 answer(u32 version)
{
	const s64 input = 7;

	client_begin(&client, KERNMLOPS_CMD_MODEL_INFER, 0);
	nla_put_string(client.msg, KERNMLOPS_A_MODEL_NAME, NAME);
	if (version)
		nla_put_u32(client.msg, KERNMLOPS_A_MODEL_VERSION, version);
	nla_put(client.msg, KERNMLOPS_A_MODEL_INPUT, sizeof(input), &input);
	if (client_send(&client))
		return client.err;
	return *(s64 *)nla_data(client.attrs[KERNMLOPS_A_MODEL_OUTPUT]);
}

/* "3* 2 1": the versions that are kept, the active one marked. */
static void add_version(struct client *from, void *arg)
{
	char *list = arg;

	if (!strcmp(nla_get_string(from->attrs[KERNMLOPS_A_MODEL_NAME]), NAME))
		sprintf(list + strlen(list), "%s%u%s", *list ? " " : "",
			(u32)client_uint(from, KERNMLOPS_A_MODEL_VERSION),
			from->attrs[KERNMLOPS_A_MODEL_ACTIVE] ? "*" : "");
}

static void expect_list(const char *expected, const char *what)
{
	char list[256] = "";

	client.each = add_version;
	client.arg = list;
	client_begin(&client, KERNMLOPS_CMD_MODEL_GET, NLM_F_DUMP);
	client_send(&client);
	client.each = NULL;
	ok_string(list, expected, what);
}

static u64 models_memory(void)
{
	client_begin(&client, KERNMLOPS_CMD_INFO_GET, 0);
	client_send(&client);
	return client_uint(&client, KERNMLOPS_A_INFO_MODELS_MEMORY);
}

static void test_activate(void)
{
	load(1, false);
	ok(client.attrs[KERNMLOPS_A_MODEL_ACTIVE], "a version that is loaded is active");
	ok_equal(answer(0), 1, "and answers");
	load(2, true);
	ok(!client.err && !client.attrs[KERNMLOPS_A_MODEL_ACTIVE],
	   "one that is loaded inactive is not");
	ok_equal(answer(0), 1, "the one before answers on");
	ok_equal(answer(2), 2, "but it can be asked by its number");
	expect_list("2 1*", "both are listed");
	ok_equal(about(KERNMLOPS_CMD_MODEL_ACTIVATE, 2), 0, "it is activated");
	ok(client.attrs[KERNMLOPS_A_MODEL_ACTIVE] &&
	   client_uint(&client, KERNMLOPS_A_MODEL_VERSION) == 2,
	   "the reply says so");
	ok_equal(answer(0), 2, "and it answers");
	about(KERNMLOPS_CMD_MODEL_GET, 2);
	ok_equal(client_uint(&client, KERNMLOPS_A_MODEL_INFERENCES), 2,
		 "its inferences are counted");
	about(KERNMLOPS_CMD_MODEL_GET, 1);
	ok_equal(client_uint(&client, KERNMLOPS_A_MODEL_INFERENCES), 2,
		 "and those of the other one");
	about(KERNMLOPS_CMD_MODEL_ACTIVATE, 3);
	expect(-ENOENT, "there is no version 3, the last one was 2",
	       "a version to come is refused");
	about(KERNMLOPS_CMD_MODEL_ACTIVATE, 0);
	expect(-EINVAL, "the request names no version",
	       "activate without a version is refused");
	client_named(&client, KERNMLOPS_CMD_MODEL_ROLLBACK,
		     KERNMLOPS_A_MODEL_NAME, "nobody");
	expect(-ENOENT, "there is no model of that name",
	       "an unknown model is refused");
}

static void test_rollback(void)
{
	load(3, false);
	load(4, false);
	expect_list("4* 3 2 1", "four versions are kept");
	ok_equal(about(KERNMLOPS_CMD_MODEL_ROLLBACK, 0), 0, "rolled back");
	ok_equal(answer(0), 3, "to the one before");
	ok_equal(about(KERNMLOPS_CMD_MODEL_ROLLBACK, 0), 0, "and again");
	ok_equal(answer(0), 2, "further back");
	about(KERNMLOPS_CMD_MODEL_ROLLBACK, 4);
	expect(-EINVAL, "version 4 was not active before version 2",
	       "what was rolled back is nothing to roll back to");
	ok_equal(about(KERNMLOPS_CMD_MODEL_ACTIVATE, 4), 0,
		 "but can be activated");
	about(KERNMLOPS_CMD_MODEL_ROLLBACK, 4);
	expect(-EINVAL, "version 4 was not active before version 4",
	       "the active one is not before itself");
	ok_equal(about(KERNMLOPS_CMD_MODEL_ROLLBACK, 1), 0,
		 "back to a version by number");
	ok_equal(answer(0), 1, "which answers");
	about(KERNMLOPS_CMD_MODEL_ROLLBACK, 0);
	expect(-ENOENT,
	       "no version that is kept was active before version 1",
	       "there is nothing before the first");
	about(KERNMLOPS_CMD_MODEL_ROLLBACK, 9);
	expect(-ENOENT, "there is no version 9, the last one was 4",
	       "a version that never was is refused");
	ok_equal(answer(0), 1, "what was refused changed nothing");
}

static void test_kept(void)
{
	u64 before;

	/* 1 is active, and the oldest. */
	load(5, true);
	expect_list("5 4 3 1*", "the oldest one goes, the active one stays");
	about(KERNMLOPS_CMD_MODEL_GET, 2);
	expect(-ENOENT, "there is no version 2, the last one was 5",
	       "it is gone");
	load(6, false);
	expect_list("6* 5 4 3", "which goes when it is not active any more");
	about(KERNMLOPS_CMD_MODEL_ROLLBACK, 0);
	expect(-ENOENT,
	       "no version that is kept was active before version 6",
	       "and cannot be rolled back to");
	set_parameter("max_model_versions", "1");
	load(7, true);
	expect_list("7 6*", "the active and the newest one are always kept");
	load(8, false);
	expect_list("8*", "fewer versions may be kept");
	set_parameter("max_model_versions", "4");

	before = models_memory();
	ok(before > 0, "memory is counted");
	load(9, false);
	ok_equal(models_memory(), 2 * before, "of each version");
	ok_equal(about(KERNMLOPS_CMD_MODEL_REMOVE, 8), 0,
		 "a version is removed");
	ok_equal(models_memory(), before, "its memory is not counted any more");
	about(KERNMLOPS_CMD_MODEL_REMOVE, 9);
	expect(-EBUSY,
	       "version 9 is active: activate another one, or remove all",
	       "the active one is not removed");
	about(KERNMLOPS_CMD_MODEL_REMOVE, 8);
	expect(-ENOENT, "there is no version 8, the last one was 9",
	       "nor one that is gone");
	ok_equal(about(KERNMLOPS_CMD_MODEL_REMOVE, 0), 0, "all are removed");
	expect_list("", "none is left");
	ok_equal(models_memory(), 0, "and no memory");
}

static void test_never_active(void)
{
	load(1, true);
	expect_list("1", "a name may have no active version");
	answer(0);
	expect(-ENOENT, "no version of the model is active",
	       "inference says so");
	about(KERNMLOPS_CMD_MODEL_ROLLBACK, 0);
	expect(-ENOENT, "no version of the model is active",
	       "and so does rollback");
	ok_equal(answer(1), 1, "its version can be asked");
	ok_equal(about(KERNMLOPS_CMD_MODEL_REMOVE, 1), 0,
		 "its last version is removed");
	about(KERNMLOPS_CMD_MODEL_GET, 0);
	expect(-ENOENT, "there is no model of that name",
	       "and the name with it");
	about(KERNMLOPS_CMD_MODEL_GET, 0);
	client_begin(&client, KERNMLOPS_CMD_MODEL_GET, 0);
	nla_put_string(client.msg, KERNMLOPS_A_MODEL_NAME, NAME);
	nla_put_u32(client.msg, KERNMLOPS_A_MODEL_VERSION, 0);
	client_send(&client);
	expect(-EINVAL, "versions count from 1", "there is no version 0");
}

static void test_budgets(void)
{
	struct model_builder builder;
	struct sample_tree tree;
	char sentence[128];
	u64 bytes;
	void *file;
	u32 size;

	sample_tree_init(&tree);
	sample_tree_add(&builder, &tree);
	file = model_build(&builder, &size);
	begin_load(NAME, file, size);
	client_send(&client);
	bytes = client_uint(&client, KERNMLOPS_A_MODEL_BYTES);
	ok_equal(client_uint(&client, KERNMLOPS_A_MODEL_WORK), 2,
		 "work of a tree is its depth");

	set_parameter("max_model_work", "1");
	begin_load(NAME, file, size);
	client_send(&client);
	expect(-E2BIG, "one inference takes 2 operations, 1 are allowed",
	       "more work than max_model_work is refused");
	begin_load(NAME, file, size);
	nla_put_u64(client.msg, KERNMLOPS_A_MODEL_WORK_MAX, 2);
	ok_equal(client_send(&client), 0, "unless a privileged request allows it");
	set_parameter("max_model_work", "1048576");
	begin_load(NAME, file, size);
	nla_put_u64(client.msg, KERNMLOPS_A_MODEL_WORK_MAX, 1);
	client_send(&client);
	expect(-E2BIG, "one inference takes 2 operations, 1 are allowed",
	       "a request may allow less, too");

	set_parameter("max_model_memory", "100");
	begin_load(NAME, file, size);
	client_send(&client);
	snprintf(sentence, sizeof(sentence),
		 "the model takes %llu bytes of memory, 100 are allowed",
		 (unsigned long long)bytes);
	expect(-E2BIG, sentence, "more memory than max_model_memory is refused");
	begin_load(NAME, file, size);
	nla_put_u64(client.msg, KERNMLOPS_A_MODEL_MEMORY_MAX, bytes);
	ok_equal(client_send(&client), 0, "unless a privileged request allows it");
	set_parameter("max_model_memory", "67108864");

	expect_list("3* 2 1", "what was refused made no version");
	snprintf(sentence, sizeof(sentence), "%llu",
		 (unsigned long long)(4 * bytes - 1));
	set_parameter("max_models_memory", sentence);
	begin_load(NAME, file, size);
	client_send(&client);
	snprintf(sentence, sizeof(sentence),
		 "%llu bytes more than %llu, max_models_memory allows %llu",
		 (unsigned long long)bytes, (unsigned long long)(3 * bytes),
		 (unsigned long long)(4 * bytes - 1));
	expect(-ENOSPC, sentence, "all versions together have a limit");
	set_parameter("max_model_versions", "3");
	begin_load(NAME, file, size);
	ok_equal(client_send(&client), 0,
		 "in which one that goes is not counted");
	expect_list("4* 3 2", "it went");
	set_parameter("max_model_versions", "4");
	set_parameter("max_models_memory", "268435456");

	begin_load(NAME, file, size);
	nla_put_string(client.msg, KERNMLOPS_A_MODEL_PATH, "scalar");
	ok_equal(client_send(&client), 0, "a path is asked for");
	ok_string(client.attrs[KERNMLOPS_A_MODEL_PATH] ?
		  nla_get_string(client.attrs[KERNMLOPS_A_MODEL_PATH]) : NULL,
		  "scalar", "and taken");
	begin_load(NAME, file, size);
	nla_put_string(client.msg, KERNMLOPS_A_MODEL_PATH, "avx2");
	client_send(&client);
	expect(-EOPNOTSUPP, "the model has no path avx2 on this machine",
	       "a path that the model lacks is refused");
	begin_load(NAME, file, size);
	nla_put_string(client.msg, KERNMLOPS_A_MODEL_PATH, "quick");
	client_send(&client);
	expect(-EINVAL, "paths are scalar, avx2, avx512 and code",
	       "an unknown path is refused");
	about(KERNMLOPS_CMD_MODEL_REMOVE, 0);
	free(file);
}

static void test_repeat(void)
{
	const s64 inputs[3] = { 1, 2, 3 };

	load(5, false);
	client_begin(&client, KERNMLOPS_CMD_MODEL_INFER, 0);
	nla_put_string(client.msg, KERNMLOPS_A_MODEL_NAME, NAME);
	nla_put(client.msg, KERNMLOPS_A_MODEL_INPUT, sizeof(inputs), inputs);
	nla_put_u32(client.msg, KERNMLOPS_A_MODEL_REPEAT, 1000);
	ok_equal(client_send(&client), 0, "runs are timed");
	ok(client.attrs[KERNMLOPS_A_MODEL_TIMES] &&
	   nla_len(client.attrs[KERNMLOPS_A_MODEL_TIMES]) == 4000,
	   "each of them");
	ok(nla_len(client.attrs[KERNMLOPS_A_MODEL_OUTPUT]) == 48,
	   "the outputs come as without");
	about(KERNMLOPS_CMD_MODEL_GET, 0);
	ok_equal(client_uint(&client, KERNMLOPS_A_MODEL_INFERENCES), 1003,
		 "all are counted");
	client_begin(&client, KERNMLOPS_CMD_MODEL_INFER, 0);
	nla_put_string(client.msg, KERNMLOPS_A_MODEL_NAME, NAME);
	nla_put(client.msg, KERNMLOPS_A_MODEL_INPUT, sizeof(inputs), inputs);
	nla_put_u32(client.msg, KERNMLOPS_A_MODEL_REPEAT, 16251);
	client_send(&client);
	expect(-EINVAL, "at most 16250 runs, not 16251",
	       "more runs than fit a reply are refused");
	about(KERNMLOPS_CMD_MODEL_REMOVE, 0);
}

int main(void)
{
	if (client_open(&client))
		bail("no family");
	test_activate();
	test_rollback();
	test_kept();
	test_never_active();
	test_budgets();
	test_repeat();
	return done();
}
