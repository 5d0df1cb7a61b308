// SPDX-License-Identifier: GPL-2.0-only
/*
 * seeds DIR: write the files that selftests/fuzz keeps, anew:
 *
 *   DIR/corpus     small models of every kind, where fuzzing begins
 *   DIR/malformed  models that each have one fault, and the file "expected",
 *                  which says what they are refused with
 *
 * Both come out the same each time. A change of the format needs new ones.
 */
#include <errno.h>
#include <sys/stat.h>
#include "../user/forest_models.h"
#include "../user/layer_models.h"
#include "engine.h"

static const char *directory;
static FILE *expected;

static void write_file(const char *where, const char *name, const void *file,
		       u32 size)
{
	char path[512];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s/%s.kmml", directory, where, name);
	out = fopen(path, "w");
	if (!out || fwrite(file, size, 1, out) != 1 || fclose(out)) {
		perror(path);
		exit(1);
	}
}

/* ---- good models */

static struct sample_tree tree;
static struct net net;
static struct forest_model forest;
static s64 golden[KMLOPS_MODEL_INPUTS_MAX + 1 + KMLOPS_MODEL_SCORES_MAX];
static struct model_builder builder;

static void begin_tree(void)
{
	sample_tree_init(&tree);
	sample_tree_add(&builder, &tree);
}

static void begin_net(u32 seed, const u32 *widths, u32 nr_layers, u32 bits)
{
	net_random_state = seed;
	net_free(&net);
	net_draw(&net, widths, nr_layers, bits);
	net_add(&builder, &net, golden);
}

static void begin_forest(u32 seed, const struct forest_shape *shape)
{
	random_state = seed;
	forest_model_free(&forest);
	forest_model_random(&forest, shape);
	builder = forest.builder;
}

static void write_good(const char *name)
{
	struct kmlops_refusal refusal;
	struct kmlops_engine *engine;
	void *file;
	u32 size;
	int err;

	file = model_build(&builder, &size);
	engine = kmlops_engine_create(file, size, &err, &refusal);
	if (!engine) {
		fprintf(stderr, "%s: %s\n", name, refusal.text);
		exit(1);
	}
	kmlops_engine_destroy(engine);
	write_file("corpus", name, file, size);
	free(file);
}

static void write_corpus(void)
{
	static const struct forest_shape shapes[] = {
		{ KMLOPS_MODEL_KIND_FOREST, KMLOPS_MODEL_TASK_CLASSIFY, 3, 2, 4,
		  3, 90, false, 15, 16, THRESHOLD_S16 },
		{ KMLOPS_MODEL_KIND_FOREST, KMLOPS_MODEL_TASK_REGRESSION, 2, 1,
		  3, 6, 60, true, 15, 60, THRESHOLD_S64 },
		{ KMLOPS_MODEL_KIND_BOOSTED, KMLOPS_MODEL_TASK_BINARY, 2, 1, 8,
		  2, 100, false, 7, 24, THRESHOLD_S32 },
		{ KMLOPS_MODEL_KIND_BOOSTED, KMLOPS_MODEL_TASK_CLASSIFY, 2, 3,
		  9, 2, 80, false, 7, 40, THRESHOLD_EDGE },
		{ KMLOPS_MODEL_KIND_BOOSTED, KMLOPS_MODEL_TASK_REGRESSION, 4, 1,
		  5, 3, 70, false, 15, 16, THRESHOLD_S16_EDGE },
	};
	static const u32 widths[][5] = {
		{ 1, 1 }, { 3, 2 }, { 2, 3, 2 }, { 4, 8, 1 }, { 5, 4, 4, 3 },
		{ 2, 2, 2, 2, 2 },
	};
	char name[64];
	u32 i, layers;

	begin_tree();
	write_good("tree");
	for (i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
		begin_forest(i + 1, &shapes[i]);
		snprintf(name, sizeof(name), "%s-%u",
			 shapes[i].kind == KMLOPS_MODEL_KIND_FOREST ?
			 "forest" : "boosted", i);
		write_good(name);
	}
	/* A probability instead of the score. */
	begin_forest(7, &shapes[2]);
	builder.header.link = KMLOPS_MODEL_LINK_SIGMOID;
	for (i = 0; i < builder.nr_sections; i++)
		if (builder.sections[i].type == KMLOPS_MODEL_SECTION_TREE_LEAVES)
			memset(forest.leaves, 0, builder.sections[i].size);
	forest.base[0] = 0;
	for (i = 0; i < 2; i++) {
		forest.golden[i * 4 + 2] = 0;
		forest.golden[i * 4 + 3] = 32768;
	}
	write_good("boosted-sigmoid");
	for (i = 0; i < sizeof(widths) / sizeof(*widths) * 2; i++) {
		for (layers = 1; layers < 4 && widths[i / 2][layers + 1];)
			layers++;
		begin_net(i + 1, widths[i / 2], layers, i % 2 ? 16 : 8);
		snprintf(name, sizeof(name), "layers-%u", i);
		write_good(name);
	}
}

/* ---- bad models */

/* Writes what is in the builder, with the checksum right or wrong. */
static void write_bad(const char *name, bool sealed, u32 cut)
{
	struct kmlops_refusal refusal = { "" };
	struct kmlops_engine *engine;
	void *file;
	u32 size;
	int err;

	file = model_build(&builder, &size);
	if (!sealed)
		((u8 *)file)[size - 1] ^= 1;
	size -= cut;
	engine = kmlops_engine_create(file, size, &err, &refusal);
	if (engine) {
		fprintf(stderr, "%s is no bad model\n", name);
		exit(1);
	}
	write_file("malformed", name, file, size);
	fprintf(expected, "%s\t%d\t%s\n", name, -err, refusal.text);
	free(file);
}

/* Spoils one part of a good model, which a macro begins anew each time. */
#define BAD(begin, name, change) do {			\
	begin;						\
	change;						\
	write_bad(name, true, 0);			\
} while (0)

static struct kmlops_model_section *section(u32 type)
{
	u32 i;

	for (i = 0; i < builder.nr_sections; i++)
		if (builder.sections[i].type == type)
			return &builder.sections[i];
	abort();
}

static void drop(u32 type)
{
	section(type)->size = 0;
	section(type)->count = 0;
}

static void write_bad_headers(void)
{
	begin_tree();
	write_bad("crc", false, 0);
	write_bad("cut", true, 1);
	BAD(begin_tree(), "kind", builder.header.kind = 6);
	BAD(begin_tree(), "task", builder.header.task = 4);
	BAD(begin_tree(), "tree-binary",
	    builder.header.task = KMLOPS_MODEL_TASK_BINARY);
	BAD(begin_tree(), "no-inputs", builder.header.nr_inputs = 0);
	BAD(begin_tree(), "many-inputs", builder.header.nr_inputs = 513);
	BAD(begin_tree(), "one-class", builder.header.nr_scores = 1);
	BAD(begin_tree(), "many-classes", builder.header.nr_scores = 129);
	BAD(begin_tree(), "fraction", builder.header.fraction_bits = 63);
	BAD(begin_tree(), "link", builder.header.link = 1);
	BAD(begin_tree(), "header-reserved", builder.header.reserved = 1);
	BAD(begin_tree(), "work", builder.header.max_work = 1);
}

static void write_bad_sections(void)
{
	BAD(begin_tree(), "section-type", builder.sections[4].type = 11);
	BAD(begin_tree(), "section-of-layers",
	    builder.sections[4].type = KMLOPS_MODEL_SECTION_LAYERS);
	BAD(begin_tree(), "section-twice",
	    builder.sections[4].type = KMLOPS_MODEL_SECTION_GOLDEN);
	BAD(begin_tree(), "section-count",
	    section(KMLOPS_MODEL_SECTION_TREE_NODES)->count = 4);
	BAD(begin_tree(), "section-missing",
	    drop(KMLOPS_MODEL_SECTION_TREE_LEAVES));
	BAD(begin_tree(), "no-golden", drop(KMLOPS_MODEL_SECTION_GOLDEN));
	BAD(begin_tree(), "input-twice", strcpy(tree.inputs[1].name, "x"));
	BAD(begin_tree(), "input-unnamed", tree.inputs[0].name[0] = 0);
	BAD(begin_tree(), "input-unended", memset(tree.inputs[1].name, 'y', 32));
	BAD(begin_tree(), "input-range", tree.inputs[0].min = 101);
	BAD(begin_tree(), "tree-normalizer", tree.inputs[0].norm = 1);
	BAD(begin_tree(), "tree-factors", tree.inputs[1].multiplier = 1);
	BAD(begin_tree(), "golden", tree.golden[1][3]++);
}

static void write_bad_trees(void)
{
	BAD(begin_tree(), "tree-input", tree.nodes[0].input = 2);
	BAD(begin_tree(), "tree-child", tree.nodes[0].child = 2);
	BAD(begin_tree(), "tree-cycle", tree.nodes[2].child = 1);
	BAD(begin_tree(), "tree-beyond",
	    tree.nodes[4] = (struct kmlops_model_tree_node){ .child = 5 });
	BAD(begin_tree(), "tree-leaf", tree.nodes[3].child = 3);
	BAD(begin_tree(), "tree-orphan", tree.nodes[2] = tree.nodes[1]);
	BAD(begin_tree(), "tree-reserved", tree.nodes[1].reserved = 1);
	BAD(begin_tree(), "tree-answer", tree.leaves[2][0] = 2);
}

static void write_bad_forests(void)
{
	static const struct forest_shape of_classes = {
		KMLOPS_MODEL_KIND_FOREST, KMLOPS_MODEL_TASK_CLASSIFY, 3, 2, 4,
		2, 100, false, 7, 16, THRESHOLD_S16
	};
	static const struct forest_shape boosted = {
		KMLOPS_MODEL_KIND_BOOSTED, KMLOPS_MODEL_TASK_CLASSIFY, 2, 3, 3,
		2, 100, false, 7, 16, THRESHOLD_S16
	};

	BAD(begin_forest(1, &of_classes), "forest-nodes",
	    forest.trees[3].nr_nodes++);
	BAD(begin_forest(1, &of_classes), "forest-fewer-nodes",
	    forest.trees[3].nr_nodes -= 2);
	BAD(begin_forest(1, &of_classes), "forest-empty-tree",
	    forest.trees[0].nr_nodes = 0);
	BAD(begin_forest(1, &of_classes), "forest-score",
	    forest.trees[0].score = 1);
	BAD(begin_forest(1, &of_classes), "forest-leaf",
	    forest.nodes[forest.nr_nodes - 1].child = forest.nr_leaves);
	BAD(begin_forest(1, &of_classes), "forest-input",
	    forest.nodes[0].input = 3);
	BAD(begin_forest(1, &of_classes), "forest-overflow",
	    forest.base[1] = S64_MAX);
	BAD(begin_forest(1, &of_classes), "forest-base",
	    section(KMLOPS_MODEL_SECTION_BASE)->size = 8;
	    section(KMLOPS_MODEL_SECTION_BASE)->count = 1);
	BAD(begin_forest(1, &of_classes), "forest-no-base",
	    drop(KMLOPS_MODEL_SECTION_BASE));
	BAD(begin_forest(1, &of_classes), "forest-work",
	    builder.header.max_work--);
	BAD(begin_forest(2, &boosted), "boosted-score",
	    forest.trees[2].score = 3);
	BAD(begin_forest(2, &boosted), "boosted-underflow",
	    forest.base[0] = S64_MIN;
	    forest.base[1] = S64_MIN;
	    forest.base[2] = S64_MIN);
	BAD(begin_forest(2, &boosted), "boosted-golden", forest.golden[2] ^= 1);
}

static void write_bad_layers(void)
{
	static const u32 widths[] = { 3, 4, 2 };

#define BAD_LAYERS(name, change) BAD(begin_net(5, widths, 2, 8), name, change)
	BAD_LAYERS("layers-inputs", net.layers[0].nr_inputs = 2);
	BAD_LAYERS("layers-joint", net.layers[1].nr_inputs = 3);
	BAD_LAYERS("layers-outputs", net.layers[1].nr_outputs = 1);
	BAD_LAYERS("layers-none", net.layers[0].nr_outputs = 0);
	BAD_LAYERS("layers-wide", net.layers[0].nr_outputs = 513);
	BAD_LAYERS("layers-bits", net.layers[0].input_bits = 7);
	BAD_LAYERS("layers-joint-bits", net.layers[1].input_bits = 16);
	BAD_LAYERS("layers-last-bits", net.layers[1].output_bits = 16);
	BAD_LAYERS("layers-activation", net.layers[0].activation = 3);
	BAD_LAYERS("layers-last-activation", net.layers[1].activation = 1);
	BAD_LAYERS("layers-last-zero", net.layers[1].zero_point = 1);
	BAD_LAYERS("layers-clamp", net.layers[0].min = 5; net.layers[0].max = 4);
	BAD_LAYERS("layers-clamp-type",
		   net.layers[0].activation = 0; net.layers[0].max = 128);
	BAD_LAYERS("layers-reserved", net.layers[0].reserved = 1);
	BAD_LAYERS("layers-reserved2", net.layers[1].reserved2 = 1);
	BAD_LAYERS("layers-multiplier", net.channels[2].multiplier = 1);
	BAD_LAYERS("layers-multiplier-sign",
		   net.channels[2].multiplier = 0x80000000);
	BAD_LAYERS("layers-shift", net.channels[3].shift = 63);
	BAD_LAYERS("layers-no-shift", net.channels[4].shift = 0);
	BAD_LAYERS("layers-weight", net.weights[5] = -128);
	BAD_LAYERS("layers-overflow", net.channels[1].bias = 0x7fffffff;
		   memset(net.weights, 127, net.nr_weights));
	BAD_LAYERS("layers-underflow", net.channels[5].bias = 0x80000000;
		   memset(net.weights, -127, net.nr_weights));
	BAD_LAYERS("layers-channels", section(KMLOPS_MODEL_SECTION_CHANNELS)->count--;
		   section(KMLOPS_MODEL_SECTION_CHANNELS)->size -= 12);
	BAD_LAYERS("layers-weights", section(KMLOPS_MODEL_SECTION_WEIGHTS)->count--;
		   section(KMLOPS_MODEL_SECTION_WEIGHTS)->size--);
	BAD_LAYERS("layers-linear",
		   builder.header.kind = KMLOPS_MODEL_KIND_LINEAR);
	BAD_LAYERS("layers-no-normalizer", net.inputs[0].norm = 0;
		   net.inputs[0].shift = 0; net.inputs[0].offset = 0;
		   net.inputs[0].multiplier = 0);
	BAD_LAYERS("layers-normalizer", net.inputs[0].norm = 3);
	BAD_LAYERS("layers-input-shift", net.inputs[1].shift = 63);
	BAD_LAYERS("layers-input-type", net.inputs[2].norm = 1;
		   net.inputs[2].shift = 0; net.inputs[2].multiplier = 1;
		   net.inputs[2].offset = 0; net.inputs[2].min = 0;
		   net.inputs[2].max = 128);
	BAD_LAYERS("layers-input-overflow", net.inputs[2].norm = 1;
		   net.inputs[2].multiplier = S64_MAX; net.inputs[2].min = 0;
		   net.inputs[2].max = 128);
	BAD_LAYERS("layers-input-log", net.inputs[0].norm = 2;
		   net.inputs[0].min = -1; net.inputs[0].max = 5);
	BAD_LAYERS("layers-golden", golden[3] ^= 1);
#undef BAD_LAYERS
}

static void make_directory(const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	if (mkdir(path, 0777) && errno != EEXIST) {
		perror(path);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	char path[512];

	if (argc != 2) {
		fprintf(stderr, "usage: seeds DIR\n");
		return 2;
	}
	directory = argv[1];
	make_directory("corpus");
	make_directory("malformed");
	write_corpus();
	snprintf(path, sizeof(path), "%s/malformed/expected", directory);
	expected = fopen(path, "w");
	if (!expected) {
		perror(path);
		return 1;
	}
	write_bad_headers();
	write_bad_sections();
	write_bad_trees();
	write_bad_forests();
	write_bad_layers();
	fclose(expected);
	net_free(&net);
	forest_model_free(&forest);
	return 0;
}
