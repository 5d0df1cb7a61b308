// SPDX-License-Identifier: GPL-2.0-only
/*
 * Inference with MLPs outside of the kernel: the same files, built with its
 * flags, each path next to a peer. Inputs are random; ours and the peer take
 * turns, and the quickest round of each counts.
 */
#include <sched.h>
#include <stdio.h>
#include <time.h>
#include "engine.h"
#include "naive_mlp.h"
#include "report.h"

#define ROUNDS	400
#define VECTORS	64

static struct net net;
static struct kmlops_engine *engine;
static s64 inputs[VECTORS][KMLOPS_MODEL_INPUTS_MAX];
static s64 scores[KMLOPS_MODEL_SCORES_MAX];

static u64 now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (u64)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* Runs all vectors. */
typedef void run_fn(void);

static void run_scalar(void)
{
	u32 i;

	for (i = 0; i < VECTORS; i++)
		kmlops_mlp_infer(engine->mlp, KMLOPS_PATH_SCALAR, inputs[i],
				 scores);
}

static void run_naive(void)
{
	u32 i;

	for (i = 0; i < VECTORS; i++)
		naive_infer(&net, inputs[i], scores);
}

/* Nanoseconds of one inference, of each of several ways in turns. */
static void measure(run_fn *const *ways, double *best, int nr)
{
	int round, i;

	for (round = 0; round < ROUNDS; round++) {
		for (i = 0; i < nr; i++) {
			u64 started = now(), took;

			ways[i]();
			took = now() - started;
			if (!round || took < best[i])
				best[i] = took;
		}
	}
	for (i = 0; i < nr; i++)
		best[i] /= VECTORS;
}

static void report_way(const char *shape, const char *path, double value,
		       const char *peer, double peer_value)
{
	char name[80];

	snprintf(name, sizeof(name), "infer.mlp.%s.%s.native_ns", shape, path);
	report(name, "ns", value, peer, peer_value);
}

/* 8-bit ReLU layers, half of the inputs by their logarithm. */
static void make_net(const u32 *widths, u32 nr_layers)
{
	static s64 golden[KMLOPS_MODEL_INPUTS_MAX + 1 + KMLOPS_MODEL_SCORES_MAX];
	struct model_builder builder;
	struct kmlops_refusal refusal;
	u32 i, j, size;
	int err;
	void *file;

	net_draw(&net, widths, nr_layers, 8);
	for (i = 0; i < net.nr_weights; i++)
		net.weights[i] = net_random_weight(5);
	for (i = 0; i < net.nr_channels; i++) {
		net.channels[i].bias = net_between(-2000, 2000);
		net.channels[i].multiplier = net_between(1U << 30, ~(1U << 31));
		net.channels[i].shift = net_between(37, 39);
	}
	for (i = 0; i < nr_layers - 1; i++) {
		net.layers[i].activation = KMLOPS_MODEL_ACTIVATION_CLAMP;
		net.layers[i].zero_point = -128;
		net.layers[i].min = -128;
		net.layers[i].max = 127;
	}
	for (i = 0; i < net.nr_inputs; i++) {
		net.inputs[i] = (struct kmlops_model_input){
			.norm = i % 2 ? KMLOPS_MODEL_NORM_LOG2 :
					KMLOPS_MODEL_NORM_AFFINE,
			.max = i % 2 ? S64_MAX : (1 << 20) - 1,
			.multiplier = i % 2 ? 255 : 1,
			.shift = i % 2 ? 10 : 13,
			.offset = i % 2 ? -128 * 1024 : 0,
		};
		snprintf(net.inputs[i].name, 32, "input%u", i);
	}
	net_add(&builder, &net, golden);
	file = model_build(&builder, &size);
	engine = kmlops_engine_create(file, size, &err, &refusal);
	if (!engine) {
		fprintf(stderr, "bench_mlp: %s\n", refusal.text);
		exit(1);
	}
	free(file);
	for (i = 0; i < VECTORS; i++)
		for (j = 0; j < net.nr_inputs; j++)
			inputs[i][j] = net_random() >> (j % 2 ? net_random() % 60 : 43);
}

static void bench(const char *shape, const u32 *widths, u32 nr_layers)
{
	run_fn *scalar[] = { run_scalar, run_naive };
	double ns[4];

	make_net(widths, nr_layers);
	measure(scalar, ns, 2);
	report_way(shape, "scalar", ns[0], "naive C of 8 bits, same flags", ns[1]);
	kmlops_engine_destroy(engine);
	net_free(&net);
}

int main(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(sched_getcpu(), &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);

	bench("12-64-64-2", (const u32[]){ 12, 64, 64, 2 }, 3);
	bench("31-256-2", (const u32[]){ 31, 256, 2 }, 2);
	bench("16-32-16-4", (const u32[]){ 16, 32, 16, 4 }, 3);
	return 0;
}
