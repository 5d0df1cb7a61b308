// SPDX-License-Identifier: GPL-2.0-only
/* TIME on the command line. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kmlopsctl.h"
#include "netlink.h"
#include "when.h"

#define NS_PER_S	1000000000ULL

static int misread(const char *word)
{
	return fail_usage("\"%s\" is no time; a time is: now, -DURATION (-5s, -1m30s, -250ms), nanoseconds of CLOCK_MONOTONIC, or 2024-05-01T12:00:00Z",
			  word);
}

/* A sum of numbers with units, e.g. 1m30s or 1.5h. */
static bool duration_parse(const char *s, uint64_t *ns)
{
	static const struct {
		const char *name;
		double ns;
	} units[] = {
		{ "ns", 1 }, { "us", 1e3 }, { "ms", 1e6 }, { "s", 1e9 },
		{ "m", 60e9 }, { "h", 3600e9 }, { "d", 86400e9 },
	};
	double sum = 0;

	do {
		size_t i, len;
		double number;
		char *end;

		if (!isdigit((unsigned char)*s))
			return false;
		number = strtod(s, &end);
		len = strspn(end, "abcdefghijklmnopqrstuvwxyz");
		for (i = 0; i < sizeof(units) / sizeof(units[0]); i++)
			if (strlen(units[i].name) == len &&
			    !strncmp(units[i].name, end, len))
				break;
		if (i == sizeof(units) / sizeof(units[0]))
			return false;
		sum += number * units[i].ns;
		s = end + len;
	} while (*s);

	if (sum >= 9e18)
		return false;
	*ns = sum;
	return true;
}

/* Nanoseconds of CLOCK_REALTIME. */
static bool rfc3339_parse(const char *s, int64_t *ns)
{
	struct tm tm = { 0 };
	int64_t fraction = 0, zone = 0;
	int digits = 0;

	s = strptime(s, "%Y-%m-%d", &tm);
	if (!s || (*s != 'T' && *s != 't' && *s != ' '))
		return false;
	s = strptime(s + 1, "%H:%M:%S", &tm);
	if (!s)
		return false;
	if (*s == '.') {
		for (s++; isdigit((unsigned char)*s); s++, digits++)
			if (digits < 9)
				fraction = fraction * 10 + (*s - '0');
		if (!digits)
			return false;
		for (; digits < 9; digits++)
			fraction *= 10;
	}
	if (*s == 'Z' || *s == 'z') {
		s++;
	} else if (*s == '+' || *s == '-') {
		unsigned int hours, minutes;
		int used = 0;

		if (sscanf(s + 1, "%2u:%2u%n", &hours, &minutes, &used) != 2 ||
		    used != 5)
			return false;
		zone = (hours * 60 + minutes) * 60;
		if (*s == '-')
			zone = -zone;
		s += 6;
	} else {
		return false;
	}
	if (*s)
		return false;
	*ns = ((int64_t)timegm(&tm) - zone) * (int64_t)NS_PER_S + fraction;
	return true;
}

uint64_t when_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

int64_t when_realtime_offset(uint64_t monotonic_now)
{
	struct timespec real;

	clock_gettime(CLOCK_REALTIME, &real);
	return real.tv_sec * (int64_t)NS_PER_S + real.tv_nsec -
	       (int64_t)monotonic_now;
}

int when_parse(const char *word, uint64_t *ns)
{
	uint64_t now, before = 0;
	int64_t real = 0;
	bool is_real = false;
	int err;

	if (isdigit((unsigned char)*word)) {
		char *end;

		errno = 0;
		*ns = strtoull(word, &end, 10);
		if (!*end && !errno)
			return DONE;
		if (!rfc3339_parse(word, &real))
			return misread(word);
		is_real = true;
	} else if (*word == '-') {
		if (!duration_parse(word + 1, &before))
			return misread(word);
	} else if (strcmp(word, "now")) {
		return misread(word);
	}

	err = nlc_now(&now);
	if (err)
		return nlc_report(err);
	if (is_real) {
		real -= when_realtime_offset(now);
		*ns = real < 0 ? 0 : real;	/* before the machine started */
	} else {
		*ns = now < before ? 0 : now - before;
	}
	return DONE;
}
