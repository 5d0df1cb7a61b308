// SPDX-License-Identifier: GPL-2.0-only
/*
 * Inference with MLPs outside of the kernel: the same files, built with its
 * flags, each path next to a peer. Inputs are random; ours and the peer take
 * turns, and the quickest round of each counts.
 */
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "engine.h"
#include "naive_mlp.h"
#include "report.h"
#include "streaming.h"
#include "xnnpack_mlp.h"

#define ROUNDS	400
#define VECTORS	64

static struct net net;
static struct kmlops_engine *engine;
static s64 inputs[VECTORS][KMLOPS_MODEL_INPUTS_MAX];
static s8 normalized[VECTORS][KMLOPS_MODEL_INPUTS_MAX];
static s64 scores[KMLOPS_MODEL_SCORES_MAX] __attribute__((aligned(64)));
static u8 weights[65536] __attribute__((aligned(64)));

static u64 now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (u64)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* Runs all vectors. */
typedef void run_fn(void);

static void run_path(enum kmlops_path path)
{
	u32 i;

	for (i = 0; i < VECTORS; i++)
		kmlops_mlp_infer(engine->mlp, path, inputs[i], scores);
}

static void run_scalar(void)
{
	run_path(KMLOPS_PATH_SCALAR);
}

static void run_avx2(void)
{
	run_path(KMLOPS_PATH_AVX2);
}

static void run_avx512(void)
{
	run_path(KMLOPS_PATH_AVX512);
}

static void run_naive(void)
{
	u32 i;

	for (i = 0; i < VECTORS; i++)
		naive_infer(&net, inputs[i], scores);
}

static void run_xnnpack(void)
{
	u32 i;

	for (i = 0; i < VECTORS; i++)
		xnnpack_infer(normalized[i]);
}

/* The weights of the net, each read once. */
static void run_stream_avx2(void)
{
	u32 i;

	for (i = 0; i < VECTORS; i++)
		stream_avx2(weights, (2 * net.nr_weights + 63) & ~63);
}

static void run_stream_avx512(void)
{
	u32 i;

	for (i = 0; i < VECTORS; i++)
		stream_avx512(weights, (net.nr_weights + 63) & ~63);
}

/* Nanoseconds of one inference, of each of several ways in turns. */
static void measure(run_fn **ways, double *best, int nr)
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
	char name[120];

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
	for (i = 0; i < VECTORS; i++)
		for (j = 0; j < net.nr_inputs; j++)
			normalized[i][j] = oracle_normalize(&net.inputs[j],
							    inputs[i][j]);
}

static void absent(const char *shape, const char *path)
{
	printf("{\"name\": \"infer.mlp.%s.%s.native_ns\", \"unit\": \"ns\", \"absent\": \"this CPU has no %s\"}\n",
	       shape, path, path);
}

/* A vector path beside XNNPACK, and beside the limit in the same run. */
static void bench_vector(const char *shape, const char *name,
			 enum kmlops_path path, run_fn *run, run_fn *stream)
{
	run_fn *ways[] = { run, run_xnnpack, stream };
	double ns[3];
	char limit[80];

	if (!(engine->paths & KMLOPS_PATH_BIT(path))) {
		absent(shape, name);
		return;
	}
	measure(ways, ns, 3);
	report_way(shape, name, ns[0], "XNNPACK qs8, one thread", ns[1]);
	snprintf(limit, sizeof(limit), "infer.mlp.%s.%s.limit", shape, name);
	report(limit, "ns", ns[0], "reading and multiplying the weights alone",
	       ns[2]);
}

/* Returns the time of the scalar path. */
static double bench(const char *shape, const u32 *widths, u32 nr_layers)
{
	run_fn *scalar[] = { run_scalar, run_naive };
	double ns[2];

	make_net(widths, nr_layers);
	xnnpack_create(&net);
	measure(scalar, ns, 2);
	report_way(shape, "scalar", ns[0], "naive C of 8 bits, same flags", ns[1]);
	bench_vector(shape, "avx2", KMLOPS_PATH_AVX2, run_avx2, run_stream_avx2);
	bench_vector(shape, "vnni", KMLOPS_PATH_AVX512, run_avx512,
		     run_stream_avx512);
	xnnpack_destroy();
	kmlops_engine_destroy(engine);
	net_free(&net);
	return ns[0];
}

#define SHAPES	3
static const char *const shapes[SHAPES] = { "12-64-64-2", "31-256-2", "16-32-16-4" };

/* What Python takes for layers of the same widths, if it has any. */
static void bench_python(const double *scalar)
{
	char shape[32], library[32], peer[64], path[48];
	FILE *python;
	double ns;
	int i, nr = 0;

	python = popen("${PYTHON:-/usr/bin/python3} selftests/bench/python_mlp.py 12-64-64-2 31-256-2 16-32-16-4",
		       "r");
	while (python && fscanf(python, "%31s %31s %lf", shape, library, &ns) == 3) {
		for (i = 0; i < SHAPES && strcmp(shape, shapes[i]); i++)
			;
		if (i == SHAPES)
			break;
		snprintf(path, sizeof(path), "scalar_to_%s", library);
		snprintf(peer, sizeof(peer), "%s, one row, one thread", library);
		report_way(shape, path, scalar[i], peer, ns);
		nr++;
	}
	if (!nr)
		fprintf(stderr, "bench_mlp: no scikit-learn and no torch here\n");
	if (python)
		pclose(python);
}

int main(void)
{
	double scalar[SHAPES];
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(sched_getcpu(), &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);

	scalar[0] = bench(shapes[0], (const u32[]){ 12, 64, 64, 2 }, 3);
	scalar[1] = bench(shapes[1], (const u32[]){ 31, 256, 2 }, 2);
	scalar[2] = bench(shapes[2], (const u32[]){ 16, 32, 16, 4 }, 3);
	bench_python(scalar);
	return 0;
}
