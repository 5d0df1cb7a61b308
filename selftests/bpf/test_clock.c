// SPDX-License-Identifier: GPL-2.0-only
/*
 * The times of rows against CLOCK_MONOTONIC, read before and after each
 * capture: while lines are drawn anew, while the rate of the clock is changed,
 * while the clock source is another one, and across suspend. They are within
 * the bound that clock.h states, and in order along the rows of a CPU.
 *
 * Suspend is that of pm_test, all but the sleep of the firmware, and a real one
 * of ACPI (S3), from which the host wakes the VM. The clock stands still
 * meanwhile, and the TSC goes on.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "clock.h"
#include "clock_rows.h"
#include "support.h"
#include "clock.skel.h"
#include "tap.h"

#define ROWS		32768
#define SOURCE		"/sys/devices/system/clocksource/clocksource0/"
#define SHARE_DRIVER	"/sys/bus/virtio/drivers/9pnet_virtio/"
#define SHARE_DEVICES	8

static struct clock_bpf *skel;

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	bool written = fd >= 0 && write(fd, text, strlen(text)) > 0;

	if (fd >= 0)
		close(fd);
	return written;
}

static bool file_has(const char *path, const char *word)
{
	char text[128] = "";
	int fd = open(path, O_RDONLY);
	ssize_t size = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	return size > 0 && strstr(text, word);
}

static void capture_for(int ms)
{
	struct timespec t;
	__u64 now, end = 0;

	do {
		if (run_once(skel->progs.on_syscall))
			bail("run the program");
		clock_gettime(CLOCK_MONOTONIC, &t);
		now = t.tv_sec * 1000ULL + t.tv_nsec / 1000000;
		if (!end)
			end = now + ms;
	} while (now < end);
}

/* The rows there are, by CPU: neither times nor numbers go back. */
static void check_order(const char *when)
{
	__u64 last_seq[256] = {}, last = 0;
	size_t i, wrong = 0;
	struct rows rows;

	read_rows("clock", &rows);
	for (i = 0; i < rows.nr; i++) {
		const struct kmlops_row *row = row_head(&rows, i);
		unsigned int cpu = row->seq >> KMLOPS_ROW_POS_BITS;

		wrong += row->time < last || cpu >= 256 ||
			 row->seq <= last_seq[cpu];
		last = row->time;
		last_seq[cpu] = row->seq;
	}
	ok(rows.nr > CLOCK_TURNS && !wrong, "%s: %zu rows in order, %zu not",
	   when, rows.nr, wrong);
	free_rows(&rows);
}

static void begin(void)
{
	skel->bss->captures = 0;
	skel->bss->early = 0;
	skel->bss->late = 0;
	skel->bss->worst = 0;
	skel->bss->on_line = 0;
	skel->bss->lines = 0;
}

static void check(const char *when)
{
	note("%s: %llu captures, %llu with a line, of %llu lines; %llu ns off at most",
	     when, (unsigned long long)skel->bss->captures,
	     (unsigned long long)skel->bss->on_line,
	     (unsigned long long)skel->bss->lines,
	     (unsigned long long)skel->bss->worst);
	ok(skel->bss->captures > CLOCK_TURNS && !skel->bss->failed,
	   "%s: rows are captured", when);
	ok(!skel->bss->early && !skel->bss->late,
	   "%s: times are within %d ns (%llu rows too early, %llu too late)",
	   when, KMLOPS_CLOCK_ERROR_NS, (unsigned long long)skel->bss->early,
	   (unsigned long long)skel->bss->late);
	check_order(when);
}

static void test_steady(bool tsc)
{
	begin();
	capture_for(1500);
	check("steady");
	if (tsc)
		ok(skel->bss->lines >= 2 && skel->bss->on_line > 1000,
		   "captures follow lines that are drawn anew");
	else
		skip("captures follow lines", "the clock is not the TSC");
}

/* About as much as NTP may, from one end to the other, again and again. */
static void test_rate(void)
{
	struct timex change = { .modes = ADJ_FREQUENCY };
	int i;

	begin();
	for (i = 0; i < 8; i++) {
		change.freq = (i & 1 ? -490L : 490L) << 16;
		if (adjtimex(&change) < 0)
			bail("change the rate of the clock");
		capture_for(i & 2 ? 260 : 400);
	}
	change.freq = 0;
	adjtimex(&change);
	check("while the rate changes");
	capture_for(600);
}

/* A tenth faster, as no NTP makes it: no line follows that, nor does it last. */
static void test_tick(void)
{
	struct timex change = { .modes = ADJ_TICK, .tick = 11000 };

	if (adjtimex(&change) < 0)
		bail("change the tick of the clock");
	/* Lines from before are not followed for longer. */
	capture_for(KMLOPS_CLOCK_REACH_MS + 200);
	begin();
	capture_for(600);
	change.tick = 10000;
	adjtimex(&change);
	check("while the clock is a tenth too fast");
	capture_for(KMLOPS_CLOCK_REACH_MS + 200);
}

static void test_source(const char *source)
{
	__u64 on_line, followed = 0;
	char when[64];
	int i;

	snprintf(when, sizeof(when), "while %s comes and goes", source);
	if (!file_has(SOURCE "available_clocksource", source)) {
		skip(when, "this machine has no such clock");
		return;
	}
	begin();
	for (i = 0; i < 2; i++) {
		/* Long enough for a line, which takes two looks at the clock. */
		capture_for(800);
		if (!write_file(SOURCE "current_clocksource", source))
			bail("switch to %s", source);
		on_line = skel->bss->on_line;
		capture_for(400);
		if (!file_has(SOURCE "current_clocksource", source))
			bail("the clock is not %s", source);
		followed += skel->bss->on_line - on_line;
		if (!write_file(SOURCE "current_clocksource", "tsc"))
			bail("switch back");
	}
	check(when);
	ok(!followed, "%llu captures follow a line of the TSC meanwhile",
	   (unsigned long long)followed);
}

/* The share has no way to survive suspend: it is unmounted and unplugged. */
static bool put_share_away(char *device)
{
	int i;

	*device = 0;
	if (access(SHARE_DRIVER, F_OK))
		return true;
	if (umount("/share"))
		return false;
	for (i = 0; i < SHARE_DEVICES; i++) {
		char path[128];

		sprintf(path, SHARE_DRIVER "virtio%d", i);
		if (access(path, F_OK))
			continue;
		sprintf(device, "virtio%d", i);
		return write_file(SHARE_DRIVER "unbind", device);
	}
	return true;
}

static void bring_share_back(const char *device)
{
	if (*device &&
	    (!write_file(SHARE_DRIVER "bind", device) ||
	     mount("share", "/share", "9p", 0,
		   "trans=virtio,version=9p2000.L,msize=512000")))
		bail("bring the share back");
}

/* A second without the sleep itself. */
static bool suspend_for_test(void)
{
	bool done = write_file("/sys/module/suspend/parameters/pm_test_delay",
			       "1") &&
		    write_file("/sys/power/pm_test", "core") &&
		    write_file("/sys/power/state", "mem");

	write_file("/sys/power/pm_test", "none");
	return done;
}

/* Until the host ends it. */
static bool suspend_to_ram(void)
{
	return write_file("/sys/power/mem_sleep", "deep") &&
	       write_file("/sys/power/state", "mem");
}

static void test_suspend(const char *when, bool possible, bool (*suspend)(void))
{
	struct bpf_link *link;
	char device[16];
	pid_t child;
	bool slept;

	if (!possible) {
		skip(when, "this kernel cannot, or not in this machine");
		return;
	}
	if (!put_share_away(device)) {
		skip(when, "the share is in use");
		return;
	}
	begin();
	/* Programs run before, after and, in the scheduler, meanwhile. */
	link = bpf_program__attach(skel->progs.on_switch);
	child = fork();
	if (!link || child < 0)
		bail("capture all the time");
	while (!child)
		capture_for(1000);
	usleep(300000);
	slept = suspend();
	ok(slept, "%s: the machine suspends and resumes", when);
	capture_for(1000);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	bpf_link__destroy(link);
	check(when);
	bring_share_back(device);
}

/*
 * The port that results go through does not come back where its driver has this:
 * it asks the host for the state of the port before it can hear the answer, and
 * who writes then waits for ever.
 */
static bool port_stays_silent(void)
{
	struct btf *btf = btf__load_vmlinux_btf();
	int id = btf__find_by_name_kind(btf, "ports_device", BTF_KIND_STRUCT);
	const struct btf_type *type;
	bool found = false;
	int i;

	if (id > 0) {
		type = btf__type_by_id(btf, id);
		for (i = 0; i < btf_vlen(type); i++)
			found |= !strcmp(btf__name_by_offset(btf,
						btf_members(type)[i].name_off),
					 "pm_freezing");
	}
	btf__free(btf);
	return found;
}

int main(void)
{
	bool silent = port_stays_silent();
	bool tsc = file_has(SOURCE "current_clocksource", "tsc");

	connect_family();
	skel = clock_bpf__open();
	if (!skel)
		bail("open the programs");
	skel->rodata->bound = KMLOPS_CLOCK_ERROR_NS;
	if (clock_bpf__load(skel))
		bail("load the programs");
	register_store("clock", bpf_map__fd(skel->maps.store), ROWS);

	test_steady(tsc);
	if (tsc) {
		test_rate();
		test_tick();
		test_source("hpet");
		test_source("acpi_pm");
	}
	test_suspend("across a test of suspend",
		     !silent && !access("/sys/power/pm_test", W_OK),
		     suspend_for_test);
	/* A kernel with KCSAN does not come back, with the module or without. */
	test_suspend("across suspend to RAM",
		     !silent && file_has("/sys/power/mem_sleep", "deep") &&
		     access("/sys/kernel/debug/kcsan", F_OK),
		     suspend_to_ram);

	unregister_store("clock");
	clock_bpf__destroy(skel);
	return done();
}
