/* SPDX-License-Identifier: GPL-2.0-only */
/* What read(2) gives of a counter that tells its times: see perf_event_open(2). */
#ifndef KMLOPSCTL_PERF_READING_H
#define KMLOPSCTL_PERF_READING_H

#include <stdint.h>

struct perf_reading {
	uint64_t count;
	uint64_t enabled;	/* ns that it should have counted */
	uint64_t running;	/* ns that it did count, as others had their turn */
};

/* What the counter would have, had it counted all the time. */
static inline uint64_t perf_scaled(const struct perf_reading *reading)
{
	unsigned __int128 scaled = reading->count;

	if (!reading->running)
		return 0;
	scaled = scaled * reading->enabled / reading->running;
	return scaled > UINT64_MAX ? UINT64_MAX : scaled;
}

#endif /* KMLOPSCTL_PERF_READING_H */
