// SPDX-License-Identifier: GPL-2.0-only
/*
 * Netlink: rows.
 */
#include <linux/kernmlops_row.h>
#include "netlink.h"
#include "netlink_gen.h"
#include "store.h"

/* What a message of packed rows holds beside them. */
#define ROWS_OVERHEAD	(nlmsg_total_size(GENL_HDRLEN) +	\
			 2 * nla_total_size(4) + nla_total_size(8) + \
			 nla_total_size(0))

static struct kmlops_store *get_store(struct genl_info *info, int *err)
{
	const char *name = kmlops_nl_name(info, KERNMLOPS_A_ROW_STORE);
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

static int reply_row(struct genl_info *info, const struct kmlops_store *store,
		     const void *key, const void *value, u64 time, u64 ref)
{
	const struct kmlops_history *history = store->history;
	struct sk_buff *reply;
	void *head;

	reply = genlmsg_new(nla_total_size(history->key_size) +
			    nla_total_size(history->value_size) +
			    2 * nla_total_size(8), GFP_KERNEL);
	if (!reply)
		return -ENOMEM;
	head = genlmsg_iput(reply, info);
	if (!head ||
	    nla_put(reply, KERNMLOPS_A_ROW_KEY, history->key_size, key) ||
	    nla_put(reply, KERNMLOPS_A_ROW_VALUE, history->value_size, value) ||
	    nla_put_uint(reply, KERNMLOPS_A_ROW_TIME, time) ||
	    nla_put_uint(reply, KERNMLOPS_A_ROW_SEQ, ref)) {
		nlmsg_free(reply);
		return -EMSGSIZE;
	}
	genlmsg_end(reply, head);
	return genlmsg_reply(reply, info);
}

int kernmlops_nl_row_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *key = info->attrs[KERNMLOPS_A_ROW_KEY];
	struct kmlops_store *store;
	void *value = NULL;
	s64 time;
	u64 ref;
	int err;

	store = get_store(info, &err);
	if (!store)
		return err;

	err = -EINVAL;
	if (!key) {
		NL_SET_ERR_MSG(info->extack, "the request names no key");
		goto out;
	}
	if (nla_len(key) != store->history->key_size) {
		NL_SET_ERR_MSG_FMT(info->extack,
				   "a key of this store has %u bytes, not %d",
				   store->history->key_size, nla_len(key));
		goto out;
	}
	err = -ENOMEM;
	value = kmalloc(store->history->value_size, GFP_KERNEL);
	if (!value)
		goto out;

	time = kmlops_store_latest(store, nla_data(key), value, &ref);
	if (time < 0) {
		err = time;
		if (err == -ENOENT)
			NL_SET_ERR_MSG(info->extack,
				       "the store has no row of that key");
		else
			NL_SET_ERR_MSG(info->extack,
				       "rows of that key are overwritten faster than they can be read");
		goto out;
	}
	err = reply_row(info, store, nla_data(key), value, time, ref);
out:
	kfree(value);
	kmlops_store_put(store);
	return err;
}

struct row_dump {
	struct kmlops_store *store;
	struct kmlops_cursor *cursor;
	u64 lost_told;			/* lost rows that were reported */
};

int kernmlops_nl_row_dump_start(struct netlink_callback *cb)
{
	struct genl_info *info = (struct genl_info *)genl_info_dump(cb);
	struct row_dump *dump = (void *)cb->ctx;
	u64 from = 0, to = U64_MAX;
	int err;

	BUILD_BUG_ON(sizeof(*dump) > sizeof(cb->ctx));
	err = kmlops_nl_dump_start(cb);
	if (err)
		return err;
	if (info->attrs[KERNMLOPS_A_ROW_FROM])
		from = nla_get_uint(info->attrs[KERNMLOPS_A_ROW_FROM]);
	if (info->attrs[KERNMLOPS_A_ROW_TO])
		to = nla_get_uint(info->attrs[KERNMLOPS_A_ROW_TO]);

	dump->store = get_store(info, &err);
	if (!dump->store)
		return err;
	dump->cursor = kmlops_cursor_open(dump->store->history, from, to, NULL);
	if (!dump->cursor) {
		kmlops_store_put(dump->store);
		return -ENOMEM;
	}
	return 0;
}

/* Fills the reserved attribute @rows; returns how many rows that were. */
static u32 pack_rows(struct sk_buff *skb, struct nlattr *rows,
		     struct row_dump *dump, u32 stride, u32 max)
{
	const struct kmlops_history *history = dump->store->history;
	struct kmlops_row *row;
	u32 count;

	for (count = 0; count < max; count++) {
		row = (struct kmlops_row *)skb_tail_pointer(skb);
		if (kmlops_cursor_next(dump->cursor, history, &row->seq,
				       &row->time, (u64 *)(row + 1)))
			break;
		skb_put(skb, stride);
	}
	rows->nla_len = nla_attr_size(count * stride);
	return count;
}

int kernmlops_nl_row_get_dumpit(struct sk_buff *skb,
				struct netlink_callback *cb)
{
	struct row_dump *dump = (void *)cb->ctx;
	u32 stride = kmlops_row_stride(dump->store->history);
	struct nlattr *rows;
	u32 room, count;
	void *head;

	if (skb_tailroom(skb) < ROWS_OVERHEAD + stride)
		return -EMSGSIZE;
	room = min_t(u32, skb_tailroom(skb) - ROWS_OVERHEAD,
		     U16_MAX - NLA_HDRLEN);

	head = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			   &kernmlops_nl_family, NLM_F_MULTI,
			   KERNMLOPS_CMD_ROW_GET);
	if (!head || nla_put_u32(skb, KERNMLOPS_A_ROW_ROW_SIZE, stride))
		return -EMSGSIZE;
	rows = nla_reserve(skb, KERNMLOPS_A_ROW_ROWS, 0);
	if (!rows)
		return -EMSGSIZE;
	count = pack_rows(skb, rows, dump, stride, room / stride);

	/* The end; rows that were lost before it are still to be told. */
	if (!count && dump->cursor->lost == dump->lost_told) {
		genlmsg_cancel(skb, head);
		return 0;
	}
	if (nla_put_u32(skb, KERNMLOPS_A_ROW_COUNT, count) ||
	    nla_put_uint(skb, KERNMLOPS_A_ROW_LOST, dump->cursor->lost)) {
		genlmsg_cancel(skb, head);
		return -EMSGSIZE;
	}
	dump->lost_told = dump->cursor->lost;
	genlmsg_end(skb, head);
	return skb->len;
}

int kernmlops_nl_row_dump_done(struct netlink_callback *cb)
{
	struct row_dump *dump = (void *)cb->ctx;

	kmlops_cursor_close(dump->cursor);
	kmlops_store_put(dump->store);
	return 0;
}
