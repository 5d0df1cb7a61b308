// SPDX-License-Identifier: GPL-2.0-only
/* Rows of the files of an export, one after the other. */
#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <linux/kernmlops_row.h>

#include "kmlopsctl.h"
#include "recorded_rows.h"

static const struct source_format *const formats[] = { &npy_source, &arrow_source };

#define FORMATS	(sizeof(formats) / sizeof(formats[0]))

/* Formats that nothing here reads, but kernmlops.read() does. */
static int report_format(const char *path, const char *store)
{
	return fail(REFUSED, EINVAL,
		    "%s: only npy and arrow can be replayed from here; python3 -c 'import kernmlops; kernmlops.replay(\"%s\", \"%s\")' takes any format",
		    path, path, store);
}

int source_bad(const struct row_source *source, const char *what)
{
	return fail(REFUSED, EINVAL, "%s: %s", source->name, what);
}

int source_other_fields(const struct row_source *source)
{
	return fail(REFUSED, EINVAL, "%s: its fields are not those of store %s",
		    source->name, source->store->name);
}

static bool has_parts(const char *dir, const char *ending)
{
	char *pattern = xprintf("%s/part-*.%s", dir, ending);
	glob_t found = { 0 };
	bool any = !glob(pattern, 0, NULL, &found);

	globfree(&found);
	free(pattern);
	return any;
}

static bool is_described(const char *dir)
{
	char *meta = xprintf("%s/_meta.json", dir);
	bool is = !access(meta, F_OK);

	free(meta);
	return is;
}

/* Parts in order of their names, which is that of their numbers. */
static int find_parts(struct row_source *source, const char *dir)
{
	static const char *const endings[] = { "npy", "arrow" };
	glob_t found = { 0 };
	char *pattern;
	size_t i;

	for (i = 0; i < 2 && !has_parts(dir, endings[i]); i++)
		;
	if (i == 2 && has_parts(dir, "*"))
		return report_format(dir, source->store->name);
	/* No part is begun before there is a row. */
	if (i == 2 && is_described(dir))
		return DONE;
	if (i == 2)
		return fail(REFUSED, ENOENT, "%s: there is no part-N.arrow or part-N.npy",
			    dir);
	pattern = xprintf("%s/part-*.%s", dir, endings[i]);
	glob(pattern, 0, NULL, &found);
	source->nr_names = found.gl_pathc;
	source->names = xalloc(found.gl_pathc * sizeof(*source->names));
	for (i = 0; i < found.gl_pathc; i++)
		source->names[i] = xstrdup(found.gl_pathv[i]);
	globfree(&found);
	free(pattern);
	return DONE;
}

int source_open(struct row_source *source, const char *path,
		const struct store *store)
{
	struct stat info;

	*source = (struct row_source){ .store = store };
	columns_of_store(&source->columns, store);
	if (!stat(path, &info) && S_ISDIR(info.st_mode))
		return find_parts(source, path);
	source->names = xalloc(sizeof(*source->names));
	source->names[source->nr_names++] = xstrdup(path);
	return DONE;
}

static int open_next(struct row_source *source)
{
	char magic[sizeof(formats[0]->magic)];
	size_t size, i;

	source->name = source->names[source->next_name++];
	source->last = 0;
	source->in = fopen(source->name, "re");
	if (!source->in)
		return fail(REFUSED, errno, "cannot read %s: %s", source->name,
			    strerror(errno));
	size = fread(magic, 1, sizeof(magic), source->in);
	for (i = 0; i < FORMATS; i++)
		if (size == sizeof(magic) &&
		    !memcmp(magic, formats[i]->magic, formats[i]->magic_size))
			break;
	if (i == FORMATS)
		return report_format(source->name, source->store->name);
	source->format = formats[i];
	return source->format->begin(source);
}

static void close_file(struct row_source *source)
{
	if (source->in)
		fclose(source->in);
	source->in = NULL;
}

/* Some rows into memory; none at the end of all files. */
static int read_more(struct row_source *source)
{
	int code = DONE;

	source->nr = 0;
	source->next = 0;
	while (code == DONE && !source->nr) {
		if (!source->in) {
			if (source->next_name == source->nr_names)
				return DONE;
			code = open_next(source);
		}
		if (code == DONE)
			code = source->format->read(source);
		if (code == DONE && !source->nr)
			close_file(source);
	}
	return code;
}

const uint8_t *source_next(struct row_source *source, int *code)
{
	const uint8_t *row;
	struct kmlops_row head;

	*code = DONE;
	if (source->next == source->nr)
		*code = read_more(source);
	if (*code != DONE || !source->nr)
		return NULL;
	row = source->rows.data + (size_t)source->next++ * source->columns.row_size;
	memcpy(&head, row, sizeof(head));
	if (head.time < source->last) {
		*code = source_bad(source, "the rows are not in order of time");
		return NULL;
	}
	source->last = head.time;
	return row;
}

void source_close(struct row_source *source)
{
	size_t i;

	close_file(source);
	for (i = 0; i < source->nr_names; i++)
		free(source->names[i]);
	free(source->names);
	bytes_free(&source->rows);
	columns_free(&source->columns);
}
