/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What every object of kmlopsctl shares: exit codes, options, the words of the
 * command line, and the reporting of errors.
 */
#ifndef KMLOPSCTL_H
#define KMLOPSCTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef KMLOPS_VERSION
#define KMLOPS_VERSION "0.1.0"
#endif

/* Exit codes; a command returns one of them. */
enum exit_code {
	DONE = 0,
	REFUSED = 1,	/* by the kernel, or a file could not be read or written */
	USAGE = 2,	/* the command line makes no sense */
	NO_MODULE = 3,	/* kernmlops.ko is not loaded */
	UNVERIFIED = 4,	/* a model failed verification or its golden vectors */
};

enum format {
	FORMAT_TABLE,
	FORMAT_JSON,
	FORMAT_JSONL,
	FORMAT_CSV,
	FORMAT_NPY,
	FORMAT_ARROW,
	FORMAT_ARROWS,		/* Arrow as a stream */
	FORMAT_PARQUET,
};

extern const char *const format_names[];

struct options {
	enum format format;
	bool pretty;
};

extern struct options opt;

/* JSON or JSON lines: errors and warnings are JSON, too. */
bool opt_json(void);

/* The words of the command line that are yet to be read. */
struct args {
	int argc;
	char **argv;
};

struct command {
	const char *name;
	int (*func)(struct args *args);
};

/*
 * Run the command that the next word names, the first of the table if there is
 * no next word; the table ends with a NULL name. @what is what the word should
 * have been, @help is printed for "help".
 */
int command_run(struct args *args, const char *what,
		const struct command *commands, const char *help);

/*
 * The same where the commands named in @tabular (NULL-terminated; NULL: all of
 * them) have output as csv or npy, too; for others that is refused.
 */
int command_run_tabular(struct args *args, const char *what,
			const struct command *commands,
			const char *const *tabular, const char *help);

/*
 * Index of @word in @words (NULL-terminated): an exact match, or the only one
 * that begins with it. -1 after a report if there is none, or several; @what
 * says what the word should have been.
 */
int word_find(const char *what, const char *word, const char *const *words);

bool args_empty(const struct args *args);
/* The next word, or NULL after a report that says that @what is missing. */
const char *args_next(struct args *args, const char *what);
/* Index of the next word in @words as word_find(), which it consumes. */
int args_word(struct args *args, const char *what, const char *const *words);
/* Whether no word is left; reports the first one that is. */
bool args_end(const struct args *args);

/* Whether @word is a number as a whole, decimal or 0x; reports if it is not. */
bool parse_u64(const char *what, const char *word, uint64_t *number);
bool parse_u32(const char *what, const char *word, uint32_t *number);

/*
 * Report an error on stderr, @err (an errno, positive) in JSON only, and give
 * @code back.
 */
int fail(enum exit_code code, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Report that the command line makes no sense; gives USAGE. */
int fail_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Say something on stderr that is no failure. */
void warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Memory that is there: without it the program ends. */
void *xalloc(size_t size);	/* zeroed */
void *xrealloc(void *mem, size_t size);
char *xstrdup(const char *s);
char *xprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Run the lines of a file ("-": standard input) until one fails. */
int batch_file(const char *name);

/* The objects. */
int do_store(struct args *args);
int do_model(struct args *args);
int do_collector(struct args *args);
int do_collect(struct args *args);
int do_replay(struct args *args);
int do_deploy(struct args *args);
int do_feature(struct args *args);
int do_version(struct args *args);

#endif /* KMLOPSCTL_H */
