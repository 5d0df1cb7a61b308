// SPDX-License-Identifier: GPL-2.0-only
/* The stress test and all that it tests, built with the sanitizers. */
#include "../../kmod/history.c"
#include "../../kmod/key_index.c"
#include "../../kmod/cursor.c"
#include "test_stress.c"
