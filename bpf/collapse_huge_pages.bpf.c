// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* The collector "collapse_huge_pages". */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "collector.bpf.h"
#include "collapse_huge_pages.h"

CALLS(__u64);			/* when it began */
STORE(collapse_huge_pages, struct collapse_huge_pages_key, struct collapse_huge_pages_row);
STORE(khugepaged_scan, struct collapse_huge_pages_key, struct khugepaged_scan_row);

SEC("fentry/collapse_huge_page")
int BPF_PROG(collapse_begins)
{
	__u64 now = bpf_ktime_get_ns();

	call_begins(&now);
	return 0;
}

/*
 * mm, address, referenced, unmapped, cc; newer kernels have one more, so that the
 * status is not in the same place everywhere.
 */
SEC("fexit/collapse_huge_page")
int collapse_ends(unsigned long long *args)
{
	__u64 id = bpf_get_current_pid_tgid();
	__u64 *began = call_kept();
	struct collapse_huge_pages_key key = { .pid = id };
	struct collapse_huge_pages_row row = {
		.mm = args[0],
		.address = args[1],
		.tgid = id >> 32,
		.cpu = bpf_get_smp_processor_id(),
		.referenced = args[2],
		.unmapped = args[3],
		.one_in = one_in(),
	};
	__u64 status = 0;

	bpf_get_func_ret(args, &status);
	row.status = status;
	if (began) {
		row.duration = bpf_ktime_get_ns() - *began;
		call_ends();
	}
	if (end_wanted(began))
		collect(&collapse_huge_pages, &key, &row);
	return 0;
}

SEC("tracepoint/huge_memory/mm_khugepaged_scan_pmd")
int scan_pmd(struct trace_event_raw_mm_khugepaged_scan_pmd *event)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct collapse_huge_pages_key key = { .pid = id };
	struct khugepaged_scan_row row = {
		.mm = (__u64)event->mm,
		.tgid = id >> 32,
		.cpu = bpf_get_smp_processor_id(),
		.referenced = event->referenced,
		.none_or_zero = event->none_or_zero,
		.unmapped = event->unmapped,
		.status = event->status,
		.one_in = one_in(),
	};

	if (wanted())
		collect(&khugepaged_scan, &key, &row);
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
