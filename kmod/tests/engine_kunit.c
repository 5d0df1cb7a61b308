// SPDX-License-Identifier: GPL-2.0-only
#include <linux/hrtimer.h>
#include "../compat.h"
#include "../engine.h"
#include "layer_net.h"
#include "sample_model.h"

static void good_model_computes(struct kunit *test)
{
	struct sample *sample = sample_make(test);
	struct kmlops_refusal refusal = {};
	struct kmlops_engine *engine;
	s64 in[2] = { 11, -5 }, out[4] = { 7, 7, 7, 7 };
	u32 size;
	int err;
	u8 *file = sample_build(test, sample, &size);

	engine = kmlops_engine_create(file, size, &err, &refusal);
	KUNIT_ASSERT_NOT_NULL_MSG(test, engine, "%s", refusal.text);
	/* Nothing of the file is kept. */
	memset(file, 0xff, size);
	KUNIT_EXPECT_EQ(test, engine->nr_golden, 3);
	kmlops_engine_infer(engine, in, out, 3);
	KUNIT_EXPECT_EQ(test, out[0], 1);
	KUNIT_EXPECT_EQ(test, out[1], 24);
	KUNIT_EXPECT_EQ(test, out[2], 1000);
	KUNIT_EXPECT_EQ(test, out[3], 7);
	out[1] = 7;
	kmlops_engine_infer(engine, in, out, 1);
	KUNIT_EXPECT_EQ(test, out[1], 7);
	kmlops_engine_destroy(engine);
}

static void refused(struct kunit *test, struct sample *sample, int expected,
		    const char *sentence)
{
	struct kmlops_refusal refusal = {};
	u32 size;
	int err = 0;
	u8 *file = sample_build(test, sample, &size);

	KUNIT_EXPECT_NULL(test, kmlops_engine_create(file, size, &err,
						     &refusal));
	KUNIT_EXPECT_EQ(test, err, expected);
	KUNIT_EXPECT_STREQ(test, refusal.text, sentence);
}

static void wrong_golden_vector(struct kunit *test)
{
	struct sample *sample = sample_make(test);

	sample->tree.golden[2][4] = 1;
	refused(test, sample, -EBADMSG,
		"golden vector 2 (scalar): output 2 is 0, not 1");
}

static void more_work_than_declared(struct kunit *test)
{
	struct sample *sample = sample_make(test);

	sample->builder.header.max_work = 1;
	refused(test, sample, -E2BIG,
		"one inference takes 2 operations, the file declares 1");
}

/* Damaged files with a right checksum: refused, or a model that computes. */
static void random_damage(struct kunit *test)
{
	struct sample *sample = sample_make(test);
	s64 *in = kunit_kcalloc(test, KMLOPS_MODEL_INPUTS_MAX, sizeof(*in),
				GFP_KERNEL);
	s64 *out = kunit_kcalloc(test, 1 + KMLOPS_MODEL_SCORES_MAX,
				 sizeof(*out), GFP_KERNEL);
	u32 size, round, random = 1, taken = 0;
	u8 *good = sample_build(test, sample, &size), *file;

	KUNIT_ASSERT_NOT_NULL(test, in);
	KUNIT_ASSERT_NOT_NULL(test, out);
	for (round = 0; round < 2000; round++) {
		struct kmlops_refusal refusal = {};
		struct kmlops_engine *engine;
		u32 i, bytes = size;
		int err = 0;

		random = random * 1103515245 + 12345;
		if (random >> 16 & 1)
			bytes = 48 + (random >> 18) % (size - 48);
		/* A copy of its own, so that reads beyond it are seen. */
		file = kmemdup(good, bytes, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, file);
		for (i = 0; i <= round % 4; i++) {
			random = random * 1103515245 + 12345;
			file[(random >> 8) % bytes] ^= 1 << random % 8;
		}
		((struct kmlops_model_header *)file)->size = bytes;
		model_seal(file, bytes);
		engine = kmlops_engine_create(file, bytes, &err, &refusal);
		kfree(file);
		if (engine) {
			kmlops_engine_infer(engine, in, out,
					    engine->nr_outputs);
			kmlops_engine_destroy(engine);
			taken++;
		} else {
			KUNIT_EXPECT_LT(test, err, 0);
			KUNIT_EXPECT_NE(test, refusal.text[0], 0);
		}
	}
	KUNIT_EXPECT_GT(test, taken, 0);
	KUNIT_EXPECT_LT(test, taken, 1000);
}

/* A timer that computes in the midst of vector code, which then it cannot use. */
struct nested {
	struct hrtimer timer;
	const struct kmlops_engine *engine;
	const s64 *in;
	const s64 *expected;
	u64 calls, within, wrong;
	bool stop;
};

static enum hrtimer_restart infer_nested(struct hrtimer *timer)
{
	struct nested *nested = container_of(timer, struct nested, timer);
	s64 out[3] = {};

	nested->calls++;
	nested->within += !kmlops_vector_usable();
	kmlops_engine_infer(nested->engine, nested->in, out, 3);
	nested->wrong += !!memcmp(out + 1, nested->expected, 16);
	if (READ_ONCE(nested->stop))
		return HRTIMER_NORESTART;
	hrtimer_forward_now(timer, ns_to_ktime(100 * NSEC_PER_USEC));
	return HRTIMER_RESTART;
}

static void vectors_and_interrupts(struct kunit *test)
{
	static const u32 widths[] = { 40, 64, 64, 2 };
	struct layer_net *net = layer_net_make(test);
	struct nested *nested = kunit_kzalloc(test, sizeof(*nested), GFP_KERNEL);
	struct kmlops_refusal refusal = {};
	struct kmlops_engine *engine;
	u64 calls = 0, wrong = 0;
	unsigned long end;
	s64 out[3];
	int err;

	KUNIT_ASSERT_NOT_NULL(test, nested);
	KUNIT_ASSERT_TRUE(test, net_draw(&net->net, widths, 3, 8));
	layer_net_build(test, net);
	engine = kmlops_engine_create(net->file, net->size, &err, &refusal);
	KUNIT_ASSERT_NOT_NULL_MSG(test, engine, "%s", refusal.text);
	if (kmlops_engine_use_path(engine, "avx2", &refusal)) {
		kmlops_engine_destroy(engine);
		kunit_skip(test, "%s", refusal.text);
	}
	net_random_vector(&net->net, net->in);
	net_oracle(&net->net, net->in, net->expected, NULL);

	nested->engine = engine;
	nested->in = net->in;
	nested->expected = net->expected;
	hrtimer_setup(&nested->timer, infer_nested, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_HARD);
	hrtimer_start(&nested->timer, ns_to_ktime(100 * NSEC_PER_USEC),
		      HRTIMER_MODE_REL_HARD);
	end = jiffies + HZ;
	while (time_before(jiffies, end)) {
		calls++;
		kmlops_engine_infer(engine, net->in, out, 3);
		wrong += !!memcmp(out + 1, net->expected, 16);
		cond_resched();
	}
	WRITE_ONCE(nested->stop, true);
	hrtimer_cancel(&nested->timer);
	kunit_info(test, "%llu inferences, %llu interrupts, %llu without vectors",
		   calls, nested->calls, nested->within);
	KUNIT_EXPECT_EQ(test, wrong, 0);
	KUNIT_EXPECT_EQ(test, nested->wrong, 0);
	KUNIT_EXPECT_GT(test, calls, 0);
	KUNIT_EXPECT_GT(test, nested->within, 0);
	kmlops_engine_destroy(engine);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(good_model_computes),
	KUNIT_CASE(wrong_golden_vector),
	KUNIT_CASE(more_work_than_declared),
	KUNIT_CASE(random_damage),
	KUNIT_CASE_SLOW(vectors_and_interrupts),
	{}
};

static struct kunit_suite suite = {
	.name = "kmlops_engine",
	.test_cases = cases,
};

kunit_test_suite(suite);
