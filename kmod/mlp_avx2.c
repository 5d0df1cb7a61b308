// SPDX-License-Identifier: GPL-2.0-only
/*
 * MLPs with AVX2. Portable.
 *
 * A lane of 32 bits holds an output channel, or one of several sums of it. One
 * instruction multiplies two inputs of 16 bits for each of 8 lanes; inputs of 8
 * bits are widened, as the instruction for those saturates.
 *
 * struct kmlops_pack says how weights lie.
 */
#include "mlp_vector.h"

#define LANES	8
#define VECTOR	32

/* Bytes of the channels of a block, and where its parts begin. */
#define CHANNELS	128
#define EVEN_OFFSETS	32
#define ODD_OFFSETS	64
#define SHIFTS		96

static __always_inline __m256i load(const void *at)
{
	return _mm256_load_si256(at);
}

static __always_inline __m256i load_lane(const kmlops_activation *at)
{
	return _mm256_set1_epi32(*(const kmlops_lane *)at);
}

/* Sums of up to four blocks. */
struct sums {
	__m256i a, b, c, d;
};

static __always_inline __m256i dot(__m256i sum, __m256i in, const u8 *weights)
{
	return _mm256_add_epi32(sum, _mm256_madd_epi16(in, load(weights)));
}

static __always_inline struct sums sum_blocks(const u8 *weights,
					      const kmlops_activation *in,
					      u32 steps, u32 blocks)
{
	const __m256i zero = _mm256_setzero_si256();
	struct sums sums = { zero, zero, zero, zero };

	do {
		__m256i x = load_lane(in);

		sums.a = dot(sums.a, x, weights);
		if (blocks > 1)
			sums.b = dot(sums.b, x, weights + VECTOR);
		if (blocks > 2) {
			sums.c = dot(sums.c, x, weights + 2 * VECTOR);
			sums.d = dot(sums.d, x, weights + 3 * VECTOR);
		}
		weights += blocks * VECTOR;
		in += 2;
	} while (--steps);
	return sums;
}

/* As many inputs as a vector of the tail has weights for a channel. */
static __always_inline __m256i load_lanes(const kmlops_activation *at,
					  u32 channels)
{
	switch (channels) {
	case 1:
		return _mm256_loadu_si256((void *)at);
	case 2:
		return _mm256_broadcastsi128_si256(_mm_loadu_si128((void *)at));
	}
	return _mm256_set1_epi64x(*(const kmlops_lane64 *)at);
}

/* The sums of the tail, one in each of the first lanes. */
static __always_inline __m256i sum_tail(const u8 *weights,
					const kmlops_activation *in, u32 steps,
					u32 channels)
{
	const __m256i numbers = _mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0);
	__m256i sum = _mm256_setzero_si256(), firsts;
	u32 each = LANES / channels;

	do {
		sum = dot(sum, load_lanes(in, channels), weights);
		in += 2 * each;
		weights += VECTOR;
	} while (--steps);
	sum = _mm256_add_epi32(sum, _mm256_shuffle_epi32(sum, 0xb1));
	if (channels <= 2)
		sum = _mm256_add_epi32(sum, _mm256_shuffle_epi32(sum, 0x4e));
	if (channels <= 1)
		sum = _mm256_add_epi32(sum, _mm256_permute2x128_si256(sum, sum, 1));
	firsts = _mm256_mullo_epi32(numbers, _mm256_set1_epi32(each));
	return _mm256_permutevar8x32_epi32(sum, firsts);
}

static __always_inline __m256i clamp32(__m256i v, s32 min, s32 max)
{
	v = _mm256_max_epi32(v, _mm256_set1_epi32(min));
	return _mm256_min_epi32(v, _mm256_set1_epi32(max));
}

static __always_inline __m256i choose64(__m256i a, __m256i b, __m256i mask)
{
	return _mm256_castpd_si256(_mm256_blendv_pd(_mm256_castsi256_pd(a),
						    _mm256_castsi256_pd(b),
						    _mm256_castsi256_pd(mask)));
}

/* Not by bytes: gcc 12 gets that wrong with the kernel's -funsigned-char. */
static __always_inline __m256i clamp64(__m256i v, s64 min, s64 max)
{
	__m256i low = _mm256_set1_epi64x(min), high = _mm256_set1_epi64x(max);

	v = choose64(v, low, _mm256_cmpgt_epi64(low, v));
	return choose64(v, high, _mm256_cmpgt_epi64(v, high));
}

/* The offset of the channel has 2^63, to shift what is not negative. */
static __always_inline __m256i shift_signed(__m256i v, __m256i shifts)
{
	const __m256i highest = _mm256_set1_epi64x(S64_MIN);

	return _mm256_sub_epi64(_mm256_srlv_epi64(v, shifts),
				_mm256_srlv_epi64(highest, shifts));
}

/*
 * The table one lane after the other: gathering is no quicker on many
 * processors, and QEMU 7.2 does without the index if it is in register 4.
 */
static __always_inline __m256i look_up(__m256i v,
				       const struct kmlops_layer *layer)
{
	kmlops_lane lanes[LANES];
	u32 i;

	_mm256_storeu_si256((__m256i *)lanes, v);
	for (i = 0; i < LANES; i++)
		lanes[i] = (s32)(kmlops_sigmoid16(lanes[i]) +
				 layer->table_offset) >> layer->table_shift;
	return _mm256_loadu_si256((__m256i *)lanes);
}

/* Odd lanes in the place of even ones. */
static __always_inline __m256i odd_lanes(__m256i v)
{
	return _mm256_shuffle_epi32(v, 0xf5);
}

/* The upper halves of @even and @odd, each in its lane. */
static __always_inline __m256i upper_halves(__m256i even, __m256i odd)
{
	return _mm256_blend_epi32(odd_lanes(even), odd, 0xaa);
}

/* Requantization of layers whose shifts or results need more than 32 bits. */
static __always_inline __m256i shift_wide(__m256i even, __m256i odd,
					  __m256i shifts,
					  const struct kmlops_layer *layer)
{
	bool table = layer->activation != KMLOPS_MODEL_ACTIVATION_CLAMP;
	s64 min = table ? -32768 : (s64)layer->min - layer->zero_point;
	s64 max = table ? 32767 : (s64)layer->max - layer->zero_point;

	even = shift_signed(even,
			    _mm256_and_si256(shifts, _mm256_set1_epi64x(63)));
	odd = shift_signed(odd, _mm256_srli_epi64(shifts, 32));
	even = clamp64(even, min, max);
	odd = clamp64(odd, min, max);
	return _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xaa);
}

/* Requantizes the sums of a block, and makes them outputs before the clamp. */
static __always_inline __m256i finish_block(__m256i sums, const u8 *channels,
					    const struct kmlops_layer *layer)
{
	__m256i multipliers = load(channels);
	__m256i shifts = load(channels + SHIFTS);
	__m256i even = _mm256_mul_epi32(sums, multipliers);
	__m256i odd = _mm256_mul_epi32(odd_lanes(sums), odd_lanes(multipliers));
	__m256i v;

	even = _mm256_add_epi64(even, load(channels + EVEN_OFFSETS));
	odd = _mm256_add_epi64(odd, load(channels + ODD_OFFSETS));
	if (likely(layer->narrow))
		v = _mm256_srav_epi32(upper_halves(even, odd), shifts);
	else
		v = shift_wide(even, odd, shifts, layer);
	if (likely(layer->folded))
		return v;
	if (layer->activation != KMLOPS_MODEL_ACTIVATION_CLAMP)
		v = look_up(v, layer);
	return _mm256_add_epi32(v, _mm256_set1_epi32(layer->zero_point));
}

/* Outputs of two blocks, clamped. Packing leaves groups of four by turns. */
static __always_inline __m256i pack_words(__m256i a, __m256i b,
					  const struct kmlops_layer *layer)
{
	__m256i packed = _mm256_packs_epi32(a, b);

	packed = _mm256_max_epi16(packed, _mm256_set1_epi16(layer->min));
	packed = _mm256_min_epi16(packed, _mm256_set1_epi16(layer->max));
	return _mm256_permute4x64_epi64(packed, 0xd8);
}

static __always_inline void store_scores(s64 *scores, __m256i v,
					 const struct kmlops_layer *layer)
{
	__m128i low, high;

	v = clamp32(v, layer->min, layer->max);
	low = _mm256_castsi256_si128(v);
	high = _mm256_extracti128_si256(v, 1);
	_mm256_storeu_si256((__m256i *)scores, _mm256_cvtepi32_epi64(low));
	_mm256_storeu_si256((__m256i *)(scores + 4),
			    _mm256_cvtepi32_epi64(high));
}

/* Stores outputs from channel @first on. */
static __always_inline void store(kmlops_activation *out, s64 *scores,
				  u32 first, struct sums v, u32 blocks,
				  const struct kmlops_layer *layer)
{
	__m256i packed;

	if (layer->output_bits == 32) {
		store_scores(scores + first, v.a, layer);
		if (blocks > 1)
			store_scores(scores + first + LANES, v.b, layer);
		if (blocks > 2) {
			store_scores(scores + first + 2 * LANES, v.c, layer);
			store_scores(scores + first + 3 * LANES, v.d, layer);
		}
		return;
	}
	out += first;
	packed = pack_words(v.a, v.b, layer);
	if (blocks == 1)
		_mm_storeu_si128((__m128i *)out, _mm256_castsi256_si128(packed));
	else
		_mm256_storeu_si256((__m256i *)out, packed);
	if (blocks == 4)
		_mm256_storeu_si256((__m256i *)(out + 2 * LANES),
				    pack_words(v.c, v.d, layer));
}

static __always_inline void infer_blocks(const struct kmlops_layer *layer,
					 const u8 *weights,
					 const kmlops_activation *in, u32 first,
					 u32 blocks, kmlops_activation *out,
					 s64 *scores)
{
	const struct kmlops_pack *pack = &layer->packs[KMLOPS_PATH_AVX2];
	const u8 *channels = pack->channels + first / LANES * CHANNELS;
	struct sums v = sum_blocks(weights, in, pack->nr_steps, blocks);

	v.a = finish_block(v.a, channels, layer);
	if (blocks > 1)
		v.b = finish_block(v.b, channels + CHANNELS, layer);
	if (blocks > 2) {
		v.c = finish_block(v.c, channels + 2 * CHANNELS, layer);
		v.d = finish_block(v.d, channels + 3 * CHANNELS, layer);
	}
	store(out, scores, first, v, blocks, layer);
}

static __always_inline void infer_tail(const struct kmlops_layer *layer,
				       const u8 *weights,
				       const kmlops_activation *in, u32 first,
				       kmlops_activation *out, s64 *scores)
{
	const struct kmlops_pack *pack = &layer->packs[KMLOPS_PATH_AVX2];
	const u8 *channels = pack->channels + first / LANES * CHANNELS;
	u32 steps = pack->tail_steps;
	struct sums v = {};

	switch (pack->tail_channels) {
	case 1:
		v.a = sum_tail(weights, in, steps, 1);
		break;
	case 2:
		v.a = sum_tail(weights, in, steps, 2);
		break;
	default:
		v.a = sum_tail(weights, in, steps, 4);
	}
	v.a = finish_block(v.a, channels, layer);
	store(out, scores, first, v, 1, layer);
}

static void infer_layer(const struct kmlops_layer *layer,
			const kmlops_activation *in, kmlops_activation *out,
			s64 *scores, u32 *done)
{
	const struct kmlops_pack *pack = &layer->packs[KMLOPS_PATH_AVX2];
	const u8 *weights = pack->weights;
	u32 left, blocks, first = 0;

	/* What follows the last output, up to where the next layer reads. */
	if (layer->output_bits != 32 && layer->nr_outputs % 16)
		_mm256_storeu_si256((__m256i *)(out + layer->nr_outputs / 16 * 16),
				    _mm256_setzero_si256());
	for (left = pack->nr_blocks; left; left -= blocks) {
		blocks = kmlops_blocks_together(left);
		kmlops_mlp_account(done, blocks * LANES * layer->nr_inputs);
		if (blocks == 4)
			infer_blocks(layer, weights, in, first, 4, out, scores);
		else if (blocks == 2)
			infer_blocks(layer, weights, in, first, 2, out, scores);
		else
			infer_blocks(layer, weights, in, first, 1, out, scores);
		weights += (size_t)blocks * pack->nr_steps * VECTOR;
		first += blocks * LANES;
	}
	if (pack->tail_channels) {
		kmlops_mlp_account(done, LANES * layer->nr_inputs);
		infer_tail(layer, weights, in, first, out, scores);
	}
}

/**
 * kmlops_mlp_infer_avx2() - Compute the scores with AVX2
 * @mlp: the model
 * @in: the input vector
 * @scores: receives the scores; has KMLOPS_MODEL_SCORES_MAX words, all of
 *   which may be written
 *
 * Activations live in two places by turns: here and where the scores will be,
 * best at a multiple of 32.
 *
 * Context: where vectors may be used; pauses by itself. 1.4 KB of stack.
 */
void kmlops_mlp_infer_avx2(const struct kmlops_mlp *mlp, const s64 *in,
			   s64 *scores)
{
	kmlops_activation here[KMLOPS_MODEL_WIDTH_MAX] __attribute__((aligned(VECTOR)))
		kmlops_uninitialized;
	kmlops_activation *from = here, *to = (kmlops_activation *)scores, *next;
	u32 done = 0, i;

	/* The last layer must not read what it writes. */
	if (mlp->nr_layers % 2 == 0) {
		from = to;
		to = here;
	}
	/* What follows the last input, up to where the first layer reads. */
	_mm256_storeu_si256((__m256i *)(from + (mlp->nr_inputs - 1) / 16 * 16),
			    _mm256_setzero_si256());
	kmlops_mlp_normalize(mlp, in, from);
	for (i = 0; i < mlp->nr_layers; i++) {
		infer_layer(&mlp->layers[i], from, to, scores, &done);
		next = to;
		to = from;
		from = next;
	}
}
