// SPDX-License-Identifier: GPL-2.0-only
/*
 * Versions of a model are loaded, activated, rolled back and removed while
 * programs on all CPUs call it: no call fails, none mixes two versions, and
 * what was replaced leaves no memory behind.
 */
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/kernmlops.h>
#include "../nl/client.h"
#include "support.h"
#include "swap.h"
#include "swap.skel.h"
#include "tap.h"

#define SECONDS		5
#define SECONDS_MAX	120	/* where all is slow */
#define SWAPS		50	/* at least, */
#define INFERENCES	100	/* and of each version, at each place */
#define LOADS		3000

static const char *const inputs[] = { "x", "y", NULL };
static struct swap_bpf *skel;
static struct client client;
static volatile int *stop;

/* x is 7: at or below the threshold, or above it. */
static void load(bool first)
{
	load_split_model(SWAP_MODEL, inputs, 0, first ? 100 : 0);
}

static void infer_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		_exit(2);
	while (!*stop)
		if (run_once(skel->progs.on_syscall))
			_exit(1);
	_exit(0);
}

static int rollback(void)
{
	return client_named(&client, KERNMLOPS_CMD_MODEL_ROLLBACK,
			    KERNMLOPS_A_MODEL_NAME, SWAP_MODEL);
}

/* Where tests are to do less, the share of @number that they do. */
static unsigned int share_of(unsigned int number)
{
	const char *effort = getenv("KMLOPS_TEST_EFFORT");

	return number * (effort ? atoi(effort) : 100) / 100;
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

static bool has_both(const volatile struct swap_counts *counts)
{
	return counts->first > INFERENCES && counts->second > INFERENCES;
}

static void judge(const char *where, const struct swap_counts *counts)
{
	note("%s: %llu and %llu inferences", where, counts->first,
	     counts->second);
	ok(has_both(counts), "%s: both versions answered", where);
	ok_equal(counts->failed, 0, "no inference failed");
	ok_equal(counts->mixed, 0, "none mixed two versions");
}

static void test_swap(void)
{
	int cpus = sysconf(_SC_NPROCESSORS_ONLN), cpu, status, refused = 0;
	double begin = seconds(), passed = 0;
	unsigned int wanted = share_of(SWAPS);
	bool well = true;
	unsigned int swaps = 0;
	pid_t children[64];

	load(true);
	if (swap_bpf__attach(skel))
		bail("attach");
	for (cpu = 0; cpu < cpus && cpu < 64; cpu++) {
		children[cpu] = fork();
		if (!children[cpu])
			infer_on(cpu);
	}
	/* Now and then back, so that a version comes up for the second time. */
	while (passed < SECONDS ||
	       (passed < SECONDS_MAX &&
		!(swaps > wanted && has_both(&skel->bss->in_syscall) &&
		  has_both(&skel->bss->in_scheduler)))) {
		load(swaps++ % 2);
		if (swaps % 3 == 0)
			refused += rollback() != 0;
		passed = seconds() - begin;
	}
	*stop = 1;
	for (cpu = 0; cpu < cpus && cpu < 64; cpu++) {
		waitpid(children[cpu], &status, 0);
		well &= WIFEXITED(status) && !WEXITSTATUS(status);
	}
	swap_bpf__detach(skel);
	note("%u loads on %d CPUs", swaps, cpus);
	ok(well && swaps > wanted, "versions came and went while programs ran");
	ok_equal(refused, 0, "each rollback was done");
	judge("system call", &skel->bss->in_syscall);
	judge("scheduler", &skel->bss->in_scheduler);
	remove_model(SWAP_MODEL);
}

static uint64_t models_memory(void)
{
	client_begin(&client, KERNMLOPS_CMD_INFO_GET, 0);
	client_send(&client);
	return client_uint(&client, KERNMLOPS_A_INFO_MODELS_MEMORY);
}

/* KiB of a line of /proc/meminfo. */
static long meminfo(const char *what)
{
	FILE *file = fopen("/proc/meminfo", "r");
	char line[128];
	long value = -1;

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, what, strlen(what)))
			value = atol(line + strlen(what));
	if (file)
		fclose(file);
	return value;
}

/* What was freed is so a grace period later. */
static void settle(long *percpu, long *unreclaimable)
{
	sleep(2);
	*percpu = meminfo("Percpu:");
	*unreclaimable = meminfo("SUnreclaim:");
}

static void test_memory(void)
{
	long percpu, slab, percpu_after, slab_after;
	unsigned int loads = share_of(LOADS), i;

	for (i = 0; i < loads / 30; i++)
		load(i % 2);
	remove_model(SWAP_MODEL);
	settle(&percpu, &slab);
	for (i = 0; i < loads; i++)
		load(i % 2);
	remove_model(SWAP_MODEL);
	ok_equal(models_memory(), 0, "no model is accounted for");
	settle(&percpu_after, &slab_after);
	note("per CPU %ld then %ld KiB, slab %ld then %ld KiB", percpu,
	     percpu_after, slab, slab_after);
	if (loads < LOADS) {
		skip("what was replaced leaves no memory behind",
		     "so few loads do not show it");
		return;
	}
	/* 16 bytes per CPU and some 900 of slab that each load takes. */
	ok(percpu_after - percpu < 16, "%u loads leave no counters", loads);
	ok(slab_after - slab < loads * 900 / 1024 / 2, "and no versions");
}

int main(void)
{
	connect_family();
	if (client_open(&client))
		bail("no family");
	stop = mmap(NULL, sizeof(*stop), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	skel = swap_bpf__open_and_load();
	if (stop == MAP_FAILED || !skel)
		bail("load");
	test_swap();
	test_memory();
	swap_bpf__destroy(skel);
	client_close(&client);
	return done();
}
