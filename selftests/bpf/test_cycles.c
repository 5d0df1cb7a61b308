// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module is loaded and unloaded over and over, now and then with a store
 * and a model in it: the memory that the kernel says it uses stays as it is.
 *
 * test_cycles [CYCLES] (default: 100)
 */
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support.h"
#include "tap.h"

#define MODULE	"/lib/modules/kernmlops.ko"
#define CYCLES	100
#define WARM_UP	10

static int load(void)
{
	int fd = open(MODULE, O_RDONLY), err;

	if (fd < 0)
		bail("open " MODULE);
	err = syscall(__NR_finit_module, fd, "", 0) ? -errno : 0;
	close(fd);
	return err;
}

static int unload(void)
{
	int i, err = 0;

	for (i = 0; i < 200; i++) {
		err = syscall(__NR_delete_module, "kernmlops", O_NONBLOCK) ?
		      -errno : 0;
		if (err != -EAGAIN)
			break;
		usleep(10000);
	}
	return err;
}

static void use(int map)
{
	uint32_t key = 1, value = 2;

	connect_family();
	register_store("cycles", map, 1000);
	push_row("cycles", &key, sizeof(key), &value, sizeof(value));
	load_sample_model("cycles");
}

int main(int argc, char **argv)
{
	const char *effort = getenv("KMLOPS_TEST_EFFORT");
	int cycles = argc > 1 ? atoi(argv[1]) :
		     CYCLES * (effort ? atoi(effort) : 100) / 100;
	int map = map_with_btf("cycles", 4), i, failed = 0;
	long before = 0, after = 0, size;

	size = kernel_memory();
	ok_equal(unload(), 0, "the module can be unloaded");
	usleep(300000);
	size -= kernel_memory();
	for (i = 0; i < cycles + WARM_UP; i++) {
		if (i == WARM_UP) {
			usleep(500000);
			before = kernel_memory();
		}
		failed += load() < 0;
		if (i % 4 == 0)
			use(map);
		failed += unload() < 0;
	}
	/* Some of it goes a grace period later. */
	for (i = 0; i < 50; i++) {
		after = kernel_memory();
		if (after - before < 1024)
			break;
		usleep(100000);
	}
	note("%d cycles: memory grew by %ld KiB; the module takes some %ld KiB",
	     cycles, after - before, size);
	ok_equal(failed, 0, "each load and unload works");
	if (access("/sys/kernel/debug/kmemleak", F_OK))
		ok(after - before < 1024, "memory is flat");
	else
		skip("memory is flat",
		     "this kernel keeps freed memory back; what leaks it finds itself");
	ok_equal(load(), 0, "and it is loaded again");
	return done();
}
