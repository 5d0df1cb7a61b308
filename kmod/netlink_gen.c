// SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/kernmlops.yaml */
/* YNL-GEN kernel source */

#include <net/netlink.h>
#include <net/genetlink.h>

#include "netlink_gen.h"

#include <uapi/linux/kernmlops.h>

/* Common nested types */
const struct nla_policy kernmlops_field_nl_policy[KERNMLOPS_A_FIELD_UNIT + 1] = {
	[KERNMLOPS_A_FIELD_NAME] = { .type = NLA_NUL_STRING, },
	[KERNMLOPS_A_FIELD_TYPE] = NLA_POLICY_RANGE(NLA_U32, 1, 12),
	[KERNMLOPS_A_FIELD_OFFSET] = { .type = NLA_U32, },
	[KERNMLOPS_A_FIELD_COUNT] = { .type = NLA_U32, },
	[KERNMLOPS_A_FIELD_UNIT] = { .type = NLA_NUL_STRING, },
};

/* KERNMLOPS_CMD_STORE_REGISTER - do */
static const struct nla_policy kernmlops_store_register_nl_policy[KERNMLOPS_A_STORE_LOSSLESS + 1] = {
	[KERNMLOPS_A_STORE_NAME] = { .type = NLA_NUL_STRING, },
	[KERNMLOPS_A_STORE_MODE] = NLA_POLICY_MAX(NLA_U32, 2),
	[KERNMLOPS_A_STORE_ROWS] = { .type = NLA_UINT, },
	[KERNMLOPS_A_STORE_MAP_FD] = { .type = NLA_S32, },
	[KERNMLOPS_A_STORE_KEY_FIELD] = NLA_POLICY_NESTED(kernmlops_field_nl_policy),
	[KERNMLOPS_A_STORE_VALUE_FIELD] = NLA_POLICY_NESTED(kernmlops_field_nl_policy),
	[KERNMLOPS_A_STORE_LOSSLESS] = { .type = NLA_FLAG, },
};

/* KERNMLOPS_CMD_STORE_UNREGISTER - do */
static const struct nla_policy kernmlops_store_unregister_nl_policy[KERNMLOPS_A_STORE_NAME + 1] = {
	[KERNMLOPS_A_STORE_NAME] = { .type = NLA_NUL_STRING, },
};

/* KERNMLOPS_CMD_STORE_GET - do */
static const struct nla_policy kernmlops_store_get_nl_policy[KERNMLOPS_A_STORE_NAME + 1] = {
	[KERNMLOPS_A_STORE_NAME] = { .type = NLA_NUL_STRING, },
};

/* KERNMLOPS_CMD_ROW_GET - do */
static const struct nla_policy kernmlops_row_get_do_nl_policy[KERNMLOPS_A_ROW_LAST + 1] = {
	[KERNMLOPS_A_ROW_STORE] = { .type = NLA_NUL_STRING, },
	[KERNMLOPS_A_ROW_KEY] = { .type = NLA_BINARY, },
	[KERNMLOPS_A_ROW_ASOF] = { .type = NLA_UINT, },
	[KERNMLOPS_A_ROW_NEAREST] = { .type = NLA_UINT, },
	[KERNMLOPS_A_ROW_LAST] = { .type = NLA_U32, },
};

/* KERNMLOPS_CMD_ROW_GET - dump */
static const struct nla_policy kernmlops_row_get_dump_nl_policy[KERNMLOPS_A_ROW_CURSOR + 1] = {
	[KERNMLOPS_A_ROW_STORE] = { .type = NLA_NUL_STRING, },
	[KERNMLOPS_A_ROW_FROM] = { .type = NLA_UINT, },
	[KERNMLOPS_A_ROW_TO] = { .type = NLA_UINT, },
	[KERNMLOPS_A_ROW_CURSOR] = { .type = NLA_BINARY, },
};

/* KERNMLOPS_CMD_MODEL_LOAD - do */
static const struct nla_policy kernmlops_model_load_nl_policy[KERNMLOPS_A_MODEL_MEMORY_MAX + 1] = {
	[KERNMLOPS_A_MODEL_NAME] = { .type = NLA_NUL_STRING, },
	[KERNMLOPS_A_MODEL_SIZE] = { .type = NLA_U32, },
	[KERNMLOPS_A_MODEL_OFFSET] = { .type = NLA_U32, },
	[KERNMLOPS_A_MODEL_DATA] = { .type = NLA_BINARY, },
	[KERNMLOPS_A_MODEL_INACTIVE] = { .type = NLA_FLAG, },
	[KERNMLOPS_A_MODEL_PATH] = { .type = NLA_NUL_STRING, },
	[KERNMLOPS_A_MODEL_WORK_MAX] = { .type = NLA_UINT, },
	[KERNMLOPS_A_MODEL_MEMORY_MAX] = { .type = NLA_UINT, },
};

/* KERNMLOPS_CMD_MODEL_GET - do */
static const struct nla_policy kernmlops_model_get_nl_policy[KERNMLOPS_A_MODEL_VERSION + 1] = {
	[KERNMLOPS_A_MODEL_NAME] = { .type = NLA_NUL_STRING, },
	[KERNMLOPS_A_MODEL_VERSION] = { .type = NLA_U32, },
};

/* KERNMLOPS_CMD_MODEL_REMOVE - do */
static const struct nla_policy kernmlops_model_remove_nl_policy[KERNMLOPS_A_MODEL_VERSION + 1] = {
	[KERNMLOPS_A_MODEL_NAME] = { .type = NLA_NUL_STRING, },
	[KERNMLOPS_A_MODEL_VERSION] = { .type = NLA_U32, },
};

/* KERNMLOPS_CMD_MODEL_INFER - do */
static const struct nla_policy kernmlops_model_infer_nl_policy[KERNMLOPS_A_MODEL_REPEAT + 1] = {
	[KERNMLOPS_A_MODEL_NAME] = { .type = NLA_NUL_STRING, },
	[KERNMLOPS_A_MODEL_VERSION] = { .type = NLA_U32, },
	[KERNMLOPS_A_MODEL_INPUT] = { .type = NLA_BINARY, },
	[KERNMLOPS_A_MODEL_REPEAT] = { .type = NLA_U32, },
};

/* KERNMLOPS_CMD_STORE_TRUNCATE - do */
static const struct nla_policy kernmlops_store_truncate_nl_policy[KERNMLOPS_A_STORE_BEFORE + 1] = {
	[KERNMLOPS_A_STORE_NAME] = { .type = NLA_NUL_STRING, },
	[KERNMLOPS_A_STORE_BEFORE] = { .type = NLA_UINT, },
};

/* KERNMLOPS_CMD_ROW_PUSH - do */
static const struct nla_policy kernmlops_row_push_nl_policy[KERNMLOPS_A_ROW_VALUE + 1] = {
	[KERNMLOPS_A_ROW_STORE] = { .type = NLA_NUL_STRING, },
	[KERNMLOPS_A_ROW_KEY] = { .type = NLA_BINARY, },
	[KERNMLOPS_A_ROW_VALUE] = { .type = NLA_BINARY, },
};

/* KERNMLOPS_CMD_ROW_CONSUME - do */
static const struct nla_policy kernmlops_row_consume_nl_policy[KERNMLOPS_A_ROW_CURSOR + 1] = {
	[KERNMLOPS_A_ROW_STORE] = { .type = NLA_NUL_STRING, },
	[KERNMLOPS_A_ROW_CURSOR] = { .type = NLA_BINARY, },
};

/* KERNMLOPS_CMD_MODEL_ACTIVATE - do */
static const struct nla_policy kernmlops_model_activate_nl_policy[KERNMLOPS_A_MODEL_VERSION + 1] = {
	[KERNMLOPS_A_MODEL_NAME] = { .type = NLA_NUL_STRING, },
	[KERNMLOPS_A_MODEL_VERSION] = { .type = NLA_U32, },
};

/* KERNMLOPS_CMD_MODEL_ROLLBACK - do */
static const struct nla_policy kernmlops_model_rollback_nl_policy[KERNMLOPS_A_MODEL_VERSION + 1] = {
	[KERNMLOPS_A_MODEL_NAME] = { .type = NLA_NUL_STRING, },
	[KERNMLOPS_A_MODEL_VERSION] = { .type = NLA_U32, },
};

/* Ops table for kernmlops */
static const struct genl_split_ops kernmlops_nl_ops[] = {
	{
		.cmd	= KERNMLOPS_CMD_INFO_GET,
		.doit	= kernmlops_nl_info_get_doit,
		.flags	= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= KERNMLOPS_CMD_STORE_REGISTER,
		.pre_doit	= kernmlops_nl_pre_doit,
		.doit		= kernmlops_nl_store_register_doit,
		.policy		= kernmlops_store_register_nl_policy,
		.maxattr	= KERNMLOPS_A_STORE_LOSSLESS,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= KERNMLOPS_CMD_STORE_UNREGISTER,
		.pre_doit	= kernmlops_nl_pre_doit,
		.doit		= kernmlops_nl_store_unregister_doit,
		.policy		= kernmlops_store_unregister_nl_policy,
		.maxattr	= KERNMLOPS_A_STORE_NAME,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= KERNMLOPS_CMD_STORE_GET,
		.pre_doit	= kernmlops_nl_pre_doit,
		.doit		= kernmlops_nl_store_get_doit,
		.policy		= kernmlops_store_get_nl_policy,
		.maxattr	= KERNMLOPS_A_STORE_NAME,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd	= KERNMLOPS_CMD_STORE_GET,
		.start	= kernmlops_nl_dump_start,
		.dumpit	= kernmlops_nl_store_get_dumpit,
		.flags	= GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= KERNMLOPS_CMD_ROW_GET,
		.pre_doit	= kernmlops_nl_pre_doit,
		.doit		= kernmlops_nl_row_get_doit,
		.policy		= kernmlops_row_get_do_nl_policy,
		.maxattr	= KERNMLOPS_A_ROW_LAST,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= KERNMLOPS_CMD_ROW_GET,
		.start		= kernmlops_nl_row_dump_start,
		.dumpit		= kernmlops_nl_row_get_dumpit,
		.done		= kernmlops_nl_row_dump_done,
		.policy		= kernmlops_row_get_dump_nl_policy,
		.maxattr	= KERNMLOPS_A_ROW_CURSOR,
		.flags		= GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= KERNMLOPS_CMD_MODEL_LOAD,
		.pre_doit	= kernmlops_nl_pre_doit,
		.doit		= kernmlops_nl_model_load_doit,
		.policy		= kernmlops_model_load_nl_policy,
		.maxattr	= KERNMLOPS_A_MODEL_MEMORY_MAX,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= KERNMLOPS_CMD_MODEL_GET,
		.pre_doit	= kernmlops_nl_pre_doit,
		.doit		= kernmlops_nl_model_get_doit,
		.policy		= kernmlops_model_get_nl_policy,
		.maxattr	= KERNMLOPS_A_MODEL_VERSION,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd	= KERNMLOPS_CMD_MODEL_GET,
		.start	= kernmlops_nl_dump_start,
		.dumpit	= kernmlops_nl_model_get_dumpit,
		.flags	= GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= KERNMLOPS_CMD_MODEL_REMOVE,
		.pre_doit	= kernmlops_nl_pre_doit,
		.doit		= kernmlops_nl_model_remove_doit,
		.policy		= kernmlops_model_remove_nl_policy,
		.maxattr	= KERNMLOPS_A_MODEL_VERSION,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= KERNMLOPS_CMD_MODEL_INFER,
		.pre_doit	= kernmlops_nl_pre_doit,
		.doit		= kernmlops_nl_model_infer_doit,
		.policy		= kernmlops_model_infer_nl_policy,
		.maxattr	= KERNMLOPS_A_MODEL_REPEAT,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= KERNMLOPS_CMD_STORE_TRUNCATE,
		.pre_doit	= kernmlops_nl_pre_doit,
		.doit		= kernmlops_nl_store_truncate_doit,
		.policy		= kernmlops_store_truncate_nl_policy,
		.maxattr	= KERNMLOPS_A_STORE_BEFORE,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= KERNMLOPS_CMD_ROW_PUSH,
		.pre_doit	= kernmlops_nl_pre_doit,
		.doit		= kernmlops_nl_row_push_doit,
		.policy		= kernmlops_row_push_nl_policy,
		.maxattr	= KERNMLOPS_A_ROW_VALUE,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= KERNMLOPS_CMD_ROW_CONSUME,
		.pre_doit	= kernmlops_nl_pre_doit,
		.doit		= kernmlops_nl_row_consume_doit,
		.policy		= kernmlops_row_consume_nl_policy,
		.maxattr	= KERNMLOPS_A_ROW_CURSOR,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= KERNMLOPS_CMD_MODEL_ACTIVATE,
		.pre_doit	= kernmlops_nl_pre_doit,
		.doit		= kernmlops_nl_model_activate_doit,
		.policy		= kernmlops_model_activate_nl_policy,
		.maxattr	= KERNMLOPS_A_MODEL_VERSION,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= KERNMLOPS_CMD_MODEL_ROLLBACK,
		.pre_doit	= kernmlops_nl_pre_doit,
		.doit		= kernmlops_nl_model_rollback_doit,
		.policy		= kernmlops_model_rollback_nl_policy,
		.maxattr	= KERNMLOPS_A_MODEL_VERSION,
		.flags		= GENL_CMD_CAP_DO,
	},
};

struct genl_family kernmlops_nl_family __ro_after_init = {
	.name		= KERNMLOPS_FAMILY_NAME,
	.version	= KERNMLOPS_FAMILY_VERSION,
	.netnsok	= true,
	.parallel_ops	= true,
	.module		= THIS_MODULE,
	.split_ops	= kernmlops_nl_ops,
	.n_split_ops	= ARRAY_SIZE(kernmlops_nl_ops),
};
