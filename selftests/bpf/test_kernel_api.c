// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel API, used by a module: it does the calls and checks what they
 * return, this tells it what to do.
 */
#include <unistd.h>
#include <bpf/bpf.h>
#include "modules.h"
#include "nl/client.h"
#include "support.h"
#include "tap.h"

#define MODULE	"kernmlops_api_test"

/* Lets the module do something and shows what it has to say. */
static void run(const char *command)
{
	int err = write_parameter(MODULE, "run", command);
	char *results, *line;

	if (err) {
		errno = -err;
		bail("run %s", command);
	}
	results = strdup(read_parameter(MODULE, "results"));
	ok(*results, "%s has results", command);
	for (line = strtok(results, "\n"); line; line = strtok(NULL, "\n")) {
		char *dash = strstr(line, " - ");

		if (dash)
			ok(!strncmp(line, "ok", 2), "module: %s", dash + 3);
	}
	free(results);
}

static void run_with_map(const char *command, int map)
{
	char text[64];

	snprintf(text, sizeof(text), "%s %d", command, map);
	run(text);
}

static void test_mode_map(void)
{
	__u32 key = 1, value[2] = { 1, ~1U };
	int map = map_of_type(BPF_MAP_TYPE_HASH, "two_rows", 8, 4);

	if (map < 0 || bpf_map_update_elem(map, &key, value, 0))
		bail("make a map");
	key = 2;
	bpf_map_update_elem(map, &key, value, 0);
	run_with_map("map", map);
	close(map);
}

/* A store that the module holds open outlives its registration. */
static void test_held(void)
{
	int map = map_with_btf("held", 8), i;

	register_store("held", map, 1000);
	for (i = 0; i < 3; i++)
		push_row("held", &(__u32){ i }, 4, &(__u64){ i }, 8);
	run("open held");
	unregister_store("held");
	run("held");
	/* The name is free again, and a new store of the map is another one. */
	register_store("held", map, 1000);
	ok_equal(store_counter("held", KERNMLOPS_A_STORE_CAPTURED), 0,
		 "a new store of that name is empty");
	run("held");
	unregister_store("held");
	close(map);
	run("held");
	run("close");
}

static void test_unloading(void)
{
	int map = map_with_btf("held", 8);

	register_store("held", map, 1000);
	run("open held");
	ok_equal(unload_module("kernmlops"), -EWOULDBLOCK,
		 "kernmlops stays while a module uses it");
	ok_equal(unload_module(MODULE), 0, "that one goes");
	ok_equal(module_users(), 0, "and holds nothing any more");
	unregister_store("held");
	close(map);
	ok_equal(write_parameter(MODULE, "run", "close"), -ENOENT,
		 "it is gone");
}

int main(void)
{
	int err, map;

	connect_family();
	err = load_module(MODULE);
	if (err) {
		errno = -err;
		bail("load " MODULE);
	}
	ok(module_users() > 0, "a module that uses kernmlops holds it");
	map = map_with_btf("calls", 8);
	run_with_map("calls", map);
	run_with_map("lossless", map);
	close(map);
	test_mode_map();
	load_sample_model("sample");
	run("infer sample");
	run("model-open sample");
	load_sample_model("sample");
	run("model-held");
	remove_model("sample");
	load_sample_model("sample");
	run("model-gone");
	remove_model("sample");
	test_held();
	test_unloading();
	return done();
}
