// SPDX-License-Identifier: GPL-2.0-only
/*
 * MLPs in general registers. Portable.
 *
 * A 64-bit word holds a weight of each of several output channels, a lane for
 * each. Multiplied by an input and summed over inputs, it holds the sums of
 * those channels, for as long as each sum fits its lane: a lane that goes below
 * zero borrows from the next one, which is undone when they are taken apart.
 * What passes on the way does not matter, sums of words wrap.
 *
 * 3 lanes of 21 bits (22 in the last) hold the sum of a chunk of 8-bit inputs:
 * 64 * 127 * 128 < 2^20, and with real weights many more. 2 lanes of 32 bits
 * hold any sum that was proved to fit 32 bits.
 */
#include "fixed_point.h"
#include "mlp.h"

#define LANES_MAX	3

static __always_inline void normalize(const struct kmlops_mlp *mlp,
				      const s64 *in, kmlops_activation *out)
{
	u32 i;

	for (i = 0; i < mlp->nr_inputs; i++) {
		const struct kmlops_norm *norm = &mlp->norms[i];
		/* Once: memory of BPF may change. */
		s64 x = kmlops_clamp(READ_ONCE(in[i]), norm->min, norm->max);

		if (norm->log2)
			x = kmlops_log2q4(x);
		out[i] = (x * norm->multiplier + norm->offset) >> norm->shift;
	}
}

/* Adds the lanes of @word to @sums. */
static __always_inline void add_lanes(u64 word, u32 lanes, s64 *sums)
{
	s64 low;

	if (lanes == 2) {
		low = (s32)word;
		sums[0] += low;
		sums[1] += (s64)(word - low) >> 32;
		return;
	}
	low = (s64)(word << 43) >> 43;
	sums[0] += low;
	word = (s64)(word - low) >> 21;
	low = (s64)(word << 43) >> 43;
	sums[1] += low;
	sums[2] += (s64)(word - low) >> 21;
}

/* Adds what @nr inputs give for the channels of @groups words to @sums. */
static __always_inline void sum_chunk(const u64 *words,
				      const kmlops_activation *in, u32 nr,
				      u32 groups, u32 lanes, s64 *sums)
{
	u64 a = 0, b = 0, c = 0, d = 0;
	const u64 *end = words + (size_t)nr * groups;

	do {
		u64 x = (s64)*in++;

		a += words[0] * x;
		if (groups > 1)
			b += words[1] * x;
		if (groups > 2)
			c += words[2] * x;
		if (groups > 3)
			d += words[3] * x;
		words += groups;
	} while (words != end);

	add_lanes(a, lanes, sums);
	if (groups > 1)
		add_lanes(b, lanes, sums + lanes);
	if (groups > 2)
		add_lanes(c, lanes, sums + 2 * lanes);
	if (groups > 3)
		add_lanes(d, lanes, sums + 3 * lanes);
}

static __always_inline void sum_block(const struct kmlops_layer *layer,
				      const u64 *words,
				      const kmlops_activation *in, u32 groups,
				      u32 lanes, s64 *sums)
{
	u32 left = layer->nr_inputs, nr;

	memset(sums, 0, groups * lanes * sizeof(*sums));
	for (; left; left -= nr) {
		nr = left < layer->chunk ? left : layer->chunk;
		sum_chunk(words, in, nr, groups, lanes, sums);
		words += (size_t)nr * groups;
		in += nr;
	}
}

static __always_inline void sum_groups(const struct kmlops_layer *layer,
				       const u64 *words,
				       const kmlops_activation *in, u32 groups,
				       u32 lanes, s64 *sums)
{
	switch (groups) {
	case 1:
		return sum_block(layer, words, in, 1, lanes, sums);
	case 2:
		return sum_block(layer, words, in, 2, lanes, sums);
	case 3:
		return sum_block(layer, words, in, 3, lanes, sums);
	}
	sum_block(layer, words, in, KMLOPS_SCALAR_GROUPS, lanes, sums);
}

static __always_inline s64 requantize(const struct kmlops_channel *channel,
				      s64 sum)
{
	return (sum * channel->multiplier + channel->offset) >> channel->shift;
}

static void activate_table(const struct kmlops_layer *layer,
			   const struct kmlops_channel *channels,
			   const s64 *sums, u32 nr, kmlops_activation *out)
{
	u32 i;

	for (i = 0; i < nr; i++) {
		s64 t = kmlops_sigmoid16(requantize(&channels[i], sums[i]));

		t = (t + layer->table_offset) >> layer->table_shift;
		out[i] = kmlops_clamp(t + layer->zero_point, layer->min,
				      layer->max);
	}
}

static __always_inline void activate_clamp(const struct kmlops_layer *layer,
					   const struct kmlops_channel *channels,
					   const s64 *sums, u32 nr,
					   kmlops_activation *out, s64 *scores)
{
	s64 zero_point = layer->zero_point, min = layer->min, max = layer->max;
	u32 i;

	for (i = 0; i < nr; i++) {
		s64 value = requantize(&channels[i], sums[i]);

		value = kmlops_clamp(value + zero_point, min, max);
		if (scores)
			scores[i] = value;
		else
			out[i] = value;
	}
}

/* Computes the outputs, or the scores of the last layer. */
static __always_inline void infer_layer(const struct kmlops_layer *layer,
					const kmlops_activation *in,
					kmlops_activation *out, s64 *scores)
{
	const struct kmlops_channel *channels = layer->channels;
	const u64 *words = layer->words;
	u32 left = layer->nr_outputs;

	while (left) {
		s64 sums[LANES_MAX * KMLOPS_SCALAR_GROUPS];
		u32 groups, nr;

		if (layer->lanes == 3) {
			groups = left > 9 ? 4 : (left + 2) / 3;
			nr = groups * 3;
			sum_groups(layer, words, in, groups, 3, sums);
		} else {
			groups = left > 6 ? 4 : (left + 1) / 2;
			nr = groups * 2;
			sum_groups(layer, words, in, groups, 2, sums);
		}
		nr = nr < left ? nr : left;
		if (scores) {
			activate_clamp(layer, channels, sums, nr, NULL, scores);
			scores += nr;
		} else {
			if (layer->activation == KMLOPS_MODEL_ACTIVATION_CLAMP)
				activate_clamp(layer, channels, sums, nr, out,
					       NULL);
			else
				activate_table(layer, channels, sums, nr, out);
			out += nr;
		}
		words += (size_t)groups * layer->nr_inputs;
		channels += nr;
		left -= nr;
	}
}

static void infer_hidden(const struct kmlops_layer *layer,
			 const kmlops_activation *in, kmlops_activation *out)
{
	infer_layer(layer, in, out, NULL);
}

static void infer_last(const struct kmlops_layer *layer,
		       const kmlops_activation *in, s64 *scores)
{
	infer_layer(layer, in, NULL, scores);
}

/**
 * kmlops_mlp_infer_scalar() - Compute the scores in general registers
 * @mlp: the model
 * @in: the input vector
 * @scores: receives the scores; has KMLOPS_MODEL_SCORES_MAX words, all of
 *   which may be written
 *
 * Activations live in two places by turns: here and where the scores will be.
 *
 * Context: any, NMI included. 1.3 KB of stack.
 */
void kmlops_mlp_infer_scalar(const struct kmlops_mlp *mlp, const s64 *in,
			     s64 *scores)
{
	kmlops_activation here[KMLOPS_MODEL_WIDTH_MAX];
	kmlops_activation *there = (kmlops_activation *)scores;
	kmlops_activation *from = here, *to = there, *next;
	u32 last = mlp->nr_layers - 1, i;

	/* The last layer must not read what it writes. */
	if (last % 2) {
		from = there;
		to = here;
	}
	normalize(mlp, in, from);
	for (i = 0; i < last; i++) {
		infer_hidden(&mlp->layers[i], from, to);
		next = to;
		to = from;
		from = next;
	}
	infer_last(&mlp->layers[last], from, scores);
}
