// SPDX-License-Identifier: GPL-2.0-only
/*
 * Replay: rows of exports are captured once more, in the order and at the
 * distances of their times, those of several tables among each other.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <linux/kernmlops.h>
#include <linux/kernmlops_row.h>

#include "kmlopsctl.h"
#include "netlink.h"
#include "output.h"
#include "recorded.h"
#include "replay.h"
#include "recorded_rows.h"
#include "when.h"

#define DEFAULT_ROWS	65536
#define NSEC_PER_SEC	1000000000

static const char help[] =
	"kmlopsctl replay PATH [store NAME] [speed {FACTOR|max}] [rows N]\n"
	"\n"
	"PATH          a run of kmlopsctl collect, a directory or a file of an export\n"
	"store NAME    push into this one; else into those that the rows are of\n"
	"speed FACTOR  so many times as fast (1); max: as fast as it goes\n"
	"rows N        retain N rows in a store that is not there and is made (65536)\n";

struct table {
	const struct recorded *recorded;
	struct store store;
	struct row_source source;
	bool open;
	bool registered;	/* by us */
	const uint8_t *row;	/* the next one; NULL: there is none */
	uint64_t time;		/* of it */
	uint64_t rows;		/* pushed */
	uint64_t refused;	/* for want of room */
};

struct replay {
	struct table *tables;
	unsigned int nr;
	double speed;
	bool going;
	uint64_t first;		/* time of the first row */
	uint64_t began;		/* when that was pushed */
	uint64_t late_max;
};

/* ---- rows */

/* Wait until it is the turn of a row that was captured at @time. */
static void wait_turn(struct replay *replay, uint64_t time)
{
	struct timespec at;
	uint64_t turn, now;

	if (!replay->going) {
		replay->going = true;
		replay->first = time;
		replay->began = when_now();
	}
	/* A part can begin with a row from before the end of the one before. */
	if (!replay->speed || time < replay->first)
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

static int push_row(struct table *table)
{
	const struct store *store = &table->store;
	struct nl_msg *msg;
	int err;

	msg = nlc_new(KERNMLOPS_CMD_ROW_PUSH);
	nlc_put_string(msg, KERNMLOPS_A_ROW_STORE, store->name);
	nlc_put(msg, KERNMLOPS_A_ROW_KEY, table->row + sizeof(struct kmlops_row),
		store->key_size);
	nlc_put(msg, KERNMLOPS_A_ROW_VALUE,
		table->row + table->source.columns.value_offset,
		store->value_size);
	err = nlc_request(msg, NULL, NULL);
	/* What a lossless store has no room for is what it drops. */
	if (err && err != -EBUSY)
		return nlc_report(err);
	table->refused += !!err;
	table->rows += !err;
	return DONE;
}

static int next_row(struct table *table)
{
	struct kmlops_row head;
	int code;

	table->row = source_next(&table->source, &code);
	if (table->row) {
		memcpy(&head, table->row, sizeof(head));
		table->time = head.time;
	}
	return code;
}

/* The one whose next row is the oldest, or NULL. */
static struct table *next_table(const struct replay *replay)
{
	struct table *next = NULL;
	unsigned int i;

	for (i = 0; i < replay->nr; i++) {
		struct table *table = &replay->tables[i];

		if (table->row && (!next || table->time < next->time))
			next = table;
	}
	return next;
}

static int push_all(struct replay *replay)
{
	struct table *table;
	unsigned int i;
	int code = DONE;

	for (i = 0; i < replay->nr && code == DONE; i++)
		code = next_row(&replay->tables[i]);
	while (code == DONE && (table = next_table(replay))) {
		wait_turn(replay, table->time);
		code = push_row(table);
		if (code == DONE)
			code = next_row(table);
	}
	return code;
}

/* ---- tables */

/* @rows: of a store that is not there; 0: that is an error. */
static int open_table(struct table *table, uint64_t rows)
{
	const struct recorded *recorded = table->recorded;
	int err, code;

	if (!recorded->name)
		return fail_usage("%s does not say which store it is of: store NAME",
				  recorded->path);
	err = store_find(recorded->name, &table->store);
	if (err == -ENOENT && rows && recorded->store) {
		code = recorded_register(recorded, rows, &table->store);
		if (code != DONE)
			return code;
		table->registered = true;
	} else if (err) {
		return nlc_report(err);
	}
	table->open = true;
	return source_open(&table->source, recorded->path, &table->store);
}

static void close_table(struct table *table, bool keep)
{
	if (!table->open)
		return;
	if (table->registered && !keep)
		store_unregister(table->store.name);
	source_close(&table->source);
	store_free(&table->store);
}

static int replay_tables(struct replay *replay, const struct recorded *recorded,
			 unsigned int nr, uint64_t rows)
{
	int code = DONE;

	replay->tables = xalloc(nr * sizeof(*replay->tables));
	for (; replay->nr < nr && code == DONE; replay->nr++) {
		struct table *table = &replay->tables[replay->nr];

		table->recorded = &recorded[replay->nr];
		code = open_table(table, rows);
	}
	if (code == DONE)
		code = push_all(replay);
	return code;
}

static void replay_end(struct replay *replay, int code)
{
	unsigned int i;

	for (i = 0; i < replay->nr; i++)
		close_table(&replay->tables[i], code == DONE);
	free(replay->tables);
}

/* ---- what there is to say */

static uint64_t duration(const struct replay *replay)
{
	return replay->going ? when_now() - replay->began : 0;
}

static void warn_refused(const struct table *table)
{
	if (table->refused)
		warn("%s: %" PRIu64 " rows were refused, as the store had no room",
		     table->store.name, table->refused);
}

static void report_one(const struct replay *replay)
{
	const struct table *table = &replay->tables[0];
	char took[HUMAN_LEN], late[HUMAN_LEN];

	if (opt_json()) {
		struct json_object *json = json_object_new_object();

		json_add_string(json, "store", table->store.name);
		json_add_uint(json, "rows", table->rows);
		json_add_uint(json, "refused", table->refused);
		json_add_uint(json, "duration_ns", duration(replay));
		json_add_uint(json, "late_max_ns", replay->late_max);
		out_json(json);
		return;
	}
	printf("%s: %" PRIu64 " rows in %s", table->store.name, table->rows,
	       human_ns(took, duration(replay)));
	if (replay->speed)
		printf(", at most %s late", human_ns(late, replay->late_max));
	putchar('\n');
	warn_refused(table);
}

static struct json_object *all_json(const struct replay *replay)
{
	struct json_object *json = json_object_new_object();
	struct json_object *stores = json_object_new_object();
	unsigned int i;

	for (i = 0; i < replay->nr; i++) {
		const struct table *table = &replay->tables[i];
		struct json_object *store = json_object_new_object();

		json_add_uint(store, "rows", table->rows);
		json_add_uint(store, "refused", table->refused);
		json_object_object_add(store, "registered",
				       json_object_new_boolean(table->registered));
		json_object_object_add(stores, table->store.name, store);
	}
	json_object_object_add(json, "stores", stores);
	json_add_uint(json, "duration_ns", duration(replay));
	json_add_uint(json, "late_max_ns", replay->late_max);
	return json;
}

static void report_all(const struct replay *replay)
{
	static const char *const headers[] = {
		"store", ">rows", ">refused", "store is", NULL
	};
	char took[HUMAN_LEN], late[HUMAN_LEN];
	struct table *shown;
	unsigned int i;

	if (opt_json()) {
		out_json(all_json(replay));
		return;
	}
	shown = table_new(headers);
	for (i = 0; i < replay->nr; i++) {
		const struct table *table = &replay->tables[i];

		table_cell(shown, "%s", table->store.name);
		table_cell(shown, "%" PRIu64, table->rows);
		table_cell(shown, "%" PRIu64, table->refused);
		table_cell(shown, "%s", table->registered ? "new" : "as it was");
	}
	table_print(shown);
	printf("in %s", human_ns(took, duration(replay)));
	if (replay->speed)
		printf(", at most %s late", human_ns(late, replay->late_max));
	putchar('\n');
}

/* ---- commands */

bool replay_parse_speed(const char *word, double *speed)
{
	char *end;

	if (!strcmp(word, "max")) {
		*speed = 0;
		return true;
	}
	*speed = strtod(word, &end);
	/* Between them, times are multiplied without leaving 64 bits. */
	if (end != word && !*end && *speed >= 0.001 && *speed <= 1000000)
		return true;
	fail_usage("the speed has to be max, or a factor from 0.001 to 1000000, not \"%s\"",
		   word);
	return false;
}

int replay_rows(const char *name, const struct replay_order *order)
{
	struct replay replay = { .speed = order->speed };
	struct recorded *recorded;
	unsigned int nr;
	int code;

	code = recorded_find(order->path, name, &recorded, &nr);
	if (code == DONE)
		code = replay_tables(&replay, recorded, nr, 0);
	if (code == DONE)
		report_one(&replay);
	replay_end(&replay, code);
	recorded_free(recorded, nr);
	return code;
}

int do_replay(struct args *args)
{
	static const char *const words[] = { "store", "speed", "rows", NULL };
	const char *path, *word, *name = NULL;
	struct replay replay = { .speed = 1 };
	uint64_t rows = DEFAULT_ROWS;
	struct recorded *recorded;
	unsigned int nr;
	int code, i;

	path = args_next(args, "what to replay");
	if (!path)
		return USAGE;
	if (!strcmp(path, "help")) {
		fputs(help, stderr);
		return DONE;
	}
	while (!args_empty(args)) {
		i = args_word(args, "option of replay", words);
		word = i < 0 ? NULL : args_next(args, "what stands behind it");
		if (!word || (i == 1 && !replay_parse_speed(word, &replay.speed)) ||
		    (i == 2 && !parse_u64("the number of rows", word, &rows)))
			return USAGE;
		if (i == 0)
			name = word;
	}
	if (!rows)
		return fail_usage("the number of rows cannot be 0");

	code = recorded_find(path, name, &recorded, &nr);
	if (code == DONE)
		code = replay_tables(&replay, recorded, nr, rows);
	if (code == DONE)
		report_all(&replay);
	replay_end(&replay, code);
	recorded_free(recorded, nr);
	return code;
}
