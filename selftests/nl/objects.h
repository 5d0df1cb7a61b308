/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How many objects of kmalloc() and pages of vmalloc() are allocated, by size:
 * what a leak makes more. Exact on a kernel that checks its allocations
 * (slab_debug).
 */
#ifndef SELFTESTS_NL_OBJECTS_H
#define SELFTESTS_NL_OBJECTS_H

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "tap.h"

#define CACHES_MAX	64

struct objects {
	int nr;
	struct {
		char name[32];
		long active;
	} caches[CACHES_MAX];
};

/* Kept open: files that come and go are objects, too. */
static int open_once(int *fd, const char *path, int flags)
{
	if (*fd <= 0)
		*fd = open(path, flags);
	if (*fd < 0)
		bail("open %s", path);
	return *fd;
}

/* A file of /proc, as it is now. */
static const char *read_anew(int *fd, const char *path)
{
	static char text[1 << 16];
	size_t size = 0;
	ssize_t got;

	open_once(fd, path, O_RDONLY);
	do {
		got = pread(*fd, text + size, sizeof(text) - 1 - size, size);
		if (got < 0)
			bail("read %s", path);
		size += got;
	} while (got && size < sizeof(text) - 1);
	text[size] = 0;
	return text;
}

/*
 * KASAN keeps what was freed for a while, but not in a cache that shrinks, which
 * takes long: it looks through all that it keeps.
 */
static void shrink_cache(const struct objects *objects, int i)
{
	static int fds[CACHES_MAX];
	char path[80];

	snprintf(path, sizeof(path), "/sys/kernel/slab/%s/shrink",
		 objects->caches[i].name);
	open_once(&fds[i], path, O_WRONLY);
	if (pwrite(fds[i], "1", 1, 0) != 1)
		bail("write %s", path);
}

/*
 * Caches in the same order each time, and in the end what vmalloc() has. Not the
 * smallest, where the writes that shrink caches have objects of their own.
 */
static void read_objects(struct objects *objects)
{
	static int slabinfo, meminfo;
	const char *line = read_anew(&slabinfo, "/proc/slabinfo");
	int nr = 0;

	for (; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, "kmalloc-", 8) &&
		    strncmp(line, "kmalloc-8 ", 10) && nr < CACHES_MAX - 1 &&
		    sscanf(line, "%31s %ld", objects->caches[nr].name,
			   &objects->caches[nr].active) == 2)
			nr++;
	}
	line = strstr(read_anew(&meminfo, "/proc/meminfo"), "VmallocUsed:");
	if (!line || sscanf(line, "%*s %ld", &objects->caches[nr].active) != 1)
		bail("VmallocUsed in /proc/meminfo");
	strcpy(objects->caches[nr++].name, "vmalloc");
	objects->nr = nr;
}

static void count_objects(struct objects *objects)
{
	int i;

	read_objects(objects);
	for (i = 0; i < objects->nr - 1; i++)
		shrink_cache(objects, i);
	read_objects(objects);
}

/* As count_objects(), but exact only where there are more than before. */
static void count_more_objects(const struct objects *before,
			       struct objects *now)
{
	int i;

	read_objects(now);
	for (i = 0; i < now->nr - 1; i++)
		if (now->caches[i].active > before->caches[i].active)
			shrink_cache(now, i);
	read_objects(now);
}

/* The first of the caches that has more objects than before, or -1. */
static int cache_with_more(const struct objects *before,
			   const struct objects *now)
{
	int i;

	for (i = 0; i < now->nr; i++)
		if (now->caches[i].active > before->caches[i].active)
			return i;
	return -1;
}

/*
 * Whether there are more than before, once RCU has freed what it frees. If not,
 * there may be fewer, which is what they are compared with from then on.
 */
static bool more_objects(struct objects *before)
{
	struct objects now;
	int tries;

	/* What is freed in batches may take five seconds. */
	for (tries = 0; tries < 12; tries++) {
		count_more_objects(before, &now);
		if (cache_with_more(before, &now) < 0) {
			*before = now;
			return false;
		}
		usleep(tries < 2 ? 100000 : 500000);
	}
	return true;
}

static void tell_more_objects(const struct objects *before)
{
	struct objects now;
	int i;

	count_more_objects(before, &now);
	i = cache_with_more(before, &now);
	if (i >= 0)
		note("%s: %ld, was %ld", now.caches[i].name,
		     now.caches[i].active, before->caches[i].active);
}

#endif /* SELFTESTS_NL_OBJECTS_H */
