/* SPDX-License-Identifier: GPL-2.0-only */
/* What no engine that reads its weights can be quicker than. */
#ifndef SELFTESTS_BENCH_STREAMING_H
#define SELFTESTS_BENCH_STREAMING_H

#include "portable.h"

/* Multiplies @size bytes of 8-bit weights, a multiple of 64, by one input. */
void stream_avx512(const void *weights, u32 size);

/* Multiplies @size bytes of 16-bit weights, a multiple of 64, by one input. */
void stream_avx2(const void *weights, u32 size);

#endif /* SELFTESTS_BENCH_STREAMING_H */
