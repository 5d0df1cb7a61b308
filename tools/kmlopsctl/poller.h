/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pollers: collectors that read what the kernel says in files, again and again,
 * and push it into stores. Each runs in a process of its own. What it counts is
 * in a file that others can map; the process holds a lock on it:
 *
 *	/run/kernmlops/NAME
 */
#ifndef KMLOPSCTL_POLLER_H
#define KMLOPSCTL_POLLER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "collector.h"
#include "schema_words.h"

/* A store as "store register NAME schema" makes it. */
struct poll_store {
	const char *name;
	const char *key;	/* words of its key */
	const char *value;	/* words of its value; NULL: as the file has it */
};

struct poll;
struct proc_table;

struct poller {
	const struct poll_store *stores;	/* ends with a NULL name */
	uint64_t interval;			/* ns; 0: it polls once */
	/* Of each store, for the pollers of proc_tables.c; NULL otherwise. */
	const struct proc_table *tables;
	/* A file that it cannot do without; NULL: none. */
	const char *path;
	/*
	 * A sentence, to be freed, on what is not here but can be left out; it
	 * may be NULL, and so may the function.
	 */
	char *(*lacking)(void);

	/* Called once, before the first poll; may be NULL. 0 or a negative errno. */
	int (*open)(struct poll *poll);
	/* Push the rows of one poll. 0 or a negative errno. */
	int (*poll)(struct poll *poll);
	/*
	 * The words of the value of a store that has none in the table, to be
	 * freed; NULL after a report.
	 */
	char *(*words)(const struct poller *poller, unsigned int store);
};

enum poller_counter {
	POLLER_EVENTS,		/* rows that were to be pushed: the next two */
	POLLER_ROWS,
	POLLER_REFUSED,
	POLLER_POLLS,
	POLLER_FAILED,		/* polls that could not read all of it */
	POLLER_LATE,		/* polls left out as the one before took too long */
	POLLER_COUNTERS
};

extern const char *const poller_counters[];

/* What others see of a poller that runs. */
struct poller_state {
	uint64_t counters[POLLER_COUNTERS];
	uint64_t cpu_ns;	/* CPU time of the process */
	uint64_t interval;
	uint32_t slow_down;	/* set by others: wait so many intervals */
};

/* A poller at work. */
struct poll {
	const struct poller *poller;
	struct layout *keys, *values;	/* of each store */
	struct poller_state *state;
	void *data;			/* of the poller */
};

/* Push a row into a store, by its index. */
void poll_push(struct poll *poll, unsigned int store, const void *key,
	       const void *value);

/* The process of a poller that runs; 0: it does not. */
int poller_pid(const struct collector *c);
/* Exit codes, after a report if it is not DONE. */
int poller_start(const struct collector *c, uint64_t rows, uint64_t interval);
int poller_stop(const struct collector *c, struct json_object **final);
int poller_slow_down(const struct collector *c, uint32_t n);
/* NULL after a report. */
struct json_object *poller_state(const struct collector *c);

/* Files that it reads, as collector_needs() has it. */
void poller_needs(const struct poller *poller, struct collector_needs *needs);

extern const struct poller memory_usage_poller, stat_poller, vmstat_poller,
	diskstats_poller, net_dev_poller, loadavg_poller, pressure_poller,
	schedstat_poller, process_metadata_poller, perf_poller,
	system_info_poller;

#endif /* KMLOPSCTL_POLLER_H */
