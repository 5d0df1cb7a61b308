/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The trees that are measured, and what gen_ifelse makes of them. They are the
 * same in every run.
 */
#ifndef SELFTESTS_BENCH_FORESTS_H
#define SELFTESTS_BENCH_FORESTS_H

#include "user/forest_models.h"

enum bench_model {
	BENCH_GBDT,		/* thresholds of 16 bits */
	BENCH_GBDT_WIDE,	/* of 32 bits, so that inputs are ranked */
	BENCH_TREE,
	BENCH_MODELS,
};

static inline void bench_model_make(struct forest_model *model,
				    enum bench_model which)
{
	struct forest_shape shape = {
		.kind = KMLOPS_MODEL_KIND_BOOSTED,
		.task = KMLOPS_MODEL_TASK_REGRESSION,
		.nr_inputs = 16,
		.nr_scores = 1,
		.nr_trees = 100,
		.depth = 6,
		.split = 100,
		.max_nodes = 127,
		.leaf_bits = 16,
		.thresholds = which == BENCH_GBDT_WIDE ? THRESHOLD_S32 :
			      THRESHOLD_S16,
	};

	if (which == BENCH_TREE) {
		shape.nr_trees = 1;
		shape.depth = 10;
		shape.max_nodes = 2047;
	}
	random_state = 1 + which;
	forest_model_random(model, &shape);
}

/* Generated: the sum of the leaves of all trees, in if and else. */
s64 ifelse_gbdt(const s64 *in);
s64 ifelse_gbdt_wide(const s64 *in);
s64 ifelse_tree(const s64 *in);

#endif /* SELFTESTS_BENCH_FORESTS_H */
