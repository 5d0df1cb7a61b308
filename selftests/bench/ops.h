/* SPDX-License-Identifier: GPL-2.0-only */
/* What the programs of ops.bpf.c share with who runs them. */
#ifndef SELFTESTS_BENCH_OPS_H
#define SELFTESTS_BENCH_OPS_H

#define KEYS		1024	/* entities, written and read in turn */
#define ROWS_PER_KEY	16	/* that the store retains */
#define ASOF_BACK	4	/* rows of the key that are later than the answer */
#define EXPORT_ROWS	65536

struct ops_value {
	unsigned long long words[8];
};

#endif /* SELFTESTS_BENCH_OPS_H */
