// SPDX-License-Identifier: GPL-2.0-only
/*
 * MLPs in general registers. Portable.
 *
 * A 64-bit word holds a weight of each of several output channels, a lane for
 * each. Multiplied by an input and summed over inputs, it holds the sums of
 * those channels, if each fits its lane. What passes on the way does not matter,
 * words wrap. A lane starts in its middle, so that none is negative in the end
 * and borrows from the next one; the offset of the channel takes that back.
 *
 * 3 lanes of 21 bits hold the sum of a chunk of 8-bit inputs: 64 * 127 * 128 is
 * less than 2^20, and with real weights the chunk is longer. 2 lanes of 32 bits
 * hold any sum that was proved to fit 32 bits.
 */
#include "fixed_point.h"
#include "mlp.h"

#define WHOLE_BLOCK	(3 * KMLOPS_SCALAR_GROUPS)

/**
 * kmlops_mlp_normalize() - Make inputs what the first layer takes
 * @mlp: the model
 * @in: the input vector
 * @out: receives as many activations
 */
void kmlops_mlp_normalize(const struct kmlops_mlp *mlp, const s64 *in,
			  kmlops_activation *out)
{
	const struct kmlops_norm *norm = mlp->norms;
	const struct kmlops_norm *end = norm + mlp->nr_inputs;

	do {
		/* Once: memory of BPF may change. */
		s64 x = kmlops_clamp(READ_ONCE(*in), norm->min, norm->max);

		if (norm->log2)
			x = kmlops_log2q4(x);
		*out++ = (x * norm->multiplier + norm->offset) >> norm->shift;
		in++;
	} while (++norm != end);
}

/* Takes the lanes of @word apart, which are not negative. */
static __always_inline void take_lanes(u64 word, u32 lanes, bool first,
				       u64 *sums)
{
	u32 bits = lanes == 2 ? 32 : 21, i;

	for (i = 0; i < lanes; i++) {
		u64 lane = i == lanes - 1 ? word : word & ((1ULL << bits) - 1);

		sums[i] = first ? lane : sums[i] + lane;
		word >>= bits;
	}
}

/* Neither the product nor the sum may fit by itself; the result does. */
static __always_inline s64 requantize(const struct kmlops_channel *channel,
				      u64 sum)
{
	return (s64)(sum * channel->multiplier + channel->offset) >>
	       channel->shift;
}

/* Where the outputs of a block of channels go. */
struct block {
	const struct kmlops_channel *channels;
	s64 min;
	s64 max;
	kmlops_activation *out;
	s64 *scores;
};

/* An output of a folded layer. */
static __always_inline void clamp_one(const struct block *block, u64 sum, u32 i)
{
	s64 value = requantize(&block->channels[i], sum);

	value = kmlops_clamp(value, block->min, block->max);
	if (block->scores)
		block->scores[i] = value;
	else
		block->out[i] = value;
}

/*
 * What @nr inputs give for the channels of @groups words. A multiplication each
 * cycle leaves room for other things: if there is a block before this one, its
 * outputs are made from @sums meanwhile.
 */
static __always_inline void sum_chunk(const u64 *words,
				      const kmlops_activation *in, u32 nr,
				      u32 groups, u32 lanes, bool first,
				      const struct block *before, u64 *sums)
{
	u64 a, b, c, d;
	u32 i = 0;

	a = lanes == 2 ? KMLOPS_LANES_2_START : KMLOPS_LANES_3_START;
	b = a;
	c = a;
	d = a;
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
		if (before)
			clamp_one(before, sums[i], i);
		i++;
	} while (i < (before ? WHOLE_BLOCK : nr));
	if (before) {
		for (; i < nr; i++) {
			u64 x = (s64)*in++;

			a += words[0] * x;
			if (groups > 1)
				b += words[1] * x;
			if (groups > 2)
				c += words[2] * x;
			if (groups > 3)
				d += words[3] * x;
			words += groups;
		}
	}

	take_lanes(a, lanes, first, sums);
	if (groups > 1)
		take_lanes(b, lanes, first, sums + lanes);
	if (groups > 2)
		take_lanes(c, lanes, first, sums + 2 * lanes);
	if (groups > 3)
		take_lanes(d, lanes, first, sums + 3 * lanes);
}

static __always_inline void sum_block(const struct kmlops_layer *layer,
				      const u64 *words,
				      const kmlops_activation *in, u32 groups,
				      u32 lanes, const struct block *before,
				      u64 *sums)
{
	u32 chunk = layer->chunk, left = layer->nr_inputs;

	sum_chunk(words, in, chunk, groups, lanes, true, before, sums);
	/* Opaque, or gcc keeps copies of the sums for this seldom case. */
	sums = kmlops_opaque(sums);
	while (unlikely(left > chunk)) {
		words += (size_t)chunk * groups;
		in += chunk;
		left -= chunk;
		chunk = left < chunk ? left : chunk;
		sum_chunk(words, in, chunk, groups, lanes, false, NULL, sums);
	}
}

static __always_inline void sum_groups(const struct kmlops_layer *layer,
				       const u64 *words,
				       const kmlops_activation *in, u32 groups,
				       u32 lanes, const struct block *before,
				       u64 *sums)
{
	switch (groups) {
	case 1:
		return sum_block(layer, words, in, 1, lanes, before, sums);
	case 2:
		return sum_block(layer, words, in, 2, lanes, before, sums);
	case 3:
		return sum_block(layer, words, in, 3, lanes, before, sums);
	}
	sum_block(layer, words, in, KMLOPS_SCALAR_GROUPS, lanes, before, sums);
}

/* Outputs of a layer that is not folded. */
static void activate_all(const struct kmlops_layer *layer,
			 const struct block *block, const u64 *sums, u32 nr)
{
	u32 i;

	for (i = 0; i < nr; i++) {
		s64 value = requantize(&block->channels[i], sums[i]);

		if (layer->activation != KMLOPS_MODEL_ACTIVATION_CLAMP)
			value = ((s64)kmlops_sigmoid16(value) +
				 layer->table_offset) >> layer->table_shift;
		value = kmlops_clamp(value + layer->zero_point, layer->min,
				     layer->max);
		if (block->scores)
			block->scores[i] = value;
		else
			block->out[i] = value;
	}
}

static __always_inline void clamp_all(const struct block *block,
				      const u64 *sums, u32 nr)
{
	u32 i;

	for (i = 0; i < nr; i++)
		clamp_one(block, sums[i], i);
}

/* Computes the outputs, or the scores of the last layer. */
static __always_inline void infer_layer(const struct kmlops_layer *layer,
					const kmlops_activation *in,
					kmlops_activation *out, s64 *scores)
{
	bool overlap = layer->folded && !scores && layer->chunk >= WHOLE_BLOCK;
	struct block block = {
		layer->channels, layer->min, layer->max, out, scores,
	};
	u64 sums[WHOLE_BLOCK] kmlops_uninitialized;
	const u64 *words = layer->words;
	u32 left = layer->nr_outputs, groups, nr;
	bool before = false;

	for (; left; left -= nr) {
		if (layer->lanes == 2) {
			groups = left > 6 ? KMLOPS_SCALAR_GROUPS : (left + 1) / 2;
			nr = groups * 2 < left ? groups * 2 : left;
			sum_groups(layer, words, in, groups, 2, NULL, sums);
		} else {
			groups = left > 9 ? KMLOPS_SCALAR_GROUPS : (left + 2) / 3;
			nr = groups * 3 < left ? groups * 3 : left;
			if (before) {
				sum_groups(layer, words, in, groups, 3, &block,
					   sums);
				block.channels += WHOLE_BLOCK;
				block.out += WHOLE_BLOCK;
			} else {
				sum_groups(layer, words, in, groups, 3, NULL,
					   sums);
			}
		}
		words += (size_t)groups * layer->nr_inputs;
		before = overlap && nr == WHOLE_BLOCK && left > nr;
		if (before)
			continue;
		if (likely(layer->folded))
			clamp_all(&block, sums, nr);
		else
			activate_all(layer, &block, sums, nr);
		block.channels += nr;
		if (scores)
			block.scores += nr;
		else
			block.out += nr;
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
	kmlops_activation here[KMLOPS_MODEL_WIDTH_MAX] kmlops_uninitialized;
	kmlops_activation *there = (kmlops_activation *)scores;
	kmlops_activation *from = here, *to = there, *next;
	u32 last = mlp->nr_layers - 1, i;

	/* The last layer must not read what it writes. */
	if (last % 2) {
		from = there;
		to = here;
	}
	kmlops_mlp_normalize(mlp, in, from);
	for (i = 0; i < last; i++) {
		infer_hidden(&mlp->layers[i], from, to);
		next = to;
		to = from;
		from = next;
	}
	infer_last(&mlp->layers[last], from, scores);
}
