/* SPDX-License-Identifier: GPL-2.0-only */
/* What a benchmark prints: one JSON object a line. */
#ifndef SELFTESTS_BENCH_REPORT_H
#define SELFTESTS_BENCH_REPORT_H

#include <stdio.h>
#include <stdlib.h>

static inline void report(const char *name, const char *unit, double value,
			  const char *peer, double peer_value)
{
	printf("{\"name\": \"%s\", \"unit\": \"%s\", \"value\": %.6g, \"peer\": \"%s\", \"peer_value\": %.6g, \"ratio\": %.4g}\n",
	       name, unit, value, peer, peer_value, value / peer_value);
	fflush(stdout);
}

static inline int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static inline double median(double *numbers, int nr)
{
	qsort(numbers, nr, sizeof(*numbers), compare_doubles);
	return numbers[nr / 2];
}

#endif /* SELFTESTS_BENCH_REPORT_H */
