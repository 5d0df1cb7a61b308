# SPDX-License-Identifier: GPL-2.0-only
"""Thresholds of trees: from the trainer's floats to exact integers.

scikit-learn casts an input to float32 and goes left if it is <= the node's
threshold, a float64. The kernel compares s64 with s64. The cast never changes
the order of two integers, so the integers that go left are all those up to
one greatest: that one is the kernel's threshold. Rounding the float down is
not it: 2**24 + 1 becomes 2**24 in float32, and goes left at that threshold.
"""

from __future__ import annotations

import math

import numpy as np

S64_MIN = -(1 << 63)
S64_MAX = (1 << 63) - 1


def goes_left(value: int, threshold: float) -> bool:
    """Whether scikit-learn sends the integer `value` left at `threshold`."""
    # From an int64, as numpy rounds a whole array: once, to nearest even.
    return bool(float(np.int64(value).astype(np.float32)) <= threshold)


def greatest_left(threshold: float) -> int | None:
    """The greatest s64 that scikit-learn sends left; None if it sends none left."""
    if math.isnan(threshold):
        raise ValueError("a threshold is not a number")
    if not goes_left(S64_MIN, threshold):
        return None
    low, high = S64_MIN, S64_MAX
    while low < high:
        middle = (low + high + 1) // 2
        if goes_left(middle, threshold):
            low = middle
        else:
            high = middle - 1
    return low
