// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is made of a counter that had to take turns with others. An emulator has
 * no counters of hardware and software events do not take turns: these are
 * readings as read(2) gives them, in bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "perf_reading.h"

#define LE64(x)	((x) & 0xff), ((x) >> 8 & 0xff), ((x) >> 16 & 0xff),	\
	((x) >> 24 & 0xff), ((x) >> 32 & 0xff), ((x) >> 40 & 0xff),		\
	((x) >> 48 & 0xff), ((x) >> 56 & 0xff)

static void test_scaling(void **state)
{
	static const struct {
		uint8_t bytes[24];	/* count, enabled, running */
		uint64_t scaled;
	} cases[] = {
		/* It counted all the time. */
		{ { LE64(1234567ULL), LE64(5000ULL), LE64(5000ULL) }, 1234567 },
		/* Half of it, and a third: more than was counted, not less. */
		{ { LE64(1000ULL), LE64(2000000ULL), LE64(1000000ULL) }, 2000 },
		{ { LE64(1000ULL), LE64(3000000ULL), LE64(1000000ULL) }, 3000 },
		/* Rounded down. */
		{ { LE64(10ULL), LE64(7ULL), LE64(3ULL) }, 23 },
		/* It had no turn yet; it was never enabled. */
		{ { LE64(0ULL), LE64(1000000ULL), LE64(0ULL) }, 0 },
		{ { LE64(0ULL), LE64(0ULL), LE64(0ULL) }, 0 },
		/* Months of cycles: the product has more than 64 bits. */
		{ { LE64(0x2386f26fc10000ULL), LE64(0x2386f26fc10000ULL),
		    LE64(0x11c37937e08000ULL) }, 0x470de4df820000ULL },
		/* What has no room is the most there is. */
		{ { LE64(~0ULL), LE64(4ULL), LE64(2ULL) }, UINT64_MAX },
	};
	struct perf_reading reading;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(sizeof(reading), sizeof(cases[i].bytes));
		memcpy(&reading, cases[i].bytes, sizeof(reading));
		assert_true(perf_scaled(&reading) == cases[i].scaled);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scaling),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
