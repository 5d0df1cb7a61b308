// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs that misuse a kfunc do not load, and the verifier says why. Each
 * kfunc that the module has registered must be in a program that loads, and be
 * what is wrong in one that does not.
 */
#include <unistd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/types.h>
#include "calls.h"
#include "refused.skel.h"
#include "tap.h"

#define KFUNCS_MAX	64

static char verifier_log[64 * 1024];

/* The kfuncs that are registered, and which programs there are of each. */
static struct kfunc {
	__u32 id;
	char name[64];
	bool accepted, refused;
} kfuncs[KFUNCS_MAX];
static int nr_kfuncs;
static int module_fd;		/* of the BTF of the module */

/* The calls of a program that was loaded are those of kfuncs that may be. */
static void note_accepted(const struct bpf_program *program)
{
	const struct bpf_insn *insns = bpf_program__insns(program);
	size_t i, size = bpf_program__insn_cnt(program);
	int k;

	for (i = 0; i < size; i++)
		for (k = 0; k < nr_kfuncs; k++)
			if (insns[i].code == (BPF_JMP | BPF_CALL) &&
			    insns[i].src_reg == BPF_PSEUDO_KFUNC_CALL &&
			    (__u32)insns[i].imm == kfuncs[k].id)
				kfuncs[k].accepted = true;
}

/* The last call of a kfunc in the log is the one that is refused. */
static void note_refused(void)
{
	const char *call, *last = NULL;
	int k;

	for (call = verifier_log; (call = strstr(call, "(85) call ")); call++)
		last = call + strlen("(85) call ");
	for (k = 0; last && k < nr_kfuncs; k++) {
		size_t length = strlen(kfuncs[k].name);

		if (!strncmp(last, kfuncs[k].name, length) &&
		    last[length] == '#')
			kfuncs[k].refused = true;
	}
}

/* Load one program of the object: 0 or a negative errno. */
static int load_alone(const char *name)
{
	struct refused_bpf *skel = refused_bpf__open();
	struct bpf_program *program, *found = NULL;
	int err;

	if (!skel)
		bail("open the programs");
	verifier_log[0] = 0;
	bpf_object__for_each_program(program, skel->obj) {
		bool it = !strcmp(bpf_program__name(program), name);

		bpf_program__set_autoload(program, it);
		if (it)
			bpf_program__set_log_buf(program, verifier_log,
						 sizeof(verifier_log));
		if (it)
			found = program;
	}
	if (!found) {
		errno = ENOENT;
		bail("program %s", name);
	}
	err = refused_bpf__load(skel);
	if (!err)
		note_accepted(found);
	refused_bpf__destroy(skel);
	return err;
}

/* @sentences: what the verifier says, as one kernel or another words it: "A|B". */
static void refused(const char *name, const char *sentences, const char *what)
{
	char *copy = strdup(sentences), *sentence, *rest = copy;
	int err = load_alone(name);
	bool said = false;

	note_refused();
	while ((sentence = strsep(&rest, "|")))
		said |= !!strstr(verifier_log, sentence);
	free(copy);
	if (!ok(err && said, "refused: %s", what))
		note("load gave %d, '%s' is not in: %s", err, sentences,
		     verifier_log);
}

/* As a user without any capability; the verifier is not even asked. */
static void test_unprivileged(void)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		if (setgid(65534) || setuid(65534))
			_exit(2);
		_exit(load_alone("accepted") == -EPERM ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	ok_equal(status, 0, "refused: a user without privilege");
}

/* A descriptor of the BTF of the module, or -1. */
static int module_btf_fd(void)
{
	__u32 id = 0;

	while (!bpf_btf_get_next_id(id, &id)) {
		char name[64] = "";
		struct bpf_btf_info info = {
			.name = (uintptr_t)name, .name_len = sizeof(name),
		};
		__u32 size = sizeof(info);
		int fd = bpf_btf_get_fd_by_id(id);

		if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &size) &&
		    !strcmp(name, "kernmlops"))
			return fd;
		close(fd);
	}
	return -1;
}

static int keep_capabilities(__u64 kept)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct sets[2] = {
		{ .effective = kept, .permitted = kept },
		{ .effective = kept >> 32, .permitted = kept >> 32 },
	};

	return syscall(__NR_capset, &header, sets);
}

/*
 * Loads a program of one type that does nothing but call @kfunc. The verifier
 * has more to say about this call than whether it may be, but later.
 */
static int load_call(enum bpf_prog_type type, const char *license, __u32 kfunc)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_JMP | BPF_CALL, .src_reg = BPF_PSEUDO_KFUNC_CALL,
		  .off = 1, .imm = kfunc },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	const int fds[] = { -1, module_fd };
	struct bpf_prog_load_opts opts = {
		.sz = sizeof(opts), .fd_array = fds, .log_level = 1,
		.log_buf = verifier_log, .log_size = sizeof(verifier_log),
	};
	int fd;

	verifier_log[0] = 0;
	fd = bpf_prog_load(type, "call", license, insns, 2, &opts);
	if (fd >= 0)
		close(fd);
	return fd;
}

/* Whether a socket filter may, in a process with these capabilities only. */
static bool may_call(__u32 kfunc, __u64 capabilities)
{
	int status, fd;
	pid_t pid = fork();

	if (!pid) {
		if (keep_capabilities(capabilities))
			_exit(2);
		fd = load_call(BPF_PROG_TYPE_SOCKET_FILTER, "GPL", kfunc);
		_exit(fd >= 0 || !strlen(verifier_log) ? 2 :
		      !!strstr(verifier_log, "is not allowed"));
	}
	waitpid(pid, &status, 0);
	if (!WIFEXITED(status) || WEXITSTATUS(status) > 1)
		bail("load as a user with few capabilities");
	return !WEXITSTATUS(status);
}

/* Those functions of the module that the verifier lets a program call. */
static void find_kfuncs(void)
{
	struct btf *vmlinux = btf__load_vmlinux_btf();
	struct btf *module = btf__load_module_btf("kernmlops", vmlinux);
	__u32 id;

	module_fd = module_btf_fd();
	if (!module || module_fd < 0)
		bail("no BTF of the module");
	for (id = btf__type_cnt(vmlinux); id < btf__type_cnt(module); id++) {
		const struct btf_type *type = btf__type_by_id(module, id);
		struct kfunc *kfunc = &kfuncs[nr_kfuncs];

		if (!btf_is_func(type))
			continue;
		/* Of others the verifier does not even come to the call. */
		if (load_call(BPF_PROG_TYPE_XDP, "GPL", id) < 0 &&
		    (!strstr(verifier_log, "(85) call ") ||
		     strstr(verifier_log, "is not allowed")))
			continue;
		if (nr_kfuncs++ == KFUNCS_MAX)
			bail("more kfuncs than expected");
		kfunc->id = id;
		snprintf(kfunc->name, sizeof(kfunc->name), "%s",
			 btf__name_by_offset(module, type->name_off));
	}
	btf__free(module);
	btf__free(vmlinux);
	note("%d kfuncs", nr_kfuncs);
	ok(nr_kfuncs >= 13, "the kfuncs are found");
}

/*
 * Rows are for who may trace; CAP_BPF alone may load socket filters. What the
 * kernel gives out under the GPL only it does not give others through us.
 */
static void test_kinds_of_programs(void)
{
	const __u64 bpf = 1ULL << CAP_BPF;
	int i;

	for (i = 0; i < nr_kfuncs; i++) {
		__u32 id = kfuncs[i].id;

		ok(!may_call(id, bpf) && may_call(id, bpf | 1ULL << CAP_PERFMON) &&
		   may_call(id, bpf | 1ULL << CAP_NET_ADMIN),
		   "%s: not with CAP_BPF alone", kfuncs[i].name);
		ok(load_call(BPF_PROG_TYPE_XDP, "proprietary", id) < 0 &&
		   strstr(verifier_log, "non-GPL compatible program"),
		   "%s: not in a program of another licence", kfuncs[i].name);
	}
}

static void test_completeness(void)
{
	int i;

	for (i = 0; i < nr_kfuncs; i++) {
		ok(kfuncs[i].accepted, "%s: there is a program that loads",
		   kfuncs[i].name);
		ok(kfuncs[i].refused, "%s: there is one that is refused for it",
		   kfuncs[i].name);
	}
}

static int silent(enum libbpf_print_level level, const char *format,
		  va_list args)
{
	return 0;
}

int main(void)
{
	libbpf_set_print(silent);
	find_kfuncs();

	ok_equal(load_alone("accepted"), 0, "accepted: as it should be done");

	refused("stack_as_map",
		"pointer in R1 isn't map pointer|R1 is fp expected STRUCT bpf_map",
		"stack memory as a map");
	refused("null_as_map", "Possibly NULL pointer passed",
		"NULL as a map");
	refused("value_as_map",
		"R1 must be referenced or trusted|R1 is map_value expected STRUCT bpf_map",
		"a value of a map as a map");
	refused("key_too_short", "invalid", "a key that reaches off the stack");
	refused("row_too_short", "invalid access to map value, value_size=16 off=0 size=17",
		"a row of less bytes than passed");
	refused("number_as_key", "R2 type=scalar expected=fp",
		"a number as a key");
	refused("maybe_null_key", "Possibly NULL pointer passed",
		"capture: a key that may be NULL");
	refused("maybe_null_row", "Possibly NULL pointer passed",
		"capture: a row that may be NULL");
	refused("maybe_null_answer", "Possibly NULL pointer passed",
		"get: a row that may be NULL");
	refused("maybe_null_input", "Possibly NULL pointer passed",
		"infer: an input that may be NULL");
	refused("maybe_null_output", "Possibly NULL pointer passed",
		"infer: an output that may be NULL");
	refused("null_input", "Possibly NULL pointer passed",
		"infer: no input");
	refused("null_row", "Possibly NULL pointer passed",
		"capture: no row");
	refused("size_without_bound", "memory, len pair leads to invalid memory access",
		"a size without bound");
	refused("constant_as_row", "write into map forbidden",
		"a constant to write the row to");
	refused("name_on_stack", "arg#0", "a name on the stack");
	refused("name_in_writable_map", "does not point to a readonly map", "a name that can change");
	refused("number_as_name", "arg#0", "a number as a name");
	refused("output_too_short", "invalid", "an output that reaches off the stack");
	refused("packet_without_check", "invalid access to packet",
		"a key in a packet whose end was not checked");
	refused("kernel_memory_as_row",
		"is not supported|R4 and R5 memory, len pair leads to invalid memory access",
		"memory of the kernel to write the row to");

	ok_equal(load_alone("loop_accepted"), 0, "accepted: a loop left early");
	refused("last_too_short", "invalid access to map value, value_size=40 off=0 size=80",
		"last: rows of less bytes than passed");
	refused("last_maybe_null", "Possibly NULL pointer passed to trusted",
		"last: rows that may be NULL");
	refused("last_without_bound", "memory, len pair leads to invalid memory access",
		"last: a size without bound");
	refused("asof_too_short", "invalid access to map value, value_size=40 off=0 size=48",
		"as-of: a row of less bytes than passed");
	refused("asof_maybe_null", "Possibly NULL pointer passed to trusted",
		"as-of: a row that may be NULL");
	refused("asof_of_constant", "write into map forbidden",
		"as-of: a constant to write the row to");
	refused("nearest_too_short", "invalid access to map value, value_size=40 off=0 size=41",
		"nearest: a row of less bytes than passed");
	refused("nearest_to_null", "Possibly NULL pointer passed to trusted",
		"nearest: no row");
	refused("nearest_name_can_change", "does not point to a readonly map",
		"nearest: a name that can change");
	refused("row_off_stack", "invalid",
		"get_row: a row that reaches off the stack");
	refused("row_into_number", "R3 type=scalar expected=fp",
		"get_row: a number as a row");
	refused("truncate_by_number", "doesn't point to a const string",
		"truncate: a number as a name");
	refused("truncate_name_can_change", "does not point to a readonly map",
		"truncate: a name that can change");
	refused("stats_too_short", "invalid access to map value, value_size=40 off=0 size=72",
		"stats: counters of less bytes than passed");
	refused("stats_into_null", "Possibly NULL pointer passed to trusted",
		"stats: no counters");
	refused("stats_into_kernel",
		"is not supported|R2 and R3 memory, len pair leads to invalid memory access",
		"stats: memory of the kernel");
	refused("loop_not_destroyed", "Unreleased reference",
		"loop: never ended");
	refused("loop_left_by_return", "Unreleased reference",
		"loop: left without ending it");
	refused("next_after_destroy", "expected an initialized iter_kmlops_rows",
		"loop: next after its end");
	refused("destroyed_twice", "expected an initialized iter_kmlops_rows",
		"loop: ended twice");
	refused("next_without_new", "expected an initialized iter_kmlops_rows",
		"loop: never begun");
	refused("begun_twice", "expected uninitialized iter_kmlops_rows",
		"loop: begun twice");
	refused("iterator_overwritten", "expected an initialized iter_kmlops_rows",
		"loop: its numbers changed");
	refused("iterator_in_map", "expected pointer to an iterator on stack",
		"loop: an iterator in a map");
	refused("row_not_checked", "invalid mem access 'scalar'",
		"loop: a row that may be none");
	refused("row_written", "only read is supported",
		"loop: a row written to");
	refused("loop_name_can_change", "does not point to a readonly map",
		"loop: a name that can change");

	refused("map_of_number", "R1", "get by map: a number as a map");
	refused("map_row_too_short", "invalid access to map value, value_size=16 off=0 size=17",
		"get by map: a row of less bytes than passed");
	refused("destroyed_without_new", "expected an initialized iter_kmlops_rows",
		"loop: ended but never begun");

	test_completeness();
	test_kinds_of_programs();
	test_unprivileged();
	close(module_fd);
	return done();
}
