// SPDX-License-Identifier: GPL-2.0-only
/*
 * float_layers WIDTH...: nanoseconds of an inference of such an MLP in single
 * precision, compiled for this machine with all that the compiler can do
 * (-O3 -march=native -ffast-math): what integers are held against.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "bench/report.h"

#define ROUNDS		64
#define WIDTH_MAX	512
#define LAYERS_MAX	32

static float buffers[2][WIDTH_MAX] __attribute__((aligned(64)));

/* Weights with the outputs of an input side by side: vectors of outputs. */
static void layer(const float *restrict in, int nr_inputs, float *restrict out,
		  int nr_outputs, const float *restrict weights)
{
	int i, j;

	for (j = 0; j < nr_outputs; j++)
		out[j] = 0.1f;
	for (i = 0; i < nr_inputs; i++)
		for (j = 0; j < nr_outputs; j++)
			out[j] += in[i] * weights[i * nr_outputs + j];
	for (j = 0; j < nr_outputs; j++)
		out[j] = out[j] > 0 ? out[j] : 0;
}

static uint64_t now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

int main(int argc, char **argv)
{
	int nr = argc - 2, widths[LAYERS_MAX + 1], l, i, round, turn, turns;
	float *weights[LAYERS_MAX];
	double took[ROUNDS];
	size_t work = 0;

	if (nr < 1 || nr > LAYERS_MAX) {
		fprintf(stderr, "usage: float_layers WIDTH WIDTH...\n");
		return 2;
	}
	for (l = 0; l <= nr; l++) {
		widths[l] = atoi(argv[l + 1]);
		if (widths[l] < 1 || widths[l] > WIDTH_MAX)
			return 2;
	}
	for (l = 0; l < nr; l++) {
		size_t size = (size_t)widths[l] * widths[l + 1];

		work += size;
		weights[l] = calloc(size, sizeof(float));
		if (!weights[l])
			return 1;
		for (i = 0; i < (int)size; i++)
			weights[l][i] = (rand() % 200 - 100) / 1000.0f;
	}
	for (i = 0; i < widths[0]; i++)
		buffers[0][i] = rand() % 100 / 100.0f;

	turns = 1 + 200000 / (work / 4 + 100);
	for (round = 0; round < ROUNDS; round++) {
		uint64_t start = now();

		for (turn = 0; turn < turns; turn++) {
			for (l = 0; l < nr; l++)
				layer(buffers[l % 2], widths[l],
				      buffers[!(l % 2)], widths[l + 1],
				      weights[l]);
			asm volatile("" : : "r"(buffers) : "memory");
			buffers[0][0] = turn * 0.001f;
		}
		took[round] = (double)(now() - start) / turns;
	}
	printf("%.6g\n", median(took, ROUNDS));
	return 0;
}
