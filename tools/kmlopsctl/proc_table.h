/* SPDX-License-Identifier: GPL-2.0-only */
/* How a text file of /proc becomes rows: tables that one parser reads. */
#ifndef KMLOPSCTL_PROC_TABLE_H
#define KMLOPSCTL_PROC_TABLE_H

#include <stdbool.h>

struct poll;
struct poller;

struct proc_file {
	const char *path;
	const char *name;	/* for the key; NULL: it has none */
};

/* The rows of one store. Lists end with a NULL. */
struct proc_table {
	const struct proc_file *files;

	/*
	 * One row for each line. A character for each word of the line says
	 * what it is: k a field of the key, v the next field of the value,
	 * - neither; the last one counts for all words that follow. In numbers
	 * a point is dropped: hundredths. Of NAME=NUMBER the number is taken;
	 * of cpu7 it is 7, of cpu alone it is -1.
	 */
	const char *words;
	const char *between;		/* characters between words, and blanks */
	const char *const *prefixes;	/* only lines that begin with one */
	unsigned int skip;		/* lines at the top */

	/*
	 * Without words: one row for the whole file, a line for each field:
	 * its name and its number, in bytes if kB follows. If the store has no
	 * words for its value, its fields are the lines that begin with a
	 * prefix, or with @others those that do not.
	 */
	bool others;
};

int proc_poll(struct poll *poll);
char *proc_words(const struct poller *poller, unsigned int store);

#endif /* KMLOPSCTL_PROC_TABLE_H */
