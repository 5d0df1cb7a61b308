// SPDX-License-Identifier: GPL-2.0-only
/*
 * Linear models and MLPs as C.
 *
 * A 64-bit multiplication carries several weights, one of each of several
 * channels, that meet the same input: lanes. Three lanes of 21 bits hold the
 * sums of a channel if they stay within 2^20, two of 32 bits always do, as
 * admission proved. Lanes are taken apart from the lowest up, each with its
 * sign, which the lanes above have borrowed.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "code.h"
#include "fixed_point.h"
#include "kmlopsctl.h"

/* A layer, decoded, and where its parts are. */
struct layer {
	uint32_t nr_inputs;
	uint32_t nr_outputs;
	uint32_t input_bits;
	uint32_t output_bits;
	uint32_t activation;
	int32_t zero_point;
	int32_t min;
	int32_t max;
	const struct kmlops_model_channel *channels;
	const int8_t *weights;
};

static struct layer decode(const struct kmlops_model_layer *wire)
{
	return (struct layer){
		.nr_inputs = le16_to_cpu(wire->nr_inputs),
		.nr_outputs = le16_to_cpu(wire->nr_outputs),
		.input_bits = wire->input_bits,
		.output_bits = wire->output_bits,
		.activation = wire->activation,
		.zero_point = le32_to_cpu(wire->zero_point),
		.min = le32_to_cpu(wire->min),
		.max = le32_to_cpu(wire->max),
	};
}

/* Inputs of 8 bits are as quick to read as 16, and buffers can be shared. */
static const char *output_type(const struct layer *layer)
{
	return layer->output_bits == 32 ? "s64" : "s16";
}

static void print_helpers(FILE *out, bool table, bool log2)
{
	uint32_t i;

	fputs("static inline s64 clamp64(s64 v, s64 low, s64 high)\n{\n"
	      "\tv = v < low ? low : v;\n\treturn v > high ? high : v;\n}\n\n"
	      "static inline s64 requantize(s32 acc, s32 multiplier, u32 shift)\n{\n"
	      "\treturn ((s64)acc * multiplier + (1LL << (shift - 1))) >> shift;\n}\n\n",
	      out);
	if (log2)
		fputs("/* log2(x + 1), four fraction bits */\n"
		      "static inline s64 log2q4(s64 x)\n{\n"
		      "\tu64 y = (u64)x + 1;\n"
		      "\tu32 e = 63 - __builtin_clzll(y);\n\n"
		      "\treturn e << 4 | ((y << (63 - e)) >> 59 & 15);\n}\n\n",
		      out);
	if (!table)
		return;
	fputs("/* The sigmoid from -8 to 8 in steps of 1/16, 16 fraction bits. */\n"
	      "static const u16 sigmoid_table[] = {\n", out);
	for (i = 0; i < 257; i++)
		fprintf(out, "%s%u,%s", i % 8 ? " " : "\t",
			kmlops_sigmoid_table[i], i % 8 == 7 || i == 256 ? "\n" : "");
	fputs("};\n\nstatic inline s64 sigmoid16(s64 v)\n{\n"
	      "\tu32 u = clamp64(v, -32768, 32767) + 32768;\n"
	      "\tconst u16 *at = &sigmoid_table[u >> 8];\n\n"
	      "\treturn at[0] + (((at[1] - at[0]) * (u & 255) + 128) >> 8);\n}\n\n",
	      out);
}

/* Lanes of 21 bits hold what the channels of the layer can sum up to. */
static bool fits_three_lanes(const struct layer *layer)
{
	uint64_t greatest = layer->input_bits == 8 ? 128 : 32768;
	uint32_t c, i;

	for (c = 0; c < layer->nr_outputs; c++) {
		const int8_t *row = layer->weights + (size_t)c * layer->nr_inputs;
		uint64_t sum = 0;

		for (i = 0; i < layer->nr_inputs; i++)
			sum += abs(row[i]);
		if (sum * greatest >= 1 << 20)
			return false;
	}
	return true;
}

/* Of a channel and an input, its sign extended. */
static uint64_t weight(const struct layer *layer, uint32_t channel, uint32_t input)
{
	return layer->weights[(size_t)channel * layer->nr_inputs + input];
}

static void print_weights(FILE *out, const struct layer *layer, uint32_t n,
			  uint32_t lanes)
{
	uint32_t groups = (layer->nr_outputs + lanes - 1) / lanes;
	uint32_t bits = lanes == 3 ? 21 : 32;
	uint32_t g, i, lane;
	char buf[40];

	fprintf(out, "/* %u channels a word, one word for each input */\n"
		"static const s64 weights_%u[%u][%u] = {\n", lanes, n, groups,
		layer->nr_inputs);
	for (g = 0; g < groups; g++) {
		fputs("\t{\n", out);
		for (i = 0; i < layer->nr_inputs; i++) {
			uint64_t word = 0;

			for (lane = 0; lane < lanes; lane++) {
				uint32_t c = g * lanes + lane;

				if (c < layer->nr_outputs)
					word += weight(layer, c, i) << (lane * bits);
			}
			fprintf(out, "\t\t%s,\n", code_number(buf, word));
		}
		fputs("\t},\n", out);
	}
	fputs("};\n\n", out);
}

static void print_channels(FILE *out, const struct layer *layer, uint32_t n)
{
	char bias[40];
	uint32_t c;

	fprintf(out, "static const struct channel channels_%u[] = {\n", n);
	for (c = 0; c < layer->nr_outputs; c++)
		fprintf(out, "\t{ %s, %d, %u },\n",
			code_number(bias, (int32_t)le32_to_cpu(layer->channels[c].bias)),
			(int32_t)le32_to_cpu(layer->channels[c].multiplier),
			le32_to_cpu(layer->channels[c].shift));
	fputs("};\n\n", out);
}

/* From a requantized accumulator v to the output. */
static void print_activation(FILE *out, const struct layer *layer, uint32_t n)
{
	const char *type = output_type(layer);
	char low[40], high[40];

	fprintf(out, "static inline %s activate_%u(s64 v)\n{\n", type, n);
	switch (layer->activation) {
	case KMLOPS_MODEL_ACTIVATION_SIGMOID:
		if (layer->output_bits == 8)
			fputs("\treturn clamp64((sigmoid16(v) + 128) >> 8, 0, 255) - 128;\n", out);
		else
			fputs("\treturn clamp64((sigmoid16(v) + 1) >> 1, 0, 32767);\n", out);
		break;
	case KMLOPS_MODEL_ACTIVATION_TANH:
		if (layer->output_bits == 8)
			fputs("\treturn clamp64((sigmoid16(v) - 32768 + 128) >> 8, -128, 127);\n",
			      out);
		else
			fputs("\treturn sigmoid16(v) - 32768;\n", out);
		break;
	default:
		code_number(low, layer->min);
		code_number(high, layer->max);
		fprintf(out, "\treturn clamp64(v + %d, %s, %s);\n",
			layer->zero_point, low, high);
	}
	fputs("}\n\n", out);
}

static void print_layer(FILE *out, const struct layer *layer, uint32_t n)
{
	uint32_t lanes = fits_three_lanes(layer) ? 3 : 2;
	uint32_t bits = lanes == 3 ? 21 : 32;
	uint32_t groups = (layer->nr_outputs + lanes - 1) / lanes;

	print_weights(out, layer, n, lanes);
	print_channels(out, layer, n);
	print_activation(out, layer, n);
	fprintf(out,
		"static void layer_%u(const s16 *in, %s *out)\n{\n"
		"\tu32 g, i, lane, c = 0;\n\n"
		"\tfor (g = 0; g < %u; g++) {\n"
		"\t\ts64 sums = 0;\n\n"
		"#pragma GCC unroll 4\n"
		"\t\tfor (i = 0; i < %u; i++)\n"
		"\t\t\tsums += in[i] * weights_%u[g][i];\n"
		"\t\tfor (lane = 0; lane < %u && c < %u; lane++, c++) {\n"
		"\t\t\tconst struct channel *channel = &channels_%u[c];\n"
		"\t\t\ts64 sum = (s64)((u64)sums << %u) >> %u;\n\n"
		"\t\t\tsums = (s64)((u64)sums - sum) >> %u;\n"
		"\t\t\tout[c] = activate_%u(requantize(channel->bias + sum,\n"
		"\t\t\t\t\t\tchannel->multiplier,\n"
		"\t\t\t\t\t\tchannel->shift));\n"
		"\t\t}\n\t}\n}\n\n",
		n, output_type(layer), groups, layer->nr_inputs, n,
		lanes, layer->nr_outputs, n, 64 - bits, 64 - bits, bits, n);
}

static void print_normalize(FILE *out, const struct kmlops_model_file *model)
{
	char min[40], max[40], multiplier[40], offset[40];
	uint32_t i;

	fputs("static void normalize(const s64 *in, s16 *q)\n{\n", out);
	for (i = 0; i < model->nr_inputs; i++) {
		const struct kmlops_model_input *input = &model->inputs[i];
		bool log2 = le32_to_cpu(input->norm) == KMLOPS_MODEL_NORM_LOG2;

		fprintf(out,
			"\tq[%u] = (%sclamp64(in[%u], %s, %s)%s * %s + %s) >> %u;\n",
			i, log2 ? "log2q4(" : "", i,
			code_number(min, le64_to_cpu(input->min)),
			code_number(max, le64_to_cpu(input->max)),
			log2 ? ")" : "",
			code_number(multiplier, le64_to_cpu(input->multiplier)),
			code_number(offset, le64_to_cpu(input->offset)),
			le32_to_cpu(input->shift));
	}
	fputs("}\n\n", out);
}

/* Inputs of the widest layer among every other one, from @first on. */
static uint32_t width(const struct layer *layers, uint32_t nr, uint32_t first)
{
	uint32_t widest = 0, n;

	for (n = first; n < nr; n += 2)
		if (layers[n].nr_inputs > widest)
			widest = layers[n].nr_inputs;
	return widest;
}

void code_layers(FILE *out, const struct kmlops_model_file *model)
{
	const struct kmlops_section *sections = model->sections;
	const struct kmlops_model_layer *wire =
		sections[KMLOPS_MODEL_SECTION_LAYERS].data;
	const struct kmlops_model_channel *channels =
		sections[KMLOPS_MODEL_SECTION_CHANNELS].data;
	const int8_t *weights = sections[KMLOPS_MODEL_SECTION_WEIGHTS].data;
	uint32_t nr = sections[KMLOPS_MODEL_SECTION_LAYERS].count, n, i;
	struct layer *layers = xalloc(nr * sizeof(*layers));
	bool table = false, log2 = false;

	for (n = 0; n < nr; n++) {
		layers[n] = decode(&wire[n]);
		layers[n].channels = channels;
		layers[n].weights = weights;
		channels += layers[n].nr_outputs;
		weights += (size_t)layers[n].nr_outputs * layers[n].nr_inputs;
		table |= layers[n].activation != KMLOPS_MODEL_ACTIVATION_CLAMP;
	}
	for (i = 0; i < model->nr_inputs; i++)
		log2 |= le32_to_cpu(model->inputs[i].norm) == KMLOPS_MODEL_NORM_LOG2;

	print_helpers(out, table, log2);
	fputs("struct channel {\n\ts32 bias;\n\ts32 multiplier;\n\tu32 shift;\n};\n\n",
	      out);
	print_normalize(out, model);
	for (n = 0; n < nr; n++)
		print_layer(out, &layers[n], n);

	/* Two buffers, each in a frame of its own: frames stay small. */
	fprintf(out,
		"static noinline void forward(s16 *even, s64 *scores)\n{\n");
	if (nr > 1)
		fprintf(out, "\ts16 odd[%u] __attribute__((__uninitialized__));\n\n",
			width(layers, nr, 1));
	for (n = 0; n < nr; n++)
		fprintf(out, "\tlayer_%u(%s, %s);\n", n, n % 2 ? "odd" : "even",
			n + 1 == nr ? "scores" : n % 2 ? "even" : "odd");
	fprintf(out,
		"}\n\nstatic void infer(const s64 *in, s64 *scores)\n{\n"
		"\ts16 even[%u] __attribute__((__uninitialized__));\n\n"
		"\tnormalize(in, even);\n"
		"\tforward(even, scores);\n}\n",
		width(layers, nr, 0));
	free(layers);
}
