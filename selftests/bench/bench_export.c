// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writing exports: rows that are in memory go through the code of kmlopsctl into
 * a file, as those of a dump do. The peer writes as many bytes with write(2),
 * a block at a time. Processor time of user and kernel, as the disk is not what
 * is measured: the file is removed before it gets there.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kmlopsctl.h"
#include "made_rows.h"
#include "report.h"
#include "row_writer.h"

#define ROUNDS		5
#define ROWS		2000000
#define MANY_ROWS	10000000
/* Rows of a message of the kernel, and how many such there are to write. */
#define BLOCK_ROWS	256
#define BLOCKS		8

static const char file_name[] = "build/bench-export.tmp";

static struct columns columns;
static uint8_t *blocks;

static double cpu_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

static const uint8_t *block(uint64_t nr)
{
	return blocks + nr % BLOCKS * BLOCK_ROWS * columns.row_size;
}

/* Seconds to write @rows; *@bytes receives how many those were. */
static double write_format(enum format format, uint64_t rows, uint64_t *bytes)
{
	double begin = cpu_seconds(), end;
	struct row_writer writer;
	struct stat info;
	uint64_t i;
	FILE *out;

	out = fopen(file_name, "w+");
	if (!out) {
		perror(file_name);
		exit(1);
	}
	rows_begin(&writer, format, &columns, NULL, out);
	for (i = 0; i < rows / BLOCK_ROWS; i++)
		rows_write(&writer, block(i), BLOCK_ROWS);
	if (rows_end(&writer, true)) {
		perror(file_name);
		exit(1);
	}
	end = cpu_seconds();
	fstat(fileno(out), &info);
	*bytes = info.st_size;
	unlink(file_name);
	fclose(out);
	return end - begin;
}

static double write_plain(uint64_t bytes)
{
	size_t size = (size_t)BLOCK_ROWS * columns.row_size, n;
	double begin = cpu_seconds(), end;
	uint64_t i;
	int fd;

	fd = open(file_name, O_RDWR | O_CREAT | O_TRUNC, 0666);
	if (fd < 0) {
		perror(file_name);
		exit(1);
	}
	for (i = 0; bytes; i++, bytes -= n) {
		n = bytes < size ? bytes : size;
		if (write(fd, block(i), n) != n) {
			perror(file_name);
			exit(1);
		}
	}
	end = cpu_seconds();
	unlink(file_name);
	close(fd);
	return end - begin;
}

/* Both by turns, so that what else runs here disturbs both. */
static void bench(const char *name, enum format format)
{
	double rates[ROUNDS], plain[ROUNDS];
	uint64_t bytes;
	int i;

	write_format(format, ROWS, &bytes);
	for (i = 0; i < ROUNDS; i++) {
		rates[i] = bytes / 1e6 / write_format(format, ROWS, &bytes);
		plain[i] = bytes / 1e6 / write_plain(bytes);
	}
	report(name, "MB/s", median(rates, ROUNDS),
	       "write(2) of the same bytes", median(plain, ROUNDS));
}

/* Most memory of a process of its own that writes @rows, in MiB. */
static double peak_memory(enum format format, uint64_t rows)
{
	struct rusage usage;
	uint64_t bytes;
	int status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		write_format(format, rows, &bytes);
		_exit(0);
	}
	if (pid < 0 || wait4(pid, &status, 0, &usage) != pid || status) {
		fprintf(stderr, "no export of %lu rows\n", rows);
		exit(1);
	}
	return usage.ru_maxrss / 1024.0;
}

int main(void)
{
	struct store store;

	made_store(&store);
	columns_of_store(&columns, &store);
	blocks = xalloc((size_t)BLOCKS * BLOCK_ROWS * columns.row_size);
	made_rows(blocks, 0, BLOCKS * BLOCK_ROWS);

	bench("export.npy.MBps", FORMAT_NPY);
	bench("export.arrow.MBps", FORMAT_ARROW);
	bench("export.parquet.MBps", FORMAT_PARQUET);
	bench("export.csv.MBps", FORMAT_CSV);
	bench("export.jsonl.MBps", FORMAT_JSONL);
	report("export.parquet.peak_rss_10M_rows", "MiB",
	       peak_memory(FORMAT_PARQUET, MANY_ROWS), "a million rows",
	       peak_memory(FORMAT_PARQUET, MANY_ROWS / 10));
	report("export.arrow.peak_rss_10M_rows", "MiB",
	       peak_memory(FORMAT_ARROW, MANY_ROWS), "a million rows",
	       peak_memory(FORMAT_ARROW, MANY_ROWS / 10));
	return 0;
}
