/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Allocations of this process that fail, one at a time: fail-nth of a kernel
 * with fault injection.
 */
#ifndef SELFTESTS_FAULTS_H
#define SELFTESTS_FAULTS_H

#include <fcntl.h>
#include <unistd.h>
#include "tap.h"

static int fail_nth_fd = -1;

/* All allocations, also those that may sleep, and without a report of each. */
static void choose_faults(void)
{
	static const char *const files[][2] = {
		{ "failslab/ignore-gfp-wait", "N" },
		{ "failslab/verbose", "0" },
		{ "fail_page_alloc/ignore-gfp-wait", "N" },
		{ "fail_page_alloc/ignore-gfp-highmem", "N" },
		{ "fail_page_alloc/min-order", "0" },
		{ "fail_page_alloc/verbose", "0" },
	};
	char path[128];
	size_t i;
	int fd;

	for (i = 0; i < sizeof(files) / sizeof(*files); i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s",
			 files[i][0]);
		fd = open(path, O_WRONLY);
		if (fd < 0 || write(fd, files[i][1], 1) != 1)
			bail("write %s", path);
		close(fd);
	}
}

/* Skips the whole test on a kernel that has none of this. */
static void need_faults(void)
{
	fail_nth_fd = open("/proc/self/fail-nth", O_RDWR);
	if (fail_nth_fd < 0)
		skip_all("this kernel has no fault injection");
	choose_faults();
}

/* The @nth allocation from now on fails; 0: none. */
static void set_fail_nth(int nth)
{
	char text[16];
	int size = snprintf(text, sizeof(text), "%d", nth);

	if (pwrite(fail_nth_fd, text, size, 0) != size)
		bail("write fail-nth");
}

/* How many allocations are left before one fails; 0 once it has. */
static int faults_left(void)
{
	char text[16] = "";

	if (pread(fail_nth_fd, text, sizeof(text) - 1, 0) < 0)
		bail("read fail-nth");
	return atoi(text);
}

#endif /* SELFTESTS_FAULTS_H */
