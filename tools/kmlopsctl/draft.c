// SPDX-License-Identifier: GPL-2.0-only
/* Files that get their name when they are complete. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "draft.h"

#define DRAFTS_MAX	2

/* Paths to remove when a signal comes. */
static char *volatile drafts[DRAFTS_MAX];

static void on_signal(int signal)
{
	unsigned int i;

	for (i = 0; i < DRAFTS_MAX; i++)
		if (drafts[i])
			unlink(drafts[i]);
	/* The handler was reset: this ends the program as it should. */
	raise(signal);
}

static void catch_signals(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = {
		.sa_handler = on_signal,
		.sa_flags = SA_RESETHAND | SA_NODEFER,
	};
	struct sigaction now;
	unsigned int i;

	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		if (!sigaction(signals[i], NULL, &now) &&
		    now.sa_handler == SIG_DFL)
			sigaction(signals[i], &action, NULL);
}

static unsigned int free_slot(void)
{
	unsigned int slot = 0;

	while (drafts[slot])
		slot++;
	return slot;
}

int draft_open(struct draft *draft, const char *name)
{
	mode_t mask = umask(0);
	int fd;

	catch_signals();
	umask(mask);
	*draft = (struct draft){
		.name = name,
		.path = xprintf("%s.XXXXXX", name),
		.slot = free_slot(),
	};
	fd = mkstemp(draft->path);
	if (fd >= 0) {
		drafts[draft->slot] = draft->path;
		fchmod(fd, 0666 & ~mask);	/* mkstemp() makes it private */
		draft->out = fdopen(fd, "w+");
	}
	if (draft->out)
		return DONE;
	return fail(REFUSED, errno, "cannot write %s: %s", name,
		    strerror(errno));
}

int draft_close(struct draft *draft, int code)
{
	int err = 0;

	if (!draft->path)
		return code;
	if (draft->out && fclose(draft->out))
		err = errno;
	if (code == DONE && !err && rename(draft->path, draft->name))
		err = errno;
	if (code == DONE && err)
		code = fail(REFUSED, err, "cannot write %s: %s", draft->name,
			    strerror(err));
	if (code != DONE && drafts[draft->slot] == draft->path)
		unlink(draft->path);
	if (drafts[draft->slot] == draft->path)
		drafts[draft->slot] = NULL;
	free(draft->path);
	*draft = (struct draft){ 0 };
	return code;
}
