// SPDX-License-Identifier: GPL-2.0-only
/*
 * Layers: each path that this machine has gives the bits of the oracle, and what
 * is seen lies within what was proved.
 */
#include "../mlp.h"
#include "layer_net.h"

static struct kmlops_mlp *accepted(struct kunit *test, struct layer_net *net)
{
	struct kmlops_refusal refusal = {};
	struct kmlops_model_file model;
	struct kmlops_mlp *mlp;
	int err;

	layer_net_build(test, net);
	KUNIT_ASSERT_EQ_MSG(test,
			    kmlops_model_file_parse(net->file, net->size,
						    &model, &refusal), 0,
			    "%s", refusal.text);
	mlp = kmlops_mlp_create(&model, &err, &refusal);
	KUNIT_ASSERT_NOT_NULL_MSG(test, mlp, "%s", refusal.text);
	KUNIT_EXPECT_EQ(test, mlp->paths, kmlops_cpu_paths());
	KUNIT_EXPECT_EQ(test, mlp->work, net->net.nr_weights);
	/* Nothing of the file is kept. */
	memset(net->file, 0xff, net->size);
	return mlp;
}

static void compare(struct kunit *test, const struct kmlops_mlp *mlp,
		    struct layer_net *net, struct net_seen *seen)
{
	u32 nr_scores = net->net.layers[net->net.nr_layers - 1].nr_outputs;
	u32 path;

	net_oracle(&net->net, net->in, net->expected, seen);
	for (path = 0; path < KMLOPS_PATHS; path++) {
		if (!(mlp->paths & KMLOPS_PATH_BIT(path)))
			continue;
		memset(net->got, 0xa5, sizeof(net->got));
		kmlops_mlp_infer(mlp, path, net->in, net->got);
		KUNIT_EXPECT_MEMEQ_MSG(test, net->got, net->expected,
				       8 * nr_scores, "path %s",
				       kmlops_path_name(path));
	}
}

static void check_proof(struct kunit *test, const struct kmlops_mlp *mlp,
			const struct net_seen *seen)
{
	u32 i;

	for (i = 0; i < mlp->nr_layers; i++) {
		const struct kmlops_layer_proof *proof = &mlp->layers[i].proof;

		KUNIT_EXPECT_LE(test, proof->acc.min, seen->acc[i][0]);
		KUNIT_EXPECT_GE(test, proof->acc.max, seen->acc[i][1]);
		KUNIT_EXPECT_LE(test, proof->output.min, seen->output[i][0]);
		KUNIT_EXPECT_GE(test, proof->output.max, seen->output[i][1]);
	}
}

/* @widths: inputs, then the outputs of each layer. */
static void try_net(struct kunit *test, struct layer_net *net,
		    const u32 *widths, u32 nr_layers, u32 bits, u32 vectors)
{
	struct kmlops_mlp *mlp;
	struct net_seen seen;

	KUNIT_ASSERT_TRUE(test, net_draw(&net->net, widths, nr_layers, bits));
	mlp = accepted(test, net);
	net_seen_init(&seen);
	while (vectors--) {
		net_random_vector(&net->net, net->in);
		compare(test, mlp, net, &seen);
	}
	check_proof(test, mlp, &seen);
	kmlops_mlp_destroy(mlp);
	layer_net_clear(net);
}

static void small_models(struct kunit *test)
{
	struct layer_net *net = layer_net_make(test);
	u32 widths[1 + NET_LAYERS_MAX], round, nr_layers, i;

	for (round = 0; round < 200; round++) {
		nr_layers = net_between(1, NET_LAYERS_MAX);
		for (i = 0; i <= nr_layers; i++)
			widths[i] = net_between(1, 40);
		try_net(test, net, widths, nr_layers, 0, 4);
	}
}

/* Widths around whole vectors of each path, with both kinds of inputs. */
static void widths_of_vectors(struct kunit *test)
{
	struct layer_net *net = layer_net_make(test);
	u32 width, bits;

	for (width = 1; width <= 128; width += width < 34 ? 1 : 15) {
		for (bits = 8; bits <= 16; bits += 8) {
			const u32 widths[] = { width, 129 - width, width };

			try_net(test, net, widths, 2, bits, 2);
		}
	}
}

/* Work that must be done in several sections. */
static void largest_models(struct kunit *test)
{
	static const u32 widths[] = { 512, 512, 512, 128 };
	struct layer_net *net = layer_net_make(test);
	u32 bits;

	for (bits = 8; bits <= 16; bits += 8)
		try_net(test, net, widths, 3, bits, 2);
}

/* Sums that just fill each kind of lane, from both ends. */
static void full_lanes(struct kunit *test)
{
	struct layer_net *net = layer_net_make(test);
	struct kmlops_mlp *mlp;
	u32 nr, bits, end, i;
	s8 weight;

	for (bits = 8; bits <= 16; bits += 8) {
		for (nr = 62; nr <= 512; nr += nr < 66 ? 1 : 223) {
			weight = nr % 2 ? 127 : -127;
			KUNIT_ASSERT_TRUE(test, net_plain(&net->net, nr, 7,
							  bits, weight));
			/* Neighbours that go the other way. */
			memset(net->net.weights + nr, -weight, nr);
			memset(net->net.weights + 3 * nr, -weight, nr);
			mlp = accepted(test, net);
			for (end = 0; end < 2; end++) {
				for (i = 0; i < nr; i++)
					net->in[i] = end ? S64_MAX : S64_MIN;
				compare(test, mlp, net, NULL);
			}
			kmlops_mlp_destroy(mlp);
			layer_net_clear(net);
		}
	}
}

static struct kunit_case cases[] = {
	KUNIT_CASE_SLOW(small_models),
	KUNIT_CASE_SLOW(widths_of_vectors),
	KUNIT_CASE_SLOW(largest_models),
	KUNIT_CASE(full_lanes),
	{}
};

static struct kunit_suite suite = {
	.name = "kmlops_mlp",
	.test_cases = cases,
};

kunit_test_suite(suite);
