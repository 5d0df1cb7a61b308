/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/*
 * Packed rows, as carried by the netlink attribute KERNMLOPS_A_ROW_ROWS.
 *
 * One row is a struct kmlops_row, the key padded with zeros to a multiple of
 * 8 bytes, and the value padded likewise. All numbers are in the byte order of
 * the kernel, which is little-endian on every supported machine.
 */
#ifndef _UAPI_LINUX_KERNMLOPS_ROW_H
#define _UAPI_LINUX_KERNMLOPS_ROW_H

#include <linux/types.h>

/**
 * struct kmlops_row - Head of a packed row
 * @time: time of capture, CLOCK_MONOTONIC nanoseconds; never decreases along
 *   the rows of one CPU
 * @seq: identity of the row in its store: the CPU that captured it in the top
 *   KMLOPS_ROW_CPU_BITS bits, below it the number of the row on that CPU, from
 *   1. A gap in the numbers of one CPU is a row that was dropped.
 */
struct kmlops_row {
	__u64 time;
	__u64 seq;
};

#define KMLOPS_ROW_CPU_BITS	12
#define KMLOPS_ROW_POS_BITS	(64 - KMLOPS_ROW_CPU_BITS)

/* Bytes that a key or a value of @size bytes takes in a packed row. */
#define KMLOPS_ROW_PAD(size)	(((size) + 7U) & ~7U)

#endif /* _UAPI_LINUX_KERNMLOPS_ROW_H */
