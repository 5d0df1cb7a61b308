# SPDX-License-Identifier: GPL-2.0-only
"""Data for tests, as integers: what scikit-learn brings, and rows of the kernel."""

from pathlib import Path

import numpy as np
from sklearn import datasets
from sklearn.model_selection import train_test_split

# What a feature is multiplied by before it is rounded.
SCALES = {"digits": 1, "breast_cancer": 1000, "wine": 100, "diabetes": 10000}


class Data:
    """Rows to train on and rows to test on."""

    def __init__(self, X, y, classify):
        self.X, self.Xv, self.y, self.yv = train_test_split(
            X, y, test_size=0.4, random_state=0, stratify=y if classify else None)


def load(name):
    """A data set by name; runqueue is what was captured from a kernel."""
    if name == "runqueue":
        rows = np.load(Path(__file__).parent / "data/runqueue.npz")
        return Data(rows["X"], (rows["wait"] > np.quantile(rows["wait"], 0.8)).astype(int), True)
    raw = getattr(datasets, f"load_{name}")()
    X = np.rint(raw.data * SCALES[name]).astype(np.int64)
    return Data(X, raw.target, name != "diabetes")


def probes(data, thresholds=(), seed=0):
    """Rows, rows moved around numbers that matter, small and great ones, and the
    ends of s64: inputs above 2**24 and 2**45 among them."""
    rng = np.random.default_rng(seed)
    near = np.array([*thresholds, 0, 2**24, -2**24, 2**31, 2**45, -2**45, 2**53, 2**62], np.int64)
    near = (near[:, None] + np.array([-2, -1, 0, 1, 2])).ravel()
    rows = data[rng.integers(0, len(data), 2000)].copy()
    column = rng.integers(0, data.shape[1], len(rows))
    rows[np.arange(len(rows)), column] = rng.choice(near, len(rows))
    great = rng.integers(-2**46, 2**46, (500, data.shape[1]))
    any_size = rng.integers(-2**63, 2**63 - 1, (500, data.shape[1]))
    any_size >>= rng.integers(0, 62, (500, 1))
    ends = rng.choice([-2**63, -2**63 + 1, -1, 0, 1, 2**63 - 2, 2**63 - 1],
                      (200, data.shape[1]))
    return np.concatenate([data, rows, great, any_size, ends])
