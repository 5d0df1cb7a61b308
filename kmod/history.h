/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * History log: the rows of a store, in one ring of fixed-size slots per CPU.
 * Portable. Documentation/kernmlops/store.rst states the invariants.
 */
#ifndef KMLOPS_HISTORY_H
#define KMLOPS_HISTORY_H

#include "portable.h"
#include <linux/kernmlops_row.h>

/*
 * A row is known by its reference: the CPU it was captured on and its
 * position, the number of the row on that CPU, from 1. 0 is no row.
 */
#define KMLOPS_REF_POS_BITS	52
#define KMLOPS_REF_POS_MASK	((1ULL << KMLOPS_REF_POS_BITS) - 1)
/* One bit less than there is room for: that is KMLOPS_LINK_LATEST. */
#define KMLOPS_CPUS_MAX		(1U << (63 - KMLOPS_REF_POS_BITS))

/*
 * In a link to a row, beside its reference: no row behind it in its chain is
 * later. Shifted out where a link is made into a sequence.
 */
#define KMLOPS_LINK_LATEST	0x8000000000000000ULL

static inline u64 kmlops_ref(u32 cpu, u64 pos)
{
	return (u64)cpu << KMLOPS_REF_POS_BITS | pos;
}

static inline u32 kmlops_ref_cpu(u64 ref)
{
	return ref >> KMLOPS_REF_POS_BITS;
}

static inline u64 kmlops_ref_pos(u64 ref)
{
	return ref & KMLOPS_REF_POS_MASK;
}

/**
 * struct kmlops_slot - One row in a ring
 * @seq: reference << 1, plus 1 while the row is being written; 0: never written
 * @time: time of capture
 * @prev: link to the row that was linked at the same place of the key index
 *   before
 * @order: latest time of this row and of those behind @prev
 * @body: key and value, each padded with zeros to 8 bytes
 */
struct kmlops_slot {
	u64 seq;
	u64 time;
	u64 prev;
	u64 order;
	u64 body[];
};

/* The last row claimed on a CPU and its time, always changed as one. */
struct kmlops_head {
	u64 ref;
	u64 time;
} __attribute__((aligned(16)));

/* Ring of one CPU. All but @consumed is written by that CPU only. */
struct kmlops_ring {
	struct kmlops_head head;
	u64 finished;		/* claimed positions that are stored or dropped */
	u64 unclaimed;		/* captures that could not claim a position */
	u64 busy;		/* rows that met a slot under way, or were lapped */
	u64 overwritten;
	u64 forgotten;		/* rows overwritten after truncation hid them */
	u8 *slots;
	u64 consumed ____cacheline_aligned; /* lossless: rows up to here may go */
} ____cacheline_aligned;

struct kmlops_history {
	u32 key_size;
	u32 value_size;
	u32 key_words;		/* 8-byte words of the padded key */
	u32 body_words;		/* of padded key and value */
	u32 nr_cpus;
	u32 value_at;		/* where in a slot the value is, in bytes */
	bool lossless;		/* drop new rows rather than unconsumed ones */
	u64 slot_size;
	u64 slots_per_cpu;	/* a power of two */
	u64 slot_mask;		/* of a reference: which slot of the ring */
	u64 lap;		/* from a sequence one round before to busy */
	u64 watermark;		/* rows captured before this time are truncated */
	struct kmlops_ring rings[];
};

/* Rows by what became of them: captured = the sum of the others. */
struct kmlops_history_stats {
	u64 captured;
	u64 stored;
	u64 overwritten;
	u64 dropped;
	u64 truncated;
};

u64 kmlops_history_slots_per_cpu(u64 rows, u32 nr_cpus);
u64 kmlops_history_bytes(u32 key_size, u32 value_size, u64 slots_per_cpu,
			 u32 nr_cpus);
struct kmlops_history *kmlops_history_create(u32 key_size, u32 value_size,
					     u64 slots_per_cpu, u32 nr_cpus,
					     int (*node_of)(unsigned int cpu));
void kmlops_history_destroy(struct kmlops_history *history);

struct kmlops_slot *kmlops_history_append(struct kmlops_history *history,
					  u32 cpu, const void *key,
					  const void *value, u64 *ref,
					  u64 *time);
int kmlops_history_read(const struct kmlops_history *history, u64 ref,
			u64 *time, u64 *body);
int kmlops_history_read_linked(const struct kmlops_history *history, u64 ref,
			       const void *key, struct kmlops_slot *head,
			       void *value);
u64 kmlops_history_oldest(const struct kmlops_history *history, u32 cpu);
u64 kmlops_history_newest(const struct kmlops_history *history, u32 cpu);
bool kmlops_history_settled(const struct kmlops_history *history, u32 cpu,
			    u64 *pos);
u64 kmlops_history_seek(const struct kmlops_history *history, u32 cpu,
			u64 time);
u64 kmlops_history_nearest(const struct kmlops_history *history, u64 time);
void kmlops_history_consume(struct kmlops_history *history, u32 cpu, u64 pos);
void kmlops_history_truncate(struct kmlops_history *history, u64 before);
void kmlops_history_stats(const struct kmlops_history *history, bool exact,
			  struct kmlops_history_stats *stats);

static inline struct kmlops_slot *
kmlops_history_slot(const struct kmlops_history *history, u64 ref)
{
	const struct kmlops_ring *ring = &history->rings[kmlops_ref_cpu(ref)];

	return (struct kmlops_slot *)(ring->slots + (ref & history->slot_mask) *
				      history->slot_size);
}

/* Distance between packed rows of @history in bytes. */
static inline u32 kmlops_row_stride(const struct kmlops_history *history)
{
	return sizeof(struct kmlops_row) + 8 * history->body_words;
}

#endif /* KMLOPS_HISTORY_H */
