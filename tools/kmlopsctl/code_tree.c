// SPDX-License-Identifier: GPL-2.0-only
/* Trees and sums of trees as C. */
#include <inttypes.h>
#include "code.h"
#include "kmlopsctl.h"

const char *const code_style_names[] = {
	[CODE_BRANCHES] = "branches",
	[CODE_TABLES] = "tables",
	[CODE_STYLES] = NULL
};

const char *code_type(int64_t low, int64_t high)
{
	if (low >= INT8_MIN && high <= INT8_MAX)
		return "s8";
	if (low >= INT16_MIN && high <= INT16_MAX)
		return "s16";
	if (low >= INT32_MIN && high <= INT32_MAX)
		return "s32";
	return "s64";
}

const char *code_number(char buf[40], int64_t number)
{
	if (number == INT64_MIN)
		snprintf(buf, 40, "-9223372036854775807LL - 1");
	else if (number < INT32_MIN || number > INT32_MAX)
		snprintf(buf, 40, "%" PRId64 "LL", number);
	else
		snprintf(buf, 40, "%" PRId64, number);
	return buf;
}

/* The trees of the model: one, or those of the section of trees. */
struct trees {
	const struct kmlops_model_tree_node *nodes;
	const int64_t *leaves;
	const struct kmlops_model_tree *trees;	/* NULL: one tree */
	uint32_t nr_trees;
	uint32_t words;		/* of a leaf */
	uint32_t nr_leaves;
};

static struct trees trees_of(const struct kmlops_model_file *model)
{
	const struct kmlops_section *sections = model->sections;

	return (struct trees){
		.nodes = sections[KMLOPS_MODEL_SECTION_TREE_NODES].data,
		.leaves = sections[KMLOPS_MODEL_SECTION_TREE_LEAVES].data,
		.nr_leaves = sections[KMLOPS_MODEL_SECTION_TREE_LEAVES].count,
		.trees = sections[KMLOPS_MODEL_SECTION_TREES].data,
		.nr_trees = sections[KMLOPS_MODEL_SECTION_TREES].data ?
			    sections[KMLOPS_MODEL_SECTION_TREES].count : 1,
		.words = kmlops_model_leaf_words(model),
	};
}

static bool is_leaf(const struct kmlops_model_tree_node *node)
{
	return le16_to_cpu(node->input) == KMLOPS_MODEL_TREE_LEAF;
}

/* Leaves of a sum that hold one word are written where they are reached. */
static void print_leaves(FILE *out, const struct trees *trees)
{
	int64_t low = INT64_MAX, high = INT64_MIN;
	char buf[40];
	uint64_t i;

	for (i = 0; i < (uint64_t)trees->nr_leaves * trees->words; i++) {
		int64_t leaf = le64_to_cpu(trees->leaves[i]);

		low = leaf < low ? leaf : low;
		high = leaf > high ? leaf : high;
	}
	fprintf(out, "static const %s leaves[][%u] = {\n", code_type(low, high),
		trees->words);
	for (i = 0; i < (uint64_t)trees->nr_leaves * trees->words; i++)
		fprintf(out, "%s%s%s", i % trees->words ? ", " : "\t{ ",
			code_number(buf, le64_to_cpu(trees->leaves[i])),
			i % trees->words == trees->words - 1 ? " },\n" : "");
	fprintf(out, "};\n\n");
}

static void indent(FILE *out, unsigned int depth)
{
	while (depth--)
		fputc('\t', out);
}

static void print_branches(FILE *out, const struct trees *trees,
			   const struct kmlops_model_tree_node *nodes,
			   uint32_t at, unsigned int depth)
{
	uint32_t child = le32_to_cpu(nodes[at].child);
	char buf[40];

	if (is_leaf(&nodes[at])) {
		indent(out, depth);
		if (trees->words > 1)
			fprintf(out, "return %u;\n", child);
		else
			fprintf(out, "return %s;\n",
				code_number(buf, le64_to_cpu(trees->leaves[child])));
		return;
	}
	indent(out, depth);
	fprintf(out, "if (in[%u] <= %s) {\n", le16_to_cpu(nodes[at].input),
		code_number(buf, le64_to_cpu(nodes[at].threshold)));
	print_branches(out, trees, nodes, child, depth + 1);
	indent(out, depth);
	fprintf(out, "}\n");
	/* No else, which would only nest what may be deep. */
	print_branches(out, trees, nodes, child + 1, depth);
}

static void print_branchy_trees(FILE *out, const struct trees *trees)
{
	const struct kmlops_model_tree_node *nodes = trees->nodes;
	uint32_t i;

	for (i = 0; i < trees->nr_trees; i++) {
		fprintf(out, "static %s tree_%u(const s64 *in)\n{\n",
			trees->words > 1 ? "u32" : "s64", i);
		print_branches(out, trees, nodes, 0, 1);
		fprintf(out, "}\n\n");
		if (trees->trees)
			nodes += le32_to_cpu(trees->trees[i].nr_nodes);
	}
}

/* Base, then what each tree adds. */
static void print_sum_begin(FILE *out, const struct kmlops_model_file *model)
{
	const int64_t *base = model->sections[KMLOPS_MODEL_SECTION_BASE].data;
	char buf[40];
	uint32_t k;

	fprintf(out, "static void infer(const s64 *in, s64 *scores)\n{\n");
	for (k = 0; k < model->nr_scores; k++)
		fprintf(out, "\ts64 score_%u = %s;\n", k,
			code_number(buf, le64_to_cpu(base[k])));
}

static void print_sum_end(FILE *out, const struct kmlops_model_file *model)
{
	uint32_t k;

	fputc('\n', out);
	for (k = 0; k < model->nr_scores; k++)
		fprintf(out, "\tscores[%u] = score_%u;\n", k, k);
	fprintf(out, "}\n");
}

static void code_branches(FILE *out, const struct kmlops_model_file *model,
			  const struct trees *trees)
{
	uint32_t i, k;

	print_branchy_trees(out, trees);
	if (!trees->trees) {
		fprintf(out,
			"static void infer(const s64 *in, s64 *scores)\n{\n"
			"\tu32 leaf = tree_0(in);\n\tu32 k;\n\n"
			"\tfor (k = 0; k < %u; k++)\n"
			"\t\tscores[k] = leaves[leaf][k];\n}\n", trees->words);
		return;
	}
	print_sum_begin(out, model);
	if (trees->words > 1)
		fprintf(out, "\tu32 leaf;\n");
	fputc('\n', out);
	for (i = 0; i < trees->nr_trees; i++) {
		if (trees->words == 1) {
			fprintf(out, "\tscore_%u += tree_%u(in);\n",
				le32_to_cpu(trees->trees[i].score), i);
			continue;
		}
		fprintf(out, "\tleaf = tree_%u(in);\n", i);
		for (k = 0; k < trees->words; k++)
			fprintf(out, "\tscore_%u += leaves[leaf][%u];\n", k, k);
	}
	print_sum_end(out, model);
}

/* Comparisons from the root of a tree to its deepest leaf. */
static uint32_t depth_of(const struct kmlops_model_tree_node *nodes,
			 uint32_t nr_nodes)
{
	uint32_t level_end = 1, next = 1, depth = 0, i;

	/* Breadth-first: all of one level is followed by all of the next. */
	for (i = 0; i < nr_nodes; i++) {
		if (i == level_end) {
			depth++;
			level_end = next;
		}
		if (!is_leaf(&nodes[i]))
			next += 2;
	}
	return depth;
}

/*
 * One table for all trees. A leaf is its own left child, and no input is
 * greater than its threshold: a walk of as many steps as the tree is deep ends
 * in it whatever the length of the branch.
 */
static void code_tables(FILE *out, const struct kmlops_model_file *model,
			const struct trees *trees)
{
	const struct kmlops_section *section =
		&model->sections[KMLOPS_MODEL_SECTION_TREE_NODES];
	uint32_t *depths = xalloc(trees->nr_trees * sizeof(*depths));
	uint32_t *starts = xalloc(trees->nr_trees * sizeof(*starts));
	int64_t low = INT64_MAX, high = INT64_MIN;
	uint32_t t, i, at = 0, nr;
	const char *child_type;
	char buf[40];

	for (i = 0; i < section->count; i++) {
		int64_t threshold = le64_to_cpu(trees->nodes[i].threshold);

		if (is_leaf(&trees->nodes[i]))
			continue;
		low = threshold < low ? threshold : low;
		high = threshold > high ? threshold : high;
	}
	child_type = section->count <= UINT16_MAX ? "u16" : "u32";

	fprintf(out,
		"/* A leaf is its own child; its threshold does not count. */\n"
		"static const struct {\n\t%s threshold;\n\t%s child;\n\tu16 input;\n"
		"\tu16 inner;\n} nodes[] = {\n",
		low > high ? "s8" : code_type(low, high), child_type);
	for (t = 0; t < trees->nr_trees; t++) {
		nr = trees->trees ? le32_to_cpu(trees->trees[t].nr_nodes) :
				    section->count;
		starts[t] = at;
		depths[t] = depth_of(&trees->nodes[at], nr);
		for (i = at; i < at + nr; i++) {
			const struct kmlops_model_tree_node *node =
				&trees->nodes[i];

			if (is_leaf(node))
				fprintf(out, "\t{ 0, %u, 0, 0 },\n", i);
			else
				fprintf(out, "\t{ %s, %u, %u, 1 },\n",
					code_number(buf, le64_to_cpu(node->threshold)),
					at + le32_to_cpu(node->child),
					le16_to_cpu(node->input));
		}
		at += nr;
	}
	fprintf(out, "};\n\n/* The leaf that a node is. */\nstatic const u32 leaf_of[] = {\n");
	for (i = 0; i < section->count; i++)
		fprintf(out, "\t%u,\n", is_leaf(&trees->nodes[i]) ?
			le32_to_cpu(trees->nodes[i].child) : 0);
	fprintf(out,
		"};\n\n"
		"#define STEP(at) \\\n"
		"\t(nodes[at].child + ((in[nodes[at].input] > nodes[at].threshold) & \\\n"
		"\t\t\t    nodes[at].inner))\n\n");

	if (!trees->trees) {
		fprintf(out,
			"static void infer(const s64 *in, s64 *scores)\n{\n"
			"\tu32 at = 0, k;\n\n"
			"\tfor (k = 0; k < %u; k++)\n\t\tat = STEP(at);\n"
			"\tfor (k = 0; k < %u; k++)\n"
			"\t\tscores[k] = leaves[leaf_of[at]][k];\n}\n",
			depths[0], trees->words);
		goto out;
	}

	/* Four walks at a time hide how long each step waits for the last. */
	print_sum_begin(out, model);
	fprintf(out, "\tu32 a, b, c, d, i;\n");
	for (t = 0; t < trees->nr_trees; t += 4) {
		uint32_t depth = 0, n = trees->nr_trees - t, j, k;

		n = n < 4 ? n : 4;
		fputc('\n', out);
		for (j = 0; j < n; j++) {
			fprintf(out, "\t%c = %u;\n", 'a' + j, starts[t + j]);
			depth = depths[t + j] > depth ? depths[t + j] : depth;
		}
		fprintf(out, "\tfor (i = 0; i < %u; i++) {\n", depth);
		for (j = 0; j < n; j++)
			fprintf(out, "\t\t%c = STEP(%c);\n", 'a' + j, 'a' + j);
		fprintf(out, "\t}\n");
		for (j = 0; j < n; j++)
			for (k = 0; k < trees->words; k++)
				fprintf(out,
					"\tscore_%u += leaves[leaf_of[%c]][%u];\n",
					trees->words > 1 ? k :
					le32_to_cpu(trees->trees[t + j].score),
					'a' + j, k);
	}
	print_sum_end(out, model);
out:
	free(starts);
	free(depths);
}

void code_trees(FILE *out, const struct kmlops_model_file *model,
		enum code_style style)
{
	struct trees trees = trees_of(model);

	if (style == CODE_TABLES || trees.words > 1)
		print_leaves(out, &trees);
	if (style == CODE_TABLES)
		code_tables(out, model, &trees);
	else
		code_branches(out, model, &trees);
}
