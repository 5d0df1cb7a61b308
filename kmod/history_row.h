/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writing and reading one row of the history log. Inline: a capture, and a read
 * of the latest row, are one function each from the BPF program on. What seldom
 * happens is in history.c. Portable.
 *
 * None of these functions returns a struct of 16 bytes: the kernel's stack is
 * aligned to 8, and for a value of 16 gcc makes a frame that is aligned.
 */
#ifndef KMLOPS_HISTORY_ROW_H
#define KMLOPS_HISTORY_ROW_H

#include "clock.h"
#include "history.h"
#include "words.h"

/**
 * struct kmlops_write - A row being captured
 * @ring: ring of the CPU
 * @slot: its slot
 * @ref: its reference
 * @time: its time
 */
struct kmlops_write {
	struct kmlops_ring *ring;
	struct kmlops_slot *slot;
	u64 ref;
	u64 time;
};

bool kmlops_history_claim_slowly(struct kmlops_history *history, u32 cpu,
				 struct kmlops_write *write);
void kmlops_history_drop(struct kmlops_ring *ring);

static __always_inline u64 *
kmlops_slot_value(const struct kmlops_history *history,
		  struct kmlops_slot *slot)
{
	return (u64 *)((u8 *)slot + history->value_at);
}

/*
 * Claims the row after @ref, the last one claimed, whose time is @last. That
 * fails if it is no longer the last one. @now was read after these two.
 */
static __always_inline bool
kmlops_history_try_claim(struct kmlops_ring *ring, u64 ref, u64 last, u64 now,
			 struct kmlops_write *write)
{
	write->ring = ring;
	write->ref = ref + 1;
	write->time = now;
	return kmlops_local_try_advance(&ring->head, ref, last, write->ref,
					&write->time);
}

/*
 * Claims a row on @cpu at the first try. That may fail, and it is not for
 * lossless histories.
 */
static __always_inline bool
kmlops_history_claim(struct kmlops_history *history, u32 cpu,
		     struct kmlops_write *write)
{
	struct kmlops_ring *ring = kmlops_opaque(&history->rings[cpu]);
	u64 ref = READ_ONCE(ring->head.ref);
	u64 last = READ_ONCE(ring->head.time);
	u64 now;

	return likely(kmlops_clock_try(&now)) &&
	       likely(kmlops_history_try_claim(ring, ref, last, now, write));
}

/* Makes the slot of a row that was claimed busy; false: it has to be dropped. */
static __always_inline bool
kmlops_history_occupy(const struct kmlops_history *history,
		      struct kmlops_write *write)
{
	struct kmlops_ring *ring = write->ring;
	struct kmlops_slot *slot;
	u64 seq, busy;

	slot = (struct kmlops_slot *)(ring->slots +
				      (write->ref & history->slot_mask) *
				      history->slot_size);
	busy = write->ref * 2 + 1;
	/* As a rule, the row that is a ring's length before is there. */
	seq = busy - history->lap;
	if (unlikely(!kmlops_local_try_cmpxchg(&slot->seq, &seq, busy)) &&
	    (seq & 1 || seq >= busy ||
	     !kmlops_local_try_cmpxchg(&slot->seq, &seq, busy)))
		return false;
	/* Readers that see a new word see the busy mark as well. */
	smp_wmb();

	/* The time is still that of the row before. */
	if (likely(READ_ONCE(slot->time) >= kmlops_peek(history->watermark)))
		kmlops_local_inc(&ring->overwritten);
	else if (seq)
		kmlops_local_inc(&ring->forgotten);
	WRITE_ONCE(slot->time, write->time);
	write->slot = slot;
	return true;
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
static inline bool kmlops_history_begin(struct kmlops_history *history, u32 cpu,
					struct kmlops_write *write)
{
	if (!kmlops_history_claim_slowly(history, cpu, write))
		return false;
	if (kmlops_history_occupy(history, write))
		return true;
	kmlops_history_drop(write->ring);
	return false;
}

/**
 * kmlops_history_reopen() - Make a row busy again
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
	u64 seq = write->ref << 1;

	if (kmlops_local_cmpxchg(&write->slot->seq, seq, seq | 1) != seq)
		return false;
	/* Readers that see a new word see the busy mark as well. */
	smp_wmb();
	return true;
}

/* Takes a row away again that was lapped; false: it was overwritten already. */
static inline bool kmlops_history_retract(const struct kmlops_write *write)
{
	if (!kmlops_history_reopen(write))
		return false;
	/* As a slot that was never written: whoever sees that sees no time. */
	WRITE_ONCE(write->slot->time, 0);
	/* After the time. */
	smp_store_release(&write->slot->seq, 0);
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
	smp_store_release(&write->slot->seq, write->ref << 1);
	return likely(READ_ONCE(write->ring->head.ref) - write->ref <=
		      history->slot_mask) ||
	       !kmlops_history_retract(write);
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

/* As kmlops_history_read(). */
static __always_inline int
kmlops_history_copy(const struct kmlops_history *history, u64 ref, u64 *time,
		    u64 *body)
{
	const struct kmlops_slot *slot = kmlops_history_slot(history, ref);
	u64 want = ref << 1;
	/* Read before the row, which it is of. */
	u64 seq = smp_load_acquire(&slot->seq);

	if (unlikely(seq != want))
		return seq == (want | 1) ? -EAGAIN : -ENOENT;
	*time = READ_ONCE(slot->time);
	if (body)
		kmlops_copy_out(body, slot->body, 8 * history->body_words);
	/* The row was whole if the sequence is still the same after all that. */
	smp_rmb();
	return likely(READ_ONCE(slot->seq) == want) ? 0 : -ENOENT;
}

static __always_inline bool kmlops_same_key(const u64 *words, const void *key,
					    u32 size)
{
	/* The most frequent size first. */
	if (likely(size == 4))
		return READ_ONCE(*words) == kmlops_load_word(key, 4);
	for (; size > 8; size -= 8, key = (const u8 *)key + 8)
		if (READ_ONCE(*words++) != kmlops_load_u64(key))
			return false;
	return READ_ONCE(*words) == kmlops_load_word(key, size);
}

/* As kmlops_history_read_linked(). */
static __always_inline int
kmlops_history_copy_linked(const struct kmlops_history *history, u64 ref,
			   const void *key, struct kmlops_slot *head,
			   void *value)
{
	const struct kmlops_slot *slot = kmlops_history_slot(history, ref);
	u64 want = ref << 1;
	/* Read before the row, which it is of. */
	u64 seq = smp_load_acquire(&slot->seq);
	bool match;

	if (unlikely(seq != want))
		return seq == (want | 1) ? -EAGAIN : -ENOENT;
	head->time = READ_ONCE(slot->time);
	head->prev = READ_ONCE(slot->prev) & ~KMLOPS_LINK_LATEST;
	head->order = READ_ONCE(slot->order);
	match = kmlops_same_key(slot->body, key, history->key_size);
	if (match && value)
		kmlops_copy_out(value, (u64 *)((u8 *)slot + history->value_at),
				history->value_size);
	/* The row was whole if the sequence is still the same after all that. */
	smp_rmb();
	if (unlikely(READ_ONCE(slot->seq) != want))
		return -ENOENT;
	return match ? 0 : -ESRCH;
}

/*
 * Reads time and value of the row that @link leads to, if it is there, its key
 * is the one asked for and no later row is behind it. @word is the key, and
 * @short_key true, if that is of one word.
 */
static __always_inline bool
kmlops_history_try_latest(const struct kmlops_history *history, u64 link,
			  const void *key, u32 key_size, bool short_key,
			  u64 word, void *value, u32 value_size, u64 *time)
{
	const struct kmlops_slot *slot;
	u64 seq = link << 1;

	/* Nor is there a row without the mark. */
	if (unlikely(!(link & KMLOPS_LINK_LATEST)))
		return false;
	slot = kmlops_history_slot(history, seq >> 1);
	if (unlikely(kmlops_peek(slot->seq) != seq))
		return false;
	/* Read before the row, which it is of. */
	smp_rmb();
	*time = READ_ONCE(slot->time);
	if (unlikely(*time < kmlops_peek(history->watermark)))
		return false;
	if (short_key) {
		if (unlikely(kmlops_peek(slot->body[0]) != word))
			return false;
		kmlops_copy_value_out(value, slot->body + 1, value_size);
	} else {
		if (unlikely(!kmlops_same_key(slot->body, key, key_size)))
			return false;
		kmlops_copy_out(value, (u64 *)((u8 *)slot + history->value_at),
				value_size);
	}
	/* The row was whole if the sequence is still the same after all that. */
	smp_rmb();
	return likely(kmlops_peek(slot->seq) == seq);
}

#endif /* KMLOPS_HISTORY_ROW_H */
