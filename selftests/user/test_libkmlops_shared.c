// SPDX-License-Identifier: GPL-2.0-only
/* The same with the shared library, which has nothing but its header's names. */
#include "test_libkmlops.c"
