// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registry of models: versions, limits, readers that outlive a version.
 */
#include "../model.h"
#include "sample_model.h"

static struct kmlops_model *load_as(struct kunit *test, const char *name,
				    bool inactive,
				    struct kmlops_refusal *refusal)
{
	struct kmlops_model_load load = { .inactive = inactive };
	u32 size;

	load.file = sample_build(test, sample_make(test), &size);
	load.size = size;
	return kmlops_model_load(name, &load, refusal);
}

static struct kmlops_model *load(struct kunit *test, const char *name,
				 struct kmlops_refusal *refusal)
{
	return load_as(test, name, false, refusal);
}

static void expect_active(struct kunit *test, const char *name, u32 version)
{
	struct kmlops_refusal refusal;
	struct kmlops_model *model = kmlops_model_get(name, 0, &refusal);

	KUNIT_ASSERT_FALSE(test, IS_ERR(model));
	KUNIT_EXPECT_EQ(test, model->version, version);
	KUNIT_EXPECT_TRUE(test, kmlops_model_is_active(model));
	rcu_read_lock();
	KUNIT_EXPECT_PTR_EQ(test, kmlops_model_find(name), model);
	rcu_read_unlock();
	kmlops_model_put(model);
}

static void versions(struct kunit *test)
{
	struct kmlops_refusal refusal;
	struct kmlops_model *first = load(test, "kunit", &refusal), *second;
	s64 in[2] = { 11, -5 }, out[3];

	KUNIT_ASSERT_FALSE(test, IS_ERR(first));
	KUNIT_EXPECT_EQ(test, first->version, 1);
	second = load(test, "kunit", &refusal);
	KUNIT_ASSERT_FALSE(test, IS_ERR(second));
	KUNIT_EXPECT_EQ(test, second->version, 2);
	KUNIT_EXPECT_EQ(test, kmlops_models_count(), 1);
	expect_active(test, "kunit", 2);

	/* The version that was replaced still computes for who holds it. */
	KUNIT_EXPECT_EQ(test, kmlops_model_infer(first, in, 16, out, 24), 0);
	KUNIT_EXPECT_EQ(test, out[0], 1);
	KUNIT_EXPECT_EQ(test, kmlops_model_inferences(first), 1);
	KUNIT_EXPECT_EQ(test, kmlops_model_inferences(second), 0);
	kmlops_model_put(first);

	KUNIT_EXPECT_EQ(test, kmlops_model_remove("kunit", 2, &refusal),
			-EBUSY);
	KUNIT_EXPECT_EQ(test, kmlops_model_remove("kunit", 0, &refusal), 0);
	KUNIT_EXPECT_EQ(test, kmlops_model_remove("kunit", 0, &refusal),
			-ENOENT);
	KUNIT_EXPECT_EQ(test,
			PTR_ERR_OR_ZERO(kmlops_model_get("kunit", 0, &refusal)),
			-ENOENT);
	KUNIT_EXPECT_EQ(test, kmlops_models_count(), 0);
	/* And the one that was removed. */
	KUNIT_EXPECT_EQ(test, kmlops_model_infer(second, in, 16, out, 24), 0);
	kmlops_model_put(second);
}

static void activate_and_roll_back(struct kunit *test)
{
	struct kmlops_refusal refusal;
	struct kmlops_model *model;
	int i;

	for (i = 0; i < 3; i++) {
		model = load_as(test, "kunit", i == 1, &refusal);
		KUNIT_ASSERT_FALSE(test, IS_ERR(model));
		kmlops_model_put(model);
	}
	/* 2 was never active: back from 3 is 1. */
	expect_active(test, "kunit", 3);
	model = kmlops_model_rollback("kunit", 2, &refusal);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(model), -EINVAL);
	model = kmlops_model_rollback("kunit", 0, &refusal);
	KUNIT_ASSERT_FALSE(test, IS_ERR(model));
	kmlops_model_put(model);
	expect_active(test, "kunit", 1);
	model = kmlops_model_rollback("kunit", 0, &refusal);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(model), -ENOENT);

	model = kmlops_model_activate("kunit", 2, &refusal);
	KUNIT_ASSERT_FALSE(test, IS_ERR(model));
	kmlops_model_put(model);
	expect_active(test, "kunit", 2);
	model = kmlops_model_activate("kunit", 9, &refusal);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(model), -ENOENT);
	expect_active(test, "kunit", 2);
	kmlops_model_remove("kunit", 0, &refusal);
}

static void sizes_of_vectors(struct kunit *test)
{
	struct kmlops_refusal refusal;
	struct kmlops_model *model = load(test, "kunit", &refusal);
	s64 in[2] = {}, out[4];
	u32 in_size, out_size;

	KUNIT_ASSERT_FALSE(test, IS_ERR(model));
	for (in_size = 0; in_size <= 17; in_size++)
		for (out_size = 0; out_size <= 32; out_size++)
			KUNIT_EXPECT_EQ(test,
					kmlops_model_infer(model, in, in_size,
							   out, out_size),
					in_size == 16 && out_size &&
					!(out_size % 8) && out_size <= 24 ?
					0 : -EINVAL);
	kmlops_model_put(model);
	kmlops_model_remove("kunit", 0, &refusal);
}

static void limits_and_refusals(struct kunit *test)
{
	struct kmlops_model_load too_short = { .file = "short", .size = 5 };
	unsigned int max = kmlops_max_models;
	struct kmlops_refusal refusal = {};
	struct kmlops_model *model;

	kmlops_max_models = 0;
	model = load(test, "kunit", &refusal);
	kmlops_max_models = max;
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(model), -ENOSPC);
	KUNIT_EXPECT_STREQ(test, refusal.text, "max_models allows 0 models");

	model = load(test, "a/b", &refusal);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(model), -EINVAL);
	model = kmlops_model_load("kunit", &too_short, &refusal);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(model), -EINVAL);
	KUNIT_EXPECT_EQ(test, kmlops_models_count(), 0);
}

static void list_in_order(struct kunit *test)
{
	static const char * const names[] = { "kunit-a", "kunit-b", "kunit-c" };
	struct kmlops_refusal refusal;
	struct kmlops_model *model;
	unsigned long id = 0;
	u32 before = 0;
	int i;

	for (i = 0; i < 3; i++) {
		model = load(test, names[i], &refusal);
		KUNIT_ASSERT_FALSE(test, IS_ERR(model));
		kmlops_model_put(model);
	}
	kmlops_model_remove("kunit-b", 0, &refusal);
	for (i = 0; (model = kmlops_model_get_next(&id, &before)); i += 2) {
		if (i < 3)
			KUNIT_EXPECT_STREQ(test, model->name, names[i]);
		kmlops_model_put(model);
	}
	KUNIT_EXPECT_EQ(test, i, 4);
	kmlops_model_remove("kunit-a", 0, &refusal);
	kmlops_model_remove("kunit-c", 0, &refusal);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(versions),
	KUNIT_CASE(activate_and_roll_back),
	KUNIT_CASE(sizes_of_vectors),
	KUNIT_CASE(limits_and_refusals),
	KUNIT_CASE(list_in_order),
	{}
};

static struct kunit_suite suite = {
	.name = "kmlops_model",
	.test_cases = cases,
};

kunit_test_suite(suite);
