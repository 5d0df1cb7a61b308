/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Rows of the collector "block_io": requests to block devices. */
#ifndef KERNMLOPS_BLOCK_IO_H
#define KERNMLOPS_BLOCK_IO_H

#ifndef KMLOPS_UNIT
#define KMLOPS_UNIT(unit)
#endif

struct block_io_key {
	__u32 device;		/* major << 20 | minor */
};

/*
 * Store "block_io": one row for each request, when it is complete. What was
 * known when it was issued to the device, the inputs of LinnOS among it, comes
 * first. Depths are in pages of 4096 bytes, begun ones count.
 */
struct block_io_row {
	__u64 issued_at KMLOPS_UNIT(ns);	/* CLOCK_MONOTONIC */
	__u64 queued KMLOPS_UNIT(ns);	/* since it was made */
	__u64 latency_1 KMLOPS_UNIT(ns);	/* of those completed last */
	__u64 latency_2 KMLOPS_UNIT(ns);
	__u64 latency_3 KMLOPS_UNIT(ns);
	__u64 latency_4 KMLOPS_UNIT(ns);
	__u64 sector;		/* of 512 bytes */
	__u32 depth_1;		/* in_flight_4k when those were issued */
	__u32 depth_2;
	__u32 depth_3;
	__u32 depth_4;
	__u32 in_flight;	/* requests that the device has already */
	__u32 in_flight_4k;	/* the same in pages */

	__u32 bytes KMLOPS_UNIT(bytes);
	__u32 segments;
	__u32 op;		/* enum req_op: 0 read, 1 write, 2 flush, 3 discard */
	__u32 flags;		/* REQ_* of the kernel, without the op */
	__u32 pid;		/* thread that issued it, the first time */
	__u32 tgid;
	__u32 cpu;
	__u32 one_in;		/* requests that this row stands for */

	/* What became of it. */
	__u64 latency KMLOPS_UNIT(ns);	/* from the last issue on */
	__u32 requeues;		/* times that the device did not take it */
	__s32 status;		/* blk_status_t: 0 is success */
};

#endif /* KERNMLOPS_BLOCK_IO_H */
