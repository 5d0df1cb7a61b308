# SPDX-License-Identifier: GPL-2.0-only
"""Prints the nanoseconds that scikit-learn and torch take for one row of an MLP.

Shapes are widths, such as 12-64-64-2; a line is SHAPE LIBRARY NANOSECONDS. A
library that is not installed has no lines.
"""

import statistics
import sys
import time
import warnings
from typing import Any, Callable

import numpy as np

ROWS = 1000
WARM_UP = 100


def measure(shape: str, library: str, predict: Callable[[Any], Any], rows: Any) -> None:
    times = []
    for i in range(WARM_UP + ROWS):
        row = rows[i:i + 1]
        started = time.perf_counter_ns()
        predict(row)
        times.append(time.perf_counter_ns() - started)
    print(shape, library, statistics.median(times[WARM_UP:]), flush=True)


def with_sklearn(shapes: dict[str, list[int]], rows: dict[str, np.ndarray]) -> None:
    try:
        from sklearn.neural_network import MLPRegressor
    except ImportError:
        return
    for shape, widths in shapes.items():
        model = MLPRegressor(tuple(widths[1:-1]), max_iter=1)
        targets = np.random.default_rng(2).normal(size=(len(rows[shape]), widths[-1]))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")     # one step of training is enough here
            model.fit(rows[shape], targets)
        measure(shape, "sklearn", model.predict, rows[shape])


def with_torch(shapes: dict[str, list[int]], rows: dict[str, np.ndarray]) -> None:
    try:
        import torch
    except ImportError:
        return
    torch.set_num_threads(1)
    for shape, widths in shapes.items():
        layers: list[torch.nn.Module] = []
        for inputs, outputs in zip(widths, widths[1:]):
            layers += [torch.nn.Linear(inputs, outputs), torch.nn.ReLU()]
        model = torch.nn.Sequential(*layers[:-1]).eval()
        tensors = torch.from_numpy(rows[shape])
        with torch.inference_mode():
            measure(shape, "torch", model, tensors)
            frozen = torch.jit.freeze(torch.jit.trace(model, tensors[:1]))
            measure(shape, "torchscript", frozen, tensors)


def main() -> None:
    shapes = {shape: [int(width) for width in shape.split("-")] for shape in sys.argv[1:]}
    random = np.random.default_rng(1)
    rows = {shape: random.normal(size=(WARM_UP + ROWS, widths[0])).astype(np.float32)
            for shape, widths in shapes.items()}
    with_sklearn(shapes, rows)
    with_torch(shapes, rows)


if __name__ == "__main__":
    main()
