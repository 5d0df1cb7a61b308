# SPDX-License-Identifier: GPL-2.0-only
"""CSV and JSON lines."""

from __future__ import annotations

import csv
import json
from typing import Any

import numpy as np

from .rows import ExportError, row_dtype


def read_csv(path: str, meta: dict[str, Any]) -> np.ndarray:
    dtype = row_dtype(meta)
    with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
        lines = csv.reader(file)
        header: list[str] = next(lines, [])
        expected = [text for name in dtype.names for text in _csv_names(dtype, name)]
        if header != expected:
            raise ExportError(f"{path}: the columns are not those of its .meta.json")
        rows = []
        for line in lines:
            if len(line) != len(expected):
                raise ExportError(f"{path}: line {lines.line_num} has {len(line)} values, "
                                  f"not {len(expected)}")
            values = iter(line)
            try:
                rows.append(tuple(
                    _value(dtype[name], [next(values) for _ in _csv_names(dtype, name)])
                    for name in dtype.names))
            except (ValueError, OverflowError) as error:
                raise ExportError(f"{path}: line {lines.line_num}: {error}") from None
    return np.array(rows, dtype)


def _csv_names(dtype: np.dtype, name: str) -> list[str]:
    if not dtype[name].shape:
        return [name]
    return [f"{name}_{i}" for i in range(dtype[name].shape[0])]


def read_jsonl(path: str, meta: dict[str, Any]) -> np.ndarray:
    dtype = row_dtype(meta)
    rows = []
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        for number, line in enumerate(file, 1):
            try:
                row = json.loads(line)
                rows.append(tuple(
                    _value(dtype[name], row[name] if dtype[name].shape else [row[name]])
                    for name in dtype.names))
            except KeyError as error:
                raise ExportError(f"{path}: line {number} has no column {error}") from None
            except (TypeError, ValueError, OverflowError) as error:
                raise ExportError(f"{path}: line {number}: {error}") from None
    return np.array(rows, dtype)


def _value(dtype: np.dtype, texts: list[Any]) -> Any:
    """One column of a row from the text, or JSON values, of its elements."""
    values = [_element(dtype.base, text) for text in texts]
    return values if dtype.shape else values[0]


def _element(dtype: np.dtype, text: Any) -> Any:
    if dtype.kind == "S":
        return str(text).encode("utf-8", "surrogateescape")
    if dtype.kind == "f":
        return float(text)
    if dtype.kind == "b":
        if text in (True, "true", "1"):
            return True
        if text in (False, "false", "0"):
            return False
        raise ValueError(f"{text!r} is neither true nor false")
    value = int(text)
    limits = np.iinfo(dtype)
    if not limits.min <= value <= limits.max:
        raise ValueError(f"{value} does not fit {dtype.name}")
    return value
