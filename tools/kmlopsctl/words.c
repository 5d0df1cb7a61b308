// SPDX-License-Identifier: GPL-2.0-only
/* The words of the command line: matching, consuming, numbers. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kmlopsctl.h"

/* Names at a fixed distance, so that tables of structs can be searched, too. */
static const char *name_at(const void *names, size_t stride, int i)
{
	return *(const char *const *)((const char *)names + i * stride);
}

static char *join_names(const void *names, size_t stride, const char *prefix)
{
	size_t len = strlen(prefix);
	char *list = xstrdup("");
	const char *name;
	int i;

	for (i = 0; (name = name_at(names, stride, i)); i++) {
		char *longer;

		if (strncmp(name, prefix, len))
			continue;
		longer = xprintf("%s%s%s", list, *list ? ", " : "", name);
		free(list);
		list = longer;
	}
	return list;
}

static int name_find(const char *what, const char *word, const void *names,
		     size_t stride)
{
	size_t len = strlen(word);
	int i, found = -1, hits = 0;
	const char *name;
	char *list;

	for (i = 0; (name = name_at(names, stride, i)); i++) {
		if (!strcmp(name, word))
			return i;
		if (len && !strncmp(name, word, len)) {
			found = i;
			hits++;
		}
	}
	if (hits == 1)
		return found;

	list = join_names(names, stride, hits ? word : "");
	if (hits)
		fail_usage("\"%s\" is ambiguous: it could be %s", word, list);
	else
		fail_usage("\"%s\" is no %s; there are: %s", word, what, list);
	free(list);
	return -1;
}

int word_find(const char *what, const char *word, const char *const *words)
{
	return name_find(what, word, words, sizeof(*words));
}

static bool is_listed(const char *name, const char *const *names)
{
	for (; *names; names++)
		if (!strcmp(name, *names))
			return true;
	return false;
}

int command_run_tabular(struct args *args, const char *what,
			const struct command *commands,
			const char *const *tabular, const char *help)
{
	const char *word;
	int i = 0;

	if (!args_empty(args)) {
		word = args_next(args, what);
		if (!strcmp(word, "help")) {
			fputs(help, stderr);
			return DONE;
		}
		i = name_find(what, word, commands, sizeof(*commands));
		if (i < 0)
			return USAGE;
	}
	if (opt.format >= FORMAT_CSV && tabular &&
	    !is_listed(commands[i].name, tabular))
		return fail_usage("%s has no output as %s", commands[i].name,
				  format_names[opt.format]);
	return commands[i].func(args);
}

int command_run(struct args *args, const char *what,
		const struct command *commands, const char *help)
{
	static const char *const none[] = { NULL };

	return command_run_tabular(args, what, commands, none, help);
}

bool args_empty(const struct args *args)
{
	return args->argc <= 0;
}

const char *args_next(struct args *args, const char *what)
{
	if (args_empty(args)) {
		fail_usage("%s is missing", what);
		return NULL;
	}
	args->argc--;
	return *args->argv++;
}

int args_word(struct args *args, const char *what, const char *const *words)
{
	const char *word = args_next(args, what);

	return word ? word_find(what, word, words) : -1;
}

bool args_end(const struct args *args)
{
	if (args_empty(args))
		return true;
	fail_usage("\"%s\" is one word too many", args->argv[0]);
	return false;
}

bool parse_u64(const char *what, const char *word, uint64_t *number)
{
	int base = strncasecmp(word, "0x", 2) ? 10 : 16;
	char *end;

	errno = 0;
	*number = strtoull(word, &end, base);
	/* strtoull() would take a sign and leading blanks. */
	if (*word < '0' || *word > '9' || *end || errno) {
		fail_usage("%s has to be a whole number from 0 to 2^64-1, not \"%s\"",
			   what, word);
		return false;
	}
	return true;
}

bool parse_u32(const char *what, const char *word, uint32_t *number)
{
	uint64_t wide;

	if (!parse_u64(what, word, &wide))
		return false;
	if (wide > UINT32_MAX) {
		fail_usage("%s has to be less than 2^32, not %s", what, word);
		return false;
	}
	*number = wide;
	return true;
}
