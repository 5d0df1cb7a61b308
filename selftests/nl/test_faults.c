// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that is not there: each allocation of each command fails in turn,
 * until a command has none left to fail. A command that says it failed has
 * changed nothing, and says -ENOMEM or -ENOBUFS; and afterwards as many objects
 * are allocated as before. What is no object of kmalloc() is found by kmemleak
 * after all tests.
 *
 * The specification of the family says what there is to do: each operation, and
 * each attribute of its request, must be in one of the requests here.
 *
 * Needs a kernel with fault injection (/proc/self/fail-nth).
 */
#include <sys/socket.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <linux/genetlink.h>
#include <linux/kernmlops.h>
#include <linux/kernmlops_row.h>
#include "../fuzz_vm/family.h"
#include "../user/model_builder.h"
#include "client.h"
#include "faults.h"
#include "objects.h"
#include "tap.h"

/* More than any command allocates. */
#define NTH_MAX	2000

static struct client client, observer;
static int map, map2, cpus;
/* What was asked, by command, do or dump, and attribute. */
static bool asked[KERNMLOPS_CMD_MAX + 1][2];
static bool asked_with[KERNMLOPS_CMD_MAX + 1][2][ATTR_MAX];
static u8 *file;
static u32 file_size;

/* What became of a request. */
struct outcome {
	int err;		/* of the command, if it said */
	bool told;		/* the answer arrived */
	bool failed;		/* an allocation was failed */
};

/* One answer of several messages; true if it is the last one. */
static bool take_answer(const char *buffer, ssize_t size,
			struct outcome *outcome)
{
	struct nlmsghdr *nlh = (void *)buffer;
	int left = size;

	for (; nlmsg_ok(nlh, left); nlh = nlmsg_next(nlh, &left)) {
		if (nlh->nlmsg_type != NLMSG_ERROR &&
		    nlh->nlmsg_type != NLMSG_DONE)
			continue;
		outcome->err = *(int *)nlmsg_data(nlh);
		outcome->told = true;
		return true;
	}
	return false;
}

/* What the request of client.msg asks. */
static void take_note(void)
{
	struct nlmsghdr *nlh = nlmsg_hdr(client.msg);
	struct genlmsghdr *genl = nlmsg_data(nlh);
	int cmd = genl->cmd, left;
	bool dump = (nlh->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
	struct nlattr *attr;

	asked[cmd][dump] = true;
	nlmsg_for_each_attr(attr, nlh, GENL_HDRLEN, left)
		asked_with[cmd][dump][nla_type(attr)] = true;
}

/*
 * Sends the request of client.msg with its @nth allocation failing. A request
 * is worked on while it is sent, so its answer is there; a dump also while it
 * is received.
 */
static struct outcome send_failing(int nth)
{
	static char buffer[256 * 1024];
	int fd = nl_socket_get_fd(client.sock);
	struct outcome outcome = {};
	struct nlmsghdr *nlh;
	ssize_t size;
	int tries = 0;

	nl_complete_msg(client.sock, client.msg);
	take_note();
	nlh = nlmsg_hdr(client.msg);
	set_fail_nth(nth);
	size = send(fd, nlh, nlh->nlmsg_len, 0);
	if (size < 0) {
		outcome.err = -errno;
		outcome.told = true;
	}
	while (!outcome.told && tries < 100) {
		size = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);
		if (size < 0 && errno == EAGAIN)
			break;
		if (size < 0)
			tries++;
		else if (take_answer(buffer, size, &outcome))
			break;
	}
	outcome.failed = !faults_left();
	set_fail_nth(0);
	/* What a dump that was given up has left. */
	while (recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT) > 0 ||
	       (errno != EAGAIN && tries++ < 200))
		;
	nlmsg_free(client.msg);
	return outcome;
}

/* A number that changes with what can be seen of stores and models. */
static uint64_t state;

static void add_to_state(struct client *from, void *unused)
{
	const unsigned char *bytes = nlmsg_data(from->reply);
	const struct genlmsghdr *genl = nlmsg_data(from->reply);
	int i, size = nlmsg_datalen(from->reply);
	struct nlattr *count = NULL;

	/* An inference counts though its answer finds no memory. */
	if (genl->cmd == KERNMLOPS_CMD_MODEL_GET)
		count = from->attrs[KERNMLOPS_A_MODEL_INFERENCES];
	for (i = 0; i < size; i++)
		if (!count || bytes + i < (unsigned char *)count ||
		    bytes + i >= (unsigned char *)count + nla_total_size(8))
			state = (state ^ bytes[i]) * 0x100000001b3;
}

static uint64_t look(void)
{
	static const int commands[] = { KERNMLOPS_CMD_STORE_GET,
					KERNMLOPS_CMD_MODEL_GET };
	size_t i;

	state = 0;
	observer.each = add_to_state;
	for (i = 0; i < 2; i++) {
		client_begin(&observer, commands[i], NLM_F_DUMP);
		if (client_send(&observer))
			bail("look at the state");
	}
	observer.each = NULL;
	return state;
}

static int quick(int cmd, int attr, const char *name)
{
	return client_named(&observer, cmd, attr, name);
}

/* Things to do before a command, so that it has something to work on. */
static void nothing(void)
{
}

static void make_store(const char *name, int of, int mode, bool lossless)
{
	client_begin_register(&observer, name, of, 64);
	nla_put_u32(observer.msg, KERNMLOPS_A_STORE_MODE, mode);
	if (lossless)
		nla_put_flag(observer.msg, KERNMLOPS_A_STORE_LOSSLESS);
	if (client_send(&observer))
		bail("register %s: %s", name, observer.sentence);
}

static void need_fleeting(void)
{
	if (quick(KERNMLOPS_CMD_STORE_GET, KERNMLOPS_A_STORE_NAME, "fleeting"))
		make_store("fleeting", map2, KERNMLOPS_STORE_MODE_HISTORY,
			   false);
}

static void need_no_fleeting(void)
{
	quick(KERNMLOPS_CMD_STORE_UNREGISTER, KERNMLOPS_A_STORE_NAME,
	      "fleeting");
}

static void load_fleeting_model(struct client *to)
{
	client_begin(to, KERNMLOPS_CMD_MODEL_LOAD, 0);
	nla_put_string(to->msg, KERNMLOPS_A_MODEL_NAME, "fleeting");
	nla_put_u32(to->msg, KERNMLOPS_A_MODEL_SIZE, file_size);
	nla_put_u32(to->msg, KERNMLOPS_A_MODEL_OFFSET, 0);
	nla_put(to->msg, KERNMLOPS_A_MODEL_DATA, file_size, file);
}

/* The second part of the file, from its middle on. */
static void put_rest(struct client *to)
{
	u32 offset = file_size / 2;

	client_begin(to, KERNMLOPS_CMD_MODEL_LOAD, 0);
	nla_put_string(to->msg, KERNMLOPS_A_MODEL_NAME, "fleeting");
	nla_put_u32(to->msg, KERNMLOPS_A_MODEL_SIZE, file_size);
	nla_put_u32(to->msg, KERNMLOPS_A_MODEL_OFFSET, offset);
	nla_put(to->msg, KERNMLOPS_A_MODEL_DATA, file_size - offset,
		file + offset);
}

static void put_first_half(struct client *to)
{
	client_begin(to, KERNMLOPS_CMD_MODEL_LOAD, 0);
	nla_put_string(to->msg, KERNMLOPS_A_MODEL_NAME, "fleeting");
	nla_put_u32(to->msg, KERNMLOPS_A_MODEL_SIZE, file_size);
	nla_put_u32(to->msg, KERNMLOPS_A_MODEL_OFFSET, 0);
	nla_put(to->msg, KERNMLOPS_A_MODEL_DATA, file_size / 2, file);
}

static void need_no_model(void)
{
	quick(KERNMLOPS_CMD_MODEL_REMOVE, KERNMLOPS_A_MODEL_NAME, "fleeting");
}

static void need_model(void)
{
	if (!quick(KERNMLOPS_CMD_MODEL_GET, KERNMLOPS_A_MODEL_NAME, "fleeting"))
		return;
	load_fleeting_model(&observer);
	if (client_send(&observer))
		bail("load a model: %s", observer.sentence);
}

/* No model, but its first half on the socket that sends the rest. */
static void need_first_half(void)
{
	need_no_model();
	put_first_half(&client);
	if (client_send(&client))
		bail("send a part: %s", client.sentence);
}

/* Version 2 active, and 1 to go back to. */
static void need_second_version(void)
{
	int i;

	need_no_model();
	for (i = 0; i < 2; i++) {
		load_fleeting_model(&observer);
		if (client_send(&observer))
			bail("load a model: %s", observer.sentence);
	}
}

/* The requests themselves. */
static void begin_on(int cmd, int attr, const char *name, int flags)
{
	client_begin(&client, cmd, flags);
	nla_put_string(client.msg, attr, name);
}

static void register_history(void)
{
	client_begin_register(&client, "fleeting", map2, 64);
}

static void register_mirror(void)
{
	register_history();
	nla_put_u32(client.msg, KERNMLOPS_A_STORE_MODE,
		    KERNMLOPS_STORE_MODE_MIRROR);
}

static void register_map(void)
{
	register_history();
	nla_put_u32(client.msg, KERNMLOPS_A_STORE_MODE,
		    KERNMLOPS_STORE_MODE_MAP);
}

static void register_lossless(void)
{
	register_history();
	nla_put_flag(client.msg, KERNMLOPS_A_STORE_LOSSLESS);
}

static void unregister(void)
{
	begin_on(KERNMLOPS_CMD_STORE_UNREGISTER, KERNMLOPS_A_STORE_NAME,
		 "fleeting", 0);
}

static void info_get(void)
{
	client_begin(&client, KERNMLOPS_CMD_INFO_GET, 0);
}

static void store_get(void)
{
	begin_on(KERNMLOPS_CMD_STORE_GET, KERNMLOPS_A_STORE_NAME, "steady", 0);
}

static void store_dump(void)
{
	client_begin(&client, KERNMLOPS_CMD_STORE_GET, NLM_F_DUMP);
}

static void truncate_rows(void)
{
	begin_on(KERNMLOPS_CMD_STORE_TRUNCATE, KERNMLOPS_A_STORE_NAME,
		 "steady", 0);
	nla_put_u64(client.msg, KERNMLOPS_A_STORE_BEFORE, 1);
}

static void begin_row(int cmd, const char *store, int flags)
{
	begin_on(cmd, KERNMLOPS_A_ROW_STORE, store, flags);
}

static void put_key(void)
{
	nla_put_u32(client.msg, KERNMLOPS_A_ROW_KEY, 1);
}

static void row_latest(void)
{
	begin_row(KERNMLOPS_CMD_ROW_GET, "steady", 0);
	put_key();
}

static void row_asof(void)
{
	row_latest();
	nla_put_u64(client.msg, KERNMLOPS_A_ROW_ASOF, INT64_MAX);
}

static void row_of_map(void)
{
	begin_row(KERNMLOPS_CMD_ROW_GET, "live", 0);
	put_key();
}

static void row_of_cpus(void)
{
	begin_row(KERNMLOPS_CMD_ROW_GET, "counters", 0);
	put_key();
}

static void row_last(void)
{
	row_latest();
	nla_put_u32(client.msg, KERNMLOPS_A_ROW_LAST, 100);
}

static void row_nearest(void)
{
	begin_row(KERNMLOPS_CMD_ROW_GET, "steady", 0);
	nla_put_u64(client.msg, KERNMLOPS_A_ROW_NEAREST, 1);
}

static void row_dump(void)
{
	begin_row(KERNMLOPS_CMD_ROW_GET, "steady", NLM_F_DUMP);
}

static void row_dump_resumed(void)
{
	row_dump();
	nla_put(client.msg, KERNMLOPS_A_ROW_CURSOR, 0, NULL);
}

static void row_dump_range(void)
{
	row_dump();
	nla_put_u64(client.msg, KERNMLOPS_A_ROW_FROM, 1);
	nla_put_u64(client.msg, KERNMLOPS_A_ROW_TO, INT64_MAX);
}

static void row_dump_map(void)
{
	begin_row(KERNMLOPS_CMD_ROW_GET, "live", NLM_F_DUMP);
}

static void row_dump_cpus(void)
{
	begin_row(KERNMLOPS_CMD_ROW_GET, "counters", NLM_F_DUMP);
}

static void row_push(void)
{
	begin_row(KERNMLOPS_CMD_ROW_PUSH, "steady", 0);
	put_key();
	nla_put_u32(client.msg, KERNMLOPS_A_ROW_VALUE, 2);
}

static void row_consume(void)
{
	u64 next[64] = {};

	begin_row(KERNMLOPS_CMD_ROW_CONSUME, "careful", 0);
	nla_put(client.msg, KERNMLOPS_A_ROW_CURSOR, 8 * cpus, next);
}

static void model_load(void)
{
	load_fleeting_model(&client);
}

static void model_load_first_part(void)
{
	put_first_half(&client);
}

static void model_load_last_part(void)
{
	put_rest(&client);
}

static void model_load_with_limits(void)
{
	load_fleeting_model(&client);
	nla_put_flag(client.msg, KERNMLOPS_A_MODEL_INACTIVE);
	nla_put_string(client.msg, KERNMLOPS_A_MODEL_PATH, "scalar");
	nla_put_u64(client.msg, KERNMLOPS_A_MODEL_WORK_MAX, 1000);
	nla_put_u64(client.msg, KERNMLOPS_A_MODEL_MEMORY_MAX, 1 << 20);
}

static void put_version(void)
{
	nla_put_u32(client.msg, KERNMLOPS_A_MODEL_VERSION, 1);
}

static void model_get(void)
{
	begin_on(KERNMLOPS_CMD_MODEL_GET, KERNMLOPS_A_MODEL_NAME, "fleeting", 0);
}

static void model_get_version(void)
{
	model_get();
	put_version();
}

static void model_dump(void)
{
	client_begin(&client, KERNMLOPS_CMD_MODEL_GET, NLM_F_DUMP);
}

static void model_remove(void)
{
	begin_on(KERNMLOPS_CMD_MODEL_REMOVE, KERNMLOPS_A_MODEL_NAME, "fleeting",
		 0);
}

static void model_remove_version(void)
{
	model_remove();
	put_version();
}

static void model_infer(void)
{
	s64 in[20] = { 11, -5 };

	begin_on(KERNMLOPS_CMD_MODEL_INFER, KERNMLOPS_A_MODEL_NAME, "fleeting",
		 0);
	nla_put(client.msg, KERNMLOPS_A_MODEL_INPUT, sizeof(in), in);
}

static void model_infer_timed(void)
{
	model_infer();
	put_version();
	nla_put_u32(client.msg, KERNMLOPS_A_MODEL_REPEAT, 20);
}

static void model_activate(void)
{
	begin_on(KERNMLOPS_CMD_MODEL_ACTIVATE, KERNMLOPS_A_MODEL_NAME,
		 "fleeting", 0);
	put_version();
}

static void model_rollback(void)
{
	begin_on(KERNMLOPS_CMD_MODEL_ROLLBACK, KERNMLOPS_A_MODEL_NAME,
		 "fleeting", 0);
}

static void model_rollback_version(void)
{
	model_rollback();
	put_version();
}

static const struct {
	const char *name;
	void (*prepare)(void);
	void (*begin)(void);
} requests[] = {
	{ "info-get", nothing, info_get },
	{ "store-register, history", need_no_fleeting, register_history },
	{ "store-register, lossless", need_no_fleeting, register_lossless },
	{ "store-register, mirror", need_no_fleeting, register_mirror },
	{ "store-register, map", need_no_fleeting, register_map },
	{ "store-unregister", need_fleeting, unregister },
	{ "store-get", nothing, store_get },
	{ "store-get, all", nothing, store_dump },
	{ "store-truncate", nothing, truncate_rows },
	{ "row-get, latest", nothing, row_latest },
	{ "row-get, as of a time", nothing, row_asof },
	{ "row-get, last", nothing, row_last },
	{ "row-get, nearest", nothing, row_nearest },
	{ "row-get, of a map", nothing, row_of_map },
	{ "row-get, of a map of CPUs", nothing, row_of_cpus },
	{ "row-get, all", nothing, row_dump },
	{ "row-get, a range", nothing, row_dump_range },
	{ "row-get, resumed", nothing, row_dump_resumed },
	{ "row-get, all of a map", nothing, row_dump_map },
	{ "row-get, all of a map of CPUs", nothing, row_dump_cpus },
	{ "row-push", nothing, row_push },
	{ "row-consume", nothing, row_consume },
	{ "model-load", need_no_model, model_load },
	{ "model-load, next version", need_model, model_load },
	{ "model-load, with limits", need_model, model_load_with_limits },
	{ "model-load, first part", need_no_model, model_load_first_part },
	{ "model-load, last part", need_first_half, model_load_last_part },
	{ "model-get", need_model, model_get },
	{ "model-get, a version", need_second_version, model_get_version },
	{ "model-get, all", need_model, model_dump },
	{ "model-infer", need_model, model_infer },
	{ "model-infer, timed", need_second_version, model_infer_timed },
	{ "model-activate", need_second_version, model_activate },
	{ "model-rollback", need_second_version, model_rollback },
	{ "model-rollback, to a version", need_second_version,
	  model_rollback_version },
	{ "model-remove", need_model, model_remove },
	{ "model-remove, a version", need_second_version, model_remove_version },
};

static void fail_each(size_t i, bool tell)
{
	int nth, refused = 0, survived = 0, unheard = 0, wrong = 0, changed = 0;

	for (nth = 1; nth < NTH_MAX; nth++) {
		struct outcome outcome;
		uint64_t before;

		requests[i].prepare();
		before = look();
		requests[i].begin();
		outcome = send_failing(nth);
		/* A dump that could not go on stays under way in its socket. */
		if (!outcome.told) {
			client_close(&client);
			if (client_open(&client))
				bail("connect again");
		}
		if (!outcome.failed) {
			if (outcome.err || !outcome.told)
				wrong++;
			break;
		}
		if (!outcome.told) {
			unheard++;
		} else if (!outcome.err) {
			survived++;
		} else {
			refused++;
			if (outcome.err != -ENOMEM && outcome.err != -ENOBUFS) {
				note("allocation %d: error %d", nth,
				     outcome.err);
				wrong++;
			}
			if (look() != before) {
				note("allocation %d: changed", nth);
				changed++;
			}
		}
	}
	if (!tell && !wrong && !changed && nth < NTH_MAX)
		return;
	note("%s: %d allocations: %d refused, %d done without, %d unheard",
	     requests[i].name, nth - 1, refused, survived, unheard);
	ok(nth > 1 && nth < NTH_MAX, "%s: every allocation was failed",
	   requests[i].name);
	ok(!wrong, "%s: the error is that of memory, and then it works",
	   requests[i].name);
	ok(!changed, "%s: what fails changes nothing", requests[i].name);
}

/* As it was before any request, but for what a request has leaked. */
static void settle(void)
{
	need_no_fleeting();
	need_no_model();
	/* With a first part of an upload, and what a dump holds. */
	client_close(&client);
	if (client_open(&client))
		bail("connect again");
}

/* Objects of others are found once or twice, hardly so many times in a row. */
#define ROUNDS	4

/* What leaks does so each time; others have objects of their own. */
static void test_request(size_t i, struct objects *before)
{
	int rounds = 0;

	fail_each(i, true);
	do {
		settle();
		if (!more_objects(before))
			break;
		count_objects(before);
		fail_each(i, false);
	} while (++rounds < ROUNDS);
	if (!ok(rounds < ROUNDS, "%s: no object is left", requests[i].name))
		tell_more_objects(before);
}

/* Whether the requests above are all that the specification has. */
static void test_completeness(void)
{
	uint32_t i, j;

	for (i = 0; i < NUMBER_OF(ops); i++) {
		const struct op_spec *op = &ops[i];
		int missing = !asked[op->cmd][op->dump];

		for (j = 0; op->wanted[j]; j++)
			if (!asked_with[op->cmd][op->dump][op->wanted[j]]) {
				note("attribute %u is in no request",
				     op->wanted[j]);
				missing++;
			}
		ok_equal(missing, 0, op->name);
	}
}

static void prepare(void)
{
	struct sample_tree tree;
	struct model_builder builder;
	u32 key = 1, value = 7;
	u64 values[64] = {};
	int i;

	sample_tree_init(&tree);
	sample_tree_add(&builder, &tree);
	file = model_build(&builder, &file_size);
	cpus = sysconf(_SC_NPROCESSORS_CONF);
	map = map_with_btf("steady", 4);
	map2 = map_with_btf("fleeting", 4);
	make_store("steady", map, KERNMLOPS_STORE_MODE_HISTORY, false);
	make_store("careful", map_with_btf("careful", 4),
		   KERNMLOPS_STORE_MODE_HISTORY, true);
	i = map_with_btf("live", 4);
	bpf_map_update_elem(i, &key, &value, BPF_ANY);
	make_store("live", i, KERNMLOPS_STORE_MODE_MAP, false);
	i = map_of_type(BPF_MAP_TYPE_PERCPU_HASH, "counters", 8, 4);
	bpf_map_update_elem(i, &key, values, BPF_ANY);
	make_store("counters", i, KERNMLOPS_STORE_MODE_MAP, false);
	for (i = 0; i < 200; i++) {
		client_begin(&observer, KERNMLOPS_CMD_ROW_PUSH, 0);
		nla_put_string(observer.msg, KERNMLOPS_A_ROW_STORE, "steady");
		nla_put_u32(observer.msg, KERNMLOPS_A_ROW_KEY, i % 4);
		nla_put_u32(observer.msg, KERNMLOPS_A_ROW_VALUE, i);
		if (client_send(&observer))
			bail("push: %s", observer.sentence);
	}
}

static void clean_up(void)
{
	static const char *const stores[] = { "steady", "careful", "live",
					      "counters", "fleeting" };
	size_t i;

	for (i = 0; i < NUMBER_OF(stores); i++)
		quick(KERNMLOPS_CMD_STORE_UNREGISTER, KERNMLOPS_A_STORE_NAME,
		      stores[i]);
	need_no_model();
}

int main(void)
{
	struct objects objects;
	size_t i;

	need_faults();
	if (client_open(&client) || client_open(&observer))
		bail("connect");
	prepare();
	settle();
	count_objects(&objects);
	for (i = 0; i < NUMBER_OF(requests); i++)
		test_request(i, &objects);
	test_completeness();
	clean_up();
	client_close(&observer);
	client_close(&client);
	return done();
}
