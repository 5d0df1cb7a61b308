// SPDX-License-Identifier: GPL-2.0-only
/*
 * Netlink family: registration, privilege, and what the module is.
 */
#include "clock.h"
#include "model.h"
#include "netlink.h"
#include "netlink_gen.h"
#include "store.h"

/* -EPERM with a sentence unless the sender manages the machine's network. */
int kmlops_nl_may(const struct sk_buff *skb, struct netlink_ext_ack *extack)
{
	if (netlink_capable(skb, CAP_NET_ADMIN))
		return 0;
	NL_SET_ERR_MSG(extack,
		       "this needs CAP_NET_ADMIN in the initial user namespace");
	return -EPERM;
}

int kernmlops_nl_pre_doit(const struct genl_split_ops *ops,
			  struct sk_buff *skb, struct genl_info *info)
{
	return kmlops_nl_may(skb, info->extack);
}

/* Common start of all dumps: privilege, and messages as large as they get. */
int kernmlops_nl_dump_start(struct netlink_callback *cb)
{
	cb->min_dump_alloc = KMLOPS_NL_DUMP_SIZE;
	return kmlops_nl_may(cb->skb, cb->extack);
}

/* The string of attribute @attr, or NULL with a sentence if it is missing. */
const char *kmlops_nl_name(struct genl_info *info, u32 attr)
{
	if (!info->attrs[attr]) {
		NL_SET_ERR_MSG(info->extack, "the request names no object");
		return NULL;
	}
	return nla_data(info->attrs[attr]);
}

int kernmlops_nl_info_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct sk_buff *reply;
	void *head;

	reply = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	if (!reply)
		return -ENOMEM;
	head = genlmsg_iput(reply, info);
	if (!head ||
	    nla_put_string(reply, KERNMLOPS_A_INFO_VERSION,
			   THIS_MODULE->version) ||
	    nla_put_u32(reply, KERNMLOPS_A_INFO_STORES,
			kmlops_stores_count()) ||
	    nla_put_u32(reply, KERNMLOPS_A_INFO_MODELS,
			kmlops_models_count()) ||
	    nla_put_u32(reply, KERNMLOPS_A_INFO_STORES_MAX,
			kmlops_max_stores) ||
	    nla_put_u32(reply, KERNMLOPS_A_INFO_MODELS_MAX,
			kmlops_max_models) ||
	    nla_put_uint(reply, KERNMLOPS_A_INFO_STORE_BYTES_MAX,
			 kmlops_max_store_bytes) ||
	    nla_put_uint(reply, KERNMLOPS_A_INFO_MODEL_BYTES_MAX,
			 kmlops_max_model_bytes) ||
	    nla_put_uint(reply, KERNMLOPS_A_INFO_NOW, kmlops_clock_ns()) ||
	    nla_put_u32(reply, KERNMLOPS_A_INFO_MODEL_VERSIONS_MAX,
			kmlops_max_model_versions) ||
	    nla_put_uint(reply, KERNMLOPS_A_INFO_MODEL_WORK_MAX,
			 kmlops_max_model_work) ||
	    nla_put_uint(reply, KERNMLOPS_A_INFO_MODEL_MEMORY_MAX,
			 kmlops_max_model_memory) ||
	    nla_put_uint(reply, KERNMLOPS_A_INFO_MODELS_MEMORY,
			 kmlops_models_memory()) ||
	    nla_put_uint(reply, KERNMLOPS_A_INFO_MODELS_MEMORY_MAX,
			 kmlops_max_models_memory) ||
	    nla_put_uint(reply, KERNMLOPS_A_INFO_STORES_MEMORY,
			 kmlops_stores_memory()) ||
	    nla_put_uint(reply, KERNMLOPS_A_INFO_STORES_MEMORY_MAX,
			 kmlops_max_stores_memory)) {
		nlmsg_free(reply);
		return -EMSGSIZE;
	}
	genlmsg_end(reply, head);
	return genlmsg_reply(reply, info);
}

int __init kmlops_netlink_init(void)
{
	/* Other network namespaces do not see the family. */
	kernmlops_nl_family.netnsok = false;
	/*
	 * The registries have locks of their own. Admission and timed runs take
	 * long, and other families must not wait for them.
	 */
	kernmlops_nl_family.parallel_ops = true;
	return genl_register_family(&kernmlops_nl_family);
}

void kmlops_netlink_exit(void)
{
	genl_unregister_family(&kernmlops_nl_family);
}
