// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "modules.h"

int load_module(const char *name)
{
	char path[256];
	int fd, err;

	snprintf(path, sizeof(path), "/tests/kmod/%s.ko", name);
	fd = open(path, O_RDONLY);
	if (fd < 0) {
		/* A test that was brought along by hand has it in the same place. */
		snprintf(path, sizeof(path), "%s.ko", name);
		fd = open(path, O_RDONLY);
	}
	if (fd < 0)
		return -errno;
	err = syscall(__NR_finit_module, fd, "", 0) ? -errno : 0;
	close(fd);
	return err;
}

int unload_module(const char *name)
{
	return syscall(__NR_delete_module, name, O_NONBLOCK) ? -errno : 0;
}

static int open_parameter(const char *module, const char *parameter, int flags)
{
	char path[256];

	snprintf(path, sizeof(path), "/sys/module/%s/parameters/%s", module,
		 parameter);
	return open(path, flags);
}

int write_parameter(const char *module, const char *parameter,
		    const char *value)
{
	int fd = open_parameter(module, parameter, O_WRONLY);
	int err;

	if (fd < 0)
		return -errno;
	err = write(fd, value, strlen(value)) < 0 ? -errno : 0;
	close(fd);
	return err;
}

const char *read_parameter(const char *module, const char *parameter)
{
	static char text[4097];
	int fd = open_parameter(module, parameter, O_RDONLY);
	ssize_t size = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	text[size < 0 ? 0 : size] = 0;
	if (fd >= 0)
		close(fd);
	return text;
}
