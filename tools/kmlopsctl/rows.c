// SPDX-License-Identifier: GPL-2.0-only
/* Rows of a store, read from the kernel. */
#include <errno.h>
#include <string.h>
#include <linux/kernmlops.h>

#include "netlink.h"
#include "rows.h"

int rows_to_writer(const void *rows, uint32_t nr, void *writer)
{
	struct row_writer *to = writer;

	rows_write(to, rows, nr);
	if (ferror(to->out))
		return errno ? -errno : -EIO;
	return 0;
}

struct dump {
	uint32_t row_size;
	rows_taker take;
	void *arg;
	struct row_cursor *cursor;
	uint64_t *lost;
};

static int on_rows(struct nlmsghdr *nlh, void *arg)
{
	struct nlattr *tb[KERNMLOPS_A_ROW_MAX + 1];
	struct dump *dump = arg;
	uint32_t nr;
	int err;

	err = nlc_parse(nlh, tb, KERNMLOPS_A_ROW_MAX);
	if (err)
		return err;
	/* A running total, in the last message if not in each. */
	if (tb[KERNMLOPS_A_ROW_LOST])
		*dump->lost = nlc_uint(tb[KERNMLOPS_A_ROW_LOST]);
	if (tb[KERNMLOPS_A_ROW_CURSOR] && dump->cursor) {
		dump->cursor->size = nla_len(tb[KERNMLOPS_A_ROW_CURSOR]);
		dump->cursor->data = xrealloc(dump->cursor->data,
					      dump->cursor->size);
		memcpy(dump->cursor->data, nla_data(tb[KERNMLOPS_A_ROW_CURSOR]),
		       dump->cursor->size);
	}
	if (!tb[KERNMLOPS_A_ROW_ROWS])
		return 0;

	nr = nlc_uint(tb[KERNMLOPS_A_ROW_COUNT]);
	if (nlc_uint(tb[KERNMLOPS_A_ROW_ROW_SIZE]) != dump->row_size ||
	    (uint64_t)nr * dump->row_size > nla_len(tb[KERNMLOPS_A_ROW_ROWS]))
		return -EBADMSG;
	return dump->take(nla_data(tb[KERNMLOPS_A_ROW_ROWS]), nr, dump->arg);
}

int rows_dump(const char *store, const struct row_range *range,
	      struct row_cursor *cursor, const struct columns *columns,
	      rows_taker take, void *arg, uint64_t *lost)
{
	struct nl_msg *msg = nlc_new(KERNMLOPS_CMD_ROW_GET);
	struct dump dump = {
		.row_size = columns->row_size,
		.take = take,
		.arg = arg,
		.cursor = cursor,
		.lost = lost,
	};

	*lost = 0;
	nlc_put_string(msg, KERNMLOPS_A_ROW_STORE, store);
	if (range->has_from)
		nlc_put_uint(msg, KERNMLOPS_A_ROW_FROM, range->from);
	if (range->has_to)
		nlc_put_uint(msg, KERNMLOPS_A_ROW_TO, range->to);
	if (cursor)
		nlc_put(msg, KERNMLOPS_A_ROW_CURSOR, cursor->data,
			cursor->size);
	return nlc_dump(msg, on_rows, &dump);
}

int rows_consume(const char *store, const struct row_cursor *cursor)
{
	struct nl_msg *msg = nlc_new(KERNMLOPS_CMD_ROW_CONSUME);

	nlc_put_string(msg, KERNMLOPS_A_ROW_STORE, store);
	nlc_put(msg, KERNMLOPS_A_ROW_CURSOR, cursor->data, cursor->size);
	return nlc_request(msg, NULL, NULL);
}
