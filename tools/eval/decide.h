/* SPDX-License-Identifier: GPL-2.0-only */
/* What decide.bpf.c shares with who runs it. */
#ifndef EVAL_DECIDE_H
#define EVAL_DECIDE_H

#define INPUTS_MAX	512

/* An input vector on its way, and when it was there. */
struct event {
	unsigned long long time;
	long long inputs[INPUTS_MAX];
};

#endif /* EVAL_DECIDE_H */
