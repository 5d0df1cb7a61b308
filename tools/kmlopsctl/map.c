// SPDX-License-Identifier: GPL-2.0-only
/* Finding eBPF maps. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kmlopsctl.h"
#include "map.h"

static int cannot_open(int *code, int err, const char *how, const char *which)
{
	if (err == EPERM)
		*code = fail(REFUSED, err,
			     "opening a map by %s needs root (CAP_SYS_ADMIN)",
			     how);
	else if (err == ENOENT)
		*code = fail(REFUSED, err, "there is no map with the %s %s",
			     how, which);
	else
		*code = fail(REFUSED, err, "cannot open the map with the %s %s: %s",
			     how, which, strerror(err));
	return -1;
}

static int open_by_id(const char *word, int *code)
{
	uint32_t id;
	int fd;

	if (!parse_u32("the id of the map", word, &id)) {
		*code = USAGE;
		return -1;
	}
	fd = bpf_map_get_fd_by_id(id);
	return fd < 0 ? cannot_open(code, errno, "id", word) : fd;
}

/* Programs and links are pinned in the same file system as maps. */
static bool is_map(int fd)
{
	char path[64], target[64];
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	len = readlink(path, target, sizeof(target) - 1);
	if (len < 0)
		return true;	/* no /proc: the kernel will find out */
	target[len] = 0;
	return strstr(target, "bpf-map");
}

static int open_pinned(const char *path, int *code)
{
	int fd = bpf_obj_get(path);

	if (fd < 0) {
		*code = fail(REFUSED, errno, "cannot open the pinned map %s: %s",
			     path, strerror(errno));
		return -1;
	}
	if (!is_map(fd)) {
		*code = fail(REFUSED, EINVAL, "%s is not a map", path);
		close(fd);
		return -1;
	}
	return fd;
}

static int open_by_name(const char *name, int *code)
{
	int found = -1, hits = 0;
	uint32_t id = 0;

	while (!bpf_map_get_next_id(id, &id)) {
		struct bpf_map_info info = { 0 };
		uint32_t len = sizeof(info);
		int fd = bpf_map_get_fd_by_id(id);

		if (fd < 0 && errno == ENOENT)
			continue;	/* gone meanwhile */
		if (fd < 0)
			return cannot_open(code, errno, "name", name);
		/* The kernel keeps the first 15 bytes of a name. */
		if (!bpf_obj_get_info_by_fd(fd, &info, &len) &&
		    !strncmp(info.name, name, sizeof(info.name) - 1)) {
			hits++;
			if (found < 0) {
				found = fd;
				continue;
			}
		}
		close(fd);
	}
	if (hits == 1)
		return found;
	if (hits > 1) {
		close(found);
		*code = fail(REFUSED, ENOTUNIQ,
			     "%d maps have the name %s; say which one by its id (bpftool map list)",
			     hits, name);
		return -1;
	}
	/* The walk ends with ENOENT, or with EPERM at its first step. */
	return cannot_open(code, errno, "name", name);
}

int map_open_args(struct args *args, int *code)
{
	static const char *const how[] = { "id", "pinned", "name", NULL };
	const char *word;
	int i;

	*code = USAGE;
	i = args_word(args, "a way to find the map", how);
	if (i < 0)
		return -1;
	word = args_next(args, how[i]);
	if (!word)
		return -1;
	switch (i) {
	case 0:
		return open_by_id(word, code);
	case 1:
		return open_pinned(word, code);
	}
	return open_by_name(word, code);
}
