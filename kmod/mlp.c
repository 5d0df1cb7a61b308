// SPDX-License-Identifier: GPL-2.0-only
/*
 * From the layers of a file to those of the engine, and which path computes.
 * Portable.
 */
#include "mlp.h"

/* A layer as the file has it. */
struct source {
	const struct kmlops_model_layer *layer;
	const struct kmlops_model_channel *channels;
	const s8 *weights;
};

static struct source first_source(const struct kmlops_model_file *model)
{
	return (struct source){
		model->sections[KMLOPS_MODEL_SECTION_LAYERS].data,
		model->sections[KMLOPS_MODEL_SECTION_CHANNELS].data,
		model->sections[KMLOPS_MODEL_SECTION_WEIGHTS].data,
	};
}

static void next_source(struct source *source)
{
	u32 nr_outputs = le16_to_cpu(source->layer->nr_outputs);

	source->channels += nr_outputs;
	source->weights += nr_outputs * le16_to_cpu(source->layer->nr_inputs);
	source->layer++;
}

/* Memory given out in pieces, or counted if there is none yet. */
struct arena {
	unsigned long start;
	size_t used;
};

static void *take(struct arena *arena, u64 size)
{
	void *piece = (void *)(arena->start + arena->used);

	arena->used += (size + 63) & ~63ULL;
	return piece;
}

static void read_layer(struct kmlops_layer *layer,
		       const struct kmlops_model_layer *wire)
{
	layer->nr_inputs = le16_to_cpu(wire->nr_inputs);
	layer->nr_outputs = le16_to_cpu(wire->nr_outputs);
	layer->input_bits = wire->input_bits;
	layer->output_bits = wire->output_bits;
	layer->activation = wire->activation;
	layer->zero_point = le32_to_cpu(wire->zero_point);
	layer->min = le32_to_cpu(wire->min);
	layer->max = le32_to_cpu(wire->max);

	if (layer->activation == KMLOPS_MODEL_ACTIVATION_TANH)
		layer->table_offset = -32768;
	if (layer->output_bits == 8) {
		layer->table_offset += 128;
		layer->table_shift = 8;
	} else if (layer->activation == KMLOPS_MODEL_ACTIVATION_SIGMOID) {
		layer->table_offset = 1;
		layer->table_shift = 1;
	}
}

/* Whether the sums of each chunk of inputs fit the narrow lanes. */
static bool chunks_fit(const struct kmlops_layer *layer, const s8 *weights,
		       const struct kmlops_range *inputs, u32 chunk)
{
	s64 low = 0, high = 0;
	u32 c, i;

	for (c = 0; c < layer->nr_outputs; c++) {
		for (i = 0; i < layer->nr_inputs; i++) {
			s64 a = *weights * inputs[i].min;
			s64 b = *weights++ * inputs[i].max;

			if (i % chunk == 0) {
				low = 0;
				high = 0;
			}
			low += a < b ? a : b;
			high += a > b ? a : b;
			if (low < -(1 << 20) || high >= 1 << 20)
				return false;
		}
	}
	return true;
}

static bool is_narrow(const struct kmlops_layer *layer,
		      const struct kmlops_model_channel *channels)
{
	u32 c;

	for (c = 0; c < layer->nr_outputs; c++)
		if (le32_to_cpu(channels[c].shift) < 32)
			return false;
	/* With 128 to spare, which outputs of 8 bits have added. */
	return layer->proof.requantized.min + layer->zero_point >=
	       -(1LL << 31) &&
	       layer->proof.requantized.max + layer->zero_point <
	       (1LL << 31) - 128;
}

/* Whether the type of the outputs clamps them already. */
static bool is_saturated(const struct kmlops_layer *layer)
{
	s64 limit = 1LL << (layer->output_bits - 1);

	return layer->narrow && layer->min == -limit && layer->max == limit - 1;
}

/*
 * Whether the zero point, shifted to where it is added, leaves room: sum and
 * bias times multiplier are less than 2^62, and AVX-512 has 128 to add as well.
 */
static bool is_folded(const struct kmlops_layer *layer,
		      const struct kmlops_model_channel *channels)
{
	s64 most = (layer->zero_point < 0 ? -(s64)layer->zero_point :
		    layer->zero_point) + 128;
	u32 c;

	if (!layer->narrow ||
	    layer->activation != KMLOPS_MODEL_ACTIVATION_CLAMP)
		return false;
	for (c = 0; c < layer->nr_outputs; c++)
		if (most > 1LL << 61 >> le32_to_cpu(channels[c].shift))
			return false;
	return true;
}

/* Three lanes if they hold the sums of enough inputs. */
static void choose_lanes(struct kmlops_layer *layer, const s8 *weights,
			 const struct kmlops_range *inputs)
{
	u32 parts, chunk;

	for (parts = 1; parts <= 8; parts++) {
		chunk = (layer->nr_inputs + parts - 1) / parts;
		if (chunks_fit(layer, weights, inputs, chunk)) {
			layer->lanes = 3;
			layer->chunk = chunk;
			return;
		}
	}
	layer->lanes = 2;
	layer->chunk = layer->nr_inputs;
}

static u32 nr_groups(const struct kmlops_layer *layer)
{
	return (layer->nr_outputs + layer->lanes - 1) / layer->lanes;
}

/* What a vector path computes with. */
struct shape {
	u32 lanes;	/* of 32 bits */
	u32 inputs;	/* in a lane */
	u32 channel_bytes;	/* of a block */
	bool unsigned_outputs;	/* outputs have 128 added */
};

static struct shape path_shape(const struct kmlops_layer *layer, u32 path)
{
	struct shape shape = {
		.lanes = path == KMLOPS_PATH_AVX512 ? 16 : 8,
		.inputs = path == KMLOPS_PATH_AVX512 &&
			  layer->input_bits == 8 ? 4 : 2,
		.unsigned_outputs = path == KMLOPS_PATH_AVX512 &&
				    layer->output_bits == 8,
	};

	shape.channel_bytes = shape.lanes * 16;
	return shape;
}

static void place_pack(const struct kmlops_layer *layer, u32 path,
		       struct kmlops_pack *pack, struct arena *arena)
{
	struct shape shape = path_shape(layer, path);
	u32 tail = layer->nr_outputs % shape.lanes;
	u32 tail_inputs = shape.inputs;

	pack->nr_blocks = layer->nr_outputs / shape.lanes;
	if (tail > shape.lanes / 2) {
		pack->nr_blocks++;
	} else if (tail) {
		pack->tail_channels = roundup_pow_of_two(tail);
		tail_inputs *= shape.lanes / pack->tail_channels;
		pack->tail_steps = (layer->nr_inputs + tail_inputs - 1) /
				   tail_inputs;
	}
	pack->nr_steps = (layer->nr_inputs + shape.inputs - 1) / shape.inputs;
	pack->weights = take(arena, (u64)shape.lanes * 4 *
			     (pack->nr_blocks * pack->nr_steps +
			      pack->tail_steps));
	pack->channels = take(arena, (u64)shape.channel_bytes *
			      (pack->nr_blocks + !!pack->tail_channels));
}

/* Where the weights of the layers go; only their sizes if @arena is empty. */
static void place_layer(struct kmlops_layer *layer, u32 paths,
			struct arena *arena)
{
	size_t before = arena->used;
	u32 path;

	layer->words = take(arena, 8ULL * layer->nr_inputs * nr_groups(layer));
	layer->channels = take(arena, layer->nr_outputs *
			       sizeof(*layer->channels));
	for (path = KMLOPS_PATH_SCALAR + 1; path < KMLOPS_PATHS; path++)
		if (paths & KMLOPS_PATH_BIT(path))
			place_pack(layer, path, &layer->packs[path], arena);
	layer->proof.bytes = arena->used - before;
}

/* A word for each input, of each of the groups that are summed together. */
static void pack_words(struct kmlops_layer *layer, const s8 *weights)
{
	u32 bits = layer->lanes == 3 ? 21 : 32;
	u64 *word = layer->words;
	u32 first, groups, i, group, lane;

	for (first = 0; first < nr_groups(layer); first += groups) {
		groups = nr_groups(layer) - first;
		if (groups > KMLOPS_SCALAR_GROUPS)
			groups = KMLOPS_SCALAR_GROUPS;
		for (i = 0; i < layer->nr_inputs; i++) {
			for (group = first; group < first + groups; group++) {
				for (lane = 0; lane < layer->lanes; lane++) {
					u32 c = group * layer->lanes + lane;
					u64 w = 0;

					if (c < layer->nr_outputs)
						w = (s64)weights[c * layer->nr_inputs + i];
					*word += w << (lane * bits);
				}
				word++;
			}
		}
	}
}

/* What the sums of the scalar path have too much. */
static s64 sums_start(const struct kmlops_layer *layer)
{
	u32 chunks = (layer->nr_inputs + layer->chunk - 1) / layer->chunk;

	return layer->lanes == 2 ? 1LL << 31 : (s64)chunks << 20;
}

/* One vector of weights: @each lanes for every channel from @first on. */
static void pack_vector(const struct kmlops_layer *layer, const s8 *weights,
			const struct shape *shape, u32 first, u32 each,
			u32 input, u8 *out)
{
	u32 lane, i;

	for (lane = 0; lane < shape->lanes; lane++) {
		u32 c = first + lane / each;
		u32 from = input + lane % each * shape->inputs;

		for (i = from; i < from + shape->inputs; i++) {
			s16 w = 0;

			if (c < layer->nr_outputs && i < layer->nr_inputs)
				w = weights[c * layer->nr_inputs + i];
			memcpy(out, &w, 4 / shape->inputs);
			out += 4 / shape->inputs;
		}
	}
}

static void pack_vectors(const struct kmlops_layer *layer, const s8 *weights,
			 const struct shape *shape,
			 const struct kmlops_pack *pack)
{
	u32 vector = shape->lanes * 4, block, together, step, i;
	u8 *out = pack->weights;

	for (block = 0; block < pack->nr_blocks; block += together) {
		together = kmlops_blocks_together(pack->nr_blocks - block);
		for (step = 0; step < pack->nr_steps; step++) {
			for (i = block; i < block + together; i++) {
				pack_vector(layer, weights, shape,
					    i * shape->lanes, 1,
					    step * shape->inputs, out);
				out += vector;
			}
		}
	}
	for (step = 0; step < pack->tail_steps; step++) {
		u32 each = shape->lanes / pack->tail_channels;

		pack_vector(layer, weights, shape, block * shape->lanes, each,
			    step * each * shape->inputs, out);
		out += vector;
	}
}

/*
 * On AVX-512, 8-bit inputs have 128 added to be unsigned: the sums then have
 * 128 times the weights too much. AVX2 has no arithmetic shift of 64 bits, which
 * layers need that are not narrow: with 2^63 added, the logical one does, and its
 * result has 2^63 >> shift too much.
 */
static void pack_channels(const struct kmlops_layer *layer,
			  const struct source *source,
			  const struct shape *shape, u32 path,
			  const struct kmlops_pack *pack)
{
	u32 c, i;

	for (c = 0; c < layer->nr_outputs; c++) {
		const struct kmlops_model_channel *wire = &source->channels[c];
		u32 multiplier = le32_to_cpu(wire->multiplier);
		u32 shift = le32_to_cpu(wire->shift), lane = c % shape->lanes;
		s64 bias = (s32)le32_to_cpu(wire->bias);
		u64 offset;
		u8 *block = pack->channels +
			    c / shape->lanes * shape->channel_bytes;

		if (shape->inputs == 4)
			for (i = 0; i < layer->nr_inputs; i++)
				bias -= 128 * source->weights[c * layer->nr_inputs + i];
		offset = (u64)bias * multiplier + (1ULL << (shift - 1));
		/* Outputs of 8 bits are unsigned on AVX-512. */
		if (layer->folded)
			offset += (u64)(layer->zero_point +
					(shape->unsigned_outputs ? 128 : 0)) << shift;
		if (path == KMLOPS_PATH_AVX2 && !layer->narrow)
			offset += 1ULL << 63;
		((u32 *)block)[lane] = multiplier;
		block += 4 * shape->lanes;
		((u64 *)block)[lane % 2 * shape->lanes / 2 + lane / 2] = offset;
		block += 8 * shape->lanes;
		((u32 *)block)[lane] = layer->narrow ? shift - 32 : shift;
	}
}

static void pack_layer(struct kmlops_layer *layer, u32 paths,
		       const struct source *source)
{
	u32 c, path;

	for (path = KMLOPS_PATH_SCALAR + 1; path < KMLOPS_PATHS; path++) {
		struct shape shape = path_shape(layer, path);

		if (!(paths & KMLOPS_PATH_BIT(path)))
			continue;
		pack_vectors(layer, source->weights, &shape,
			     &layer->packs[path]);
		pack_channels(layer, source, &shape, path, &layer->packs[path]);
	}
	pack_words(layer, source->weights);
	for (c = 0; c < layer->nr_outputs; c++) {
		const struct kmlops_model_channel *wire = &source->channels[c];
		struct kmlops_channel *channel = &layer->channels[c];
		s64 bias = (s32)le32_to_cpu(wire->bias) - sums_start(layer);

		channel->multiplier = le32_to_cpu(wire->multiplier);
		channel->shift = le32_to_cpu(wire->shift);
		channel->offset = (u64)bias * channel->multiplier +
				  (1ULL << (channel->shift - 1));
		if (layer->folded)
			channel->offset += (u64)layer->zero_point << channel->shift;
	}
}

static void pack_norms(struct kmlops_mlp *mlp,
		       const struct kmlops_model_input *inputs)
{
	u32 i;

	for (i = 0; i < mlp->nr_inputs; i++) {
		mlp->norms[i] = (struct kmlops_norm){
			.min = le64_to_cpu(inputs[i].min),
			.max = le64_to_cpu(inputs[i].max),
			.multiplier = le64_to_cpu(inputs[i].multiplier),
			.offset = le64_to_cpu(inputs[i].offset),
			.shift = le32_to_cpu(inputs[i].shift),
			.log2 = le32_to_cpu(inputs[i].norm) ==
				KMLOPS_MODEL_NORM_LOG2,
		};
	}
}

static bool is_narrow_norm(const struct kmlops_norm *norm)
{
	return norm->multiplier == (s32)norm->multiplier &&
	       (norm->log2 || (norm->min == (s32)norm->min &&
			       norm->max == (s32)norm->max));
}

static void pack_norms8(struct kmlops_mlp *mlp)
{
	u32 i;

	for (i = 0; i < mlp->nr_inputs; i++) {
		const struct kmlops_norm *norm = &mlp->norms[i];
		struct kmlops_norms8 *norms8 = &mlp->norms8[i / 8];

		norms8->min[i % 8] = norm->min;
		norms8->max[i % 8] = norm->max;
		norms8->multiplier[i % 8] = norm->multiplier;
		norms8->offset[i % 8] = norm->offset;
		norms8->shift[i % 8] = norm->shift;
		norms8->narrow = (i % 8 == 0 || norms8->narrow) &&
				 is_narrow_norm(norm);
		if (norm->log2)
			norms8->log2 |= 1U << i % 8;
	}
}

/* Reads and proves all layers, and chooses how the engine lays them out. */
static int prove(struct kmlops_mlp *mlp, const struct kmlops_model_file *model,
		 struct kmlops_refusal *refusal)
{
	struct source source = first_source(model);
	struct kmlops_range *inputs, *outputs, *ranges;
	int err;
	u32 i;

	ranges = kmlops_alloc(2 * KMLOPS_MODEL_WIDTH_MAX * sizeof(*ranges),
			      NUMA_NO_NODE);
	if (!ranges)
		return kmlops_refuse(refusal, -ENOMEM,
				     "no memory to verify the layers");
	inputs = ranges;
	outputs = ranges + KMLOPS_MODEL_WIDTH_MAX;

	err = kmlops_mlp_prove_inputs(model, inputs, refusal);
	for (i = 0; i < mlp->nr_layers && !err; i++) {
		struct kmlops_layer *layer = &mlp->layers[i];

		read_layer(layer, source.layer);
		err = kmlops_mlp_prove_layer(i, source.layer, source.channels,
					     source.weights, inputs, outputs,
					     &layer->proof, refusal);
		if (err)
			break;
		mlp->work += layer->proof.work;
		layer->narrow = is_narrow(layer, source.channels);
		layer->folded = is_folded(layer, source.channels);
		layer->saturated = is_saturated(layer);
		choose_lanes(layer, source.weights, inputs);
		swap(inputs, outputs);
		next_source(&source);
	}
	kmlops_free(ranges);
	return err;
}

static void place(struct kmlops_mlp *mlp, struct arena *arena)
{
	u32 i;

	mlp->norms = take(arena, mlp->nr_inputs * sizeof(*mlp->norms));
	if (mlp->paths & KMLOPS_PATH_BIT(KMLOPS_PATH_AVX512))
		mlp->norms8 = take(arena, (mlp->nr_inputs + 7) / 8 *
				   sizeof(*mlp->norms8));
	for (i = 0; i < mlp->nr_layers; i++)
		place_layer(&mlp->layers[i], mlp->paths, arena);
}

/* Copies the proved file to where and how the paths want it. */
static int pack(struct kmlops_mlp *mlp, const struct kmlops_model_file *model,
		struct kmlops_refusal *refusal)
{
	struct source source = first_source(model);
	struct arena arena = {};
	size_t size;
	u32 i;

	place(mlp, &arena);
	/* Pieces begin at cache lines, wherever the allocation does. */
	size = arena.used + 63;
	mlp->memory = kmlops_alloc(size, NUMA_NO_NODE);
	if (!mlp->memory)
		return kmlops_refuse(refusal, -ENOMEM,
				     "no memory for the layers");
	arena.start = ((unsigned long)mlp->memory + 63) & ~63UL;
	arena.used = 0;
	place(mlp, &arena);
	mlp->bytes = struct_size(mlp, layers, mlp->nr_layers) + size;

	pack_norms(mlp, model->inputs);
	if (mlp->norms8)
		pack_norms8(mlp);
	for (i = 0; i < mlp->nr_layers; i++) {
		pack_layer(&mlp->layers[i], mlp->paths, &source);
		next_source(&source);
	}
	return 0;
}

/**
 * kmlops_mlp_create() - Verify the layers of a model and make the engine's copy
 * @model: a parsed model file of kind linear or MLP
 * @err: receives 0, -EINVAL or -ENOMEM
 * @refusal: receives the sentence on error
 *
 * Context: process; sleeps.
 * Return: the MLP, owned by the caller, or NULL.
 */
struct kmlops_mlp *kmlops_mlp_create(const struct kmlops_model_file *model,
				     int *err, struct kmlops_refusal *refusal)
{
	u32 nr_layers = model->sections[KMLOPS_MODEL_SECTION_LAYERS].count;
	struct kmlops_mlp *mlp;

	*err = kmlops_mlp_check_layers(model, refusal);
	if (*err)
		return NULL;
	mlp = kmlops_alloc(struct_size(mlp, layers, nr_layers), NUMA_NO_NODE);
	if (!mlp) {
		*err = kmlops_refuse(refusal, -ENOMEM,
				     "no memory for the layers");
		return NULL;
	}
	mlp->nr_inputs = model->nr_inputs;
	mlp->nr_layers = nr_layers;
	mlp->paths = kmlops_cpu_paths();
	*err = prove(mlp, model, refusal);
	if (!*err)
		*err = pack(mlp, model, refusal);
	if (*err) {
		kmlops_mlp_destroy(mlp);
		return NULL;
	}
	return mlp;
}

void kmlops_mlp_destroy(struct kmlops_mlp *mlp)
{
	if (!mlp)
		return;
	kmlops_free(mlp->memory);
	kmlops_free(mlp);
}

/**
 * kmlops_mlp_infer() - Compute the scores
 * @mlp: the model
 * @path: one of mlp->paths; not scalar only where vectors are usable
 * @in: the input vector
 * @scores: receives the scores; has KMLOPS_MODEL_SCORES_MAX words, all of
 *   which may be written
 *
 * Context: any, NMI included. Bounded, allocates nothing, cannot fail.
 */
void kmlops_mlp_infer(const struct kmlops_mlp *mlp, enum kmlops_path path,
		      const s64 *in, s64 *scores)
{
	if (path == KMLOPS_PATH_SCALAR)
		return kmlops_mlp_infer_scalar(mlp, in, scores);
	kmlops_vector_begin();
	if (path == KMLOPS_PATH_AVX2)
		kmlops_mlp_infer_avx2(mlp, in, scores);
	else
		kmlops_mlp_infer_avx512(mlp, in, scores);
	kmlops_vector_end();
}

/*
 * Here, where the compiler knows no vector registers to use between the end and
 * the beginning.
 */
void kmlops_mlp_pause(void)
{
	kmlops_vector_pause();
}
