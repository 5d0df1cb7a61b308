// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exports: rows as they come go into one file, or one file after another; the
 * numbers of the rows say which are missing. See data.rst.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "draft.h"
#include "export.h"
#include "loss.h"
#include "netlink.h"
#include "output.h"
#include "when.h"

/* An export under way. */
struct export {
	const struct export_order *order;
	const struct store *store;
	struct columns columns;
	struct loss loss;
	bool numbered;		/* the rows have numbers */
	uint64_t began_at;
	uint64_t lost;
	uint64_t rows;		/* in the files before this one */

	char *dir;		/* DIR/STORE */
	char *name;		/* of the file that is written */
	char *about;		/* of its rows */
	struct draft draft;
	struct row_writer writer;
	bool open;
	uint32_t part;		/* files written */
	struct row_cursor cursor;	/* where the next part begins */
	int code;		/* after a report; DONE until then */
};

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static struct json_object *time_or_null(bool given, uint64_t time)
{
	return given ? json_object_new_uint64(time) : NULL;
}

/* What the rows mean: all that is known before the first of them. */
static struct json_object *about_store(const struct export *export)
{
	const struct row_range *range = &export->order->range;
	struct json_object *json = json_object_new_object();

	json_object_object_add(json, "store", store_json(export->store));
	json_object_object_add(json, "columns", columns_json(&export->columns));
	json_add_string(json, "clock", "CLOCK_MONOTONIC");
	json_add_int(json, "realtime_offset_ns",
		     when_realtime_offset(export->began_at));
	json_object_object_add(json, "from",
			       time_or_null(range->has_from, range->from));
	json_object_object_add(json, "to",
			       time_or_null(range->has_to, range->to));
	json_add_string(json, "format", format_names[export->order->format]);
	return json;
}

/* And what is known when they are there: of this file so far, or of all. */
static struct json_object *about_rows(const struct export *export,
				      uint64_t rows)
{
	struct json_object *json = about_store(export);

	json_add_uint(json, "rows", rows);
	json_add_uint(json, "lost", export->lost);
	if (export->numbered) {
		json_add_uint(json, "missing", export->loss.missing);
		json_object_object_add(json, "gaps",
				       loss_gaps_json(&export->loss));
		json_add_uint(json, "more_gaps", export->loss.more_gaps);
	}
	return json;
}

static char *compact(struct json_object *json)
{
	int flags = JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE;
	char *text = xstrdup(json_object_to_json_string_ext(json, flags));

	json_object_put(json);
	return text;
}

static int write_failed(struct export *export, const char *name, int err)
{
	export->code = fail(REFUSED, err, "cannot write %s: %s", name,
			    strerror(err));
	return -err;
}

/* Begin the file, or the next one. */
static int file_begin(struct export *export)
{
	const struct export_order *order = export->order;

	export->name = order->file ? xstrdup(order->file) :
		       xprintf("%s/part-%05u.%s", export->dir, export->part,
			       format_names[order->format]);
	export->about = compact(about_store(export));
	export->code = draft_open(&export->draft, export->name);
	if (export->code != DONE)
		return -EIO;
	rows_begin(&export->writer, order->format, &export->columns,
		   export->about, export->draft.out);
	export->open = true;
	return 0;
}

/* Complete it if the rows are @good. */
static int file_end(struct export *export, bool good)
{
	char *about = NULL;
	int err = 0;

	if (export->open && good) {
		about = compact(about_rows(export, export->writer.rows));
		export->writer.about = about;
	}
	if (export->open)
		err = rows_end(&export->writer, good);
	if (err && export->code == DONE)
		write_failed(export, export->name, -err);
	export->code = draft_close(&export->draft, export->code != DONE ?
				   export->code : good ? DONE : REFUSED);
	export->rows += export->writer.rows;
	export->writer.rows = 0;
	export->open = false;
	export->part += export->code == DONE;
	free(about);
	free(export->about);
	free(export->name);
	export->about = NULL;
	export->name = NULL;
	return export->code == DONE ? 0 : -EIO;
}

static int take_rows(const void *rows, uint32_t nr, void *arg)
{
	struct export *export = arg;
	uint64_t part_rows = export->order->part_rows;
	const uint8_t *row = rows;
	int err;

	err = export->numbered ? loss_rows(&export->loss, rows, nr) : 0;
	while (nr && !err) {
		uint64_t room = UINT64_MAX;
		uint32_t n = nr;

		if (part_rows)
			room = part_rows - export->writer.rows;
		if (!room) {
			err = file_end(export, true);
			if (!err)
				err = file_begin(export);
			continue;
		}
		if (n > room)
			n = room;
		err = rows_to_writer(row, n, &export->writer);
		if (err)
			write_failed(export, export->name, -err);
		row += (size_t)n * export->columns.row_size;
		nr -= n;
	}
	return err;
}

static int take_none(const void *rows, uint32_t nr, void *arg)
{
	return 0;
}

/*
 * Where the rows of the range begin, by CPU: the numbers from which on every
 * row has to be accounted for. A read of an empty range tells.
 */
static int find_start(struct export *export, struct row_cursor *cursor)
{
	struct row_range nothing = export->order->range;
	uint64_t lost;

	nothing.has_to = true;
	nothing.to = nothing.has_from ? nothing.from : 0;
	return rows_dump(export->store->name, &nothing, cursor,
			 &export->columns, take_none, NULL, &lost);
}

/*
 * Rows that are missing were lost while they were read, or were dropped when
 * they were captured, or truncated meanwhile. Others must not be.
 */
static int check_balance(struct export *export)
{
	uint64_t uncounted = export->loss.missing - export->lost, others;
	struct store now;
	int err;

	err = store_find(export->store->name, &now);
	if (err)
		return nlc_report(err);
	others = now.dropped + now.truncated - export->store->truncated;
	store_free(&now);
	if (export->loss.missing >= export->lost && uncounted <= others)
		return DONE;
	return fail(REFUSED, EBADMSG,
		    "%s: %" PRIu64 " rows are missing, but %" PRIu64
		    " were lost and at most %" PRIu64 " dropped",
		    export->store->name, export->loss.missing, export->lost,
		    others);
}

/* All rows into files. */
static int export_files(struct export *export, struct row_cursor *cursor)
{
	const struct export_order *order = export->order;
	int err;

	if (file_begin(export))
		return export->code;
	err = rows_dump(export->store->name, &order->range,
			export->numbered ? cursor : NULL, &export->columns,
			take_rows, export, &export->lost);
	if (!err && export->numbered)
		err = loss_end(&export->loss, cursor);
	if (err && export->code == DONE)
		export->code = nlc_report(err);
	if (export->code == DONE && export->numbered)
		export->code = check_balance(export);
	file_end(export, export->code == DONE);
	return export->code;
}

static int write_meta(struct export *export)
{
	const struct export_order *order = export->order;
	struct json_object *json = about_rows(export, export->rows);
	int flags = JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
		    JSON_C_TO_STRING_NOSLASHESCAPE;
	struct draft draft = { 0 };
	uint64_t now = 0;
	char *name;
	int code, err;

	err = nlc_now(&now);
	if (err) {
		json_object_put(json);
		return nlc_report(err);
	}
	json_add_uint(json, "exported_at", now);
	if (order->file)
		json_add_string(json, "file", base_name(order->file));
	else
		json_add_uint(json, "files", export->part);
	name = order->file ? xprintf("%s.meta.json", order->file) :
	       xprintf("%s/_meta.json", export->dir);
	code = draft_open(&draft, name);
	if (code == DONE)
		fprintf(draft.out, "%s\n",
			json_object_to_json_string_ext(json, flags));
	code = draft_close(&draft, code);
	json_object_put(json);
	free(name);
	return code;
}

/* The directory is new, so that it holds the rows of one export. */
static int make_dir(struct export *export)
{
	if (mkdir(export->order->dir, 0777) && errno != EEXIST)
		return fail(REFUSED, errno, "cannot make the directory %s: %s",
			    export->order->dir, strerror(errno));
	export->dir = xprintf("%s/%s", export->order->dir, export->store->name);
	if (!mkdir(export->dir, 0777))
		return DONE;
	return fail(REFUSED, errno, errno == EEXIST ?
		    "%s holds an export already" :
		    "cannot make the directory %s: %s", export->dir,
		    strerror(errno));
}

static void report(const struct export *export)
{
	const struct export_order *order = export->order;
	const char *to = order->file ? order->file : export->dir;

	if (opt_json()) {
		struct json_object *json = json_object_new_object();

		json_add_string(json, order->file ? "file" : "dir", to);
		json_add_string(json, "format", format_names[order->format]);
		json_add_uint(json, "rows", export->rows);
		json_add_uint(json, "lost", export->lost);
		if (!order->file)
			json_add_uint(json, "files", export->part);
		out_json(json);
	} else {
		printf("%s: %" PRIu64 " rows\n", to, export->rows);
	}
	if (export->lost)
		warn("%s: %" PRIu64 " rows were overwritten before they could be read",
		     export->store->name, export->lost);
}

int export_rows(const struct store *store, const struct export_order *order)
{
	struct export export = {
		.order = order,
		.store = store,
		.numbered = store->mode != KERNMLOPS_STORE_MODE_MAP,
	};
	struct row_cursor cursor = { 0 };
	int err;

	err = nlc_now(&export.began_at);
	if (err)
		return nlc_report(err);
	columns_of_store(&export.columns, store);
	if (export.numbered)
		err = find_start(&export, &cursor);
	if (err)
		export.code = nlc_report(err);
	else if (export.numbered)
		loss_begin(&export.loss, &cursor, export.columns.row_size);

	if (export.code == DONE && order->dir)
		export.code = make_dir(&export);
	if (export.code == DONE)
		export.code = export_files(&export, &cursor);
	if (export.code == DONE)
		export.code = write_meta(&export);
	/* Rows without a description are no export. */
	if (export.code != DONE && order->file && export.part)
		unlink(order->file);
	if (export.code != DONE && export.dir)
		rmdir(export.dir);	/* if it holds nothing */
	if (export.code == DONE && order->consume) {
		err = rows_consume(store->name, &cursor);
		if (err)
			export.code = nlc_report(err);
	}
	if (export.code == DONE)
		report(&export);
	free(cursor.data);
	free(export.dir);
	loss_free(&export.loss);
	columns_free(&export.columns);
	return export.code;
}

/* ---- while rows are captured */

static void export_free(struct export *export)
{
	free(export->cursor.data);
	free(export->dir);
	loss_free(&export->loss);
	columns_free(&export->columns);
	free(export);
}

struct export *export_open(const struct store *store,
			   const struct export_order *order)
{
	struct export *export = xalloc(sizeof(*export));
	int err;

	*export = (struct export){
		.order = order,
		.store = store,
		.numbered = store->mode != KERNMLOPS_STORE_MODE_MAP,
	};
	columns_of_store(&export->columns, store);
	err = nlc_now(&export->began_at);
	if (!err)
		err = find_start(export, &export->cursor);
	if (err) {
		export->code = nlc_report(err);
	} else {
		loss_begin(&export->loss, &export->cursor,
			   export->columns.row_size);
		export->code = make_dir(export);
	}
	if (export->code == DONE)
		export->code = write_meta(export);
	if (export->code == DONE)
		return export;
	export_free(export);
	return NULL;
}

/* A part is begun when there is a row for it. */
static int take_more(const void *rows, uint32_t nr, void *arg)
{
	struct export *export = arg;
	int err = 0;

	if (nr && !export->open)
		err = file_begin(export);
	return err ? err : take_rows(rows, nr, export);
}

int export_more(struct export *export)
{
	uint64_t lost = 0;
	int err;

	if (export->code != DONE)
		return export->code;
	err = rows_dump(export->store->name, &export->order->range,
			&export->cursor, &export->columns, take_more, export,
			&lost);
	export->lost += lost;
	if (err && export->code == DONE)
		export->code = nlc_report(err);
	if (export->open)
		file_end(export, export->code == DONE);
	return export->code;
}

int export_close(struct export *export)
{
	int code, err;

	if (export->code == DONE) {
		err = loss_end(&export->loss, &export->cursor);
		export->code = err ? nlc_report(err) : check_balance(export);
	}
	code = write_meta(export);
	if (export->code != DONE)
		code = export->code;
	export_free(export);
	return code;
}

uint64_t export_rows_written(const struct export *export)
{
	return export->rows;
}

uint64_t export_rows_lost(const struct export *export)
{
	return export->lost;
}
