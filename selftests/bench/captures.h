/* SPDX-License-Identifier: GPL-2.0-only */
/* The ways to write a record that bench_native compares. */
#ifndef SELFTESTS_BENCH_CAPTURES_H
#define SELFTESTS_BENCH_CAPTURES_H

#include "portable.h"
#include "ops.h"

/* The same work for each: a time, a key, and a value of 64 bytes. */
typedef void capture_fn(u32 cpu, const u32 *key, const struct ops_value *value);

capture_fn store_capture;
capture_fn own_store_capture;	/* each CPU into a store of its own */
capture_fn ringbuf_capture;
capture_fn shared_capture;

bool stores_create(void);
void stores_destroy(void);

#endif /* SELFTESTS_BENCH_CAPTURES_H */
