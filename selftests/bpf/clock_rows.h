/* SPDX-License-Identifier: GPL-2.0-only */
/* What the programs of clock.bpf.c share with their test. */
#ifndef SELFTESTS_BPF_CLOCK_ROWS_H
#define SELFTESTS_BPF_CLOCK_ROWS_H

struct clock_key {
	__u32 program;
};

struct clock_row {
	__u64 before;		/* CLOCK_MONOTONIC when the capture began */
};

/* Captures of one run of the syscall program. */
#define CLOCK_TURNS	256

#endif /* SELFTESTS_BPF_CLOCK_ROWS_H */
