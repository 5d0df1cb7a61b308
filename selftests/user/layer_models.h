/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Linear models and MLPs for tests: drawn at random or made part by part, and
 * what they must compute, straight from fixed-point.rst in 128-bit arithmetic.
 * Natively and for KUnit.
 */
#ifndef LAYER_MODELS_H
#define LAYER_MODELS_H

#include "model_builder.h"

#ifdef __KERNEL__
#include "fixed_point.h"

#define assert(condition)	WARN_ON_ONCE(!(condition))
#else
#include <assert.h>
#include <math.h>
#endif

#define NET_LAYERS_MAX	8

struct net {
	u32 nr_inputs;
	u32 nr_layers;
	u32 nr_channels;
	u32 nr_weights;
	struct kmlops_model_input inputs[KMLOPS_MODEL_INPUTS_MAX];
	struct kmlops_model_layer layers[NET_LAYERS_MAX];
	struct kmlops_model_channel *channels;
	s8 *weights;
};

static u64 net_random_state = 1;

static inline u64 net_random(void)
{
	net_random_state ^= net_random_state << 13;
	net_random_state ^= net_random_state >> 7;
	net_random_state ^= net_random_state << 17;
	return net_random_state * 0x2545f4914f6cdd1dULL;
}

/* From @low to @high. */
static inline s64 net_between(s64 low, s64 high)
{
	u64 span = (u64)high - low + 1;

	return low + (span ? net_random() % span : net_random());
}

static inline bool net_chance(u32 percent)
{
	return net_random() % 100 < percent;
}

static inline void net_free(struct net *net)
{
	kmlops_free(net->channels);
	kmlops_free(net->weights);
	net->channels = NULL;
	net->weights = NULL;
}

/* ---- what it must compute */

static inline s64 oracle_clamp(__int128 value, s64 low, s64 high)
{
	return value < low ? low : value > high ? high : value;
}

static inline s64 oracle_log2q4(s64 x)
{
	__int128 y = (__int128)x + 1;
	u32 e = 0, i, m = 0;

	while (y >> (e + 1))
		e++;
	for (i = 1; i <= 4; i++)
		m = 2 * m + (e >= i ? (u32)(y >> (e - i)) & 1 : 0);
	return e * 16 + m;
}

static inline s64 oracle_normalize(const struct kmlops_model_input *input, s64 x)
{
	__int128 y = oracle_clamp(x, input->min, input->max);

	if (input->norm == KMLOPS_MODEL_NORM_LOG2)
		y = oracle_log2q4(y);
	return (y * (s64)input->multiplier + (s64)input->offset) >> input->shift;
}

#ifdef __KERNEL__
/* Without floating point. The table is tested natively. */
static inline s64 oracle_sigmoid16(__int128 v)
{
	return kmlops_sigmoid16(oracle_clamp(v, -32768, 32767));
}
#else
static inline s64 oracle_sigmoid16(__int128 v)
{
	static s64 table[257];
	u32 u, i;

	if (!table[0])
		for (i = 0; i < 257; i++)
			table[i] = lround(65536 / (1 + exp((128.0 - i) / 16)));
	u = oracle_clamp(v, -32768, 32767) + 32768;
	i = u >> 8;
	return table[i] + (((table[i + 1] - table[i]) * (u & 255) + 128) >> 8);
}
#endif

static inline s64 oracle_activate(const struct kmlops_model_layer *layer,
				  __int128 v)
{
	s64 t;

	switch (layer->activation) {
	case KMLOPS_MODEL_ACTIVATION_SIGMOID:
		t = oracle_sigmoid16(v);
		if (layer->output_bits == 8)
			return oracle_clamp((t + 128) >> 8, 0, 255) - 128;
		return oracle_clamp((t + 1) >> 1, 0, 32767);
	case KMLOPS_MODEL_ACTIVATION_TANH:
		t = oracle_sigmoid16(v) - 32768;
		if (layer->output_bits == 8)
			return oracle_clamp((t + 128) >> 8, -128, 127);
		return t;
	}
	return oracle_clamp(v + (s32)layer->zero_point, (s32)layer->min,
			    (s32)layer->max);
}

/* The least and greatest accumulator and output of each layer so far. */
struct net_seen {
	s64 acc[NET_LAYERS_MAX][2];
	s64 output[NET_LAYERS_MAX][2];
};

static inline void seen(s64 *range, s64 value)
{
	range[0] = value < range[0] ? value : range[0];
	range[1] = value > range[1] ? value : range[1];
}

static inline void net_seen_init(struct net_seen *all)
{
	u32 i;

	for (i = 0; i < NET_LAYERS_MAX; i++) {
		all->acc[i][0] = S64_MAX;
		all->output[i][0] = S64_MAX;
		all->acc[i][1] = S64_MIN;
		all->output[i][1] = S64_MIN;
	}
}

static inline void net_oracle(const struct net *net, const s64 *in, s64 *scores,
			      struct net_seen *all)
{
	/* More than the stack of the kernel has room for. */
	static s64 a[KMLOPS_MODEL_WIDTH_MAX], b[KMLOPS_MODEL_WIDTH_MAX];
	const struct kmlops_model_channel *channel = net->channels;
	const s8 *weight = net->weights;
	u32 l, c, i;

	for (i = 0; i < net->nr_inputs; i++)
		a[i] = oracle_normalize(&net->inputs[i], in[i]);
	for (l = 0; l < net->nr_layers; l++) {
		const struct kmlops_model_layer *layer = &net->layers[l];

		for (c = 0; c < layer->nr_outputs; c++, channel++) {
			__int128 acc = (s32)channel->bias;

			for (i = 0; i < layer->nr_inputs; i++) {
				assert(a[i] >= -(1 << (layer->input_bits - 1)));
				assert(a[i] < 1 << (layer->input_bits - 1));
				acc += a[i] * *weight++;
			}
			assert(acc == (s32)acc);
			b[c] = oracle_activate(layer,
					       (acc * (s32)channel->multiplier +
						((__int128)1 << (channel->shift - 1))) >>
					       channel->shift);
			if (all) {
				seen(all->acc[l], acc);
				seen(all->output[l], b[c]);
			}
		}
		memcpy(a, b, sizeof(a));
	}
	memcpy(scores, b, net->layers[net->nr_layers - 1].nr_outputs * 8);
}

/* ---- models drawn at random */

static inline void net_random_input(struct kmlops_model_input *input, u32 at,
				    u32 bits)
{
	s64 limit = (1LL << (bits - 1)) - 1, units;

	memset(input, 0, sizeof(*input));
	snprintf(input->name, sizeof(input->name), "input%u", at);
	if (net_chance(40)) {
		input->norm = KMLOPS_MODEL_NORM_LOG2;
		input->min = net_chance(50) ? 0 : net_between(0, 1000);
		input->max = net_chance(50) ? S64_MAX :
			     net_between(input->min, S64_MAX);
		/* 0 to 1008 to what the type holds. */
		input->shift = net_between(10, 40);
		input->multiplier = net_between(0, (limit << input->shift) / 1008);
		if (net_chance(50))
			input->multiplier = -input->multiplier;
		input->offset = net_between(-(1LL << input->shift),
					    (1LL << input->shift) - 1) / 2;
		return;
	}
	input->norm = KMLOPS_MODEL_NORM_AFFINE;
	switch (net_random() % 4) {
	case 0:	/* already of the type */
		input->min = -limit - 1;
		input->max = limit;
		input->multiplier = 1;
		return;
	case 1:	/* any integer, by its upper bits */
		input->min = S64_MIN;
		input->max = S64_MAX;
		input->multiplier = net_chance(50) ? 1 : 0;
		input->shift = 64 - bits > 62 ? 62 : 64 - bits;
		return;
	case 2:	/* a constant */
		input->min = net_random();
		input->max = input->min;
		input->offset = net_between(-limit - 1, limit);
		return;
	}
	units = 1LL << net_between(1, 40);
	input->max = net_between(1, units);
	input->min = -(s64)net_between(0, units);
	input->shift = net_between(0, 16);
	input->multiplier = ((limit << input->shift) / units) / 2;
	input->offset = net_between(-(limit << input->shift) / 2,
				    (limit << input->shift) / 2);
}

static inline s8 net_random_weight(u32 style)
{
	switch (style) {
	case 0:
		return net_between(-127, 127);
	case 1:
		return net_chance(50) ? 127 : -127;
	case 2:
		return net_chance(90) ? 0 : net_between(-127, 127);
	case 3:
		return 127;
	case 4:
		return -127;
	}
	/* About what training gives. */
	return (net_between(-127, 127) + net_between(-127, 127) +
		net_between(-127, 127)) / 4;
}

static inline void net_random_activation(struct kmlops_model_layer *layer)
{
	s32 limit = 1 << (layer->output_bits - 1), a, b;

	layer->activation = net_between(0, 2);
	layer->min = -limit;
	layer->max = limit - 1;
	if (layer->activation) {
		layer->zero_point = layer->output_bits == 8 &&
			layer->activation == KMLOPS_MODEL_ACTIVATION_SIGMOID ?
			-128 : 0;
		return;
	}
	layer->zero_point = net_between(-limit, limit - 1);
	if (net_chance(10))
		layer->zero_point = net_random();
	switch (net_random() % 4) {
	case 0:	/* ReLU */
		layer->zero_point = net_between(-limit, limit - 1);
		layer->min = layer->zero_point;
		break;
	case 1:
		a = net_between(-limit, limit - 1);
		b = net_between(-limit, limit - 1);
		layer->min = a < b ? a : b;
		layer->max = a < b ? b : a;
	}
}

/*
 * A layer with its channels and weights. Accumulators fit 32 bits whatever the
 * inputs; scales are such that most outputs are neither 0 nor clamped, or
 * anything at all.
 */
static inline void net_random_layer(struct kmlops_model_layer *layer,
				    struct kmlops_model_channel *channels,
				    s8 *weights)
{
	u32 bits_out = layer->activation ? 16 : layer->output_bits;
	u32 style = net_random() % 10, c, i;

	for (c = 0; c < layer->nr_outputs; c++) {
		s64 sum = 0, typical, room, magnitude;

		for (i = 0; i < layer->nr_inputs; i++) {
			*weights = net_random_weight(style);
			sum += *weights < 0 ? -*weights : *weights;
			weights++;
		}
		sum <<= layer->input_bits - 1;
		room = (1LL << 31) - 1 - sum;
		typical = sum / 4 < 1 ? 1 : sum / 4;
		channels[c].bias = net_chance(5) ? net_between(-room, room) :
			net_between(-(typical < room ? typical : room),
				    typical < room ? typical : room);
		channels[c].multiplier = net_chance(5) ? 1U << 30 :
			net_chance(5) ? ~(1U << 31) :
			net_between(1U << 30, ~(1U << 31));
		/* typical * 2^30 >> shift is about 2^(bits_out - 2). */
		magnitude = 30 - (s64)bits_out + 2;
		while (typical >>= 1)
			magnitude++;
		channels[c].shift = net_chance(5) ? net_between(1, 62) :
			net_chance(2) ? 1 : net_chance(2) ? 62 :
			oracle_clamp(magnitude + net_between(-1, 1), 1, 62);
	}
}

static inline struct kmlops_model_input net_plain_input(s64 min, s64 max)
{
	struct kmlops_model_input input = {
		.norm = KMLOPS_MODEL_NORM_AFFINE,
		.min = min,
		.max = max,
		.multiplier = 1,
	};

	return input;
}

/* Room for the channels and weights of @net; false without memory. */
static inline bool net_make_room(struct net *net)
{
	net->channels = kmlops_alloc(net->nr_channels * sizeof(*net->channels),
				     NUMA_NO_NODE);
	net->weights = kmlops_alloc(net->nr_weights, NUMA_NO_NODE);
	return net->channels && net->weights;
}

/* @widths: inputs, then the outputs of each layer. False without memory. */
static inline bool net_draw(struct net *net, const u32 *widths, u32 nr_layers,
			    u32 bits)
{
	u32 channel = 0, weight = 0, l, i;

	memset(net, 0, sizeof(*net));
	net->nr_inputs = widths[0];
	net->nr_layers = nr_layers;
	for (l = 0; l < nr_layers; l++) {
		net->nr_channels += widths[l + 1];
		net->nr_weights += widths[l] * widths[l + 1];
	}
	if (!net_make_room(net))
		return false;

	for (l = 0; l < nr_layers; l++) {
		struct kmlops_model_layer *layer = &net->layers[l];

		layer->nr_inputs = widths[l];
		layer->nr_outputs = widths[l + 1];
		layer->input_bits = l ? layer[-1].output_bits :
				    bits ? bits : net_chance(60) ? 8 : 16;
		layer->output_bits = bits ? bits : net_chance(60) ? 8 : 16;
		if (l == nr_layers - 1) {
			layer->output_bits = 32;
			layer->min = net_chance(80) ? (s32)0x80000000 :
				     -(s32)net_between(0, 1 << 20);
			layer->max = net_chance(80) ? 0x7fffffff :
				     net_between(0, 1 << 20);
		} else {
			net_random_activation(layer);
		}
		net_random_layer(layer, net->channels + channel,
				 net->weights + weight);
		channel += widths[l + 1];
		weight += widths[l] * widths[l + 1];
	}
	for (i = 0; i < net->nr_inputs; i++)
		net_random_input(&net->inputs[i], i, net->layers[0].input_bits);
	return true;
}

/*
 * @nr_inputs inputs of @bits as they are, one layer of @nr_outputs scores, all
 * weights @weight. False without memory.
 */
static inline bool net_plain(struct net *net, u32 nr_inputs, u32 nr_outputs,
			     u32 bits, s8 weight)
{
	u32 i;

	memset(net, 0, sizeof(*net));
	net->nr_inputs = nr_inputs;
	net->nr_layers = 1;
	net->nr_channels = nr_outputs;
	net->nr_weights = nr_inputs * nr_outputs;
	if (!net_make_room(net))
		return false;
	memset(net->weights, weight, net->nr_weights);
	for (i = 0; i < nr_inputs; i++) {
		net->inputs[i] = net_plain_input(-(1 << (bits - 1)),
						 (1 << (bits - 1)) - 1);
		snprintf(net->inputs[i].name, sizeof(net->inputs[i].name),
			 "i%u", i);
	}
	for (i = 0; i < nr_outputs; i++) {
		net->channels[i].multiplier = 1 << 30;
		net->channels[i].shift = 30;
	}
	net->layers[0] = (struct kmlops_model_layer){
		.nr_inputs = nr_inputs,
		.nr_outputs = nr_outputs,
		.input_bits = bits,
		.output_bits = 32,
		.min = (s32)0x80000000,
		.max = 0x7fffffff,
	};
	return true;
}

/* An input vector: extremes, ends of ranges, and what lies between. */
static inline void net_random_vector(const struct net *net, s64 *in)
{
	u32 style = net_random() % 8, i;

	for (i = 0; i < net->nr_inputs; i++) {
		s64 min = net->inputs[i].min, max = net->inputs[i].max;
		u32 kind = style < 6 ? 0 : net_random() % 6;

		switch (style == 5 ? 5 : kind) {
		case 0:
			in[i] = net_between(min, max);
			break;
		case 1:
			in[i] = S64_MIN;
			break;
		case 2:
			in[i] = S64_MAX;
			break;
		case 3:
			in[i] = min - !!(min > S64_MIN && net_chance(50));
			break;
		case 4:
			in[i] = max + !!(max < S64_MAX && net_chance(50));
			break;
		default:
			in[i] = (s64)net_random() >> net_between(0, 63);
		}
	}
}

/* ---- the file */

/*
 * The model as a file, to be freed by the caller. @golden receives one golden
 * vector, the greatest there is.
 */
static inline void net_add(struct model_builder *builder, const struct net *net,
			   s64 *golden)
{
	const struct kmlops_model_layer *last = &net->layers[net->nr_layers - 1];
	u32 nr_scores = last->nr_outputs, i, best = 0;
	s64 *out = golden + net->nr_inputs;

	memset(builder, 0, sizeof(*builder));
	builder->header.kind = net->nr_layers == 1 ? KMLOPS_MODEL_KIND_LINEAR :
			       KMLOPS_MODEL_KIND_MLP;
	builder->header.task = nr_scores == 1 ? KMLOPS_MODEL_TASK_REGRESSION :
			       KMLOPS_MODEL_TASK_CLASSIFY;
	builder->header.nr_inputs = net->nr_inputs;
	builder->header.nr_scores = nr_scores;
	builder->header.fraction_bits = 16;
	builder->header.max_work = net->nr_weights;

	net_random_vector(net, golden);
	net_oracle(net, golden, out + 1, NULL);
	for (i = 1; i < nr_scores; i++)
		if (out[1 + i] > out[1 + best])
			best = i;
	out[0] = nr_scores == 1 ? out[1] : best;

	model_add(builder, KMLOPS_MODEL_SECTION_INPUTS, net->inputs,
		  net->nr_inputs * sizeof(*net->inputs), net->nr_inputs);
	model_add(builder, KMLOPS_MODEL_SECTION_LAYERS, net->layers,
		  net->nr_layers * sizeof(*net->layers), net->nr_layers);
	model_add(builder, KMLOPS_MODEL_SECTION_CHANNELS, net->channels,
		  net->nr_channels * sizeof(*net->channels),
		  net->nr_channels);
	model_add(builder, KMLOPS_MODEL_SECTION_WEIGHTS, net->weights,
		  net->nr_weights, net->nr_weights);
	model_add(builder, KMLOPS_MODEL_SECTION_GOLDEN, golden,
		  8 * (net->nr_inputs + 1 + nr_scores), 1);
}

#endif /* LAYER_MODELS_H */
