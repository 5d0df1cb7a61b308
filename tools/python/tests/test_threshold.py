# SPDX-License-Identifier: GPL-2.0-only
"""Thresholds are the greatest integer that the trainer sends left."""

import math
import random

import numpy as np
import pytest

from kernmlops.fixed_point import S64_MAX, S64_MIN
from kernmlops.threshold import greatest_left


def test_of(thresholds, cast=np.float32, compare=np.less_equal):
    thresholds = np.asarray(thresholds, np.float64)
    return lambda x: compare(x.astype(cast), thresholds)


setattr(test_of, "__test__", False)


def check(thresholds, **how):
    goes_left = test_of(thresholds, **how)
    greatest, some = greatest_left(goes_left, len(thresholds))
    assert (some == goes_left(np.full(len(thresholds), S64_MIN))).all()
    assert (goes_left(greatest) == some).all()
    at_end = greatest == S64_MAX
    beyond = goes_left(np.where(at_end, S64_MAX, greatest + (~at_end)))
    assert (at_end | ~some | ~beyond).all()
    return [value if any_left else None for value, any_left in zip(greatest.tolist(), some)]


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
    assert check([threshold]) == [greatest]


@pytest.mark.parametrize("threshold, greatest", [
    (0.5, 0), (7.0, 6), (2.0**24, 2**24 - 1), (2.0**24 + 2, 2**24 + 1),
    (2.0**24 + 4, 2**24 + 2), (math.inf, S64_MAX), (-(2.0**63), None), (-math.inf, None),
])
def test_known_of_xgboost(threshold, greatest):
    assert check([threshold], compare=np.less) == [greatest]


@pytest.mark.parametrize("threshold, greatest", [
    (0.5, 0), (7.0, 7), (2.0**53, 2**53 + 1), (2.0**53 - 1, 2**53 - 1), (math.inf, S64_MAX),
    (2.0**60, 2**60 + 128), (-(2.0**63), S64_MIN + 512),
])
def test_known_of_doubles(threshold, greatest):
    assert check([threshold], cast=np.float64) == [greatest]


@pytest.mark.parametrize("cast", [np.float32, np.float64])
@pytest.mark.parametrize("compare", [np.less, np.less_equal])
def test_random(cast, compare):
    rng = random.Random(1)
    thresholds = [math.ldexp(rng.uniform(-1, 1), rng.randrange(-3, 66)) for _ in range(3000)]
    for _ in range(3000):
        # What scikit-learn makes: the middle of two float32 values.
        value = np.float32(rng.getrandbits(63) >> rng.randrange(63)) * rng.choice((-1, 1))
        thresholds.append(float(value) / 2 + float(np.nextafter(value, np.float32(np.inf))) / 2)
    check(thresholds, cast=cast, compare=compare)


def test_domain():
    """A logarithm has no negative arguments."""
    def goes_left(x):
        assert (x >= 0).all()
        return np.log1p(x) <= np.array([math.log(10.5), -1.0])

    greatest, some = greatest_left(goes_left, 2, 0)
    assert greatest.tolist()[0] == 9 and some.tolist() == [True, False]


def test_order_survives_the_cast():
    values = np.sort(np.random.default_rng(2).integers(S64_MIN, S64_MAX, 20000, np.int64))
    assert (np.diff(values.astype(np.float32)) >= 0).all()
