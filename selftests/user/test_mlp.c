// SPDX-License-Identifier: GPL-2.0-only
/*
 * Linear models and MLPs: every path gives the bits of an oracle, whatever the
 * model and the input; what cannot be proved is refused, and says why.
 * KMLOPS_SEED repeats a run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <time.h>
#include "engine.h"
#include "layer_models.h"

/* The sanitizers take their time. */
#ifdef __SANITIZE_ADDRESS__
#define PERCENT	15
#else
#define PERCENT	100
#endif

static s64 golden[KMLOPS_MODEL_INPUTS_MAX + 1 + KMLOPS_MODEL_SCORES_MAX];
static struct model_builder builder;
static struct net net;
static u64 seed;

static struct kmlops_engine *accepted(void)
{
	struct kmlops_refusal refusal = {};
	struct kmlops_engine *engine;
	int err = 1;
	u32 size;
	void *file = model_build(&builder, &size);

	engine = kmlops_engine_create(file, size, &err, &refusal);
	assert_string_equal(refusal.text, "");
	assert_int_equal(err, 0);
	assert_non_null(engine);
	free(file);
	return engine;
}

static void compare(const struct kmlops_engine *engine, const s64 *in,
		    struct net_seen *all)
{
	s64 expected[KMLOPS_MODEL_SCORES_MAX], got[KMLOPS_MODEL_SCORES_MAX];
	u32 nr_scores = engine->nr_outputs - 1, path, i;

	net_oracle(&net, in, expected, all);
	for (path = 0; path < KMLOPS_PATHS; path++) {
		if (!(engine->paths & KMLOPS_PATH_BIT(path)))
			continue;
		memset(got, 0xa5, sizeof(got));
		kmlops_mlp_infer(engine->mlp, path, in, got);
		for (i = 0; i < nr_scores; i++)
			if (got[i] != expected[i])
				fail_msg("%s: score %u is %lld, not %lld (seed %llu)",
					 kmlops_path_name(path), i,
					 (long long)got[i],
					 (long long)expected[i],
					 (unsigned long long)seed);
	}
}

/* What was seen lies within what was proved. */
static void check_proof(const struct kmlops_engine *engine,
			const struct net_seen *all)
{
	u32 i;

	for (i = 0; i < net.nr_layers; i++) {
		const struct kmlops_layer *layer = &engine->mlp->layers[i];
		const struct kmlops_layer_proof *proof = &layer->proof;

		assert_true(proof->acc.min <= all->acc[i][0]);
		assert_true(proof->acc.max >= all->acc[i][1]);
		assert_true(proof->output.min <= all->output[i][0]);
		assert_true(proof->output.max >= all->output[i][1]);
		assert_true(proof->acc_min_channel < layer->nr_outputs);
		assert_true(proof->acc_max_channel < layer->nr_outputs);
		assert_int_equal(proof->work,
				 layer->nr_inputs * layer->nr_outputs);
	}
}

static void try_net(u32 vectors)
{
	struct kmlops_engine *engine;
	s64 in[KMLOPS_MODEL_INPUTS_MAX];
	struct net_seen all;
	u32 i;

	net_add(&builder, &net, golden);
	engine = accepted();
	net_seen_init(&all);
	for (i = 0; i < vectors; i++) {
		net_random_vector(&net, in);
		compare(engine, in, &all);
	}
	check_proof(engine, &all);
	assert_int_equal(engine->work, net.nr_weights);
	kmlops_engine_destroy(engine);
	net_free(&net);
}

static u32 random_width(u32 most)
{
	switch (net_random() % 4) {
	case 0:
		return net_between(1, most);
	case 1:
		return net_between(1, most < 20 ? most : 20);
	case 2:
		return net_between(1, most < 70 ? most : 70);
	}
	/* A power of two, or one beside it. */
	return oracle_clamp((1 << net_between(0, 9)) + net_between(-1, 1), 1,
			    most);
}

static void draw_net(u32 nr_layers, u32 most)
{
	u32 widths[1 + NET_LAYERS_MAX], i;

	for (i = 0; i <= nr_layers; i++)
		widths[i] = random_width(most);
	if (widths[nr_layers] > KMLOPS_MODEL_SCORES_MAX)
		widths[nr_layers] = KMLOPS_MODEL_SCORES_MAX;
	net_draw(&net, widths, nr_layers, 0);
}

static void test_random_small(void **state)
{
	u32 i;

	for (i = 0; i < 8000 * PERCENT / 100; i++) {
		draw_net(net_between(1, NET_LAYERS_MAX), 40);
		try_net(10);
	}
}

static void test_random_large(void **state)
{
	u32 i;

	for (i = 0; i < 600 * PERCENT / 100; i++) {
		draw_net(net_between(1, 4), 512);
		try_net(4);
	}
}

/* Each width of each layer of a small net, with both kinds of inputs. */
static void test_all_widths(void **state)
{
	u32 width;

	for (width = 1; width <= 512; width += PERCENT == 100 ? 1 : 13) {
		u32 widths[4] = { width, 513 - width, width,
				  (width - 1) % 128 + 1 };

		net_draw(&net, widths, 3, width % 3 ? 8 : 16);
		try_net(2);
		widths[1] = widths[3];
		net_draw(&net, widths, 1, width % 3 ? 16 : 8);
		try_net(2);
	}
}

/* Work that must be done in several sections. */
static void test_pauses(void **state)
{
	const u32 widths[] = { 512, 512, 512, 512, 128 };
	u32 bits;

	for (bits = 8; bits <= 16; bits += 8) {
		net_draw(&net, widths, 4, bits);
		try_net(10);
	}
}

/* A net of two layers: @bits wide inputs, and so the outputs of the first. */
static void two_layers(u32 bits)
{
	const u32 widths[] = { 3, 4, 2 };

	net_draw(&net, widths, 2, bits);
}

/* Sums that just fill each kind of lane, from both ends. */
static void test_full_lanes(void **state)
{
	const s8 weights[] = { 127, -127 };
	u32 nr, w, i, bits;
	s64 in[512];

	for (bits = 8; bits <= 16; bits += 8) {
		for (w = 0; w < 2; w++) {
			for (nr = 60; nr <= 512; nr += nr < 70 ? 1 : 113) {
				struct kmlops_engine *engine;

				net_plain(&net, nr, 7, bits, weights[w]);
				/* Neighbours that go the other way. */
				memset(net.weights + nr, -weights[w], nr);
				memset(net.weights + 3 * nr, -weights[w], nr);
				net_add(&builder, &net, golden);
				engine = accepted();
				for (i = 0; i < nr; i++)
					in[i] = S64_MIN;
				compare(engine, in, NULL);
				for (i = 0; i < nr; i++)
					in[i] = S64_MAX;
				compare(engine, in, NULL);
				kmlops_engine_destroy(engine);
				net_free(&net);
			}
		}
	}
}

/* Every input of a tiny model, on every path. */
static void test_exhaustive(void **state)
{
	u32 round;

	for (round = 0; round < (PERCENT == 100 ? 12 : 2); round++) {
		const u32 widths[] = { 2, 3, 2 };
		struct kmlops_engine *engine;
		struct net_seen all;
		s64 in[2];
		u32 i;

		net_draw(&net, widths, 2, 8);
		for (i = 0; i < 2; i++) {
			char name[32];

			memcpy(name, net.inputs[i].name, sizeof(name));
			net.inputs[i] = net_plain_input(-128, 127);
			memcpy(net.inputs[i].name, name, sizeof(name));
		}
		net_add(&builder, &net, golden);
		engine = accepted();
		net_seen_init(&all);
		for (in[0] = -129; in[0] <= 128; in[0]++)
			for (in[1] = -129; in[1] <= 128; in[1]++)
				compare(engine, in, &all);
		check_proof(engine, &all);
		kmlops_engine_destroy(engine);
		net_free(&net);
	}
}

/* Every accumulator that matters through requantization and each table. */
static void test_activations(void **state)
{
	static const u32 shifts[] = { 1, 2, 16, 29, 30, 31, 32, 33, 61, 62 };
	u32 activation, bits, s;

	for (bits = 8; bits <= 16; bits += 8) {
		for (activation = 0; activation < 3; activation++) {
			for (s = 0; s < 10; s++) {
				struct kmlops_engine *engine;
				const u32 widths[] = { 1, 1, 1 };
				s64 x;

				net_draw(&net, widths, 2, bits);
				net.inputs[0] = net_plain_input(-32768, 32767);
				strcpy(net.inputs[0].name, "x");
				net.layers[0].input_bits = 16;
				net.layers[0].activation = activation;
				net.layers[0].min = -(1 << (bits - 1));
				net.layers[0].max = (1 << (bits - 1)) - 1;
				net.layers[0].zero_point = bits == 8 &&
					activation == 1 ? -128 : 0;
				net.weights[0] = 1;
				net.channels[0] = (struct kmlops_model_channel){
					.multiplier = 1 << 30,
					.shift = shifts[s],
				};
				net.weights[1] = 1;
				net.channels[1] = (struct kmlops_model_channel){
					.multiplier = 1 << 30,
					.shift = 30,
				};
				net_add(&builder, &net, golden);
				engine = accepted();
				for (x = -32768; x <= 32767;
				     x += PERCENT == 100 ? 3 : 41)
					compare(engine, &x, NULL);
				kmlops_engine_destroy(engine);
				net_free(&net);
			}
		}
	}
}

/* Scores beyond 32 bits saturate. */
static void test_saturation(void **state)
{
	struct kmlops_engine *engine;
	s64 in[1], scores[KMLOPS_MODEL_SCORES_MAX];
	u32 path;

	net_plain(&net, 1, 2, 8, 127);
	net.channels[0].shift = 1;
	net.channels[0].multiplier = 0x7fffffff;
	net.channels[1] = net.channels[0];
	net.channels[1].bias = 0x7fffffff - 127 * 127;
	net_add(&builder, &net, golden);
	engine = accepted();
	for (path = 0; path < KMLOPS_PATHS; path++) {
		if (!(engine->paths & KMLOPS_PATH_BIT(path)))
			continue;
		in[0] = S64_MAX;
		kmlops_mlp_infer(engine->mlp, path, in, scores);
		assert_int_equal(scores[0], 0x7fffffff);
		assert_int_equal(scores[1], 0x7fffffff);
		in[0] = S64_MIN;
		kmlops_mlp_infer(engine->mlp, path, in, scores);
		assert_true(scores[0] == -0x80000000LL);
		assert_int_equal(scores[1], 0x7fffffff);
	}
	kmlops_engine_destroy(engine);
	net_free(&net);
}

/* Tasks and links are those of the engine. */
static void test_probability(void **state)
{
	struct kmlops_engine *engine;
	s64 in[1] = { 0 }, out[2];

	net_plain(&net, 1, 1, 8, 16);
	net.channels[0].bias = 4096;
	net_add(&builder, &net, golden);
	builder.header.task = KMLOPS_MODEL_TASK_BINARY;
	builder.header.link = KMLOPS_MODEL_LINK_SIGMOID;
	builder.header.fraction_bits = 12;
	golden[1] = golden[2] > 0;
	golden[2] = oracle_sigmoid16(golden[2]);
	engine = accepted();
	kmlops_engine_infer(engine, in, out, 2);
	assert_int_equal(out[0], 1);
	assert_int_equal(out[1], 47911);
	in[0] = -128;
	kmlops_engine_infer(engine, in, out, 2);
	assert_int_equal(out[0], 1);
	assert_int_equal(out[1], oracle_sigmoid16(4096 - 2048));
	kmlops_engine_destroy(engine);
	net_free(&net);
}

/* ---- refusals */

static void refused(int expected, const char *sentence)
{
	struct kmlops_refusal refusal = {};
	int err = 0;
	u32 size;
	void *file = model_build(&builder, &size);

	assert_null(kmlops_engine_create(file, size, &err, &refusal));
	assert_string_equal(refusal.text, sentence);
	assert_int_equal(err, expected);
	free(file);
	net_free(&net);
}

static void test_bad_shapes(void **state)
{
	two_layers(8);
	net_add(&builder, &net, golden);
	builder.header.kind = KMLOPS_MODEL_KIND_LINEAR;
	refused(-EINVAL, "a linear model has one layer, this has 2");

	two_layers(8);
	net_add(&builder, &net, golden);
	builder.sections[1].count = 33;
	builder.sections[1].size = 33 * sizeof(net.layers[0]);
	builder.data[1] = calloc(33, sizeof(net.layers[0]));
	refused(-EINVAL, "an MLP has 1 to 32 layers, this has 33");
	free((void *)builder.data[1]);

	two_layers(8);
	net_add(&builder, &net, golden);
	net.layers[0].nr_inputs = 4;
	refused(-EINVAL, "layer 0 takes 4 inputs, it gets 3");

	two_layers(8);
	net_add(&builder, &net, golden);
	net.layers[1].nr_inputs = 5;
	refused(-EINVAL, "layer 1 takes 5 inputs, it gets 4");

	two_layers(8);
	net_add(&builder, &net, golden);
	net.layers[0].nr_outputs = 0;
	refused(-EINVAL, "layer 0: a layer has 1 to 512 outputs, this has 0");

	two_layers(8);
	net_add(&builder, &net, golden);
	net.layers[0].nr_outputs = 513;
	refused(-EINVAL, "layer 0: a layer has 1 to 512 outputs, this has 513");

	two_layers(8);
	net_add(&builder, &net, golden);
	net.layers[1].nr_outputs = 3;
	refused(-EINVAL, "layer 1 has 3 outputs, the header says 2 scores");

	two_layers(8);
	net_add(&builder, &net, golden);
	builder.sections[2].count--;
	builder.sections[2].size -= sizeof(net.channels[0]);
	refused(-EINVAL, "there are 5 channels, the layers have 6");

	two_layers(8);
	net_add(&builder, &net, golden);
	builder.sections[3].count--;
	builder.sections[3].size--;
	refused(-EINVAL, "there are 19 weights, the layers have 20");
}

static void bad_layer(u32 at, const char *sentence,
		      struct kmlops_model_layer change)
{
	struct kmlops_model_layer *layer = &net.layers[at];

	two_layers(8);
	net_add(&builder, &net, golden);
	layer->input_bits = change.input_bits;
	layer->output_bits = change.output_bits;
	layer->activation = change.activation;
	layer->zero_point = change.zero_point;
	layer->min = change.min;
	layer->max = change.max;
	layer->reserved = change.reserved;
	layer->reserved2 = change.reserved2;
	refused(-EINVAL, sentence);
}

#define HIDDEN(...)	((struct kmlops_model_layer){ .input_bits = 8, \
			 .output_bits = 8, .min = -128, .max = 127, __VA_ARGS__ })
#define LAST(...)	((struct kmlops_model_layer){ .input_bits = 8, \
			 .output_bits = 32, __VA_ARGS__ })

#pragma GCC diagnostic ignored "-Woverride-init"

static void test_bad_layers(void **state)
{
	bad_layer(0, "layer 0: reserved bytes are not zero",
		  HIDDEN(.reserved = 1));
	bad_layer(1, "layer 1: reserved bytes are not zero",
		  LAST(.reserved2 = 1));
	bad_layer(0, "layer 0: inputs have 8 or 16 bits",
		  HIDDEN(.input_bits = 32));
	bad_layer(0, "layer 0: outputs have 8 or 16 bits",
		  HIDDEN(.output_bits = 32));
	bad_layer(0, "layer 0: outputs have 8 or 16 bits",
		  HIDDEN(.output_bits = 9));
	bad_layer(1, "layer 1: outputs of the last layer have 32 bits",
		  LAST(.output_bits = 16));
	bad_layer(1, "layer 1 takes inputs of 16 bits, it gets 8",
		  LAST(.input_bits = 16));
	bad_layer(1, "layer 1: the last layer has no activation but the clamp",
		  LAST(.activation = KMLOPS_MODEL_ACTIVATION_TANH));
	bad_layer(1, "layer 1: the zero point of the last layer is 0",
		  LAST(.zero_point = 1));
	bad_layer(0, "layer 0: its activation is unknown",
		  HIDDEN(.activation = 3));
	bad_layer(0, "layer 0: its clamp is empty",
		  HIDDEN(.min = 5, .max = 4));
	bad_layer(0, "layer 0: its clamp is wider than its outputs",
		  HIDDEN(.min = -129));
	bad_layer(0, "layer 0: its clamp is wider than its outputs",
		  HIDDEN(.max = 128));
	bad_layer(0, "layer 0: zero point and clamp are not those of its table",
		  HIDDEN(.activation = KMLOPS_MODEL_ACTIVATION_SIGMOID));
	bad_layer(0, "layer 0: zero point and clamp are not those of its table",
		  HIDDEN(.activation = KMLOPS_MODEL_ACTIVATION_TANH,
			 .zero_point = -128));
	bad_layer(0, "layer 0: zero point and clamp are not those of its table",
		  HIDDEN(.activation = KMLOPS_MODEL_ACTIVATION_TANH,
			 .max = 126));
	bad_layer(0, "layer 0: zero point and clamp are not those of its table",
		  HIDDEN(.activation = KMLOPS_MODEL_ACTIVATION_TANH,
			 .output_bits = 16));
}

static void test_bad_channels(void **state)
{
	two_layers(8);
	net_add(&builder, &net, golden);
	net.channels[4].multiplier = (1 << 30) - 1;
	refused(-EINVAL,
		"layer 1 channel 0: multiplier 1073741823 is not in [2^30, 2^31)");
	two_layers(8);
	net_add(&builder, &net, golden);
	net.channels[1].multiplier = 1U << 31;
	refused(-EINVAL,
		"layer 0 channel 1: multiplier 2147483648 is not in [2^30, 2^31)");
	two_layers(8);
	net_add(&builder, &net, golden);
	net.channels[5].shift = 0;
	refused(-EINVAL, "layer 1 channel 1: shift 0 is not in [1, 62]");
	two_layers(8);
	net_add(&builder, &net, golden);
	net.channels[3].shift = 63;
	refused(-EINVAL, "layer 0 channel 3: shift 63 is not in [1, 62]");
	two_layers(8);
	net_add(&builder, &net, golden);
	net.weights[3 * 2 + 1] = -128;
	refused(-EINVAL, "layer 0 channel 2: weight 1 is -128");
}

/* The bound to the unit, from both sides. */
static void test_bounds(void **state)
{
	struct kmlops_engine *engine;
	s32 room = 0x7fffffff - 100 * 127 * 127;

	net_plain(&net, 100, 3, 8, 127);
	net.channels[1].bias = room;
	net_add(&builder, &net, golden);
	engine = accepted();
	assert_int_equal(engine->mlp->layers[0].proof.acc.max, 0x7fffffff);
	assert_int_equal(engine->mlp->layers[0].proof.acc_max_channel, 1);
	assert_int_equal(engine->mlp->layers[0].proof.acc_min_channel, 0);
	assert_int_equal(engine->mlp->layers[0].proof.acc.min, -100 * 128 * 127);
	kmlops_engine_destroy(engine);
	net.channels[1].bias = room + 1;
	refused(-EINVAL,
		"layer 0 channel 1: bias and sums reach 2147483648, beyond 32 bits");

	room = 0x7fffffff - 100 * 128 * 127 + 1;
	net_plain(&net, 100, 3, 8, 127);
	net.channels[2].bias = -room;
	net_add(&builder, &net, golden);
	engine = accepted();
	assert_true(engine->mlp->layers[0].proof.acc.min == -0x80000000LL);
	assert_int_equal(engine->mlp->layers[0].proof.acc_min_channel, 2);
	kmlops_engine_destroy(engine);
	net.channels[2].bias = -room - 1;
	refused(-EINVAL,
		"layer 0 channel 2: bias and sums reach -2147483649, beyond 32 bits");
}

/*
 * No 512 inputs of 16 bits and no weights overflow by themselves; only the
 * prover alone can be asked.
 */
static void test_sum_bound(void **state)
{
	static const struct kmlops_model_layer layer = {
		.nr_inputs = 2,
		.nr_outputs = 1,
		.input_bits = 16,
		.output_bits = 32,
		.min = (s32)0x80000000,
		.max = 0x7fffffff,
	};
	static const struct kmlops_model_channel channel = {
		.bias = -1000, .multiplier = 1 << 30, .shift = 1,
	};
	const struct kmlops_range inputs[2] = {
		{ 0, 0x7fffffff }, { 0, 1 },
	};
	static const s8 weights[2] = { 1, 1 };
	struct kmlops_layer_proof proof = {};
	struct kmlops_refusal refusal = {};
	struct kmlops_range out;

	assert_int_equal(kmlops_mlp_prove_layer(4, &layer, &channel, weights,
						inputs, &out, &proof,
						&refusal), -EINVAL);
	assert_string_equal(refusal.text,
			    "layer 4 channel 0: sums reach 2147483648, beyond 32 bits");
}

static void bad_input(const struct kmlops_model_input *input,
		      const char *sentence)
{
	net_plain(&net, 2, 2, 8, 1);
	net_add(&builder, &net, golden);
	net.inputs[1] = *input;
	strcpy(net.inputs[1].name, "run_delay_ns");
	refused(-EINVAL, sentence);
}

static void test_bad_inputs(void **state)
{
	struct kmlops_model_input input = net_plain_input(-128, 127);

	input.max = 128;
	bad_input(&input, "input run_delay_ns: its max normalizes beyond 8 bits");
	input.max = 127;
	input.min = -129;
	bad_input(&input, "input run_delay_ns: its min normalizes beyond 8 bits");
	input = net_plain_input(S64_MIN, S64_MAX);
	input.multiplier = 2;
	input.shift = 62;
	bad_input(&input, "input run_delay_ns: its min overflows 64 bits");
	input.min = 0;
	bad_input(&input, "input run_delay_ns: its max overflows 64 bits");
	input.multiplier = 1;
	input.offset = 1;
	bad_input(&input, "input run_delay_ns: its max overflows 64 bits");
	input.norm = KMLOPS_MODEL_NORM_LOG2;
	input.min = -1;
	bad_input(&input, "input run_delay_ns: a logarithm of less than 0");
	input.norm = KMLOPS_MODEL_NORM_NONE;
	bad_input(&input, "input run_delay_ns: layers need a normalizer");
}

static void test_bad_golden(void **state)
{
	const char *sentence =
		"golden vector 0 (scalar): output 1 is 0, not 1";

	net_plain(&net, 2, 2, 8, 0);
	net_add(&builder, &net, golden);
	golden[3] = 1;
	refused(-EBADMSG, sentence);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_small),
		cmocka_unit_test(test_random_large),
		cmocka_unit_test(test_all_widths),
		cmocka_unit_test(test_pauses),
		cmocka_unit_test(test_full_lanes),
		cmocka_unit_test(test_exhaustive),
		cmocka_unit_test(test_activations),
		cmocka_unit_test(test_saturation),
		cmocka_unit_test(test_probability),
		cmocka_unit_test(test_bad_shapes),
		cmocka_unit_test(test_bad_layers),
		cmocka_unit_test(test_bad_channels),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_sum_bound),
		cmocka_unit_test(test_bad_inputs),
		cmocka_unit_test(test_bad_golden),
	};
	const char *given = getenv("KMLOPS_SEED");

	seed = given ? strtoull(given, NULL, 0) : (u64)time(NULL);
	net_random_state = seed * 2 + 1;
	printf("# KMLOPS_SEED=%llu\n", (unsigned long long)seed);
	return cmocka_run_group_tests_name("mlp", tests, NULL, NULL);
}
