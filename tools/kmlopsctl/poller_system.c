// SPDX-License-Identifier: GPL-2.0-only
/* The poller "system_info": what the machine and its kernel are, once. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <json-c/json.h>

#include "kmlopsctl.h"
#include "output.h"
#include "poller.h"
#include "system_info.h"

#define NAME_SIZE	32
#define TEXT_SIZE	160

static const struct poll_store stores[] = {
	{ "system_info", "name:char[32]", "text:char[160]" },
	{ 0 }
};

/* The first line of a file, without its end; false: there is none. */
static bool first_line(const char *path, char *to, size_t size)
{
	FILE *file = fopen(path, "re");
	bool good = file && fgets(to, size, file);

	if (file)
		fclose(file);
	if (good)
		to[strcspn(to, "\n")] = 0;
	return good;
}

/* What stands behind @name and the sign in a file, quotes left out. */
static bool line_of(const char *path, const char *name, char sign, char *to,
		    size_t size)
{
	FILE *file = fopen(path, "re");
	size_t length = strlen(name);
	char line[512];
	bool good = false;

	while (file && !good && fgets(line, sizeof(line), file)) {
		char *text = strchr(line, sign);

		if (strncmp(line, name, length) || !text)
			continue;
		text += 1 + strspn(text + 1, " \t\"");
		text[strcspn(text, "\"\n")] = 0;
		snprintf(to, size, "%s", text);
		good = true;
	}
	if (file)
		fclose(file);
	return good;
}

static const struct {
	const char *name;
	const char *path;
} files[] = {
	{ "thp_enabled", "/sys/kernel/mm/transparent_hugepage/enabled" },
	{ "thp_defrag", "/sys/kernel/mm/transparent_hugepage/defrag" },
	{ "thp_shmem", "/sys/kernel/mm/transparent_hugepage/shmem_enabled" },
	{ "khugepaged_defrag", "/sys/kernel/mm/transparent_hugepage/khugepaged/defrag" },
	{ "zswap", "/sys/module/zswap/parameters/enabled" },
	{ "zswap_compressor", "/sys/module/zswap/parameters/compressor" },
	{ "overcommit_memory", "/proc/sys/vm/overcommit_memory" },
	{ "swappiness", "/proc/sys/vm/swappiness" },
	{ "clocksource", "/sys/devices/system/clocksource/clocksource0/current_clocksource" },
	{ "cpufreq_governor", "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor" },
	{ "cpus_online", "/sys/devices/system/cpu/online" },
	{ "numa_nodes", "/sys/devices/system/node/online" },
	{ "smt", "/sys/devices/system/cpu/smt/control" },
	{ "tcp_congestion_control", "/proc/sys/net/ipv4/tcp_congestion_control" },
	{ "command_line", "/proc/cmdline" },
	{ "boot_id", "/proc/sys/kernel/random/boot_id" },
	{ "lockdown", "/sys/kernel/security/lockdown" },
};

/* Level and type of each cache of the first CPU, and its size. */
static void add_caches(system_info_func func, void *arg)
{
	int i;

	for (i = 0; i < 16; i++) {
		char path[128], level[8], type[16], text[64], name[NAME_SIZE];

#define CACHE(file, to) (snprintf(path, sizeof(path),			\
		"/sys/devices/system/cpu/cpu0/cache/index%d/" file, i),	\
		first_line(path, to, sizeof(to)))
		if (!CACHE("level", level) || !CACHE("type", type) ||
		    !CACHE("size", text))
			return;
#undef CACHE
		snprintf(name, sizeof(name), "cache_l%s_%s", level, type);
		func(name, text, arg);
	}
}

void system_info(system_info_func func, void *arg)
{
	struct utsname names;
	char text[TEXT_SIZE];
	size_t i;

	if (!uname(&names)) {
		func("kernel", names.sysname, arg);
		func("kernel_release", names.release, arg);
		func("kernel_version", names.version, arg);
		func("machine", names.machine, arg);
		func("hostname", names.nodename, arg);
	}
	if (line_of("/etc/os-release", "PRETTY_NAME", '=', text, sizeof(text)))
		func("os", text, arg);
	if (line_of("/proc/cpuinfo", "model name", ':', text, sizeof(text)))
		func("cpu", text, arg);
	if (line_of("/proc/cpuinfo", "microcode", ':', text, sizeof(text)))
		func("microcode", text, arg);
	if (line_of("/proc/meminfo", "MemTotal", ':', text, sizeof(text)))
		func("memory", text, arg);
	if (line_of("/proc/meminfo", "SwapTotal", ':', text, sizeof(text)))
		func("swap", text, arg);
	snprintf(text, sizeof(text), "%ld", sysconf(_SC_PAGESIZE));
	func("page_size", text, arg);
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (first_line(files[i].path, text, sizeof(text)))
			func(files[i].name, text, arg);
	add_caches(func, arg);
}

static void push(const char *name, const char *text, void *arg)
{
	char key[NAME_SIZE] = "", value[TEXT_SIZE] = "";

	snprintf(key, sizeof(key), "%s", name);
	snprintf(value, sizeof(value), "%s", text);
	poll_push(arg, 0, key, value);
}

static int poll_system(struct poll *poll)
{
	system_info(push, poll);
	return 0;
}

const struct poller system_info_poller = {
	.stores = stores,
	.poll = poll_system,
};

static void add_json(const char *name, const char *text, void *arg)
{
	json_add_string(arg, name, text);
}

struct json_object *system_info_json(void)
{
	struct json_object *json = json_object_new_object();

	system_info(add_json, json);
	return json;
}
