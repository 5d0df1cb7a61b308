// SPDX-License-Identifier: GPL-2.0-only
/* A process that stops collectors if the one that started them dies. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "collect_guard.h"
#include "collector.h"
#include "kmlopsctl.h"
#include "netlink.h"

static void watch(int fd, const struct collector *const *c)
{
	sigset_t all;
	char byte;

	nlc_close();		/* the socket is that of the parent */
	setsid();
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	if (read(fd, &byte, 1) == 1)
		_exit(0);
	for (; *c; c++)
		if (collector_running(*c) > 0)
			collector_stop(*c, NULL);
	_exit(1);
}

int guard_start(struct guard *guard, const struct collector *const *collectors)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC))
		return fail(REFUSED, errno, "cannot make a pipe: %s",
			    strerror(errno));
	fflush(stdout);
	guard->pid = fork();
	if (guard->pid < 0)
		return fail(REFUSED, errno, "cannot start a process: %s",
			    strerror(errno));
	if (!guard->pid) {
		close(fds[1]);
		watch(fds[0], collectors);
	}
	close(fds[0]);
	guard->pipe = fds[1];
	return DONE;
}

void guard_end(struct guard *guard)
{
	if (write(guard->pipe, "", 1) == 1)
		waitpid(guard->pid, NULL, 0);
	close(guard->pipe);
}

void guard_forget(struct guard *guard)
{
	close(guard->pipe);
}
