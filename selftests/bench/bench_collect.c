// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instructions that a collector adds to an event, next to those of the very
 * same programs writing into a BPF ring buffer. A loop makes the events; what
 * it takes without programs is left out. Meant for a virtual machine that
 * counts instructions, after bench_kernel, which waits for its clock.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <x86intrin.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/types.h>
#include "bpf/support.h"
#include "collect_events.h"
#include "collector_control.h"
#include "report.h"
#include "runqueue.h"

#include "block_io.skel.h"
#include "block_io_ringbuf.skel.h"
#include "collapse_huge_pages.skel.h"
#include "collapse_huge_pages_ringbuf.skel.h"
#include "file_data.skel.h"
#include "file_data_ringbuf.skel.h"
#include "madvise.skel.h"
#include "madvise_ringbuf.skel.h"
#include "page_cache.skel.h"
#include "page_cache_ringbuf.skel.h"
#include "page_fault.skel.h"
#include "page_fault_ringbuf.skel.h"
#include "process_trace.skel.h"
#include "process_trace_ringbuf.skel.h"
#include "quanta.skel.h"
#include "quanta_ringbuf.skel.h"
#include "rss_stat.skel.h"
#include "rss_stat_ringbuf.skel.h"
#include "runqueue.skel.h"
#include "runqueue_ringbuf.skel.h"
#include "tcp.skel.h"
#include "tcp_ringbuf.skel.h"
#include "unmap_range.skel.h"
#include "unmap_range_ringbuf.skel.h"
#include "zswap.skel.h"
#include "zswap_ringbuf.skel.h"

#define RUNS	15
#define ROWS	1024	/* a store that has wrapped after a few runs */
#define NONE	-1

/* Counters whose sum is the number of rows. */
static const int plain[] = { COLLECTOR_ROWS, NONE };
static const int wakeups[] = { RUNQUEUE_WAKEUPS, RUNQUEUE_OUTCOMES, NONE };

#define NAMES(...)	((const char *const []){ __VA_ARGS__, NULL })
#define ELF(name)	#name, name##_bpf__elf_bytes, name##_ringbuf_bpf__elf_bytes

/* An event makes one row in each store. */
static const struct bench {
	const char *name;
	const void *(*store)(size_t *size);
	const void *(*ring)(size_t *size);
	const struct events *events;
	const int *counters;
	const char *const *stores;
} benches[] = {
	{ ELF(madvise), &event_madvise, plain, NAMES("madvise") },
	{ ELF(unmap_range), &event_unmap, plain, NAMES("unmap_range") },
	{ ELF(page_fault), &event_touch, plain, NAMES("page_fault") },
	{ ELF(rss_stat), &event_touch, plain, NAMES("rss_stat") },
	{ ELF(file_data), &event_open, plain, NAMES("file_data") },
	{ ELF(process_trace), &event_rename, plain, NAMES("process_trace") },
	{ ELF(quanta), &event_switch, plain, NAMES("quanta") },
	{ ELF(runqueue), &event_switch, wakeups,
	  NAMES("runqueue", "runqueue_wait") },
	{ ELF(block_io), &event_direct_read, plain, NAMES("block_io") },
	{ ELF(page_cache), &event_cached_read, plain,
	  NAMES("page_cache", "readahead") },
	{ ELF(tcp), &event_segment, plain, NAMES("tcp") },
	{ ELF(collapse_huge_pages), &event_collapse, plain,
	  NAMES("collapse_huge_pages", "khugepaged_scan") },
	{ ELF(zswap), &event_swap_out, plain, NAMES("zswap") },
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

/* Whether the kernel has the function that a program is optional for. */
static bool has_hook(const struct bpf_program *program)
{
	const char *name = strchr(bpf_program__section_name(program), '/') + 1;

	return libbpf_find_vmlinux_btf_id(name,
					  bpf_program__expected_attach_type(program)) > 0;
}

static struct bpf_object *load(const void *elf, size_t size)
{
	struct bpf_object *object = bpf_object__open_mem(elf, size, NULL);
	struct bpf_program *program;

	if (!object)
		die("open");
	bpf_object__for_each_program(program, object)
		if (!bpf_program__autoload(program))
			bpf_program__set_autoload(program, has_hook(program));
	if (bpf_object__load(object))
		die("load");
	return object;
}

/* All but that its programs run. */
static void prepare(struct attached *a, const struct bench *bench, bool ring)
{
	const char *const *name;
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
	}
	for (name = bench->stores; !ring && *name; name++) {
		map = bpf_object__find_map_by_name(a->object, *name);
		register_store(*name, bpf_map__fd(map), ROWS);
	}
}

static void attach(struct attached *a)
{
	struct collector_control control = { .active = 1 };
	struct bpf_program *program;
	uint32_t zero = 0;
	struct bpf_map *map;

	bpf_object__for_each_program(program, a->object) {
		struct bpf_link *link;

		if (!bpf_program__autoload(program))
			continue;
		link = bpf_program__attach(program);
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
	const char *const *name;

	while (a->nr_links)
		bpf_link__destroy(a->links[--a->nr_links]);
	for (name = bench->stores; !a->ring && *name; name++)
		unregister_store(*name);
	ring_buffer__free(a->ring);
	bpf_object__close(a->object);
}

static uint64_t rows_counted(const struct attached *a, const int *counters)
{
	struct bpf_map *map = bpf_object__find_map_by_name(a->object, "counters");
	int cpus = libbpf_num_possible_cpus(), i;
	uint64_t values[64], sum = 0;

	for (; *counters != NONE; counters++) {
		uint32_t index = *counters;

		if (cpus > 64 ||
		    bpf_map_lookup_elem(bpf_map__fd(map), &index, values))
			die("counters");
		for (i = 0; i < cpus; i++)
			sum += values[i];
	}
	return sum;
}

/* ---- counting */

/*
 * A run without a timer tick in it is the shortest one. It has to have the rows
 * of its events and no others, or this measures something else.
 */
static uint64_t shortest(const struct bench *bench, const struct attached *a)
{
	const struct events *events = bench->events;
	uint64_t started, took, rows = 0, all = 0, best = UINT64_MAX;
	const char *const *name;
	int i;

	for (name = bench->stores; a && *name; name++)
		all += events->nr;
	for (i = 0; i < RUNS; i++) {
		if (events->before)
			events->before();
		if (a)
			rows = rows_counted(a, bench->counters);
		started = __rdtsc();
		events->loop();
		took = __rdtsc() - started;
		if (a)
			rows = rows_counted(a, bench->counters) - rows;
		if (a && a->ring)
			ring_buffer__consume(a->ring);
		if (took < best && rows == all)
			best = took;
	}
	if (best == UINT64_MAX) {
		fprintf(stderr, "bench_collect: %s: %ju rows, not %ju\n",
			bench->name, (uintmax_t)rows, (uintmax_t)all);
		exit(1);
	}
	return best;
}

/*
 * What the programs add, by event. Both loops run with all that was mapped for
 * them: how long the kernel looks for a mapping depends on how many there are.
 */
static double added(const struct bench *bench, bool ring)
{
	uint64_t without, with;
	struct attached a;

	prepare(&a, bench, ring);
	without = shortest(bench, NULL);
	attach(&a);
	with = shortest(bench, &a);
	detach(&a, bench);
	return ((double)with - without) / bench->events->nr;
}

static void measure(const struct bench *bench)
{
	const struct events *events = bench->events;
	const char *why = events->begin ? events->begin() : NULL;
	double store, ring;
	char name[64];

	snprintf(name, sizeof(name), "collect.%s.icount", bench->name);
	if (why) {
		printf("{\"name\": \"%s\", \"unit\": \"instructions per event\", \"absent\": \"%s\"}\n",
		       name, why);
		return;
	}
	store = added(bench, false);
	ring = added(bench, true);
	report(name, "instructions per event", store,
	       "the same programs writing into a BPF ringbuf", ring);
	if (events->end)
		events->end();
}

int main(void)
{
	size_t i;

	connect_family();
	for (i = 0; i < sizeof(benches) / sizeof(benches[0]); i++)
		measure(&benches[i]);
	return 0;
}
