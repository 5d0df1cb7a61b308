/* SPDX-License-Identifier: GPL-2.0-only */
/* What the programs of reads.bpf.c share with their test. */
#ifndef SELFTESTS_BPF_READS_H
#define SELFTESTS_BPF_READS_H

#define READS_ROWS	100	/* captured, on the keys in turn */
#define READS_KEYS	4
#define READS_LAST	5

struct reads_key {
	__u32 id;
};

struct reads_value {
	__u64 number;
	__u64 unused;
};

/* What the reads of all kinds returned, in one kind of program. */
struct reads_result {
	__u64 runs;
	__s64 by_map;		/* number in the latest row of key 1 */
	__s64 asof;		/* in that of key 1 as of row 50 */
	__s64 asof_early;	/* as of before the first row: an error */
	__s64 nearest;		/* nearest to row 60 */
	__s64 last;		/* rows of key 1 found */
	__s64 last_numbers;	/* their numbers added up */
	__s64 all;		/* rows in the loop over all */
	__s64 all_in_order;
	__s64 all_read;		/* of those, read by identity */
	__s64 range;		/* rows of [row 20, row 30) */
	__s64 range_numbers;	/* their numbers added up */
	__s64 stats;
	__s64 captured;
	__s64 stored;
	__s64 no_store;		/* errors: a loop over no store */
	__s64 bad_size;		/* a row of wrong size */
	__s64 no_row;		/* an identity that is none */
};

enum reads_context {
	READS_SYSCALL,
	READS_XDP,
	READS_TC,
	READS_RAW_TP,
	READS_TP_BTF,
	READS_TRACEPOINT,
	READS_KPROBE,
	READS_SOCKET,
	READS_CONTEXTS
};

#endif /* SELFTESTS_BPF_READS_H */
