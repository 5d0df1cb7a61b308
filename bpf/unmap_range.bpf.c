// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* The collector "unmap_range": munmap, exit, exec, MADV_DONTNEED, truncation. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "collector.bpf.h"
#include "unmap_range.h"

#define VM_HUGETLB	0x00400000
#define VM_HUGEPAGE	0x20000000

STORE(unmap_range, struct unmap_range_key, struct unmap_range_row);

static void add_range(struct vm_area_struct *vma, __u64 start, __u64 end)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct unmap_range_key key = { .pid = id };
	struct unmap_range_row row = {
		.start = start,
		.end = end,
		.vma_start = vma->vm_start,
		.vma_end = vma->vm_end,
		.tgid = id >> 32,
		.cpu = bpf_get_smp_processor_id(),
		.is_huge = !!(vma->vm_flags & (VM_HUGETLB | VM_HUGEPAGE)),
		.is_file = !!vma->vm_file,
		.one_in = one_in(),
	};

	if (wanted())
		collect(&unmap_range, &key, &row);
}

SEC("?fentry/unmap_page_range")
int BPF_PROG(unmap_page_range, struct mmu_gather *tlb, struct vm_area_struct *vma,
	     unsigned long addr, unsigned long end)
{
	add_range(vma, addr, end);
	return 0;
}

/* Of later kernels, where the compiler makes the other part of this. */
SEC("?fentry/__zap_vma_range")
int BPF_PROG(zap_vma_range, struct mmu_gather *tlb, struct vm_area_struct *vma,
	     unsigned long addr, unsigned long end)
{
	add_range(vma, addr, end);
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
