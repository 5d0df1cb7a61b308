/* SPDX-License-Identifier: GPL-2.0-only */
/* What the machine and its kernel are. */
#ifndef KMLOPSCTL_SYSTEM_INFO_H
#define KMLOPSCTL_SYSTEM_INFO_H

struct json_object;

typedef void (*system_info_func)(const char *name, const char *text, void *arg);

/* Call @func for each thing that is known. */
void system_info(system_info_func func, void *arg);
struct json_object *system_info_json(void);

#endif /* KMLOPSCTL_SYSTEM_INFO_H */
