/* SPDX-License-Identifier: GPL-2.0-only */
/* kmlopsctl model compile: a model as a kernel module of its own. */
#ifndef KMLOPSCTL_COMPILE_H
#define KMLOPSCTL_COMPILE_H

#include "kmlopsctl.h"

int model_compile(struct args *args);

#endif /* KMLOPSCTL_COMPILE_H */
