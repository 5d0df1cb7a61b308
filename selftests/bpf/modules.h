/* SPDX-License-Identifier: GPL-2.0-only */
/* The modules of selftests/kmod, in the VM. */
#ifndef SELFTESTS_BPF_MODULES_H
#define SELFTESTS_BPF_MODULES_H

#include <stddef.h>

/* Each is 0 or a negative errno. */
int load_module(const char *name);
int unload_module(const char *name);
int write_parameter(const char *module, const char *parameter,
		    const char *value);
/* What a parameter holds now, "" if it cannot be read. */
const char *read_parameter(const char *module, const char *parameter);

#endif /* SELFTESTS_BPF_MODULES_H */
