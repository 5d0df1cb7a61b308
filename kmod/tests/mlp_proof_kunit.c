// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proofs about layers: exact where they can be computed by hand, and each that
 * does not succeed says why.
 */
#include "../mlp.h"
#include "layer_net.h"

/* Two inputs of 8 bits, two channels. */
static const struct kmlops_range inputs[2] = { { -128, 127 }, { -10, 20 } };
static struct kmlops_model_layer layer;
static struct kmlops_model_channel channels[2];
static s8 weights[2][2];

static int set_up(struct kunit *test)
{
	layer = (struct kmlops_model_layer){
		.nr_inputs = 2,
		.nr_outputs = 2,
		.input_bits = 8,
		.output_bits = 8,
		.min = -128,
		.max = 100,
	};
	memset(channels, 0, sizeof(channels));
	channels[0].multiplier = 1 << 30;
	channels[0].shift = 31;
	channels[1] = channels[0];
	channels[1].bias = 1000;
	memset(weights, 0, sizeof(weights));
	weights[0][0] = 1;
	weights[0][1] = -3;
	weights[1][0] = 2;
	return 0;
}

static int prove(struct kmlops_range *outputs,
		 struct kmlops_layer_proof *proof,
		 struct kmlops_refusal *refusal)
{
	refusal->text[0] = 0;
	return kmlops_mlp_prove_layer(3, &layer, channels, weights[0], inputs,
				      outputs, proof, refusal);
}

static void ranges_are_exact(struct kunit *test)
{
	struct kmlops_layer_proof proof;
	struct kmlops_range outputs[2];
	struct kmlops_refusal refusal;

	KUNIT_ASSERT_EQ(test, prove(outputs, &proof, &refusal), 0);
	/* [-128 - 60, 127 + 30] and 1000 + [-256, 254], halved. */
	KUNIT_EXPECT_EQ(test, proof.acc.min, -188);
	KUNIT_EXPECT_EQ(test, proof.acc.max, 1254);
	KUNIT_EXPECT_EQ(test, proof.acc_min_channel, 0);
	KUNIT_EXPECT_EQ(test, proof.acc_max_channel, 1);
	KUNIT_EXPECT_EQ(test, proof.requantized.min, -94);
	KUNIT_EXPECT_EQ(test, proof.requantized.max, 627);
	KUNIT_EXPECT_EQ(test, outputs[0].min, -94);
	KUNIT_EXPECT_EQ(test, outputs[0].max, 79);
	KUNIT_EXPECT_EQ(test, outputs[1].min, 100);
	KUNIT_EXPECT_EQ(test, outputs[1].max, 100);
	KUNIT_EXPECT_EQ(test, proof.output.min, -94);
	KUNIT_EXPECT_EQ(test, proof.output.max, 100);
	KUNIT_EXPECT_EQ(test, proof.work, 4);
}

static void bounds_of_sums(struct kunit *test)
{
	struct kmlops_layer_proof proof;
	struct kmlops_range outputs[2];
	struct kmlops_refusal refusal;

	/* Least and greatest that fit 32 bits, then one more. */
	channels[1].bias = S32_MAX - 254;
	KUNIT_EXPECT_EQ(test, prove(outputs, &proof, &refusal), 0);
	KUNIT_EXPECT_EQ(test, proof.acc.max, S32_MAX);
	channels[1].bias = S32_MAX - 253;
	KUNIT_EXPECT_EQ(test, prove(outputs, &proof, &refusal), -EINVAL);
	KUNIT_EXPECT_NE(test, refusal.text[0], 0);
	channels[1].bias = S32_MIN + 256;
	KUNIT_EXPECT_EQ(test, prove(outputs, &proof, &refusal), 0);
	KUNIT_EXPECT_EQ(test, proof.acc.min, S32_MIN);
	channels[1].bias = S32_MIN + 255;
	KUNIT_EXPECT_EQ(test, prove(outputs, &proof, &refusal), -EINVAL);
	KUNIT_EXPECT_NE(test, refusal.text[0], 0);
}

static void refused(struct kunit *test, const char *sentence)
{
	struct kmlops_layer_proof proof;
	struct kmlops_range outputs[2];
	struct kmlops_refusal refusal;

	KUNIT_EXPECT_EQ(test, prove(outputs, &proof, &refusal), -EINVAL);
	KUNIT_EXPECT_STREQ(test, refusal.text, sentence);
	set_up(test);
}

static void bad_channels(struct kunit *test)
{
	channels[0].multiplier--;
	refused(test, "layer 3 channel 0: multiplier 1073741823 is not in [2^30, 2^31)");
	channels[1].multiplier = 1U << 31;
	refused(test, "layer 3 channel 1: multiplier 2147483648 is not in [2^30, 2^31)");
	channels[0].shift = 0;
	refused(test, "layer 3 channel 0: shift 0 is not in [1, 62]");
	channels[1].shift = 63;
	refused(test, "layer 3 channel 1: shift 63 is not in [1, 62]");
}

/* The file of a net of two layers, spoiled by whoever called. */
static void file_refused(struct kunit *test, struct layer_net *net,
			 const char *sentence)
{
	static const u32 widths[] = { 3, 4, 2 };
	struct kmlops_refusal refusal = {};
	struct kmlops_model_file model;
	struct kmlops_mlp *mlp;
	int err = 0;

	if (net->net.nr_layers) {
		kmlops_free(net->file);
		net->file = model_build(&net->builder, &net->size);
		KUNIT_ASSERT_NOT_NULL(test, net->file);
		KUNIT_ASSERT_EQ_MSG(test,
				    kmlops_model_file_parse(net->file,
							    net->size, &model,
							    &refusal), 0,
				    "%s", refusal.text);
		mlp = kmlops_mlp_create(&model, &err, &refusal);
		KUNIT_EXPECT_NULL(test, mlp);
		kmlops_mlp_destroy(mlp);
		KUNIT_EXPECT_EQ(test, err, -EINVAL);
		KUNIT_EXPECT_STREQ(test, refusal.text, sentence);
		layer_net_clear(net);
	}
	KUNIT_ASSERT_TRUE(test, net_draw(&net->net, widths, 2, 8));
	net_add(&net->builder, &net->net, net->golden);
}

static void bad_layers(struct kunit *test)
{
	struct layer_net *net = layer_net_make(test);
	struct kmlops_model_layer *layers = net->net.layers;

	/* There is none yet: draws the first. */
	file_refused(test, net, NULL);
	layers[0].reserved = 1;
	file_refused(test, net, "layer 0: reserved bytes are not zero");
	layers[0].input_bits = 32;
	file_refused(test, net, "layer 0: inputs have 8 or 16 bits");
	layers[0].output_bits = 32;
	file_refused(test, net, "layer 0: outputs have 8 or 16 bits");
	layers[1].output_bits = 16;
	file_refused(test, net,
		     "layer 1: outputs of the last layer have 32 bits");
	layers[0].activation = 9;
	file_refused(test, net, "layer 0: its activation is unknown");
	layers[1].activation = KMLOPS_MODEL_ACTIVATION_TANH;
	file_refused(test, net,
		     "layer 1: the last layer has no activation but the clamp");
	layers[1].zero_point = 1;
	file_refused(test, net,
		     "layer 1: the zero point of the last layer is 0");
	layers[1].min = 1;
	layers[1].max = 0;
	file_refused(test, net, "layer 1: its clamp is empty");
	layers[0].activation = KMLOPS_MODEL_ACTIVATION_CLAMP;
	layers[0].min = -129;
	layers[0].max = 0;
	file_refused(test, net,
		     "layer 0: its clamp is wider than its outputs");
	layers[0].activation = KMLOPS_MODEL_ACTIVATION_SIGMOID;
	layers[0].zero_point = 3;
	file_refused(test, net,
		     "layer 0: zero point and clamp are not those of its table");
	layers[0].nr_inputs = 2;
	file_refused(test, net, "layer 0 takes 2 inputs, it gets 3");
	layers[1].nr_inputs = 5;
	file_refused(test, net, "layer 1 takes 5 inputs, it gets 4");
	layers[1].input_bits = 16;
	file_refused(test, net,
		     "layer 1 takes inputs of 16 bits, it gets 8");
	layers[0].nr_outputs = 0;
	file_refused(test, net,
		     "layer 0: a layer has 1 to 512 outputs, this has 0");
	layers[1].nr_outputs = 3;
	file_refused(test, net,
		     "layer 1 has 3 outputs, the header says 2 scores");
}

static void bad_inputs(struct kunit *test)
{
	struct layer_net *net = layer_net_make(test);
	struct kmlops_model_input *input = &net->net.inputs[1];

	file_refused(test, net, NULL);
	*input = net_plain_input(-128, 128);
	strscpy(input->name, "wide");
	file_refused(test, net, "input wide: its max normalizes beyond 8 bits");
	*input = net_plain_input(-129, 127);
	strscpy(input->name, "wide");
	file_refused(test, net, "input wide: its min normalizes beyond 8 bits");
	*input = net_plain_input(-1, 127);
	input->norm = KMLOPS_MODEL_NORM_LOG2;
	strscpy(input->name, "log");
	file_refused(test, net, "input log: a logarithm of less than 0");
	*input = net_plain_input(0, S64_MAX / 2 + 1);
	input->multiplier = 2;
	input->shift = 62;
	strscpy(input->name, "far");
	file_refused(test, net, "input far: its max overflows 64 bits");
}

static struct kunit_case cases[] = {
	KUNIT_CASE(ranges_are_exact),
	KUNIT_CASE(bounds_of_sums),
	KUNIT_CASE(bad_channels),
	KUNIT_CASE(bad_layers),
	KUNIT_CASE(bad_inputs),
	{}
};

static struct kunit_suite suite = {
	.name = "kmlops_mlp_proof",
	.init = set_up,
	.test_cases = cases,
};

kunit_test_suite(suite);
