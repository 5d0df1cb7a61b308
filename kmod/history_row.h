/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writing and reading one row of the history log. Inline: a capture, and a read
 * of the latest row, are one function each from the BPF program on. What seldom
 * happens is in history.c. Portable.
 */
#ifndef KMLOPS_HISTORY_ROW_H
#define KMLOPS_HISTORY_ROW_H

#include "clock.h"
#include "history.h"
#include "words.h"

/* A position and its time. */
struct kmlops_claim {
	u64 pos;		/* 0: none */
	u64 time;
};

/**
 * struct kmlops_write - A row being captured
 * @ring: ring of the CPU
 * @slot: its slot
 * @pos: its position
 * @time: its time
 */
struct kmlops_write {
	struct kmlops_ring *ring;
	struct kmlops_slot *slot;
	u64 pos;
	u64 time;
};

struct kmlops_claim
kmlops_history_claim_again(const struct kmlops_history *history,
			   struct kmlops_ring *ring);
void kmlops_history_drop(struct kmlops_ring *ring);

/* Claims the position after @pos, unless an interrupt has claimed it. */
static __always_inline bool
kmlops_history_try_claim(struct kmlops_ring *ring, u64 pos,
			 struct kmlops_claim *claimed)
{
	u64 time, now;

	/*
	 * Not one read: an interrupt in between leaves a pair that never was,
	 * or one that is no longer. Both fail to exchange.
	 */
	time = READ_ONCE(ring->head.time);
	now = kmlops_clock_ns();
	if (now < time)
		now = time;
	claimed->pos = pos + 1;
	claimed->time = now;
	return kmlops_local_try_cmpxchg_pair(&ring->head, pos, time,
					     pos + 1, now);
}

/**
 * kmlops_history_begin() - Begin to capture a row
 * @history: the history
 * @cpu: the CPU this runs on, which must not change before the capture ends
 * @write: receives the row, its slot busy: the caller fills in prev, order, key
 *   and value, then calls kmlops_history_publish() and kmlops_history_end()
 *
 * Context: any, NMI included. Bounded, does not sleep.
 * Return: whether there is a slot; if not, the row was dropped and counted, and
 *   the capture has ended.
 */
static __always_inline bool
kmlops_history_begin(struct kmlops_history *history, u32 cpu,
		     struct kmlops_write *write)
{
	struct kmlops_ring *ring = &history->rings[cpu];
	struct kmlops_claim claimed;
	struct kmlops_slot *slot;
	u64 seq, old_time;

	if (unlikely(history->lossless ||
		     !kmlops_history_try_claim(ring, READ_ONCE(ring->head.pos),
					       &claimed))) {
		claimed = kmlops_history_claim_again(history, ring);
		if (!claimed.pos)
			return false;
	}

	slot = (struct kmlops_slot *)(ring->slots + history->slot_size *
				      (claimed.pos &
				       (history->slots_per_cpu - 1)));
	seq = READ_ONCE(slot->seq);
	old_time = READ_ONCE(slot->time);
	if (unlikely(seq & 1 || seq >= claimed.pos << 1 ||
		     !kmlops_local_try_cmpxchg(&slot->seq, &seq,
					       claimed.pos << 1 | 1))) {
		kmlops_history_drop(ring);
		return false;
	}
	/* Readers that see a new word see the busy mark as well. */
	smp_wmb();

	if (likely(seq)) {
		if (unlikely(old_time < READ_ONCE(history->watermark)))
			kmlops_local_inc(&ring->forgotten);
		else
			kmlops_local_inc(&ring->overwritten);
	}
	WRITE_ONCE(slot->time, claimed.time);
	write->ring = ring;
	write->slot = slot;
	write->pos = claimed.pos;
	write->time = claimed.time;
	return true;
}

/**
 * kmlops_history_publish() - Show a row to readers
 * @history: the history
 * @write: the row, busy
 *
 * Context: any, NMI included, on the CPU that captures the row.
 * Return: whether the row is there; if not, the writer was lapped: the row is
 *   gone and waits to be counted.
 */
static __always_inline bool
kmlops_history_publish(const struct kmlops_history *history,
		       const struct kmlops_write *write)
{
	/* Readers that see this see the row. */
	smp_store_release(&write->slot->seq, write->pos << 1);
	return likely(READ_ONCE(write->ring->head.pos) - write->pos <
		      history->slots_per_cpu) ||
	       kmlops_local_cmpxchg(&write->slot->seq, write->pos << 1, 0) !=
	       write->pos << 1;
}

/**
 * kmlops_history_reopen() - Make a row busy again, to change prev and order
 * @write: the row
 *
 * A row that a writer changed without this could be another one by then, from
 * an interrupt that went round the whole ring.
 *
 * Context: any, NMI included, on the CPU that captures the row.
 * Return: whether the row is still there, and busy now.
 */
static inline bool kmlops_history_reopen(const struct kmlops_write *write)
{
	u64 seq = write->pos << 1;

	if (kmlops_local_cmpxchg(&write->slot->seq, seq, seq | 1) != seq)
		return false;
	/* Readers that see a new word see the busy mark as well. */
	smp_wmb();
	return true;
}

/* A reopened row was lapped: it has been there, so it is overwritten now. */
static inline void kmlops_history_lapped(const struct kmlops_write *write)
{
	kmlops_local_inc(&write->ring->overwritten);
}

/**
 * kmlops_history_end() - End a capture
 * @write: the row
 * @stored: whether it is there, or was; if not, it is counted as dropped
 *
 * Context: any, NMI included, on the CPU that captures the row.
 */
static __always_inline void
kmlops_history_end(const struct kmlops_write *write, bool stored)
{
	if (unlikely(!stored))
		kmlops_local_inc(&write->ring->busy);
	kmlops_local_inc(&write->ring->finished);
}

static inline bool kmlops_same_key(const u64 *words, const void *key, u32 size)
{
	for (; size > 8; size -= 8, key = (const u8 *)key + 8)
		if (READ_ONCE(*words++) != kmlops_load_u64(key))
			return false;
	return READ_ONCE(*words) == kmlops_load_word(key, size);
}

/**
 * kmlops_history_read_linked() - Read a row that the key index refers to
 * @history: the history
 * @ref: reference of the row
 * @key: the key
 * @head: receives the row's time, prev and order
 * @value: receives the value, value_size bytes, if the row has that key, and
 *   is undefined otherwise; or NULL
 *
 * Context: any, NMI included.
 * Return: 0; or -ESRCH if the row has another key (@head is valid); -ENOENT if
 *   it is not (or no longer) there; -EAGAIN if it is being written just now.
 */
static __always_inline int
kmlops_history_read_linked(const struct kmlops_history *history, u64 ref,
			   const void *key, struct kmlops_slot *head,
			   void *value)
{
	const struct kmlops_slot *slot = kmlops_history_slot(history, ref);
	u64 want = kmlops_ref_pos(ref) << 1;
	u64 seq = smp_load_acquire(&slot->seq);
	bool match;

	if (unlikely(seq != want))
		return seq == (want | 1) ? -EAGAIN : -ENOENT;
	head->time = READ_ONCE(slot->time);
	head->prev = READ_ONCE(slot->prev);
	head->order = READ_ONCE(slot->order);
	match = kmlops_same_key(slot->body, key, history->key_size);
	if (likely(match) && value)
		kmlops_copy_out(value, slot->body + history->key_words,
				history->value_size);
	/* The row was whole if the sequence is still the same after all that. */
	smp_rmb();
	if (unlikely(READ_ONCE(slot->seq) != want))
		return -ENOENT;
	return match ? 0 : -ESRCH;
}

#endif /* KMLOPS_HISTORY_ROW_H */
