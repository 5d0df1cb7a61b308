/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A model as C: the function
 *
 *	static void infer(const s64 *in, s64 *scores)
 *
 * with all constants in it. It computes what the engine of the model's kind
 * computes before the answer is taken: the scores; of a single tree, the output
 * vector. The text compiles in the kernel and in user space.
 */
#ifndef KMLOPSCTL_CODE_H
#define KMLOPSCTL_CODE_H

#include <stdio.h>
#include "model_format.h"

/* How trees are written; layers are written in one way only. */
enum code_style {
	CODE_BRANCHES,		/* if and else: quick where branches are foretold */
	CODE_TABLES,		/* nodes in tables, walked without branches */
	CODE_STYLES,
};

extern const char *const code_style_names[];

/* @model must have been admitted by libkmlops. */
void code_trees(FILE *out, const struct kmlops_model_file *model,
		enum code_style style);
void code_layers(FILE *out, const struct kmlops_model_file *model);

/* The narrowest type that holds @low to @high: "s8" to "s64". */
const char *code_type(int64_t low, int64_t high);
/* A number as C reads it, the least s64 included. */
const char *code_number(char buf[40], int64_t number);

#endif /* KMLOPSCTL_CODE_H */
