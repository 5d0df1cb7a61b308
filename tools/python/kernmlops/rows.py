# SPDX-License-Identifier: GPL-2.0-only
"""Rows of a feature store, in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping, Sequence

import numpy as np

if TYPE_CHECKING:
    import pandas
    import torch

TYPES = {
    "u8": "u1", "u16": "<u2", "u32": "<u4", "u64": "<u8",
    "s8": "i1", "s16": "<i2", "s32": "<i4", "s64": "<i8",
    "bool": "?", "f32": "<f4", "f64": "<f8",
}

POS_BITS = 52           # of seq: below the CPU, see uapi/linux/kernmlops_row.h

GAP = np.dtype([("cpu", "<u4"), ("rows", "<u8"), ("after_seq", "<u8"), ("after", "<u8"),
                ("before", "<u8")])


class ExportError(ValueError):
    """An export that cannot be read; the message names the file and says why."""


def row_dtype(meta: dict[str, Any]) -> np.dtype:
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


def retyped(values: np.ndarray, dtype: np.dtype | str) -> np.ndarray:
    """Integers in another type; not copied if it is as wide."""
    dtype = np.dtype(dtype)
    if values.dtype.kind in "iu" and dtype.kind in "iu" and \
            values.dtype.itemsize == dtype.itemsize:
        return values.view(dtype)
    return values.astype(dtype, copy=False)


class Rows:
    """Rows of a feature store, in order of time.

    `data` is a structured array, or a dict with an array for each column:
    strings as bytes, array fields with two dimensions. `meta` is what
    ``kmlopsctl store export`` says of them.
    """

    def __init__(self, data: np.ndarray | Mapping[str, np.ndarray], meta: dict[str, Any]):
        self._records = data if isinstance(data, np.ndarray) else None
        names = data.dtype.names if isinstance(data, np.ndarray) else data
        self._columns = {name: data[name] for name in names}
        self.meta = meta

    @property
    def columns(self) -> list[str]:
        """Names of the columns: time, seq, the key, the value."""
        return list(self._columns)

    def __getitem__(self, name: str) -> np.ndarray:
        """A column, not copied."""
        return self._columns[name]

    @property
    def store(self) -> str | None:
        """Name of the store that the rows are from."""
        return self.meta.get("store", {}).get("name")

    @property
    def keys(self) -> list[str]:
        """Names of the columns that are the key."""
        return [column["name"] for column in self.meta["columns"]
                if column.get("origin") == "key"]

    @property
    def units(self) -> dict[str, str]:
        """Units of the columns that have one."""
        return {column["name"]: column["unit"]
                for column in self.meta["columns"] if column.get("unit")}

    @property
    def lost(self) -> int:
        """Rows that the export could not read, as they were overwritten meanwhile."""
        return int(self.meta.get("lost", 0))

    def gaps(self) -> np.ndarray:
        """Which rows are missing between those that are there.

        The rows of a CPU are numbered, so each gap in the numbers is so many
        rows that were overwritten before they were read, or dropped when they
        were captured: a structured array of cpu, rows, after_seq (the row
        before the gap), and the times `after` and `before` of the rows on
        both sides of it. Rows before the first of a CPU do not count.
        """
        seq = self["seq"]
        order = np.argsort(seq, kind="stable")
        seq, time = seq[order], self["time"][order]
        step = np.diff(seq)
        same = (seq[1:] >> np.uint64(POS_BITS)) == (seq[:-1] >> np.uint64(POS_BITS))
        at = np.flatnonzero(same & (step > 1))
        gaps = np.empty(len(at), GAP)
        gaps["cpu"] = seq[at] >> np.uint64(POS_BITS)
        gaps["rows"] = step[at] - np.uint64(1)
        gaps["after_seq"] = seq[at]
        gaps["after"], gaps["before"] = time[at], time[at + 1]
        return gaps[np.argsort(gaps["after"], kind="stable")]

    # ---- as arrays

    def to_numpy(self) -> np.ndarray:
        """The rows as a structured array; of an NPY file, without a copy."""
        if self._records is None:
            dtype = np.dtype([(name, column.dtype, column.shape[1:])
                              for name, column in self._columns.items()])
            self._records = np.empty(len(self), dtype)
            for name, column in self._columns.items():
                self._records[name] = column
        return self._records

    def flat_columns(self, names: Sequence[str] | None = None) -> dict[str, np.ndarray]:
        """Columns of one dimension: an array field as one per element, NAME_0
        and so on. `names` picks some, each a field or an element."""
        flat: dict[str, np.ndarray] = {}
        for name, column in self._columns.items():
            parts = {name: column} if column.ndim == 1 else {
                f"{name}_{i}": column[:, i] for i in range(column.shape[1])}
            flat.update({part: values for part, values in parts.items()
                         if names is None or name in names or part in names})
        for name in names or ():
            if name not in self._columns and name not in flat:
                raise KeyError(f"there is no column {name}; "
                               f"there are: {', '.join(self.flat_columns())}")
        return flat

    def to_pandas(self) -> pandas.DataFrame:
        """The rows as a DataFrame; columns of numbers are not copied.

        They are read-only if the file is mapped. An array field becomes one
        column per element, NAME_0 and so on; a string field becomes str.
        `attrs` has the store's name, the clock, the units and the lost rows.
        """
        import pandas as pd

        frame = pd.DataFrame({name: strings(column) if column.dtype.kind == "S" else column
                              for name, column in self.flat_columns().items()}, copy=False)
        frame.attrs = {
            "store": self.store,
            "clock": self.meta.get("clock"),
            "units": self.units,
            "lost": self.lost,
        }
        return frame

    def to_torch(self, columns: Sequence[str] | None = None,
                 dtype: torch.dtype | None = None) -> dict[str, torch.Tensor] | torch.Tensor:
        """Tensors: one for each column of numbers, or one matrix of `columns`.

        Unsigned integers, which torch lacks, become the next wider type; u64
        becomes int64, values from 2**63 on are refused. The matrix is int64
        where all columns are integers, else float64; `dtype` asks for another.
        """
        import torch

        flat = {name: column for name, column in self.flat_columns(columns).items()
                if columns is not None or column.dtype.kind != "S"}
        tensors = {name: torch.from_numpy(_signed(name, column)) for name, column in flat.items()}
        if columns is None:
            return tensors if dtype is None else {
                name: tensor.to(dtype) for name, tensor in tensors.items()}
        if dtype is None:
            whole = not any(tensor.is_floating_point() for tensor in tensors.values())
            dtype = torch.int64 if whole else torch.float64
        return torch.stack([tensor.to(dtype) for tensor in tensors.values()], dim=1)

    # ---- interchange

    def __dataframe__(self, nan_as_null: bool = False, allow_copy: bool = True) -> Any:
        """The DataFrame interchange protocol; through pandas."""
        return self.to_pandas().__dataframe__(nan_as_null, allow_copy)

    def __arrow_c_schema__(self) -> Any:
        """The Arrow PyCapsule protocol: the schema."""
        from .arrow_c import schema_capsule

        return schema_capsule(self)

    def __arrow_c_array__(self, requested_schema: Any = None) -> tuple[Any, Any]:
        """The Arrow PyCapsule protocol: all rows as one struct array."""
        from .arrow_c import array_capsule, schema_capsule

        return schema_capsule(self), array_capsule(self)

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """The Arrow PyCapsule protocol: the rows in batches."""
        from .arrow_c import stream_capsule

        return stream_capsule(self)

    def __len__(self) -> int:
        return len(self._columns["time"]) if "time" in self._columns else \
            len(next(iter(self._columns.values()), ()))

    def __repr__(self) -> str:
        span = ""
        if len(self):
            seconds = (int(self["time"][-1]) - int(self["time"][0])) / 1e9
            span = f" over {seconds:.3f} s"
        return (f"<kernmlops.Rows: {len(self)} rows of store {self.store or '?'}{span}, "
                f"columns {', '.join(self.columns)}>")


def strings(column: np.ndarray) -> list[str]:
    """Strings end at the first NUL; what is not UTF-8 is kept as escapes."""
    return [value.partition(b"\0")[0].decode("utf-8", "backslashreplace")
            for value in column.tolist()]


def _signed(name: str, column: np.ndarray) -> np.ndarray:
    """The column in a type that torch has; not copied where it has it already."""
    if column.dtype.kind == "S":
        raise TypeError(f"column {name} is of strings, a tensor is of numbers")
    if column.dtype.kind == "u" and column.dtype.itemsize > 1:
        if column.dtype.itemsize == 8:
            if len(column) and column.max() >= 2 ** 63:
                raise ValueError(f"column {name} has the value {column.max()}, "
                                 "which does not fit int64")
            column = column.view("<i8")
        else:
            column = column.astype(f"<i{2 * column.dtype.itemsize}")
    if not column.flags.writeable or any(stride % column.dtype.itemsize
                                         for stride in column.strides):
        column = column.copy()      # torch can neither protect nor stride it
    return column
