# SPDX-License-Identifier: GPL-2.0-only
"""Thresholds are the greatest integer that scikit-learn sends left."""

import math
import random

import numpy as np
import pytest

from kernmlops.threshold import S64_MAX, S64_MIN, goes_left, greatest_left


def check(threshold):
    greatest = greatest_left(threshold)
    if greatest is None:
        assert not goes_left(S64_MIN, threshold)
        return
    assert goes_left(greatest, threshold)
    assert greatest == S64_MAX or not goes_left(greatest + 1, threshold)


@pytest.mark.parametrize("threshold, greatest", [
    (0.5, 0), (-0.5, -1), (0.0, 0), (-0.0, 0), (7.0, 7), (6.999999, 6),
    # In float32, 2**24 + 1 is 2**24, and 2**24 + 5 is 2**24 + 4.
    (2.0**24, 2**24 + 1), (2.0**24 + 2, 2**24 + 2), (-(2.0**24), -(2**24)),
    (2.0**24 + 4, 2**24 + 5), (1e-320, 0), (-1e-320, -1),
    (2.0**63, S64_MAX), (math.nextafter(2.0**63, 0), 2**63 - 2**38 - 1),
    (1e300, S64_MAX), (math.inf, S64_MAX),
    (-(2.0**63), S64_MIN + 2**38), (math.nextafter(-(2.0**63), -math.inf), None),
    (-1e300, None), (-math.inf, None),
])
def test_known(threshold, greatest):
    assert greatest_left(threshold) == greatest
    check(threshold)


def test_random():
    rng = random.Random(1)
    for _ in range(3000):
        check(math.ldexp(rng.uniform(-1, 1), rng.randrange(-3, 66)))
        # What scikit-learn makes: the middle of two float32 values.
        value = np.float32(rng.getrandbits(63) >> rng.randrange(63)) * rng.choice((-1, 1))
        check(float(value) / 2 + float(np.nextafter(value, np.float32(np.inf))) / 2)


def test_order_survives_the_cast():
    values = np.sort(np.random.default_rng(2).integers(S64_MIN, S64_MAX, 20000, np.int64))
    assert (np.diff(values.astype(np.float32)) >= 0).all()


def test_scalar_and_array_casts_round_alike():
    values = np.random.default_rng(3).integers(S64_MIN, S64_MAX, 5000, np.int64)
    scalar = [np.int64(value).astype(np.float32) for value in values.tolist()]
    assert (values.astype(np.float32) == scalar).all()


def test_nan():
    with pytest.raises(ValueError, match="not a number"):
        greatest_left(math.nan)
