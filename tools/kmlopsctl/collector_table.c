// SPDX-License-Identifier: GPL-2.0-only
/*
 * The collectors there are. What a BPF object attaches to, it says itself; its
 * rows are described in bpf/NAME.h.
 */
#include <stddef.h>
#include <string.h>
#include <linux/types.h>

#include "collector.h"
#include "poller.h"
#include "collector_control.h"
#include "runqueue.h"

#include "block_io.skel.h"
#include "collapse_huge_pages.skel.h"
#include "file_data.skel.h"
#include "madvise.skel.h"
#include "page_cache.skel.h"
#include "page_fault.skel.h"
#include "process_trace.skel.h"
#include "quanta.skel.h"
#include "rss_stat.skel.h"
#include "runqueue.skel.h"
#include "tcp.skel.h"
#include "unmap_range.skel.h"
#include "zswap.skel.h"

#define NAMES(...)	((const char *const []){ __VA_ARGS__, NULL })
#define NAME(field)	#field,

static const struct collector runqueue = {
	.name = "runqueue",
	.about = "wakeups of tasks and how long they wait for a CPU",
	.elf = runqueue_bpf__elf_bytes,
	.stores = NAMES("runqueue", "runqueue_wait"),
	.counters = (const char *const []){
		[RUNQUEUE_WAKEUPS] = "wakeups",
		[RUNQUEUE_OUTCOMES] = "outcomes",
		[RUNQUEUE_REPLACED] = "replaced",
		[RUNQUEUE_UNPAIRED] = "unpaired",
		[RUNQUEUE_EXITED] = "exited",
		[RUNQUEUE_PREDICTIONS] = "predictions",
		[RUNQUEUE_INFER_ERRORS] = "infer_errors",
		[RUNQUEUE_CAPTURE_ERRORS] = "capture_errors",
		[RUNQUEUE_OUTCOME_ERRORS] = "outcome_errors",
		[RUNQUEUE_AWAKE] = "awake",
		[RUNQUEUE_STATE_ERRORS] = "state_errors",
		[RUNQUEUE_SAMPLED_OUT] = "sampled_out",
		[RUNQUEUE_COUNTERS] = NULL
	},
	.model_inputs = (const char *const []){ RUNQUEUE_INPUTS(NAME) NULL },
	.model_scores = 2,
	.model_store = "runqueue_prediction",
};

/* One with the stores that are named, and nothing of its own. */
#define BPF(id, text, ...)						\
	&(const struct collector){					\
		.name = #id,						\
		.about = text,						\
		.elf = id##_bpf__elf_bytes,				\
		.stores = NAMES(__VA_ARGS__),				\
	}

#define POLLER(id, text)						\
	&(const struct collector){					\
		.name = #id,						\
		.about = text,						\
		.poller = &id##_poller,					\
	}

const struct collector *const collectors[] = {
	&runqueue,
	BPF(quanta, "how long threads run at a time", "quanta"),
	BPF(block_io, "requests to block devices", "block_io"),
	BPF(file_data, "files as they are opened and made", "file_data"),
	BPF(process_trace, "forks, execs, exits and new names of threads",
	    "process_trace"),
	BPF(rss_stat, "resident memory of processes as it changes", "rss_stat"),
	BPF(madvise, "calls of madvise and munmap", "madvise"),
	BPF(unmap_range, "pages taken out of page tables", "unmap_range"),
	BPF(collapse_huge_pages, "small pages that become huge ones",
	    "collapse_huge_pages", "khugepaged_scan"),
	BPF(page_fault, "page faults: cost, and the choice of huge pages",
	    "page_fault"),
	BPF(zswap, "pages swapped to compressed memory", "zswap"),
	BPF(page_cache, "folios of the page cache, and readahead",
	    "page_cache", "readahead"),
	BPF(tcp, "connections: round trip time, windows, retransmits", "tcp"),
	POLLER(memory_usage, "/proc/meminfo, each second"),
	POLLER(stat, "/proc/stat, each second"),
	POLLER(vmstat, "/proc/vmstat, each second"),
	POLLER(diskstats, "/proc/diskstats, each second"),
	POLLER(net_dev, "/proc/net/dev, each second"),
	POLLER(loadavg, "/proc/loadavg, each second"),
	POLLER(pressure, "/proc/pressure, each second"),
	POLLER(schedstat, "/proc/schedstat, each second"),
	POLLER(process_metadata, "the process table, each 5 seconds"),
	POLLER(perf, "counters of the hardware and the kernel, each second"),
	POLLER(system_info, "the machine and its kernel, once"),
	NULL
};

static const char *const counters[] = {
	[COLLECTOR_EVENTS] = "events",
	[COLLECTOR_ROWS] = "rows",
	[COLLECTOR_SAMPLED_OUT] = "sampled_out",
	[COLLECTOR_REFUSED] = "refused",
	[COLLECTOR_UNPAIRED] = "unpaired",
	[COLLECTOR_NO_STATE] = "no_state",
	[COLLECTOR_REPLACED] = "replaced",
	[COLLECTOR_COUNTERS] = NULL
};

const struct collector *collector_find(const char *name)
{
	int i;

	for (i = 0; collectors[i]; i++)
		if (!strcmp(collectors[i]->name, name))
			return collectors[i];
	return NULL;
}

const char *const *collector_counters(const struct collector *c)
{
	return c->counters ? c->counters : c->poller ? poller_counters : counters;
}
