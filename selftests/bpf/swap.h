/* SPDX-License-Identifier: GPL-2.0-only */
/* What the programs of swap.bpf.c share with who runs them. */
#ifndef SELFTESTS_BPF_SWAP_H
#define SELFTESTS_BPF_SWAP_H

#define SWAP_MODEL	"swap"
#define SWAP_TURNS	2000		/* inferences of one run */

/* What became of inferences. */
struct swap_counts {
	unsigned long long first;	/* the outputs of the one version */
	unsigned long long second;	/* of the other one */
	unsigned long long mixed;	/* of neither */
	unsigned long long failed;
};

#endif /* SELFTESTS_BPF_SWAP_H */
