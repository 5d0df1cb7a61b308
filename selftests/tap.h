/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TAP for tests that are one program: ok() for each thing tested, done() at
 * the end. A test that cannot go on calls bail().
 */
#ifndef SELFTESTS_TAP_H
#define SELFTESTS_TAP_H

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int tap_count, tap_failed;

__attribute__((format(printf, 2, 3), unused))
static bool ok(bool condition, const char *format, ...)
{
	va_list args;

	printf("%sok %d - ", condition ? "" : "not ", ++tap_count);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
	tap_failed += !condition;
	return condition;
}

__attribute__((format(printf, 1, 2), unused))
static void note(const char *format, ...)
{
	va_list args;

	printf("# ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
}

/* Says both numbers if they differ. */
__attribute__((unused))
static bool ok_equal(long long got, long long expected, const char *what)
{
	bool same = ok(got == expected, "%s", what);

	if (!same)
		note("got %lld, expected %lld", got, expected);
	return same;
}

/* Says both strings if they differ; a NULL is no string. */
__attribute__((unused))
static bool ok_string(const char *got, const char *expected, const char *what)
{
	bool same = ok(got && !strcmp(got, expected), "%s", what);

	if (!same)
		note("got '%s', expected '%s'", got ? got : "(none)", expected);
	return same;
}

__attribute__((unused))
static void skip(const char *what, const char *why)
{
	printf("ok %d - %s # SKIP %s\n", ++tap_count, what, why);
	fflush(stdout);
}

__attribute__((format(printf, 1, 2), noreturn, unused))
static void skip_all(const char *format, ...)
{
	va_list args;

	printf("ok %d - # SKIP ", ++tap_count);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	exit(77);
}

__attribute__((format(printf, 1, 2), noreturn, unused))
static void bail(const char *format, ...)
{
	va_list args;

	printf("not ok %d - ", ++tap_count);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf(": %s\n", strerror(errno));
	exit(1);
}

__attribute__((unused))
static int done(void)
{
	printf("1..%d\n", tap_count);
	return tap_failed ? 1 : 0;
}

#endif /* SELFTESTS_TAP_H */
