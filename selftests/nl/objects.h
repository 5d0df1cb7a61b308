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

/*
 * KASAN keeps what was freed for a while, but not in a cache that shrinks, which
 * takes long: it looks through all that it keeps.
 */
static void shrink_cache(const char *name)
{
	char path[80];
	int fd;

	snprintf(path, sizeof(path), "/sys/kernel/slab/%s/shrink", name);
	fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, "1", 1) != 1)
		bail("write %s", path);
	close(fd);
}

static void read_objects(struct objects *objects)
{
	FILE *file = fopen("/proc/slabinfo", "r");
	char line[256], name[32];
	long active;

	if (!file)
		bail("open /proc/slabinfo");
	objects->nr = 0;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%31s %ld", name, &active) != 2 ||
		    strncmp(name, "kmalloc-", 8) ||
		    objects->nr == CACHES_MAX - 1)
			continue;
		strcpy(objects->caches[objects->nr].name, name);
		objects->caches[objects->nr++].active = active;
	}
	fclose(file);
	file = fopen("/proc/meminfo", "r");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "VmallocUsed: %ld", &active) == 1) {
			strcpy(objects->caches[objects->nr].name, "vmalloc");
			objects->caches[objects->nr++].active = active;
		}
	if (file)
		fclose(file);
}

/* Those in use; the last counter is that of vmalloc(). */
static void count_objects(struct objects *objects)
{
	int i;

	read_objects(objects);
	for (i = 0; i < objects->nr - 1; i++)
		shrink_cache(objects->caches[i].name);
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
			shrink_cache(now->caches[i].name);
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
	for (tries = 0; tries < 100; tries++) {
		count_more_objects(before, &now);
		if (cache_with_more(before, &now) < 0) {
			*before = now;
			return false;
		}
		usleep(100000);
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
