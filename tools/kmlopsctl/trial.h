/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Trial: a model run here, in user space, on each path of its engine and as
 * compiled code, to see that all give the same and what each takes.
 */
#ifndef KMLOPSCTL_TRIAL_H
#define KMLOPSCTL_TRIAL_H

#include "code.h"
#include "engine.h"

struct trial {
	const char *name;	/* of the model */
	const char *dir;	/* where the code is written */
	void *file;		/* content of the model file */
	size_t size;
	struct kmlops_model_file model;
	struct kmlops_engine *engine;
	int64_t *vectors;	/* TRIAL_VECTORS input vectors */
};

/*
 * Take a model file, which must be @size bytes at a multiple of 8 and outlive
 * the trial. Returns an exit code after a report; @path names it there.
 */
int trial_begin(struct trial *trial, const char *path, void *file, size_t size);
void trial_end(struct trial *trial);

bool trial_has_trees(const struct trial *trial);

/* Nanoseconds of one inference on a path of the engine; the least of 16 rounds. */
uint64_t trial_path(const struct trial *trial, enum kmlops_path path);

/*
 * Write infer.h in a style to the directory, compile it as the kernel would,
 * hold it against the engine, and give what one inference takes and the bytes
 * of the code with its tables. Returns an exit code after a report.
 */
int trial_code(const struct trial *trial, enum code_style style, uint64_t *ns,
	       uint64_t *bytes);

/* A new file in the directory, or NULL after a report; and its end. */
FILE *trial_create(const struct trial *trial, const char *name);
int trial_close(const struct trial *trial, FILE *file, const char *name);

/* Run a program, its output to stderr; @what is what failed if it does. */
int trial_run(const char *what, char *const argv[]);

#endif /* KMLOPSCTL_TRIAL_H */
