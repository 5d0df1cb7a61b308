/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Random numbers that are the same for the same seed on every machine.
 */
#ifndef SELFTESTS_FUZZ_VM_RANDOM_H
#define SELFTESTS_FUZZ_VM_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

static uint64_t random_state;

/* SplitMix64. */
static inline uint64_t random_u64(void)
{
	uint64_t z = random_state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* 0 to @n - 1. */
static inline uint32_t below(uint32_t n)
{
	return (random_u64() >> 32) * n >> 32;
}

static inline bool one_in(uint32_t n)
{
	return !below(n);
}

/*
 * Any size, the edges more often. Never what could be taken for an address of
 * the kernel: those have the top 16 bits set, and not all of the next 24.
 */
static inline uint64_t random_number(void)
{
	uint64_t number = random_u64() >> (1 + below(63));

	switch (below(8)) {
	case 0:
		return below(4);
	case 1:
		return ~(uint64_t)below(4);
	case 2:
		return 1ULL << below(48);
	case 3:
		return (1ULL << below(48)) - 1;
	case 4:
		return below(2) ? 0x7fffffff : 0xffffffff;
	case 5:
		return below(256);
	}
	return number;
}

#endif /* SELFTESTS_FUZZ_VM_RANDOM_H */
