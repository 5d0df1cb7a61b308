// SPDX-License-Identifier: GPL-2.0-only
/*
 * Netlink: stores.
 */
#include "netlink.h"
#include "netlink_gen.h"
#include "store.h"

/* Bytes that a field or the rest of a store take in a message, at most. */
#define FIELD_SPACE	(nla_total_size(0) +				\
			 2 * nla_total_size(KERNMLOPS_NAME_MAX + 1) +	\
			 3 * nla_total_size(4))
#define STORE_SPACE	1024

static int put_field(struct sk_buff *skb, u32 attr,
		     const struct kmlops_field *field)
{
	struct nlattr *nest = nla_nest_start(skb, attr);

	if (!nest ||
	    nla_put_string(skb, KERNMLOPS_A_FIELD_NAME, field->name) ||
	    nla_put_u32(skb, KERNMLOPS_A_FIELD_TYPE, field->type) ||
	    nla_put_u32(skb, KERNMLOPS_A_FIELD_OFFSET, field->offset) ||
	    (field->count != 1 &&
	     nla_put_u32(skb, KERNMLOPS_A_FIELD_COUNT, field->count)) ||
	    (field->unit[0] &&
	     nla_put_string(skb, KERNMLOPS_A_FIELD_UNIT, field->unit)))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int put_counters(struct sk_buff *skb, const struct kmlops_store *store)
{
	struct kmlops_store_stats stats;

	kmlops_store_count(store, true, &stats);
	if (nla_put_uint(skb, KERNMLOPS_A_STORE_CAPTURED, stats.captured) ||
	    nla_put_uint(skb, KERNMLOPS_A_STORE_STORED, stats.stored) ||
	    nla_put_uint(skb, KERNMLOPS_A_STORE_OVERWRITTEN,
			 stats.overwritten) ||
	    nla_put_uint(skb, KERNMLOPS_A_STORE_DROPPED, stats.dropped) ||
	    nla_put_uint(skb, KERNMLOPS_A_STORE_TRUNCATED, stats.truncated) ||
	    nla_put_uint(skb, KERNMLOPS_A_STORE_UNINDEXED, stats.unindexed) ||
	    nla_put_uint(skb, KERNMLOPS_A_STORE_EVICTED, stats.evicted) ||
	    nla_put_uint(skb, KERNMLOPS_A_STORE_KEYS, stats.keys) ||
	    nla_put_uint(skb, KERNMLOPS_A_STORE_BYTES, store->bytes))
		return -EMSGSIZE;
	if (store->mode == KERNMLOPS_STORE_MODE_MIRROR &&
	    nla_put_uint(skb, KERNMLOPS_A_STORE_UNMIRRORED, stats.unmirrored))
		return -EMSGSIZE;
	return 0;
}

static int put_store(struct sk_buff *skb, const struct kmlops_store *store)
{
	const struct kmlops_history *history = store->history;
	u64 rows = history ? history->slots_per_cpu * num_possible_cpus() :
			     store->map->max_entries;
	u32 i;

	if (nla_put_string(skb, KERNMLOPS_A_STORE_NAME, store->name) ||
	    nla_put_u32(skb, KERNMLOPS_A_STORE_MODE, store->mode) ||
	    nla_put_uint(skb, KERNMLOPS_A_STORE_ROWS, rows) ||
	    nla_put_u32(skb, KERNMLOPS_A_STORE_MAP_ID, store->map->id) ||
	    nla_put_string(skb, KERNMLOPS_A_STORE_MAP_NAME,
			   store->map->name) ||
	    nla_put_u32(skb, KERNMLOPS_A_STORE_KEY_SIZE, store->key_size) ||
	    nla_put_u32(skb, KERNMLOPS_A_STORE_VALUE_SIZE,
			store->value_size) ||
	    (history && history->lossless &&
	     nla_put_flag(skb, KERNMLOPS_A_STORE_LOSSLESS)))
		return -EMSGSIZE;

	for (i = 0; i < store->nr_key_fields + store->nr_value_fields; i++)
		if (put_field(skb, i < store->nr_key_fields ?
			      KERNMLOPS_A_STORE_KEY_FIELD :
			      KERNMLOPS_A_STORE_VALUE_FIELD,
			      &store->fields[i]))
			return -EMSGSIZE;
	return put_counters(skb, store);
}

static int reply_store(struct genl_info *info, const struct kmlops_store *store)
{
	u32 nr_fields = store->nr_key_fields + store->nr_value_fields;
	struct sk_buff *reply;
	void *head;

	reply = genlmsg_new(STORE_SPACE + nr_fields * FIELD_SPACE, GFP_KERNEL);
	if (!reply)
		return -ENOMEM;
	head = genlmsg_iput(reply, info);
	if (!head || put_store(reply, store)) {
		nlmsg_free(reply);
		return -EMSGSIZE;
	}
	genlmsg_end(reply, head);
	return genlmsg_reply(reply, info);
}

static int parse_string(struct nlattr *attr, char *to, const char *what,
			struct kmlops_refusal *refusal)
{
	if (attr && strscpy(to, nla_data(attr), KERNMLOPS_NAME_MAX + 1) < 0)
		return kmlops_refuse(refusal, -ENAMETOOLONG,
				     "the %s of a field has at most %d bytes",
				     what, KERNMLOPS_NAME_MAX);
	return 0;
}

static int parse_field(struct nlattr *attr, struct kmlops_field *field,
		       struct netlink_ext_ack *extack)
{
	struct nlattr *tb[KERNMLOPS_A_FIELD_MAX + 1];
	struct kmlops_refusal refusal;
	int err;

	err = nla_parse_nested(tb, KERNMLOPS_A_FIELD_MAX, attr,
			       kernmlops_field_nl_policy, extack);
	if (err)
		return err;
	if (!tb[KERNMLOPS_A_FIELD_NAME] || !tb[KERNMLOPS_A_FIELD_TYPE] ||
	    !tb[KERNMLOPS_A_FIELD_OFFSET]) {
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "a field needs a name, a type and an offset");
		return -EINVAL;
	}
	err = parse_string(tb[KERNMLOPS_A_FIELD_NAME], field->name, "name",
			   &refusal);
	if (!err)
		err = parse_string(tb[KERNMLOPS_A_FIELD_UNIT], field->unit,
				   "unit", &refusal);
	if (err)
		return kmlops_nl_refuse(extack, err, &refusal);
	field->type = nla_get_u32(tb[KERNMLOPS_A_FIELD_TYPE]);
	field->offset = nla_get_u32(tb[KERNMLOPS_A_FIELD_OFFSET]);
	field->count = tb[KERNMLOPS_A_FIELD_COUNT] ?
		       nla_get_u32(tb[KERNMLOPS_A_FIELD_COUNT]) : 1;
	return 0;
}

/* Appends the fields of attribute type @type to @fields; counts them. */
static int parse_fields(struct genl_info *info, int type,
			struct kmlops_field *fields, u32 *nr)
{
	struct nlattr *attr;
	int rem, err;

	*nr = 0;
	nla_for_each_attr(attr, genlmsg_data(info->genlhdr),
			  genlmsg_len(info->genlhdr), rem) {
		if (nla_type(attr) != type)
			continue;
		if (*nr == KERNMLOPS_FIELDS_MAX) {
			NL_SET_ERR_MSG_FMT(info->extack,
					   "a key or a value has at most %d fields",
					   KERNMLOPS_FIELDS_MAX);
			return -E2BIG;
		}
		err = parse_field(attr, &fields[*nr], info->extack);
		if (err)
			return err;
		++*nr;
	}
	return 0;
}

/*
 * The store that attribute @attr names, with a reference; or NULL, an error
 * number in @err and a sentence.
 */
struct kmlops_store *kmlops_nl_get_store(struct genl_info *info, u32 attr,
					 int *err)
{
	const char *name = kmlops_nl_name(info, attr);
	struct kmlops_store *store;

	*err = -EINVAL;
	if (!name)
		return NULL;
	store = kmlops_store_get(name);
	if (!store) {
		NL_SET_ERR_MSG(info->extack, "there is no store of that name");
		*err = -ENOENT;
	}
	return store;
}

int kernmlops_nl_store_register_doit(struct sk_buff *skb,
				     struct genl_info *info)
{
	struct kmlops_store_request request = {};
	struct kmlops_refusal refusal;
	struct kmlops_field *fields;
	struct kmlops_store *store;
	int err;

	request.name = kmlops_nl_name(info, KERNMLOPS_A_STORE_NAME);
	if (!request.name)
		return -EINVAL;
	if (info->attrs[KERNMLOPS_A_STORE_MODE])
		request.mode = nla_get_u32(info->attrs[KERNMLOPS_A_STORE_MODE]);
	if (!info->attrs[KERNMLOPS_A_STORE_MAP_FD] ||
	    (!info->attrs[KERNMLOPS_A_STORE_ROWS] &&
	     request.mode != KERNMLOPS_STORE_MODE_MAP)) {
		NL_SET_ERR_MSG(info->extack,
			       "registration needs a map and a number of rows");
		return -EINVAL;
	}
	request.map_fd = nla_get_s32(info->attrs[KERNMLOPS_A_STORE_MAP_FD]);
	if (info->attrs[KERNMLOPS_A_STORE_ROWS])
		request.rows = nla_get_uint(info->attrs[KERNMLOPS_A_STORE_ROWS]);
	request.lossless = info->attrs[KERNMLOPS_A_STORE_LOSSLESS];

	fields = kvcalloc(2 * KERNMLOPS_FIELDS_MAX, sizeof(*fields),
			  GFP_KERNEL);
	if (!fields)
		return -ENOMEM;
	request.fields = fields;
	err = parse_fields(info, KERNMLOPS_A_STORE_KEY_FIELD, fields,
			   &request.nr_key_fields);
	if (!err)
		err = parse_fields(info, KERNMLOPS_A_STORE_VALUE_FIELD,
				   fields + request.nr_key_fields,
				   &request.nr_value_fields);
	if (err)
		goto out;

	store = kmlops_store_register(&request, &refusal);
	if (IS_ERR(store)) {
		err = kmlops_nl_refuse(info->extack, PTR_ERR(store), &refusal);
		goto out;
	}
	err = reply_store(info, store);
	if (err)
		kmlops_store_withdraw(store);
	kmlops_store_put(store);
out:
	kvfree(fields);
	return err;
}

int kernmlops_nl_store_unregister_doit(struct sk_buff *skb,
				       struct genl_info *info)
{
	const char *name = kmlops_nl_name(info, KERNMLOPS_A_STORE_NAME);
	int err;

	if (!name)
		return -EINVAL;
	err = kmlops_store_unregister(name);
	if (err)
		NL_SET_ERR_MSG(info->extack, "there is no store of that name");
	return err;
}

int kernmlops_nl_store_truncate_doit(struct sk_buff *skb,
				     struct genl_info *info)
{
	struct nlattr *before = info->attrs[KERNMLOPS_A_STORE_BEFORE];
	struct kmlops_store *store;
	int err;

	if (!before) {
		NL_SET_ERR_MSG(info->extack, "truncation needs a time");
		return -EINVAL;
	}
	store = kmlops_nl_get_store(info, KERNMLOPS_A_STORE_NAME, &err);
	if (!store)
		return err;
	err = kmlops_store_truncate(store, nla_get_uint(before));
	if (err)
		NL_SET_ERR_MSG(info->extack,
			       "a map without history knows no times");
	kmlops_store_put(store);
	return err;
}

int kernmlops_nl_store_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct kmlops_store *store;
	int err;

	store = kmlops_nl_get_store(info, KERNMLOPS_A_STORE_NAME, &err);
	if (!store)
		return err;
	err = reply_store(info, store);
	kmlops_store_put(store);
	return err;
}

struct store_dump {
	unsigned long id;		/* of the next store to send */
};

int kernmlops_nl_store_get_dumpit(struct sk_buff *skb,
				  struct netlink_callback *cb)
{
	struct store_dump *dump = (void *)cb->ctx;
	struct kmlops_store *store;
	void *head;
	int err;

	while ((store = kmlops_store_get_next(&dump->id))) {
		head = genlmsg_put(skb, NETLINK_CB(cb->skb).portid,
				   cb->nlh->nlmsg_seq, &kernmlops_nl_family,
				   NLM_F_MULTI, KERNMLOPS_CMD_STORE_GET);
		err = head ? put_store(skb, store) : -EMSGSIZE;
		kmlops_store_put(store);
		if (err) {
			if (head)
				genlmsg_cancel(skb, head);
			return skb->len ? skb->len : err;
		}
		genlmsg_end(skb, head);
		dump->id++;
	}
	return skb->len;
}
