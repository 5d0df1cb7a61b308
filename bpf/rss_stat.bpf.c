// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* The collector "rss_stat". The tracepoint gives exact sums, the mm has not. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "collector.bpf.h"
#include "rss_stat.h"

STORE(rss_stat, struct rss_stat_key, struct rss_stat_row);

SEC("tracepoint/kmem/rss_stat")
int rss_stat_changed(struct trace_event_raw_rss_stat *event)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct rss_stat_key key = { .pid = id };
	struct rss_stat_row row = {
		.size = event->size,
		.tgid = id >> 32,
		.cpu = bpf_get_smp_processor_id(),
		.member = event->member,
		.mm_id = event->mm_id,
		.own = event->curr,
		.one_in = one_in(),
	};

	if (wanted())
		collect(&rss_stat, &key, &row);
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
