// SPDX-License-Identifier: GPL-2.0-only
/*
 * The events. All of them happen in the one thread that counts instructions,
 * or in one that it takes turns with on the only CPU: devices and connections
 * are such that they answer before the system call returns.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/swap.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/fs.h>
#include "collect_events.h"

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT	21
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

#define EVENTS		512
#define COLLAPSES	8	/* each clears a huge page */
#define PAGE		4096UL
#define HUGE		(2UL << 20)
#define DEVICE		"/dev/nullb0"
#define ZSWAP		"/sys/module/zswap/parameters/enabled"

void die(const char *what)
{
	fprintf(stderr, "bench_collect: %s (%s)\n", what, strerror(errno));
	exit(1);
}

/* ---- memory */

static char *pages;

static char *map(size_t size)
{
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die("mmap");
	return p;
}

static const char *map_pages(void)
{
	pages = map(EVENTS * PAGE);
	if (madvise(pages, EVENTS * PAGE, MADV_NOHUGEPAGE) && errno != EINVAL)
		die("MADV_NOHUGEPAGE");
	return NULL;
}

static void unmap_pages(void)
{
	munmap(pages, EVENTS * PAGE);
}

static void forget_pages(void)
{
	madvise(pages, EVENTS * PAGE, MADV_DONTNEED);
}

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

const struct events event_madvise = {
	EVENTS, map_pages, NULL, loop_madvise, unmap_pages
};

const struct events event_unmap = {
	EVENTS, map_pages, NULL, loop_unmap, unmap_pages
};

const struct events event_touch = {
	EVENTS, map_pages, forget_pages, loop_touch, unmap_pages
};

/* ---- huge pages */

static char *huge_map, *huge;

/* A small page in each place of a huge one. */
static void scatter_pages(void)
{
	int i;

	madvise(huge, COLLAPSES * HUGE, MADV_DONTNEED);
	madvise(huge, COLLAPSES * HUGE, MADV_NOHUGEPAGE);
	for (i = 0; i < COLLAPSES; i++)
		((volatile char *)huge)[i * HUGE] = 1;
	madvise(huge, COLLAPSES * HUGE, MADV_HUGEPAGE);
}

static const char *map_huge(void)
{
	huge_map = map((COLLAPSES + 1) * HUGE);
	huge = (char *)(((uintptr_t)huge_map + HUGE - 1) & ~(HUGE - 1));
	scatter_pages();
	if (madvise(huge, COLLAPSES * HUGE, MADV_COLLAPSE) && errno == EINVAL)
		return "the kernel has no MADV_COLLAPSE";
	return NULL;
}

static void unmap_huge(void)
{
	munmap(huge_map, (COLLAPSES + 1) * HUGE);
}

static void loop_collapse(void)
{
	madvise(huge, COLLAPSES * HUGE, MADV_COLLAPSE);
}

const struct events event_collapse = {
	COLLAPSES, map_huge, scatter_pages, loop_collapse, unmap_huge
};

/* ---- files and names */

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

const struct events event_open = { EVENTS, NULL, NULL, loop_open, NULL };
const struct events event_rename = { EVENTS, NULL, NULL, loop_rename, NULL };

/* ---- a device in memory that answers at once */

static int device;
static char *block;

static const char *make_device(void)
{
	if (system("insmod /lib/modules/null_blk.ko memory_backed=1 gb=1 irqmode=0"))
		return "there is no null_blk";
	return NULL;
}

static void remove_device(void)
{
	if (system("rmmod null_blk"))
		die("rmmod null_blk");
}

static const char *open_device(int flags)
{
	const char *why = make_device();

	if (why)
		return why;
	device = open(DEVICE, O_RDWR | flags);
	if (device < 0 || posix_memalign((void **)&block, PAGE, PAGE))
		die(DEVICE);
	return NULL;
}

static const char *open_direct(void)
{
	return open_device(O_DIRECT);
}

/* Readahead is asked for each page, and makes it one page. */
static const char *open_cached(void)
{
	const char *why = open_device(0);

	if (!why && posix_fadvise(device, 0, 0, POSIX_FADV_RANDOM))
		die("fadvise");
	return why;
}

static void close_device(void)
{
	close(device);
	free(block);
	remove_device();
}

static void drop_cache(void)
{
	if (ioctl(device, BLKFLSBUF))
		die("BLKFLSBUF");
}

static void loop_read(void)
{
	int i;

	for (i = 0; i < EVENTS; i++)
		if (pread(device, block, PAGE, (100 + 7 * i) * PAGE) != PAGE)
			die("read");
}

const struct events event_direct_read = {
	EVENTS, open_direct, NULL, loop_read, close_device
};

const struct events event_cached_read = {
	EVENTS, open_cached, drop_cache, loop_read, close_device
};

/* ---- swap */

static void write_line(const char *path, const char *line)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, line, strlen(line)) != strlen(line))
		die(path);
	close(fd);
}

static const char *begin_swap(void)
{
	const char *why;

	if (access(ZSWAP, W_OK))
		return "the kernel has no zswap";
	why = make_device();
	if (why)
		return why;
	write_line(ZSWAP, "1");
	if (system("mkswap " DEVICE " >/dev/null") || swapon(DEVICE, 0))
		die("swapon");
	return map_pages();
}

static void end_swap(void)
{
	unmap_pages();
	if (swapoff(DEVICE))
		die("swapoff");
	write_line(ZSWAP, "0");
	remove_device();
}

/* Back from swap, and others than what is there. */
static void dirty_pages(void)
{
	memset(pages, 'a', EVENTS * PAGE);
}

static void loop_swap_out(void)
{
	madvise(pages, EVENTS * PAGE, MADV_PAGEOUT);
}

const struct events event_swap_out = {
	EVENTS, begin_swap, dirty_pages, loop_swap_out, end_swap
};

/* ---- two threads that wake each other */

static int to_partner[2], from_partner[2];
static pid_t partner;

static void set_policy(int policy, int priority)
{
	struct sched_param param = { .sched_priority = priority };

	if (sched_setscheduler(0, policy, &param))
		die("sched_setscheduler");
}

/* In real time a thread that is woken does not take the CPU from its waker. */
static const char *begin_switches(void)
{
	char byte;

	if (pipe(to_partner) || pipe(from_partner))
		die("pipe");
	set_policy(SCHED_FIFO, 1);
	partner = fork();
	if (partner < 0)
		die("fork");
	if (!partner) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			if (read(to_partner[0], &byte, 1) != 1 ||
			    write(from_partner[1], &byte, 1) != 1)
				_exit(1);
	}
	return NULL;
}

static void loop_switch(void)
{
	char byte = 0;
	int i;

	for (i = 0; i < EVENTS / 2; i++)
		if (write(to_partner[1], &byte, 1) != 1 ||
		    read(from_partner[0], &byte, 1) != 1)
			die("pipe");
}

static void end_switches(void)
{
	int i;

	kill(partner, SIGKILL);
	waitpid(partner, NULL, 0);
	set_policy(SCHED_OTHER, 0);
	for (i = 0; i < 2; i++) {
		close(to_partner[i]);
		close(from_partner[i]);
	}
}

const struct events event_switch = {
	EVENTS, begin_switches, NULL, loop_switch, end_switches
};

/* ---- a connection */

static int client, server;

static const char *connect_pair(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
	socklen_t length = sizeof(address);

	client = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(listener, (void *)&address, sizeof(address)) ||
	    listen(listener, 1) ||
	    getsockname(listener, (void *)&address, &length) ||
	    connect(client, (void *)&address, sizeof(address)))
		die("connection");
	server = accept(listener, NULL, NULL);
	if (server < 0 ||
	    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) ||
	    setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)))
		die("connection");
	close(listener);
	return NULL;
}

/* A byte and its answer, which acknowledges it: two segments. */
static void loop_segment(void)
{
	char byte = 0;
	int i;

	for (i = 0; i < EVENTS / 2; i++)
		if (write(client, &byte, 1) != 1 || read(server, &byte, 1) != 1 ||
		    write(server, &byte, 1) != 1 || read(client, &byte, 1) != 1)
			die("segment");
}

static void close_pair(void)
{
	close(client);
	close(server);
}

const struct events event_segment = {
	EVENTS, connect_pair, NULL, loop_segment, close_pair
};
