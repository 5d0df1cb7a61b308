// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzzer of the netlink family. Messages are made from its specification:
 * right ones, and such that are wrong in one or more places. Several sessions
 * take turns, each with an upload of its own; some leave dumps unread or half
 * read, some are closed in between, some have no privilege or were opened
 * without; processes in other namespaces do the same meanwhile.
 *
 * What it checks, besides that the kernel lives: who has no privilege is
 * refused, a refusal carries a sentence, no answer holds an address of the
 * kernel, and in the end all stores and models can be removed. The messages
 * are those of the seed, whatever the kernel answers.
 *
 * test_netlink [MESSAGES [SEED]], or KMLOPS_FUZZ_MESSAGES and KMLOPS_FUZZ_SEED
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
#include "family.h"
#include "random.h"
#include "tap.h"

#define SESSIONS	6
#define MAPS		6
#define NAMES		5
#define MESSAGES	100000
/* Most messages that are sent at once. */
#define BATCH		8

/* A store that stays, of more rows than fit into one message of a dump. */
#define STEADY		"steady"
#define STEADY_ROWS	1000
#define STEADY_VALUE	64

/* What is sent at once, and where in it the message under construction is. */
static char packet[96 * 1024];
static char *message = packet;
static uint32_t length;		/* of that message */
static char answer[256 * 1024];

struct session {
	int fd;
	uint32_t seq;
	bool opened_privileged;
	bool dumping;		/* an answer was left unread */
	/* Its upload, if every part was taken. */
	int model;
	uint32_t sent_parts;	/* bytes */
};

static struct session sessions[SESSIONS];
static int family;
static bool elsewhere;		/* a process in other namespaces */
static bool no_family;		/* in this network namespace */
static int maps[MAPS];
static uint8_t *model_file;
static uint32_t model_size;
static int cpus;

/* What one message is about, so that its parts can fit together. */
static struct {
	int map;
	int model;		/* number of its name, or -1 for any */
	uint32_t offset, part;
	uint32_t fields, field;	/* how many, and which one is made */
	bool steady;		/* it names the store that stays */
	bool wild;		/* this message is to be wrong somewhere */
} plan;

/* Nothing is sent: for what the messages alone are. */
static bool dry;
/* Of all messages so far. */
static uint64_t digest;

/* What was seen. */
static uint64_t sent, done_right, refused, unanswered, no_sentence, addresses,
		wrongly_allowed, cut_dumps, uploads;

/* Bytes of characters, so that nothing looks like an address. */
static void put_noise(char *to, uint32_t size)
{
	uint32_t i, part;

	for (i = 0; i < size; i += part) {
		uint64_t noise = random_u64() & 0x7f7f7f7f7f7f7f7f;

		part = size - i < 8 ? size - i : 8;
		memcpy(to + i, &noise, part);
	}
}

static void put_bytes(const void *data, uint32_t size)
{
	if (message + length + size > packet + sizeof(packet) - 64)
		return;
	if (data)
		memcpy(message + length, data, size);
	else
		put_noise(message + length, size);
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

static void put_name(uint16_t type, int number)
{
	char name[80] = "";
	int size = snprintf(name, sizeof(name), "fuzz%u",
			    number < 0 ? below(NAMES) : (uint32_t)number) + 1;

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
	int64_t vectors[60] = {};
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
static void put_by_kind(const struct attr_spec *attr);

/* Nests in nests, each as long as what is in it says, and in the last @attr. */
static void put_deep(const struct attr_spec *attr)
{
	uint32_t depth = 1 + below(one_in(10) ? 2000 : 20), start = length, i;

	if (message + length + depth * NLA_HDRLEN > packet + sizeof(packet) / 2)
		return;
	for (i = 0; i < depth; i++)
		put_attr(attr->id | NLA_F_NESTED, NULL, 0);
	put_by_kind(attr);
	for (i = 0; i < depth; i++)
		((struct nlattr *)(message + start))[i].nla_len =
			length - start - i * NLA_HDRLEN;
}

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
	const char *name = attr->name;

	if (!strcmp(name, "store/map-fd")) {
		put_number(attr, maps[plan.map]);
	} else if (!strcmp(name, "store/rows")) {
		put_number(attr, plan.wild ? random_number() :
				 1 + below(200));
	} else if (!strcmp(name, "row/store") && one_in(4)) {
		put_attr(attr->id, STEADY, sizeof(STEADY));
		plan.steady = true;
	} else if (!strcmp(name, "row/key")) {
		put_attr(attr->id, NULL, 4);
	} else if (!strcmp(name, "row/value")) {
		put_attr(attr->id, NULL, one_in(8) ? STEADY_VALUE :
						     4 << below(3));
	} else if (!strcmp(name, "row/last")) {
		put_number(attr, 1 + below(20));
	} else if (!strcmp(name, "row/cursor")) {
		put_cursor(attr->id);
	} else if (!strcmp(name, "model/name")) {
		put_name(attr->id, plan.model);
	} else if (!strcmp(name, "model/size")) {
		put_number(attr, model_size);
	} else if (!strcmp(name, "model/offset")) {
		put_number(attr, plan.offset);
	} else if (!strcmp(name, "model/data")) {
		put_attr(attr->id, model_file + plan.offset, plan.part);
	} else if (!strcmp(name, "model/input")) {
		put_model_input(attr->id);
	} else if (plan.wild) {
		return false;
	} else if (!strcmp(name, "field/name")) {
		put_name(attr->id, plan.field);
	} else if (!strcmp(name, "field/type") && plan.fields > 1) {
		put_number(attr, KERNMLOPS_FIELD_TYPE_U32);
	} else if (!strcmp(name, "field/offset")) {
		put_number(attr, 4 * plan.field);
	} else if (!strcmp(name, "field/count")) {
		put_number(attr, 1);
	} else {
		return false;
	}
	return true;
}

static void put_by_kind(const struct attr_spec *attr)
{
	switch (attr->kind) {
	case KIND_STRING:
		put_name(attr->id, -1);
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
	if (plan.wild && one_in(12)) {
		put_deep(attr);
		return;
	}
	if (!plan.wild || below(4))
		if (put_meaningful(attr))
			return;
	put_by_kind(attr);
}

/* One that may be there more than once: fields, more than there can be, too. */
static void put_several(const struct attr_spec *attr)
{
	plan.fields = plan.wild && one_in(8) ? below(200) :
		      one_in(3) ? 1 + below(4) : 1;
	for (plan.field = 0; plan.field < plan.fields; plan.field++)
		put_attribute(attr);
	plan.field = 0;
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
		if (attr->multi) {
			put_several(attr);
			continue;
		}
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
		/* Of all commands, it could be the one that unregisters. */
		if (plan.steady)
			return false;
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

/*
 * The head of an attribute of 8 bytes and half of these, which may be any: a word
 * like 0xffff....00tt000c, of type tt.
 */
static bool is_half_of_attribute(uint64_t word)
{
	const struct nlattr *attr = (const void *)&word;

	return attr->nla_len == NLA_HDRLEN + 8 && attr->nla_type < 64;
}

/* In what a message of the family carries; an ack is made by the core. */
static void look_for_addresses(const struct nlmsghdr *nlh)
{
	const char *bytes = nlmsg_data(nlh);
	uint64_t word;
	int i;

	for (i = GENL_HDRLEN; i + 8 <= nlmsg_datalen(nlh); i += 4) {
		memcpy(&word, bytes + i, 8);
		if (!is_address(word) || is_half_of_attribute(word))
			continue;
		if (!addresses++)
			note("message %llu: an answer holds %llx",
			     (unsigned long long)sent,
			     (unsigned long long)word);
	}
}

/* What is expected of one message, and what came. */
struct verdict {
	const struct op_spec *op;
	uint32_t seq;
	bool broken;		/* its head is wrong */
	bool answered;
	int err;
	bool sentence;
};

/* Of what was sent at once. */
static struct verdict verdicts[BATCH];
static int nr_verdicts;

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

static void take_message(struct session *session, struct nlmsghdr *nlh)
{
	int i;

	if (nlh->nlmsg_type == family)
		look_for_addresses(nlh);
	if (nlh->nlmsg_type != NLMSG_ERROR && nlh->nlmsg_type != NLMSG_DONE)
		return;
	if (nlh->nlmsg_type == NLMSG_DONE)
		session->dumping = false;
	for (i = 0; i < nr_verdicts; i++)
		if (nlh->nlmsg_seq == verdicts[i].seq)
			take_ack(nlh, &verdicts[i]);
}

/* Reads what there is, @most messages of the kernel at most. */
static void receive(struct session *session, int most)
{
	while (most--) {
		ssize_t size = recv(session->fd, answer, sizeof(answer),
				    MSG_DONTWAIT);
		struct nlmsghdr *nlh = (void *)answer;
		int left = size;

		if (size < 0 && errno == ENOBUFS)
			continue;
		if (size <= 0)
			break;
		for (; nlmsg_ok(nlh, left); nlh = nlmsg_next(nlh, &left))
			take_message(session, nlh);
	}
}

static void open_session(struct session *session)
{
	int on = 1, room = 1 << 20;
	struct timeval patience = { .tv_sec = 20 };

	session->dumping = false;
	session->sent_parts = 0;
	if (dry)
		return;
	session->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC,
			     NETLINK_GENERIC);
	if (session->fd < 0)
		bail("socket");
	setsockopt(session->fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	setsockopt(session->fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	setsockopt(session->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	setsockopt(session->fd, SOL_SOCKET, SO_SNDTIMEO, &patience,
		   sizeof(patience));
}

static void close_session(struct session *session)
{
	cut_dumps += session->dumping;
	if (!dry)
		close(session->fd);
}

/* The effective capabilities of this process, dropped and taken back. */
static void set_privilege(bool on)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];

	if (dry)
		return;
	syscall(__NR_capget, &head, data);
	data[0].effective = on ? data[0].permitted : 0;
	data[1].effective = on ? data[1].permitted : 0;
	if (syscall(__NR_capset, &head, data))
		bail("capset");
}

/* The part of a model that comes next, or another. */
static void plan_upload(struct session *session)
{
	bool next = session->sent_parts && below(4);

	plan.model = next ? session->model : (int)below(NAMES);
	plan.offset = next ? session->sent_parts :
		      one_in(4) ? below(model_size) : 0;
	plan.part = one_in(2) ? model_size - plan.offset :
		    1 + below(model_size - plan.offset);
	/* What is refused forgets the upload. */
	session->sent_parts = 0;
	if (plan.wild || (!next && plan.offset) ||
	    plan.offset + plan.part == model_size)
		return;
	session->model = plan.model;
	session->sent_parts = plan.offset + plan.part;
}

static void add_to_digest(void)
{
	uint64_t word;
	uint32_t i;

	for (i = 0; i < length; i += sizeof(word)) {
		word = 0;
		memcpy(&word, message + i, length - i < sizeof(word) ?
					   length - i : sizeof(word));
		digest = (digest ^ word) * 0x100000001b3;
		digest ^= digest >> 32;
	}
}

/* Makes one message more of the packet. */
static void add_message(struct session *session)
{
	const struct op_spec *op = &ops[below(NUMBER_OF(ops))];
	struct verdict *verdict = &verdicts[nr_verdicts++];
	struct nlmsghdr *nlh = (void *)message;
	struct genlmsghdr *genl = nlmsg_data(nlh);

	plan.wild = one_in(2);
	plan.map = below(MAPS);
	plan.model = -1;
	plan.steady = false;
	if (op->cmd == KERNMLOPS_CMD_MODEL_LOAD)
		plan_upload(session);

	memset(message, 0, NLMSG_HDRLEN + GENL_HDRLEN);
	length = NLMSG_HDRLEN + GENL_HDRLEN;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK |
			   (op->dump ? NLM_F_DUMP : 0);
	nlh->nlmsg_seq = ++session->seq;
	genl->cmd = op->cmd;
	genl->version = KERNMLOPS_FAMILY_VERSION;
	put_attributes(op);
	nlh->nlmsg_len = length;
	*verdict = (struct verdict){ .op = op, .seq = session->seq };
	if (plan.wild)
		verdict->broken = damage(nlh, genl);
	add_to_digest();
	/* Not the same each time. */
	nlh->nlmsg_type = family;
	sent++;
}

static void judge(const struct verdict *verdict, bool privileged)
{
	const struct op_spec *op = verdict->op;

	if (!verdict->answered) {
		unanswered++;
		return;
	}
	if (!verdict->err) {
		done_right++;
		uploads += op->cmd == KERNMLOPS_CMD_MODEL_LOAD;
		if (!privileged && !verdict->broken &&
		    op->cmd != KERNMLOPS_CMD_INFO_GET && !wrongly_allowed++)
			note("%s without privilege is allowed", op->name);
		return;
	}
	refused++;
	/* A session that has not read its dump is told so by the core. */
	if (!verdict->sentence && !verdict->broken && !no_family &&
	    verdict->err != -ENOMEM && verdict->err != -ENOBUFS &&
	    !(verdict->err == -EBUSY && op->dump) && no_sentence++ < 5)
		note("message %llu: %s is refused with error %d and no sentence",
		     (unsigned long long)sent, op->name, verdict->err);
}

/* One message of a session or several; @privileged: the process is so. */
static void fuzz_once(struct session *session, bool privileged)
{
	int number = one_in(16) ? 2 + below(BATCH - 1) : 1, i;
	bool dump = false, patient = below(4), glance = one_in(2);

	message = packet;
	length = 0;
	nr_verdicts = 0;
	do {
		message += NLMSG_ALIGN(length);
		add_message(session);
		dump |= verdicts[nr_verdicts - 1].op->dump;
		/* After one of a wrong length nothing is found. */
	} while (!verdicts[nr_verdicts - 1].broken && nr_verdicts < number &&
		 message < packet + sizeof(packet) / 4);
	if (dry)
		return;

	if (send(session->fd, packet, message + length - packet, 0) < 0) {
		unanswered += nr_verdicts;
		return;
	}
	session->dumping |= dump;
	/* Of a dump everything is read, or nothing, or its first message. */
	if (!dump || patient)
		receive(session, INT_MAX);
	else if (glance)
		receive(session, 1);
	for (i = 0; i < nr_verdicts; i++)
		judge(&verdicts[i], privileged && session->opened_privileged);
}

/* Long runs say how far they have come. */
static void tell_progress(void)
{
	static uint64_t told;

	if (dry || elsewhere || sent < told + 100000)
		return;
	told = sent;
	note("%llu messages sent, %llu done, %llu refused",
	     (unsigned long long)sent, (unsigned long long)done_right,
	     (unsigned long long)refused);
}

static void fuzz(uint64_t messages, bool privileged)
{
	uint64_t end = sent + messages;
	int i;

	for (i = 0; i < SESSIONS; i++) {
		open_session(&sessions[i]);
		sessions[i].opened_privileged = privileged;
	}
	while (sent < end) {
		struct session *session = &sessions[below(SESSIONS)];
		bool drop = privileged && one_in(16);

		if (drop)
			set_privilege(false);
		fuzz_once(session, privileged && !drop);
		if (one_in(64)) {
			/* With what it may have uploaded or left unread. */
			close_session(session);
			open_session(session);
			session->opened_privileged = privileged && !drop;
		}
		if (drop)
			set_privilege(true);
		tell_progress();
	}
	for (i = 0; i < SESSIONS; i++)
		close_session(&sessions[i]);
}

/* What a seed makes, without a kernel. */
static uint64_t digest_of(uint64_t seed)
{
	uint64_t made;

	dry = true;
	random_state = seed;
	memset(sessions, 0, sizeof(sessions));
	fuzz(1000, true);
	made = digest;
	memset(sessions, 0, sizeof(sessions));
	digest = 0;
	sent = 0;
	dry = false;
	return made;
}

/* Of no use to the child of another user. */
static void close_maps(void)
{
	int i;

	for (i = 0; i < MAPS; i++)
		close(maps[i]);
}

/*
 * The same in a user namespace of its own, where the process is root, in a
 * network namespace of its own, or in both. What was wrong is its exit code.
 */
static pid_t fuzz_elsewhere(int namespaces, uint64_t messages)
{
	pid_t child = fork();

	if (child)
		return child;
	elsewhere = true;
	random_state += namespaces;
	if (namespaces & CLONE_NEWUSER) {
		close_maps();
		if (setuid(65534))
			_exit(1);
	}
	if (unshare(namespaces))
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

static void make_steady(struct client *client)
{
	char value[STEADY_VALUE] = "";
	int map = map_of_type(BPF_MAP_TYPE_HASH, STEADY, STEADY_VALUE, 1), i;

	client_begin_register(client, STEADY, map, 2 * STEADY_ROWS);
	if (client_send(client))
		bail("register: %s", client->sentence);
	close(map);
	for (i = 0; i < STEADY_ROWS; i++) {
		client_begin(client, KERNMLOPS_CMD_ROW_PUSH, 0);
		nla_put_string(client->msg, KERNMLOPS_A_ROW_STORE, STEADY);
		nla_put_u32(client->msg, KERNMLOPS_A_ROW_KEY, i % 16);
		nla_put(client->msg, KERNMLOPS_A_ROW_VALUE, sizeof(value),
			value);
		if (client_send(client))
			bail("push: %s", client->sentence);
	}
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
	make_steady(&client);
	client_close(&client);
	for (i = 0; i < MAPS; i++) {
		int map = i < MAPS - 1 ?
			  map_of_type(kinds[i].type, "fuzz",
				      kinds[i].value_size, 16) :
			  map_without_btf(8);

		/* Messages hold the numbers: the same ones in every run. */
		maps[i] = fcntl(map, F_DUPFD_CLOEXEC, 100 + i);
		if (maps[i] != 100 + i)
			bail("make maps");
		close(map);
	}
	sample_tree_init(&tree);
	sample_tree_add(&builder, &tree);
	model_file = model_build(&builder, &model_size);
	cpus = sysconf(_SC_NPROCESSORS_CONF);
}

/* Names that a dump gives, to be removed. */
static struct {
	char names[64][32];
	int nr, attr;
} left;

static void take_name(struct client *client, void *unused)
{
	struct nlattr *name = client->attrs[left.attr];

	if (name && left.nr < (int)NUMBER_OF(left.names))
		nla_strlcpy(left.names[left.nr++], name,
			    sizeof(left.names[0]));
}

/* Noise may be a good name, too: all that there is, not only those of ours. */
static int remove_all(struct client *client, int list, int remove, int attr)
{
	int i, failed = 0;

	left.nr = 0;
	left.attr = attr;
	client->each = take_name;
	client_begin(client, list, NLM_F_DUMP);
	failed += client_send(client) != 0;
	client->each = NULL;
	for (i = 0; i < left.nr; i++) {
		int err = client_named(client, remove, attr, left.names[i]);

		/* A dump of models has each of its versions. */
		failed += err && err != -ENOENT;
	}
	return failed;
}

/* Removes what is left; what then is still there is wrong. */
static void clean_up(void)
{
	struct client client;

	if (client_open(&client))
		bail("the family is gone");
	ok_equal(client_named(&client, KERNMLOPS_CMD_STORE_UNREGISTER,
			      KERNMLOPS_A_STORE_NAME, STEADY), 0,
		 "a store of many rows is still there");
	ok_equal(remove_all(&client, KERNMLOPS_CMD_STORE_GET,
			    KERNMLOPS_CMD_STORE_UNREGISTER,
			    KERNMLOPS_A_STORE_NAME), 0,
		 "all stores can be removed");
	ok_equal(remove_all(&client, KERNMLOPS_CMD_MODEL_GET,
			    KERNMLOPS_CMD_MODEL_REMOVE,
			    KERNMLOPS_A_MODEL_NAME), 0,
		 "all models can be removed");
	client_begin(&client, KERNMLOPS_CMD_INFO_GET, 0);
	ok_equal(client_send(&client), 0, "the family still answers");
	ok_equal(client_uint(&client, KERNMLOPS_A_INFO_STORES), 0,
		 "no store is left");
	ok_equal(client_uint(&client, KERNMLOPS_A_INFO_MODELS), 0,
		 "no model is left");
	client_close(&client);
}

int main(int argc, char **argv)
{
	const char *effort = getenv("KMLOPS_TEST_EFFORT");
	const char *given = argc > 1 ? argv[1] : getenv("KMLOPS_FUZZ_MESSAGES");
	const char *chosen = argc > 2 ? argv[2] : getenv("KMLOPS_FUZZ_SEED");
	uint64_t messages = given && *given ? strtoull(given, NULL, 0) :
			    MESSAGES / 100 * (effort ? atoi(effort) : 100);
	uint64_t seed = chosen && *chosen ? strtoull(chosen, NULL, 0) : 1;
	pid_t same_net, own_net, own_both;
	struct timespec start, end;
	double seconds;

	note("%llu messages, seed %llu", (unsigned long long)messages,
	     (unsigned long long)seed);
	prepare();
	ok(digest_of(seed) == digest_of(seed) &&
	   digest_of(seed) != digest_of(seed + 1),
	   "a seed makes the same messages again, and another makes others");

	random_state = seed;
	same_net = fuzz_elsewhere(CLONE_NEWUSER, messages / 10);
	own_net = fuzz_elsewhere(CLONE_NEWNET, messages / 20);
	own_both = fuzz_elsewhere(CLONE_NEWUSER | CLONE_NEWNET, messages / 20);
	clock_gettime(CLOCK_MONOTONIC, &start);
	fuzz(messages, true);
	clock_gettime(CLOCK_MONOTONIC, &end);
	join(same_net, "root of another user namespace");
	join(own_net, "another network namespace");
	join(own_both, "root of another user and network namespace");

	seconds = end.tv_sec - start.tv_sec + (end.tv_nsec - start.tv_nsec) / 1e9;
	note("%llu done, %llu refused, %llu not answered, %.0f a second, digest %016llx",
	     (unsigned long long)done_right, (unsigned long long)refused,
	     (unsigned long long)unanswered, sent / seconds,
	     (unsigned long long)digest);
	note("%llu dumps cut off, %llu models or parts taken",
	     (unsigned long long)cut_dumps, (unsigned long long)uploads);
	ok(done_right > messages / 20 && refused > messages / 20,
	   "messages of both kinds were sent");
	ok(cut_dumps > messages / 10000 && uploads > messages / 1000,
	   "dumps were cut off, and models were sent");
	ok_equal(wrongly_allowed, 0, "without privilege nothing is allowed");
	ok_equal(no_sentence, 0, "every refusal says why");
	ok_equal(addresses, 0, "no answer holds an address of the kernel");
	clean_up();
	return done();
}
