# SPDX-License-Identifier: GPL-2.0-only
"""Exports of a feature store as arrays and DataFrames.

``kmlopsctl store export NAME file F`` writes the rows into F and what they
mean into F.meta.json; `read` takes both.
"""

from __future__ import annotations

import csv
import json
import os
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas

TYPES = {
    "u8": "u1", "u16": "<u2", "u32": "<u4", "u64": "<u8",
    "s8": "i1", "s16": "<i2", "s32": "<i4", "s64": "<i8",
    "bool": "?", "f32": "<f4", "f64": "<f8",
}


class ExportError(ValueError):
    """An export that cannot be read; the message names the file and says why."""


class Rows:
    """Rows of a feature store, in order of time."""

    def __init__(self, rows: np.ndarray, meta: dict[str, Any]):
        self._rows = rows
        self.meta = meta

    @property
    def columns(self) -> list[str]:
        """Names of the columns: time, seq, the key, the value."""
        return list(self._rows.dtype.names)

    @property
    def units(self) -> dict[str, str]:
        """Units of the columns that have one."""
        return {column["name"]: column["unit"]
                for column in self.meta["columns"] if column.get("unit")}

    @property
    def lost(self) -> int:
        """Rows that the export could not read, as they were overwritten meanwhile."""
        return int(self.meta.get("lost", 0))

    def to_numpy(self) -> np.ndarray:
        """The rows as a structured array, without a copy."""
        return self._rows

    def to_pandas(self) -> pandas.DataFrame:
        """The rows as a DataFrame; columns of numbers are not copied.

        They are read-only if the file is mapped. An array field becomes one
        column per element, NAME_0 and so on; a string field becomes str.
        `attrs` has the store's name, the clock, the units and the lost rows.
        """
        import pandas as pd

        columns: dict[str, Any] = {}
        for name in self.columns:
            column = self._rows[name]
            if column.dtype.kind == "S":
                columns[name] = _strings(column)
            elif column.ndim > 1:
                for i in range(column.shape[1]):
                    columns[f"{name}_{i}"] = column[:, i]
            else:
                columns[name] = column
        frame = pd.DataFrame(columns, copy=False)
        frame.attrs = {
            "store": self.meta.get("store", {}).get("name"),
            "clock": self.meta.get("clock"),
            "units": self.units,
            "lost": self.lost,
        }
        return frame

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        store = self.meta.get("store", {}).get("name", "?")
        span = ""
        if len(self):
            seconds = (int(self._rows["time"][-1]) - int(self._rows["time"][0])) / 1e9
            span = f" over {seconds:.3f} s"
        return (f"<kernmlops.Rows: {len(self)} rows of store {store}{span}, "
                f"columns {', '.join(self.columns)}>")


def read(path: str | os.PathLike[str]) -> Rows:
    """Read an export: a .npy, .csv or .jsonl file with its .meta.json beside it.

    A .npy file is mapped, not loaded: opening one is instant, whatever its
    size. Raises FileNotFoundError or ExportError.
    """
    path = os.fspath(path)
    if not os.path.exists(path):
        raise FileNotFoundError(f"{path}: there is no such file")
    meta = _meta(path)
    readers = {"npy": _read_npy, "csv": _read_csv, "jsonl": _read_jsonl}
    suffix = path.rpartition(".")[2]
    kind = suffix if suffix in readers else meta.get("format")
    if kind not in readers:
        raise ExportError(f"{path}: cannot read format {kind}, only {', '.join(readers)}")
    rows = readers[kind](path, meta)
    if len(rows) != meta["rows"]:
        raise ExportError(f"{path}: has {len(rows)} rows, its .meta.json says {meta['rows']}: "
                          "the file is truncated, or belongs to another export")
    return Rows(rows, meta)


def _meta(path: str) -> dict[str, Any]:
    name = f"{path}.meta.json"
    try:
        with open(name, encoding="utf-8") as file:
            meta = json.load(file)
    except FileNotFoundError:
        raise ExportError(f"{name}: there is no such file; kmlopsctl store export writes it, "
                          f"keep it beside {os.path.basename(path)}") from None
    except ValueError as error:
        raise ExportError(f"{name}: this is not JSON ({error})") from None
    for key in ("columns", "rows"):
        if not isinstance(meta, dict) or key not in meta:
            raise ExportError(f"{name}: there is no entry {key}; this describes no export")
    return meta


def _read_npy(path: str, meta: dict[str, Any]) -> np.ndarray:
    with open(path, "rb") as file:
        try:
            version = np.lib.format.read_magic(file)
            header = (np.lib.format.read_array_header_1_0 if version == (1, 0)
                      else np.lib.format.read_array_header_2_0)
            shape, _, dtype = header(file, max_header_size=1 << 20)
        except ValueError as error:
            raise ExportError(f"{path}: the NPY header cannot be read ({error})") from None
        offset = file.tell()
    if dtype.names is None or len(shape) != 1:
        raise ExportError(f"{path}: this is an array of {dtype}, not of rows")
    expected = offset + shape[0] * dtype.itemsize
    size = os.path.getsize(path)
    if size != expected:
        what = "truncated" if size < expected else "followed by other data"
        raise ExportError(f"{path}: the file is {what}: it has {size} bytes, "
                          f"{shape[0]} rows of {dtype.itemsize} bytes end at {expected}")
    names = [column["name"] for column in meta["columns"]]
    if list(dtype.names) != names:
        raise ExportError(f"{path}: the columns are not those of its .meta.json")
    if not shape[0]:        # an empty file cannot be mapped
        return np.empty(0, dtype)
    return np.asarray(np.memmap(path, dtype, "r", offset, shape))


def _dtype(meta: dict[str, Any]) -> np.dtype:
    """The type of a row, from its description; without padding."""
    fields: list[Any] = []
    for column in meta["columns"]:
        count = int(column.get("count", 1))
        if column["type"] == "char":
            fields.append((column["name"], f"S{count}"))
        elif column["type"] not in TYPES:
            raise ExportError(f"column {column['name']} has unknown type {column['type']}")
        elif count > 1:
            fields.append((column["name"], TYPES[column["type"]], (count,)))
        else:
            fields.append((column["name"], TYPES[column["type"]]))
    return np.dtype(fields)


def _read_csv(path: str, meta: dict[str, Any]) -> np.ndarray:
    dtype = _dtype(meta)
    with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
        lines = csv.reader(file)
        header = next(lines, [])
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


def _read_jsonl(path: str, meta: dict[str, Any]) -> np.ndarray:
    dtype = _dtype(meta)
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


def _strings(column: np.ndarray) -> list[str]:
    """Strings end at the first NUL; what is not UTF-8 is kept as escapes."""
    return [value.partition(b"\0")[0].decode("utf-8", "backslashreplace")
            for value in column.tolist()]
