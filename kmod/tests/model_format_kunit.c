// SPDX-License-Identifier: GPL-2.0-only
#include "../model_format.h"
#include "sample_model.h"

static void good_file(struct kunit *test)
{
	struct sample *sample = sample_make(test);
	struct kmlops_refusal refusal = {};
	struct kmlops_model_file model;
	u32 size;
	u8 *file = sample_build(test, sample, &size);

	KUNIT_ASSERT_EQ(test, kmlops_model_file_parse(file, size, &model,
						      &refusal), 0);
	KUNIT_EXPECT_EQ(test, model.kind, KMLOPS_MODEL_KIND_TREE);
	KUNIT_EXPECT_EQ(test, model.nr_inputs, 2);
	KUNIT_EXPECT_EQ(test, model.nr_scores, 2);
	KUNIT_EXPECT_STREQ(test, model.inputs[1].name, "y");
	KUNIT_EXPECT_EQ(test,
			model.sections[KMLOPS_MODEL_SECTION_TREE_NODES].count,
			5);
	KUNIT_EXPECT_NULL(test,
			  model.sections[KMLOPS_MODEL_SECTION_WEIGHTS].data);
}

/* No file that was cut or changed in one byte is taken. */
static void every_byte_counts(struct kunit *test)
{
	struct sample *sample = sample_make(test);
	struct kmlops_refusal refusal;
	struct kmlops_model_file model;
	u32 size, i;
	u8 *file = sample_build(test, sample, &size);

	for (i = 0; i < size; i++) {
		KUNIT_EXPECT_LT(test, kmlops_model_file_parse(file, i, &model,
							      &refusal), 0);
		file[i] ^= 1 << i % 8;
		refusal.text[0] = 0;
		KUNIT_EXPECT_LT_MSG(test,
				    kmlops_model_file_parse(file, size, &model,
							    &refusal), 0,
				    "byte %u", i);
		KUNIT_EXPECT_NE(test, refusal.text[0], 0);
		file[i] ^= 1 << i % 8;
	}
	KUNIT_EXPECT_EQ(test, kmlops_model_file_parse(file, size, &model,
						      &refusal), 0);
}

static void refused(struct kunit *test, struct sample *sample,
		    const char *sentence)
{
	struct kmlops_refusal refusal = {};
	struct kmlops_model_file model;
	u32 size;
	u8 *file = sample_build(test, sample, &size);

	KUNIT_EXPECT_EQ(test, kmlops_model_file_parse(file, size, &model,
						      &refusal), -EINVAL);
	KUNIT_EXPECT_STREQ(test, refusal.text, sentence);
	sample_tree_init(&sample->tree);
	sample_tree_add(&sample->builder, &sample->tree);
}

static void bad_headers(struct kunit *test)
{
	struct sample *sample = sample_make(test);

	sample->builder.header.task = 9;
	refused(test, sample, "model task 9 is unknown");
	sample->builder.header.nr_inputs = 0;
	refused(test, sample, "a model has 1 to 512 inputs, this has 0");
	sample->builder.header.nr_scores = 129;
	refused(test, sample, "a model of this task cannot have 129 scores");
	sample->builder.header.fraction_bits = 63;
	refused(test, sample, "scores have at most 62 fraction bits, not 63");
	sample->builder.header.reserved = 1;
	refused(test, sample, "reserved bytes of the header are not zero");
}

static void bad_sections(struct kunit *test)
{
	struct sample *sample = sample_make(test);

	sample->builder.sections[4].type = 99;
	refused(test, sample, "section 4 has unknown type 99");
	sample->builder.sections[4].type = KMLOPS_MODEL_SECTION_GOLDEN;
	refused(test, sample, "section golden vectors is there twice");
	/* In 32 bits, so many elements would take 8 bytes. */
	sample->builder.sections[2].count = 0x15555556;
	refused(test, sample,
		"section tree leaves has 72 bytes, 357913942 elements take 8589934608");
}

static void bad_inputs(struct kunit *test)
{
	struct sample *sample = sample_make(test);

	memset(sample->tree.inputs[0].name, 'n', KMLOPS_MODEL_INPUT_NAME_LEN);
	refused(test, sample, "the name of input 0 is empty or not terminated");
	sample->tree.inputs[1].name[0] = 'x';
	refused(test, sample, "input x is there twice");
	sample->tree.inputs[1].max = -101;
	refused(test, sample, "the range of input y is empty");
}

static struct kunit_case cases[] = {
	KUNIT_CASE(good_file),
	KUNIT_CASE(every_byte_counts),
	KUNIT_CASE(bad_headers),
	KUNIT_CASE(bad_sections),
	KUNIT_CASE(bad_inputs),
	{}
};

static struct kunit_suite suite = {
	.name = "kmlops_model_format",
	.test_cases = cases,
};

kunit_test_suite(suite);
