// SPDX-License-Identifier: GPL-2.0-only
/*
 * Replay: rows of an export are captured once more, in their order and at their
 * distances in time. An NPY file holds packed rows as they are; that it is of
 * rows like those of the store is seen by its header, which has to be what an
 * export of the store would write.
 */
#include <errno.h>
#include <glob.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <linux/kernmlops.h>
#include <linux/kernmlops_row.h>

#include "columns.h"
#include "kmlopsctl.h"
#include "netlink.h"
#include "output.h"
#include "replay.h"
#include "row_npy.h"
#include "when.h"

#define BLOCK_ROWS	256
#define NSEC_PER_SEC	1000000000

struct replay {
	const struct store *store;
	double speed;
	struct columns columns;
	char *type;		/* how the header of each file has to begin */
	uint64_t rows;		/* pushed */
	uint64_t refused;	/* for want of room */
	uint64_t first;		/* time of the first row */
	uint64_t last;		/* of the last one so far */
	uint64_t began;		/* when the first one was pushed */
	uint64_t late_max;
};

/* Wait until it is the turn of a row that was captured at @time. */
static void wait_turn(struct replay *replay, uint64_t time)
{
	struct timespec at;
	uint64_t turn, now;

	if (!replay->speed)
		return;
	turn = replay->began + (time - replay->first) / replay->speed;
	at.tv_sec = turn / NSEC_PER_SEC;
	at.tv_nsec = turn % NSEC_PER_SEC;
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) ==
	       EINTR)
		;
	now = when_now();
	if (now - turn > replay->late_max)
		replay->late_max = now - turn;
}

static int push_row(struct replay *replay, const uint8_t *row)
{
	const struct store *store = replay->store;
	struct nl_msg *msg;
	int err;

	msg = nlc_new(KERNMLOPS_CMD_ROW_PUSH);
	nlc_put_string(msg, KERNMLOPS_A_ROW_STORE, store->name);
	nlc_put(msg, KERNMLOPS_A_ROW_KEY, row + sizeof(struct kmlops_row),
		store->key_size);
	nlc_put(msg, KERNMLOPS_A_ROW_VALUE, row + replay->columns.value_offset,
		store->value_size);
	err = nlc_request(msg, NULL, NULL);
	/* What a lossless store has no room for is what it drops. */
	if (err && err != -EBUSY)
		return nlc_report(err);
	replay->refused += !!err;
	replay->rows += !err;
	return DONE;
}

static int replay_row(struct replay *replay, const char *name,
		      const uint8_t *row)
{
	struct kmlops_row head;

	memcpy(&head, row, sizeof(head));
	if (!replay->began) {
		replay->began = when_now();
		replay->first = head.time;
	} else if (head.time < replay->last) {
		return fail(REFUSED, EINVAL,
			    "%s: the rows are not in order of time", name);
	}
	replay->last = head.time;
	wait_turn(replay, head.time);
	return push_row(replay, row);
}

/* Read the header: the number of rows. An exit code. */
static int read_header(const struct replay *replay, const char *name, FILE *in,
		       uint64_t *rows)
{
	uint8_t preamble[NPY_PREAMBLE];
	size_t type_size = strlen(replay->type), size;
	char *header, *end;
	int code = DONE;

	if (fread(preamble, 1, sizeof(preamble), in) != sizeof(preamble) ||
	    memcmp(preamble, NPY_MAGIC, sizeof(NPY_MAGIC) - 1))
		return fail(REFUSED, EINVAL,
			    "%s: only an export as npy can be replayed", name);
	size = preamble[8] | preamble[9] << 8;
	header = xalloc(size + 1);
	if (fread(header, 1, size, in) != size ||
	    strncmp(header, replay->type, type_size)) {
		code = fail(REFUSED, EINVAL,
			    "%s: its fields are not those of store %s", name,
			    replay->store->name);
	} else {
		errno = 0;
		*rows = strtoull(header + type_size, &end, 10);
		if (errno || end == header + type_size || *end != ',')
			code = fail(REFUSED, EINVAL,
				    "%s: the header does not say how many rows there are",
				    name);
	}
	free(header);
	return code;
}

static int replay_file(struct replay *replay, const char *name)
{
	uint32_t row_size = replay->columns.row_size;
	uint64_t rows = 0, at, n, i;
	uint8_t *block;
	FILE *in;
	int code;

	in = fopen(name, "re");
	if (!in)
		return fail(REFUSED, errno, "cannot read %s: %s", name,
			    strerror(errno));
	block = xalloc((size_t)BLOCK_ROWS * row_size);
	code = read_header(replay, name, in, &rows);
	for (at = 0; at < rows && code == DONE; at += n) {
		n = rows - at < BLOCK_ROWS ? rows - at : BLOCK_ROWS;
		if (fread(block, row_size, n, in) != n)
			code = fail(REFUSED, EINVAL,
				    "%s: the file is truncated: it has not the %"
				    PRIu64 " rows that it says", name, rows);
		for (i = 0; i < n && code == DONE; i++)
			code = replay_row(replay, name, block + i * row_size);
	}
	free(block);
	fclose(in);
	return code;
}

static int replay_dir(struct replay *replay, const char *dir)
{
	char *pattern = xprintf("%s/part-*.npy", dir);
	glob_t found = { 0 };
	int code = DONE;
	size_t i;

	/* In order of their names, which is that of their numbers. */
	if (glob(pattern, 0, NULL, &found))
		code = fail(REFUSED, ENOENT,
			    "%s: there is no part-N.npy: only an export as npy can be replayed",
			    dir);
	for (i = 0; code == DONE && i < found.gl_pathc; i++)
		code = replay_file(replay, found.gl_pathv[i]);
	globfree(&found);
	free(pattern);
	return code;
}

static void report(const struct replay *replay)
{
	uint64_t duration = replay->began ? when_now() - replay->began : 0;
	char took[HUMAN_LEN], late[HUMAN_LEN];

	if (opt_json()) {
		struct json_object *json = json_object_new_object();

		json_add_string(json, "store", replay->store->name);
		json_add_uint(json, "rows", replay->rows);
		json_add_uint(json, "refused", replay->refused);
		json_add_uint(json, "duration_ns", duration);
		json_add_uint(json, "late_max_ns", replay->late_max);
		out_json(json);
		return;
	}
	printf("%s: %" PRIu64 " rows in %s", replay->store->name, replay->rows,
	       human_ns(took, duration));
	if (replay->speed)
		printf(", at most %s late", human_ns(late, replay->late_max));
	putchar('\n');
	if (replay->refused)
		warn("%s: %" PRIu64 " rows were refused, as the store had no room",
		     replay->store->name, replay->refused);
}

int replay_rows(const struct store *store, const struct replay_order *order)
{
	struct replay replay = { .store = store, .speed = order->speed };
	struct stat info;
	int code;

	columns_of_store(&replay.columns, store);
	replay.type = npy_type_of_rows(&replay.columns);
	if (!stat(order->path, &info) && S_ISDIR(info.st_mode))
		code = replay_dir(&replay, order->path);
	else
		code = replay_file(&replay, order->path);
	if (code == DONE)
		report(&replay);
	free(replay.type);
	columns_free(&replay.columns);
	return code;
}
