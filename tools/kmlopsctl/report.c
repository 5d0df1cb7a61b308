// SPDX-License-Identifier: GPL-2.0-only
/* Errors and warnings on stderr, and memory that is there. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <json-c/json.h>

#include "kmlopsctl.h"
#include "output.h"

static void say(const char *kind, int err, const char *fmt, va_list args)
{
	struct json_object *json;
	char *text;

	if (vasprintf(&text, fmt, args) < 0)
		abort();
	fflush(stdout);

	if (!opt_json()) {
		fprintf(stderr, "kmlopsctl: %s%s\n",
			strcmp(kind, "error") ? "warning: " : "", text);
		free(text);
		return;
	}
	json = json_object_new_object();
	json_add_string(json, kind, text);
	if (err) {
		const char *name = strerrorname_np(err);

		json_add_string(json, "errno", name ? name : "?");
	}
	fprintf(stderr, "%s\n",
		json_object_to_json_string_ext(json,
					       JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(json);
	free(text);
}

int fail(enum exit_code code, int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say("error", err, fmt, args);
	va_end(args);
	return code;
}

int fail_usage(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say("error", 0, fmt, args);
	va_end(args);
	return USAGE;
}

void warn(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say("warning", 0, fmt, args);
	va_end(args);
}

static void *there(void *mem)
{
	if (mem)
		return mem;
	fputs("kmlopsctl: out of memory\n", stderr);
	exit(REFUSED);
}

void *xalloc(size_t size)
{
	return there(calloc(1, size ? size : 1));
}

void *xrealloc(void *mem, size_t size)
{
	return there(realloc(mem, size ? size : 1));
}

char *xstrdup(const char *s)
{
	return there(strdup(s));
}

char *xprintf(const char *fmt, ...)
{
	va_list args;
	char *s;

	va_start(args, fmt);
	if (vasprintf(&s, fmt, args) < 0)
		s = NULL;
	va_end(args);
	return there(s);
}
