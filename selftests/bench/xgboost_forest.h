/* SPDX-License-Identifier: GPL-2.0-only */
/* Boosted trees of the same size in XGBoost, through its C interface. */
#ifndef SELFTESTS_BENCH_XGBOOST_FOREST_H
#define SELFTESTS_BENCH_XGBOOST_FOREST_H

/* Trains trees on noise, so that they become as deep as they may. */
void xgboost_train(int nr_inputs, int nr_trees, int depth);

/* What @row comes to; it must be one of those of xgboost_row(). */
double xgboost_infer(int row);

#endif /* SELFTESTS_BENCH_XGBOOST_FOREST_H */
