// SPDX-License-Identifier: GPL-2.0-only
/*
 * MLPs with AVX-512 and VNNI. Portable.
 *
 * A lane of 32 bits holds an output channel, or one of several sums of it. One
 * instruction multiplies and adds four inputs of 8 bits or two of 16 for each of
 * 16 lanes. It wants the inputs of 8 bits unsigned, so they have 128 added here.
 *
 * struct kmlops_pack says how weights lie.
 */
#include "mlp_vector.h"

#define LANES	16
#define VECTOR	64

/* Bytes of the channels of a block, and where its parts begin. */
#define CHANNELS	256
#define EVEN_OFFSETS	64
#define ODD_OFFSETS	128
#define SHIFTS		192

static __always_inline __m512i load(const void *at)
{
	return _mm512_load_si512(at);
}

/* Eight words of 32 bits, as 64 bits. */
static __always_inline __m512i widen(const void *at)
{
	return _mm512_cvtepu32_epi64(_mm256_load_si256(at));
}

static __always_inline __m512i load_lane(const u8 *at)
{
	return _mm512_set1_epi32(*(const kmlops_lane *)at);
}

/* The logarithm as kmlops_log2q4(). */
static __always_inline __m512i log2q4(__m512i x)
{
	__m512i y = _mm512_add_epi64(x, _mm512_set1_epi64(1));
	__m512i zeros = _mm512_lzcnt_epi64(y);
	__m512i m = _mm512_srli_epi64(_mm512_sllv_epi64(y, zeros), 59);
	__m512i e = _mm512_sub_epi64(_mm512_set1_epi64(63 * 16 - 16),
				     _mm512_slli_epi64(zeros, 4));

	return _mm512_add_epi64(e, m);
}

static __always_inline void normalize(const struct kmlops_mlp *mlp,
				      const s64 *in, u8 *out, bool bytes)
{
	const struct kmlops_norms8 *norms = mlp->norms8;
	u32 size = bytes ? 1 : 2, i;

	/* What follows the last input, up to where the first layer reads. */
	_mm512_storeu_si512(out + (mlp->nr_inputs - 1) * size / VECTOR * VECTOR,
			    _mm512_setzero_si512());
	for (i = 0; i < mlp->nr_inputs; i += 8, norms++) {
		u32 left = mlp->nr_inputs - i;
		__mmask8 some = left < 8 ? (1U << left) - 1 : 0xff;
		__m512i x = _mm512_maskz_loadu_epi64(some, in + i);

		/* Once: memory of BPF may change. */
		asm("" : "+v" (x));
		x = _mm512_max_epi64(x, load(norms->min));
		x = _mm512_min_epi64(x, load(norms->max));
		if (norms->log2)
			x = _mm512_mask_mov_epi64(x, norms->log2, log2q4(x));
		if (likely(norms->narrow))
			x = _mm512_mul_epi32(x, load(norms->multiplier));
		else
			x = _mm512_mullo_epi64(x, load(norms->multiplier));
		x = _mm512_add_epi64(x, load(norms->offset));
		x = _mm512_srav_epi64(x, load(norms->shift));
		if (bytes) {
			x = _mm512_xor_si512(x, _mm512_set1_epi64(128));
			_mm_storel_epi64((__m128i *)(out + i),
					 _mm512_cvtepi64_epi8(x));
		} else {
			_mm_storeu_si128((__m128i *)(out + 2 * i),
					 _mm512_cvtepi64_epi16(x));
		}
	}
}

/* Sums of up to four blocks. */
struct sums {
	__m512i a, b, c, d;
};

static __always_inline __m512i dot(__m512i sum, __m512i in, const u8 *weights,
				   bool bytes)
{
	return bytes ? _mm512_dpbusd_epi32(sum, in, load(weights)) :
		       _mm512_dpwssd_epi32(sum, in, load(weights));
}

static __always_inline void add_step(struct sums *sums, const u8 *weights,
				     __m512i in, u32 blocks, bool bytes)
{
	sums->a = dot(sums->a, in, weights, bytes);
	if (blocks > 1)
		sums->b = dot(sums->b, in, weights + VECTOR, bytes);
	if (blocks > 2) {
		sums->c = dot(sums->c, in, weights + 2 * VECTOR, bytes);
		sums->d = dot(sums->d, in, weights + 3 * VECTOR, bytes);
	}
}

/* Two sums of each lane by turns, as one instruction waits for the other. */
static __always_inline struct sums sum_blocks(const u8 *weights, const u8 *in,
					      u32 steps, u32 blocks, bool bytes)
{
	const __m512i zero = _mm512_setzero_si512();
	struct sums even = { zero, zero, zero, zero }, odd = even;

	/* A single block has two more places to sum in. */
	for (; blocks == 1 && steps > 3; steps -= 4) {
		even.a = dot(even.a, load_lane(in), weights, bytes);
		odd.a = dot(odd.a, load_lane(in + 4), weights + VECTOR, bytes);
		even.b = dot(even.b, load_lane(in + 8), weights + 2 * VECTOR, bytes);
		odd.b = dot(odd.b, load_lane(in + 12), weights + 3 * VECTOR, bytes);
		weights += 4 * VECTOR;
		in += 16;
	}
	for (; steps > 1; steps -= 2) {
		add_step(&even, weights, load_lane(in), blocks, bytes);
		weights += blocks * VECTOR;
		add_step(&odd, weights, load_lane(in + 4), blocks, bytes);
		weights += blocks * VECTOR;
		in += 8;
	}
	if (steps)
		add_step(&even, weights, load_lane(in), blocks, bytes);
	even.a = _mm512_add_epi32(even.a, odd.a);
	even.b = _mm512_add_epi32(even.b, odd.b);
	even.c = _mm512_add_epi32(even.c, odd.c);
	even.d = _mm512_add_epi32(even.d, odd.d);
	if (blocks == 1)
		even.a = _mm512_add_epi32(even.a, even.b);
	return even;
}

/* As many inputs as a vector of the tail has weights for a channel. */
static __always_inline __m512i load_lanes(const u8 *at, u32 channels)
{
	switch (channels) {
	case 1:
		return _mm512_loadu_si512(at);
	case 2:
		return _mm512_broadcast_i64x4(_mm256_loadu_si256((void *)at));
	case 4:
		return _mm512_broadcast_i32x4(_mm_loadu_si128((void *)at));
	}
	return _mm512_set1_epi64(*(const kmlops_lane64 *)at);
}

/* The sums of the tail, each in the first of the lanes that its channel has. */
static __always_inline __m512i sum_tail(const u8 *weights, const u8 *in,
					u32 steps, u32 channels, bool bytes)
{
	__m512i even = _mm512_setzero_si512(), odd = even;
	u32 each = LANES / channels;

	for (; steps > 1; steps -= 2) {
		even = dot(even, load_lanes(in, channels), weights, bytes);
		odd = dot(odd, load_lanes(in + 4 * each, channels),
			  weights + VECTOR, bytes);
		in += 8 * each;
		weights += 2 * VECTOR;
	}
	if (steps)
		even = dot(even, load_lanes(in, channels), weights, bytes);
	even = _mm512_add_epi32(even, odd);
	even = _mm512_add_epi32(even, _mm512_shuffle_epi32(even, 0xb1));
	if (channels <= 4)
		even = _mm512_add_epi32(even, _mm512_shuffle_epi32(even, 0x4e));
	if (channels <= 2)
		even = _mm512_add_epi32(even, _mm512_shuffle_i32x4(even, even, 0xb1));
	if (channels <= 1)
		even = _mm512_add_epi32(even, _mm512_shuffle_i32x4(even, even, 0x4e));
	return even;
}

static __always_inline __m512i clamp32(__m512i v, s32 min, s32 max)
{
	v = _mm512_max_epi32(v, _mm512_set1_epi32(min));
	return _mm512_min_epi32(v, _mm512_set1_epi32(max));
}

static __always_inline __m512i clamp64(__m512i v, s64 min, s64 max)
{
	v = _mm512_max_epi64(v, _mm512_set1_epi64(min));
	return _mm512_min_epi64(v, _mm512_set1_epi64(max));
}

/* As kmlops_sigmoid16() and what follows it, up to the zero point. */
static __always_inline __m512i look_up(__m512i v,
				       const struct kmlops_layer *layer)
{
	__m512i u = _mm512_add_epi32(clamp32(v, -32768, 32767),
				     _mm512_set1_epi32(32768));
	/* The entry and the next one at once. */
	__m512i at = _mm512_i32gather_epi32(_mm512_srli_epi32(u, 8),
					    kmlops_sigmoid_table, 2);
	__m512i low = _mm512_and_si512(at, _mm512_set1_epi32(0xffff));
	__m512i step = _mm512_sub_epi32(_mm512_srli_epi32(at, 16), low);
	__m512i f = _mm512_and_si512(u, _mm512_set1_epi32(255));
	__m512i t = _mm512_mullo_epi32(step, f);

	t = _mm512_srai_epi32(_mm512_add_epi32(t, _mm512_set1_epi32(128)), 8);
	t = _mm512_add_epi32(t, low);
	t = _mm512_add_epi32(t, _mm512_set1_epi32(layer->table_offset));
	return _mm512_sra_epi32(t, _mm_cvtsi32_si128(layer->table_shift));
}

/* Odd lanes in the place of even ones. */
static __always_inline __m512i odd_lanes(__m512i v)
{
	return _mm512_castps_si512(_mm512_movehdup_ps(_mm512_castsi512_ps(v)));
}

/* The upper halves of @even and @odd, each in its lane. */
static __always_inline __m512i upper_halves(__m512i even, __m512i odd)
{
	return _mm512_mask_blend_epi32(0xaaaa, odd_lanes(even), odd);
}

/* Requantization of layers whose shifts or results need more than 32 bits. */
static __always_inline __m512i shift_wide(__m512i even, __m512i odd,
					  __m512i shifts,
					  const struct kmlops_layer *layer)
{
	bool table = layer->activation != KMLOPS_MODEL_ACTIVATION_CLAMP;
	s64 min = table ? -32768 : (s64)layer->min - layer->zero_point;
	s64 max = table ? 32767 : (s64)layer->max - layer->zero_point;

	even = _mm512_srav_epi64(even,
				 _mm512_and_si512(shifts, _mm512_set1_epi64(63)));
	odd = _mm512_srav_epi64(odd, _mm512_srli_epi64(shifts, 32));
	even = clamp64(even, min, max);
	odd = clamp64(odd, min, max);
	return _mm512_mask_mov_epi32(even, 0xaaaa, _mm512_slli_epi64(odd, 32));
}

static __always_inline __m512i finish_unfolded(__m512i v,
					       const struct kmlops_layer *layer)
{
	/* Outputs of 8 bits are unsigned here. Sums of wide layers wrap back. */
	u32 more = layer->output_bits == 8 ? 128 : 0;

	if (layer->activation != KMLOPS_MODEL_ACTIVATION_CLAMP)
		v = look_up(v, layer);
	return _mm512_add_epi32(v, _mm512_set1_epi32(layer->zero_point + more));
}

/* Requantizes the sums of a block, and makes them outputs before the clamp. */
static __always_inline __m512i finish_block(__m512i sums, const u8 *channels,
					    const struct kmlops_layer *layer)
{
	__m512i multipliers = load(channels);
	__m512i shifts = load(channels + SHIFTS);
	__m512i even = _mm512_mul_epi32(sums, multipliers);
	__m512i odd = _mm512_mul_epi32(odd_lanes(sums), odd_lanes(multipliers));
	__m512i v;

	even = _mm512_add_epi64(even, load(channels + EVEN_OFFSETS));
	odd = _mm512_add_epi64(odd, load(channels + ODD_OFFSETS));
	if (likely(layer->narrow))
		v = _mm512_srav_epi32(upper_halves(even, odd), shifts);
	else
		v = shift_wide(even, odd, shifts, layer);
	return likely(layer->folded) ? v : finish_unfolded(v, layer);
}

/* Outputs of four blocks, clamped. Packing leaves groups of four by turns. */
static __always_inline __m512i pack_bytes(struct sums v,
					  const struct kmlops_layer *layer)
{
	const __m512i order = _mm512_set_epi32(15, 11, 7, 3, 14, 10, 6, 2,
					       13, 9, 5, 1, 12, 8, 4, 0);
	__m512i packed = _mm512_packus_epi16(_mm512_packs_epi32(v.a, v.b),
					     _mm512_packs_epi32(v.c, v.d));

	if (!layer->saturated) {
		packed = _mm512_max_epu8(packed, _mm512_set1_epi8(layer->min + 128));
		packed = _mm512_min_epu8(packed, _mm512_set1_epi8(layer->max + 128));
	}
	return _mm512_permutexvar_epi32(order, packed);
}

/* The same of two blocks. */
static __always_inline __m512i pack_words(__m512i a, __m512i b,
					  const struct kmlops_layer *layer)
{
	const __m512i order = _mm512_set_epi64(7, 5, 3, 1, 6, 4, 2, 0);
	__m512i packed = _mm512_packs_epi32(a, b);

	packed = _mm512_max_epi16(packed, _mm512_set1_epi16(layer->min));
	packed = _mm512_min_epi16(packed, _mm512_set1_epi16(layer->max));
	return _mm512_permutexvar_epi64(order, packed);
}

/* Stores what blocks of a layer before the last give. */
static __always_inline void store_hidden(u8 *out, struct sums v, u32 blocks,
					 const struct kmlops_layer *layer)
{
	__m512i packed;

	if (blocks < 4) {
		v.c = v.a;
		v.d = v.b;
	}
	if (layer->output_bits == 8) {
		packed = pack_bytes(v, layer);
		if (blocks == 4)
			_mm512_storeu_si512(out, packed);
		else if (blocks == 2)
			_mm256_storeu_si256((__m256i *)out,
					    _mm512_castsi512_si256(packed));
		else
			_mm_storeu_si128((__m128i *)out,
					 _mm512_castsi512_si128(packed));
		return;
	}
	packed = pack_words(v.a, v.b, layer);
	if (blocks == 1) {
		_mm256_storeu_si256((__m256i *)out,
				    _mm512_castsi512_si256(packed));
		return;
	}
	_mm512_storeu_si512(out, packed);
	if (blocks == 4)
		_mm512_storeu_si512(out + VECTOR, pack_words(v.c, v.d, layer));
}

static __always_inline void store_scores(s64 *scores, __m512i v,
					 const struct kmlops_layer *layer)
{
	__m256i low, high;

	if (!layer->saturated)
		v = clamp32(v, layer->min, layer->max);
	low = _mm512_castsi512_si256(v);
	high = _mm512_extracti64x4_epi64(v, 1);
	_mm512_storeu_si512(scores, _mm512_cvtepi32_epi64(low));
	_mm512_storeu_si512(scores + 8, _mm512_cvtepi32_epi64(high));
}

/* Stores outputs from channel @first on. */
static __always_inline void store(u8 *out, s64 *scores, u32 first,
				  struct sums v, u32 blocks,
				  const struct kmlops_layer *layer)
{
	if (layer->output_bits != 32) {
		store_hidden(out + first * (layer->output_bits / 8), v, blocks,
			     layer);
		return;
	}
	store_scores(scores + first, v.a, layer);
	if (blocks > 1)
		store_scores(scores + first + LANES, v.b, layer);
	if (blocks > 2) {
		store_scores(scores + first + 2 * LANES, v.c, layer);
		store_scores(scores + first + 3 * LANES, v.d, layer);
	}
}

static __always_inline void infer_blocks(const struct kmlops_layer *layer,
					 const u8 *weights, const u8 *in,
					 u32 first, u32 blocks, bool bytes,
					 u8 *out, s64 *scores)
{
	const struct kmlops_pack *pack = &layer->packs[KMLOPS_PATH_AVX512];
	const u8 *channels = pack->channels + first / LANES * CHANNELS;
	struct sums v = sum_blocks(weights, in, pack->nr_steps, blocks, bytes);

	v.a = finish_block(v.a, channels, layer);
	if (blocks > 1)
		v.b = finish_block(v.b, channels + CHANNELS, layer);
	if (blocks > 2) {
		v.c = finish_block(v.c, channels + 2 * CHANNELS, layer);
		v.d = finish_block(v.d, channels + 3 * CHANNELS, layer);
	}
	store(out, scores, first, v, blocks, layer);
}

/* The scores of up to 8 channels, whose sums are in even lanes, @each apart. */
static __always_inline void give_scores(__m512i sums, u32 each,
					const u8 *channels,
					const struct kmlops_layer *layer,
					s64 *scores)
{
	const __m512i numbers = _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0);
	const __m512i by_turns = _mm512_set_epi64(11, 3, 10, 2, 9, 1, 8, 0);
	__m512i firsts = _mm512_mullo_epi64(numbers, _mm512_set1_epi64(each / 2));
	__m512i multipliers = widen(channels);
	__m512i shifts = widen(channels + SHIFTS);
	__m512i offsets = _mm512_permutex2var_epi64(load(channels + EVEN_OFFSETS),
						    by_turns,
						    load(channels + ODD_OFFSETS));
	__m512i v = _mm512_permutexvar_epi64(firsts, sums);

	if (likely(layer->narrow))
		shifts = _mm512_add_epi64(shifts, _mm512_set1_epi64(32));
	v = _mm512_mul_epi32(v, multipliers);
	v = _mm512_srav_epi64(_mm512_add_epi64(v, offsets), shifts);
	if (unlikely(!layer->folded))
		v = _mm512_add_epi64(v, _mm512_set1_epi64(layer->zero_point));
	if (!layer->saturated)
		v = clamp64(v, layer->min, layer->max);
	_mm512_storeu_si512(scores, v);
}

static __always_inline void infer_tail(const struct kmlops_layer *layer,
				       const u8 *weights, const u8 *in,
				       u32 first, u32 channels, bool bytes,
				       u8 *out, s64 *scores)
{
	const __m512i numbers = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8,
						 7, 6, 5, 4, 3, 2, 1, 0);
	const struct kmlops_pack *pack = &layer->packs[KMLOPS_PATH_AVX512];
	const u8 *block = pack->channels + first / LANES * CHANNELS;
	u32 each = LANES / channels;
	__m512i firsts = _mm512_mullo_epi32(numbers, _mm512_set1_epi32(each));
	struct sums v = {};

	v.a = sum_tail(weights, in, pack->tail_steps, channels, bytes);
	if (layer->output_bits == 32) {
		give_scores(v.a, each, block, layer, scores + first);
		return;
	}
	v.a = finish_block(_mm512_permutexvar_epi32(firsts, v.a), block, layer);
	store_hidden(out + first * (layer->output_bits / 8), v, 1, layer);
}

static __always_inline void infer_layer(const struct kmlops_layer *layer,
					const u8 *in, bool bytes, u8 *out,
					s64 *scores, u32 *done)
{
	const struct kmlops_pack *pack = &layer->packs[KMLOPS_PATH_AVX512];
	const u8 *weights = pack->weights;
	u32 size = layer->nr_outputs * (layer->output_bits / 8);
	u32 left, blocks, first = 0;

	/* What follows the last output, up to where the next layer reads. */
	if (layer->output_bits != 32 && size % VECTOR)
		_mm512_storeu_si512(out + size / VECTOR * VECTOR,
				    _mm512_setzero_si512());
	for (left = pack->nr_blocks; left; left -= blocks) {
		blocks = kmlops_blocks_together(left);
		kmlops_mlp_account(done, blocks * LANES * layer->nr_inputs);
		if (blocks == 4)
			infer_blocks(layer, weights, in, first, 4,
				     bytes, out, scores);
		else if (blocks == 2)
			infer_blocks(layer, weights, in, first, 2,
				     bytes, out, scores);
		else
			infer_blocks(layer, weights, in, first, 1,
				     bytes, out, scores);
		weights += (size_t)blocks * pack->nr_steps * VECTOR;
		first += blocks * LANES;
	}
	if (pack->tail_channels) {
		kmlops_mlp_account(done, LANES * layer->nr_inputs);
		if (pack->tail_channels == 1)
			infer_tail(layer, weights, in, first, 1, bytes, out,
				   scores);
		else if (pack->tail_channels == 2)
			infer_tail(layer, weights, in, first, 2, bytes, out,
				   scores);
		else if (pack->tail_channels == 4)
			infer_tail(layer, weights, in, first, 4, bytes, out,
				   scores);
		else
			infer_tail(layer, weights, in, first, 8, bytes, out,
				   scores);
	}
}

static void infer_bytes(const struct kmlops_layer *layer, const u8 *in, u8 *out,
			s64 *scores, u32 *done)
{
	infer_layer(layer, in, true, out, scores, done);
}

static void infer_words(const struct kmlops_layer *layer, const u8 *in, u8 *out,
			s64 *scores, u32 *done)
{
	infer_layer(layer, in, false, out, scores, done);
}

/**
 * kmlops_mlp_infer_avx512() - Compute the scores with AVX-512
 * @mlp: the model
 * @in: the input vector
 * @scores: receives the scores; has KMLOPS_MODEL_SCORES_MAX words, all of
 *   which may be written
 *
 * Activations live in two places by turns: here and where the scores will be,
 * best at a multiple of 64.
 *
 * Context: where vectors may be used; pauses by itself. 1.4 KB of stack.
 */
void kmlops_mlp_infer_avx512(const struct kmlops_mlp *mlp, const s64 *in,
			     s64 *scores)
{
	u8 here[2 * KMLOPS_MODEL_WIDTH_MAX] __attribute__((aligned(VECTOR)))
		kmlops_uninitialized;
	const struct kmlops_layer *layer = mlp->layers;
	const struct kmlops_layer *end = layer + mlp->nr_layers;
	u8 *from = here, *to = (u8 *)scores, *next;
	u32 done = 0;

	/* The last layer must not read what it writes. */
	if (mlp->nr_layers % 2 == 0) {
		from = to;
		to = here;
	}
	if (layer->input_bits == 8)
		normalize(mlp, in, from, true);
	else
		normalize(mlp, in, from, false);
	do {
		if (layer->input_bits == 8)
			infer_bytes(layer, from, to, scores, &done);
		else
			infer_words(layer, from, to, scores, &done);
		next = to;
		to = from;
		from = next;
	} while (++layer != end);
}
