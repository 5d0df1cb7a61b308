// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that is not there while the module is loaded: each allocation fails in
 * turn, until none is left to fail. Either the module is not there, or it works:
 * a program that calls a kfunc loads, and its row is stored.
 *
 * Needs a kernel with fault injection. Does a part of the allocations, each in
 * turn over the runs, if KMLOPS_TEST_EFFORT is below 100.
 */
#include <fcntl.h>
#include <linux/bpf.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>

#include "faults.h"
#include "support.h"
#include "tap.h"

#define MODULE	"/lib/modules/kernmlops.ko"
/* More than loading the module allocates. */
#define NTH_MAX	5000

static int32_t capture_id;	/* kmlops_capture_feature in the types */

static void *image;		/* the file of the module */
static size_t image_size;

static void read_module(void)
{
	struct stat stat;
	int fd = open(MODULE, O_RDONLY);

	if (fd < 0 || fstat(fd, &stat))
		bail("open " MODULE);
	image_size = stat.st_size;
	image = malloc(image_size);
	if (!image || read(fd, image, image_size) != (ssize_t)image_size)
		bail("read " MODULE);
	close(fd);
}

/* From memory: reading a file, the kernel warns when it has none. */
static int load(int nth)
{
	set_fail_nth(nth);
	return syscall(__NR_init_module, image, image_size, "") ? -errno : 0;
}

/* Programs are freed some time after their last reference is gone. */
static bool unload(void)
{
	int i;

	for (i = 0; i < 200; i++) {
		if (!syscall(__NR_delete_module, "kernmlops", O_NONBLOCK))
			return true;
		if (errno != EAGAIN)
			return false;
		usleep(50000);
	}
	return false;
}

/* The types of the module, as a descriptor; *@id is their number. */
static int module_types(uint32_t *id)
{
	*id = 0;
	while (!bpf_btf_get_next_id(*id, id)) {
		struct bpf_btf_info info = {};
		uint32_t size = sizeof(info);
		int fd = bpf_btf_get_fd_by_id(*id);
		char name[32] = "";

		info.name = (uintptr_t)name;
		info.name_len = sizeof(name);
		if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &size) &&
		    !strcmp(name, "kernmlops"))
			return fd;
		close(fd);
	}
	return -1;
}

static void find_kfunc(void)
{
	struct btf *vmlinux = btf__load_vmlinux_btf(), *btf;
	uint32_t id;
	int fd = module_types(&id);

	btf = btf__load_from_kernel_by_id_split(id, vmlinux);
	if (fd < 0 || !btf)
		bail("types of the module");
	capture_id = btf__find_by_name_kind(btf, "kmlops_capture_feature",
					    BTF_KIND_FUNC);
	if (capture_id < 0)
		bail("the kfunc");
	btf__free(btf);
	btf__free(vmlinux);
	close(fd);
}

/* The time of the row that a program captured, or what went wrong. */
static int64_t capture(int map)
{
	uint32_t id;
	int types = module_types(&id), fds[2] = { types, types }, fd;
	struct bpf_insn insns[] = {
		/* key and value on the stack */
		{ .code = BPF_ST | BPF_MEM | BPF_DW, .dst_reg = 10, .off = -8,
		  .imm = 1 },
		{ .code = BPF_ST | BPF_MEM | BPF_DW, .dst_reg = 10, .off = -16,
		  .imm = 2 },
		{ .code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = 1,
		  .src_reg = BPF_PSEUDO_MAP_FD, .imm = map }, {},
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 2,
		  .src_reg = 10 },
		{ .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = 2, .imm = -8 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 3, .imm = 4 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 4,
		  .src_reg = 10 },
		{ .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = 4,
		  .imm = -16 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 5, .imm = 4 },
		{ .code = BPF_JMP | BPF_CALL, .src_reg = BPF_PSEUDO_KFUNC_CALL,
		  .off = 1, .imm = capture_id },
		/* 1 if it is a time */
		{ .code = BPF_ALU64 | BPF_RSH | BPF_K, .imm = 63 },
		{ .code = BPF_ALU64 | BPF_XOR | BPF_K, .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SYSCALL,
		.prog_flags = BPF_F_SLEEPABLE,
		.insns = (uintptr_t)insns,
		.insn_cnt = sizeof(insns) / sizeof(*insns),
		.license = (uintptr_t)"GPL",
		.fd_array = (uintptr_t)fds,
	};
	union bpf_attr run = {};
	int64_t ret;

	if (types < 0)
		return -ENOPKG;
	fd = syscall(__NR_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
	ret = fd < 0 ? -errno : 0;
	close(types);
	if (fd < 0)
		return ret;
	run.test.prog_fd = fd;
	if (syscall(__NR_bpf, BPF_PROG_TEST_RUN, &run, sizeof(run)))
		ret = -errno;
	else
		ret = run.test.retval;
	close(fd);
	return ret;
}

/* Whether the module, as it is loaded now, does what it is for. */
static bool works(int nth)
{
	int map = map_with_btf("faults", 4);
	int64_t captured;
	bool right;

	connect_family();
	register_store("faults", map, 100);
	captured = capture(map);
	right = captured == 1 &&
		store_counter("faults", KERNMLOPS_A_STORE_STORED) == 1;
	if (!right)
		note("allocation %d: loaded, but a capture returns %lld", nth,
		     (long long)captured);
	unregister_store("faults");
	close(map);
	return right;
}

int main(void)
{
	const char *effort = getenv("KMLOPS_TEST_EFFORT");
	int step = effort && atoi(effort) < 100 ? 4 : 1;
	int nth, refused = 0, survived = 0, broken = 0, stuck = 0;

	need_faults();
	read_module();
	find_kfunc();
	ok(works(0), "the module works");
	ok(unload(), "it can be unloaded");

	for (nth = 1 + time(NULL) % step; nth < NTH_MAX; nth += step) {
		int err = load(nth);
		bool failed = !faults_left();

		set_fail_nth(0);
		if (err) {
			refused++;
			/* The loader of modules has errors of its own. */
			if (err != -ENOMEM)
				note("allocation %d: error %d", nth, err);
			if (module_users() != -1)
				stuck++;
		} else {
			survived += failed;
			broken += !works(nth);
			if (!unload()) {
				stuck++;
				break;
			}
		}
		if (!failed)
			break;
	}
	note("%d allocations, one in %d tried: %d refused, %d done without",
	     nth - 1, step, refused, survived);
	ok(refused > 20 / step && nth < NTH_MAX,
	   "every allocation was failed");
	ok_equal(broken, 0, "what is loaded works");
	ok_equal(stuck, 0, "what is not loaded is gone");
	ok_equal(load(0), 0, "and then it is loaded");
	return done();
}
