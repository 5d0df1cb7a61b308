// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* The collector "page_cache". */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "collector.bpf.h"
#include "page_cache.h"

#define PAGE_SHIFT	12
#define FMODE_RANDOM	0x1000

STORE(page_cache, struct page_cache_key, struct page_cache_row);
STORE(readahead, struct page_cache_key, struct readahead_row);

static void add_change(__u32 kind, __u64 inode, __u32 device, __u64 index,
		       __u32 pages)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct page_cache_key key = { .inode = inode, .device = device };
	struct page_cache_row row = {
		.index = index,
		.pages = pages,
		.kind = kind,
		.pid = id,
		.tgid = id >> 32,
		.cpu = bpf_get_smp_processor_id(),
		.one_in = one_in(),
	};

	if (wanted())
		collect(&page_cache, &key, &row);
}

SEC("tracepoint/filemap/mm_filemap_add_to_page_cache")
int folio_added(struct trace_event_raw_mm_filemap_op_page_cache *event)
{
	add_change(PAGE_CACHE_ADD, event->i_ino, event->s_dev, event->index,
		   1U << (event->order & 31));
	return 0;
}

SEC("tracepoint/filemap/mm_filemap_delete_from_page_cache")
int folio_deleted(struct trace_event_raw_mm_filemap_op_page_cache *event)
{
	add_change(PAGE_CACHE_DELETE, event->i_ino, event->s_dev, event->index,
		   1U << (event->order & 31));
	return 0;
}

/* The name that it had before, and the one that it has now. */
struct folio___older {
	unsigned int _folio_nr_pages;
};

struct folio___newer {
	unsigned int _nr_pages;
};

static __u32 pages_of(struct folio *folio)
{
	struct folio___older *older = (void *)folio;
	struct folio___newer *newer = (void *)folio;
	unsigned long flags = 0;
	__u32 pages = 0;

	/* The flags come first; their type differs between kernels. */
	bpf_probe_read_kernel(&flags, sizeof(flags), folio);
	if (!(flags & 1UL << bpf_core_enum_value(enum pageflags, PG_head)))
		return 1;
	if (bpf_core_field_exists(older->_folio_nr_pages))
		bpf_core_read(&pages, sizeof(pages), &older->_folio_nr_pages);
	else if (bpf_core_field_exists(newer->_nr_pages))
		bpf_core_read(&pages, sizeof(pages), &newer->_nr_pages);
	return pages;
}

/* Its event has the name of a device, not its number: from the mapping. */
SEC("tp_btf/writeback_dirty_folio")
int BPF_PROG(folio_dirtied, struct folio *folio, struct address_space *mapping)
{
	struct inode *inode = mapping ? mapping->host : NULL;

	if (inode)
		add_change(PAGE_CACHE_DIRTY, inode->i_ino, inode->i_sb->s_dev,
			   folio->index, pages_of(folio));
	return 0;
}

static void add_readahead(struct readahead_control *ractl, __u32 wanted_pages,
			  bool asynchronous)
{
	struct file_ra_state *ra = ractl->ra;
	struct inode *inode = ractl->mapping->host;
	__u64 id = bpf_get_current_pid_tgid();
	struct page_cache_key key = {};
	struct readahead_row row = {
		.index = ractl->_index,
		.wanted = wanted_pages,
		.asynchronous = asynchronous,
		.pid = id,
		.tgid = id >> 32,
		.cpu = bpf_get_smp_processor_id(),
		.one_in = one_in(),
	};

	if (!wanted())
		return;
	key.inode = inode->i_ino;
	key.device = inode->i_sb->s_dev;
	row.file_size = inode->i_size;
	row.window_start = ra->start;
	row.window_size = ra->size;
	row.window_async = ra->async_size;
	row.window_max = ra->ra_pages;
	row.mmap_miss = ra->mmap_miss;
	row.previous = ra->prev_pos < 0 ? -1 : ra->prev_pos >> PAGE_SHIFT;
	if (ractl->file)
		row.random = !!((__u32)ractl->file->f_mode & FMODE_RANDOM);
	collect(&readahead, &key, &row);
}

SEC("fentry/page_cache_sync_ra")
int BPF_PROG(readahead_missed, struct readahead_control *ractl,
	     unsigned long wanted_pages)
{
	add_readahead(ractl, wanted_pages, false);
	return 0;
}

SEC("fentry/page_cache_async_ra")
int BPF_PROG(readahead_hit, struct readahead_control *ractl, struct folio *folio,
	     unsigned long wanted_pages)
{
	add_readahead(ractl, wanted_pages, true);
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
