// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instructions that an operation takes in the kernel, next to those of what
 * BPF offers for the same. Meant for a virtual machine that counts them: its
 * TSC and its clock advance by one for each instruction (VM_ACCEL=icount).
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <x86intrin.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/genetlink.h>
#include <linux/kernmlops.h>
#include <linux/netlink.h>
#include "nl/client.h"
#include "bpf/support.h"
#include "ops.h"
#include "ops.skel.h"
#include "report.h"

#define RUNS		25
#define BATCH		4096

static struct ops_bpf *ops;
static struct ring_buffer *ring;

static void die(const char *what)
{
	fprintf(stderr, "bench_kernel: %s (%s)\n", what, strerror(errno));
	exit(1);
}

/* Does the TSC count instructions? A loop of two of them tells. */
static void check_ruler(void)
{
	uint64_t turns, started, took, best = UINT64_MAX;
	int run;

	for (run = 0; run < RUNS; run++) {
		turns = 100000;
		started = __rdtsc();
		asm volatile("1: dec %0; jnz 1b" : "+r"(turns));
		took = __rdtsc() - started;
		if (took < best)
			best = took;
	}
	if (best < 199000 || best > 201000) {
		fprintf(stderr, "bench_kernel: 200000 instructions took %llu ticks of the TSC: this machine does not count instructions\n",
			(unsigned long long)best);
		exit(1);
	}
}

static bool clocksource_is_tsc(void)
{
	FILE *file = fopen("/sys/devices/system/clocksource/clocksource0/current_clocksource",
			   "r");
	char name[32] = "";

	if (!file || !fgets(name, sizeof(name), file))
		die("no clocksource");
	fclose(file);
	return !strcmp(name, "tsc\n");
}

/* The kernel takes a second to trust its TSC; the module follows it then. */
static void wait_for_clock(void)
{
	int tries = 0;

	while (!clocksource_is_tsc()) {
		if (tries++ == 100) {
			fprintf(stderr, "bench_kernel: the clocksource is not the TSC, captures would take the slow clock\n");
			exit(1);
		}
		usleep(100000);
	}
	sleep(1);
}

static uint64_t run(const struct bpf_program *program, uint32_t turns)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	uint64_t started, took;

	ops->bss->turns = turns;
	started = __rdtsc();
	if (bpf_prog_test_run_opts(bpf_program__fd(program), &opts))
		die(bpf_program__name(program));
	took = __rdtsc() - started;
	if (ops->bss->failed)
		die(bpf_program__name(program));
	ring_buffer__consume(ring);
	return took;
}

/* A run without a timer tick in it is the shortest one. */
static uint64_t shortest(const struct bpf_program *program, uint32_t turns)
{
	uint64_t took, best = UINT64_MAX;
	int i;

	for (i = 0; i < RUNS; i++) {
		took = run(program, turns);
		if (took < best)
			best = took;
	}
	return best;
}

/* Per turn; the difference of two loops has no entry to the kernel in it. */
static double per_turn(const struct bpf_program *program)
{
	return (double)(shortest(program, 2 * KEYS) -
			shortest(program, KEYS)) / KEYS;
}

static double count(const struct bpf_program *program)
{
	static double loop;

	if (!loop)
		loop = per_turn(ops->progs.nothing);
	return per_turn(program) - loop;
}

static int drop(void *ctx, void *data, size_t size)
{
	return 0;
}

static uint64_t counter(const char *store, int attr)
{
	return store_counter(store, attr);
}

static void bench_capture(void)
{
	uint64_t before = counter("bench", KERNMLOPS_A_STORE_OVERWRITTEN);
	double capture, ringbuf;

	/* The ring has wrapped: each capture overwrites a row. */
	while (!before) {
		run(ops->progs.capture, 8 * KEYS);
		before = counter("bench", KERNMLOPS_A_STORE_OVERWRITTEN);
	}
	capture = count(ops->progs.capture);
	ringbuf = count(ops->progs.ringbuf);
	report("store.capture.64B.icount", "instructions", capture,
	       "BPF ringbuf: reserve, bpf_ktime_get_ns, 64-byte copy, submit",
	       ringbuf);
	report("store.capture_vs_update.64B.icount", "instructions", capture,
	       "BPF hash: update of 64 bytes, no time, no history",
	       count(ops->progs.update));
}

static void bench_reads(void)
{
	double lookup = count(ops->progs.lookup);
	int i;

	report("store.get_latest.icount", "instructions",
	       count(ops->progs.latest), "BPF hash: lookup, 64-byte copy",
	       lookup);
	report("store.get_latest_by_name.icount", "instructions",
	       count(ops->progs.latest_by_name),
	       "BPF hash: lookup, 64-byte copy", lookup);

	run(ops->progs.clock, 1);
	ops->bss->asof = ops->bss->now;
	for (i = 0; i < ASOF_BACK; i++)
		run(ops->progs.capture, KEYS);
	report("store.get_asof.icount", "instructions",
	       count(ops->progs.get_asof), "BPF hash: lookup, 64-byte copy",
	       lookup);
}

/* Receives all rows of a store; returns the bytes of values among them. */
static uint64_t dump(int fd, const void *request, size_t size)
{
	static char buffer[256 * 1024];
	const struct nlmsghdr *nlh;
	uint64_t rows = 0;
	ssize_t got;

	if (send(fd, request, size, 0) != size)
		die("send");
	for (;;) {
		got = recv(fd, buffer, sizeof(buffer), 0);
		if (got <= 0)
			die("receive");
		for (nlh = (void *)buffer; nlmsg_ok(nlh, got);
		     nlh = nlmsg_next((void *)nlh, (int *)&got)) {
			const struct nlattr *count;

			if (nlh->nlmsg_type == NLMSG_ERROR)
				die("dump");
			if (nlh->nlmsg_type == NLMSG_DONE)
				return rows * sizeof(struct ops_value);
			count = nlmsg_find_attr((void *)nlh, GENL_HDRLEN,
						KERNMLOPS_A_ROW_COUNT);
			rows += count ? nla_get_u32(count) : 1;
		}
	}
}

static double export_store(void)
{
	uint64_t started, took, bytes, best = UINT64_MAX;
	struct client client;
	struct nlmsghdr *nlh;
	int run, fd;

	if (client_open(&client))
		die("no netlink family");
	fd = nl_socket_get_fd(client.sock);
	client_begin(&client, KERNMLOPS_CMD_ROW_GET, NLM_F_DUMP);
	nla_put_string(client.msg, KERNMLOPS_A_ROW_STORE, "bench_export");
	nl_complete_msg(client.sock, client.msg);
	nlh = nlmsg_hdr(client.msg);
	for (run = 0; run < 5; run++) {
		started = __rdtsc();
		bytes = dump(fd, nlh, nlh->nlmsg_len);
		took = __rdtsc() - started;
		if (bytes != EXPORT_ROWS * sizeof(struct ops_value))
			die("rows are missing");
		if (took < best)
			best = took;
	}
	nlmsg_free(client.msg);
	client_close(&client);
	return 1000.0 * bytes / best;
}

static double export_table(void)
{
	static uint32_t keys[BATCH], token;
	static struct ops_value values[BATCH];
	int fd = bpf_map__fd(ops->maps.big_table), run, err;
	uint64_t started, took, rows, best = UINT64_MAX;

	for (run = 0; run < 5; run++) {
		void *from = NULL;

		rows = 0;
		started = __rdtsc();
		do {
			uint32_t count = BATCH;

			err = bpf_map_lookup_batch(fd, from, &token, keys,
						   values, &count, NULL);
			rows += count;
			from = &token;
		} while (!err);
		took = __rdtsc() - started;
		if (errno != ENOENT || rows != EXPORT_ROWS)
			die("lookup batch");
		if (took < best)
			best = took;
	}
	return 1000.0 * EXPORT_ROWS * sizeof(struct ops_value) / best;
}

static void bench_export(void)
{
	run(ops->progs.fill_store, EXPORT_ROWS);
	run(ops->progs.fill_table, EXPORT_ROWS);
	report("store.export.MBps", "MB/s at 1 instruction/ns", export_store(),
	       "BPF_MAP_LOOKUP_BATCH of a hash map", export_table());
}

int main(void)
{
	check_ruler();
	wait_for_clock();
	ops = ops_bpf__open_and_load();
	if (!ops)
		die("the programs do not load");
	ring = ring_buffer__new(bpf_map__fd(ops->maps.ring), drop, NULL, NULL);
	if (!ring)
		die("ring buffer");
	connect_family();
	register_store("bench", bpf_map__fd(ops->maps.features),
		       KEYS * ROWS_PER_KEY);
	register_store("bench_export", bpf_map__fd(ops->maps.exported),
		       EXPORT_ROWS);
	run(ops->progs.update, KEYS);

	bench_capture();
	bench_reads();
	bench_export();

	unregister_store("bench");
	unregister_store("bench_export");
	ring_buffer__free(ring);
	ops_bpf__destroy(ops);
	return 0;
}
