// SPDX-License-Identifier: GPL-2.0-only
/*
 * Cursor: a heap of the CPUs' next rows.
 *
 * What a read covers is fixed when it begins: rows claimed later are not part
 * of it, so it ends however fast rows come.
 */
#include "cursor.h"

/* Tries to see a row under way; its writer is in a few dozen instructions. */
#define BUSY_TRIES	1000

/* Puts @head where it belongs below place @at. */
static void sift_down(struct kmlops_cursor *cursor, u32 at,
		      struct kmlops_cursor_head head)
{
	for (;;) {
		u32 child = 2 * at + 1;

		if (child >= cursor->nr)
			break;
		if (child + 1 < cursor->nr &&
		    cursor->heads[child + 1].time < cursor->heads[child].time)
			child++;
		if (cursor->heads[child].time >= head.time)
			break;
		cursor->heads[at] = cursor->heads[child];
		at = child;
	}
	cursor->heads[at] = head;
}

/* Moves @head to the first row at or after its position that can be read. */
static bool settle(struct kmlops_cursor *cursor,
		   const struct kmlops_history *history,
		   struct kmlops_cursor_head *head)
{
	int tries = 0;
	u64 oldest;
	int err;

	while (head->pos < head->end) {
		err = kmlops_history_read(history,
					  kmlops_ref(head->cpu, head->pos),
					  &head->time, NULL, NULL);
		if (!err)
			return head->time < cursor->to;
		if (err == -EAGAIN && ++tries < BUSY_TRIES)
			continue;
		tries = 0;
		oldest = kmlops_history_oldest(history, head->cpu);
		if (oldest > head->end)
			oldest = head->end;
		if (head->pos < oldest) {
			cursor->lost += oldest - head->pos;
			head->pos = oldest;
		} else {
			/* Dropped: counted by the history, not lost here. */
			head->pos++;
		}
	}
	return false;
}

/**
 * kmlops_cursor_open() - Begin a read
 * @history: the history; it must outlive the cursor
 * @from: only rows captured at or after this time
 * @to: only rows captured before this time
 *
 * Context: process; sleeps.
 * Return: the cursor, owned by the caller, or NULL without memory.
 */
struct kmlops_cursor *kmlops_cursor_open(const struct kmlops_history *history,
					 u64 from, u64 to)
{
	struct kmlops_cursor *cursor;
	u32 cpu, at;

	cursor = kmlops_alloc(struct_size(cursor, heads, history->nr_cpus),
			      NUMA_NO_NODE);
	if (!cursor)
		return NULL;

	if (from < READ_ONCE(history->watermark))
		from = READ_ONCE(history->watermark);
	cursor->to = to;
	for (cpu = 0; cpu < history->nr_cpus; cpu++) {
		struct kmlops_cursor_head *head = &cursor->heads[cursor->nr];

		if (!history->rings[cpu].slots)
			continue;
		head->cpu = cpu;
		head->end = kmlops_history_newest(history, cpu) + 1;
		head->pos = kmlops_history_seek(history, cpu, from);
		if (settle(cursor, history, head))
			cursor->nr++;
	}
	for (at = cursor->nr / 2; at-- > 0;)
		sift_down(cursor, at, cursor->heads[at]);
	return cursor;
}

void kmlops_cursor_close(struct kmlops_cursor *cursor)
{
	kmlops_free(cursor);
}

/**
 * kmlops_cursor_next() - Copy the next row
 * @cursor: the read
 * @history: its history
 * @ref: receives the reference of the row
 * @time: receives its time
 * @body: receives padded key and value, body_words words
 *
 * Return: 0, or -ENOENT at the end.
 */
int kmlops_cursor_next(struct kmlops_cursor *cursor,
		       const struct kmlops_history *history, u64 *ref,
		       u64 *time, u64 *body)
{
	while (cursor->nr) {
		struct kmlops_cursor_head head = cursor->heads[0];
		int err;

		*ref = kmlops_ref(head.cpu, head.pos);
		err = kmlops_history_read(history, *ref, time, NULL, body);
		if (err)
			cursor->lost++;	/* overwritten since it settled */
		head.pos++;
		if (!settle(cursor, history, &head)) {
			head = cursor->heads[--cursor->nr];
			if (!cursor->nr)
				return err ? -ENOENT : 0;
		}
		sift_down(cursor, 0, head);
		if (!err)
			return 0;
	}
	return -ENOENT;
}
