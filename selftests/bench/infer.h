/* SPDX-License-Identifier: GPL-2.0-only */
/* What the programs of infer.bpf.c share with who runs them. */
#ifndef SELFTESTS_BENCH_INFER_H
#define SELFTESTS_BENCH_INFER_H

#define INFER_MODEL	"bench"
#define INFER_INPUTS	32		/* room for an input vector, in words */
#define INFER_VECTORS	1024		/* taken by turns */
#define PEER_TREES	100
#define PEER_DEPTH	10
#define PEER_NODES	2048		/* of a tree, a power of two */

#endif /* SELFTESTS_BENCH_INFER_H */
