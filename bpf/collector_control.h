/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What the programs of a collector share with kmlopsctl, which loads them. */
#ifndef KERNMLOPS_COLLECTOR_CONTROL_H
#define KERNMLOPS_COLLECTOR_CONTROL_H

/* In the section .data.control of each collector, set by the loader. */
struct collector_control {
	/*
	 * 1 while all programs are attached. They come and go one by one; what
	 * only some of them see makes no row and is not counted.
	 */
	__u32 active;
	/* Make a row of one event in so many, at random; 0: of each. */
	__u32 one_in;
};

/*
 * Indexes of the per-CPU counters of a collector that has none of its own.
 * Events are rows + sampled_out + refused + unpaired.
 */
enum collector_counter {
	COLLECTOR_EVENTS,	/* what the programs saw */
	COLLECTOR_ROWS,		/* captured */
	COLLECTOR_SAMPLED_OUT,	/* left out, as control.one_in says */
	COLLECTOR_REFUSED,	/* rows that capture refused or dropped */
	COLLECTOR_UNPAIRED,	/* ends of something whose begin was not kept */
	COLLECTOR_NO_STATE,	/* begins that could not be kept; no events */
	COLLECTOR_REPLACED,	/* begins that took the place of one without end */
	COLLECTOR_COUNTERS
};

#endif /* KERNMLOPS_COLLECTOR_CONTROL_H */
