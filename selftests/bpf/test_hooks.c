// SPDX-License-Identifier: GPL-2.0-only
/*
 * A kernel that lacks what some collectors attach to. What a kernel has is in
 * its BTF: names in a copy of that are changed, and the copy is mounted over it.
 */
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include <json-c/json.h>
#include <linux/btf.h>

#include "support.h"
#include "tap.h"
#include "tool.h"

#define BTF		"/sys/kernel/btf/vmlinux"
#define COPY		"/tmp/btf"
#define RUN		"/tmp/hooks_run"

static char *read_all(const char *path, size_t *size)
{
	int fd = open(path, O_RDONLY);
	char *data = NULL;
	ssize_t got;

	*size = 0;
	if (fd < 0)
		bail("%s", path);
	do {
		data = realloc(data, *size + (1 << 20));
		got = read(fd, data + *size, 1 << 20);
		if (got < 0)
			bail("%s", path);
		*size += got;
	} while (got);
	close(fd);
	return data;
}

/* The name is another one from now on, if it is there. */
static bool rename_in(char *btf, const char *name)
{
	const struct btf_header *header = (void *)btf;
	char *strings = btf + header->hdr_len + header->str_off;
	size_t length = strlen(name) + 1, i;

	for (i = 1; i + length <= header->str_len; i++) {
		if (!strings[i - 1] && !memcmp(strings + i, name, length)) {
			strings[i] = '_';
			return true;
		}
	}
	return false;
}

static void put_in_place(const char *btf, size_t size)
{
	int fd = open(COPY, O_CREAT | O_TRUNC | O_WRONLY, 0600);

	if (fd < 0 || write(fd, btf, size) != size || close(fd) ||
	    mount(COPY, BTF, NULL, MS_BIND, NULL))
		bail("the copy of the BTF");
}

static struct json_object *member(struct json_object *json, const char *name)
{
	struct json_object *value = NULL;

	json_object_object_get_ex(json, name, &value);
	return value;
}

static struct json_object *list_collectors(void)
{
	int code;
	struct json_object *list = kmlopsctl("collector list", &code);

	if (code || !json_object_is_type(list, json_type_array))
		bail("collector list");
	return list;
}

static struct json_object *collector(struct json_object *list, const char *name)
{
	size_t i;

	for (i = 0; i < json_object_array_length(list); i++) {
		struct json_object *json = json_object_array_get_idx(list, i);

		if (!strcmp(json_object_get_string(member(json, "name")), name))
			return json;
	}
	bail("the collector %s", name);
	return NULL;
}

static bool available(struct json_object *collector)
{
	return json_object_get_boolean(member(collector, "available"));
}

/* The only one of its sentences, or NULL. */
static const char *sentence(struct json_object *collector, const char *kind)
{
	struct json_object *array = member(collector, kind);

	if (json_object_array_length(array) != 1)
		return NULL;
	return json_object_get_string(json_object_array_get_idx(array, 0));
}

/* Those that are not in @gone are what they were. */
static void check_others(struct json_object *before, struct json_object *after,
			 const char *const *gone)
{
	size_t same = 0, others = 0, nr = json_object_array_length(before), i, g;

	for (i = 0; i < nr; i++) {
		struct json_object *was = json_object_array_get_idx(before, i);
		const char *name = json_object_get_string(member(was, "name"));

		for (g = 0; gone[g] && strcmp(gone[g], name); g++)
			;
		if (gone[g])
			continue;
		others++;
		same += available(was) == available(collector(after, name));
	}
	ok_equal(same, others, "the others can run as before");
}

static void check_refused(const char *name, const char *reason)
{
	char words[64];
	int code;

	snprintf(words, sizeof(words), "collector start %s", name);
	json_object_put(kmlopsctl(words, &code));
	ok(code == 1 && strstr(said, reason), "%s does not start, which is said", name);
}

static void check_run(struct json_object *before, const char *const *gone)
{
	struct json_object *run, *kept;
	size_t expected = 0, nr = json_object_array_length(before), i;
	char path[64];
	int code;

	for (i = 0; i < nr; i++)
		expected += available(json_object_array_get_idx(before, i));
	run = kmlopsctl("collect -c all -d 1 rows 4096 -o " RUN, &code);
	if (!ok(!code && run, "all that can run are collected"))
		note("%s", said);
	kept = member(run, "collectors");
	for (i = 0; gone[i]; i++) {
		expected -= available(collector(before, gone[i]));
		ok(!member(kept, gone[i]), "%s is not among them", gone[i]);
		snprintf(path, sizeof(path), RUN "/%s", gone[i]);
		ok(access(path, F_OK), "and has no rows");
	}
	ok_equal(json_object_object_length(kept), expected, "the rest is");
	snprintf(path, sizeof(path), RUN "/page_fault/_meta.json");
	ok(!access(path, F_OK), "with rows");
	json_object_put(run);
}

int main(void)
{
	static const char *const gone[] = { "tcp", "madvise", "pressure", NULL };
	struct json_object *before, *after;
	bool has_pressure;
	size_t size;
	char *btf;

	connect_family();
	before = list_collectors();
	btf = read_all(BTF, &size);
	/* The last is not there at first either where there are no huge pages. */
	if (!rename_in(btf, "do_madvise") || !rename_in(btf, "btf_trace_tcp_probe") ||
	    (!rename_in(btf, "do_huge_pmd_anonymous_page") &&
	     !access("/sys/kernel/mm/transparent_hugepage", F_OK))) {
		errno = ENOENT;
		bail("a name in the BTF");
	}
	ok(available(collector(before, "madvise")) &&
	   available(collector(before, "tcp")), "all is there at first");
	has_pressure = available(collector(before, "pressure"));
	put_in_place(btf, size);
	free(btf);
	if (has_pressure && mount("none", "/proc/pressure", "tmpfs", 0, NULL))
		bail("/proc/pressure");

	after = list_collectors();
	ok_string(sentence(collector(after, "madvise"), "missing"),
		  "the kernel has no function do_madvise to attach to",
		  "a function that is not there is listed");
	ok_string(sentence(collector(after, "tcp"), "missing"),
		  "the kernel has no tracepoint tcp_probe", "so is a tracepoint");
	ok_string(sentence(collector(after, "pressure"), "missing"),
		  "cannot read /proc/pressure/cpu: No such file or directory",
		  "and a file");
	ok_string(sentence(collector(after, "page_fault"), "without"),
		  "the kernel has no function do_huge_pmd_anonymous_page to attach to",
		  "what a collector can do without is said, too");
	ok(available(collector(after, "page_fault")), "and it can run");
	check_others(before, after, gone);
	check_refused("madvise", "the kernel has no function do_madvise to attach to");
	check_refused("tcp", "the kernel has no tracepoint tcp_probe");
	check_run(before, gone);

	if (has_pressure)
		umount("/proc/pressure");
	umount(BTF);
	unlink(COPY);
	if (system("rm -r " RUN))
		note(RUN " stays");
	json_object_put(before);
	json_object_put(after);
	return done();
}
