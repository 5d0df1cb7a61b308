// SPDX-License-Identifier: GPL-2.0-only
/*
 * The poller "perf": counters of each CPU. The kernel takes turns if there are
 * more than the hardware can count at once: what one counted is scaled by how
 * long it was enabled over how long it was counting.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/perf_event.h>

#include "kmlopsctl.h"
#include "perf_reading.h"
#include "poller.h"

#define NAME_SIZE	24
#define CACHE(cache, op, result)					\
	(PERF_COUNT_HW_CACHE_##cache | PERF_COUNT_HW_CACHE_OP_##op << 8 |	\
	 PERF_COUNT_HW_CACHE_RESULT_##result << 16)

/* Hardware is asked for first; what it does not have is left out. */
static const struct {
	const char *name;
	uint32_t type;
	uint64_t config;
} events[] = {
	{ "cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES },
	{ "instructions", PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS },
	{ "cache_misses", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_MISSES },
	{ "branch_misses", PERF_TYPE_HARDWARE, PERF_COUNT_HW_BRANCH_MISSES },
	{ "dtlb_load_misses", PERF_TYPE_HW_CACHE, CACHE(DTLB, READ, MISS) },
	{ "dtlb_store_misses", PERF_TYPE_HW_CACHE, CACHE(DTLB, WRITE, MISS) },
	{ "itlb_misses", PERF_TYPE_HW_CACHE, CACHE(ITLB, READ, MISS) },
	{ "llc_load_misses", PERF_TYPE_HW_CACHE, CACHE(LL, READ, MISS) },
	{ "cpu_clock", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK },
	{ "context_switches", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CONTEXT_SWITCHES },
	{ "cpu_migrations", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_MIGRATIONS },
	{ "page_faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS },
	{ "minor_faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS_MIN },
	{ "major_faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS_MAJ },
	{ "alignment_faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_ALIGNMENT_FAULTS },
};

#define EVENTS	(sizeof(events) / sizeof(events[0]))

struct perf_key {
	char event[NAME_SIZE];
	uint32_t cpu;
};

/* As the words of the store lay it out; checked where the poller starts. */
struct perf_row {
	uint64_t count;
	uint64_t enabled;
	uint64_t running;
	uint64_t scaled;
	uint32_t hardware;
};

static const struct poll_store stores[] = {
	{ "perf", "event:char[24],cpu:u32",
	  "count:u64,enabled:u64:ns,running:u64:ns,scaled:u64,hardware:u32" },
	{ 0 }
};

struct counter {
	unsigned int event;
	uint32_t cpu;
	int fd;
};

struct counters {
	struct counter *counters;
	unsigned int nr;
};

static int open_event(unsigned int event, uint32_t cpu)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = events[event].type,
		.config = events[event].config,
		.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED |
			       PERF_FORMAT_TOTAL_TIME_RUNNING,
	};

	return syscall(__NR_perf_event_open, &attr, -1, cpu, -1,
		       PERF_FLAG_FD_CLOEXEC);
}

/* A sentence to be freed on what the hardware does not count, or NULL. */
static char *lacking(void)
{
	unsigned int event, nr = 0;
	char *names = xstrdup(""), *sentence = NULL;

	for (event = 0; event < EVENTS; event++) {
		int fd = open_event(event, 0);
		char *longer;

		if (fd >= 0) {
			close(fd);
			continue;
		}
		longer = xprintf("%s%s%s", names, nr++ ? ", " : "",
				 events[event].name);
		free(names);
		names = longer;
	}
	if (nr)
		sentence = xprintf("nothing here counts %s", names);
	free(names);
	return sentence;
}

static int open_events(struct poll *poll)
{
	long cpus = sysconf(_SC_NPROCESSORS_CONF), cpu;
	struct counters *all = xalloc(sizeof(*all));
	unsigned int event;

	if (poll->values[0].size != sizeof(struct perf_row) ||
	    poll->keys[0].size != sizeof(struct perf_key))
		return -EINVAL;
	all->counters = xalloc(EVENTS * cpus * sizeof(*all->counters));
	for (event = 0; event < EVENTS; event++) {
		for (cpu = 0; cpu < cpus; cpu++) {
			int fd = open_event(event, cpu);

			if (fd < 0)
				continue;	/* not here, or the CPU is off */
			all->counters[all->nr++] = (struct counter){
				.event = event,
				.cpu = cpu,
				.fd = fd,
			};
		}
	}
	poll->data = all;
	return all->nr ? 0 : -ENODEV;
}

static int poll_events(struct poll *poll)
{
	const struct counters *all = poll->data;
	unsigned int i;
	int err = 0;

	for (i = 0; i < all->nr; i++) {
		const struct counter *counter = &all->counters[i];
		struct perf_key key = { .cpu = counter->cpu };
		struct perf_row row = { 0 };
		struct perf_reading reading;

		if (read(counter->fd, &reading, sizeof(reading)) != sizeof(reading)) {
			err = -EIO;
			continue;
		}
		snprintf(key.event, sizeof(key.event), "%s",
			 events[counter->event].name);
		row.count = reading.count;
		row.enabled = reading.enabled;
		row.running = reading.running;
		row.scaled = perf_scaled(&reading);
		row.hardware = events[counter->event].type != PERF_TYPE_SOFTWARE;
		poll_push(poll, 0, &key, &row);
	}
	return err;
}

const struct poller perf_poller = {
	.stores = stores,
	.interval = 1000000000ULL,
	.path = "/proc/sys/kernel/perf_event_paranoid",
	.open = open_events,
	.poll = poll_events,
	.lacking = lacking,
};
