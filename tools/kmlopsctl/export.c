// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exports. Files are written under another name and renamed when complete, so
 * that whoever finds one can read it; what is written when a signal ends the
 * program is removed.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "export.h"
#include "netlink.h"
#include "output.h"
#include "when.h"

/* A file that gets its name when it is complete. */
struct draft {
	const char *name;
	char *path;
	FILE *out;
};

/* Paths to remove when a signal comes. */
static char *volatile drafts[2];

static void on_signal(int signal)
{
	unsigned int i;

	for (i = 0; i < 2; i++)
		if (drafts[i])
			unlink(drafts[i]);
	/* The handler was reset: this ends the program as it should. */
	raise(signal);
}

static void catch_signals(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = {
		.sa_handler = on_signal,
		.sa_flags = SA_RESETHAND | SA_NODEFER,
	};
	struct sigaction now;
	unsigned int i;

	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		if (!sigaction(signals[i], NULL, &now) &&
		    now.sa_handler == SIG_DFL)
			sigaction(signals[i], &action, NULL);
}

static int draft_open(struct draft *draft, unsigned int slot, const char *name)
{
	mode_t mask = umask(0);
	int fd;

	umask(mask);
	draft->name = name;
	draft->path = xprintf("%s.XXXXXX", name);
	draft->out = NULL;
	fd = mkstemp(draft->path);
	if (fd >= 0) {
		drafts[slot] = draft->path;
		fchmod(fd, 0666 & ~mask);	/* mkstemp() makes it private */
		draft->out = fdopen(fd, "w+");
	}
	if (draft->out)
		return DONE;
	return fail(REFUSED, errno, "cannot write %s: %s", name,
		    strerror(errno));
}

/*
 * Give the file its name if @code, what became of the export so far, is DONE,
 * and remove it otherwise. Gives the code as it is then.
 */
static int draft_close(struct draft *draft, unsigned int slot, int code)
{
	int err = 0;

	if (!draft->path)
		return code;
	if (draft->out && fclose(draft->out))
		err = errno;
	if (code == DONE && !err && rename(draft->path, draft->name))
		err = errno;
	if (code == DONE && err)
		code = fail(REFUSED, err, "cannot write %s: %s", draft->name,
			    strerror(err));
	if (code != DONE && drafts[slot])
		unlink(draft->path);
	drafts[slot] = NULL;
	free(draft->path);
	return code;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static struct json_object *time_or_null(bool given, uint64_t time)
{
	return given ? json_object_new_uint64(time) : NULL;
}

static int write_meta(FILE *out, const struct store *store,
		      const struct columns *columns,
		      const struct row_range *range, const char *file,
		      enum format format, uint64_t rows, uint64_t lost)
{
	struct json_object *json = json_object_new_object();
	uint64_t now = 0;
	int err;

	err = nlc_now(&now);
	if (err) {
		json_object_put(json);
		return nlc_report(err);
	}
	json_object_object_add(json, "store", store_json(store));
	json_object_object_add(json, "columns", columns_json(columns));
	json_add_string(json, "clock", "CLOCK_MONOTONIC");
	json_add_uint(json, "rows", rows);
	json_add_uint(json, "lost", lost);
	json_object_object_add(json, "from",
			       time_or_null(range->has_from, range->from));
	json_object_object_add(json, "to",
			       time_or_null(range->has_to, range->to));
	json_add_uint(json, "exported_at", now);
	json_add_int(json, "realtime_offset_ns", when_realtime_offset(now));
	json_add_string(json, "format", format_names[format]);
	json_add_string(json, "file", base_name(file));

	fprintf(out, "%s\n",
		json_object_to_json_string_ext(json, JSON_C_TO_STRING_PRETTY |
					       JSON_C_TO_STRING_SPACED |
					       JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(json);
	if (fflush(out))
		return fail(REFUSED, errno, "cannot write %s.meta.json: %s",
			    file, strerror(errno));
	return DONE;
}

int export_rows(const struct store *store, const struct row_range *range,
		const char *file, enum format format, bool consume)
{
	char *meta_name = xprintf("%s.meta.json", file);
	struct draft data = { 0 }, meta = { 0 };
	struct row_writer writer = { 0 };
	struct row_cursor cursor = { 0 };
	struct columns columns;
	int code, err, write_err;
	uint64_t lost = 0;

	catch_signals();
	columns_of_store(&columns, store);
	code = draft_open(&data, 0, file);
	if (code == DONE)
		code = draft_open(&meta, 1, meta_name);
	if (code != DONE)
		goto out;

	rows_begin(&writer, format, &columns, data.out);
	err = rows_dump(store->name, range, consume ? &cursor : NULL, &writer,
			&lost);
	write_err = rows_end(&writer, !err);
	if (write_err)
		code = fail(REFUSED, -write_err, "cannot write %s: %s", file,
			    strerror(-write_err));
	else if (err)
		code = nlc_report(err);
	else
		code = write_meta(meta.out, store, &columns, range, file,
				  format, writer.rows, lost);
out:
	code = draft_close(&data, 0, code);
	code = draft_close(&meta, 1, code);
	if (code == DONE && consume) {
		err = rows_consume(store->name, &cursor);
		if (err)
			code = nlc_report(err);
	}
	free(cursor.data);
	columns_free(&columns);
	free(meta_name);
	if (code != DONE)
		return code;
	if (opt_json()) {
		struct json_object *json = json_object_new_object();

		json_add_string(json, "file", file);
		json_add_string(json, "format", format_names[format]);
		json_add_uint(json, "rows", writer.rows);
		json_add_uint(json, "lost", lost);
		out_json(json);
	} else {
		printf("%s: %" PRIu64 " rows\n", file, writer.rows);
	}
	if (lost)
		warn("%s: %" PRIu64 " rows were overwritten before they could be read",
		     store->name, lost);
	return DONE;
}
