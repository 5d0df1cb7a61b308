// SPDX-License-Identifier: GPL-2.0-only
/* The test of forests with the sanitizers, which are in the engine as well. */
#include "test_forest.c"
