// SPDX-License-Identifier: GPL-2.0-only
/*
 * 8-bit layers with the same rules as the engine and the same flags, a row of
 * weights at a time.
 */
#include "fixed_point.h"
#include "naive_mlp.h"

static void normalize(const struct net *net, const s64 *in, s8 *out)
{
	u32 i;

	for (i = 0; i < net->nr_inputs; i++) {
		const struct kmlops_model_input *input = &net->inputs[i];
		s64 x = kmlops_clamp(in[i], input->min, input->max);

		if (input->norm == KMLOPS_MODEL_NORM_LOG2)
			x = kmlops_log2q4(x);
		out[i] = (x * (s64)input->multiplier + (s64)input->offset) >>
			 input->shift;
	}
}

static s32 accumulate(s32 bias, const s8 *weights, const s8 *in, u32 nr)
{
	u32 i;

	for (i = 0; i < nr; i++)
		bias += weights[i] * in[i];
	return bias;
}

void naive_infer(const struct net *net, const s64 *in, s64 *scores)
{
	s8 a[KMLOPS_MODEL_WIDTH_MAX], b[KMLOPS_MODEL_WIDTH_MAX];
	const struct kmlops_model_channel *channel = net->channels;
	const s8 *weights = net->weights;
	s8 *from = a, *to = b, *next;
	u32 l, c;

	normalize(net, in, from);
	for (l = 0; l < net->nr_layers; l++) {
		const struct kmlops_model_layer *layer = &net->layers[l];
		s64 min = (s32)layer->min, max = (s32)layer->max;

		for (c = 0; c < layer->nr_outputs; c++, channel++) {
			s32 acc = accumulate(channel->bias, weights, from,
					     layer->nr_inputs);
			s64 v = kmlops_requantize(acc, channel->multiplier,
						  channel->shift);

			v = kmlops_clamp(v + (s32)layer->zero_point, min, max);
			if (l == net->nr_layers - 1)
				scores[c] = v;
			else
				to[c] = v;
			weights += layer->nr_inputs;
		}
		next = from;
		from = to;
		to = next;
	}
}
