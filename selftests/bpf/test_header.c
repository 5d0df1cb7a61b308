// SPDX-License-Identifier: GPL-2.0-only
/*
 * kernmlops.bpf.h beside a vmlinux.h that was made from the module: with its
 * types only, and with prototypes of its kfuncs. (Beside one of the kernel alone
 * it is in all other tests.) Programs of both kinds load, run and read the same.
 */
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "support.h"
#include "reads.h"
#include "reads-types.skel.h"
#include "reads-prototypes.skel.h"
#include "example_store-types.skel.h"
#include "example_store-prototypes.skel.h"
#include "tap.h"

static void check(const struct reads_result *r, const char *with)
{
	ok(r->runs == 1 && r->by_map == 97 && r->nearest == 60 &&
	   r->last == READS_LAST, "%s: reads", with);
	ok(r->all == READS_ROWS && r->all_in_order && r->all_read == READS_ROWS,
	   "%s: a loop", with);
	ok(!r->stats && r->captured == READS_ROWS && r->stored == READS_ROWS,
	   "%s: statistics", with);
}

/* Skeletons of the same source, but of types of their own. */
#define TEST(kind, with) do {						\
	struct reads_##kind##_bpf *reads =				\
		reads_##kind##_bpf__open_and_load();			\
	struct example_store_##kind##_bpf *example =			\
		example_store_##kind##_bpf__open_and_load();		\
									\
	ok(example, "%s: the example loads", with);			\
	example_store_##kind##_bpf__destroy(example);			\
	if (!ok(reads, "%s: programs load", with))			\
		break;							\
	register_store("reads", bpf_map__fd(reads->maps.store), 4096);	\
	if (run_once(reads->progs.fill) ||				\
	    run_once(reads->progs.in_syscall))				\
		bail("run");						\
	check(&reads->bss->results[READS_SYSCALL], with);		\
	unregister_store("reads");					\
	reads_##kind##_bpf__destroy(reads);				\
} while (0)

int main(void)
{
	connect_family();
	TEST(types, "types of the module");
	TEST(prototypes, "types and prototypes");
	return done();
}
