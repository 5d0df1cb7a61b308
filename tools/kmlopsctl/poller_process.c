// SPDX-License-Identifier: GPL-2.0-only
/* The poller "process_metadata": what /proc says of each process. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kmlopsctl.h"
#include "poller.h"

/* As the words of the store lay it out; checked where the poller starts. */
struct process_row {
	uint64_t start_time;
	uint64_t cpu_time;
	uint64_t rss;
	uint32_t parent;
	int32_t nice;
	uint32_t threads;
	uint32_t uid;
	char name[16];
	char cmdline[128];
	char cgroup_path[128];
};

static const char value_words[] = {
	"start_time:u64:ns,cpu_time:u64:ns,rss:u64:bytes,parent:u32,nice:s32,threads:u32,uid:u32,name:char[16],cmdline:char[128],cgroup_path:char[128]"
};

static const struct poll_store stores[] = {
	{ "process_metadata", "pid:u32",
	  value_words },
	{ 0 }
};

static int check_layout(struct poll *poll)
{
	return poll->values[0].size == sizeof(struct process_row) ? 0 : -EINVAL;
}

/* The start of a file of a process; how many bytes, 0 if it has gone. */
static size_t read_file(uint32_t pid, const char *name, char *to, size_t size)
{
	char path[64];
	size_t length;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%u/%s", pid, name);
	file = fopen(path, "re");
	if (!file)
		return 0;
	length = fread(to, 1, size - 1, file);
	fclose(file);
	to[length] = 0;
	return length;
}

/* The name stands in parentheses and can hold any others. */
static bool take_stat(uint32_t pid, struct process_row *row)
{
	unsigned long long start, user, system;
	uint64_t tick = 1000000000ULL / sysconf(_SC_CLK_TCK);
	char text[1024], *open, *close;
	int nice, threads, parent;
	long rss;

	if (!read_file(pid, "stat", text, sizeof(text)))
		return false;
	open = strchr(text, '(');
	close = strrchr(text, ')');
	if (!open || !close ||
	    sscanf(close + 1, " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %d %d %*d %llu %*u %ld",
		   &parent, &user, &system, &nice, &threads, &start, &rss) != 7)
		return false;
	*close = 0;
	snprintf(row->name, sizeof(row->name), "%s", open + 1);
	row->parent = parent;
	row->nice = nice;
	row->threads = threads;
	row->start_time = start * tick;
	row->cpu_time = (user + system) * tick;
	row->rss = (uint64_t)rss * sysconf(_SC_PAGESIZE);
	return true;
}

/* Arguments end with NULs; here there are blanks between them. */
static void take_cmdline(uint32_t pid, struct process_row *row)
{
	size_t length = read_file(pid, "cmdline", row->cmdline,
				  sizeof(row->cmdline)), i;

	for (i = 0; i + 1 < length; i++)
		if (!row->cmdline[i])
			row->cmdline[i] = ' ';
}

/* The unified hierarchy is the line that begins with 0:: */
static void take_cgroup(uint32_t pid, struct process_row *row)
{
	char text[4096], *line;

	if (!read_file(pid, "cgroup", text, sizeof(text)))
		return;
	line = !strncmp(text, "0::", 3) ? text : strstr(text, "\n0::");
	if (!line)
		return;
	line += 3 + (*line == '\n');
	line[strcspn(line, "\n")] = 0;
	snprintf(row->cgroup_path, sizeof(row->cgroup_path), "%s", line);
}

static void take_uid(uint32_t pid, struct process_row *row)
{
	char text[2048], *line;

	if (!read_file(pid, "status", text, sizeof(text)))
		return;
	line = strstr(text, "\nUid:");
	if (line)
		row->uid = strtoul(line + 5, NULL, 10);
}

static int poll_processes(struct poll *poll)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		struct process_row row = { 0 };
		uint32_t pid = strtoul(entry->d_name, NULL, 10);

		/* One that ends meanwhile has no row. */
		if (!isdigit((unsigned char)*entry->d_name) ||
		    !take_stat(pid, &row))
			continue;
		take_cmdline(pid, &row);
		take_cgroup(pid, &row);
		take_uid(pid, &row);
		poll_push(poll, 0, &pid, &row);
	}
	closedir(dir);
	return 0;
}

const struct poller process_metadata_poller = {
	.stores = stores,
	.interval = 5000000000ULL,
	.path = "/proc/self/stat",
	.open = check_layout,
	.poll = poll_processes,
};
