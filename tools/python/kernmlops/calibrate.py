# SPDX-License-Identifier: GPL-2.0-only
"""Which range of numbers a type of 8 or 16 bits is to stand for."""

from __future__ import annotations

import numpy as np

METHODS = ("minmax", "percentile", "mse")

# What percentile leaves out at each end.
TAIL = 0.01


def choose_range(values: np.ndarray, bits: int, method: str) -> tuple[float, float]:
    """The range for some values; those beyond are clipped.

    minmax: all of them; inputs get room beyond. percentile: all but the outermost
    0.01 % at each end. mse: so that rounding and clipping together err least.
    """
    low, high = float(values.min()), float(values.max())
    if method == "percentile":
        low, high = (float(v) for v in np.percentile(values, (TAIL, 100 - TAIL)))
    elif method == "mse" and high > low:
        low, high = _least_error(values, low, high, bits)
    return low, high


def _least_error(values: np.ndarray, low: float, high: float, bits: int) -> tuple[float, float]:
    """Shrink one end, then the other, by what lessens the mean square error."""
    steps = (1 << bits) - 1
    sample = values.ravel()
    if sample.size > 20000:
        sample = np.random.default_rng(0).choice(sample, 20000, replace=False)

    def error(low: float, high: float) -> float:
        scale = (high - low) / steps
        rounded = np.rint((np.clip(sample, low, high) - low) / scale) * scale + low
        return float(np.square(rounded - sample).mean())

    middle = float(np.median(sample))
    shares = np.linspace(1.0, 0.3, 29)
    best = min(shares, key=lambda share: error(low, middle + (high - middle) * share)
               if high > middle else 0.0)
    high = middle + (high - middle) * best if high > middle else high
    best = min(shares, key=lambda share: error(middle - (middle - low) * share, high)
               if low < middle else 0.0)
    low = middle - (middle - low) * best if low < middle else low
    return low, high
