/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Differences between supported kernels (6.12 and later), by feature. What the
 * preprocessor cannot see, Kbuild looks up in the headers: KMLOPS_HAS_*.
 */
#ifndef KMLOPS_COMPAT_H
#define KMLOPS_COMPAT_H

#include <linux/btf.h>
#include <linux/module.h>

/* The argument was a bare token before 6.13. */
#ifdef KMLOPS_HAS_STRING_NS
#define KMLOPS_IMPORT_NS(ns)	MODULE_IMPORT_NS(#ns)
#else
#define KMLOPS_IMPORT_NS(ns)	MODULE_IMPORT_NS(ns)
#endif

/* All arguments of kfuncs are trusted where there is no flag to say so. */
#ifndef KF_TRUSTED_ARGS
#define KF_TRUSTED_ARGS		0
#endif

/* One call since 6.13, where the timer's function may not be set alone. */
#ifndef KMLOPS_HAS_HRTIMER_SETUP
#include <linux/hrtimer.h>

static inline void hrtimer_setup(struct hrtimer *timer,
				 enum hrtimer_restart (*callback)(struct hrtimer *),
				 clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = callback;
}
#endif

#endif /* KMLOPS_COMPAT_H */
