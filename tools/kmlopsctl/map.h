/* SPDX-License-Identifier: GPL-2.0-only */
/* Finding eBPF maps. */
#ifndef KMLOPSCTL_MAP_H
#define KMLOPSCTL_MAP_H

#include "kmlopsctl.h"

/*
 * Open the map that the next words name: id N, pinned PATH or name MAP. Gives
 * a file descriptor, or -1 after a report, with the exit code in *@code.
 */
int map_open_args(struct args *args, int *code);

#endif /* KMLOPSCTL_MAP_H */
