// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * The collector "page_fault". The faulting thread is handled by one CPU after
 * the other, so its entry has one writer. The mapping may be gone when the
 * fault ends: it is read before.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "collector.bpf.h"
#include "page_fault.h"

#define VM_HUGEPAGE		0x20000000
#define VM_NOHUGEPAGE		0x40000000
#define VM_FAULT_ERROR		0x0873	/* OOM, SIGBUS, HWPOISON*, SIGSEGV, FALLBACK */
#define VM_FAULT_FALLBACK	0x0800
#define VM_FAULT_RETRY		0x0400
#define PAGE_BYTES		4096
#define HUGE_BYTES		(2 << 20)

struct fault {
	__u64 began;
	__u64 vma_start;
	__u64 vma_end;
	__u32 advised;
	__u32 decision;
};

CALLS(struct fault);
STORE(page_fault, struct page_fault_key, struct page_fault_row);

SEC("fentry/handle_mm_fault")
int BPF_PROG(fault_begins, struct vm_area_struct *vma)
{
	__u64 flags = vma->vm_flags;
	struct fault fault = {
		.began = bpf_ktime_get_ns(),
		.vma_start = vma->vm_start,
		.vma_end = vma->vm_end,
		.advised = flags & VM_HUGEPAGE ? 1 :
			   flags & VM_NOHUGEPAGE ? 2 : 0,
	};

	call_begins(&fault);
	return 0;
}

SEC("?fexit/do_huge_pmd_anonymous_page")
int BPF_PROG(huge_page, struct vm_fault *vmf, int result)
{
	struct fault *fault = call_kept();

	if (fault)
		fault->decision = result & VM_FAULT_FALLBACK ?
				  PAGE_FAULT_FALLBACK : PAGE_FAULT_HUGE;
	return 0;
}

SEC("fexit/handle_mm_fault")
int BPF_PROG(fault_ends, struct vm_area_struct *vma, unsigned long address,
	     unsigned int flags, struct pt_regs *regs, int result)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct fault *fault = call_kept();
	struct page_fault_key key = { .pid = id };
	struct page_fault_row row = {
		.address = address,
		.tgid = id >> 32,
		.cpu = bpf_get_smp_processor_id(),
		.flags = flags,
		.result = result,
		.one_in = one_in(),
	};

	if (fault) {
		row.vma_start = fault->vma_start;
		row.vma_end = fault->vma_end;
		row.duration = bpf_ktime_get_ns() - fault->began;
		row.decision = fault->decision;
		row.advised = fault->advised;
		call_ends();
	}
	if (!(result & (VM_FAULT_ERROR | VM_FAULT_RETRY)))
		row.mapped = row.decision == PAGE_FAULT_HUGE ? HUGE_BYTES :
							       PAGE_BYTES;
	if (end_wanted(fault))
		collect(&page_fault, &key, &row);
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
