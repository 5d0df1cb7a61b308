/* SPDX-License-Identifier: GPL-2.0-only */
/* Peer of the MLP engine: loops as anyone would write them. */
#ifndef SELFTESTS_BENCH_NAIVE_MLP_H
#define SELFTESTS_BENCH_NAIVE_MLP_H

#include "../user/layer_models.h"

void naive_infer(const struct net *net, const s64 *in, s64 *scores);

#endif /* SELFTESTS_BENCH_NAIVE_MLP_H */
