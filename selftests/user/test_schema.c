// SPDX-License-Identifier: GPL-2.0-only
/*
 * Schema checks: each wrong field list has its own sentence.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "schema.h"

static void refused(const struct kmlops_field *fields, u32 nr, u32 size,
		    const char *sentence)
{
	struct kmlops_refusal refusal = {};

	assert_int_equal(kmlops_schema_check(fields, nr, size, "value",
					     &refusal), -EINVAL);
	assert_string_equal(refusal.text, sentence);
}

static void test_good(void **state)
{
	const struct kmlops_field fields[] = {
		{ .name = "a", .type = KERNMLOPS_FIELD_TYPE_U8, .count = 1 },
		{ .name = "b", .type = KERNMLOPS_FIELD_TYPE_U64, .offset = 8,
		  .count = 2 },
	};
	struct kmlops_refusal refusal;

	assert_int_equal(kmlops_schema_check(fields, 2, 24, "value", &refusal),
			 0);
	assert_int_equal(kmlops_schema_check(fields, 1, 1, "key", &refusal), 0);
}

static void test_bad(void **state)
{
	struct kmlops_field fields[] = {
		{ .name = "a", .type = KERNMLOPS_FIELD_TYPE_U32, .count = 1 },
		{ .name = "b", .type = KERNMLOPS_FIELD_TYPE_U64, .offset = 4,
		  .count = 1 },
	};

	refused(fields, 0, 12, "the value has no fields");
	refused(fields, 2, 11,
		"value field b ends beyond the 11 bytes of the map's value");
	fields[1].offset = 3;
	refused(fields, 2, 12, "value field b overlaps the one before");
	fields[1].offset = 0xfffffff8;
	refused(fields, 2, 12,
		"value field b ends beyond the 12 bytes of the map's value");
	fields[1].offset = 4;
	fields[1].count = 0x20000001;
	refused(fields, 2, 12,
		"value field b ends beyond the 12 bytes of the map's value");
	fields[1].count = 0;
	refused(fields, 2, 12, "value field b has no size");
	fields[1].count = 1;
	fields[1].type = 99;
	refused(fields, 2, 12, "value field b has no size");
	fields[1].type = KERNMLOPS_FIELD_TYPE_U64;
	strcpy(fields[1].name, "a");
	refused(fields, 2, 12, "value field a is there twice");
	fields[1].name[0] = 0;
	refused(fields, 2, 12, "value field 1 has no name");
}

static void test_sizes(void **state)
{
	static const u32 sizes[][2] = {
		{ KERNMLOPS_FIELD_TYPE_U8, 1 }, { KERNMLOPS_FIELD_TYPE_S8, 1 },
		{ KERNMLOPS_FIELD_TYPE_BOOL, 1 }, { KERNMLOPS_FIELD_TYPE_CHAR, 1 },
		{ KERNMLOPS_FIELD_TYPE_U16, 2 }, { KERNMLOPS_FIELD_TYPE_S16, 2 },
		{ KERNMLOPS_FIELD_TYPE_U32, 4 }, { KERNMLOPS_FIELD_TYPE_S32, 4 },
		{ KERNMLOPS_FIELD_TYPE_F32, 4 }, { KERNMLOPS_FIELD_TYPE_U64, 8 },
		{ KERNMLOPS_FIELD_TYPE_S64, 8 }, { 99, 0 },
	};
	u32 i;

	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		assert_int_equal(kmlops_field_type_size(sizes[i][0]), sizes[i][1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_sizes),
	};

	return cmocka_run_group_tests_name("schema", tests, NULL, NULL);
}
