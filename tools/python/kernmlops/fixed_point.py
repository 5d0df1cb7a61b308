# SPDX-License-Identifier: GPL-2.0-only
"""The arithmetic of models, to the bit, on arrays of s64.

Documentation/kernmlops/fixed-point.rst is its definition; names here are the
names there.
"""

from __future__ import annotations

import math

import numpy as np

S32_MIN, S32_MAX = -(1 << 31), (1 << 31) - 1
S64_MIN, S64_MAX = -(1 << 63), (1 << 63) - 1

# The sigmoid at the multiples of 1/16 from -8 to 8, 16 fraction bits.
SIGMOID_TABLE = np.array([round(65536 / (1 + math.exp((128 - i) / 16))) for i in range(257)],
                         np.int64)


def type_range(bits: int) -> tuple[int, int]:
    """Least and greatest value of a signed type."""
    return -(1 << bits - 1), (1 << bits - 1) - 1


def log2q4(x: np.ndarray) -> np.ndarray:
    """log2(x + 1) with four fraction bits, 0 to 1008; x is not negative.

    A fit input for layers where numbers span many sizes: ns, bytes, counts.
    The bits after the leading one stand for the fraction.
    """
    x = np.asarray(x)
    if x.dtype.kind not in "biu" or (x.size and x.min() < 0):
        raise ValueError("log2q4 takes integers that are not negative")
    y = x.astype(np.uint64) + np.uint64(1)
    e = np.zeros(y.shape, np.uint64)
    rest = y.copy()
    for step in (32, 16, 8, 4, 2, 1):
        high = rest >> np.uint64(step)
        e += np.where(high > 0, np.uint64(step), np.uint64(0))
        rest = np.where(high > 0, high, rest)
    m = (y << (np.uint64(63) - e)) >> np.uint64(59) & np.uint64(15)
    return (e << np.uint64(4) | m).astype(np.int64)


def requantize(acc: np.ndarray, multiplier: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """acc * multiplier / 2**shift, halves up."""
    return (acc * multiplier + (np.int64(1) << (shift - 1))) >> shift


def sigmoid16(v: np.ndarray) -> np.ndarray:
    """The sigmoid of v / 4096, with 16 fraction bits."""
    u = np.clip(v, -32768, 32767) + 32768
    i, f = u >> 8, u & 255
    return SIGMOID_TABLE[i] + (((SIGMOID_TABLE[i + 1] - SIGMOID_TABLE[i]) * f + 128) >> 8)


def table_sigmoid(v: np.ndarray, bits: int) -> np.ndarray:
    """Activation SIGMOID, with outputs of 8 or 16 bits."""
    t = sigmoid16(v)
    if bits == 8:
        return np.minimum((t + 128) >> 8, 255) - 128
    return np.minimum((t + 1) >> 1, 32767)


def table_tanh(v: np.ndarray, bits: int) -> np.ndarray:
    """Activation TANH: v is twice the argument; outputs of 8 or 16 bits."""
    t = sigmoid16(v) - 32768
    return np.minimum((t + 128) >> 8, 127) if bits == 8 else t


def score_sigmoid(score: np.ndarray, fraction_bits: int) -> np.ndarray:
    """Link SIGMOID: a score as a probability with 16 fraction bits."""
    shift = fraction_bits - 12
    if shift:
        half = 1 << (shift - 1)
        score = np.where(score > S64_MAX - half, S64_MAX,
                         np.minimum(score, S64_MAX - half) + half) >> shift
    return sigmoid16(score)
