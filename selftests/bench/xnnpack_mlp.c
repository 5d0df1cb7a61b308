// SPDX-License-Identifier: GPL-2.0-only
/*
 * The layers of a net in XNNPACK, without threads. Scales are one for a tensor,
 * and scores have 8 bits; the work is the same. It gets its inputs normalized.
 */
#include <xnnpack.h>
#include "xnnpack_mlp.h"

static xnn_operator_t layers[NET_LAYERS_MAX];
static s8 activations[NET_LAYERS_MAX][KMLOPS_MODEL_WIDTH_MAX + XNN_EXTRA_BYTES];
static s8 input[KMLOPS_MODEL_INPUTS_MAX + XNN_EXTRA_BYTES];
static u32 nr_layers, nr_inputs;

static void check(enum xnn_status status, const char *what)
{
	if (status == xnn_status_success)
		return;
	fprintf(stderr, "bench_mlp: XNNPACK cannot %s: %d\n", what, status);
	exit(1);
}

void xnnpack_create(const struct net *net)
{
	const struct kmlops_model_channel *channel = net->channels;
	const s8 *weights = net->weights;
	s32 bias[KMLOPS_MODEL_WIDTH_MAX];
	u32 l, c;

	check(xnn_initialize(NULL), "start");
	nr_layers = net->nr_layers;
	nr_inputs = net->nr_inputs;
	for (l = 0; l < nr_layers; l++) {
		const struct kmlops_model_layer *layer = &net->layers[l];
		bool last = l == nr_layers - 1;

		for (c = 0; c < layer->nr_outputs; c++)
			bias[c] = channel++->bias;
		check(xnn_create_fully_connected_nc_qs8(layer->nr_inputs,
							layer->nr_outputs,
							layer->nr_inputs,
							layer->nr_outputs, 0,
							1.0f, 1.0f, weights,
							bias,
							last ? 0 : -128,
							256.0f, -128, 127, 0,
#ifdef XNNPACK_RESHAPES
							NULL, NULL,
#endif
							&layers[l]),
		      "make a layer");
#ifdef XNNPACK_RESHAPES
		check(xnn_reshape_fully_connected_nc_qs8(layers[l], 1, NULL),
		      "shape a layer");
		check(xnn_setup_fully_connected_nc_qs8(layers[l],
						       l ? activations[l - 1] : input,
						       activations[l]),
		      "set up a layer");
#else
		check(xnn_setup_fully_connected_nc_qs8(layers[l], 1,
						       l ? activations[l - 1] : input,
						       activations[l], NULL),
		      "set up a layer");
#endif
		weights += layer->nr_inputs * layer->nr_outputs;
	}
}

void xnnpack_infer(const s8 *in)
{
	u32 l;

	memcpy(input, in, nr_inputs);
	for (l = 0; l < nr_layers; l++)
		xnn_run_operator(layers[l], NULL);
}

void xnnpack_destroy(void)
{
	u32 l;

	for (l = 0; l < nr_layers; l++)
		xnn_delete_operator(layers[l]);
}
