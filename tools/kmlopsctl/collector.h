/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Collectors: BPF programs of this tool that fill stores. A collector is
 * described by a table; what follows from it is common to all of them.
 */
#ifndef KMLOPSCTL_COLLECTOR_H
#define KMLOPSCTL_COLLECTOR_H

#include <stdbool.h>
#include <stdint.h>

struct bpf_object_skeleton;
struct json_object;

struct collector {
	const char *name;
	const char *about;

	/* What it needs of the kernel. Lists end with NULL. */
	const char *const *tracepoints;
	const char *const *variables;

	/* Maps of its BPF object that are stores, of the same name. */
	const char *const *stores;

	/*
	 * Its per-CPU array "counters": names in order. What is counted is
	 * only ever added to, from zero at each start.
	 */
	const char *const *counters;

	/*
	 * A model that is called for each row: what its inputs have to be, the
	 * fewest scores, and the store of its answers. NULL: it calls none.
	 */
	const char *const *model_inputs;
	unsigned int model_scores;
	const char *model_store;

	/*
	 * Open the BPF object, @model (may be NULL) set in its constants. Gives
	 * what close() takes, or NULL with errno set.
	 */
	void *(*open)(const char *model, struct bpf_object_skeleton **skeleton);
	void (*close)(void *object);
	/* The model in the constants of a running collector, or NULL. */
	const char *(*model_of)(const void *rodata);
	/*
	 * Let the programs collect, or end that, by a variable in the .bss of
	 * the object. It is off while some of them are not attached.
	 */
	void (*set_active)(void *bss, bool active);
};

extern const struct collector runqueue_collector;

struct collector_options {
	uint64_t rows;		/* of each store; 0: not said */
	const char *model;	/* NULL: none */
};

/* Both return an exit code, after a report if it is not DONE. */
int collector_start(const struct collector *c,
		    const struct collector_options *options);
/* @final (may be NULL) receives what collector_state() would say at the end. */
int collector_stop(const struct collector *c, struct json_object **final);

/* 1: its programs are attached; 0: they are not; or a negative errno. */
int collector_running(const struct collector *c);

/*
 * What is known of a collector that runs: model, stores, counters, programs.
 * NULL after a report.
 */
struct json_object *collector_state(const struct collector *c);

/* Sentences on what this kernel lacks, as an array that is empty if it is fit. */
struct json_object *collector_missing(const struct collector *c);

#endif /* KMLOPSCTL_COLLECTOR_H */
