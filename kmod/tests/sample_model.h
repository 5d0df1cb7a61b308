/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The sample tree of the native tests for KUnit: a file, and one spoiled.
 */
#ifndef KMLOPS_SAMPLE_MODEL_H
#define KMLOPS_SAMPLE_MODEL_H

#include <kunit/test.h>
#include "../../selftests/user/model_builder.h"

/* As a model file is made: spoil @tree or @builder, then build. */
struct sample {
	struct sample_tree tree;
	struct model_builder builder;
};

static inline struct sample *sample_make(struct kunit *test)
{
	struct sample *sample = kunit_kzalloc(test, sizeof(*sample),
					      GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, sample);
	sample_tree_init(&sample->tree);
	sample_tree_add(&sample->builder, &sample->tree);
	return sample;
}

static inline void sample_free(void *file)
{
	kmlops_free(file);
}

KUNIT_DEFINE_ACTION_WRAPPER(sample_free_action, sample_free, void *);

/* The file, freed at the end of the test. */
static inline u8 *sample_build(struct kunit *test, struct sample *sample,
			       u32 *size)
{
	u8 *file = model_build(&sample->builder, size);

	KUNIT_ASSERT_NOT_NULL(test, file);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test,
							sample_free_action,
							file), 0);
	return file;
}

#endif /* KMLOPS_SAMPLE_MODEL_H */
