// SPDX-License-Identifier: GPL-2.0-only
/*
 * Drawing the lines that kmlops_clock_ns() follows.
 *
 * Each line starts at a pair of TSC and CLOCK_MONOTONIC read together, and has
 * the slope between that pair and the one before; without one before, there is
 * no line. So what NTP does to the rate of the clock is in the next line, and
 * errors do not add up. A line goes at once when the clock gets another source.
 */
#include <linux/atomic.h>
#include <linux/clocksource_ids.h>
#include <linux/math64.h>
#include <linux/pvclock_gtod.h>
#include <linux/spinlock.h>
#include <linux/suspend.h>
#include <linux/timekeeping.h>
#include <linux/timer.h>
#include <asm/tsc.h>
#include "clock.h"
#include "compat.h"

#define DRAW_EVERY_MS	(KMLOPS_CLOCK_REACH_MS / 4)
/* Pairs closer than this would give a slope too coarse. */
#define SLOPE_MIN_NS	(100 * NSEC_PER_MSEC)
/* What NTP may make of the nominal rate: 500 ppm more or less. */
#define SLOPE_RANGE(rated)	((rated) / 2000)

struct kmlops_clock kmlops_clock;

static DEFINE_SPINLOCK(draw_lock);
static struct timer_list draw_timer;
static bool asleep;			/* no lines between suspend and resume */
static u64 last_tsc, last_ns;		/* the last pair; no TSC: there is none */
static int last_switches;		/* those before it */
static atomic_t switches;		/* of the clock's source, or its setting */

/* TSC and CLOCK_MONOTONIC of one moment, to half of the shortest try. */
static void read_pair(u64 *tsc, u64 *ns)
{
	u64 best = U64_MAX;
	int tries;

	for (tries = 0; tries < 5; tries++) {
		u64 before = rdtsc_ordered();
		u64 now = ktime_get_ns();
		u64 took = rdtsc_ordered() - before;

		if (took >= best)
			continue;
		best = took;
		*tsc = before + took / 2;
		*ns = now;
	}
}

/* Whether CLOCK_MONOTONIC itself is made of the TSC: then it may be here. */
static bool tsc_keeps_time(void)
{
	struct system_time_snapshot snapshot = {};

	ktime_get_snapshot_id(CLOCK_MONOTONIC, &snapshot);
	return snapshot.cs_id == CSID_X86_TSC && !check_tsc_unstable();
}

/* Since the pair before; 0 if there is none to tell, or it tells nothing. */
static u64 slope(u64 tsc, u64 ns)
{
	u64 rated = div_u64((u64)NSEC_PER_MSEC << 32, tsc_khz);
	u64 ticks = tsc - last_tsc;
	u64 seen;

	if (!last_tsc || ns - last_ns < SLOPE_MIN_NS || !ticks)
		return 0;
	seen = mul_u64_u64_div_u64(ns - last_ns, 1ULL << 32, ticks);
	/*
	 * The TSC jumped, as it may when a virtual machine is moved; or the
	 * clock is being set right, and will soon be at its old rate.
	 */
	if (seen < rated - SLOPE_RANGE(rated) ||
	    seen > rated + SLOPE_RANGE(rated))
		return 0;
	return seen;
}

/* Far beyond any reach. */
static void withdraw(void)
{
	WRITE_ONCE(kmlops_clock.start, rdtsc() + (1ULL << 63));
}

static void draw(bool follow)
{
	unsigned long flags;
	u64 tsc = 0, ns = 0, mult = 0;
	int before;

	spin_lock_irqsave(&draw_lock, flags);
	/* Before the pair is read: one of the old source is of no use. */
	before = atomic_read_acquire(&switches);
	if (before != last_switches)
		last_tsc = 0;
	if (follow && !asleep && tsc_keeps_time()) {
		read_pair(&tsc, &ns);
		mult = slope(tsc, ns);
	}
	withdraw();
	/* Readers that see something of the new line see that, or its start. */
	smp_wmb();
	if (mult) {
		WRITE_ONCE(kmlops_clock.mult, mult);
		WRITE_ONCE(kmlops_clock.ns, ns);
		WRITE_ONCE(kmlops_clock.reach,
			   (u64)tsc_khz * KMLOPS_CLOCK_REACH_MS);
		/* Readers that see the start see the line. */
		smp_store_release(&kmlops_clock.start, tsc);
		/* Either we see the switch, or it withdraws this line. */
		smp_mb();
		if (atomic_read(&switches) != before)
			withdraw();
	}
	last_tsc = tsc;
	last_ns = ns;
	last_switches = before;
	spin_unlock_irqrestore(&draw_lock, flags);
}

static void draw_again(struct timer_list *timer)
{
	draw(true);
	mod_timer(timer, jiffies + msecs_to_jiffies(DRAW_EVERY_MS));
}

/*
 * With every update of the clock, while it is being changed: it cannot be read
 * here, nor draw_lock be waited for, whose holder may wait to read it.
 */
static int clock_event(struct notifier_block *block, unsigned long switched,
		       void *timekeeper)
{
	if (switched) {
		atomic_inc(&switches);
		/* As draw() has it. */
		smp_mb__after_atomic();
		withdraw();
	}
	return NOTIFY_DONE;
}

static struct notifier_block clock_notifier = {
	.notifier_call = clock_event,
};

static int pm_event(struct notifier_block *block, unsigned long event,
		    void *data)
{
	switch (event) {
	case PM_SUSPEND_PREPARE:
	case PM_HIBERNATION_PREPARE:
	case PM_RESTORE_PREPARE:
		WRITE_ONCE(asleep, true);
		draw(false);
		break;
	case PM_POST_SUSPEND:
	case PM_POST_HIBERNATION:
	case PM_POST_RESTORE:
		WRITE_ONCE(asleep, false);
		draw(true);
		break;
	}
	return NOTIFY_DONE;
}

static struct notifier_block pm_notifier = {
	.notifier_call = pm_event,
};

int kmlops_clock_init(void)
{
	int err;

	/* No TSC, or nobody knows its rate: the fallback serves alone. */
	if (!tsc_khz)
		return 0;

	err = register_pm_notifier(&pm_notifier);
	if (err)
		return err;
	err = pvclock_gtod_register_notifier(&clock_notifier);
	if (err) {
		unregister_pm_notifier(&pm_notifier);
		return err;
	}
	/* Deferrable: an idle machine is not woken for a line nobody follows. */
	timer_setup(&draw_timer, draw_again, TIMER_DEFERRABLE);
	draw_again(&draw_timer);
	return 0;
}

void kmlops_clock_exit(void)
{
	if (!draw_timer.function)
		return;
	pvclock_gtod_unregister_notifier(&clock_notifier);
	unregister_pm_notifier(&pm_notifier);
	timer_shutdown_sync(&draw_timer);
}
