#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Floats against integers of 8 and 16 bits, by depth and width of the network.

    precision.py DECIDE FLOAT_LAYERS: prints a JSON object per network

scikit-learn's digits (64 pixels, whole numbers, ten classes), a third of them
held back for the accuracy. DECIDE and FLOAT_LAYERS are the programs that take
the time.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import kernmlops

LAYERS = (1, 2, 4, 8)
WIDTHS = (8, 32, 128, 512)
TARGETS = ("W8A8", "W8A16")
CALIBRATION = 300       # rows


def engine(decide: str, model: kernmlops.Model) -> tuple[int, dict[str, float]]:
    """Memory of the engine, and nanoseconds of an inference on each of its paths."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "model.kmml"
        model.save(path)
        lines = subprocess.run([decide, str(path), "paths"], check=True, capture_output=True,
                               text=True).stdout.splitlines()
    parts = [json.loads(line) for line in lines]
    return parts[0]["bytes"], {part["part"]: part["value"] for part in parts}


def main() -> None:
    decide, float_layers = sys.argv[1:3]
    warnings.filterwarnings("ignore", category=ConvergenceWarning)
    X, y = load_digits(return_X_y=True)
    X = X.astype(np.int64)
    X, X_test, y, y_test = train_test_split(X, y, test_size=1 / 3, random_state=0, stratify=y)
    for layers in LAYERS:
        for width in WIDTHS:
            hidden = (width,) * layers
            net = make_pipeline(StandardScaler(), MLPClassifier(
                hidden, max_iter=40, early_stopping=True, random_state=0)).fit(X, y)
            shape = [X.shape[1], *hidden, 10]
            took = subprocess.run([float_layers, *map(str, shape)], check=True,
                                  capture_output=True, text=True).stdout
            parameters = sum((a + 1) * b for a, b in zip(shape, shape[1:]))
            result = {
                "layers": layers, "width": width,
                "work": sum(a * b for a, b in zip(shape, shape[1:])),
                "float": {"accuracy": net.score(X_test, y_test), "bytes": 4 * parameters,
                          "ns": {"compiler": float(took)}},
            }
            for target in TARGETS:
                model = kernmlops.convert(net, X[:CALIBRATION], target=target)
                size, took_by_path = engine(decide, model)
                result[target] = {
                    "accuracy": float((model.predict(X_test) == y_test).mean()),
                    "agreement": float((model.predict(X_test) == net.predict(X_test)).mean()),
                    "bytes": size, "ns": took_by_path,
                }
            print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
