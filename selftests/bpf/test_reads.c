// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kfuncs that read a store, in each kind of program, against the rows that
 * were captured; truncation; and the documentation's example, run as written.
 */
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "support.h"
#include "reads.h"
#include "reads.skel.h"
#include "example_store.skel.h"
#include "tap.h"

static struct reads_bpf *skel;

/* Rows of key 1 with numbers 97, 93, 89, 85, 81. */
#define LAST_SUM	(97 + 93 + 89 + 85 + 81)
#define RANGE_SUM	(20 + 21 + 22 + 23 + 24 + 25 + 26 + 27 + 28 + 29)

static void check(enum reads_context context, const char *name)
{
	const struct reads_result *r = &skel->bss->results[context];

	if (!ok(r->runs > 0, "%s: runs", name))
		return;
	ok(r->by_map == 97, "%s: latest row of a key, by map", name);
	ok(r->asof == 49 && r->asof_early == -ENOENT, "%s: row as of a time",
	   name);
	ok(r->nearest == 60 && r->bad_size == -EINVAL,
	   "%s: row nearest to a time", name);
	ok(r->last == READS_LAST && r->last_numbers == LAST_SUM,
	   "%s: last rows of a key", name);
	ok(r->range == 10 && r->range_numbers == RANGE_SUM,
	   "%s: loop over a range", name);
	ok(r->all == READS_ROWS && r->all_in_order &&
	   r->all_read == READS_ROWS, "%s: loop over all, in order", name);
	ok(r->no_store == -ENOENT && r->no_row == -ENOENT,
	   "%s: no such store, no such row", name);
	ok(!r->stats && r->captured == READS_ROWS && r->stored == READS_ROWS,
	   "%s: statistics", name);
}

static void run_attached(struct bpf_program *program,
			 enum reads_context context, const char *name)
{
	struct bpf_link *link = bpf_program__attach(program);

	if (!link)
		note("%s: cannot attach: %s", name, strerror(errno));
	syscall(__NR_getppid);
	bpf_link__destroy(link);
	check(context, name);
}

static void test_reads(void)
{
	skel = reads_bpf__open();
	if (!skel)
		bail("open");
	skel->rodata->tester = gettid();
	if (reads_bpf__load(skel))
		bail("load");
	register_store("reads", bpf_map__fd(skel->maps.store), 4096);
	if (run_once(skel->progs.fill))
		bail("fill");

	run_once(skel->progs.in_syscall);
	check(READS_SYSCALL, "syscall program");
	run_once(skel->progs.in_xdp);
	check(READS_XDP, "xdp");
	run_once(skel->progs.in_tc);
	check(READS_TC, "tc");
	run_once(skel->progs.in_socket);
	check(READS_SOCKET, "socket filter");
	run_attached(skel->progs.in_raw_tp, READS_RAW_TP, "raw_tp");
	run_attached(skel->progs.in_tp_btf, READS_TP_BTF, "tp_btf");
	run_attached(skel->progs.in_tracepoint, READS_TRACEPOINT,
		     "tracepoint");
	run_attached(skel->progs.in_kprobe, READS_KPROBE, "kprobe");

	run_once(skel->progs.truncate);
	run_once(skel->progs.in_syscall);
	{
		const struct reads_result *r =
			&skel->bss->results[READS_SYSCALL];

		ok(!skel->bss->truncated && r->all == 60 && r->stored == 60 &&
		   !r->range && r->captured == READS_ROWS,
		   "truncated rows are hidden from loops and counted");
	}
	unregister_store("reads");
	run_once(skel->progs.in_syscall);
	ok(skel->bss->results[READS_SYSCALL].asof == -ENOENT &&
	   skel->bss->results[READS_SYSCALL].by_map == -ENOENT &&
	   skel->bss->results[READS_SYSCALL].all == 0,
	   "an unregistered store is gone for reads of all kinds");
	reads_bpf__destroy(skel);
}

static void test_example(void)
{
	struct example_store_bpf *example = example_store_bpf__open_and_load();
	int zero = open("/dev/zero", O_RDONLY), i, mine = 0, linked = 0;
	struct rows rows;
	uint64_t before = 0;
	size_t at;
	char byte;

	if (!example)
		bail("example");
	register_store("reads", bpf_map__fd(example->maps.reads), 10000);
	if (example_store_bpf__attach(example))
		bail("attach");
	for (i = 0; i < 20; i++)
		if (read(zero, &byte, 1) != 1)
			bail("read");
	example_store_bpf__detach(example);

	read_rows("reads", &rows);
	for (at = 0; at < rows.nr; at++) {
		const uint64_t *value = row_value(&rows, at);

		if (*(const uint32_t *)row_key(&rows, at) != (uint32_t)getpid())
			continue;
		linked += mine && value[1] == before;
		before = value[0];
		mine++;
	}
	ok(mine == 20, "the example captures each read");
	ok(linked == 19, "and knows how long the one before took");
	free_rows(&rows);
	unregister_store("reads");
	example_store_bpf__destroy(example);
	close(zero);
}

int main(void)
{
	connect_family();
	test_reads();
	test_example();
	return done();
}
