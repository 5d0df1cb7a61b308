# SPDX-License-Identifier: GPL-2.0-only
"""Prints the nanoseconds that scikit-learn takes for one row of boosted trees."""

import statistics
import sys
import time

import numpy as np
from sklearn.ensemble import GradientBoostingRegressor


def main() -> None:
    inputs, trees, depth = map(int, sys.argv[1:])
    random = np.random.default_rng(1)
    rows = random.integers(-32768, 32767, (4096, inputs)).astype(np.float32)
    model = GradientBoostingRegressor(n_estimators=trees, max_depth=depth)
    model.fit(rows, random.normal(size=len(rows)))
    times = []
    for i in range(1000):
        started = time.perf_counter_ns()
        model.predict(rows[i:i + 1])
        times.append(time.perf_counter_ns() - started)
    print(statistics.median(times))


if __name__ == "__main__":
    main()
