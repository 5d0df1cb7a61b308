/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files with vector instructions include first. The kernel has no
 * malloc(), which the compiler's header wants to declare wrappers of.
 */
#ifndef KMLOPS_MLP_VECTOR_H
#define KMLOPS_MLP_VECTOR_H

#include "fixed_point.h"
#include "mlp.h"

#define _MM_MALLOC_H_INCLUDED
#define __MM_MALLOC_H
#include <immintrin.h>

typedef s32 __attribute__((may_alias)) kmlops_lane;
typedef s64 __attribute__((may_alias)) kmlops_lane64;

#endif /* KMLOPS_MLP_VECTOR_H */
