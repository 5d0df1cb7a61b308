/* SPDX-License-Identifier: GPL-2.0-only */
/* What the programs of stress.bpf.c share with their test. */
#ifndef SELFTESTS_BPF_STRESS_H
#define SELFTESTS_BPF_STRESS_H

#define STRESS_KEYS	64
#define STRESS_MODEL	"stress"
#define STRESS_TCP	"kmlops_stress"	/* congestion control */

struct stress_key {
	__u32 id;
};

/* A row that tells whether it is whole: all follows from the number. */
struct stress_row {
	__u64 number;		/* who captured it, and how many before */
	__u64 words[5];
};

/* One with room, and one that a burst of captures in an NMI goes round in. */
enum stress_store {
	WIDE,
	NARROW,
	STRESS_STORES
};

enum stress_program {
	ON_NMI,
	ON_TIMER,
	ON_SWITCH,
	ON_PACKET,
	ON_WIRE,
	ON_SYSCALL,
	ON_OPEN,
	ON_ACK,
	STRESS_PROGRAMS
};

/* What captures returned. */
enum stress_result {
	RESULT_STORED,
	RESULT_DROPPED,
	RESULT_NO_STORE,
	RESULT_OTHER,
	STRESS_RESULTS
};

static inline __u64 stress_mix(__u64 number)
{
	number = (number ^ number >> 31) * 0x9e3779b97f4a7c15ULL;
	return number ^ number >> 29;
}

static inline __u32 stress_key_of(__u64 number)
{
	return (number ^ number >> 56) % STRESS_KEYS;
}

static inline void stress_fill(struct stress_row *row, __u64 number)
{
	row->number = number;
	row->words[0] = stress_mix(number);
	row->words[1] = stress_mix(number + 1);
	row->words[2] = stress_mix(number + 2);
	row->words[3] = stress_mix(number + 3);
	row->words[4] = ~number;
}

static inline _Bool stress_is_whole(const struct stress_row *row, __u32 key)
{
	__u64 number = row->number;

	return stress_key_of(number) == key &&
	       row->words[0] == stress_mix(number) &&
	       row->words[1] == stress_mix(number + 1) &&
	       row->words[2] == stress_mix(number + 2) &&
	       row->words[3] == stress_mix(number + 3) &&
	       row->words[4] == ~number;
}

#endif /* SELFTESTS_BPF_STRESS_H */
