// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzzer of the netlink family. Messages are made from its specification:
 * right ones, and such that are wrong in one or more places. Several sessions
 * take turns, some leave dumps unread, some are closed in between, some have no
 * privilege; processes in other namespaces do the same meanwhile.
 *
 * What it checks, besides that the kernel lives: who has no privilege is
 * refused, a refusal carries a sentence, no answer holds an address of the
 * kernel, and in the end all stores and models can be removed.
 *
 * test_netlink [MESSAGES [SEED]], or KMLOPS_FUZZ_MESSAGES
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <linux/kernmlops.h>
#include "../nl/client.h"
#include "../user/model_builder.h"
#include "random.h"
#include "tap.h"

#define NUMBER_OF(array)	(sizeof(array) / sizeof((array)[0]))

enum kind { KIND_STRING, KIND_U32, KIND_S32, KIND_U64, KIND_UINT, KIND_BINARY,
	    KIND_FLAG, KIND_NEST };

struct attr_spec {
	const char *name;		/* SET/ATTRIBUTE */
	uint16_t id;
	enum kind kind;
	const struct attr_spec *nested;
	uint32_t nr_nested;
	uint32_t low, high;		/* of an enum; 0, 0: none */
	bool multi;
};

struct op_spec {
	const char *name;
	uint8_t cmd;
	bool dump;
	const struct attr_spec *attrs;
	uint32_t nr_attrs;
	uint16_t wanted[ATTR_MAX];
};

#include "netlink_spec.h"

#define SESSIONS	6
#define MAPS		6
#define NAMES		5
#define MESSAGES	100000

/* One message under construction. */
static char message[96 * 1024];
static uint32_t length;
static char answer[256 * 1024];

struct session {
	int fd;
	uint32_t seq;
	bool dumping;		/* an answer was left unread */
};

static struct session sessions[SESSIONS];
static int family;
static bool no_family;		/* in this network namespace */
static int maps[MAPS];
static uint8_t *model_file;
static uint32_t model_size;
static int cpus;

/* What one message is about, so that its parts can fit together. */
static struct {
	int map;
	uint32_t offset, part;
	bool wild;		/* this message is to be wrong somewhere */
} plan;

/* What was seen. */
static uint64_t sent, done_right, refused, unanswered, no_sentence, addresses,
		wrongly_allowed;

static void put_bytes(const void *data, uint32_t size)
{
	if (length + size > sizeof(message) - 64)
		return;
	if (data)
		memcpy(message + length, data, size);
	else
		for (uint32_t i = 0; i < size; i++)
			message[length + i] = random_u64() & 0x7f;
	length += size;
	while (length % 4)
		message[length++] = 0;
}

static void put_attr(uint16_t type, const void *data, uint32_t size)
{
	struct nlattr head = { .nla_len = size + NLA_HDRLEN, .nla_type = type };

	put_bytes(&head, sizeof(head));
	put_bytes(data, size);
}

static void put_name(uint16_t type)
{
	char name[80];
	int size = snprintf(name, sizeof(name), "fuzz%u", below(NAMES)) + 1;

	if (plan.wild && one_in(4)) {
		for (size = below(70); size && below(40); size--)
			name[size - 1] = random_u64() & 0x7f;
		size = below(70);
	}
	put_attr(type, name, size);
}

static void put_number(const struct attr_spec *attr, uint64_t number)
{
	uint32_t size = attr->kind == KIND_U32 || attr->kind == KIND_S32 ? 4 :
			attr->kind == KIND_U64 || one_in(2) ? 8 : 4;

	if (plan.wild && one_in(8))
		size = below(12);
	put_attr(attr->id, &number, size < 8 ? size : 8);
}

static void put_model_input(uint16_t type)
{
	int64_t vectors[60];
	uint32_t i, number = 1 + below(10);

	for (i = 0; i < 2 * number; i++)
		vectors[i] = random_number();
	put_attr(type, vectors, plan.wild && one_in(3) ? below(480) :
				16 * number);
}

/* A cursor, empty or with positions that may never have been. */
static void put_cursor(uint16_t type)
{
	uint64_t next[64] = {};
	int i;

	for (i = 0; i < cpus; i++)
		next[i] = one_in(2) ? below(100) : random_number();
	put_attr(type, next, one_in(4) ? 0 : plan.wild && one_in(3) ?
			     below(512) : 8 * cpus);
}

static void put_attribute(const struct attr_spec *attr);

static void put_nest(const struct attr_spec *attr)
{
	uint32_t start = length, i;

	put_attr(attr->id | (plan.wild && one_in(4) ? 0 : NLA_F_NESTED), NULL,
		 0);
	for (i = 0; i < attr->nr_nested; i++) {
		const struct attr_spec *inner = &attr->nested[i];
		bool optional = !strcmp(inner->name, "field/count") ||
				!strcmp(inner->name, "field/unit");

		if (one_in(plan.wild ? 6 : 1 << 20) || (optional && one_in(2)))
			continue;
		put_attribute(inner);
	}
	((struct nlattr *)(message + start))->nla_len =
		plan.wild && one_in(10) ? below(1000) : length - start;
}

/* Attributes that must fit others to be right. */
static bool put_meaningful(const struct attr_spec *attr)
{
	static const char *const whole[] = { "field/offset", "field/count" };
	const char *name = attr->name;
	uint32_t i;

	if (!strcmp(name, "store/map-fd")) {
		put_number(attr, maps[plan.map]);
	} else if (!strcmp(name, "store/rows")) {
		put_number(attr, plan.wild ? random_number() :
				 1 + below(200));
	} else if (!strcmp(name, "row/key")) {
		put_attr(attr->id, NULL, 4);
	} else if (!strcmp(name, "row/value")) {
		put_attr(attr->id, NULL, 4 << below(3));
	} else if (!strcmp(name, "row/last")) {
		put_number(attr, 1 + below(20));
	} else if (!strcmp(name, "row/cursor")) {
		put_cursor(attr->id);
	} else if (!strcmp(name, "model/size")) {
		put_number(attr, model_size);
	} else if (!strcmp(name, "model/offset")) {
		put_number(attr, plan.offset);
	} else if (!strcmp(name, "model/data")) {
		put_attr(attr->id, model_file + plan.offset, plan.part);
	} else if (!strcmp(name, "model/input")) {
		put_model_input(attr->id);
	} else {
		for (i = 0; i < 2; i++)
			if (!strcmp(name, whole[i]) && !plan.wild) {
				put_number(attr, i);
				return true;
			}
		return false;
	}
	return true;
}

static void put_by_kind(const struct attr_spec *attr)
{
	switch (attr->kind) {
	case KIND_STRING:
		put_name(attr->id);
		break;
	case KIND_FLAG:
		if (one_in(3))
			put_attr(attr->id, NULL, plan.wild ? below(5) : 0);
		break;
	case KIND_NEST:
		put_nest(attr);
		break;
	case KIND_BINARY:
		put_attr(attr->id, NULL, below(300));
		break;
	default:
		put_number(attr, attr->high && !(plan.wild && one_in(3)) ?
				 attr->low + below(attr->high - attr->low + 1) :
				 random_number());
	}
}

/* Once in a while something else entirely. */
static void put_attribute(const struct attr_spec *attr)
{
	if (plan.wild && one_in(6)) {
		put_attr(one_in(2) ? attr->id : random_u64(), NULL,
			 one_in(8) ? below(65000) : below(100));
		return;
	}
	if (!plan.wild || below(4))
		if (put_meaningful(attr))
			return;
	put_by_kind(attr);
}

static const struct attr_spec *attr_of(const struct op_spec *op, uint16_t id)
{
	uint32_t i;

	for (i = 0; i < op->nr_attrs; i++)
		if (op->attrs[i].id == id)
			return &op->attrs[i];
	return NULL;
}

/* Attributes of @op in order, mostly; each may be missing or there again. */
static void put_attributes(const struct op_spec *op)
{
	/* What excludes each other, or is the name alone. */
	bool nearest = op->cmd == KERNMLOPS_CMD_ROW_GET && !op->dump &&
		       one_in(4);
	uint32_t i;

	for (i = 0; op->wanted[i]; i++) {
		const struct attr_spec *attr = attr_of(op, op->wanted[i]);

		if (plan.wild && one_in(6))
			continue;
		if (!plan.wild && op->cmd == KERNMLOPS_CMD_ROW_GET &&
		    !strcmp(attr->name, "row/nearest") != nearest &&
		    strcmp(attr->name, "row/store") && !op->dump)
			if (nearest || strcmp(attr->name, "row/key"))
				continue;
		put_attribute(attr);
		if (plan.wild && one_in(10))
			put_attribute(attr);
	}
	if (plan.wild && one_in(8))
		put_attribute(&op->attrs[below(op->nr_attrs)]);
}

/* Damage of the finished message; true if its head is no longer right. */
static bool damage(struct nlmsghdr *nlh, struct genlmsghdr *genl)
{
	switch (below(12)) {
	case 0:
		nlh->nlmsg_flags ^= 1 << below(16);
		nlh->nlmsg_flags |= NLM_F_REQUEST;
		return true;
	case 1:
		genl->cmd = random_u64();
		return true;
	case 2:
		genl->version = random_u64();
		return true;
	case 3:
		nlh->nlmsg_len = below(length + 64);
		return true;
	case 4:
		length = NLMSG_HDRLEN + below(length - NLMSG_HDRLEN);
		nlh->nlmsg_len = length;
		return true;
	case 5:
		genl->reserved = 1 << below(16);
		return true;
	case 6:
		if (length > NLMSG_HDRLEN + GENL_HDRLEN)
			message[NLMSG_HDRLEN + GENL_HDRLEN +
				below(length - NLMSG_HDRLEN - GENL_HDRLEN)] ^=
				1 << below(7);
		return false;
	}
	return false;
}

static bool is_address(uint64_t word)
{
	return word >= 0xffff800000000000 && word < 0xffffffffff000000;
}

/* In what a message of the family carries; an ack is made by the core. */
static void look_for_addresses(const struct nlmsghdr *nlh)
{
	const char *bytes = nlmsg_data(nlh);
	uint64_t word;
	int i;

	if (nlh->nlmsg_type != family)
		return;
	for (i = GENL_HDRLEN; i + 8 <= nlmsg_datalen(nlh); i += 4) {
		memcpy(&word, bytes + i, 8);
		if (!is_address(word))
			continue;
		if (!addresses++)
			note("message %llu: an answer holds %llx",
			     (unsigned long long)sent,
			     (unsigned long long)word);
	}
}

struct verdict {
	bool answered;
	int err;
	bool sentence;
};

static void take_ack(struct nlmsghdr *nlh, struct verdict *verdict)
{
	uint32_t skip = nlh->nlmsg_type == NLMSG_DONE ? sizeof(int) :
			sizeof(struct nlmsgerr);
	struct nlattr *tb[NLMSGERR_ATTR_MAX + 1] = {};

	verdict->answered = true;
	verdict->err = *(int *)nlmsg_data(nlh);
	if (nlh->nlmsg_flags & NLM_F_ACK_TLVS)
		nla_parse(tb, NLMSGERR_ATTR_MAX, (void *)((char *)
			  nlmsg_data(nlh) + skip), nlmsg_datalen(nlh) - skip,
			  NULL);
	verdict->sentence = tb[NLMSGERR_ATTR_MSG];
}

/* Reads until the answer of the last message is complete, or none is left. */
static struct verdict receive(struct session *session)
{
	struct verdict verdict = {};

	while (!verdict.answered) {
		ssize_t size = recv(session->fd, answer, sizeof(answer),
				    MSG_DONTWAIT);
		struct nlmsghdr *nlh = (void *)answer;
		int left = size;

		if (size < 0 && errno == ENOBUFS)
			continue;
		if (size <= 0)
			break;
		for (; nlmsg_ok(nlh, left); nlh = nlmsg_next(nlh, &left)) {
			look_for_addresses(nlh);
			if (nlh->nlmsg_type != NLMSG_ERROR &&
			    nlh->nlmsg_type != NLMSG_DONE)
				continue;
			if (nlh->nlmsg_seq == session->seq)
				take_ack(nlh, &verdict);
			else if (nlh->nlmsg_type == NLMSG_DONE)
				session->dumping = false;
		}
	}
	return verdict;
}

static void open_session(struct session *session)
{
	int on = 1, room = 1 << 20;
	struct timeval patience = { .tv_sec = 20 };

	session->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC,
			     NETLINK_GENERIC);
	if (session->fd < 0)
		bail("socket");
	setsockopt(session->fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	setsockopt(session->fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	setsockopt(session->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	setsockopt(session->fd, SOL_SOCKET, SO_SNDTIMEO, &patience,
		   sizeof(patience));
	session->dumping = false;
}

/* The effective capabilities of this process, dropped and taken back. */
static void set_privilege(bool on)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];

	syscall(__NR_capget, &head, data);
	data[0].effective = on ? data[0].permitted : 0;
	data[1].effective = on ? data[1].permitted : 0;
	if (syscall(__NR_capset, &head, data))
		bail("capset");
}

/* One message of a session; @privileged: what is expected of the kernel. */
static void fuzz_once(struct session *session, bool privileged)
{
	const struct op_spec *op = &ops[below(NUMBER_OF(ops))];
	struct nlmsghdr *nlh = (void *)message;
	struct genlmsghdr *genl = nlmsg_data(nlh);
	struct verdict verdict;
	bool broken = false;

	plan.wild = one_in(2);
	plan.map = below(MAPS);
	plan.offset = one_in(2) ? 0 : below(model_size);
	plan.part = one_in(2) ? model_size - plan.offset :
		    1 + below(model_size - plan.offset);

	memset(message, 0, NLMSG_HDRLEN + GENL_HDRLEN);
	length = NLMSG_HDRLEN + GENL_HDRLEN;
	nlh->nlmsg_type = family;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK |
			   (op->dump ? NLM_F_DUMP : 0);
	nlh->nlmsg_seq = ++session->seq;
	genl->cmd = op->cmd;
	genl->version = KERNMLOPS_FAMILY_VERSION;
	put_attributes(op);
	nlh->nlmsg_len = length;
	if (plan.wild)
		broken = damage(nlh, genl);

	sent++;
	if (send(session->fd, message, length, 0) < 0) {
		unanswered++;
		return;
	}
	if (op->dump && one_in(4)) {
		session->dumping = true;
		return;
	}
	verdict = receive(session);
	if (!verdict.answered) {
		unanswered++;
		return;
	}
	if (!verdict.err) {
		done_right++;
		if (!privileged && !broken && op->cmd != KERNMLOPS_CMD_INFO_GET) {
			wrongly_allowed++;
			note("%s without privilege is allowed", op->name);
		}
		return;
	}
	refused++;
	/* A session that has not read its dump is told so by the core. */
	if (!verdict.sentence && !broken && !no_family &&
	    verdict.err != -ENOMEM && verdict.err != -ENOBUFS &&
	    !(verdict.err == -EBUSY && op->dump) && no_sentence++ < 5)
		note("message %llu: %s is refused with error %d and no sentence",
		     (unsigned long long)sent, op->name, verdict.err);
}

static void fuzz(uint64_t messages, bool privileged)
{
	uint64_t end = sent + messages;
	int i;

	for (i = 0; i < SESSIONS; i++)
		open_session(&sessions[i]);
	while (sent < end) {
		struct session *session = &sessions[below(SESSIONS)];
		bool drop = privileged && one_in(16);

		if (drop)
			set_privilege(false);
		fuzz_once(session, privileged && !drop);
		if (drop)
			set_privilege(true);
		if (one_in(64)) {
			/* With what it may have uploaded or left unread. */
			close(session->fd);
			open_session(session);
		}
	}
	for (i = 0; i < SESSIONS; i++)
		close(sessions[i].fd);
}

/* Of no use to the child of another user. */
static void close_maps(void)
{
	int i;

	for (i = 0; i < MAPS; i++)
		close(maps[i]);
}

/*
 * The same in a user namespace of its own, where the process is root, and in
 * the network namespace of everybody or its own. What was wrong is its exit
 * code.
 */
static pid_t fuzz_elsewhere(int namespaces, uint64_t messages)
{
	pid_t child = fork();

	if (child)
		return child;
	random_state += namespaces;
	close_maps();
	if (setuid(65534) || unshare(namespaces))
		_exit(77);
	if (namespaces & CLONE_NEWNET) {
		struct client client;

		/* The number of the family is known, but is of none here. */
		if (client_open(&client) != -ENOENT)
			_exit(1);
		client_close(&client);
		no_family = true;
		fuzz(messages, false);
		_exit(done_right ? 2 : 0);
	}
	fuzz(messages, false);
	_exit(wrongly_allowed ? 3 : addresses ? 4 : no_sentence ? 5 : 0);
}

static void join(pid_t child, const char *where)
{
	int status = 0;

	waitpid(child, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
		ok(true, "%s # SKIP no user namespaces here", where);
		return;
	}
	if (!ok(!status, "%s: nothing is allowed", where))
		note("status %x", status);
}

static void prepare(void)
{
	static const struct {
		uint32_t type, value_size;
	} kinds[MAPS - 1] = {
		{ BPF_MAP_TYPE_HASH, 4 }, { BPF_MAP_TYPE_HASH, 16 },
		{ BPF_MAP_TYPE_ARRAY, 8 }, { BPF_MAP_TYPE_LRU_HASH, 8 },
		{ BPF_MAP_TYPE_PERCPU_HASH, 8 },
	};
	struct model_builder builder;
	struct sample_tree tree;
	struct client client;
	int i;

	if (client_open(&client))
		bail("no netlink family " KERNMLOPS_FAMILY_NAME);
	family = client.family;
	client_close(&client);
	for (i = 0; i < MAPS - 1; i++)
		maps[i] = map_of_type(kinds[i].type, "fuzz",
				      kinds[i].value_size, 16);
	maps[i] = map_without_btf(8);
	sample_tree_init(&tree);
	sample_tree_add(&builder, &tree);
	model_file = model_build(&builder, &model_size);
	cpus = sysconf(_SC_NPROCESSORS_CONF);
}

/* Removes what is left; what then is still there is wrong. */
static void clean_up(void)
{
	struct client client;
	char name[16];
	int i;

	if (client_open(&client))
		bail("the family is gone");
	for (i = 0; i < NAMES; i++) {
		snprintf(name, sizeof(name), "fuzz%d", i);
		client_named(&client, KERNMLOPS_CMD_STORE_UNREGISTER,
			     KERNMLOPS_A_STORE_NAME, name);
		client_named(&client, KERNMLOPS_CMD_MODEL_REMOVE,
			     KERNMLOPS_A_MODEL_NAME, name);
	}
	client_begin(&client, KERNMLOPS_CMD_INFO_GET, 0);
	ok_equal(client_send(&client), 0, "the family still answers");
	ok_equal(client_uint(&client, KERNMLOPS_A_INFO_STORES), 0,
		 "no store is left that has no good name");
	ok_equal(client_uint(&client, KERNMLOPS_A_INFO_MODELS), 0,
		 "nor a model");
	client_close(&client);
}

int main(int argc, char **argv)
{
	const char *effort = getenv("KMLOPS_TEST_EFFORT");
	const char *given = argc > 1 ? argv[1] : getenv("KMLOPS_FUZZ_MESSAGES");
	uint64_t messages = given && *given ? strtoull(given, NULL, 0) :
			    MESSAGES / 100 * (effort ? atoi(effort) : 100);
	struct timespec start, end;
	pid_t same_net, own_net;
	double seconds;

	random_state = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
	note("%llu messages, seed %llu", (unsigned long long)messages,
	     (unsigned long long)random_state);
	prepare();
	same_net = fuzz_elsewhere(CLONE_NEWUSER, messages / 10);
	own_net = fuzz_elsewhere(CLONE_NEWUSER | CLONE_NEWNET, messages / 10);
	clock_gettime(CLOCK_MONOTONIC, &start);
	fuzz(messages, true);
	clock_gettime(CLOCK_MONOTONIC, &end);
	join(same_net, "root of another user namespace");
	join(own_net, "root of another network namespace");

	seconds = end.tv_sec - start.tv_sec + (end.tv_nsec - start.tv_nsec) / 1e9;
	note("%llu done, %llu refused, %llu not answered, %.0f a second",
	     (unsigned long long)done_right, (unsigned long long)refused,
	     (unsigned long long)unanswered, sent / seconds);
	ok(done_right > messages / 20 && refused > messages / 20,
	   "messages of both kinds were sent");
	ok_equal(wrongly_allowed, 0, "without privilege nothing is allowed");
	ok_equal(no_sentence, 0, "every refusal says why");
	ok_equal(addresses, 0, "no answer holds an address of the kernel");
	clean_up();
	return done();
}
