// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes the trees that are measured as C with an if and an else for each node
 * and a function for each tree, as treelite and m2cgen do.
 */
#include <stdio.h>
#include "forests.h"

static void print_node(const struct forest_model *model,
		       const struct kmlops_model_tree_node *nodes, u32 at,
		       u32 indent)
{
	const struct kmlops_model_tree_node *node = &nodes[at];

	if (node->input == KMLOPS_MODEL_TREE_LEAF) {
		printf("%*sreturn %lld;\n", indent, "",
		       (long long)model->leaves[node->child]);
		return;
	}
	printf("%*sif (in[%u] <= %lld) {\n", indent, "", node->input,
	       (long long)node->threshold);
	print_node(model, nodes, node->child, indent + 1);
	printf("%*s} else {\n", indent, "");
	print_node(model, nodes, node->child + 1, indent + 1);
	printf("%*s}\n", indent, "");
}

static void print_model(const struct forest_model *model, const char *name)
{
	const struct kmlops_model_tree_node *nodes = model->nodes;
	u32 i;

	for (i = 0; i < model->shape.nr_trees; i++) {
		printf("static s64 %s_%u(const s64 *in)\n{\n", name, i);
		print_node(model, nodes, 0, 1);
		printf("}\n\n");
		nodes += model->trees[i].nr_nodes;
	}
	printf("s64 ifelse_%s(const s64 *in)\n{\n s64 sum = %lld;\n\n", name,
	       (long long)model->base[0]);
	for (i = 0; i < model->shape.nr_trees; i++)
		printf(" sum += %s_%u(in);\n", name, i);
	printf(" return sum;\n}\n\n");
}

int main(void)
{
	static const char *const names[BENCH_MODELS] = {
		[BENCH_GBDT] = "gbdt",
		[BENCH_GBDT_WIDE] = "gbdt_wide",
		[BENCH_TREE] = "tree",
	};
	struct forest_model model;
	enum bench_model which;

	printf("#include \"forests.h\"\n\n");
	for (which = 0; which < BENCH_MODELS; which++) {
		bench_model_make(&model, which);
		print_model(&model, names[which]);
		forest_model_free(&model);
	}
	return 0;
}
