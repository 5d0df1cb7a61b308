// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who may do what: everything but info-get needs CAP_NET_ADMIN in the initial
 * user namespace, and other network namespaces have no family at all.
 */
#include <sched.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/kernmlops.h>
#include "client.h"
#include "tap.h"

#define SENTENCE "this needs CAP_NET_ADMIN in the initial user namespace"

static const struct {
	const char *name;
	int cmd, attr, flags;
} commands[] = {
	{ "store-register", KERNMLOPS_CMD_STORE_REGISTER,
	  KERNMLOPS_A_STORE_NAME, 0 },
	{ "store-unregister", KERNMLOPS_CMD_STORE_UNREGISTER,
	  KERNMLOPS_A_STORE_NAME, 0 },
	{ "store-get", KERNMLOPS_CMD_STORE_GET, KERNMLOPS_A_STORE_NAME, 0 },
	{ "store-get dump", KERNMLOPS_CMD_STORE_GET, 0, NLM_F_DUMP },
	{ "row-get", KERNMLOPS_CMD_ROW_GET, KERNMLOPS_A_ROW_STORE, 0 },
	{ "row-get dump", KERNMLOPS_CMD_ROW_GET, KERNMLOPS_A_ROW_STORE,
	  NLM_F_DUMP },
	{ "model-load", KERNMLOPS_CMD_MODEL_LOAD, KERNMLOPS_A_MODEL_NAME, 0 },
	{ "model-get", KERNMLOPS_CMD_MODEL_GET, KERNMLOPS_A_MODEL_NAME, 0 },
	{ "model-get dump", KERNMLOPS_CMD_MODEL_GET, 0, NLM_F_DUMP },
	{ "model-remove", KERNMLOPS_CMD_MODEL_REMOVE, KERNMLOPS_A_MODEL_NAME,
	  0 },
	{ "model-infer", KERNMLOPS_CMD_MODEL_INFER, KERNMLOPS_A_MODEL_NAME, 0 },
	{ "store-truncate", KERNMLOPS_CMD_STORE_TRUNCATE,
	  KERNMLOPS_A_STORE_NAME, 0 },
	{ "row-push", KERNMLOPS_CMD_ROW_PUSH,
	  KERNMLOPS_A_ROW_STORE, 0 },
	{ "row-consume", KERNMLOPS_CMD_ROW_CONSUME,
	  KERNMLOPS_A_ROW_STORE, 0 },
	{ "model-activate", KERNMLOPS_CMD_MODEL_ACTIVATE,
	  KERNMLOPS_A_MODEL_NAME, 0 },
	{ "model-rollback", KERNMLOPS_CMD_MODEL_ROLLBACK,
	  KERNMLOPS_A_MODEL_NAME, 0 },
};

/* All but info-get, which needs no privilege. */
static int left_out(void)
{
	bool known[KERNMLOPS_CMD_MAX + 1] = { [KERNMLOPS_CMD_INFO_GET] = true };
	int missing = 0;
	size_t i;

	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		known[commands[i].cmd] = true;
	for (i = 1; i <= KERNMLOPS_CMD_MAX; i++)
		missing += !known[i];
	return missing;
}

static bool info(struct client *client)
{
	client_begin(client, KERNMLOPS_CMD_INFO_GET, 0);
	return !client_send(client) &&
	       client->attrs[KERNMLOPS_A_INFO_VERSION];
}

static void try_all(struct client *client, const char *who)
{
	size_t i;

	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		client_begin(client, commands[i].cmd, commands[i].flags);
		if (commands[i].attr)
			nla_put_string(client->msg, commands[i].attr, "name");
		client_send(client);
		ok(client->err == -EPERM &&
		   !strcmp(client->sentence, SENTENCE),
		   "%s cannot %s", who, commands[i].name);
		if (client->err != -EPERM)
			note("errno %d '%s'", client->err, client->sentence);
	}
	ok(info(client), "%s can ask what the module is", who);
}

/* Runs @test in a child; its count of tests goes on here. */
static void in_child(void (*test)(void))
{
	int status, ends[2];
	pid_t pid;

	fflush(stdout);
	if (pipe(ends))
		bail("pipe");
	pid = fork();
	if (pid < 0)
		bail("fork");
	if (!pid) {
		test();
		if (write(ends[1], &tap_count, sizeof(tap_count)) < 0)
			exit(2);
		exit(tap_failed ? 1 : 0);
	}
	waitpid(pid, &status, 0);
	if (!WIFEXITED(status) || WEXITSTATUS(status) > 1 ||
	    read(ends[0], &tap_count, sizeof(tap_count)) < 0)
		bail("the child died");
	tap_failed += WEXITSTATUS(status);
	close(ends[0]);
	close(ends[1]);
}

static void as_nobody(void)
{
	struct client client;

	if (setgid(65534) || setuid(65534))
		bail("setuid");
	if (client_open(&client))
		bail("no family");
	try_all(&client, "an unprivileged user");
}

/* Root of a user namespace has all capabilities there, and none here. */
static void in_user_namespace(void)
{
	struct client client;

	if (unshare(CLONE_NEWUSER)) {
		note("this kernel does not let us have a user namespace");
		ok(true, "root of a user namespace # SKIP");
		return;
	}
	if (client_open(&client))
		bail("no family");
	try_all(&client, "root of a user namespace");
}

/* CAP_NET_ADMIN lets a process load, but not beyond what parameters allow. */
static void with_net_admin_alone(void)
{
	static const char sentence[] =
		"more than max_model_work or max_model_memory needs CAP_SYS_ADMIN";
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct data[2] = {
		{ .effective = 1 << CAP_NET_ADMIN, .permitted = 1 << CAP_NET_ADMIN }
	};
	static const int budgets[] = {
		0, KERNMLOPS_A_MODEL_WORK_MAX, KERNMLOPS_A_MODEL_MEMORY_MAX
	};
	struct client client;
	size_t i;

	if (syscall(SYS_capset, &header, data))
		bail("capset");
	if (client_open(&client))
		bail("no family");
	for (i = 0; i < sizeof(budgets) / sizeof(budgets[0]); i++) {
		client_begin(&client, KERNMLOPS_CMD_MODEL_LOAD, 0);
		nla_put_string(client.msg, KERNMLOPS_A_MODEL_NAME, "name");
		nla_put_u32(client.msg, KERNMLOPS_A_MODEL_SIZE, 8);
		nla_put_u32(client.msg, KERNMLOPS_A_MODEL_OFFSET, 0);
		nla_put(client.msg, KERNMLOPS_A_MODEL_DATA, 8, "no model");
		if (budgets[i])
			nla_put_u64(client.msg, budgets[i], 1ULL << 50);
		client_send(&client);
		if (budgets[i])
			ok(client.err == -EPERM && !strcmp(client.sentence, sentence),
			   "CAP_NET_ADMIN alone raises no budget");
		else
			ok(client.err == -EINVAL,
			   "with CAP_NET_ADMIN alone a file is looked at");
	}
}

static void in_net_namespace(void)
{
	struct client client;

	if (unshare(CLONE_NEWNET))
		bail("unshare");
	ok(client_open(&client) == -ENOENT,
	   "another network namespace does not see the family");
}

int main(void)
{
	struct client client;

	if (client_open(&client))
		bail("no family");
	ok(info(&client), "root can ask what the module is");
	ok(client_uint(&client, KERNMLOPS_A_INFO_NOW) > 0,
	   "it tells the time");
	ok_equal(client_uint(&client, KERNMLOPS_A_INFO_STORES), 0,
		 "it counts stores");
	ok_equal(left_out(), 0, "no command was left out");
	in_child(as_nobody);
	in_child(with_net_admin_alone);
	in_child(in_user_namespace);
	in_child(in_net_namespace);
	return done();
}
