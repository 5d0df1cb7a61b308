// SPDX-License-Identifier: GPL-2.0-only
/*
 * Cursor: a heap of the CPUs' next rows.
 *
 * What a read covers is fixed when it begins: rows claimed later are not part
 * of it, so it ends however fast rows come.
 *
 * A scan gives the same order without a heap: it stays on one CPU as long as
 * no other can have an earlier row, and then looks at all of them again.
 */
#include "clock.h"
#include "cursor.h"
#include "history_row.h"

/* Tries to see a row under way; its writer is in a few dozen instructions. */
#define BUSY_TRIES	1000
/* Tries to find a next row that is not overwritten at once. */
#define SCAN_TRIES	16

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
					  &head->time, NULL);
		cursor->next[head->cpu] = head->pos;
		if (!err && head->time >= cursor->from)
			return head->time < cursor->to;
		if (!err) {
			/* It was under way when rows were sought by time. */
			head->pos++;
			continue;
		}
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
	cursor->next[head->cpu] = head->pos;
	return false;
}

/* Where a read of @cpu ends that is to be resumed: nothing is under way. */
static u64 settled_end(const struct kmlops_history *history, u32 cpu, u64 start)
{
	int tries;
	u64 pos;

	for (tries = 0; tries < BUSY_TRIES; tries++)
		if (kmlops_history_settled(history, cpu, &pos))
			return pos + 1;
	return start;
}

/*
 * Begins at @pos, or at the row that was found by time if that comes later:
 * then rows before @pos were overwritten, or are of before that time.
 */
static void resume_cpu(struct kmlops_cursor *cursor,
		       const struct kmlops_history *history,
		       struct kmlops_cursor_head *head, u64 pos)
{
	u64 oldest = kmlops_history_oldest(history, head->cpu);

	if (oldest > head->pos)
		oldest = head->pos;
	if (pos < oldest)
		cursor->lost += oldest - pos;
	/* No position of the caller leads beyond what was claimed. */
	if (pos > head->end)
		pos = head->end;
	if (head->pos < pos)
		head->pos = pos;
}

static void begin_cpu(struct kmlops_cursor *cursor,
		      const struct kmlops_history *history, u32 cpu, u64 from,
		      const u64 *resume)
{
	struct kmlops_cursor_head *head = &cursor->heads[cursor->nr];

	if (!history->rings[cpu].slots)
		return;
	head->cpu = cpu;
	head->pos = kmlops_history_seek(history, cpu, from);
	head->end = kmlops_history_newest(history, cpu) + 1;
	if (resume) {
		if (resume[cpu])
			resume_cpu(cursor, history, head, resume[cpu]);
		head->end = settled_end(history, cpu, head->pos);
	}
	cursor->next[cpu] = head->pos;
	if (settle(cursor, history, head))
		cursor->nr++;
}

/**
 * kmlops_cursor_open() - Begin a read
 * @history: the history; it must outlive the cursor
 * @from: only rows captured at or after this time
 * @to: only rows captured before this time
 * @resume: per CPU, the position to begin at, 0 for one that @from finds; a
 *   read that is begun at the positions where another one ended (next) gives
 *   each row once, however many were captured meanwhile. NULL: not resumed
 *
 * Context: process; sleeps.
 * Return: the cursor, owned by the caller, or NULL without memory.
 */
struct kmlops_cursor *kmlops_cursor_open(const struct kmlops_history *history,
					 u64 from, u64 to, const u64 *resume)
{
	struct kmlops_cursor *cursor;
	u32 cpu, at;
	u64 now;

	cursor = kmlops_alloc(struct_size(cursor, heads, history->nr_cpus) +
			      history->nr_cpus * sizeof(*cursor->next),
			      NUMA_NO_NODE);
	if (!cursor)
		return NULL;
	cursor->next = (u64 *)&cursor->heads[history->nr_cpus];

	if (from < READ_ONCE(history->watermark))
		from = READ_ONCE(history->watermark);
	/*
	 * One moment for all CPUs, so that reads resumed stay in order, but for
	 * captures that have read the clock and claimed no position yet.
	 */
	now = kmlops_clock_ns();
	cursor->from = from;
	cursor->to = to < now || !resume ? to : now;
	for (cpu = 0; cpu < history->nr_cpus; cpu++)
		begin_cpu(cursor, history, cpu, from, resume);
	for (at = cursor->nr / 2; at-- > 0;)
		sift_down(cursor, at, cursor->heads[at]);
	return cursor;
}

void kmlops_cursor_close(struct kmlops_cursor *cursor)
{
	kmlops_free(cursor);
}

/*
 * Puts @head, which was the first, where its next row belongs. A row that was
 * overwritten since it was found is counted as lost here.
 */
static void advance(struct kmlops_cursor *cursor,
		    const struct kmlops_history *history,
		    struct kmlops_cursor_head head)
{
	if (!settle(cursor, history, &head)) {
		if (!--cursor->nr)
			return;
		head = cursor->heads[cursor->nr];
	}
	sift_down(cursor, 0, head);
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
		err = kmlops_history_read(history, *ref, time, body);
		if (!err)
			head.pos++;
		advance(cursor, history, head);
		if (!err)
			return 0;
	}
	return -ENOENT;
}

/*
 * Copies rows of the first CPU as long as they are there and no other CPU has
 * an earlier one. Returns how many; @head goes beyond them.
 */
static u32 copy_run(const struct kmlops_cursor *cursor,
		    const struct kmlops_history *history,
		    struct kmlops_cursor_head *head, void *rows, u32 stride,
		    u32 max)
{
	u64 last = cursor->to - 1;
	u32 n, child;

	for (child = 1; child <= 2 && child < cursor->nr; child++)
		if (cursor->heads[child].time < last)
			last = cursor->heads[child].time;
	for (n = 0; n < max && head->pos < head->end; n++, head->pos++) {
		struct kmlops_row *row = rows + (size_t)n * stride;
		u64 ref = kmlops_ref(head->cpu, head->pos);
		u64 time;

		if (kmlops_history_copy(history, ref, &time, (u64 *)(row + 1)))
			break;
		if (time > last || time < cursor->from)
			break;
		row->time = time;
		row->seq = ref;
	}
	return n;
}

/**
 * kmlops_cursor_fill() - Copy the next rows
 * @cursor: the read
 * @history: its history
 * @rows: receives packed rows, at the distance of kmlops_row_stride()
 * @max: how many rows at most
 *
 * Return: how many rows; 0 at the end.
 */
u32 kmlops_cursor_fill(struct kmlops_cursor *cursor,
		       const struct kmlops_history *history,
		       struct kmlops_row *rows, u32 max)
{
	u32 stride = kmlops_row_stride(history);
	u32 n = 0, copied;

	while (n < max && cursor->nr) {
		struct kmlops_cursor_head head = cursor->heads[0];

		copied = copy_run(cursor, history, &head,
				  (void *)rows + (size_t)n * stride, stride,
				  max - n);
		n += copied;
		advance(cursor, history, head);
	}
	return n;
}

/* A read of the rows captured in [@from, @to). */
void kmlops_scan_begin(struct kmlops_scan *scan, u64 from, u64 to)
{
	memset(scan, 0, sizeof(*scan));
	scan->time = from;
	scan->to = to;
}

/*
 * First readable row of @cpu at or after @pos that was captured at or after
 * @from; its time, or 0 without one. Rows that were under way when @pos was
 * sought by time may be earlier.
 */
static u64 first_from(const struct kmlops_history *history, u32 cpu, u64 pos,
		      u64 from, u64 *ref)
{
	u64 oldest = kmlops_history_oldest(history, cpu);
	u64 newest = kmlops_history_newest(history, cpu);
	u64 time;

	if (pos < oldest)
		pos = oldest;
	for (; pos <= newest; pos++) {
		*ref = kmlops_ref(cpu, pos);
		if (!kmlops_history_read(history, *ref, &time, NULL) &&
		    time >= from)
			return time;
	}
	return 0;
}

/* Finds the next row among all CPUs, and up to when no other CPU has one. */
static void look_around(struct kmlops_scan *scan,
			const struct kmlops_history *history)
{
	u64 best = ~0ULL, second = ~0ULL, ref, time, pos;
	u32 cpu, last_cpu = kmlops_ref_cpu(scan->ref);

	scan->next = 0;
	for (cpu = 0; cpu < history->nr_cpus; cpu++) {
		if (!history->rings[cpu].slots)
			continue;
		/* Rows of one time are in order of their CPUs. */
		if (scan->ref && cpu == last_cpu)
			pos = kmlops_ref_pos(scan->ref) + 1;
		else
			pos = kmlops_history_seek(history, cpu, scan->time +
						  (scan->ref &&
						   cpu < last_cpu));
		time = first_from(history, cpu, pos, scan->time, &ref);
		if (!time)
			continue;
		if (time < best) {
			second = best;
			best = time;
			scan->next = ref;
		} else if (time < second) {
			second = time;
		}
	}
	scan->bound = second;
}

/**
 * kmlops_scan_next() - Find the next row
 * @scan: the read; receives time and reference of the row
 * @history: its history
 *
 * Context: any, NMI included. Bounded by the number of CPUs and the logarithm
 * of the rows, but for runs of dropped ones.
 * Return: 0, or -ENOENT at the end.
 */
int kmlops_scan_next(struct kmlops_scan *scan,
		     const struct kmlops_history *history)
{
	u64 watermark = READ_ONCE(history->watermark);
	u32 cpu = kmlops_ref_cpu(scan->next);
	u64 time = 0, ref;
	int tries;

	if (scan->time < watermark) {
		scan->time = watermark;
		scan->ref = 0;
		scan->next = 0;
	}
	/* Numbers that may have been changed must still name a ring. */
	if (scan->next && cpu < history->nr_cpus) {
		cpu = array_index_nospec(cpu, history->nr_cpus);
		if (history->rings[cpu].slots)
			time = first_from(history, cpu,
					  kmlops_ref_pos(scan->next),
					  scan->time, &ref);
	}
	if (!time || time >= scan->bound) {
		if (kmlops_ref_cpu(scan->ref) >= history->nr_cpus)
			return -ENOENT;
		for (tries = 0; tries < SCAN_TRIES; tries++) {
			look_around(scan, history);
			if (!scan->next)
				return -ENOENT;
			if (!kmlops_history_read(history, scan->next, &time,
						 NULL))
				break;
		}
		if (tries == SCAN_TRIES)
			return -ENOENT;
		ref = scan->next;
	}
	if (time >= scan->to)
		return -ENOENT;
	scan->time = time;
	scan->ref = ref;
	scan->next = ref + 1;
	return 0;
}
