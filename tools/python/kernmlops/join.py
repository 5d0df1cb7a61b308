# SPDX-License-Identifier: GPL-2.0-only
"""Features as they were known when a decision was made.

The answer for a key and a time is the row that the kernel's read as of that time
gives (``kmlopsctl store get NAME key K at T``): the latest of the key that was
captured at or before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Sequence

import numpy as np

from .rows import Rows

if TYPE_CHECKING:
    import pandas

NONE = -1


class LeakError(ValueError):
    """A join that would tell a model what it is to predict."""


def asof_join(label: Rows | pandas.DataFrame, features: Rows | pandas.DataFrame,
              on: str | Sequence[str], tolerance: int | None = None, *,
              at: str = "time", before: bool = False,
              prefix: str | None = None) -> pandas.DataFrame:
    """Each label row beside the latest row of features of its key.

    label, features: `Rows`, or DataFrames with a column time in nanoseconds.
    on: the column, or columns, of the key; in both.
    tolerance: features that are older, in nanoseconds, are not taken.
    at: the column of `label` that says when the decision was made. A label that
        is captured with an outcome is later than that: without the time of the
        decision, features would be taken that nobody knew then.
    before: only features captured strictly before that time, for stores that are
        captured by the same event as the label.
    prefix: before the names of the features' columns; without it, names that
        both have get ``_feature`` behind them.

    The result has the rows and index of `label`, the features' columns but the
    key, and feature_age in nanoseconds. Where there is no such row they are
    missing (pandas.NA), never filled in.

    Raises LeakError if a label row is joined with itself.
    """
    import pandas as pd

    keys = [on] if isinstance(on, str) else list(on)
    left, right = _frame(label), _frame(features)
    for name, frame, columns in (("label", left, [*keys, at]), ("features", right,
                                                                [*keys, "time"])):
        for column in columns:
            if column not in frame:
                raise KeyError(f"{name} has no column {column}")
    times, seen = _times(left[at], at), _times(right["time"], "time")
    found = _latest([(np.asarray(left[key]), np.asarray(right[key])) for key in keys],
                    times, seen, before)
    if tolerance is not None:
        known = found != NONE
        late = times[known] - seen[found[known]] > np.uint64(tolerance)
        found[np.flatnonzero(known)[late]] = NONE
    _refuse_leak(label, features, left, right, found)

    there = found != NONE
    taken = right.drop(columns=keys).take(np.where(there, found, 0)) if len(right) else \
        right.drop(columns=keys).reindex(range(len(left)))
    taken.index = left.index
    if prefix is not None:
        taken = taken.add_prefix(prefix)
    else:
        taken = taken.rename(columns={name: f"{name}_feature" for name in taken if name in left})
    age = np.zeros(len(left), np.uint64)
    age[there] = times[there] - seen[found[there]]
    taken["feature_age"] = age
    if not there.all():
        # Types that know what is missing: a float would round an integer.
        taken = taken.convert_dtypes(convert_string=False, convert_integer=True,
                                     convert_floating=True)
        taken[~there] = pd.NA
    joined = pd.concat([left, taken], axis=1)
    joined.attrs = dict(left.attrs)
    return joined


def _frame(data: Any) -> Any:
    return data.to_pandas() if isinstance(data, Rows) else data


def _times(column: Any, name: str) -> np.ndarray:
    times = np.asarray(column)
    if times.dtype.kind not in "iu":
        raise TypeError(f"column {name} is {times.dtype}, times are integers, in nanoseconds")
    return times.astype(np.uint64)


def _codes(pairs: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """The keys of both sides as numbers from 0."""
    nr = len(pairs[0][0])
    codes = np.zeros(nr + len(pairs[0][1]), np.int64)
    for left, right in pairs:
        if left.dtype.kind in "iu" and right.dtype.kind in "iu" and left.dtype != right.dtype:
            left, right = left.astype(object), right.astype(object)     # s64 and u64
        _, part = np.unique(np.concatenate([left, right]), return_inverse=True)
        _, codes = np.unique(codes * (int(part.max(initial=0)) + 1) + part, return_inverse=True)
    return codes[:nr], codes[nr:]


def _latest(pairs: list[tuple[np.ndarray, np.ndarray]], times: np.ndarray, seen: np.ndarray,
            before: bool) -> np.ndarray:
    """For each time the position of the latest row of the key that was seen at
    or before it, or NONE. Of rows of one time it is the last that was given."""
    wanted, known = _codes(pairs)
    if not len(seen):
        return np.full(len(times), NONE)
    # Key and time as one number that sorts by both: times by their rank.
    moments, rank = np.unique(seen, return_inverse=True)
    base = len(moments) + 1
    sort = np.lexsort((seen, known))
    places = known[sort] * base + rank[sort] + 1
    upto = np.searchsorted(moments, times, "left" if before else "right")
    at = np.searchsorted(places, wanted * base + upto, "right") - 1
    found = sort[np.maximum(at, 0)]
    return np.where((at >= 0) & (known[found] == wanted), found, NONE)


def _refuse_leak(label: Any, features: Any, left: Any, right: Any, found: np.ndarray) -> None:
    """A row is known by its store and its number there."""
    stores = [data.store if isinstance(data, Rows) else data.attrs.get("store")
              for data in (label, features)]
    if stores[0] is None or stores[0] != stores[1] or "seq" not in left or "seq" not in right:
        return
    there = found != NONE
    same = np.asarray(left["seq"])[there] == np.asarray(right["seq"])[found[there]]
    if same.any():
        raise LeakError(f"{int(same.sum())} label rows of store {stores[0]} are joined with "
                        "themselves: their outcome would be a feature; use before=True, or "
                        "at= the time of the decision")
