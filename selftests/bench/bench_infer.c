// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instructions of an inference through the kfunc, next to a BPF program that
 * computes a model of the same shape itself. Meant for a virtual machine that
 * counts them: its TSC advances by one for each (VM_ACCEL=icount).
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <x86intrin.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/kernmlops.h>
#include "nl/client.h"
#include "user/forest_models.h"
#include "user/layer_models.h"
#include "infer.h"
#include "infer.skel.h"
#include "report.h"

#define RUNS		25
#define TURNS		64	/* few: a timer tick must not hit every run */
#define PART_SIZE	(32 * 1024)
#define TREE_DEPTH	10
#define TREE_NODES	((2 << TREE_DEPTH) - 1)

static struct infer_bpf *skel;
static struct client client;

static void die(const char *what)
{
	fprintf(stderr, "bench_infer: %s (%s) %s\n", what, strerror(errno),
		client.sentence);
	exit(1);
}

static uint64_t shortest(const struct bpf_program *program, uint32_t turns)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	uint64_t started, took, best = UINT64_MAX;
	int i;

	skel->bss->turns = turns;
	for (i = 0; i < RUNS; i++) {
		started = __rdtsc();
		if (bpf_prog_test_run_opts(bpf_program__fd(program), &opts))
			die(bpf_program__name(program));
		took = __rdtsc() - started;
		if (took < best)
			best = took;
	}
	if (skel->bss->failed)
		die(bpf_program__name(program));
	return best;
}

/* Per turn; the difference of two loops has no entry to the kernel in it. */
static double per_turn(const struct bpf_program *program)
{
	return (double)(shortest(program, 2 * TURNS) -
			shortest(program, TURNS)) / TURNS;
}

static double count(const struct bpf_program *program)
{
	return per_turn(program) - per_turn(skel->progs.nothing);
}

/* Whether the model has the path on this machine. */
static bool load(const void *file, uint32_t size, const char *path)
{
	uint32_t offset, length;

	for (offset = 0; offset < size; offset += length) {
		length = size - offset < PART_SIZE ? size - offset : PART_SIZE;
		client_begin(&client, KERNMLOPS_CMD_MODEL_LOAD, 0);
		nla_put_string(client.msg, KERNMLOPS_A_MODEL_NAME, INFER_MODEL);
		nla_put_u32(client.msg, KERNMLOPS_A_MODEL_SIZE, size);
		nla_put_u32(client.msg, KERNMLOPS_A_MODEL_OFFSET, offset);
		nla_put(client.msg, KERNMLOPS_A_MODEL_DATA, length,
			(const char *)file + offset);
		nla_put_string(client.msg, KERNMLOPS_A_MODEL_PATH, path);
		client_send(&client);
		if (client.err == -EOPNOTSUPP)
			return false;
		if (client.err)
			die("load");
	}
	return true;
}

/* Both paths next to the peer; the name of a path that is not there is not. */
static void bench(const char *name, const void *file, uint32_t size,
		  const struct bpf_program *infer, const char *what,
		  const struct bpf_program *peer)
{
	double counted = count(peer);
	char full[64];

	load(file, size, "scalar");
	snprintf(full, sizeof(full), "infer.%s.icount", name);
	report(full, "instructions", count(infer), what, counted);
	if (!load(file, size, "avx2"))
		return;
	snprintf(full, sizeof(full), "infer.%s.avx2.icount", name);
	report(full, "instructions", count(infer), what, counted);
}

static void bench_net(const char *name, const u32 *widths, u32 nr_layers,
		      const struct bpf_program *infer,
		      const struct bpf_program *peer)
{
	static s64 golden[KMLOPS_MODEL_INPUTS_MAX + 1 + KMLOPS_MODEL_SCORES_MAX];
	static struct net net;
	struct model_builder builder;
	void *file;
	u32 size, c;

	net_draw(&net, widths, nr_layers, 8);
	/* As those of trained models: no extreme scales. */
	for (c = 0; c < net.nr_channels; c++)
		net.channels[c] = (struct kmlops_model_channel){
			.bias = net_between(-1000, 1000),
			.multiplier = net_between(1 << 30, 0x7fffffff),
			.shift = 38,
		};
	net_add(&builder, &net, golden);
	file = model_build(&builder, &size);
	bench(name, file, size, infer, "the same shape as a BPF program, 8-bit",
	      peer);
	free(file);
	net_free(&net);
}

static void set_peer_node(u32 at, const struct kmlops_model_tree_node *node)
{
	bool leaf = node->input == KMLOPS_MODEL_TREE_LEAF;

	skel->bss->tree.threshold[at] = node->threshold;
	skel->bss->tree.child[at] = leaf ? 0 : node->child;
	skel->bss->tree.input[at] = leaf ? 0 : node->input;
	skel->bss->tree.leaf[at] = leaf ? node->child : 0;
}

static void bench_boosted(void)
{
	static const struct forest_shape shape = {
		KMLOPS_MODEL_KIND_BOOSTED, KMLOPS_MODEL_TASK_REGRESSION, 16, 1,
		PEER_TREES, 6, 100, false, 127, 16, THRESHOLD_S16
	};
	struct forest_model model;
	void *file;
	u32 size, i;

	forest_model_random(&model, &shape);
	for (i = 0; i < model.trees[0].nr_nodes; i++)
		set_peer_node(i, &model.nodes[i]);
	file = model_build(&model.builder, &size);
	bench("gbdt.100x6", file, size, skel->progs.infer_16_1,
	      "100 walks of an array of nodes as a BPF program",
	      skel->progs.peer_gbdt);
	free(file);
	forest_model_free(&model);
}

/* A complete tree, whose leaves are their numbers. */
static void bench_tree(void)
{
	static struct kmlops_model_tree_node nodes[TREE_NODES];
	static struct kmlops_model_input inputs[16];
	static s64 leaves[TREE_NODES / 2 + 1][2], golden[18];
	struct model_builder builder = {};
	u32 inner = TREE_NODES / 2, size, i;
	void *file;

	for (i = 0; i < 16; i++)
		snprintf(inputs[i].name, sizeof(inputs[i].name), "input%u", i);
	for (i = 0; i < TREE_NODES; i++) {
		nodes[i].input = i < inner ? random_below(16) :
				 KMLOPS_MODEL_TREE_LEAF;
		nodes[i].threshold = i < inner ? (s16)random64() : 0;
		nodes[i].child = i < inner ? 2 * i + 1 : i - inner;
		if (i >= inner)
			leaves[i - inner][0] = i - inner;
		set_peer_node(i, &nodes[i]);
	}
	for (i = 0; i <= inner; i++)
		leaves[i][1] = leaves[i][0];
	/* Of inputs that are zero. */
	golden[16] = oracle_leaf(nodes, golden);
	golden[17] = golden[16];

	builder.header.kind = KMLOPS_MODEL_KIND_TREE;
	builder.header.task = KMLOPS_MODEL_TASK_REGRESSION;
	builder.header.nr_inputs = 16;
	builder.header.nr_scores = 1;
	builder.header.max_work = TREE_DEPTH;
	model_add(&builder, KMLOPS_MODEL_SECTION_INPUTS, inputs, sizeof(inputs),
		  16);
	model_add(&builder, KMLOPS_MODEL_SECTION_TREE_NODES, nodes,
		  sizeof(nodes), TREE_NODES);
	model_add(&builder, KMLOPS_MODEL_SECTION_TREE_LEAVES, leaves,
		  sizeof(leaves), TREE_NODES / 2 + 1);
	model_add(&builder, KMLOPS_MODEL_SECTION_GOLDEN, golden, sizeof(golden),
		  1);
	file = model_build(&builder, &size);
	bench("tree.10", file, size, skel->progs.infer_16_1,
	      "a walk of an array of nodes as a BPF program",
	      skel->progs.peer_tree);
	free(file);
}

int main(void)
{
	u32 i, k;

	skel = infer_bpf__open_and_load();
	if (!skel)
		die("the programs do not load");
	if (client_open(&client))
		die("no netlink family");
	for (i = 0; i < INFER_VECTORS; i++)
		for (k = 0; k < INFER_INPUTS; k++)
			skel->bss->inputs[i][k] = (s16)random64();
	for (i = 0; i < sizeof(skel->bss->net.weights); i++)
		skel->bss->net.weights[i] = random64();
	skel->bss->net.multiplier = 1 << 30;

	bench_net("mlp.12-64-64-2", (const u32[]){ 12, 64, 64, 2 }, 3,
		  skel->progs.infer_12_2, skel->progs.peer_12_64_64_2);
	bench_net("mlp.31-256-2", (const u32[]){ 31, 256, 2 }, 2,
		  skel->progs.infer_31_2, skel->progs.peer_31_256_2);
	bench_net("mlp.16-32-16-4", (const u32[]){ 16, 32, 16, 4 }, 3,
		  skel->progs.infer_16_4, skel->progs.peer_16_32_16_4);
	bench_boosted();
	bench_tree();

	client_named(&client, KERNMLOPS_CMD_MODEL_REMOVE,
		     KERNMLOPS_A_MODEL_NAME, INFER_MODEL);
	client_close(&client);
	infer_bpf__destroy(skel);
	return 0;
}
