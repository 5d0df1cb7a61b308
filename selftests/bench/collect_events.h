/* SPDX-License-Identifier: GPL-2.0-only */
/* What makes the events that collectors see, a known number in each loop. */
#ifndef SELFTESTS_BENCH_COLLECT_EVENTS_H
#define SELFTESTS_BENCH_COLLECT_EVENTS_H

/* Ends the benchmark, with errno. */
void die(const char *what) __attribute__((noreturn));

struct events {
	unsigned int nr;		/* in one loop */
	/* Once; why there can be none here, or NULL. */
	const char *(*begin)(void);
	void (*before)(void);		/* each loop: back to where it starts */
	void (*loop)(void);
	void (*end)(void);
};

extern const struct events event_madvise;	/* of no effect */
extern const struct events event_unmap;		/* of a page that is not there */
extern const struct events event_touch;		/* of a page, for the first time */
extern const struct events event_open;		/* of a directory */
extern const struct events event_rename;	/* of a thread */
extern const struct events event_switch;	/* to a thread that was woken */
extern const struct events event_direct_read;	/* of 4 KiB of a device */
extern const struct events event_cached_read;	/* of a page that is not cached */
extern const struct events event_segment;	/* that arrives, with a byte */
extern const struct events event_collapse;	/* into a huge page */
extern const struct events event_swap_out;	/* of a page, into zswap */

#endif /* SELFTESTS_BENCH_COLLECT_EVENTS_H */
