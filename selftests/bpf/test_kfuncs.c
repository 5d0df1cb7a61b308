// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kfuncs, called by programs of each kind: what they return, what is in
 * the store afterwards, and that what they refuse leaves no trace.
 */
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "support.h"
#include "calls.h"
#include "kfuncs.skel.h"
#include "tap.h"

#define ROWS	4096

static struct kfuncs_bpf *skel;

static const char *const context_names[CONTEXTS] = {
	[IN_SYSCALL] = "syscall program",
	[IN_XDP] = "xdp",
	[IN_TC] = "tc",
	[IN_RAW_TP] = "raw_tp",
	[IN_TP_BTF] = "tp_btf",
	[IN_TRACEPOINT] = "tracepoint",
	[IN_KPROBE] = "kprobe",
	[IN_FENTRY] = "fentry",
	[IN_PERF_EVENT] = "perf_event",
	[IN_SOCKET] = "socket filter",
	[IN_CGROUP] = "cgroup_skb",
};

static void check_context(enum test_context context)
{
	const char *name = context_names[context];
	const struct used *u = &skel->bss->used[context];

	if (!ok(u->runs > 0, "%s: runs", name))
		return;
	ok(u->captured > 0, "%s: captures", name);
	ok(u->got == u->captured, "%s: reads back the same time", name);
	ok(u->row.number == 0x1122334455667788ULL + context &&
	   u->row.first == context && u->row.last == ~context,
	   "%s: reads back the same row", name);
	ok(!u->inferred && u->out[0] == 1 && u->out[1] == 24 &&
	   u->out[2] == 1000, "%s: infers", name);
}

static void run_directly(struct bpf_program *program, enum test_context context)
{
	int err = run_once(program);

	if (err)
		note("%s: test run gave %d", context_names[context], err);
	check_context(context);
}

/* Let a program see one call of getppid(2). */
static void run_attached(struct bpf_program *program, enum test_context context)
{
	struct bpf_link *link = bpf_program__attach(program);

	if (!link) {
		note("%s: cannot attach: %s", context_names[context],
		     strerror(errno));
	} else {
		syscall(__NR_getppid);
		bpf_link__destroy(link);
	}
	check_context(context);
}

/* Its function is called by a test run, which has to be of an attached one. */
static void run_fentry(void)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	struct bpf_link *link;

	link = bpf_program__attach(skel->progs.in_fentry);
	if (!link)
		bail("attach to a function");
	bpf_prog_test_run_opts(bpf_program__fd(skel->progs.in_fentry), &opts);
	bpf_link__destroy(link);
	check_context(IN_FENTRY);
}

static void run_on_perf_event(void)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = 100000,	/* ns */
	};
	volatile unsigned int work = 0;
	struct bpf_link *link;
	int event, i;

	event = syscall(__NR_perf_event_open, &attr, 0, -1, -1, 0);
	if (event < 0)
		bail("perf_event_open");
	link = bpf_program__attach_perf_event(skel->progs.in_perf_event, event);
	if (!link)
		bail("attach to a perf event");
	for (i = 0; i < 1000 && !*(volatile __u64 *)&skel->bss->used[IN_PERF_EVENT].runs; i++)
		for (work = 0; work < 100000; work++)
			;
	bpf_link__destroy(link);
	check_context(IN_PERF_EVENT);
}

static void test_contexts(void)
{
	run_directly(skel->progs.in_syscall, IN_SYSCALL);
	run_directly(skel->progs.in_xdp, IN_XDP);
	run_directly(skel->progs.in_tc, IN_TC);
	run_directly(skel->progs.in_socket, IN_SOCKET);
	run_directly(skel->progs.in_cgroup, IN_CGROUP);
	run_directly(skel->progs.in_raw_tp, IN_RAW_TP);
	run_attached(skel->progs.in_tp_btf, IN_TP_BTF);
	run_attached(skel->progs.in_tracepoint, IN_TRACEPOINT);
	run_attached(skel->progs.in_kprobe, IN_KPROBE);
	run_fentry();
	run_on_perf_event();
}

/* What user space reads is what the programs captured, once per run. */
static void test_rows(void)
{
	__u64 runs = 0, seen[CONTEXTS] = {}, last = 0;
	bool ordered = true, same = true;
	struct rows rows;
	size_t i;

	for (i = 0; i < CONTEXTS; i++)
		runs += skel->bss->used[i].runs;
	ok_equal(store_counter("kfuncs", KERNMLOPS_A_STORE_CAPTURED), runs,
		 "captured counts every call");
	ok(store_adds_up("kfuncs"), "captured is the sum of what became of rows");

	read_rows("kfuncs", &rows);
	ok_equal(rows.nr, runs, "the store has a row of every call");
	for (i = 0; i < rows.nr; i++) {
		const struct test_key *key = row_key(&rows, i);
		const struct test_row *row = row_value(&rows, i);
		__u64 time = row_head(&rows, i)->time;

		ordered &= time >= last;
		last = time;
		if (key->id >= CONTEXTS) {
			same = false;
			continue;
		}
		same &= row->number == 0x1122334455667788ULL + key->id &&
			row->first == key->id && row->last == ~key->id;
		seen[key->id]++;
		/* The last row of a key is the one that was captured last. */
		if (seen[key->id] == skel->bss->used[key->id].runs)
			same &= time == skel->bss->used[key->id].captured;
	}
	for (i = 0; i < CONTEXTS; i++)
		same &= seen[i] == skel->bss->used[i].runs;
	ok(same, "they are the rows that were captured");
	ok(ordered, "in order of time");
	free_rows(&rows);
}

static void test_wrong_arguments(void)
{
	static const struct {
		int expected;
		const char *what;
	} wrongs[WRONGS] = {
		[CAPTURE_LONG_KEY] = { -EINVAL, "capture: key too long" },
		[CAPTURE_SHORT_KEY] = { -EINVAL, "capture: key too short" },
		[CAPTURE_LONG_ROW] = { -EINVAL, "capture: row too long" },
		[CAPTURE_SHORT_ROW] = { -EINVAL, "capture: row too short" },
		[CAPTURE_NO_STORE] = { -ENOENT, "capture: map is no store" },
		[CAPTURE_NO_KEY] = { -EINVAL, "capture: key of no bytes, mode map" },
		[GET_NO_KEY] = { -EINVAL, "get: key of no bytes, mode map" },
		[GET_NO_STORE] = { -ENOENT, "get: unknown name" },
		[GET_EMPTY_NAME] = { -ENOENT, "get: empty name" },
		[GET_LONG_NAME] = { -ENOENT, "get: name too long" },
		[GET_PREFIX] = { -ENOENT, "get: beginning of a name" },
		[GET_NO_ROW] = { -ENOENT, "get: key without a row" },
		[GET_LONG_KEY] = { -EINVAL, "get: key too long" },
		[GET_SHORT_ROW] = { -EINVAL, "get: row too short" },
		[INFER_NO_MODEL] = { -ENOENT, "infer: unknown name" },
		[INFER_SHORT_IN] = { -EINVAL, "infer: input too short" },
		[INFER_LONG_IN] = { -EINVAL, "infer: input too long" },
		[INFER_ODD_IN] = { -EINVAL, "infer: input of odd size" },
		[INFER_ODD_OUT] = { -EINVAL, "infer: output of odd size" },
		[INFER_LONG_OUT] = { -EINVAL, "infer: output too long" },
		[INFER_SHORT_OUT] = { 0, "infer: the first output only" },
	};
	__u64 captured = store_counter("kfuncs", KERNMLOPS_A_STORE_CAPTURED);
	int i;

	if (run_once(skel->progs.wrongly))
		bail("run the program with wrong arguments");
	for (i = 0; i < WRONGS; i++)
		ok_equal(skel->bss->returned[i], wrongs[i].expected,
			 wrongs[i].what);
	ok_equal(store_counter("kfuncs", KERNMLOPS_A_STORE_CAPTURED), captured,
		 "nothing of that is in the store");
	ok_equal(skel->data->untouched.number, 7,
		 "what could not be read is untouched");
}

static void test_places(void)
{
	int err = run_once(skel->progs.from_packet);

	ok(!err && skel->bss->packet_captured > 0,
	   "key and row are captured out of a packet");

	register_store("inner", bpf_map__fd(skel->maps.inner_store), ROWS);
	err = run_once(skel->progs.inner_map);
	ok(!err && skel->bss->inner_captured > 0,
	   "a store is found through a map of maps");
	ok_equal(store_counter("inner", KERNMLOPS_A_STORE_CAPTURED), 1,
		 "and has the row");
	unregister_store("inner");
	run_once(skel->progs.inner_map);
	ok_equal(skel->bss->inner_captured, -ENOENT,
		 "once it is unregistered, capture says so");
}

/* A program that did not make the map captures into the same store. */
static void test_shared_map(void)
{
	__u64 captured = store_counter("kfuncs", KERNMLOPS_A_STORE_CAPTURED);
	struct kfuncs_bpf *other = kfuncs_bpf__open();

	if (!other || bpf_map__reuse_fd(other->maps.store,
					bpf_map__fd(skel->maps.store)) ||
	    kfuncs_bpf__load(other))
		bail("load a second object with the map of the first");
	ok(!run_once(other->progs.shared_map) && other->bss->shared_captured > 0,
	   "another object captures into the store by its map");
	ok_equal(store_counter("kfuncs", KERNMLOPS_A_STORE_CAPTURED),
		 captured + 1, "it is the same store");
	kfuncs_bpf__destroy(other);
}

/* The programs stay loaded while what they name comes and goes. */
static void test_comes_and_goes(void)
{
	struct used *u = &skel->bss->used[IN_SYSCALL];

	unregister_store("kfuncs");
	remove_model("sample");
	run_once(skel->progs.in_syscall);
	ok_equal(u->captured, -ENOENT, "capture after unregistration");
	ok_equal(u->got, -ENOENT, "get after unregistration");
	ok_equal(u->inferred, -ENOENT, "infer after removal");

	register_store("kfuncs", bpf_map__fd(skel->maps.store), ROWS);
	load_sample_model("sample");
	run_once(skel->progs.in_syscall);
	ok(u->captured > 0 && u->got == u->captured && !u->inferred,
	   "all is well once they are back");
	ok_equal(store_counter("kfuncs", KERNMLOPS_A_STORE_CAPTURED), 1,
		 "the new store has only what was captured since");
}

int main(void)
{
	connect_family();
	skel = kfuncs_bpf__open();
	if (!skel)
		bail("open the programs");
	skel->rodata->tester = syscall(__NR_gettid);
	if (kfuncs_bpf__load(skel))
		bail("load the programs");
	register_store("kfuncs", bpf_map__fd(skel->maps.store), ROWS);
	register_map("live", bpf_map__fd(skel->maps.live));
	load_sample_model("sample");

	test_contexts();
	test_rows();
	test_wrong_arguments();
	test_places();
	test_shared_map();
	test_comes_and_goes();

	unregister_store("kfuncs");
	unregister_store("live");
	remove_model("sample");
	kfuncs_bpf__destroy(skel);
	return done();
}
