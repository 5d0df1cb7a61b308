/* SPDX-License-Identifier: GPL-2.0-only */
/* Input vectors of a model, from the command line or from a CSV file. */
#ifndef KMLOPSCTL_VECTORS_H
#define KMLOPSCTL_VECTORS_H

#include <stddef.h>
#include <stdint.h>

#include "model.h"

struct vectors {
	int64_t *words;		/* nr * width of them */
	size_t nr;
	size_t width;
};

/*
 * One vector: as many whole numbers as the model has inputs, with commas
 * between them. Returns an exit code.
 */
int vectors_parse(struct vectors *vectors, const struct model *model,
		  const char *word);

/*
 * The lines of a CSV file ("-": stdin). If the first line has words that are
 * no numbers, it names the columns: those called like the inputs of the model
 * are taken, wherever they stand. Otherwise the columns are the inputs in
 * order. Returns an exit code.
 */
int vectors_read(struct vectors *vectors, const struct model *model,
		 const char *path);

void vectors_free(struct vectors *vectors);

#endif /* KMLOPSCTL_VECTORS_H */
