// SPDX-License-Identifier: GPL-2.0-only
/* Programs that misuse a kfunc do not load, and the verifier says why. */
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

static char verifier_log[64 * 1024];

/* Load one program of the object: 0 or a negative errno. */
static int load_alone(const char *name)
{
	struct refused_bpf *skel = refused_bpf__open();
	struct bpf_program *program;
	bool found = false;
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
		found |= it;
	}
	if (!found) {
		errno = ENOENT;
		bail("program %s", name);
	}
	err = refused_bpf__load(skel);
	refused_bpf__destroy(skel);
	return err;
}

/* @sentences: what the verifier says, as one kernel or another words it: "A|B". */
static void refused(const char *name, const char *sentences, const char *what)
{
	char *copy = strdup(sentences), *sentence, *rest = copy;
	int err = load_alone(name);
	bool said = false;

	while ((sentence = strsep(&rest, "|")))
		said |= strstr(verifier_log, sentence) != NULL;
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
 * Whether the verifier lets a socket filter call the kfunc, in a process with
 * these capabilities only. It has more to say about this call, but later.
 */
static bool may_call(__u32 kfunc, int btf_fd, __u64 capabilities)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_JMP | BPF_CALL, .src_reg = BPF_PSEUDO_KFUNC_CALL,
		  .off = 1, .imm = kfunc },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	const int fds[] = { -1, btf_fd };
	struct bpf_prog_load_opts opts = {
		.sz = sizeof(opts), .fd_array = fds, .log_level = 1,
		.log_buf = verifier_log, .log_size = sizeof(verifier_log),
	};
	int status, fd;
	pid_t pid = fork();

	if (!pid) {
		if (keep_capabilities(capabilities))
			_exit(2);
		fd = bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, "filter", "GPL",
				   insns, 2, &opts);
		_exit(fd >= 0 || !strlen(verifier_log) ? 2 :
		      !!strstr(verifier_log, "is not allowed"));
	}
	waitpid(pid, &status, 0);
	if (!WIFEXITED(status) || WEXITSTATUS(status) > 1)
		bail("load as a user with few capabilities");
	return !WEXITSTATUS(status);
}

/* Rows are for who may trace; CAP_BPF alone may load socket filters. */
static void test_capabilities(void)
{
	static const char *const names[] = {
		"kmlops_capture_feature", "kmlops_get_feature_map",
		"kmlops_get_feature_ts", "kmlops_get_row",
		"kmlops_truncate_features", "bpf_iter_kmlops_rows_new",
		"kmlops_infer",
	};
	const __u64 bpf = 1ULL << CAP_BPF;
	struct btf *vmlinux = btf__load_vmlinux_btf();
	struct btf *module = btf__load_module_btf("kernmlops", vmlinux);
	int fd = module_btf_fd(), i;

	if (!module || fd < 0)
		bail("no BTF of the module");
	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		int id = btf__find_by_name_kind(module, names[i], BTF_KIND_FUNC);

		if (id < 0)
			bail("no BTF of %s", names[i]);
		ok(!may_call(id, fd, bpf) &&
		   may_call(id, fd, bpf | 1ULL << CAP_PERFMON) &&
		   may_call(id, fd, bpf | 1ULL << CAP_NET_ADMIN),
		   "%s: not with CAP_BPF alone", names[i]);
	}
	close(fd);
	btf__free(module);
	btf__free(vmlinux);
}

static int silent(enum libbpf_print_level level, const char *format,
		  va_list args)
{
	return 0;
}

int main(void)
{
	libbpf_set_print(silent);

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

	test_capabilities();
	test_unprivileged();
	return done();
}
