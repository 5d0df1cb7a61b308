// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * The collector "zswap". A function that returns a bool leaves the rest of the
 * register as it was.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "collector.bpf.h"
#include "zswap.h"

#define ENOENT	2

extern int LINUX_KERNEL_VERSION __kconfig;

CALLS(__u64);			/* when it began */
STORE(zswap, struct zswap_key, struct zswap_row);

static void begin(void)
{
	__u64 now = bpf_ktime_get_ns();

	call_begins(&now);
}

static void end(__u32 kind, int result)
{
	__u64 id = bpf_get_current_pid_tgid();
	__u64 *began = call_kept();
	struct zswap_key key = { .pid = id };
	struct zswap_row row = {
		.end = bpf_ktime_get_ns(),
		.tgid = id >> 32,
		.cpu = bpf_get_smp_processor_id(),
		.kind = kind,
		.result = result,
		.one_in = one_in(),
	};

	if (began) {
		row.start = *began;
		call_ends();
	}
	if (end_wanted(began))
		collect(&zswap, &key, &row);
}

SEC("fentry/zswap_store")
int BPF_PROG(store_begins)
{
	begin();
	return 0;
}

SEC("fexit/zswap_store")
int BPF_PROG(store_ends, struct folio *folio, __s8 result)
{
	end(ZSWAP_STORE, result);
	return 0;
}

SEC("fentry/zswap_load")
int BPF_PROG(load_begins)
{
	begin();
	return 0;
}

/* Since 6.15 loads return 0, or an error, of which -ENOENT is none here. */
SEC("fexit/zswap_load")
int BPF_PROG(load_ends, struct folio *folio, int result)
{
	if (LINUX_KERNEL_VERSION < KERNEL_VERSION(6, 15, 0))
		end(ZSWAP_LOAD, (__s8)result);
	else
		end(ZSWAP_LOAD, result == -ENOENT ? 0 : result ?: 1);
	return 0;
}

SEC("fentry/zswap_invalidate")
int BPF_PROG(invalidate_begins)
{
	begin();
	return 0;
}

SEC("fexit/zswap_invalidate")
int BPF_PROG(invalidate_ends)
{
	end(ZSWAP_INVALIDATE, 0);
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
