// SPDX-License-Identifier: GPL-2.0-only
#include <kunit/test.h>
#include "../schema.h"

static struct kmlops_field fields[3];

static int set_up(struct kunit *test)
{
	static const struct kmlops_field good[] = {
		{ .name = "a", .type = KERNMLOPS_FIELD_TYPE_U32, .offset = 0,
		  .count = 1 },
		{ .name = "b", .type = KERNMLOPS_FIELD_TYPE_S64, .offset = 8,
		  .count = 2 },
		{ .name = "c", .type = KERNMLOPS_FIELD_TYPE_CHAR, .offset = 24,
		  .count = 8 },
	};

	memcpy(fields, good, sizeof(fields));
	return 0;
}

static void refused(struct kunit *test, u32 nr, u32 size, const char *sentence)
{
	struct kmlops_refusal refusal = {};

	KUNIT_EXPECT_EQ(test,
			kmlops_schema_check(fields, nr, size, "key", &refusal),
			-EINVAL);
	KUNIT_EXPECT_STREQ(test, refusal.text, sentence);
	set_up(test);
}

static void sizes_of_types(struct kunit *test)
{
	static const u8 sizes[] = { 0, 1, 2, 4, 8, 1, 2, 4, 8, 1, 1, 4, 8 };
	u32 type;

	for (type = 0; type < ARRAY_SIZE(sizes); type++)
		KUNIT_EXPECT_EQ_MSG(test, kmlops_field_type_size(type),
				    sizes[type], "type %u", type);
	KUNIT_EXPECT_EQ(test, kmlops_field_type_size(13), 0);
	KUNIT_EXPECT_EQ(test, kmlops_field_type_size(~0U), 0);
}

static void good_schema(struct kunit *test)
{
	struct kmlops_refusal refusal = {};

	KUNIT_EXPECT_EQ(test, kmlops_schema_check(fields, 3, 32, "key",
						  &refusal), 0);
	KUNIT_EXPECT_STREQ(test, refusal.text, "");
}

static void bad_schemas(struct kunit *test)
{
	refused(test, 0, 32, "the key has no fields");
	fields[1].name[0] = 0;
	refused(test, 3, 32, "key field 1 has no name");
	fields[1].type = 99;
	refused(test, 3, 32, "key field b has no size");
	fields[1].count = 0;
	refused(test, 3, 32, "key field b has no size");
	fields[1].offset = 3;
	refused(test, 3, 32, "key field b overlaps the one before");
	refused(test, 3, 31,
		"key field c ends beyond the 31 bytes of the map's key");
	fields[2].name[0] = 'a';
	refused(test, 3, 32, "key field a is there twice");
	/* What would wrap in 32 bits. */
	fields[2].count = ~0U;
	refused(test, 3, 32,
		"key field c ends beyond the 32 bytes of the map's key");
	fields[2].offset = ~0U;
	refused(test, 3, 32,
		"key field c ends beyond the 32 bytes of the map's key");
}

static struct kunit_case cases[] = {
	KUNIT_CASE(sizes_of_types),
	KUNIT_CASE(good_schema),
	KUNIT_CASE(bad_schemas),
	{}
};

static struct kunit_suite suite = {
	.name = "kmlops_schema",
	.init = set_up,
	.test_cases = cases,
};

kunit_test_suite(suite);
