// SPDX-License-Identifier: GPL-2.0-only
/*
 * Verification of layers: that they fit each other, and that nothing can
 * overflow, by interval analysis from the inputs to the scores. Portable.
 */
#include "fixed_point.h"
#include "mlp.h"

static const char *check_table(const struct kmlops_model_layer *layer)
{
	bool tanh = layer->activation == KMLOPS_MODEL_ACTIVATION_TANH;
	s32 zero_point = le32_to_cpu(layer->zero_point);
	s32 min = le32_to_cpu(layer->min), max = le32_to_cpu(layer->max);

	if (layer->output_bits == 8 ?
	    zero_point != (tanh ? 0 : -128) || min != -128 || max != 127 :
	    zero_point || min != -32768 || max != 32767)
		return "zero point and clamp are not those of its table";
	return NULL;
}

static const char *check_clamp(const struct kmlops_model_layer *layer)
{
	s32 min = le32_to_cpu(layer->min), max = le32_to_cpu(layer->max);
	s64 limit = 1LL << (layer->output_bits - 1);

	if (min > max)
		return "its clamp is empty";
	if (min < -limit || max >= limit)
		return "its clamp is wider than its outputs";
	return NULL;
}

/* What is wrong with a layer by itself, or NULL. */
static const char *check_layer(const struct kmlops_model_layer *layer, bool last)
{
	if (layer->reserved || layer->reserved2)
		return "reserved bytes are not zero";
	if (layer->input_bits != 8 && layer->input_bits != 16)
		return "inputs have 8 or 16 bits";
	if (last) {
		if (layer->output_bits != 32)
			return "outputs of the last layer have 32 bits";
		if (layer->activation != KMLOPS_MODEL_ACTIVATION_CLAMP)
			return "the last layer has no activation but the clamp";
		if (layer->zero_point)
			return "the zero point of the last layer is 0";
	} else if (layer->output_bits != 8 && layer->output_bits != 16) {
		return "outputs have 8 or 16 bits";
	}
	switch (layer->activation) {
	case KMLOPS_MODEL_ACTIVATION_CLAMP:
		return check_clamp(layer);
	case KMLOPS_MODEL_ACTIVATION_SIGMOID:
	case KMLOPS_MODEL_ACTIVATION_TANH:
		return check_table(layer);
	}
	return "its activation is unknown";
}

/**
 * kmlops_mlp_check_layers() - Check that layers are whole and fit each other
 * @model: a parsed model file of kind linear or MLP
 * @refusal: receives the sentence on error
 *
 * Return: 0, or -EINVAL.
 */
int kmlops_mlp_check_layers(const struct kmlops_model_file *model,
			    struct kmlops_refusal *refusal)
{
	const struct kmlops_section *section =
		&model->sections[KMLOPS_MODEL_SECTION_LAYERS];
	const struct kmlops_model_layer *layers = section->data;
	u32 at, width = model->nr_inputs, channels = 0, weights = 0;

	if (section->count > KMLOPS_MODEL_LAYERS_MAX)
		return kmlops_refuse(refusal, -EINVAL,
				     "an MLP has 1 to %d layers, this has %u",
				     KMLOPS_MODEL_LAYERS_MAX, section->count);
	if (model->kind == KMLOPS_MODEL_KIND_LINEAR && section->count != 1)
		return kmlops_refuse(refusal, -EINVAL,
				     "a linear model has one layer, this has %u",
				     section->count);

	for (at = 0; at < section->count; at++) {
		const struct kmlops_model_layer *layer = &layers[at];
		u32 nr_inputs = le16_to_cpu(layer->nr_inputs);
		u32 nr_outputs = le16_to_cpu(layer->nr_outputs);
		bool last = at == section->count - 1;
		const char *wrong = check_layer(layer, last);

		if (wrong)
			return kmlops_refuse(refusal, -EINVAL, "layer %u: %s",
					     at, wrong);
		if (nr_inputs != width)
			return kmlops_refuse(refusal, -EINVAL,
					     "layer %u takes %u inputs, it gets %u",
					     at, nr_inputs, width);
		if (at && layer->input_bits != layer[-1].output_bits)
			return kmlops_refuse(refusal, -EINVAL,
					     "layer %u takes inputs of %u bits, it gets %u",
					     at, layer->input_bits,
					     layer[-1].output_bits);
		if (!nr_outputs || nr_outputs > KMLOPS_MODEL_WIDTH_MAX)
			return kmlops_refuse(refusal, -EINVAL,
					     "layer %u: a layer has 1 to %d outputs, this has %u",
					     at, KMLOPS_MODEL_WIDTH_MAX,
					     nr_outputs);
		width = nr_outputs;
		channels += nr_outputs;
		weights += nr_inputs * nr_outputs;
	}
	if (width != model->nr_scores)
		return kmlops_refuse(refusal, -EINVAL,
				     "layer %u has %u outputs, the header says %u scores",
				     at - 1, width, model->nr_scores);
	section = &model->sections[KMLOPS_MODEL_SECTION_CHANNELS];
	if (section->count != channels)
		return kmlops_refuse(refusal, -EINVAL,
				     "there are %u channels, the layers have %u",
				     section->count, channels);
	section = &model->sections[KMLOPS_MODEL_SECTION_WEIGHTS];
	if (section->count != weights)
		return kmlops_refuse(refusal, -EINVAL,
				     "there are %u weights, the layers have %u",
				     section->count, weights);
	return 0;
}

static bool normalize_end(const struct kmlops_model_input *input, s64 x,
			  s64 *result)
{
	if (le32_to_cpu(input->norm) == KMLOPS_MODEL_NORM_LOG2)
		x = kmlops_log2q4(x);
	if (__builtin_mul_overflow(x, (s64)le64_to_cpu(input->multiplier), &x) ||
	    __builtin_add_overflow(x, (s64)le64_to_cpu(input->offset), &x))
		return false;
	*result = x >> le32_to_cpu(input->shift);
	return true;
}

/**
 * kmlops_mlp_prove_inputs() - Prove that normalizers give what a layer takes
 * @model: a file with checked layers
 * @ranges: receives what each input normalizes to
 * @refusal: receives the sentence on error
 *
 * A normalizer is monotone, so its ends tell all.
 *
 * Return: 0, or -EINVAL.
 */
int kmlops_mlp_prove_inputs(const struct kmlops_model_file *model,
			    struct kmlops_range *ranges,
			    struct kmlops_refusal *refusal)
{
	const struct kmlops_model_layer *first =
		model->sections[KMLOPS_MODEL_SECTION_LAYERS].data;
	s64 limit = 1LL << (first->input_bits - 1);
	u32 i, end;

	for (i = 0; i < model->nr_inputs; i++) {
		const struct kmlops_model_input *input = &model->inputs[i];
		s64 ends[2] = {
			le64_to_cpu(input->min), le64_to_cpu(input->max)
		};

		if (le32_to_cpu(input->norm) == KMLOPS_MODEL_NORM_LOG2 &&
		    ends[0] < 0)
			return kmlops_refuse(refusal, -EINVAL,
					     "input %s: a logarithm of less than 0",
					     input->name);
		for (end = 0; end < 2; end++) {
			if (!normalize_end(input, ends[end], &ends[end]))
				return kmlops_refuse(refusal, -EINVAL,
						     "input %s: its %s overflows 64 bits",
						     input->name,
						     end ? "max" : "min");
			if (ends[end] < -limit || ends[end] >= limit)
				return kmlops_refuse(refusal, -EINVAL,
						     "input %s: its %s normalizes beyond %u bits",
						     input->name,
						     end ? "max" : "min",
						     first->input_bits);
		}
		/* A negative multiplier turns them around. */
		ranges[i].min = ends[0] < ends[1] ? ends[0] : ends[1];
		ranges[i].max = ends[0] < ends[1] ? ends[1] : ends[0];
	}
	return 0;
}

static bool fits_s32(s64 value)
{
	return value == (s32)value;
}

static int check_sum(u32 at, u32 c, s64 sum, s64 bias,
		     struct kmlops_refusal *refusal)
{
	if (!fits_s32(sum))
		return kmlops_refuse(refusal, -EINVAL,
				     "layer %u channel %u: sums reach %lld, beyond 32 bits",
				     at, c, (long long)sum);
	if (!fits_s32(bias + sum))
		return kmlops_refuse(refusal, -EINVAL,
				     "layer %u channel %u: bias and sums reach %lld, beyond 32 bits",
				     at, c, (long long)(bias + sum));
	return 0;
}

/* Widens @acc, which is 0, to what sums of products and then the bias make. */
static int prove_sum(u32 at, u32 c, const s8 *weights, u32 nr, s32 bias,
		     const struct kmlops_range *inputs,
		     struct kmlops_range *acc, struct kmlops_refusal *refusal)
{
	u32 i;
	int err;

	for (i = 0; i < nr; i++) {
		s64 a = weights[i] * inputs[i].min;
		s64 b = weights[i] * inputs[i].max;

		if (weights[i] == -128)
			return kmlops_refuse(refusal, -EINVAL,
					     "layer %u channel %u: weight %u is -128",
					     at, c, i);
		acc->min += kmlops_clamp(a < b ? a : b, S64_MIN, 0);
		acc->max += kmlops_clamp(a > b ? a : b, 0, S64_MAX);
	}
	err = check_sum(at, c, acc->min, bias, refusal);
	if (!err)
		err = check_sum(at, c, acc->max, bias, refusal);
	acc->min += bias;
	acc->max += bias;
	return err;
}

static s64 activate(const struct kmlops_model_layer *layer, s64 value)
{
	bool tanh = layer->activation == KMLOPS_MODEL_ACTIVATION_TANH;

	if (layer->activation != KMLOPS_MODEL_ACTIVATION_CLAMP) {
		value = kmlops_sigmoid16(value);
		if (tanh)
			value -= 32768;
		if (layer->output_bits == 8)
			value = (value + 128) >> 8;
		else if (!tanh)
			value = (value + 1) >> 1;
	}
	return kmlops_clamp(value + (s32)le32_to_cpu(layer->zero_point),
			    (s32)le32_to_cpu(layer->min),
			    (s32)le32_to_cpu(layer->max));
}

static void widen(struct kmlops_range *range, const struct kmlops_range *by)
{
	range->min = by->min < range->min ? by->min : range->min;
	range->max = by->max > range->max ? by->max : range->max;
}

/**
 * kmlops_mlp_prove_layer() - Prove that no accumulator of a layer overflows
 * @at: which layer, for the sentence
 * @layer: its record, checked
 * @channels: its channels
 * @weights: its weights
 * @inputs: what each of its inputs can be
 * @outputs: receives what each of its outputs can be
 * @proof: receives the extremes of all channels
 * @refusal: receives the sentence on error
 *
 * Requantization, tables and clamp are monotone, so the ends tell all.
 *
 * Return: 0, or -EINVAL.
 */
int kmlops_mlp_prove_layer(u32 at, const struct kmlops_model_layer *layer,
			   const struct kmlops_model_channel *channels,
			   const s8 *weights, const struct kmlops_range *inputs,
			   struct kmlops_range *outputs,
			   struct kmlops_layer_proof *proof,
			   struct kmlops_refusal *refusal)
{
	const struct kmlops_range none = { S64_MAX, S64_MIN };
	u32 nr_inputs = le16_to_cpu(layer->nr_inputs);
	u32 nr_outputs = le16_to_cpu(layer->nr_outputs);
	struct kmlops_range acc, value;
	u32 c;
	int err;

	proof->acc = none;
	proof->requantized = none;
	proof->output = none;
	proof->work = nr_inputs * nr_outputs;

	for (c = 0; c < nr_outputs; c++, weights += nr_inputs) {
		u32 multiplier = le32_to_cpu(channels[c].multiplier);
		u32 shift = le32_to_cpu(channels[c].shift);

		if (multiplier < 1U << 30 || multiplier >= 1U << 31)
			return kmlops_refuse(refusal, -EINVAL,
					     "layer %u channel %u: multiplier %u is not in [2^30, 2^31)",
					     at, c, multiplier);
		if (!shift || shift > 62)
			return kmlops_refuse(refusal, -EINVAL,
					     "layer %u channel %u: shift %u is not in [1, 62]",
					     at, c, shift);
		acc = (struct kmlops_range){};
		err = prove_sum(at, c, weights, nr_inputs,
				le32_to_cpu(channels[c].bias), inputs, &acc,
				refusal);
		if (err)
			return err;
		if (acc.min < proof->acc.min)
			proof->acc_min_channel = c;
		if (acc.max > proof->acc.max)
			proof->acc_max_channel = c;
		widen(&proof->acc, &acc);
		value.min = kmlops_requantize(acc.min, multiplier, shift);
		value.max = kmlops_requantize(acc.max, multiplier, shift);
		widen(&proof->requantized, &value);
		outputs[c].min = activate(layer, value.min);
		outputs[c].max = activate(layer, value.max);
		widen(&proof->output, &outputs[c]);
	}
	return 0;
}
