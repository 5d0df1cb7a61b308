// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mutations of model files. Bytes that are put in or left out move all that
 * follows, and the file is no model any more; so most mutations here change a
 * number where it stands. The targets make size and checksum right.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
			       unsigned int seed);

static uint64_t state;

static uint64_t draw(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state * 0x2545f4914f6cdd1dULL;
}

static uint64_t draw_number(uint64_t old)
{
	static const uint64_t numbers[] = {
		0, 1, 2, 127, 128, 255, 256, 32767, 32768, 65535, 0x3fffffff,
		0x40000000, 0x7fffffff, 0x80000000, 0xffffffff,
		0x3fffffffffffffff, 0x7fffffffffffffff, 0x8000000000000000,
		0xffffffffffffffff,
	};

	switch (draw() % 5) {
	case 0:
		return numbers[draw() % (sizeof(numbers) / sizeof(*numbers))];
	case 1:
		return old + draw() % 9 - 4;
	case 2:
		return old ^ 1ULL << draw() % 64;
	case 3:
		return -old;
	}
	return draw() >> draw() % 64;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
			       unsigned int seed)
{
	unsigned int times;

	state = seed * 0x9e3779b97f4a7c15ULL + 1;
	if (size < 8 || draw() % 8 == 0)
		return LLVMFuzzerMutate(data, size, max_size);
	for (times = 1 + draw() % 3; times; times--) {
		size_t width = 1ULL << draw() % 4;
		size_t at = draw() % (size / width) * width;
		uint64_t number = 0;

		memcpy(&number, data + at, width);
		number = draw_number(number);
		memcpy(data + at, &number, width);
	}
	return size;
}
