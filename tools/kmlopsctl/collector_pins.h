/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What keeps a collector running are its pinned links; its maps are pinned
 * beside them, so that counters and controls can be reached meanwhile:
 *
 *	/sys/fs/bpf/kernmlops/NAME/links/PROGRAM
 *	/sys/fs/bpf/kernmlops/NAME/maps/MAP
 */
#ifndef KMLOPSCTL_COLLECTOR_PINS_H
#define KMLOPSCTL_COLLECTOR_PINS_H

#include "collector.h"

/* To be freed. An empty @name: the directory. */
char *pin_path(const struct collector *c, const char *kind, const char *name);
/* As what a map is pinned: .data.control as data_control. To be freed. */
char *map_pin_name(const char *map);

typedef void (*pin_func)(const char *name, const char *path, void *arg);

/* Call @func for each pin of a kind; the number of pins or a negative errno. */
int walk_pins(const struct collector *c, const char *kind, pin_func func,
	      void *arg);
void unpin_all(const struct collector *c);
/* An exit code, after a report if it is not DONE. */
int make_pin_dirs(const struct collector *c);

/* Starts and stops exclude each other. A descriptor, or -1 after a report. */
int lock_pins(void);

/* A pinned map: a descriptor, or -1 with errno set. */
int open_pinned_map(const struct collector *c, const char *name);

#endif /* KMLOPSCTL_COLLECTOR_PINS_H */
