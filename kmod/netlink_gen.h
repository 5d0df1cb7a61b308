/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/kernmlops.yaml */
/* YNL-GEN kernel header */

#ifndef _LINUX_KERNMLOPS_GEN_H
#define _LINUX_KERNMLOPS_GEN_H

#include <net/netlink.h>
#include <net/genetlink.h>

#include <uapi/linux/kernmlops.h>

/* Common nested types */
extern const struct nla_policy kernmlops_field_nl_policy[KERNMLOPS_A_FIELD_UNIT + 1];

int kernmlops_nl_pre_doit(const struct genl_split_ops *ops,
			  struct sk_buff *skb, struct genl_info *info);
int kernmlops_nl_dump_start(struct netlink_callback *cb);
int kernmlops_nl_row_dump_start(struct netlink_callback *cb);
int kernmlops_nl_row_dump_done(struct netlink_callback *cb);

int kernmlops_nl_info_get_doit(struct sk_buff *skb, struct genl_info *info);
int kernmlops_nl_store_register_doit(struct sk_buff *skb,
				     struct genl_info *info);
int kernmlops_nl_store_unregister_doit(struct sk_buff *skb,
				       struct genl_info *info);
int kernmlops_nl_store_get_doit(struct sk_buff *skb, struct genl_info *info);
int kernmlops_nl_store_get_dumpit(struct sk_buff *skb,
				  struct netlink_callback *cb);
int kernmlops_nl_row_get_doit(struct sk_buff *skb, struct genl_info *info);
int kernmlops_nl_row_get_dumpit(struct sk_buff *skb,
				struct netlink_callback *cb);
int kernmlops_nl_model_load_doit(struct sk_buff *skb, struct genl_info *info);
int kernmlops_nl_model_get_doit(struct sk_buff *skb, struct genl_info *info);
int kernmlops_nl_model_get_dumpit(struct sk_buff *skb,
				  struct netlink_callback *cb);
int kernmlops_nl_model_remove_doit(struct sk_buff *skb, struct genl_info *info);
int kernmlops_nl_model_infer_doit(struct sk_buff *skb, struct genl_info *info);
int kernmlops_nl_store_truncate_doit(struct sk_buff *skb,
				     struct genl_info *info);
int kernmlops_nl_row_push_doit(struct sk_buff *skb, struct genl_info *info);
int kernmlops_nl_row_consume_doit(struct sk_buff *skb, struct genl_info *info);
int kernmlops_nl_model_activate_doit(struct sk_buff *skb,
				     struct genl_info *info);
int kernmlops_nl_model_rollback_doit(struct sk_buff *skb,
				     struct genl_info *info);

extern struct genl_family kernmlops_nl_family;

#endif /* _LINUX_KERNMLOPS_GEN_H */
