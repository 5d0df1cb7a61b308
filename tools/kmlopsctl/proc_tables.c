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

/* Times are in ticks of 1/100 s, as the file has them. */
#define TICKS(name)	name ":u64:ticks"

const struct poller stat_poller = {
	PROC_POLLER("/proc/stat", SECOND),
	.stores = (const struct poll_store []){
		{ "stat", "cpu:s32",
		  TICKS("user") "," TICKS("nice") "," TICKS("system") ","
		  TICKS("idle") "," TICKS("iowait") "," TICKS("irq") ","
		  TICKS("softirq") "," TICKS("steal") "," TICKS("guest") ","
		  TICKS("guest_nice") },
		{ "stat_system", KEY_OF_ONE,
		  "intr:u64,ctxt:u64,processes:u64,procs_running:u64,procs_blocked:u64,softirq:u64" },
		{ 0 }
	},
	.tables = (const struct proc_table []){
		{ .files = FILE_OF("/proc/stat"), .words = "kv",
		  .prefixes = PREFIXES("cpu") },
		{ .files = FILE_OF("/proc/stat") },
	},
};

/* More lines than a store has fields: pages by state, events, policies. */
#define POLICIES "thp_", "compact_", "htlb_", "ksm_", "zswp", "swap_", "swpin",	\
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
		  "reads:u64,reads_merged:u64,sectors_read:u64,read_time:u64:ms,"
		  "writes:u64,writes_merged:u64,sectors_written:u64,write_time:u64:ms,"
		  "in_flight:u64,io_time:u64:ms,weighted_io_time:u64:ms,"
		  "discards:u64,discards_merged:u64,sectors_discarded:u64,discard_time:u64:ms,"
		  "flushes:u64,flush_time:u64:ms" },
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
		  "rx_bytes:u64:bytes,rx_packets:u64,rx_errors:u64,rx_dropped:u64,"
		  "rx_fifo:u64,rx_frame:u64,rx_compressed:u64,rx_multicast:u64,"
		  "tx_bytes:u64:bytes,tx_packets:u64,tx_errors:u64,tx_dropped:u64,"
		  "tx_fifo:u64,tx_collisions:u64,tx_carrier:u64,tx_compressed:u64" },
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
		  "load_1min:u64:0.01,load_5min:u64:0.01,load_15min:u64:0.01,"
		  "runnable:u64,threads:u64,last_pid:u64" },
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
		  "avg10:u64:0.01%,avg60:u64:0.01%,avg300:u64:0.01%,total:u64:us" },
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
		  "yields:u64,schedules:u64,idles:u64,wakeups:u64,local_wakeups:u64,"
		  "run_time:u64:ns,wait_time:u64:ns,timeslices:u64" },
		{ 0 }
	},
	.tables = (const struct proc_table []){
		{ .files = FILE_OF("/proc/schedstat"), .words = "kv-vvvvvvv",
		  .prefixes = PREFIXES("cpu") },
	},
};
