// SPDX-License-Identifier: GPL-2.0-only
/* Pins of collectors in the BPF file system. */
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <linux/magic.h>

#include "collector_pins.h"
#include "kmlopsctl.h"

#define BPF_FS		"/sys/fs/bpf"
#define PIN_ROOT	BPF_FS "/kernmlops"

char *pin_path(const struct collector *c, const char *kind, const char *name)
{
	return xprintf(PIN_ROOT "/%s/%s%s%s", c->name, kind, *name ? "/" : "",
		       name);
}

int walk_pins(const struct collector *c, const char *kind, pin_func func,
	      void *arg)
{
	char *dir_path = pin_path(c, kind, "");
	DIR *dir = opendir(dir_path);
	int nr = dir ? 0 : -errno;
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		char *path;

		if (entry->d_name[0] == '.')
			continue;
		nr++;
		if (!func)
			continue;
		path = pin_path(c, kind, entry->d_name);
		func(entry->d_name, path, arg);
		free(path);
	}
	if (dir)
		closedir(dir);
	free(dir_path);
	return nr == -ENOENT ? 0 : nr;
}

static void unpin(const char *name, const char *path, void *arg)
{
	unlink(path);
}

void unpin_all(const struct collector *c)
{
	static const char *const kinds[] = { "links", "maps" };
	char *dir;
	int i;

	for (i = 0; i < 2; i++) {
		dir = pin_path(c, kinds[i], "");
		walk_pins(c, kinds[i], unpin, NULL);
		rmdir(dir);
		free(dir);
	}
	dir = xprintf(PIN_ROOT "/%s", c->name);
	rmdir(dir);
	rmdir(PIN_ROOT);	/* unless another collector is there */
	free(dir);
}

int make_pin_dirs(const struct collector *c)
{
	char *top = xprintf(PIN_ROOT "/%s", c->name);
	char *links = pin_path(c, "links", ""), *maps = pin_path(c, "maps", "");
	const char *dirs[] = { PIN_ROOT, top, links, maps };
	int i, code = DONE;

	for (i = 0; i < 4 && code == DONE; i++)
		if (mkdir(dirs[i], 0700) && errno != EEXIST)
			code = fail(REFUSED, errno, "cannot make %s: %s",
				    dirs[i], strerror(errno));
	free(top);
	free(links);
	free(maps);
	return code;
}

int lock_pins(void)
{
	struct statfs fs;
	int fd = open(BPF_FS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0) {
		fail(REFUSED, errno, "cannot open " BPF_FS ": %s%s",
		     strerror(errno), errno == EACCES ? "; this needs root" : "");
		return -1;
	}
	if (fstatfs(fd, &fs) || fs.f_type != BPF_FS_MAGIC) {
		fail(REFUSED, ENOENT,
		     "the BPF file system is not there; mount it with: mount -t bpf none "
		     BPF_FS);
		close(fd);
		return -1;
	}
	while (flock(fd, LOCK_EX) && errno == EINTR)
		;
	return fd;
}

char *map_pin_name(const char *map)
{
	const char *dot = strchr(map, '.');
	char *name = xstrdup(dot ? dot + 1 : map), *s;

	for (s = name; *s; s++)
		if (*s == '.')
			*s = '_';
	return name;
}

int open_pinned_map(const struct collector *c, const char *name)
{
	char *path = pin_path(c, "maps", name);
	int fd = bpf_obj_get(path);

	free(path);
	return fd;
}
