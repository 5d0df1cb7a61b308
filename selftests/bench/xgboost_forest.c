// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <xgboost/c_api.h>
#include "xgboost_forest.h"

#define ROWS	8192

static BoosterHandle booster;
static float *rows;
static char descriptions[ROWS][128];

static void must(int failed)
{
	if (!failed)
		return;
	fprintf(stderr, "xgboost: %s\n", XGBGetLastError());
	exit(1);
}

static void set(const char *name, int value)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", value);
	must(XGBoosterSetParam(booster, name, text));
}

void xgboost_train(int nr_inputs, int nr_trees, int depth)
{
	float *labels = malloc(ROWS * sizeof(*labels));
	DMatrixHandle matrix;
	int i;

	rows = malloc((size_t)ROWS * nr_inputs * sizeof(*rows));
	if (!labels || !rows)
		exit(1);
	srandom(1);
	for (i = 0; i < ROWS * nr_inputs; i++)
		rows[i] = random() % 65536 - 32768;
	for (i = 0; i < ROWS; i++) {
		labels[i] = random() % 1000;
		snprintf(descriptions[i], sizeof(descriptions[i]),
			 "{\"data\":[%llu,true],\"shape\":[1,%d],\"typestr\":\"<f4\",\"version\":3}",
			 (unsigned long long)(unsigned long)&rows[(size_t)i * nr_inputs],
			 nr_inputs);
	}
	must(XGDMatrixCreateFromMat(rows, ROWS, nr_inputs, -1e30f, &matrix));
	must(XGDMatrixSetFloatInfo(matrix, "label", labels, ROWS));
	must(XGBoosterCreate(&matrix, 1, &booster));
	set("nthread", 1);
	set("max_depth", depth);
	set("min_child_weight", 0);
	must(XGBoosterSetParam(booster, "tree_method", "hist"));
	for (i = 0; i < nr_trees; i++)
		must(XGBoosterUpdateOneIter(booster, i, matrix));
	must(XGDMatrixFree(matrix));
	free(labels);
}

double xgboost_infer(int row)
{
	static const char config[] = {
		"{\"type\":0,\"training\":false,\"iteration_begin\":0,\"iteration_end\":0,\"strict_shape\":false,\"missing\":NaN,\"cache_id\":0}"
	};
	const bst_ulong *shape;
	const float *result;
	bst_ulong dim;

	must(XGBoosterPredictFromDense(booster, descriptions[row % ROWS], config,
				       NULL, &shape, &dim, &result));
	return result[0];
}
