/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Differences between supported kernels (6.12 and later), by feature. What the
 * preprocessor cannot see, compat.mk looks up in the headers: KMLOPS_HAS_*.
 */
#ifndef KMLOPS_COMPAT_H
#define KMLOPS_COMPAT_H

#include <linux/btf.h>
#include <linux/module.h>

/* MODULE_IMPORT_NS() takes a bare token, or a string; what it is made of does not change. */
#define KMLOPS_IMPORT_NS(ns)	MODULE_INFO(import_ns, #ns)

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

/* Later snapshots are of a clock that is named, and may be of none. */
#ifndef KMLOPS_HAS_SNAPSHOT_ID
#include <linux/timekeeping.h>

static inline void ktime_get_snapshot_id(clockid_t clock,
					 struct system_time_snapshot *snapshot)
{
	ktime_get_snapshot(snapshot);
}
#endif

/* The other name is to go. */
#ifndef KMLOPS_HAS_DFL_WQ
#include <linux/workqueue.h>

#define system_dfl_wq	system_unbound_wq
#endif

#endif /* KMLOPS_COMPAT_H */
