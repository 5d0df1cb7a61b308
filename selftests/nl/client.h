/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A plain client of the netlink family for tests: sends what a test puts
 * together, good or bad, and keeps the answer.
 */
#ifndef SELFTESTS_NL_CLIENT_H
#define SELFTESTS_NL_CLIENT_H

#include <stddef.h>
#include <stdint.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/socket.h>

#define ATTR_MAX 32

struct client {
	struct nl_sock *sock;
	int family;
	struct nl_msg *msg;		/* the request being put together */

	int err;			/* 0 or a negative errno */
	char sentence[256];		/* of the extended ack; empty if none */
	int replies;
	struct nlmsghdr *reply;		/* the last one */
	struct nlattr *attrs[ATTR_MAX];	/* its attributes */
	/* Called for each reply while it is the last one. */
	void (*each)(struct client *client, void *arg);
	void *arg;
};

/* 0 or a negative errno: -ENOENT if there is no such family here. */
int client_open(struct client *client);
void client_close(struct client *client);

/* A request; attributes are added to client->msg with nla_put_*(). */
void client_begin(struct client *client, int cmd, int flags);
/* Sends it and waits for the end of the answer; returns client->err. */
int client_send(struct client *client);

/* A number of any width in the last reply, or 0 if it is not there. */
uint64_t client_uint(const struct client *client, int attr);

/* A new hash map (u32 key, value of @value_size) with BTF, as a descriptor. */
int map_with_btf(const char *name, uint32_t value_size);
/* Such a map of another type and number of entries. */
int map_of_type(uint32_t type, const char *name, uint32_t value_size,
		uint32_t entries);
/* A hash map without BTF. */
int map_without_btf(uint32_t value_size);

/* Begins store-register with a map and the fields "key" and "value" (u32). */
void client_begin_register(struct client *client, const char *name, int map,
			   uint64_t rows);
/* Adds a field. */
void client_put_field(struct client *client, int attr, const char *name,
		      uint32_t type, uint32_t offset);
/* A request that takes just a name. */
int client_named(struct client *client, int cmd, int attr, const char *name);

#endif /* SELFTESTS_NL_CLIENT_H */
