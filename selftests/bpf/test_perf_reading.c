// SPDX-License-Identifier: GPL-2.0-only
/*
 * A counter that counts a part of the time, as the kernel tells it: an event of
 * this thread on one CPU, while the thread runs on that and on another. Both
 * are busy equally long, so there is a known answer.
 */
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <linux/perf_event.h>
#include "perf_reading.h"
#include "tap.h"

#define MSEC		1000000ULL
#define EACH		(100 * MSEC)

static unsigned long long cpu_time(void)
{
	struct timespec time;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return time.tv_sec * 1000 * MSEC + time.tv_nsec;
}

static void run_on(int cpu)
{
	unsigned long long until;
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		bail("run on CPU %d", cpu);
	until = cpu_time() + EACH;
	while (cpu_time() < until)
		;
}

int main(void)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_TASK_CLOCK,
		.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED |
			       PERF_FORMAT_TOTAL_TIME_RUNNING,
	};
	struct perf_reading reading;
	unsigned long long scaled;
	int fd;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		skip("a counter that takes turns", "there is one CPU only");
		return done();
	}
	fd = syscall(__NR_perf_event_open, &attr, 0, 0, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0)
		bail("perf_event_open");
	run_on(0);
	run_on(1);
	if (read(fd, &reading, sizeof(reading)) != sizeof(reading))
		bail("read");
	scaled = perf_scaled(&reading);
	note("count %llu, enabled %llu, running %llu, scaled %llu",
	     (unsigned long long)reading.count, (unsigned long long)reading.enabled,
	     (unsigned long long)reading.running, scaled);
	ok(reading.count >= EACH / 2 && reading.count <= EACH * 3 / 2,
	   "it counts on its CPU only");
	ok(reading.enabled >= reading.running * 3 / 2, "but is enabled on both");
	ok(scaled >= EACH * 3 / 2 && scaled <= EACH * 3,
	   "scaled, it has what both took");
	close(fd);
	return done();
}
