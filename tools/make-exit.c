// SPDX-License-Identifier: GPL-2.0-only
/*
 * $(exit-with CODE) for the Makefile. make ends with 2 whatever the command
 * that failed ended with; a command run by vm-run shall be heard.
 */
#include <gnumake.h>
#include <stdlib.h>

/* make loads nothing without these two. */
int plugin_is_GPL_compatible;
int make_exit_gmk_setup(void);

static char *exit_with(const char *name, unsigned int argc, char **argv)
{
	exit(atoi(argv[0]));
}

int make_exit_gmk_setup(void)
{
	gmk_add_function("exit-with", exit_with, 1, 1, GMK_FUNC_DEFAULT);
	return 1;
}
