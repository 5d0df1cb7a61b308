// SPDX-License-Identifier: GPL-2.0-only
/*
 * History log.
 *
 * A writer claims the next position of its CPU and the time of the row in one
 * 16-byte compare and exchange. If an interrupt or NMI captured in between,
 * the exchange fails and the time is taken again: positions and times of a CPU
 * grow together whatever the nesting.
 *
 * The slot is then marked busy, filled and published. A writer that was
 * interrupted while busy can be lapped by nested writers; whoever finds a slot
 * busy, or holding a later row than its own, drops its own row and counts it.
 * So does the lapped writer: its row would lie outside of what readers see.
 *
 * Readers check the slot's sequence before and after the copy.
 */
#include "clock.h"
#include "history_row.h"

/* Each failure is a capture nested in the few instructions of another. */
#define CLAIM_TRIES	16

static u64 slot_size(u32 key_size, u32 value_size)
{
	return sizeof(struct kmlops_slot) +
	       8ULL * (kmlops_words(key_size) + kmlops_words(value_size));
}

/* The next power of two that gives each CPU its share of @rows, at least 8. */
u64 kmlops_history_slots_per_cpu(u64 rows, u32 nr_cpus)
{
	u64 share = rows / nr_cpus + !!(rows % nr_cpus);

	return share <= 8 ? 8 : roundup_pow_of_two(share);
}

/* Memory of such a history in bytes, or S64_MAX where that does not fit s64. */
u64 kmlops_history_bytes(u32 key_size, u32 value_size, u64 slots_per_cpu,
			 u32 nr_cpus)
{
	struct kmlops_history *history = NULL;
	u64 slots, bytes;

	if (__builtin_mul_overflow(slots_per_cpu, nr_cpus, &slots) ||
	    __builtin_mul_overflow(slots, slot_size(key_size, value_size),
				   &bytes) ||
	    bytes > S64_MAX - struct_size(history, rings, nr_cpus))
		return S64_MAX;
	return bytes + struct_size(history, rings, nr_cpus);
}

/**
 * kmlops_history_create() - Allocate an empty history
 * @key_size: bytes of a key
 * @value_size: bytes of a value
 * @slots_per_cpu: rows each CPU retains, a power of two
 * @nr_cpus: number of rings, at most KMLOPS_CPUS_MAX
 * @node_of: NUMA node of a CPU, or -1 if that CPU cannot exist and needs no
 *   ring memory, as CPU 0 always can; NULL for no placement
 *
 * Context: process; sleeps.
 * Return: the history, owned by the caller, or NULL without memory.
 */
struct kmlops_history *kmlops_history_create(u32 key_size, u32 value_size,
					     u64 slots_per_cpu, u32 nr_cpus,
					     int (*node_of)(unsigned int cpu))
{
	u64 size = slot_size(key_size, value_size);
	struct kmlops_history *history;
	u32 cpu;

	/* A power of two, as that is aligned enough for the 16-byte head. */
	history = kmlops_alloc(roundup_pow_of_two(struct_size(history, rings,
							      nr_cpus)),
			       NUMA_NO_NODE);
	if (!history)
		return NULL;

	history->key_size = key_size;
	history->value_size = value_size;
	history->key_words = kmlops_words(key_size);
	history->body_words = history->key_words + kmlops_words(value_size);
	history->value_at = sizeof(struct kmlops_slot) + 8 * history->key_words;
	history->slot_size = size;
	history->nr_cpus = nr_cpus;
	history->slots_per_cpu = slots_per_cpu;
	history->slot_mask = slots_per_cpu - 1;
	history->lap = 2 * slots_per_cpu + 1;
	/* So that slots never written, whose time is 0, are before it. */
	history->watermark = 1;

	for (cpu = 0; cpu < nr_cpus; cpu++) {
		int node = node_of ? node_of(cpu) : NUMA_NO_NODE;

		history->rings[cpu].head.ref = kmlops_ref(cpu, 0);
		if (node_of && node < 0)
			continue;
		history->rings[cpu].slots = kmlops_alloc(size * slots_per_cpu,
							 node);
		if (!history->rings[cpu].slots) {
			kmlops_history_destroy(history);
			return NULL;
		}
	}
	return history;
}

void kmlops_history_destroy(struct kmlops_history *history)
{
	u32 cpu;

	if (!history)
		return;
	for (cpu = 0; cpu < history->nr_cpus; cpu++)
		kmlops_free(history->rings[cpu].slots);
	kmlops_free(history);
}

/* Claims a row on @cpu, unless the history is lossless and full. */
bool kmlops_history_claim_slowly(struct kmlops_history *history, u32 cpu,
				 struct kmlops_write *write)
{
	struct kmlops_ring *ring = &history->rings[cpu];
	u64 last;
	int tries;

	for (tries = 0; tries < CLAIM_TRIES; tries++) {
		u64 ref = READ_ONCE(ring->head.ref);

		if (unlikely(history->lossless) &&
		    kmlops_ref_pos(ref) - READ_ONCE(ring->consumed) >=
		    history->slots_per_cpu)
			break;
		/*
		 * Not read at once with the reference: an interrupt in between
		 * leaves a pair that never was, or one that is no longer.
		 * Both fail to exchange.
		 */
		last = READ_ONCE(ring->head.time);
		if (kmlops_history_try_claim(ring, ref, last, kmlops_clock_ns(),
					     write))
			return true;
	}
	kmlops_local_inc(&ring->unclaimed);
	return false;
}

/* Counts a row that has a position but no place. */
void kmlops_history_drop(struct kmlops_ring *ring)
{
	kmlops_local_inc(&ring->busy);
	kmlops_local_inc(&ring->finished);
}

/**
 * kmlops_history_append() - Capture a row that is found by time only
 * @history: the history
 * @cpu: the CPU this runs on, which must not change before the return
 * @key: the key, of the history's key size
 * @value: the value, of the history's value size
 * @ref: receives the reference of the row
 * @time: receives its time
 *
 * Context: any, NMI included. Bounded, does not sleep.
 * Return: the slot of the row, or NULL if it was dropped and counted.
 */
struct kmlops_slot *kmlops_history_append(struct kmlops_history *history,
					  u32 cpu, const void *key,
					  const void *value, u64 *ref,
					  u64 *time)
{
	struct kmlops_write write;
	bool stored;

	if (!kmlops_history_begin(history, cpu, &write))
		return NULL;
	WRITE_ONCE(write.slot->prev, 0);
	WRITE_ONCE(write.slot->order, 0);
	kmlops_copy_in(write.slot->body, key, history->key_size);
	kmlops_copy_in(kmlops_slot_value(history, write.slot), value,
		       history->value_size);
	stored = kmlops_history_publish(history, &write);
	kmlops_history_end(&write, stored);
	*ref = write.ref;
	*time = write.time;
	return stored ? write.slot : NULL;
}

/**
 * kmlops_history_read() - Copy a row
 * @history: the history
 * @ref: reference of the row
 * @time: receives its time
 * @body: receives padded key and value, body_words words; or NULL
 *
 * Context: any, NMI included.
 * Return: 0, or -ENOENT if the row is not (or no longer) there, or -EAGAIN if
 *   it is being written just now. @body is undefined on error.
 */
int kmlops_history_read(const struct kmlops_history *history, u64 ref,
			u64 *time, u64 *body)
{
	return kmlops_history_copy(history, ref, time, body);
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
int kmlops_history_read_linked(const struct kmlops_history *history, u64 ref,
			       const void *key, struct kmlops_slot *head,
			       void *value)
{
	return kmlops_history_copy_linked(history, ref, key, head, value);
}

/* Position of the newest row claimed on @cpu; 0 if there is none. */
u64 kmlops_history_newest(const struct kmlops_history *history, u32 cpu)
{
	return kmlops_ref_pos(READ_ONCE(history->rings[cpu].head.ref));
}

/* Oldest position of @cpu that is not overwritten, or will not be at once. */
u64 kmlops_history_oldest(const struct kmlops_history *history, u32 cpu)
{
	u64 newest = kmlops_history_newest(history, cpu);

	return newest > history->slots_per_cpu ?
	       newest - history->slots_per_cpu + 1 : 1;
}

/*
 * Whether no capture of @cpu is under way; then @pos receives the newest
 * position, and each position up to it is stored or dropped for good.
 */
bool kmlops_history_settled(const struct kmlops_history *history, u32 cpu,
			    u64 *pos)
{
	const struct kmlops_ring *ring = &history->rings[cpu];
	/* Before the head: all that is counted here was claimed earlier. */
	u64 finished = smp_load_acquire(&ring->finished);

	*pos = kmlops_history_newest(history, cpu);
	return *pos == finished;
}

/* Lossless histories: rows of @cpu up to @pos have been read and may go. */
void kmlops_history_consume(struct kmlops_history *history, u32 cpu, u64 pos)
{
	struct kmlops_ring *ring = &history->rings[cpu];
	u64 newest = kmlops_history_newest(history, cpu);
	u64 old = READ_ONCE(ring->consumed);
	u64 seen;

	if (pos > newest)
		pos = newest;
	while (pos > old) {
		seen = cmpxchg(&ring->consumed, old, pos);
		if (seen == old)
			break;
		old = seen;
	}
}

/**
 * kmlops_history_seek() - Find a row by time
 * @history: the history
 * @cpu: whose rows
 * @time: the time
 *
 * Context: any; logarithmic in the rows, but for runs of dropped ones.
 * Return: the first position of @cpu captured at or after @time; one more than
 *   the newest if there is none.
 */
u64 kmlops_history_seek(const struct kmlops_history *history, u32 cpu,
			u64 time)
{
	u64 low = kmlops_history_oldest(history, cpu);
	u64 end = kmlops_history_newest(history, cpu) + 1;
	u64 high = end;

	if (!history->rings[cpu].slots)
		return end;
	while (low < high) {
		u64 middle = low + (high - low) / 2;
		u64 probe = middle;
		u64 at = 0;
		int err;

		/* A dropped row has no time: ask the next one that has. */
		do {
			err = kmlops_history_read(history,
						  kmlops_ref(cpu, probe),
						  &at, NULL);
		} while (err && ++probe < high);

		if (probe == high && err)
			high = middle;
		else if (at < time)
			low = probe + 1;
		else
			high = middle;
	}
	return low;
}

/* Reference of a readable row of @cpu from @pos on, in steps of @step. */
static u64 readable_from(const struct kmlops_history *history, u32 cpu,
			 u64 pos, int step, u64 *time)
{
	u64 oldest = kmlops_history_oldest(history, cpu);
	u64 newest = kmlops_history_newest(history, cpu);

	for (; pos >= oldest && pos <= newest; pos += step) {
		if (kmlops_history_read(history, kmlops_ref(cpu, pos), time,
					NULL))
			continue;
		if (*time >= READ_ONCE(history->watermark))
			return kmlops_ref(cpu, pos);
		if (step < 0)
			break;
	}
	return 0;
}

/**
 * kmlops_history_nearest() - Find the row nearest to a time
 * @history: the history
 * @time: the time
 *
 * Context: any; proportional to the number of CPUs, logarithmic in the rows.
 * Return: reference of the row, the earlier one if two are as near; 0 if there
 *   is no row.
 */
u64 kmlops_history_nearest(const struct kmlops_history *history, u64 time)
{
	u64 best = 0, best_time = 0, best_distance = ~0ULL;
	u64 from = READ_ONCE(history->watermark);
	u32 cpu;
	int step;

	if (from < time)
		from = time;

	for (cpu = 0; cpu < history->nr_cpus; cpu++) {
		u64 pos;

		if (!history->rings[cpu].slots)
			continue;
		pos = kmlops_history_seek(history, cpu, from);
		for (step = -1; step <= 1; step += 2) {
			u64 at, distance;
			u64 ref = readable_from(history, cpu,
						step < 0 ? pos - 1 : pos, step,
						&at);

			if (!ref)
				continue;
			distance = at < time ? time - at : at - time;
			if (!best || distance < best_distance ||
			    (distance == best_distance && at < best_time)) {
				best = ref;
				best_time = at;
				best_distance = distance;
			}
		}
	}
	return best;
}

/* Hide all rows captured before @before; rows of the future are not hidden. */
void kmlops_history_truncate(struct kmlops_history *history, u64 before)
{
	u64 now = kmlops_clock_ns();
	u64 old = READ_ONCE(history->watermark);
	u64 seen;

	if (before > now)
		before = now;
	while (before > old) {
		seen = cmpxchg(&history->watermark, old, before);
		if (seen == old)
			break;
		old = seen;
	}
}

/* Rows of @cpu in the ring that truncation hides. */
static u64 hidden_rows(const struct kmlops_history *history, u32 cpu,
		       u64 watermark, bool gaps)
{
	u64 pos = kmlops_history_oldest(history, cpu);
	u64 end = kmlops_history_seek(history, cpu, watermark);
	u64 time, rows = 0;

	if (!gaps)
		return end > pos ? end - pos : 0;
	for (; pos < end; pos++)
		rows += !kmlops_history_read(history, kmlops_ref(cpu, pos),
					     &time, NULL);
	return rows;
}

/**
 * kmlops_history_stats() - Count rows by what became of them
 * @history: the history
 * @exact: take the time to tell rows that were dropped from rows that are
 *   truncated, where both happened in the same stretch of a ring; otherwise
 *   such dropped rows may be counted as truncated too, and stored is less
 * @stats: receives the counts; captured is the sum of the others, exactly
 *
 * With writers at work the counts are those of some moment during the call.
 *
 * Context: any; with @exact it may take time linear in the rows.
 */
void kmlops_history_stats(const struct kmlops_history *history, bool exact,
			  struct kmlops_history_stats *stats)
{
	u64 watermark = READ_ONCE(history->watermark);
	u32 cpu;

	memset(stats, 0, sizeof(*stats));
	for (cpu = 0; cpu < history->nr_cpus; cpu++) {
		const struct kmlops_ring *ring = &history->rings[cpu];
		u64 gone, forgotten, busy, unclaimed, claimed, in_ring;
		u64 hidden = 0;

		if (!ring->slots)
			continue;
		/* Before the head: what is counted here was claimed earlier. */
		gone = READ_ONCE(ring->overwritten);
		forgotten = READ_ONCE(ring->forgotten);
		busy = READ_ONCE(ring->busy);
		unclaimed = READ_ONCE(ring->unclaimed);
		/* The head is read after the counters. */
		smp_rmb();
		claimed = kmlops_history_newest(history, cpu);

		in_ring = claimed - busy - gone - forgotten;
		if (watermark > 1)
			hidden = hidden_rows(history, cpu, watermark,
					     exact && busy);
		if (hidden > in_ring)
			hidden = in_ring;

		stats->captured += claimed + unclaimed;
		stats->dropped += busy + unclaimed;
		stats->overwritten += gone;
		stats->truncated += forgotten + hidden;
		stats->stored += in_ring - hidden;
	}
}
