// SPDX-License-Identifier: GPL-2.0-only
/* Reading files of /proc as their table says. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/kernmlops.h>

#include "kmlopsctl.h"
#include "poller.h"
#include "proc_table.h"

static bool has_prefix(const struct proc_table *table, const char *line)
{
	const char *const *prefix;

	if (!table->prefixes)
		return true;
	for (prefix = table->prefixes; *prefix; prefix++)
		if (!strncmp(line, *prefix, strlen(*prefix)))
			return true;
	return false;
}

/* The next word of a line, ended by a NUL; NULL if there is none. */
static char *next_word(const struct proc_table *table, char **line)
{
	char between[16], *word;

	snprintf(between, sizeof(between), " \t\n%s",
		 table->between ? table->between : "");
	do
		word = strsep(line, between);
	while (word && !*word);
	return word;
}

/* See struct proc_table. */
static int64_t number_of(const char *word)
{
	const char *equals = strchr(word, '=');
	bool negative, named = false;
	uint64_t number = 0;

	if (equals)
		word = equals + 1;
	while (isalpha((unsigned char)*word)) {
		named = true;
		word++;
	}
	if (named && !*word)
		return -1;
	negative = *word == '-';
	for (word += negative; isdigit((unsigned char)*word) || *word == '.'; word++)
		if (*word != '.')
			number = number * 10 + *word - '0';
	return negative ? -number : number;
}

static void put_field(const struct field *field, uint8_t *to, const char *word)
{
	int64_t number;

	to += field->offset;
	if (field->type == KERNMLOPS_FIELD_TYPE_CHAR) {
		memcpy(to, word, strnlen(word, field->count));
		return;
	}
	number = number_of(word);
	memcpy(to, &number, field_type_size(field->type));
}

/* ---- a row for each line */

static void push_line(struct poll *poll, unsigned int store,
		      const struct proc_file *file, char *line)
{
	const struct proc_table *table = &poll->poller->tables[store];
	const struct layout *key = &poll->keys[store];
	const struct layout *value = &poll->values[store];
	uint8_t *k = xalloc(key->size), *v = xalloc(value->size);
	const char *kind = table->words;
	unsigned int keys = 0, values = 0;
	char *word;

	if (file->name)
		put_field(&key->schema.fields[keys++], k, file->name);
	while ((word = next_word(table, &line))) {
		if (*kind == 'k' && keys < key->schema.nr)
			put_field(&key->schema.fields[keys++], k, word);
		else if (*kind == 'v' && values < value->schema.nr)
			put_field(&value->schema.fields[values++], v, word);
		if (kind[1])
			kind++;
	}
	poll_push(poll, store, k, v);
	free(k);
	free(v);
}

/* ---- a field for each line */

/* NAME of "NAME: NUMBER" or "NAME NUMBER", with only what C has in names. */
static char *name_of(const char *line)
{
	size_t length = strcspn(line, ": \t\n");
	char *name = xprintf("%.*s", (int)length, line), *c;

	for (c = name; *c; c++)
		if (!isalnum((unsigned char)*c))
			*c = '_';
	while (c > name && c[-1] == '_')
		*--c = 0;
	return name;
}

static bool is_field(const struct proc_table *table, const char *line)
{
	return has_prefix(table, line) != table->others;
}

static bool has_bytes(const char *line)
{
	size_t length = strlen(line);

	return length > 4 && !strcmp(line + length - 4, " kB\n");
}

static void take_number(const struct layout *value, uint8_t *v, const char *name,
			const char *line)
{
	uint64_t number;
	unsigned int i;

	for (i = 0; i < value->schema.nr; i++)
		if (!strcmp(value->schema.fields[i].name, name))
			break;
	if (i == value->schema.nr)
		return;
	line += strcspn(line, ": \t");
	line += strspn(line, ": \t");
	number = strtoull(line, NULL, 10) * (has_bytes(line) ? 1024 : 1);
	memcpy(v + value->schema.fields[i].offset, &number, sizeof(number));
}

char *proc_words(const struct poller *poller, unsigned int store)
{
	const struct proc_table *table = &poller->tables[store];
	const struct proc_file *file = table->files;
	char *line = NULL, *words;
	size_t size = 0, length;
	FILE *in, *out;

	in = fopen(file->path, "re");
	if (!in) {
		fail(REFUSED, errno, "cannot read %s: %s", file->path,
		     strerror(errno));
		return NULL;
	}
	out = open_memstream(&words, &length);
	while (out && getline(&line, &size, in) >= 0) {
		char *name;

		if (!is_field(table, line))
			continue;
		name = name_of(line);
		fprintf(out, "%s%s:u64%s", ftell(out) ? "," : "", name,
			has_bytes(line) ? ":bytes" : "");
		free(name);
	}
	free(line);
	fclose(in);
	if (!out || fclose(out)) {
		fail(REFUSED, ENOMEM, "out of memory");
		return NULL;
	}
	return words;
}

/* ---- files */

static int read_table(struct poll *poll, unsigned int store,
		      const struct proc_file *file)
{
	const struct proc_table *table = &poll->poller->tables[store];
	const struct layout *value = &poll->values[store];
	unsigned int skip = table->skip;
	FILE *in = fopen(file->path, "re");
	uint8_t *v, *k;
	char *line = NULL;
	size_t size = 0;

	if (!in)
		return -errno;
	k = xalloc(poll->keys[store].size);
	v = xalloc(value->size);
	while (getline(&line, &size, in) >= 0) {
		if (skip) {
			skip--;
		} else if (!table->words) {
			char *name = name_of(line);

			take_number(value, v, name, line);
			free(name);
		} else if (has_prefix(table, line)) {
			push_line(poll, store, file, line);
		}
	}
	if (!table->words)
		poll_push(poll, store, k, v);
	free(line);
	free(k);
	free(v);
	fclose(in);
	return 0;
}

int proc_poll(struct poll *poll)
{
	const struct proc_file *file;
	unsigned int i;
	int err, last = 0;

	for (i = 0; poll->poller->stores[i].name; i++) {
		for (file = poll->poller->tables[i].files; file->path; file++) {
			err = read_table(poll, i, file);
			if (err)
				last = err;
		}
	}
	return last;
}
