// SPDX-License-Identifier: GPL-2.0-only
/* Client of the generic netlink family "kernmlops". */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netlink/genl/ctrl.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <linux/genetlink.h>
#include <linux/kernmlops.h>
#include <linux/netlink.h>

#include "kmlopsctl.h"
#include "netlink.h"

/*
 * The kernel fills dump messages of up to 32 KiB, as long as it has seen a
 * receive buffer of that size; a reply with outputs of a model may take 64 KiB.
 */
#define RECEIVE_BUFFER	(128 * 1024)
/*
 * Such a reply and the acknowledgment after it have to fit the socket, where
 * they are charged with all that the kernel allocates for them.
 */
#define SOCKET_BUFFER	(208 * 1024)
/* A request carries at most one attribute of 64 KiB and a few small ones. */
#define REQUEST_SIZE	(128 * 1024)

/* How often to dump a list anew that changed meanwhile. */
#define LIST_TRIES	10

static struct {
	struct nl_sock *sock;
	int family;
	char *sentence;
} client;

/* One request under way. */
struct exchange {
	nlc_reply reply;
	void *arg;
	const struct nlmsghdr *request;
	int err;
	bool done;
	bool abandoned;		/* by the callback, with replies still to come */
	bool interrupted;
};

/* Names of the attributes that a request can carry, by command. */
static const char *const store_attrs[] = {
	[KERNMLOPS_A_STORE_NAME] = "name",
	[KERNMLOPS_A_STORE_MODE] = "mode",
	[KERNMLOPS_A_STORE_ROWS] = "rows",
	[KERNMLOPS_A_STORE_MAP_FD] = "map-fd",
	[KERNMLOPS_A_STORE_KEY_FIELD] = "key-field",
	[KERNMLOPS_A_STORE_VALUE_FIELD] = "value-field",
	[KERNMLOPS_A_STORE_LOSSLESS] = "lossless",
	[KERNMLOPS_A_STORE_BEFORE] = "before",
};

static const char *const row_attrs[] = {
	[KERNMLOPS_A_ROW_STORE] = "store",
	[KERNMLOPS_A_ROW_KEY] = "key",
	[KERNMLOPS_A_ROW_FROM] = "from",
	[KERNMLOPS_A_ROW_TO] = "to",
	[KERNMLOPS_A_ROW_VALUE] = "value",
	[KERNMLOPS_A_ROW_ASOF] = "asof",
	[KERNMLOPS_A_ROW_NEAREST] = "nearest",
	[KERNMLOPS_A_ROW_LAST] = "last",
	[KERNMLOPS_A_ROW_CURSOR] = "cursor",
};

static const char *const model_attrs[] = {
	[KERNMLOPS_A_MODEL_NAME] = "name",
	[KERNMLOPS_A_MODEL_SIZE] = "size",
	[KERNMLOPS_A_MODEL_OFFSET] = "offset",
	[KERNMLOPS_A_MODEL_DATA] = "data",
	[KERNMLOPS_A_MODEL_INPUT] = "input",
};

#define ATTR_NAME(names, type) \
	((type) < sizeof(names) / sizeof((names)[0]) ? (names)[type] : NULL)

static const char *attr_name(uint8_t cmd, unsigned int type)
{
	switch (cmd) {
	case KERNMLOPS_CMD_STORE_REGISTER:
	case KERNMLOPS_CMD_STORE_UNREGISTER:
	case KERNMLOPS_CMD_STORE_GET:
	case KERNMLOPS_CMD_STORE_TRUNCATE:
		return ATTR_NAME(store_attrs, type);
	case KERNMLOPS_CMD_ROW_GET:
	case KERNMLOPS_CMD_ROW_PUSH:
	case KERNMLOPS_CMD_ROW_CONSUME:
		return ATTR_NAME(row_attrs, type);
	case KERNMLOPS_CMD_MODEL_LOAD:
	case KERNMLOPS_CMD_MODEL_GET:
	case KERNMLOPS_CMD_MODEL_REMOVE:
	case KERNMLOPS_CMD_MODEL_INFER:
		return ATTR_NAME(model_attrs, type);
	}
	return NULL;
}

/* The top-level attribute of the request that holds the byte at @offset. */
static const char *attr_name_at(const struct nlmsghdr *request, uint32_t offset)
{
	struct nlmsghdr *nlh = (struct nlmsghdr *)request;
	struct genlmsghdr *genl = nlmsg_data(nlh);
	struct nlattr *attr;
	int rem;

	nla_for_each_attr(attr, genlmsg_attrdata(genl, 0),
			  genlmsg_attrlen(genl, 0), rem) {
		uint32_t start = (char *)attr - (char *)nlh;

		if (offset >= start && offset < start + attr->nla_len)
			return attr_name(genl->cmd, nla_type(attr));
	}
	return NULL;
}

static void set_sentence(char *sentence)
{
	free(client.sentence);
	client.sentence = sentence;
}

/*
 * Make a sentence of the attributes of an extended ack. Our family's own
 * sentences say all; those of the core netlink code need to be told which
 * attribute they are about, and some come with an attribute only.
 */
static void take_extack(struct exchange *x, struct nlattr *attrs, int len)
{
	const struct genlmsghdr *genl = nlmsg_data(x->request);
	struct nlattr *tb[NLMSGERR_ATTR_MAX + 1];
	const char *text = NULL, *name = NULL;

	if (nla_parse(tb, NLMSGERR_ATTR_MAX, attrs, len, NULL) < 0)
		return;

	if (tb[NLMSGERR_ATTR_MSG] && nla_len(tb[NLMSGERR_ATTR_MSG]) > 0)
		text = nla_get_string(tb[NLMSGERR_ATTR_MSG]);
	if (tb[NLMSGERR_ATTR_MISS_TYPE]) {
		unsigned int type = nla_get_u32(tb[NLMSGERR_ATTR_MISS_TYPE]);

		name = attr_name(genl->cmd, type);
		set_sentence(name ? xprintf("attribute %s is missing", name) :
			     xprintf("attribute number %u is missing", type));
		return;
	}
	if (tb[NLMSGERR_ATTR_OFFS])
		name = attr_name_at(x->request,
				    nla_get_u32(tb[NLMSGERR_ATTR_OFFS]));

	if (text && name && tb[NLMSGERR_ATTR_POLICY])
		set_sentence(xprintf("%s: %s", name, text));
	else if (text)
		set_sentence(xstrdup(text));
	else if (name)
		set_sentence(xprintf("the kernel does not accept this %s: %s",
				     name, strerror(-x->err)));
}

/* Both an error and the end of a dump carry an errno and an extended ack. */
static int on_error(struct sockaddr_nl *from, struct nlmsgerr *err, void *arg)
{
	struct nlmsghdr *nlh = (void *)((char *)err - NLMSG_HDRLEN);
	int skip = sizeof(*err);
	struct exchange *x = arg;

	x->err = err->error;
	x->done = true;
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED))
		skip += err->msg.nlmsg_len - NLMSG_HDRLEN;
	if (nlh->nlmsg_flags & NLM_F_ACK_TLVS) {
		skip = NLMSG_ALIGN(skip);
		if (skip <= nlmsg_datalen(nlh))
			take_extack(x, (void *)((char *)err + skip),
				    nlmsg_datalen(nlh) - skip);
	}
	return NL_STOP;
}

static int on_ack(struct nl_msg *msg, void *arg)
{
	struct exchange *x = arg;

	x->done = true;
	return NL_STOP;
}

static int on_finish(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *nlh = nlmsg_hdr(msg);
	struct exchange *x = arg;

	x->done = true;
	if (nlmsg_datalen(nlh) >= sizeof(int)) {
		int err;

		memcpy(&err, nlmsg_data(nlh), sizeof(err));
		if (err < 0 && !x->err)
			x->err = err;
		if (err < 0 && nlh->nlmsg_flags & NLM_F_ACK_TLVS)
			take_extack(x, nlmsg_attrdata(nlh, sizeof(int)),
				    nlmsg_attrlen(nlh, sizeof(int)));
	}
	return NL_STOP;
}

static int on_valid(struct nl_msg *msg, void *arg)
{
	struct exchange *x = arg;

	if (!x->reply)
		return NL_OK;
	x->err = x->reply(nlmsg_hdr(msg), x->arg);
	if (!x->err)
		return NL_OK;
	x->abandoned = true;
	x->done = true;
	return NL_STOP;
}

static int on_interrupted(struct nl_msg *msg, void *arg)
{
	struct exchange *x = arg;

	x->interrupted = true;
	return NL_OK;
}

void nlc_close(void)
{
	nl_socket_free(client.sock);
	client.sock = NULL;
}

static int client_open(void)
{
	int err, on = 1;

	if (client.sock)
		return client.family > 0 ? 0 : NLC_NO_MODULE;

	client.sock = nl_socket_alloc();
	if (!client.sock)
		return -ENOMEM;
	err = genl_connect(client.sock);
	if (err < 0) {
		set_sentence(xprintf("cannot open a netlink socket: %s",
				     nl_geterror(err)));
		nlc_close();
		return -EIO;
	}
	nl_socket_set_buffer_size(client.sock, SOCKET_BUFFER, SOCKET_BUFFER);
	nl_socket_disable_msg_peek(client.sock);
	nl_socket_set_msg_buf_size(client.sock, RECEIVE_BUFFER);
	setsockopt(nl_socket_get_fd(client.sock), SOL_NETLINK, NETLINK_EXT_ACK,
		   &on, sizeof(on));
	setsockopt(nl_socket_get_fd(client.sock), SOL_NETLINK, NETLINK_CAP_ACK,
		   &on, sizeof(on));

	/* This asks the kernel, which loads the module if it is installed. */
	client.family = genl_ctrl_resolve(client.sock, KERNMLOPS_FAMILY_NAME);
	return client.family > 0 ? 0 : NLC_NO_MODULE;
}

struct nl_msg *nlc_new(uint8_t cmd)
{
	struct nl_msg *msg = nlmsg_alloc_size(REQUEST_SIZE);

	if (!msg || !genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, 0, 0, 0, cmd,
				 KERNMLOPS_FAMILY_VERSION)) {
		fail(REFUSED, ENOMEM, "out of memory");
		exit(REFUSED);
	}
	return msg;
}

static int exchange(struct nl_msg *msg, int flags, nlc_reply reply, void *arg)
{
	struct exchange x = { .reply = reply, .arg = arg };
	struct nl_cb *cb = NULL;
	int err;

	set_sentence(NULL);
	err = client_open();
	if (err)
		goto out;

	cb = nl_cb_alloc(NL_CB_DEFAULT);
	if (!cb) {
		err = -ENOMEM;
		goto out;
	}
	nl_cb_err(cb, NL_CB_CUSTOM, on_error, &x);
	nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_ack, &x);
	nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, on_finish, &x);
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_valid, &x);
	nl_cb_set(cb, NL_CB_DUMP_INTR, NL_CB_CUSTOM, on_interrupted, &x);

	nlmsg_hdr(msg)->nlmsg_type = client.family;
	nlmsg_hdr(msg)->nlmsg_flags |= NLM_F_REQUEST | flags;
	x.request = nlmsg_hdr(msg);
	err = nl_send_auto(client.sock, msg);
	while (err >= 0 && !x.done) {
		err = nl_recvmsgs(client.sock, cb);
		/* libnl's word for what on_interrupted() has noted already. */
		if (err == -NLE_DUMP_INTR)
			err = 0;
	}
	if (x.abandoned)
		nlc_close();
	if (x.err) {
		err = x.err;
	} else if (err < 0) {
		set_sentence(xprintf("netlink: %s", nl_geterror(err)));
		err = -EIO;
	} else {
		err = x.interrupted ? -EINTR : 0;
	}
out:
	nl_cb_put(cb);
	nlmsg_free(msg);
	return err;
}

int nlc_request(struct nl_msg *msg, nlc_reply reply, void *arg)
{
	return exchange(msg, NLM_F_ACK, reply, arg);
}

int nlc_dump(struct nl_msg *msg, nlc_reply reply, void *arg)
{
	return exchange(msg, NLM_F_DUMP, reply, arg);
}

int nlc_dump_list(uint8_t cmd, nlc_reply reply, void (*forget)(void *list),
		  void *list)
{
	int err, tries = 0;

	do {
		forget(list);
		err = nlc_dump(nlc_new(cmd), reply, list);
	} while (err == -EINTR && ++tries < LIST_TRIES);
	return err;
}

const char *nlc_sentence(void)
{
	return client.sentence;
}

int nlc_report(int err)
{
	if (err == NLC_NO_MODULE)
		return fail(NO_MODULE, ENOPKG,
			    "kernmlops.ko is not loaded; as root, load it with: modprobe kernmlops (or insmod kernmlops.ko)");
	if (client.sentence)
		return fail(REFUSED, -err, "%s", client.sentence);
	if (err == -EPERM)
		return fail(REFUSED, EPERM,
			    "this needs root (CAP_NET_ADMIN in the initial user namespace)");
	if (err == -EINTR)
		return fail(REFUSED, EINTR,
			    "the list changed while it was read; try again");
	return fail(REFUSED, -err, "the kernel refused: %s", strerror(-err));
}

bool nlc_loaded(void)
{
	return !client_open();
}

static int on_info(struct nlmsghdr *nlh, void *arg)
{
	struct nlattr *tb[KERNMLOPS_A_INFO_MAX + 1];
	struct nlc_info *info = arg;
	int err;

	err = nlc_parse(nlh, tb, KERNMLOPS_A_INFO_MAX);
	if (err)
		return err;
	nlc_string(tb[KERNMLOPS_A_INFO_VERSION], info->version,
		   sizeof(info->version));
	info->stores = nlc_uint(tb[KERNMLOPS_A_INFO_STORES]);
	info->models = nlc_uint(tb[KERNMLOPS_A_INFO_MODELS]);
	info->stores_max = nlc_uint(tb[KERNMLOPS_A_INFO_STORES_MAX]);
	info->models_max = nlc_uint(tb[KERNMLOPS_A_INFO_MODELS_MAX]);
	info->store_bytes_max = nlc_uint(tb[KERNMLOPS_A_INFO_STORE_BYTES_MAX]);
	info->model_bytes_max = nlc_uint(tb[KERNMLOPS_A_INFO_MODEL_BYTES_MAX]);
	info->now = nlc_uint(tb[KERNMLOPS_A_INFO_NOW]);
	return 0;
}

int nlc_info(struct nlc_info *info)
{
	*info = (struct nlc_info){ 0 };
	return nlc_request(nlc_new(KERNMLOPS_CMD_INFO_GET), on_info, info);
}

int nlc_now(uint64_t *now)
{
	struct nlc_info info;
	int err = nlc_info(&info);

	*now = info.now;
	return err;
}

int nlc_parse(struct nlmsghdr *nlh, struct nlattr **attrs, int max)
{
	return genlmsg_parse(nlh, 0, attrs, max, NULL) < 0 ? -EBADMSG : 0;
}

uint64_t nlc_uint(const struct nlattr *attr)
{
	if (!attr)
		return 0;
	if (nla_len(attr) >= 8)
		return nla_get_u64(attr);
	if (nla_len(attr) >= 4)
		return nla_get_u32(attr);
	return 0;
}

void nlc_string(const struct nlattr *attr, char *to, size_t size)
{
	*to = 0;
	if (attr)
		nla_strlcpy(to, attr, size);
}

void nlc_put(struct nl_msg *msg, int type, const void *data, size_t size)
{
	/* A nest or a message that is full is a mistake of this program. */
	if (size > UINT16_MAX - NLA_HDRLEN || nla_put(msg, type, size, data)) {
		fail(REFUSED, EMSGSIZE, "a netlink attribute is too long");
		exit(REFUSED);
	}
}

void nlc_put_string(struct nl_msg *msg, int type, const char *s)
{
	nlc_put(msg, type, s, strlen(s) + 1);
}

void nlc_put_u32(struct nl_msg *msg, int type, uint32_t v)
{
	nlc_put(msg, type, &v, sizeof(v));
}

void nlc_put_uint(struct nl_msg *msg, int type, uint64_t v)
{
	nlc_put(msg, type, &v, sizeof(v));
}
