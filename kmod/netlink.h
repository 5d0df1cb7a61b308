/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Netlink: what the handlers of stores, rows and models share.
 */
#ifndef KMLOPS_NETLINK_H
#define KMLOPS_NETLINK_H

#include <net/genetlink.h>
#include "refusal.h"

struct kmlops_store;

/* Room for one message of a dump; what netlink gives at most. */
#define KMLOPS_NL_DUMP_SIZE	SKB_WITH_OVERHEAD(32768)

/* Hands the sentence to the caller of netlink and yields @err. */
static inline int kmlops_nl_refuse(struct netlink_ext_ack *extack, int err,
				   const struct kmlops_refusal *refusal)
{
	NL_SET_ERR_MSG_FMT(extack, "%s", refusal->text);
	return err;
}

int kmlops_nl_may(const struct sk_buff *skb, struct netlink_ext_ack *extack);
const char *kmlops_nl_name(struct genl_info *info, u32 attr);
struct kmlops_store *kmlops_nl_get_store(struct genl_info *info, u32 attr,
					 int *err);

int kmlops_netlink_init(void);
void kmlops_netlink_exit(void);

#endif /* KMLOPS_NETLINK_H */
