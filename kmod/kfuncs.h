/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KMLOPS_KFUNCS_H
#define KMLOPS_KFUNCS_H

int kmlops_kfuncs_init(void);

#endif /* KMLOPS_KFUNCS_H */
