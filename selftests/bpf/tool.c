// SPDX-License-Identifier: GPL-2.0-only
/* kmlopsctl, as the tests of this directory run it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "support.h"
#include "tap.h"
#include "tool.h"

char said[4096];

struct json_object *kmlopsctl(const char *words, int *code)
{
	struct json_object *json = NULL;
	char command[256], *text;
	size_t len;
	FILE *pipe;

	snprintf(command, sizeof(command), "kmlopsctl -j %s 2>/tmp/said", words);
	pipe = popen(command, "r");
	if (!pipe)
		bail("%s", command);
	text = malloc(1 << 16);
	len = fread(text, 1, (1 << 16) - 1, pipe);
	text[len] = 0;
	*code = WEXITSTATUS(pclose(pipe));
	if (len)
		json = json_tokener_parse(text);
	free(text);

	pipe = fopen("/tmp/said", "r");
	len = pipe ? fread(said, 1, sizeof(said) - 1, pipe) : 0;
	said[len] = 0;
	if (pipe)
		fclose(pipe);
	return json;
}

void start_collector(const char *name, const char *options)
{
	char words[128];
	int code;

	snprintf(words, sizeof(words), "collector start %s %s", name, options);
	json_object_put(kmlopsctl(words, &code));
	if (code) {
		note("%s", said);
		errno = EINVAL;
		bail("start the collector %s", name);
	}
}

struct json_object *stop_collector(const char *name)
{
	struct json_object *json, *counters;
	char words[128];
	int code;

	snprintf(words, sizeof(words), "collector stop %s", name);
	json = kmlopsctl(words, &code);
	if (code || !json_object_object_get_ex(json, "counters", &counters)) {
		note("%s", said);
		errno = EINVAL;
		bail("stop the collector %s", name);
	}
	json_object_get(counters);
	json_object_put(json);
	return counters;
}

unsigned long long counter_of(struct json_object *counters, const char *name)
{
	struct json_object *value;

	return json_object_object_get_ex(counters, name, &value) ?
	       json_object_get_uint64(value) : ~0ULL;
}

bool books_balance(struct json_object *counters, const char *const *stores)
{
	unsigned long long events = counter_of(counters, "events");
	unsigned long long rows = counter_of(counters, "rows"), captured = 0;
	unsigned long long none = counter_of(counters, "sampled_out") +
				  counter_of(counters, "refused") +
				  counter_of(counters, "unpaired");
	bool balance = true;

	for (; *stores; stores++) {
		captured += store_counter(*stores, KERNMLOPS_A_STORE_CAPTURED);
		balance &= store_adds_up(*stores);
		balance &= !store_counter(*stores, KERNMLOPS_A_STORE_OVERWRITTEN) &&
			   !store_counter(*stores, KERNMLOPS_A_STORE_DROPPED);
	}
	if (balance && events == rows + none && captured == rows)
		return true;
	note("events %llu, rows %llu, other %llu, captured %llu", events, rows,
	     none, captured);
	return false;
}

unsigned long long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ULL + time.tv_nsec;
}
