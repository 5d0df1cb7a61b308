/* SPDX-License-Identifier: GPL-2.0-only */
/* kmlopsctl model advise: where and how to run a model on this machine. */
#ifndef KMLOPSCTL_ADVISE_H
#define KMLOPSCTL_ADVISE_H

#include "kmlopsctl.h"

int model_advise(struct args *args);

#endif /* KMLOPSCTL_ADVISE_H */
