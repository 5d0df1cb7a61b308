// SPDX-License-Identifier: GPL-2.0-only
/*
 * Netlink: rows.
 */
#include <linux/kernmlops_row.h>
#include "clock.h"
#include "netlink.h"
#include "netlink_gen.h"
#include "store.h"

/* What a message of packed rows holds beside them. */
#define ROWS_OVERHEAD	(nlmsg_total_size(GENL_HDRLEN) +	\
			 2 * nla_total_size(4) + nla_total_size(8) + \
			 nla_total_size(0))

/* Rows of a key that one request looks at, at most. */
#define STEPS_MAX	BIT(20)

/* Most bytes of an attribute, whose length has 16 bits. */
#define ATTR_BYTES_MAX	(U16_MAX - NLA_HDRLEN)

/* The sentence of an error that a read or capture returned. */
static int explain(struct netlink_ext_ack *extack, int err)
{
	switch (err) {
	case -EOPNOTSUPP:
		NL_SET_ERR_MSG(extack, "a map without history knows no times");
		break;
	case -ENOENT:
		NL_SET_ERR_MSG(extack, "the store has no row of that key");
		break;
	case -E2BIG:
		NL_SET_ERR_MSG(extack, "the key has too many later rows");
		break;
	case -EAGAIN:
		NL_SET_ERR_MSG(extack,
			       "rows of that key are overwritten faster than they can be read");
		break;
	case -EBUSY:
		NL_SET_ERR_MSG(extack, "the store had no room for the row");
		break;
	}
	return err;
}

/* Replies with @nr packed rows: in attributes if there is one, else as rows. */
static int reply_rows(struct genl_info *info, const struct kmlops_store *store,
		      const struct kmlops_row *rows, u32 nr, bool single)
{
	const u8 *key = (const u8 *)(rows + 1);
	const u8 *value = key + KMLOPS_ROW_PAD(store->key_size);
	u32 stride = kmlops_store_row_size(store);
	struct sk_buff *reply;
	void *head;
	int err;

	reply = genlmsg_new(ROWS_OVERHEAD + 4 * nla_total_size(8) +
			    nr * stride, GFP_KERNEL);
	if (!reply)
		return -ENOMEM;
	head = genlmsg_iput(reply, info);
	err = head ? 0 : -EMSGSIZE;
	if (!err && single)
		err = nla_put(reply, KERNMLOPS_A_ROW_KEY, store->key_size,
			      key) ||
		      nla_put(reply, KERNMLOPS_A_ROW_VALUE, store->value_size,
			      value) ||
		      nla_put_uint(reply, KERNMLOPS_A_ROW_TIME, rows->time) ||
		      nla_put_uint(reply, KERNMLOPS_A_ROW_SEQ, rows->seq);
	else if (!err)
		err = nla_put_u32(reply, KERNMLOPS_A_ROW_ROW_SIZE, stride) ||
		      nla_put(reply, KERNMLOPS_A_ROW_ROWS, nr * stride, rows) ||
		      nla_put_u32(reply, KERNMLOPS_A_ROW_COUNT, nr);
	if (err) {
		nlmsg_free(reply);
		return -EMSGSIZE;
	}
	genlmsg_end(reply, head);
	return genlmsg_reply(reply, info);
}

/* The value of a key for each CPU; returns how many, or an error. */
static int read_percpu(const struct kmlops_store *store, void *key,
		       struct kmlops_row *rows)
{
	u32 stride = kmlops_store_row_size(store), nr = 0;
	unsigned int cpu;
	int err = 0;

	rcu_read_lock();
	for_each_possible_cpu(cpu) {
		struct kmlops_row *row = (void *)rows + nr * stride;
		u8 *to = (u8 *)(row + 1);

		row->time = kmlops_clock_ns();
		row->seq = kmlops_ref(cpu, 0);
		memcpy(to, key, store->key_size);
		err = kmlops_map_read_cpu(store->map, key, cpu,
					  to + KMLOPS_ROW_PAD(store->key_size));
		if (err)
			break;
		nr++;
	}
	rcu_read_unlock();
	return err ? err : nr;
}

/* What a request for rows of a store asks for; all but @max are optional. */
struct wanted {
	struct nlattr *key;
	struct nlattr *asof;
	struct nlattr *nearest;
	struct nlattr *last;
	u32 max;
};

/* Reads into @rows, which has room for as many as are wanted. */
static int read_rows(const struct kmlops_store *store,
		     const struct wanted *wanted, struct kmlops_row *rows)
{
	u8 *key = (u8 *)(rows + 1);
	s64 time;
	int err;

	if (wanted->nearest) {
		err = kmlops_store_nearest(store, nla_get_uint(wanted->nearest),
					   rows);
		return err ? err : 1;
	}
	if (wanted->asof || wanted->last)
		return kmlops_store_last(store, nla_data(wanted->key),
					 wanted->asof ?
					 nla_get_uint(wanted->asof) : U64_MAX,
					 STEPS_MAX, rows, wanted->max);
	if (!store->history && kmlops_map_is_percpu(store->map))
		return read_percpu(store, nla_data(wanted->key), rows);

	rcu_read_lock();
	time = kmlops_store_latest(store, nla_data(wanted->key),
				   key + KMLOPS_ROW_PAD(store->key_size),
				   &rows->seq);
	rcu_read_unlock();
	if (time < 0)
		return time;
	rows->time = time;
	memcpy(key, nla_data(wanted->key), store->key_size);
	return 1;
}

static int check_wanted(const struct kmlops_store *store,
			struct wanted *wanted, struct netlink_ext_ack *extack)
{
	u32 most = ATTR_BYTES_MAX / kmlops_store_row_size(store);

	if (wanted->nearest && (wanted->key || wanted->asof || wanted->last)) {
		NL_SET_ERR_MSG(extack,
			       "the nearest row is that of any key: name no key");
		return -EINVAL;
	}
	if (!wanted->nearest && !wanted->key) {
		NL_SET_ERR_MSG(extack, "the request names no key");
		return -EINVAL;
	}
	if (wanted->key && nla_len(wanted->key) != store->key_size) {
		NL_SET_ERR_MSG_FMT(extack,
				   "a key of this store has %u bytes, not %d",
				   store->key_size, nla_len(wanted->key));
		return -EINVAL;
	}
	wanted->max = wanted->last ? nla_get_u32(wanted->last) : 1;
	if (!store->history && kmlops_map_is_percpu(store->map))
		wanted->max = num_possible_cpus();
	if (!wanted->max || wanted->max > most) {
		NL_SET_ERR_MSG_FMT(extack,
				   "1 to %u rows of this store can be had at once, not %u",
				   most, wanted->max);
		return -EINVAL;
	}
	return 0;
}

int kernmlops_nl_row_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct wanted wanted = {
		.key = info->attrs[KERNMLOPS_A_ROW_KEY],
		.asof = info->attrs[KERNMLOPS_A_ROW_ASOF],
		.nearest = info->attrs[KERNMLOPS_A_ROW_NEAREST],
		.last = info->attrs[KERNMLOPS_A_ROW_LAST],
	};
	struct kmlops_row *rows;
	struct kmlops_store *store;
	int err, nr;

	store = kmlops_nl_get_store(info, KERNMLOPS_A_ROW_STORE, &err);
	if (!store)
		return err;
	err = check_wanted(store, &wanted, info->extack);
	if (err)
		goto out;

	/* Zeroed: the padding goes out as well. */
	rows = kvcalloc(wanted.max, kmlops_store_row_size(store), GFP_KERNEL);
	if (!rows) {
		err = -ENOMEM;
		goto out;
	}
	nr = read_rows(store, &wanted, rows);
	if (nr == -ENOENT && wanted.nearest) {
		NL_SET_ERR_MSG(info->extack, "the store has no rows");
		err = nr;
	} else if (nr < 0) {
		err = explain(info->extack, nr);
	} else {
		err = reply_rows(info, store, rows, nr,
				 wanted.max == 1 && !wanted.last);
	}
	kvfree(rows);
out:
	kmlops_store_put(store);
	return err;
}

int kernmlops_nl_row_push_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *key = info->attrs[KERNMLOPS_A_ROW_KEY];
	struct nlattr *value = info->attrs[KERNMLOPS_A_ROW_VALUE];
	struct kmlops_store *store;
	struct sk_buff *reply;
	void *head;
	s64 time;
	int err;

	store = kmlops_nl_get_store(info, KERNMLOPS_A_ROW_STORE, &err);
	if (!store)
		return err;

	err = -EINVAL;
	if (!key || !value) {
		NL_SET_ERR_MSG(info->extack, "a row needs a key and a value");
		goto out;
	}
	if (nla_len(key) != store->key_size ||
	    nla_len(value) != store->value_size) {
		NL_SET_ERR_MSG_FMT(info->extack,
				   "key and value have %u and %u bytes, not %d and %d",
				   store->key_size, store->value_size,
				   nla_len(key), nla_len(value));
		goto out;
	}
	err = -ENOMEM;
	reply = genlmsg_new(nla_total_size(8), GFP_KERNEL);
	if (!reply)
		goto out;
	preempt_disable();
	time = kmlops_store_capture(store, nla_data(key), nla_data(value));
	preempt_enable();
	if (time < 0) {
		nlmsg_free(reply);
		err = explain(info->extack, time);
		goto out;
	}
	head = genlmsg_iput(reply, info);
	if (!head || nla_put_uint(reply, KERNMLOPS_A_ROW_TIME, time)) {
		nlmsg_free(reply);
		err = -EMSGSIZE;
		goto out;
	}
	genlmsg_end(reply, head);
	err = genlmsg_reply(reply, info);
out:
	kmlops_store_put(store);
	return err;
}

/* A cursor of the caller: empty, or a position for each CPU. */
static int check_cursor(const struct nlattr *cursor, bool may_be_empty,
			struct netlink_ext_ack *extack)
{
	if (nla_len(cursor) == nr_cpu_ids * 8 ||
	    (may_be_empty && !nla_len(cursor)))
		return 0;
	NL_SET_ERR_MSG_FMT(extack, "a cursor has %u bytes here, not %d",
			   nr_cpu_ids * 8, nla_len(cursor));
	return -EINVAL;
}

int kernmlops_nl_row_consume_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *cursor = info->attrs[KERNMLOPS_A_ROW_CURSOR];
	struct kmlops_store *store;
	unsigned int cpu;
	int err;

	store = kmlops_nl_get_store(info, KERNMLOPS_A_ROW_STORE, &err);
	if (!store)
		return err;

	err = -EINVAL;
	if (!store->history || !store->history->lossless) {
		NL_SET_ERR_MSG(info->extack, "the store is not lossless");
		goto out;
	}
	if (!cursor) {
		NL_SET_ERR_MSG(info->extack, "the request has no cursor");
		goto out;
	}
	err = check_cursor(cursor, false, info->extack);
	if (err)
		goto out;
	for_each_possible_cpu(cpu) {
		u64 next;

		memcpy(&next, nla_data(cursor) + 8 * cpu, 8);
		if (next)
			kmlops_history_consume(store->history, cpu, next - 1);
	}
out:
	kmlops_store_put(store);
	return err;
}

struct row_dump {
	struct kmlops_store *store;
	struct kmlops_cursor *cursor;		/* of a history, or */
	struct kmlops_map_walk *walk;		/* of a map */
	u64 lost_told;				/* lost rows that were reported */
	bool resumable;				/* tell where the read ended */
	bool ended;
};

static int begin_history(struct row_dump *dump, struct genl_info *info)
{
	struct nlattr *from = info->attrs[KERNMLOPS_A_ROW_FROM];
	struct nlattr *to = info->attrs[KERNMLOPS_A_ROW_TO];
	struct nlattr *cursor = info->attrs[KERNMLOPS_A_ROW_CURSOR];
	u64 *resume = NULL;
	int err;

	if (cursor) {
		err = check_cursor(cursor, true, info->extack);
		if (err)
			return err;
		resume = kvcalloc(nr_cpu_ids, sizeof(*resume), GFP_KERNEL);
		if (!resume)
			return -ENOMEM;
		memcpy(resume, nla_data(cursor), nla_len(cursor));
		dump->resumable = true;
	}
	dump->cursor = kmlops_cursor_open(dump->store->history,
					  from ? nla_get_uint(from) : 0,
					  to ? nla_get_uint(to) : U64_MAX,
					  resume);
	kvfree(resume);
	return dump->cursor ? 0 : -ENOMEM;
}

static int begin_map(struct row_dump *dump, struct genl_info *info)
{
	int err;

	if (info->attrs[KERNMLOPS_A_ROW_FROM] ||
	    info->attrs[KERNMLOPS_A_ROW_TO] ||
	    info->attrs[KERNMLOPS_A_ROW_CURSOR])
		return explain(info->extack, -EOPNOTSUPP);
	dump->walk = kzalloc(sizeof(*dump->walk), GFP_KERNEL);
	if (!dump->walk)
		return -ENOMEM;
	err = kmlops_map_walk_begin(dump->walk, dump->store->map);
	if (err)
		kfree(dump->walk);
	return err;
}

int kernmlops_nl_row_dump_start(struct netlink_callback *cb)
{
	struct genl_info *info = (struct genl_info *)genl_info_dump(cb);
	struct row_dump *dump = (void *)cb->ctx;
	int err;

	BUILD_BUG_ON(sizeof(*dump) > sizeof(cb->ctx));
	/* A cursor of as many CPUs as there can be fits the last message. */
	BUILD_BUG_ON(ROWS_OVERHEAD + nla_total_size(8 * KMLOPS_CPUS_MAX) >
		     KMLOPS_NL_DUMP_SIZE);
	err = kernmlops_nl_dump_start(cb);
	if (err)
		return err;
	dump->store = kmlops_nl_get_store(info, KERNMLOPS_A_ROW_STORE, &err);
	if (!dump->store)
		return err;
	err = dump->store->history ? begin_history(dump, info) :
				     begin_map(dump, info);
	if (err)
		kmlops_store_put(dump->store);
	return err;
}

/* Rows of a map as far as they go; returns how many. */
static u32 pack_map_rows(void *to, struct row_dump *dump, u32 stride, u32 max)
{
	u32 count;

	for (count = 0; count < max; count++, to += stride)
		if (kmlops_map_walk_next(dump->walk, dump->store->map, to))
			break;
	return count;
}

/* Fills the reserved attribute @rows; returns how many rows that were. */
static u32 pack_rows(struct sk_buff *skb, struct nlattr *rows,
		     struct row_dump *dump, u32 stride, u32 max)
{
	void *to = skb_tail_pointer(skb);
	u32 count;

	if (dump->walk)
		count = pack_map_rows(to, dump, stride, max);
	else
		count = kmlops_cursor_fill(dump->cursor, dump->store->history,
					   to, max);
	skb_put(skb, count * stride);
	rows->nla_len = nla_attr_size(count * stride);
	return count;
}

/* What is told after the last row: losses, and where to go on. */
static int put_end(struct sk_buff *skb, struct row_dump *dump)
{
	dump->ended = true;
	if (nla_put_u32(skb, KERNMLOPS_A_ROW_COUNT, 0) ||
	    nla_put_uint(skb, KERNMLOPS_A_ROW_LOST, dump->cursor->lost))
		return -EMSGSIZE;
	if (dump->resumable &&
	    nla_put(skb, KERNMLOPS_A_ROW_CURSOR, nr_cpu_ids * 8,
		    dump->cursor->next))
		return -EMSGSIZE;
	return 0;
}

int kernmlops_nl_row_get_dumpit(struct sk_buff *skb,
				struct netlink_callback *cb)
{
	struct row_dump *dump = (void *)cb->ctx;
	u32 stride = kmlops_store_row_size(dump->store);
	u64 lost = 0;
	struct nlattr *rows;
	u32 room, count;
	void *head;

	if (dump->ended)
		return 0;
	if (skb_tailroom(skb) < ROWS_OVERHEAD + stride)
		return -EMSGSIZE;
	room = min_t(u32, skb_tailroom(skb) - ROWS_OVERHEAD, ATTR_BYTES_MAX);

	head = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			   &kernmlops_nl_family, NLM_F_MULTI,
			   KERNMLOPS_CMD_ROW_GET);
	if (!head || nla_put_u32(skb, KERNMLOPS_A_ROW_ROW_SIZE, stride))
		return -EMSGSIZE;
	rows = nla_reserve(skb, KERNMLOPS_A_ROW_ROWS, 0);
	if (!rows)
		return -EMSGSIZE;
	count = pack_rows(skb, rows, dump, stride, room / stride);
	if (dump->cursor)
		lost = dump->cursor->lost;

	if (!count) {
		if (!dump->resumable && lost == dump->lost_told) {
			genlmsg_cancel(skb, head);
			return 0;
		}
		if (put_end(skb, dump)) {
			genlmsg_cancel(skb, head);
			return -EMSGSIZE;
		}
	} else if (nla_put_u32(skb, KERNMLOPS_A_ROW_COUNT, count) ||
		   nla_put_uint(skb, KERNMLOPS_A_ROW_LOST, lost)) {
		genlmsg_cancel(skb, head);
		return -EMSGSIZE;
	}
	dump->lost_told = lost;
	genlmsg_end(skb, head);
	return skb->len;
}

int kernmlops_nl_row_dump_done(struct netlink_callback *cb)
{
	struct row_dump *dump = (void *)cb->ctx;

	kmlops_cursor_close(dump->cursor);
	if (dump->walk) {
		kmlops_map_walk_end(dump->walk);
		kfree(dump->walk);
	}
	kmlops_store_put(dump->store);
	return 0;
}
