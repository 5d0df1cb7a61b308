// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module stays as long as a program that calls it is loaded, and goes with
 * whatever stores and models are left once none is.
 */
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <bpf/libbpf.h>

#include "support.h"
#include "calls.h"
#include "kfuncs.skel.h"
#include "tap.h"

#define MODULE	"/lib/modules/kernmlops.ko"

/* Programs are freed some time after their last reference is gone. */
#define TRIES	100

static int unload(void)
{
	return syscall(__NR_delete_module, "kernmlops", O_NONBLOCK) ? -errno : 0;
}

static int unload_in_time(void)
{
	int err, i;

	for (i = 0; i < TRIES; i++) {
		err = unload();
		if (err != -EAGAIN)
			break;
		usleep(100000);
	}
	return err;
}

static void load(void)
{
	int fd = open(MODULE, O_RDONLY);

	if (fd < 0 || syscall(__NR_finit_module, fd, "", 0))
		bail("load " MODULE);
	close(fd);
}

static int silent(enum libbpf_print_level level, const char *format,
		  va_list args)
{
	return 0;
}

int main(void)
{
	libbpf_print_fn_t print;
	struct kfuncs_bpf *skel;

	connect_family();
	ok_equal(module_users(), 0, "nothing holds the module at first");
	skel = kfuncs_bpf__open_and_load();
	if (!skel)
		bail("load the programs");
	register_store("kfuncs", bpf_map__fd(skel->maps.store), 1000);
	load_sample_model("sample");

	ok(module_users() > 0, "a loaded program holds the module");
	ok_equal(unload(), -EAGAIN, "it cannot be unloaded");
	ok(!run_once(skel->progs.in_syscall) &&
	   skel->bss->used[IN_SYSCALL].captured > 0 &&
	   !skel->bss->used[IN_SYSCALL].inferred,
	   "and the program goes on working");

	kfuncs_bpf__destroy(skel);
	ok_equal(unload_in_time(), 0,
		 "once the program is gone, store and model do not hold it");

	ok_equal(module_users(), -1, "it is gone");
	print = libbpf_set_print(silent);
	skel = kfuncs_bpf__open_and_load();
	ok(!skel, "programs that call it cannot be loaded without it");
	libbpf_set_print(print);
	kfuncs_bpf__destroy(skel);

	load();
	connect_family();
	skel = kfuncs_bpf__open_and_load();
	if (!skel)
		bail("load the programs again");
	run_once(skel->progs.in_syscall);
	ok(skel->bss->used[IN_SYSCALL].captured == -ENOENT &&
	   skel->bss->used[IN_SYSCALL].inferred == -ENOENT,
	   "loaded anew, it has no store and no model");
	kfuncs_bpf__destroy(skel);
	return done();
}
