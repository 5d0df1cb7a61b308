/* SPDX-License-Identifier: GPL-2.0-only */
/* Peer of the MLP engine: XNNPACK, fully connected layers of 8 bits. */
#ifndef SELFTESTS_BENCH_XNNPACK_MLP_H
#define SELFTESTS_BENCH_XNNPACK_MLP_H

#include "../user/layer_models.h"

void xnnpack_create(const struct net *net);
void xnnpack_infer(const s8 *in);
void xnnpack_destroy(void);

#endif /* SELFTESTS_BENCH_XNNPACK_MLP_H */
