/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Collectors fill stores: BPF programs of this tool, or a process that reads
 * files again and again (poller.h). A collector is described by an entry of a
 * table; what follows from it is common to all of them.
 */
#ifndef KMLOPSCTL_COLLECTOR_H
#define KMLOPSCTL_COLLECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bpf_object;
struct json_object;
struct poller;

struct collector {
	const char *name;
	const char *about;

	/* Its BPF object, as an ELF file in memory; NULL: it is a poller. */
	const void *(*elf)(size_t *size);
	const struct poller *poller;

	/* Maps of its BPF object that are stores, of the same name. */
	const char *const *stores;

	/*
	 * Its per-CPU array "counters": names in order. What is counted is
	 * only ever added to, from zero at each start. NULL: those of
	 * enum collector_counter.
	 */
	const char *const *counters;

	/*
	 * A model that is called for each row: what its inputs have to be, the
	 * fewest scores, and the store of its answers. NULL: it calls none.
	 */
	const char *const *model_inputs;
	unsigned int model_scores;
	const char *model_store;
};

/* All there are, ends with NULL. */
extern const struct collector *const collectors[];
const struct collector *collector_find(const char *name);

/* The names of its counters, and of its stores but that of a model's answers. */
const char *const *collector_counters(const struct collector *c);
/* To be freed; the names are not. */
const char **collector_stores(const struct collector *c);

struct collector_options {
	uint64_t rows;		/* of each store; 0: not said */
	const char *model;	/* NULL: none */
	uint64_t interval;	/* of a poller, ns; 0: not said */
};

/* Both return an exit code, after a report if it is not DONE. */
int collector_start(const struct collector *c,
		    const struct collector_options *options);
/* @final (may be NULL) receives what collector_state() would say at the end. */
int collector_stop(const struct collector *c, struct json_object **final);

/* 1: it collects; 0: it does not; or a negative errno. */
int collector_running(const struct collector *c);

/*
 * What is known of a collector that runs: model, stores, counters, programs,
 * one_in, cpu_ns. NULL after a report.
 */
struct json_object *collector_state(const struct collector *c);

/*
 * Make a row of one event in @n only; a poller waits @n times as long. An exit
 * code.
 */
int collector_sample(const struct collector *c, uint32_t n);

/* What a collector needs of the kernel, and what of that is not there. */
struct collector_needs {
	struct json_object *hooks;	/* what its programs attach to */
	struct json_object *missing;	/* sentences; empty: it can run */
	struct json_object *without;	/* sentences; it runs without these */
};

void collector_needs(const struct collector *c, struct collector_needs *needs);
void collector_needs_free(struct collector_needs *needs);

/*
 * Open its BPF object. Programs that this kernel has no hook for, but that the
 * collector can do without, are left out. NULL with errno set.
 */
struct bpf_object *collector_open(const struct collector *c);

#endif /* KMLOPSCTL_COLLECTOR_H */
