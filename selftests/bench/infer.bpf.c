// SPDX-License-Identifier: GPL-2.0-only
/*
 * Inference through the kfunc, and the same shapes of models computed by the
 * program itself: what one would write without the module.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

#include "kernmlops.bpf.h"
#include "infer.h"

__u32 turns;
__u32 failed;
__s64 inputs[INFER_VECTORS][INFER_INPUTS];
__s64 sink;		/* keeps what the programs compute */

#define LOOP(name)							\
SEC("syscall")								\
int name(void *ctx)							\
{									\
	bpf_loop(turns, turn_##name, NULL, 0);				\
	return 0;							\
}

static __always_inline __s64 *vector(__u32 turn)
{
	return inputs[turn % INFER_VECTORS];
}

static int turn_nothing(__u32 turn, void *ctx)
{
	sink += vector(turn)[0];
	return 0;
}

LOOP(nothing)

#define INFER(name, nr_inputs, nr_outputs)				\
static int turn_##name(__u32 turn, void *ctx)				\
{									\
	__s64 out[nr_outputs];						\
									\
	if (kmlops_infer(INFER_MODEL, vector(turn), 8 * (nr_inputs),	\
			 out, sizeof(out)))				\
		failed++;						\
	sink += out[0];							\
	return 0;							\
}									\
LOOP(name)

INFER(infer_12_2, 12, 3)
INFER(infer_31_2, 31, 3)
INFER(infer_16_4, 16, 5)
INFER(infer_16_1, 16, 2)

/* ---- an MLP as a program: 8-bit weights and activations */

struct {
	__s8 weights[16384];
	__s32 bias[1024];
	__s64 a[256], b[256];
	__s32 multiplier;
} net;

/* @to = clamp(@weights * @from + bias), one output for each call. */
#define LAYER(name, from, to, nr_in, nr_out, first_weight, first_bias)	\
static int name(__u32 c, void *ctx)					\
{									\
	const __s8 *weights;						\
	__s64 sum;							\
	int i;								\
									\
	if (c >= (nr_out))						\
		return 1;						\
	weights = &net.weights[(first_weight) + c * (nr_in)];		\
	sum = net.bias[(first_bias) + c];				\
	for (i = 0; i < (nr_in); i++)					\
		sum += weights[i] * net.from[i];			\
	sum = (sum * net.multiplier + (1LL << 37)) >> 38;		\
	net.to[c] = sum < 0 ? 0 : sum > 127 ? 127 : sum;		\
	return 0;							\
}

static __always_inline void take_inputs(__u32 turn, int nr)
{
	const __s64 *in = vector(turn);
	int i;

	for (i = 0; i < nr; i++)
		net.a[i] = (__s8)in[i];
}

LAYER(layer_12_64, a, b, 12, 64, 0, 0)
LAYER(layer_64_64, b, a, 64, 64, 768, 64)
LAYER(layer_64_2, a, b, 64, 2, 4864, 128)

static int turn_peer_12_64_64_2(__u32 turn, void *ctx)
{
	take_inputs(turn, 12);
	bpf_loop(64, layer_12_64, NULL, 0);
	bpf_loop(64, layer_64_64, NULL, 0);
	bpf_loop(2, layer_64_2, NULL, 0);
	sink += net.b[0] < net.b[1];
	return 0;
}

LOOP(peer_12_64_64_2)

LAYER(layer_31_256, a, b, 31, 256, 0, 0)
LAYER(layer_256_2, b, a, 256, 2, 7936, 256)

static int turn_peer_31_256_2(__u32 turn, void *ctx)
{
	take_inputs(turn, 31);
	bpf_loop(256, layer_31_256, NULL, 0);
	bpf_loop(2, layer_256_2, NULL, 0);
	sink += net.a[0] < net.a[1];
	return 0;
}

LOOP(peer_31_256_2)

LAYER(layer_16_32, a, b, 16, 32, 0, 0)
LAYER(layer_32_16, b, a, 32, 16, 512, 32)
LAYER(layer_16_4, a, b, 16, 4, 1024, 48)

static int turn_peer_16_32_16_4(__u32 turn, void *ctx)
{
	int i, best = 0;

	take_inputs(turn, 16);
	bpf_loop(32, layer_16_32, NULL, 0);
	bpf_loop(16, layer_32_16, NULL, 0);
	bpf_loop(4, layer_16_4, NULL, 0);
	for (i = 1; i < 4; i++)
		if (net.b[i] > net.b[best])
			best = i;
	sink += best;
	return 0;
}

LOOP(peer_16_32_16_4)

/* ---- trees as a program: nodes in an array, children side by side */

struct {
	__s64 threshold[PEER_NODES];
	__u32 child[PEER_NODES];	/* 0 of a leaf */
	__u32 input[PEER_NODES];
	__s64 leaf[PEER_NODES];
} tree;

static __always_inline __s64 walk(const __s64 *in, int depth)
{
	__u32 at = 0;
	int i;

	for (i = 0; i < depth; i++) {
		__u32 child = tree.child[at % PEER_NODES];

		if (!child)
			break;
		at = child + (in[tree.input[at % PEER_NODES] % INFER_INPUTS] >
			      tree.threshold[at % PEER_NODES]);
	}
	return tree.leaf[at % PEER_NODES];
}

static int turn_peer_tree(__u32 turn, void *ctx)
{
	sink += walk(vector(turn), PEER_DEPTH);
	return 0;
}

LOOP(peer_tree)

struct sum {
	__u32 turn;
	__s64 score;
};

static int add_tree(__u32 index, void *ctx)
{
	struct sum *sum = ctx;

	/* All trees are the same one: a program cannot tell. */
	sum->score += walk(vector(sum->turn), 6);
	return 0;
}

static int turn_peer_gbdt(__u32 turn, void *ctx)
{
	struct sum sum = { .turn = turn };

	bpf_loop(PEER_TREES, add_tree, &sum, 0);
	sink += sum.score;
	return 0;
}

LOOP(peer_gbdt)

char _license[] SEC("license") = "GPL";
