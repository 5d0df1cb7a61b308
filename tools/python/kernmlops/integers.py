# SPDX-License-Identifier: GPL-2.0-only
"""Input matrices as the kernel sees them: s64, one row per inference."""

from __future__ import annotations

from typing import Any

import numpy as np


def as_s64(X: Any, names: list[str] | None = None) -> np.ndarray:
    """A matrix as s64; raises ValueError unless every value is such an integer.

    Columns of a DataFrame are picked by `names`, of anything else by position.
    Floats are taken if they are whole numbers: pandas turns integers into
    floats where rows are missing.
    """
    if hasattr(X, "columns"):
        columns = list(X.columns) if names is None else names
        missing = [name for name in columns if name not in X.columns]
        if missing:
            raise ValueError(f"there is no column {missing[0]}")
        # One column at a time: pandas would make u64 beside s32 a float.
        data = [np.asarray(X[name]) for name in columns]
        shape = len(X), len(columns)
    else:
        matrix = np.asarray(X)
        if matrix.ndim != 2:
            raise ValueError(f"X must have two dimensions, rows and inputs, not {matrix.ndim}")
        columns = names if names is not None else [str(i) for i in range(matrix.shape[1])]
        data = list(matrix.T)
        shape = matrix.shape
    if len(data) != len(columns):
        raise ValueError(f"X has {len(data)} columns, the model has {len(columns)} inputs")

    result = np.empty(shape, np.int64)
    for i, (name, column) in enumerate(zip(columns, data)):
        result[:, i] = _column(column, str(name))
    return result


def _column(column: np.ndarray, name: str) -> np.ndarray:
    if column.dtype.kind in "bi":
        return column
    if column.dtype.kind == "u":
        if len(column) and column.max() > np.iinfo(np.int64).max:
            raise ValueError(f"column {name} has the value {column.max()}, "
                             "which does not fit 64 bits with a sign")
        return column.astype(np.int64)
    if column.dtype.kind == "O":
        if not all(isinstance(v, (int, np.integer)) for v in column):
            raise ValueError(f"column {name} has values that are not integers")
        try:
            return column.astype(np.int64)
        except OverflowError:
            raise ValueError(f"column {name} has values beyond 64 bits") from None
    if column.dtype.kind != "f":
        raise ValueError(f"column {name} has type {column.dtype}, not an integer type")
    if np.isnan(column).any():
        raise ValueError(f"column {name} has values that are not a number (NaN)")
    whole = np.trunc(column)
    if (whole != column).any():
        raise ValueError(f"column {name} has the value {column[whole != column][0]}; "
                         "the kernel computes with integers: scale and round it first")
    if ((column < -2.0 ** 63) | (column >= 2.0 ** 63)).any():
        raise ValueError(f"column {name} has values beyond 64 bits")
    return column.astype(np.int64)
