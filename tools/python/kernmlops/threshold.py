# SPDX-License-Identifier: GPL-2.0-only
"""Thresholds of trees: from the trainer's floats to exact integers.

A trainer transforms an input, casts it to its own float type, and compares it
with the node's threshold. The kernel compares s64 with s64. Neither transform
nor cast changes the order of two integers, so those that go left are all up to
one greatest: that one is the kernel's threshold. Rounding the float down is
not it: 2**24 + 1 becomes 2**24 in float32, and goes left at that threshold.
"""

from __future__ import annotations

from typing import Callable

import numpy as np

from .fixed_point import S64_MIN

Test = Callable[[np.ndarray], np.ndarray]

_SIGN = np.uint64(1 << 63)


def _ordered(values: np.ndarray) -> np.ndarray:
    """s64 as u64 of the same order, and back."""
    return values.view(np.uint64) ^ _SIGN


def greatest_left(goes_left: Test, nr: int, least: int = S64_MIN) -> tuple[np.ndarray, np.ndarray]:
    """By bisection, the greatest s64 that goes left at each of `nr` nodes.

    goes_left: takes an s64 for each node, and tells which go left.
    least: the least input that there can be.

    Returns these integers, and at which nodes there is one.
    """
    low = _ordered(np.full(nr, least, np.int64))
    high = np.full(nr, np.uint64((1 << 64) - 1))
    some = goes_left(_ordered(low).view(np.int64))
    while (low < high).any():
        middle = high - (high - low) // np.uint64(2)
        left = goes_left(_ordered(middle).view(np.int64))
        low = np.where(left, middle, low)
        high = np.where(left, high, np.maximum(middle, np.uint64(1)) - np.uint64(1))
        high = np.maximum(high, low)
    return _ordered(low).view(np.int64), some
