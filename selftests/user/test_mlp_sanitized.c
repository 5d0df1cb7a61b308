// SPDX-License-Identifier: GPL-2.0-only
/* The test of MLPs with the sanitizers, which are in the engine as well. */
#include "test_mlp.c"
