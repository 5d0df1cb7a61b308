// SPDX-License-Identifier: GPL-2.0-only
/* Programs that misuse a kfunc do not load, and the verifier says why. */
#include <unistd.h>
#include <sys/wait.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

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

static void refused(const char *name, const char *sentence, const char *what)
{
	int err = load_alone(name);

	if (!ok(err && strstr(verifier_log, sentence), "refused: %s", what))
		note("load gave %d, '%s' is not in: %s", err, sentence,
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

static int silent(enum libbpf_print_level level, const char *format,
		  va_list args)
{
	return 0;
}

int main(void)
{
	libbpf_set_print(silent);

	ok_equal(load_alone("accepted"), 0, "accepted: as it should be done");

	refused("stack_as_map", "pointer in R1 isn't map pointer",
		"stack memory as a map");
	refused("null_as_map", "Possibly NULL pointer passed",
		"NULL as a map");
	refused("value_as_map", "R1 must be referenced or trusted",
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
	refused("kernel_memory_as_row", "is not supported",
		"memory of the kernel to write the row to");

	test_unprivileged();
	return done();
}
