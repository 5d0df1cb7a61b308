// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <linux/genetlink.h>
#include <linux/kernmlops.h>
#include <linux/netlink.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include "client.h"

int client_open(struct client *client)
{
	int on = 1;

	memset(client, 0, sizeof(*client));
	client->sock = nl_socket_alloc();
	nl_socket_disable_seq_check(client->sock);
	if (genl_connect(client->sock))
		return -ECONNREFUSED;
	nl_socket_set_msg_buf_size(client->sock, 128 * 1024);
	nl_socket_set_buffer_size(client->sock, 1 << 20, 1 << 20);
	setsockopt(nl_socket_get_fd(client->sock), SOL_NETLINK,
		   NETLINK_EXT_ACK, &on, sizeof(on));
	setsockopt(nl_socket_get_fd(client->sock), SOL_NETLINK,
		   NETLINK_CAP_ACK, &on, sizeof(on));
	client->family = genl_ctrl_resolve(client->sock,
					   KERNMLOPS_FAMILY_NAME);
	return client->family < 0 ? -ENOENT : 0;
}

void client_close(struct client *client)
{
	free(client->reply);
	nl_socket_free(client->sock);
	memset(client, 0, sizeof(*client));
}

void client_begin(struct client *client, int cmd, int flags)
{
	client->msg = nlmsg_alloc_size(128 * 1024);
	genlmsg_put(client->msg, NL_AUTO_PORT, NL_AUTO_SEQ, client->family, 0,
		    flags | NLM_F_REQUEST | NLM_F_ACK, cmd,
		    KERNMLOPS_FAMILY_VERSION);
}

/* The sentence in the extended ack after @skip bytes of an ack's payload. */
static void take_sentence(struct client *client, struct nlmsghdr *nlh,
			  int skip)
{
	struct nlattr *tb[NLMSGERR_ATTR_MAX + 1];

	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS) || nlmsg_datalen(nlh) <= skip)
		return;
	nla_parse(tb, NLMSGERR_ATTR_MAX,
		  (struct nlattr *)((char *)nlmsg_data(nlh) + skip),
		  nlmsg_datalen(nlh) - skip, NULL);
	if (tb[NLMSGERR_ATTR_MSG])
		nla_strlcpy(client->sentence, tb[NLMSGERR_ATTR_MSG],
			    sizeof(client->sentence));
}

static void take_reply(struct client *client, struct nlmsghdr *nlh)
{
	struct genlmsghdr *genl;

	free(client->reply);
	client->reply = malloc(nlh->nlmsg_len);
	memcpy(client->reply, nlh, nlh->nlmsg_len);
	genl = nlmsg_data(client->reply);
	nla_parse(client->attrs, ATTR_MAX - 1, genlmsg_attrdata(genl, 0),
		  genlmsg_attrlen(genl, 0), NULL);
	client->replies++;
	if (client->each)
		client->each(client, client->arg);
}

int client_send(struct client *client)
{
	struct sockaddr_nl from;
	unsigned char *buffer;
	int size, left, ended = 0;

	client->err = 0;
	client->replies = 0;
	client->sentence[0] = 0;
	memset(client->attrs, 0, sizeof(client->attrs));
	size = nl_send_auto(client->sock, client->msg);
	nlmsg_free(client->msg);
	if (size < 0)
		return client->err = -EIO;

	while (!ended) {
		struct nlmsghdr *nlh;

		size = nl_recv(client->sock, &from, &buffer, NULL);
		if (size <= 0)
			return client->err = -EIO;
		left = size;
		for (nlh = (void *)buffer; nlmsg_ok(nlh, left);
		     nlh = nlmsg_next(nlh, &left)) {
			if (nlh->nlmsg_type == NLMSG_ERROR) {
				struct nlmsgerr *ack = nlmsg_data(nlh);
				int skip = sizeof(*ack);

				client->err = ack->error;
				if (!(nlh->nlmsg_flags & NLM_F_CAPPED))
					skip += NLMSG_ALIGN(ack->msg.nlmsg_len) -
						sizeof(ack->msg);
				take_sentence(client, nlh, skip);
				ended = 1;
			} else if (nlh->nlmsg_type == NLMSG_DONE) {
				client->err = *(int *)nlmsg_data(nlh);
				take_sentence(client, nlh, sizeof(int));
				ended = 1;
			} else {
				take_reply(client, nlh);
			}
		}
		free(buffer);
	}
	return client->err;
}

uint64_t client_uint(const struct client *client, int attr)
{
	const struct nlattr *found = client->attrs[attr];

	if (!found)
		return 0;
	return nla_len(found) == 8 ? nla_get_u64(found) : nla_get_u32(found);
}

int map_of_type(uint32_t type, const char *name, uint32_t value_size,
		uint32_t entries)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts);
	struct btf *btf = btf__new_empty();
	int map, u32_type, array;

	u32_type = btf__add_int(btf, "u32", 4, 0);
	array = btf__add_array(btf, u32_type, u32_type, value_size / 4);
	if (btf__load_into_kernel(btf))
		return -errno;
	opts.btf_fd = btf__fd(btf);
	opts.btf_key_type_id = u32_type;
	opts.btf_value_type_id = value_size == 4 ? u32_type : array;
	map = bpf_map_create(type, name, 4, value_size, entries, &opts);
	btf__free(btf);
	return map;
}

int map_with_btf(const char *name, uint32_t value_size)
{
	return map_of_type(BPF_MAP_TYPE_HASH, name, value_size, 1);
}

int map_without_btf(uint32_t value_size)
{
	return bpf_map_create(BPF_MAP_TYPE_HASH, "plain", 4, value_size, 1,
			      NULL);
}

void client_put_field(struct client *client, int attr, const char *name,
		      uint32_t type, uint32_t offset)
{
	struct nlattr *nest = nla_nest_start(client->msg, attr);

	nla_put_string(client->msg, KERNMLOPS_A_FIELD_NAME, name);
	nla_put_u32(client->msg, KERNMLOPS_A_FIELD_TYPE, type);
	nla_put_u32(client->msg, KERNMLOPS_A_FIELD_OFFSET, offset);
	nla_nest_end(client->msg, nest);
}

void client_begin_register(struct client *client, const char *name, int map,
			   uint64_t rows)
{
	client_begin(client, KERNMLOPS_CMD_STORE_REGISTER, 0);
	nla_put_string(client->msg, KERNMLOPS_A_STORE_NAME, name);
	nla_put_s32(client->msg, KERNMLOPS_A_STORE_MAP_FD, map);
	nla_put_u64(client->msg, KERNMLOPS_A_STORE_ROWS, rows);
	client_put_field(client, KERNMLOPS_A_STORE_KEY_FIELD, "key",
			 KERNMLOPS_FIELD_TYPE_U32, 0);
	client_put_field(client, KERNMLOPS_A_STORE_VALUE_FIELD, "value",
			 KERNMLOPS_FIELD_TYPE_U32, 0);
}

int client_named(struct client *client, int cmd, int attr, const char *name)
{
	client_begin(client, cmd, 0);
	nla_put_string(client->msg, attr, name);
	return client_send(client);
}
