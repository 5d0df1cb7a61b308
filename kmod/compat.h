/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Differences between supported kernels (6.12 and later), by feature.
 */
#ifndef KMLOPS_COMPAT_H
#define KMLOPS_COMPAT_H

#include <linux/btf.h>
#include <linux/module.h>
#include <linux/version.h>

/* The argument was a bare token before 6.13. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
#define KMLOPS_IMPORT_NS(ns)	MODULE_IMPORT_NS(ns)
#else
#define KMLOPS_IMPORT_NS(ns)	MODULE_IMPORT_NS(#ns)
#endif

/* All arguments of kfuncs are trusted where there is no flag to say so. */
#ifndef KF_TRUSTED_ARGS
#define KF_TRUSTED_ARGS		0
#endif

#endif /* KMLOPS_COMPAT_H */
