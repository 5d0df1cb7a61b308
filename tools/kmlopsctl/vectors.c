// SPDX-License-Identifier: GPL-2.0-only
/* Input vectors of a model, from the command line or from a CSV file. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kmlopsctl.h"
#include "vectors.h"

static bool parse_s64(const char *word, int64_t *number)
{
	char *end;

	errno = 0;
	*number = strtoll(word, &end, 10);
	return (isdigit((unsigned char)*word) || *word == '-') && end > word &&
	       !*end && !errno;
}

static void append(struct vectors *vectors, size_t at, int64_t number)
{
	/* Grow at powers of two only. */
	if (!(at & (at - 1)))
		vectors->words = xrealloc(vectors->words, (at ? at * 2 : 1) *
					  sizeof(*vectors->words));
	vectors->words[at] = number;
}

/* The words of a line, in place; blanks around them and quotes are not theirs. */
static size_t split(char *line, char ***words, size_t *room)
{
	size_t nr = 0;
	char *word;

	line[strcspn(line, "\r\n")] = 0;
	while ((word = strsep(&line, ","))) {
		size_t len;

		while (isspace((unsigned char)*word))
			word++;
		len = strlen(word);
		while (len && isspace((unsigned char)word[len - 1]))
			word[--len] = 0;
		if (len >= 2 && *word == '"' && word[len - 1] == '"') {
			word[len - 1] = 0;
			word++;
		}
		if (nr == *room) {
			*room = *room ? *room * 2 : 16;
			*words = xrealloc(*words, *room * sizeof(**words));
		}
		(*words)[nr++] = word;
	}
	return nr;
}

int vectors_parse(struct vectors *vectors, const struct model *model,
		  const char *word)
{
	char *line = xstrdup(word), **words = NULL;
	size_t nr, room = 0, i;
	int64_t number;
	int code = DONE;

	*vectors = (struct vectors){ .nr = 1 };
	nr = split(line, &words, &room);
	for (i = 0; i < nr && code == DONE; i++) {
		if (parse_s64(words[i], &number))
			append(vectors, i, number);
		else
			code = fail_usage("\"%s\" is no whole number of 64 bits: inputs are integers",
					  words[i]);
	}
	if (code == DONE && nr != model->inputs)
		code = fail_usage("the input vector has %zu numbers, model %s takes %u",
				  nr, model->name, model->inputs);
	vectors->width = nr;
	free(words);
	free(line);
	if (code != DONE)
		vectors_free(vectors);
	return code;
}

/* The column of each input of the model, by the names in the first line. */
static int find_columns(const struct model *model, char **names, size_t nr,
			size_t *columns, const char *path)
{
	unsigned int i;
	size_t c;

	for (i = 0; i < model->nr_input_names; i++) {
		for (c = 0; c < nr; c++)
			if (!strcmp(names[c], model->input_names[i]))
				break;
		if (c == nr)
			return fail_usage("%s has no column %s, an input of model %s",
					  path, model->input_names[i],
					  model->name);
		columns[i] = c;
	}
	return DONE;
}

static bool is_header(char **words, size_t nr)
{
	int64_t number;
	size_t i;

	for (i = 0; i < nr; i++)
		if (parse_s64(words[i], &number))
			return false;
	return true;
}

static int read_lines(struct vectors *vectors, const struct model *model,
		      const char *path, FILE *file)
{
	size_t *columns = xalloc(model->inputs * sizeof(*columns));
	size_t size = 0, room = 0, nr, i;
	char *line = NULL, **words = NULL;
	unsigned long number = 0;
	bool named = false;
	int code = DONE;

	for (i = 0; i < model->inputs; i++)
		columns[i] = i;
	while (code == DONE && getline(&line, &size, file) >= 0) {
		number++;
		nr = split(line, &words, &room);
		if (nr == 1 && !*words[0])
			continue;	/* an empty line */
		if (!vectors->nr && !named && is_header(words, nr)) {
			named = true;
			code = find_columns(model, words, nr, columns, path);
			continue;
		}
		if (!named && nr != model->inputs) {
			code = fail_usage("line %lu of %s has %zu numbers, model %s takes %u",
					  number, path, nr, model->name,
					  model->inputs);
			continue;
		}
		for (i = 0; i < model->inputs && code == DONE; i++) {
			const char *word = columns[i] < nr ?
					   words[columns[i]] : "";
			int64_t v;

			if (parse_s64(word, &v))
				append(vectors,
				       vectors->nr * model->inputs + i, v);
			else
				code = fail_usage("line %lu of %s: \"%s\" is no whole number of 64 bits: inputs are integers",
						  number, path, word);
		}
		vectors->nr++;
	}
	if (code == DONE && ferror(file))
		code = fail(REFUSED, errno, "cannot read %s: %s", path,
			    strerror(errno));
	free(words);
	free(line);
	free(columns);
	return code;
}

int vectors_read(struct vectors *vectors, const struct model *model,
		 const char *path)
{
	FILE *file = strcmp(path, "-") ? fopen(path, "re") : stdin;
	int code;

	*vectors = (struct vectors){ .width = model->inputs };
	if (!file)
		return fail(REFUSED, errno, "cannot read %s: %s", path,
			    strerror(errno));
	code = read_lines(vectors, model, path, file);
	if (file != stdin)
		fclose(file);
	if (code == DONE && !vectors->nr)
		code = fail_usage("%s has no input vector", path);
	if (code != DONE)
		vectors_free(vectors);
	return code;
}

void vectors_free(struct vectors *vectors)
{
	free(vectors->words);
	*vectors = (struct vectors){ 0 };
}
