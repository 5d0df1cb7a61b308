# SPDX-License-Identifier: GPL-2.0-only
#
# What compat.h needs to know and the preprocessor cannot see.

# has MACRO, HEADER, PATTERN: -DMACRO if the kernel has that in its header.
has = $(if $(shell grep -sE '$3' $(srctree)/include/linux/$2),-D$1)
ccflags-y += $(call has,KMLOPS_HAS_HRTIMER_SETUP,hrtimer.h,void hrtimer_setup)
ccflags-y += $(call has,KMLOPS_HAS_SNAPSHOT_ID,timekeeping.h,ktime_get_snapshot_id)
ccflags-y += $(call has,KMLOPS_HAS_DFL_WQ,workqueue.h,\*system_dfl_wq)
