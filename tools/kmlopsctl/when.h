/* SPDX-License-Identifier: GPL-2.0-only */
/* TIME on the command line. */
#ifndef KMLOPSCTL_WHEN_H
#define KMLOPSCTL_WHEN_H

#include <stdint.h>

/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t when_now(void);

/*
 * Read a TIME: now, -DURATION (before now), CLOCK_MONOTONIC nanoseconds, or
 * RFC 3339 (2024-05-01T12:00:00Z). Returns an exit code, other than DONE after
 * a report; "now" is asked of the kernel.
 */
int when_parse(const char *word, uint64_t *ns);

/* CLOCK_REALTIME - CLOCK_MONOTONIC now, in nanoseconds. */
int64_t when_realtime_offset(uint64_t monotonic_now);

#endif /* KMLOPSCTL_WHEN_H */
