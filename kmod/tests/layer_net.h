/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The layered models of the native tests for KUnit.
 */
#ifndef KMLOPS_LAYER_NET_H
#define KMLOPS_LAYER_NET_H

#include <kunit/test.h>
#include "../../selftests/user/layer_models.h"

/* A model, its file, and room to compute in. */
struct layer_net {
	struct net net;
	struct model_builder builder;
	u8 *file;
	u32 size;
	s64 in[KMLOPS_MODEL_INPUTS_MAX];
	s64 expected[KMLOPS_MODEL_SCORES_MAX];
	s64 got[KMLOPS_MODEL_SCORES_MAX];
	s64 golden[KMLOPS_MODEL_INPUTS_MAX + 1 + KMLOPS_MODEL_SCORES_MAX];
};

static inline void layer_net_clear(struct layer_net *net)
{
	net_free(&net->net);
	kmlops_free(net->file);
	net->file = NULL;
}

static inline void layer_net_free(void *net)
{
	layer_net_clear(net);
	kvfree(net);
}

KUNIT_DEFINE_ACTION_WRAPPER(layer_net_free_action, layer_net_free, void *);

/* Freed with its model at the end of the test. */
static inline struct layer_net *layer_net_make(struct kunit *test)
{
	struct layer_net *net = kvzalloc(sizeof(*net), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, net);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test,
							layer_net_free_action,
							net), 0);
	return net;
}

/* The file of the model as it is now. */
static inline void layer_net_build(struct kunit *test, struct layer_net *net)
{
	net_add(&net->builder, &net->net, net->golden);
	kmlops_free(net->file);
	net->file = model_build(&net->builder, &net->size);
	KUNIT_ASSERT_NOT_NULL(test, net->file);
}

#endif /* KMLOPS_LAYER_NET_H */
