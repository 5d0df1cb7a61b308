/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Engine of linear models and MLPs: fully connected layers, one after the
 * other. Portable.
 *
 * Documentation/kernmlops/fixed-point.rst defines what it computes. Each path
 * has weights laid out for it, so that it reads them once, in order.
 */
#ifndef KMLOPS_MLP_H
#define KMLOPS_MLP_H

#include "fixed_point.h"
#include "model_format.h"
#include "path.h"

/*
 * Outputs of a layer, and inputs of the next one, on the scalar path. Between
 * layers they may lie where the scores will.
 */
typedef s16 __attribute__((may_alias)) kmlops_activation;

/**
 * struct kmlops_layer_proof - What was proved of a layer
 * @acc: extreme accumulators of all channels
 * @acc_min_channel: the channel that has the least one
 * @acc_max_channel: the channel that has the greatest one
 * @requantized: extreme requantized accumulators, before the activation
 * @output: extreme outputs
 * @work: multiply-accumulates
 * @bytes: memory that the engine takes for it
 */
struct kmlops_layer_proof {
	struct kmlops_range acc;
	u32 acc_min_channel;
	u32 acc_max_channel;
	struct kmlops_range requantized;
	struct kmlops_range output;
	u64 work;
	u64 bytes;
};

/*
 * (sum * multiplier + offset) >> shift. The offset has the bias, the rounding,
 * what the sums of the path begin with, and in a folded layer the zero point.
 */
struct kmlops_channel {
	u64 offset;
	u32 multiplier;
	u32 shift;
};

/**
 * struct kmlops_pack - Weights and channels of a layer for a vector path
 * @weights: its weights
 * @channels: requantization of its channels
 * @nr_blocks: whole blocks, of as many channels as the path has 32-bit lanes
 * @nr_steps: lanes full of weights that each channel of a whole block has
 * @tail_channels: channels that are left, rounded up to a power of two
 * @tail_steps: lanes full of weights that each of them has, side by side
 *
 * A lane holds the weights of a channel for adjacent inputs: four of 8 bits or
 * two of 16. A vector of weights has a lane for each channel of the block; in
 * the tail, which has less channels than lanes, it has several for each, for
 * inputs that follow. The vectors of blocks that are summed
 * together take turns.
 *
 * For each block @channels has all multipliers (u32), the offsets (u64) of even
 * lanes, those of odd lanes, and all shifts (u32; in a narrow layer, less 32).
 */
struct kmlops_pack {
	u8 *weights;
	u8 *channels;
	u32 nr_blocks;
	u32 nr_steps;
	u32 tail_channels;
	u32 tail_steps;
};

/**
 * struct kmlops_layer - A layer
 * @nr_inputs: its inputs
 * @nr_outputs: its channels
 * @input_bits: 8 or 16
 * @output_bits: 8 or 16; 32 in the last layer
 * @activation: enum kmlops_model_activation
 * @zero_point: what is added before the clamp, if it is not folded
 * @min: least output
 * @max: greatest output
 * @table_offset: what is added to what the table gives
 * @table_shift: by how much that is shifted then
 * @lanes: weights in a word, see mlp_scalar.c
 * @chunk: inputs after which lanes could overflow
 * @words: weights of the scalar path
 * @channels: requantization of the scalar path
 * @packs: the same for vector paths, where the machine has them
 * @narrow: all shifts are at least 32, so that requantized accumulators are what
 *   the upper halves are shifted to, and they fit 32 bits with the zero point
 * @folded: a narrow layer without table whose channels have the zero point in
 *   their offsets
 * @saturated: a narrow layer whose outputs may be all that their bits can hold
 * @proof: what was proved of it
 */
struct kmlops_layer {
	u32 nr_inputs;
	u32 nr_outputs;
	u32 input_bits;
	u32 output_bits;
	u32 activation;
	s32 zero_point;
	s32 min;
	s32 max;
	s32 table_offset;
	u32 table_shift;
	u32 lanes;
	u32 chunk;
	u64 *words;
	struct kmlops_channel *channels;
	struct kmlops_pack packs[KMLOPS_PATHS];
	bool narrow;
	bool folded;
	bool saturated;
	struct kmlops_layer_proof proof;
};

/* Normalizer of an input. */
struct kmlops_norm {
	s64 min;
	s64 max;
	s64 multiplier;
	s64 offset;
	u32 shift;
	bool log2;
};

/*
 * Normalizers of eight inputs, a bit of @log2 for each; @narrow if what is
 * multiplied has 32 bits.
 */
struct kmlops_norms8 {
	s64 min[8];
	s64 max[8];
	s64 multiplier[8];
	s64 offset[8];
	u64 shift[8];
	u32 log2;
	bool narrow;
} ____cacheline_aligned;

/**
 * struct kmlops_mlp - A verified MLP
 * @nr_inputs: length of an input vector
 * @nr_layers: its layers
 * @paths: mask of the paths it can take on this machine
 * @work: multiply-accumulates of one inference
 * @bytes: memory it takes
 * @norms: normalizers of the inputs
 * @norms8: the same for AVX-512, if the machine has it
 * @memory: what all the pointers point into
 * @layers: the layers, first one first
 */
struct kmlops_mlp {
	u32 nr_inputs;
	u32 nr_layers;
	u32 paths;
	u64 work;
	u64 bytes;
	struct kmlops_norm *norms;
	struct kmlops_norms8 *norms8;
	void *memory;
	struct kmlops_layer layers[];
};

struct kmlops_mlp *kmlops_mlp_create(const struct kmlops_model_file *model,
				     int *err, struct kmlops_refusal *refusal);
void kmlops_mlp_destroy(struct kmlops_mlp *mlp);

void kmlops_mlp_infer(const struct kmlops_mlp *mlp, enum kmlops_path path,
		      const s64 *in, s64 *scores);

/* mlp_proof.c */
int kmlops_mlp_check_layers(const struct kmlops_model_file *model,
			    struct kmlops_refusal *refusal);
int kmlops_mlp_prove_inputs(const struct kmlops_model_file *model,
			    struct kmlops_range *ranges,
			    struct kmlops_refusal *refusal);
int kmlops_mlp_prove_layer(u32 at, const struct kmlops_model_layer *layer,
			   const struct kmlops_model_channel *channels,
			   const s8 *weights, const struct kmlops_range *inputs,
			   struct kmlops_range *outputs,
			   struct kmlops_layer_proof *proof,
			   struct kmlops_refusal *refusal);

/* mlp_scalar.c */
#define KMLOPS_SCALAR_GROUPS	4	/* words that are summed at once */
#define KMLOPS_LANES_2_START	0x8000000080000000ULL
#define KMLOPS_LANES_3_START	0x4000020000100000ULL

void kmlops_mlp_normalize(const struct kmlops_mlp *mlp, const s64 *in,
			  kmlops_activation *out);
void kmlops_mlp_infer_scalar(const struct kmlops_mlp *mlp, const s64 *in,
			     s64 *scores);

/* mlp_avx2.c, mlp_avx512.c: to be called where vectors may be used */
/* How many blocks are summed together next if @left are left. */
static inline u32 kmlops_blocks_together(u32 left)
{
	return left >= 4 ? 4 : left >= 2 ? 2 : 1;
}

void kmlops_mlp_infer_avx2(const struct kmlops_mlp *mlp, const s64 *in,
			   s64 *scores);
void kmlops_mlp_infer_avx512(const struct kmlops_mlp *mlp, const s64 *in,
			     s64 *scores);
void kmlops_mlp_pause(void);

/* Before @work in a vector path: pauses if that is too much since the last. */
static __always_inline void kmlops_mlp_account(u32 *done, u32 work)
{
	if (unlikely(*done + work > KMLOPS_VECTOR_WORK_MAX)) {
		kmlops_mlp_pause();
		*done = 0;
	}
	*done += work;
}

#endif /* KMLOPS_MLP_H */
