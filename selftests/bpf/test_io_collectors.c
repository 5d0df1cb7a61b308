// SPDX-License-Identifier: GPL-2.0-only
/* The collectors "block_io", "page_cache" and "file_data" on known accesses. */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <linux/fs.h>

#include "block_io.h"
#include "file_data.h"
#include "page_cache.h"
#include "support.h"
#include "tap.h"
#include "tool.h"

#define DEVICE		"/dev/nullb0"
#define BLOCK		8192
#define WRITES		40
#define PAGE		4096
#define READS		16
#define FILES		5

static void end_test(const char *const *stores, struct json_object *counters)
{
	ok(books_balance(counters, stores), "the books balance");
	json_object_put(counters);
	for (; *stores; stores++)
		unregister_store(*stores);
}

static __u32 number_of(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		bail("%s", path);
	return major(st.st_rdev) << 20 | minor(st.st_rdev);
}

/* Direct writes, one after the other. */
static void write_blocks(const char *path, size_t nr)
{
	int fd = open(path, O_RDWR | O_DIRECT);
	void *block;
	size_t i;

	if (fd < 0 || posix_memalign(&block, PAGE, BLOCK))
		bail("%s", path);
	memset(block, 0x5a, BLOCK);
	for (i = 0; i < nr; i++)
		if (pwrite(fd, block, BLOCK, i * BLOCK) != BLOCK)
			bail("write to %s", path);
	close(fd);
	free(block);
}

static void test_block_io(void)
{
	static const char *const stores[] = { "block_io", NULL };
	size_t found = 0, alone = 0, sectors = 0, last = 0, in_time = 0, i;
	const struct block_io_row *before = NULL;
	struct json_object *counters;
	unsigned long long from, to;
	struct rows rows;

	start_collector("block_io", "");
	from = now();
	write_blocks(DEVICE, WRITES);
	to = now();
	counters = stop_collector("block_io");
	read_rows("block_io", &rows);
	for (i = 0; i < rows.nr; i++) {
		const struct block_io_key *key = row_key(&rows, i);
		const struct block_io_row *row = row_value(&rows, i);

		if (key->device != number_of(DEVICE) || row->op != 1 ||
		    row->bytes != BLOCK || row->status)
			continue;
		sectors += row->sector == found * BLOCK / 512;
		alone += !row->in_flight && !row->in_flight_4k;
		in_time += row->issued_at >= from && row->latency &&
			   row->issued_at + row->latency <= to;
		last += !before || (row->latency_1 == before->latency &&
				    row->latency_2 == before->latency_1 &&
				    row->latency_4 == before->latency_3 &&
				    !row->depth_1);
		before = row;
		found++;
	}
	ok_equal(found, WRITES, "block_io: a row for each write, of its bytes");
	ok_equal(sectors, WRITES, "with its sector");
	ok_equal(in_time, WRITES, "its times are possible");
	ok_equal(alone, WRITES, "nothing else is in flight: the count does not leak");
	ok_equal(last, WRITES, "with the latencies of those before");
	ok_equal(counter_of(counters, "replaced"), 0, "no end was missed");
	free_rows(&rows);
	end_test(stores, counters);
}

/* The disk that the module makes; it takes a moment. */
static bool find_scsi_disk(char *path, size_t size)
{
	int tries;

	for (tries = 0; tries < 50; tries++) {
		snprintf(path, size, "/dev/sda");
		if (!access(path, R_OK | W_OK))
			return true;
		usleep(100000);
	}
	return false;
}

/* A host that says it is busy each few commands: requests are issued again. */
static void test_requeue(void)
{
	static const char *const stores[] = { "block_io", NULL };
	size_t found = 0, alone = 0, requeued = 0, i;
	struct json_object *counters;
	struct rows rows;
	char path[32];

	if (system("insmod /lib/modules/sd_mod.ko") ||
	    system("insmod /lib/modules/scsi_debug.ko every_nth=5 opts=0x8000") ||
	    !find_scsi_disk(path, sizeof(path))) {
		skip("a request that is requeued", "there is no SCSI disk");
		return;
	}
	start_collector("block_io", "");
	write_blocks(path, WRITES);
	counters = stop_collector("block_io");
	read_rows("block_io", &rows);
	for (i = 0; i < rows.nr; i++) {
		const struct block_io_key *key = row_key(&rows, i);
		const struct block_io_row *row = row_value(&rows, i);

		if (key->device != number_of(path) || row->op != 1 ||
		    row->bytes != BLOCK)
			continue;
		found++;
		requeued += row->requeues > 0;
		alone += !row->in_flight && !row->in_flight_4k;
	}
	ok_equal(found, WRITES, "requeued requests have one row each");
	ok(requeued >= WRITES / 10, "that says so: %zu", requeued);
	ok_equal(alone, WRITES, "and do not leak into the count of those in flight");
	free_rows(&rows);
	end_test(stores, counters);
	if (system("rmmod scsi_debug"))
		note("scsi_debug stays");
}

static void test_page_cache(void)
{
	static const char *const stores[] = { "page_cache", "readahead", NULL };
	size_t added = 0, dirty = 0, deleted = 0, asked = 0, pages = 0, i;
	struct json_object *counters;
	struct rows rows;
	char buffer[PAGE];
	int fd;

	fd = open(DEVICE, O_RDWR);
	if (fd < 0 || ioctl(fd, BLKFLSBUF))
		bail(DEVICE);
	start_collector("page_cache", "");
	posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
	for (i = 0; i < READS; i++)
		if (pread(fd, buffer, PAGE, (100 + 7 * i) * PAGE) != PAGE)
			bail("read");
	for (i = 0; i < READS; i++)
		if (pwrite(fd, buffer, PAGE, (100 + 7 * i) * PAGE) != PAGE)
			bail("write");
	if (ioctl(fd, BLKFLSBUF))
		bail("BLKFLSBUF");
	close(fd);
	counters = stop_collector("page_cache");

	read_rows("page_cache", &rows);
	for (i = 0; i < rows.nr; i++) {
		const struct page_cache_row *row = row_value(&rows, i);
		bool ours = row->index >= 100 && row->index < 100 + 7 * READS &&
			    !((row->index - 100) % 7) && row->pages == 1;

		if (row->tgid != getpid() || !ours)
			continue;
		added += row->kind == PAGE_CACHE_ADD;
		dirty += row->kind == PAGE_CACHE_DIRTY;
		deleted += row->kind == PAGE_CACHE_DELETE;
	}
	free_rows(&rows);
	ok_equal(added, READS, "page_cache: a row for each page that is read");
	ok_equal(dirty, READS, "for each that is written");
	ok_equal(deleted, READS, "and for each that is dropped");

	read_rows("readahead", &rows);
	for (i = 0; i < rows.nr; i++) {
		const struct readahead_row *row = row_value(&rows, i);

		if (row->tgid != getpid() || row->index < 100 ||
		    row->index >= 100 + 7 * READS)
			continue;
		asked += row->random && !row->asynchronous;
		pages += row->wanted;
	}
	free_rows(&rows);
	ok_equal(asked, READS, "readahead: a row for each miss, which says random");
	ok_equal(pages, READS, "and the pages that were wanted");
	end_test(stores, counters);
}

static void test_file_data(void)
{
	static const char *const stores[] = { "file_data", NULL };
	size_t created = 0, opened = 0, made = 0, sizes = 0, i;
	struct json_object *counters;
	struct rows rows;
	struct stat st;
	char name[64];
	int fd;

	start_collector("file_data", "");
	for (i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "/tmp/file_data_%zu", i);
		fd = open(name, O_CREAT | O_EXCL | O_WRONLY, 0600);
		if (fd < 0 || ftruncate(fd, 1000 + i))
			bail("%s", name);
		close(fd);
		close(open(name, O_RDONLY));
	}
	if (mknod("/tmp/file_data_made", S_IFREG | 0600, 0) ||
	    stat("/tmp/file_data_made", &st))
		bail("mknod");
	counters = stop_collector("file_data");
	read_rows("file_data", &rows);
	for (i = 0; i < rows.nr; i++) {
		const struct file_data_key *key = row_key(&rows, i);
		const struct file_data_row *row = row_value(&rows, i);

		if (row->tgid != getpid() ||
		    strncmp(row->name, "file_data_", 10) || !S_ISREG(row->mode))
			continue;
		created += row->kind == FILE_CREATED && row->flags & O_WRONLY;
		opened += row->kind == FILE_OPENED;
		sizes += row->kind == FILE_OPENED &&
			 row->size == 1000 + row->name[10] - '0';
		made += row->kind == FILE_MADE && key->inode == st.st_ino &&
			key->device == (major(st.st_dev) << 20 | minor(st.st_dev));
	}
	free_rows(&rows);
	ok_equal(created, FILES, "file_data: a row for each file that is created");
	ok_equal(opened, FILES, "for each that is opened");
	ok_equal(sizes, FILES, "with its size");
	ok_equal(made, 1, "for one that is made by mknod, with inode and device");
	end_test(stores, counters);
	for (i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "/tmp/file_data_%zu", i);
		unlink(name);
	}
	unlink("/tmp/file_data_made");
}

int main(void)
{
	connect_family();
	test_file_data();
	if (system("insmod /lib/modules/null_blk.ko memory_backed=1 gb=1")) {
		skip("block_io, page_cache", "there is no null_blk");
		return done();
	}
	test_block_io();
	test_page_cache();
	if (system("rmmod null_blk"))
		note("null_blk stays");
	test_requeue();
	return done();
}
