/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Client of the generic netlink family "kernmlops".
 *
 * Requests give 0 or a negative errno and keep what the kernel said about it;
 * nlc_report() turns that into an error message and an exit code.
 */
#ifndef KMLOPSCTL_NETLINK_H
#define KMLOPSCTL_NETLINK_H

#include <stdbool.h>
#include <stdint.h>
#include <netlink/netlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/genl/genl.h>

/* What a request gives if the module is not loaded. */
#define NLC_NO_MODULE	(-ENOPKG)

/* Gets each reply of a request; a negative errno ends the request with it. */
typedef int (*nlc_reply)(struct nlmsghdr *nlh, void *arg);

/* A new message for @cmd; attributes go in with nla_put_*() of libnl. */
struct nl_msg *nlc_new(uint8_t cmd);

/* Send @msg, free it, and wait for the acknowledgment. @reply may be NULL. */
int nlc_request(struct nl_msg *msg, nlc_reply reply, void *arg);

/*
 * The same for a dump; -EINTR if what was dumped changed meanwhile, after all
 * replies were given.
 */
int nlc_dump(struct nl_msg *msg, nlc_reply reply, void *arg);
/*
 * Dump a whole list of @cmd into @list; anew, after @forget emptied it, if it
 * changed meanwhile.
 */
int nlc_dump_list(uint8_t cmd, nlc_reply reply, void (*forget)(void *list),
		  void *list);

/* What the kernel said about the last request that failed, or NULL. */
const char *nlc_sentence(void);

/* Report what the last request failed with; gives the exit code. */
int nlc_report(int err);

/* What the module says about itself. */
struct nlc_info {
	char version[32];
	uint32_t stores;
	uint32_t models;
	uint32_t stores_max;
	uint32_t models_max;
	uint64_t store_bytes_max;
	uint64_t model_bytes_max;
	uint64_t now;
};

int nlc_info(struct nlc_info *info);

/* Let the socket go; the next request opens another. For the child of a fork. */
void nlc_close(void);

/* Whether the module is there; reports nothing. */
bool nlc_loaded(void);

/* CLOCK_MONOTONIC as the kernel sees it, whatever time namespace we are in. */
int nlc_now(uint64_t *now);

/* Attributes of a reply, by type, up to @max. */
int nlc_parse(struct nlmsghdr *nlh, struct nlattr **attrs, int max);
/* All attributes of a reply in order, for those that come more than once. */
#define nlc_for_each_attr(pos, nlh, rem)				\
	nla_for_each_attr(pos, genlmsg_attrdata(nlmsg_data(nlh), 0),	\
			  genlmsg_attrlen(nlmsg_data(nlh), 0), rem)

/* An attribute of type uint (4 or 8 bytes), u32 or u64; 0 if it is NULL. */
uint64_t nlc_uint(const struct nlattr *attr);
/* A string attribute cut to @size; empty if it is NULL. */
void nlc_string(const struct nlattr *attr, char *to, size_t size);

/* Put an attribute in; there is always room, or the program ends. */
void nlc_put(struct nl_msg *msg, int type, const void *data, size_t size);
void nlc_put_string(struct nl_msg *msg, int type, const char *s);
void nlc_put_u32(struct nl_msg *msg, int type, uint32_t v);
void nlc_put_uint(struct nl_msg *msg, int type, uint64_t v);

#endif /* KMLOPSCTL_NETLINK_H */
