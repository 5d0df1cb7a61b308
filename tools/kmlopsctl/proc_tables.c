// SPDX-License-Identifier: GPL-2.0-only
/* The pollers whose files one parser reads: a table for each. */
#include <stddef.h>

#include "poller.h"
#include "proc_table.h"

#define SECOND		1000000000ULL

#define FILES(...)	((const struct proc_file []){ __VA_ARGS__, { 0 } })
#define FILE_OF(path)	FILES({ path, NULL })
#define PREFIXES(...)	((const char *const []){ __VA_ARGS__, NULL })

/* A machine has one of these: the key is 0. */
#define KEY_OF_ONE	"u32"

#define PROC_POLLER(file, every)					\
	.interval = (every),						\
	.path = (file),							\
	.poll = proc_poll,						\
	.words = proc_words

const struct poller memory_usage_poller = {
	PROC_POLLER("/proc/meminfo", SECOND),
	.stores = (const struct poll_store []){
		{ "memory_usage", KEY_OF_ONE, NULL },
		{ 0 }
	},
	.tables = (const struct proc_table []){
		{ .files = FILE_OF("/proc/meminfo") },
	},
};

/* The words of a schema. */
#define FIELD(name)		name ":u64"
#define ALSO(name)		"," FIELD(name)
#define FIELD_IN(name, unit)	name ":u64:" unit
#define ALSO_IN(name, unit)	"," FIELD_IN(name, unit)

/* Times are in ticks of 1/100 s, as the file has them. */
#define TICKS(name)		FIELD_IN(name, "ticks")

const struct poller stat_poller = {
	PROC_POLLER("/proc/stat", SECOND),
	.stores = (const struct poll_store []){
		{ "stat", "cpu:s32",
		  TICKS("user") "," TICKS("nice") "," TICKS("system") ","
		  TICKS("idle") "," TICKS("iowait") "," TICKS("irq") ","
		  TICKS("softirq") "," TICKS("steal") "," TICKS("guest") ","
		  TICKS("guest_nice") },
		{ "stat_system", KEY_OF_ONE,
		  FIELD("intr") ALSO("ctxt") ALSO("processes")
		  ALSO("procs_running") ALSO("procs_blocked") ALSO("softirq") },
		{ 0 }
	},
	.tables = (const struct proc_table []){
		{ .files = FILE_OF("/proc/stat"), .words = "kv",
		  .prefixes = PREFIXES("cpu") },
		{ .files = FILE_OF("/proc/stat") },
	},
};

/* More lines than a store has fields: pages by state, events, policies. */
#define POLICIES "thp_", "compact_", "htlb_", "ksm_", "zswp", "swap_", "swpin",\
	"swpout", "cow_", "direct_", "numa_", "balloon_", "unevictable_", "cma_"

const struct poller vmstat_poller = {
	PROC_POLLER("/proc/vmstat", SECOND),
	.stores = (const struct poll_store []){
		{ "vmstat", KEY_OF_ONE, NULL },
		{ "vmstat_policies", KEY_OF_ONE, NULL },
		{ "vmstat_events", KEY_OF_ONE, NULL },
		{ 0 }
	},
	.tables = (const struct proc_table []){
		{ .files = FILE_OF("/proc/vmstat"),
		  .prefixes = PREFIXES("nr_") },
		{ .files = FILE_OF("/proc/vmstat"),
		  .prefixes = PREFIXES(POLICIES) },
		{ .files = FILE_OF("/proc/vmstat"), .others = true,
		  .prefixes = PREFIXES("nr_", POLICIES) },
	},
};

const struct poller diskstats_poller = {
	PROC_POLLER("/proc/diskstats", SECOND),
	.stores = (const struct poll_store []){
		{ "diskstats", "device:char[32]",
		  FIELD("reads") ALSO("reads_merged") ALSO("sectors_read")
		  ALSO_IN("read_time", "ms") ALSO("writes")
		  ALSO("writes_merged") ALSO("sectors_written")
		  ALSO_IN("write_time", "ms") ALSO("in_flight")
		  ALSO_IN("io_time", "ms") ALSO_IN("weighted_io_time", "ms")
		  ALSO("discards") ALSO("discards_merged")
		  ALSO("sectors_discarded") ALSO_IN("discard_time", "ms")
		  ALSO("flushes") ALSO_IN("flush_time", "ms") },
		{ 0 }
	},
	.tables = (const struct proc_table []){
		{ .files = FILE_OF("/proc/diskstats"), .words = "--kv" },
	},
};

const struct poller net_dev_poller = {
	PROC_POLLER("/proc/net/dev", SECOND),
	.stores = (const struct poll_store []){
		{ "net_dev", "device:char[16]",
		  FIELD_IN("rx_bytes", "bytes") ALSO("rx_packets")
		  ALSO("rx_errors") ALSO("rx_dropped") ALSO("rx_fifo")
		  ALSO("rx_frame") ALSO("rx_compressed") ALSO("rx_multicast")
		  ALSO_IN("tx_bytes", "bytes") ALSO("tx_packets")
		  ALSO("tx_errors") ALSO("tx_dropped") ALSO("tx_fifo")
		  ALSO("tx_collisions") ALSO("tx_carrier")
		  ALSO("tx_compressed") },
		{ 0 }
	},
	.tables = (const struct proc_table []){
		{ .files = FILE_OF("/proc/net/dev"), .words = "kv",
		  .between = ":", .skip = 2 },
	},
};

const struct poller loadavg_poller = {
	PROC_POLLER("/proc/loadavg", SECOND),
	.stores = (const struct poll_store []){
		{ "loadavg", KEY_OF_ONE,
		  FIELD_IN("load_1min", "0.01") ALSO_IN("load_5min", "0.01")
		  ALSO_IN("load_15min", "0.01") ALSO("runnable")
		  ALSO("threads") ALSO("last_pid") },
		{ 0 }
	},
	.tables = (const struct proc_table []){
		{ .files = FILE_OF("/proc/loadavg"), .words = "v",
		  .between = "/" },
	},
};

const struct poller pressure_poller = {
	PROC_POLLER("/proc/pressure/cpu", SECOND),
	.stores = (const struct poll_store []){
		{ "pressure", "resource:char[8],who:char[8]",
		  FIELD_IN("avg10", "0.01%") ALSO_IN("avg60", "0.01%")
		  ALSO_IN("avg300", "0.01%") ALSO_IN("total", "us") },
		{ 0 }
	},
	.tables = (const struct proc_table []){
		{ .files = FILES({ "/proc/pressure/cpu", "cpu" },
				 { "/proc/pressure/memory", "memory" },
				 { "/proc/pressure/io", "io" }),
		  .words = "kv" },
	},
};

const struct poller schedstat_poller = {
	PROC_POLLER("/proc/schedstat", SECOND),
	.stores = (const struct poll_store []){
		{ "schedstat", "cpu:s32",
		  FIELD("yields") ALSO("schedules") ALSO("idles")
		  ALSO("wakeups") ALSO("local_wakeups")
		  ALSO_IN("run_time", "ns") ALSO_IN("wait_time", "ns")
		  ALSO("timeslices") },
		{ 0 }
	},
	.tables = (const struct proc_table []){
		{ .files = FILE_OF("/proc/schedstat"), .words = "kv-vvvvvvv",
		  .prefixes = PREFIXES("cpu") },
	},
};
