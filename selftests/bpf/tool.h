/* SPDX-License-Identifier: GPL-2.0-only */
/* kmlopsctl, as the tests of this directory run it. */
#ifndef SELFTESTS_BPF_TOOL_H
#define SELFTESTS_BPF_TOOL_H

#include <stdbool.h>
#include <json-c/json.h>

/* What the last command said on stderr. */
extern char said[4096];

/* Run kmlopsctl with JSON output, which the caller puts; exit code in *code. */
struct json_object *kmlopsctl(const char *words, int *code);

/* Start a collector with options, or end the test with a failure. */
void start_collector(const char *name, const char *options);
/* Stop it; its counters at the end, which the caller puts. */
struct json_object *stop_collector(const char *name);
/* One of them; ~0 if there is none of this name. */
unsigned long long counter_of(struct json_object *counters, const char *name);

/*
 * Whether events are rows and what was counted as none, each row counted is in
 * one of the stores (NULL-terminated), and those add up without a loss.
 */
bool books_balance(struct json_object *counters, const char *const *stores);

/* CLOCK_MONOTONIC, as rows have it. */
unsigned long long now(void);

#endif /* SELFTESTS_BPF_TOOL_H */
