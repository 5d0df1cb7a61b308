// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instructions that a collector adds to an event, next to those of the very
 * same programs writing into a BPF ring buffer. A loop of system calls makes
 * the events; what it takes without programs is left out. Meant for a virtual
 * machine that counts instructions, after bench_kernel, which waits for its
 * clock.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>
#include <x86intrin.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/types.h>
#include "bpf/support.h"
#include "collector_control.h"
#include "report.h"

#include "file_data.skel.h"
#include "file_data_ringbuf.skel.h"
#include "madvise.skel.h"
#include "madvise_ringbuf.skel.h"
#include "page_fault.skel.h"
#include "page_fault_ringbuf.skel.h"
#include "process_trace.skel.h"
#include "process_trace_ringbuf.skel.h"
#include "rss_stat.skel.h"
#include "rss_stat_ringbuf.skel.h"
#include "unmap_range.skel.h"
#include "unmap_range_ringbuf.skel.h"

#define RUNS	15
#define EVENTS	512
#define ROWS	1024	/* a store that has wrapped after a few runs */
#define PAGE	4096

static char *pages;

static void die(const char *what)
{
	fprintf(stderr, "bench_collect: %s (%s)\n", what, strerror(errno));
	exit(1);
}

/* ---- loops of EVENTS events each */

/* The pages are not there: nothing to do but for the event. */
static void loop_madvise(void)
{
	int i;

	for (i = 0; i < EVENTS; i++)
		madvise(pages, PAGE, MADV_NORMAL);
}

static void loop_unmap(void)
{
	int i;

	for (i = 0; i < EVENTS; i++)
		madvise(pages, PAGE, MADV_DONTNEED);
}

static void loop_touch(void)
{
	int i;

	for (i = 0; i < EVENTS; i++)
		((volatile char *)pages)[i * PAGE] = 1;
}

static void forget_pages(void)
{
	madvise(pages, EVENTS * PAGE, MADV_DONTNEED);
}

static void loop_open(void)
{
	int i;

	for (i = 0; i < EVENTS; i++)
		close(open("/", O_RDONLY));
}

static void loop_rename(void)
{
	int i;

	for (i = 0; i < EVENTS; i++)
		prctl(PR_SET_NAME, "bench");
}

static const struct bench {
	const char *name;
	const void *(*store)(size_t *size);
	const void *(*ring)(size_t *size);
	void (*loop)(void);
	void (*after)(void);	/* not counted */
} benches[] = {
	{ "madvise", madvise_bpf__elf_bytes, madvise_ringbuf_bpf__elf_bytes,
	  loop_madvise, NULL },
	{ "unmap_range", unmap_range_bpf__elf_bytes,
	  unmap_range_ringbuf_bpf__elf_bytes, loop_unmap, NULL },
	{ "page_fault", page_fault_bpf__elf_bytes,
	  page_fault_ringbuf_bpf__elf_bytes, loop_touch, forget_pages },
	{ "rss_stat", rss_stat_bpf__elf_bytes, rss_stat_ringbuf_bpf__elf_bytes,
	  loop_touch, forget_pages },
	{ "file_data", file_data_bpf__elf_bytes,
	  file_data_ringbuf_bpf__elf_bytes, loop_open, NULL },
	{ "process_trace", process_trace_bpf__elf_bytes,
	  process_trace_ringbuf_bpf__elf_bytes, loop_rename, NULL },
};

/* ---- a collector at work */

struct attached {
	struct bpf_object *object;
	struct bpf_link *links[8];
	int nr_links;
	struct ring_buffer *ring;	/* NULL: it has a store */
};

static int drop(void *ctx, void *data, size_t size)
{
	return 0;
}

static struct bpf_object *load(const void *elf, size_t size)
{
	struct bpf_object *object = bpf_object__open_mem(elf, size, NULL);
	struct bpf_program *program;

	if (!object)
		die("open");
	bpf_object__for_each_program(program, object)
		bpf_program__set_autoload(program, true);
	if (bpf_object__load(object))
		die("load");
	return object;
}

static void attach(struct attached *a, const struct bench *bench, bool ring)
{
	struct collector_control control = { .active = 1 };
	struct bpf_program *program;
	uint32_t zero = 0;
	struct bpf_map *map;
	const void *elf;
	size_t size;

	*a = (struct attached){ 0 };
	elf = ring ? bench->ring(&size) : bench->store(&size);
	a->object = load(elf, size);
	if (ring) {
		map = bpf_object__find_map_by_name(a->object, "ring");
		a->ring = ring_buffer__new(bpf_map__fd(map), drop, NULL, NULL);
		if (!a->ring)
			die("ring buffer");
	} else {
		map = bpf_object__find_map_by_name(a->object, bench->name);
		register_store(bench->name, bpf_map__fd(map), ROWS);
	}
	bpf_object__for_each_program(program, a->object) {
		struct bpf_link *link = bpf_program__attach(program);

		if (!link)
			die(bpf_program__name(program));
		a->links[a->nr_links++] = link;
	}
	map = bpf_object__find_map_by_name(a->object, ".data.control");
	if (bpf_map_update_elem(bpf_map__fd(map), &zero, &control, BPF_ANY))
		die("control");
}

static void detach(struct attached *a, const struct bench *bench)
{
	while (a->nr_links)
		bpf_link__destroy(a->links[--a->nr_links]);
	if (a->ring)
		ring_buffer__free(a->ring);
	else
		unregister_store(bench->name);
	bpf_object__close(a->object);
}

static uint64_t counter(const struct attached *a, uint32_t index)
{
	uint64_t values[64], sum = 0;
	struct bpf_map *map = bpf_object__find_map_by_name(a->object, "counters");
	int cpus = libbpf_num_possible_cpus(), i;

	if (bpf_map_lookup_elem(bpf_map__fd(map), &index, values))
		die("counters");
	for (i = 0; i < cpus && i < 64; i++)
		sum += values[i];
	return sum;
}

/* ---- counting */

/* A run without a timer tick in it is the shortest one. */
static uint64_t shortest(const struct bench *bench, struct attached *a)
{
	uint64_t started, took, best = UINT64_MAX;
	int i;

	for (i = 0; i < RUNS; i++) {
		started = __rdtsc();
		bench->loop();
		took = __rdtsc() - started;
		if (bench->after)
			bench->after();
		if (a && a->ring)
			ring_buffer__consume(a->ring);
		if (took < best)
			best = took;
	}
	return best;
}

/* What the programs add, by event. */
static double added(const struct bench *bench, bool ring)
{
	uint64_t without = shortest(bench, NULL), with, events, rows;
	struct attached a;

	attach(&a, bench, ring);
	with = shortest(bench, &a);
	events = counter(&a, COLLECTOR_EVENTS);
	rows = counter(&a, COLLECTOR_ROWS);
	detach(&a, bench);
	/* Each event has to be a row, or this measures something else. */
	if (events < (uint64_t)RUNS * EVENTS || rows != events)
		die("events are missing");
	return ((double)with - without) / EVENTS;
}

int main(void)
{
	char name[64];
	size_t i;

	pages = mmap(NULL, EVENTS * PAGE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pages == MAP_FAILED || madvise(pages, EVENTS * PAGE, MADV_NOHUGEPAGE))
		die("pages");
	connect_family();
	for (i = 0; i < sizeof(benches) / sizeof(benches[0]); i++) {
		double store = added(&benches[i], false);
		double ring = added(&benches[i], true);

		snprintf(name, sizeof(name), "collect.%s.icount", benches[i].name);
		report(name, "instructions per event", store,
		       "the same programs writing into a BPF ringbuf", ring);
	}
	return 0;
}
