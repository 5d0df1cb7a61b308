// SPDX-License-Identifier: GPL-2.0-only
/*
 * The engine's copy of a sum of trees.
 *
 * Codes. A comparison x > T must come out as the comparison of the codes of x
 * and T. Let an input be compared with thresholds T_0 < T_1 < ... T_n-1.
 *
 * Window: if T_n-1 + 1 - T_0 fits in 16 bits, the code of v is
 * clamp(v, low, high) - low with low = T_0, high = T_n-1 + 1. Between low and
 * high codes keep the order. An x below low becomes low, which is above no
 * threshold, as x is not; an x beyond high becomes high, which is above all.
 * If T_n-1 is the greatest s64, high is that too: no x is above it, and none
 * has a greater code.
 *
 * Ranks: otherwise the code of T_i is i, and that of x is the number of
 * thresholds that are less than x. It is greater than i if and only if T_i is
 * less than x.
 *
 * Complete trees repeat a leaf for all positions that lie below it in the tree
 * as it was. They are taken if they need less memory than linked nodes: that
 * bounds what a deep or lopsided tree can cost.
 */
#include "forest.h"

/* Where a model has too many inputs or thresholds for codes of 16 bits. */
#define RANKS_MAX	65535

/* Positions are indexes of vector gathers, which are signed. */
#define NODE_BYTES_MAX	S32_MAX

/* What is known of an input of the model before its layout. */
struct column {
	s64 min;
	s64 max;
	u32 nr;		/* comparisons */
	u32 code;
};

struct builder {
	struct kmlops_forest *forest;
	const struct kmlops_model_file *model;
	const struct kmlops_model_tree *trees;
	const struct kmlops_model_tree_node *nodes;
	const __le64 *leaves;
	u32 nr_leaves;
	struct column columns[KMLOPS_MODEL_INPUTS_MAX];
	u32 *row;	/* nodes of a level of a complete tree */
};

static void find_columns(struct builder *builder)
{
	u32 i;

	for (i = 0; i < KMLOPS_MODEL_INPUTS_MAX; i++) {
		builder->columns[i].min = S64_MAX;
		builder->columns[i].max = S64_MIN;
	}
	for (i = 0; i < builder->forest->nr_nodes; i++) {
		u32 input = le16_to_cpu(builder->nodes[i].input);
		s64 threshold = le64_to_cpu(builder->nodes[i].threshold);
		struct column *column;

		if (input == KMLOPS_MODEL_TREE_LEAF)
			continue;
		column = &builder->columns[input];
		column->nr++;
		if (threshold < column->min)
			column->min = threshold;
		if (threshold > column->max)
			column->max = threshold;
	}
}

static s64 window_high(const struct column *column)
{
	return column->max == S64_MAX ? S64_MAX : column->max + 1;
}

static bool has_window(const struct column *column)
{
	return (u64)window_high(column) - (u64)column->min <= U16_MAX;
}

/*
 * Gives codes to the inputs that are compared, and tells how many thresholds
 * have ranks, or that codes do not do.
 */
static bool choose_codes(struct builder *builder, u32 *nr_ranked)
{
	u32 i;

	*nr_ranked = 0;
	for (i = 0; i < builder->model->nr_inputs; i++) {
		struct column *column = &builder->columns[i];

		if (!column->nr)
			continue;
		column->code = builder->forest->nr_inputs++;
		if (has_window(column))
			continue;
		if (column->nr > RANKS_MAX)
			return false;
		*nr_ranked += column->nr;
	}
	return builder->forest->nr_inputs <= KMLOPS_FOREST_CODES_MAX;
}

/* Bits that every word of the leaves fits in. */
static u32 find_leaf_bits(const struct builder *builder)
{
	u64 words = (u64)builder->nr_leaves * builder->forest->leaf_words, i;
	u32 bits = 16;

	for (i = 0; i < words; i++) {
		s64 word = le64_to_cpu(builder->leaves[i]);

		if (word != (s32)word)
			return 64;
		if (word != (s16)word)
			bits = 32;
	}
	return bits;
}

static u64 leaf_bytes(const struct kmlops_forest *forest, u64 nr)
{
	return nr * forest->leaf_words * (forest->leaf_bits / 8);
}

static int compare_s64(const void *a, const void *b)
{
	s64 x = *(const s64 *)a, y = *(const s64 *)b;

	return x < y ? -1 : x > y;
}

/* The rank of a threshold that is among them. */
static u32 rank_of(const s64 *thresholds, u32 nr, s64 threshold)
{
	u32 low = 0, high = nr;

	while (high - low > 1) {
		u32 middle = low + (high - low) / 2;

		if (thresholds[middle] <= threshold)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* How inputs become codes; sorts what has ranks. */
static void fill_inputs(struct builder *builder)
{
	struct kmlops_forest *forest = builder->forest;
	u32 i, j, first = 0, distinct;

	for (i = 0; i < builder->model->nr_inputs; i++) {
		struct column *column = &builder->columns[i];
		struct kmlops_forest_input *input;

		if (!column->nr)
			continue;
		input = &forest->inputs[column->code];
		input->input = i;
		input->low = column->min;
		input->high = window_high(column);
		if (has_window(column))
			continue;
		input->first = first;
		first += column->nr;
	}

	for (i = 0; i < forest->nr_nodes; i++) {
		u32 at = le16_to_cpu(builder->nodes[i].input);
		struct kmlops_forest_input *input;

		if (at == KMLOPS_MODEL_TREE_LEAF ||
		    has_window(&builder->columns[at]))
			continue;
		input = &forest->inputs[builder->columns[at].code];
		forest->thresholds[input->first + input->nr++] =
			le64_to_cpu(builder->nodes[i].threshold);
	}

	for (i = 0; i < forest->nr_inputs; i++) {
		struct kmlops_forest_input *input = &forest->inputs[i];
		s64 *thresholds = &forest->thresholds[input->first];

		if (!input->nr)
			continue;
		sort(thresholds, input->nr, sizeof(*thresholds), compare_s64,
		     NULL);
		for (j = 1, distinct = 1; j < input->nr; j++)
			if (thresholds[j] != thresholds[distinct - 1])
				thresholds[distinct++] = thresholds[j];
		input->nr = distinct;
		cond_resched();
	}
}

/* The code of the input that an inner node compares, and of its threshold. */
static u32 node_codes(const struct builder *builder,
		      const struct kmlops_model_tree_node *node, u16 *threshold)
{
	const struct kmlops_forest *forest = builder->forest;
	u32 code = builder->columns[le16_to_cpu(node->input)].code;
	const struct kmlops_forest_input *input = &forest->inputs[code];
	s64 value = le64_to_cpu(node->threshold);

	if (input->nr)
		*threshold = rank_of(&forest->thresholds[input->first],
				     input->nr, value);
	else
		*threshold = (u64)value - (u64)input->low;
	return code;
}

static void put_leaf(const struct builder *builder, u64 at, u32 leaf)
{
	struct kmlops_forest *forest = builder->forest;
	const __le64 *from = &builder->leaves[(u64)leaf * forest->leaf_words];
	u32 k;

	at *= forest->leaf_words;
	for (k = 0; k < forest->leaf_words; k++, at++) {
		s64 word = le64_to_cpu(from[k]);

		if (forest->leaf_bits == 16)
			((s16 *)forest->leaves)[at] = word;
		else if (forest->leaf_bits == 32)
			((s32 *)forest->leaves)[at] = word;
		else
			((s64 *)forest->leaves)[at] = word;
	}
}

static void put_leaves(const struct builder *builder)
{
	u32 i;

	for (i = 0; i < builder->nr_leaves; i++)
		put_leaf(builder, i, i);
}

/* No code is above this one. */
#define ALWAYS_LEFT	U16_MAX

static void put_packed(u8 *node, u32 code, u16 threshold)
{
	node[0] = code;
	memcpy(&node[1], &threshold, sizeof(threshold));
}

static void fill_complete_tree(struct builder *builder, u32 tree,
			       const struct kmlops_model_tree_node *wire)
{
	struct kmlops_forest *forest = builder->forest;
	u8 *level_nodes = forest->packed;
	u32 *row = builder->row;
	u32 level, i;
	u64 at;

	row[0] = 0;
	for (level = 0; level < forest->depth; level++) {
		/* Backwards: the row becomes that of the next level in place. */
		for (i = 1U << level; i-- > 0;) {
			const struct kmlops_model_tree_node *node = &wire[row[i]];
			u16 threshold = ALWAYS_LEFT;
			u32 code = 0;

			if (le16_to_cpu(node->input) == KMLOPS_MODEL_TREE_LEAF) {
				row[2 * i + 1] = row[i];
				row[2 * i] = row[i];
			} else {
				code = node_codes(builder, node, &threshold);
				row[2 * i + 1] = le32_to_cpu(node->child) + 1;
				row[2 * i] = le32_to_cpu(node->child);
			}
			at = ((u64)tree << level) + i;
			put_packed(&level_nodes[at * KMLOPS_PACKED_NODE], code,
				   threshold);
		}
		level_nodes += ((u64)forest->nr_trees << level) *
			       KMLOPS_PACKED_NODE;
	}
	for (i = 0; i < 1U << forest->depth; i++) {
		at = ((u64)tree << forest->depth) + i;
		if (forest->slots)
			forest->slots[at] = le32_to_cpu(wire[row[i]].child);
		else
			put_leaf(builder, at, le32_to_cpu(wire[row[i]].child));
	}
}

static void fill_linked_tree(struct builder *builder, u32 root,
			     const struct kmlops_model_tree_node *wire, u32 nr)
{
	struct kmlops_forest *forest = builder->forest;
	u32 i;

	for (i = 0; i < nr; i++) {
		struct kmlops_linked_node *node = &forest->linked[root + i];

		if (le16_to_cpu(wire[i].input) == KMLOPS_MODEL_TREE_LEAF) {
			node->threshold = ALWAYS_LEFT;
			node->child = root + i;
			forest->slots[root + i] = le32_to_cpu(wire[i].child);
		} else {
			node->input = node_codes(builder, &wire[i],
						 &node->threshold);
			node->child = root + le32_to_cpu(wire[i].child);
		}
	}
}

static int compare_depths(const void *a, const void *b)
{
	const struct kmlops_forest_tree *x = a, *y = b;

	if (x->depth != y->depth)
		return x->depth < y->depth ? -1 : 1;
	return x->root < y->root ? -1 : x->root > y->root;
}

static void fill_tree(struct builder *builder, u32 tree)
{
	struct kmlops_forest *forest = builder->forest;
	u32 root = forest->trees[tree].root;
	u32 nr = le32_to_cpu(builder->trees[tree].nr_nodes);

	switch (forest->layout) {
	case KMLOPS_FOREST_COMPLETE:
		fill_complete_tree(builder, tree, &builder->nodes[root]);
		break;
	case KMLOPS_FOREST_LINKED:
		fill_linked_tree(builder, root, &builder->nodes[root], nr);
		break;
	case KMLOPS_FOREST_PLAIN:
		kmlops_tree_nodes_decode(&builder->nodes[root], nr, 1,
					 forest->plain + root);
		break;
	}
}

/* Bytes of nodes, of slots and of leaves. */
struct sizes {
	u64 nodes;
	u64 slots;
	u64 leaves;
};

static u64 sum_of_sizes(const struct sizes *sizes)
{
	return sizes->nodes + sizes->slots + sizes->leaves;
}

static struct sizes complete_sizes(const struct builder *builder)
{
	const struct kmlops_forest *forest = builder->forest;
	u64 ends = (u64)forest->nr_trees << forest->depth;
	struct sizes sizes = {
		.nodes = (ends - forest->nr_trees) * KMLOPS_PACKED_NODE +
			 KMLOPS_PACKED_NODE_READ - KMLOPS_PACKED_NODE,
	};

	if (forest->leaf_words == 1) {
		sizes.leaves = leaf_bytes(forest, ends);
	} else {
		sizes.slots = ends * sizeof(*forest->slots);
		sizes.leaves = leaf_bytes(forest, builder->nr_leaves);
	}
	return sizes;
}

static struct sizes linked_sizes(const struct builder *builder)
{
	const struct kmlops_forest *forest = builder->forest;
	struct sizes sizes = {
		.nodes = (u64)forest->nr_nodes * sizeof(*forest->linked),
		.slots = (u64)forest->nr_nodes * sizeof(*forest->slots),
		.leaves = leaf_bytes(forest, builder->nr_leaves),
	};

	return sizes;
}

static struct sizes plain_sizes(const struct builder *builder)
{
	const struct kmlops_forest *forest = builder->forest;
	struct sizes sizes = {
		.nodes = (u64)forest->nr_nodes * sizeof(*forest->plain),
		.leaves = leaf_bytes(forest, builder->nr_leaves),
	};

	return sizes;
}

/* A tree so deep that it is complete has more nodes than a file. */
#define COMPLETE_DEPTH_MAX	28

static struct sizes choose_layout(struct builder *builder, u32 *nr_ranked)
{
	struct kmlops_forest *forest = builder->forest;
	struct sizes complete, linked = linked_sizes(builder);

	forest->layout = KMLOPS_FOREST_PLAIN;
	if (!choose_codes(builder, nr_ranked) ||
	    linked.nodes > NODE_BYTES_MAX) {
		forest->nr_inputs = 0;
		*nr_ranked = 0;
		return plain_sizes(builder);
	}
	forest->layout = KMLOPS_FOREST_LINKED;
	if (forest->depth > COMPLETE_DEPTH_MAX)
		return linked;
	complete = complete_sizes(builder);
	if (complete.nodes > NODE_BYTES_MAX ||
	    sum_of_sizes(&complete) > sum_of_sizes(&linked))
		return linked;
	forest->layout = KMLOPS_FOREST_COMPLETE;
	return complete;
}

/* The next @bytes of the memory; parts begin at multiples of 64. */
static void *take(void **memory, u64 bytes)
{
	void *part = *memory;

	*memory += round_up(bytes, 64);
	return part;
}

static void fill(struct builder *builder)
{
	struct kmlops_forest *forest = builder->forest;
	u32 i;

	if (forest->layout != KMLOPS_FOREST_PLAIN)
		fill_inputs(builder);
	/* Elsewhere than beside the leaves of complete trees. */
	if (forest->layout != KMLOPS_FOREST_COMPLETE || forest->slots)
		put_leaves(builder);
	for (i = 0; i < forest->nr_trees; i++) {
		fill_tree(builder, i);
		cond_resched();
	}
	/* Trees that are walked at once take as many steps as the deepest. */
	if (forest->layout == KMLOPS_FOREST_LINKED)
		sort(forest->trees, forest->nr_trees, sizeof(*forest->trees),
		     compare_depths, NULL);
}

/* Memory of what was chosen. */
static int allocate(struct builder *builder, const struct sizes *sizes,
		    u32 nr_ranked)
{
	struct kmlops_forest *forest = builder->forest;
	u64 inputs_size = forest->nr_inputs * sizeof(*forest->inputs);
	u64 thresholds_size = (u64)nr_ranked * sizeof(*forest->thresholds);
	u64 bytes = round_up(inputs_size, 64) + round_up(thresholds_size, 64) +
		    round_up(sizes->nodes, 64) + round_up(sizes->slots, 64) +
		    round_up(sizes->leaves, 64);
	void *memory;

	memory = kmlops_alloc(bytes, NUMA_NO_NODE);
	if (!memory)
		return -ENOMEM;
	forest->memory = memory;
	forest->bytes += bytes;
	forest->inputs = take(&memory, inputs_size);
	forest->thresholds = take(&memory, thresholds_size);
	forest->nodes = take(&memory, sizes->nodes);
	forest->slots = sizes->slots ? take(&memory, sizes->slots) : NULL;
	forest->leaves = memory;
	if (forest->layout == KMLOPS_FOREST_COMPLETE) {
		builder->row = kmlops_alloc(sizeof(*builder->row) <<
					    forest->depth, NUMA_NO_NODE);
		if (!builder->row)
			return -ENOMEM;
	}
	return 0;
}

/**
 * kmlops_forest_lay_out() - Make the engine's copy of nodes and leaves
 * @forest: has all of its first part and the trees
 * @model: the model file, proved
 *
 * Return: 0 or -ENOMEM. Either way @forest->memory is to be freed.
 */
int kmlops_forest_lay_out(struct kmlops_forest *forest,
			  const struct kmlops_model_file *model)
{
	const struct kmlops_section *sections = model->sections;
	struct builder *builder;
	struct sizes sizes;
	u32 nr_ranked;
	int err;

	builder = kmlops_alloc(sizeof(*builder), NUMA_NO_NODE);
	if (!builder)
		return -ENOMEM;
	builder->forest = forest;
	builder->model = model;
	builder->trees = sections[KMLOPS_MODEL_SECTION_TREES].data;
	builder->nodes = sections[KMLOPS_MODEL_SECTION_TREE_NODES].data;
	builder->leaves = sections[KMLOPS_MODEL_SECTION_TREE_LEAVES].data;
	builder->nr_leaves = sections[KMLOPS_MODEL_SECTION_TREE_LEAVES].count;

	find_columns(builder);
	forest->leaf_words = kmlops_model_leaf_words(model);
	forest->leaf_bits = find_leaf_bits(builder);
	sizes = choose_layout(builder, &nr_ranked);
	err = allocate(builder, &sizes, nr_ranked);
	if (!err)
		fill(builder);
	kmlops_free(builder->row);
	kmlops_free(builder);
	return err;
}
