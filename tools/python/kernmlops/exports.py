# SPDX-License-Identifier: GPL-2.0-only
"""Reading exports: files, tables of several files, runs, and stores.

See Documentation/kernmlops/data.rst for what a file says of its rows.
"""

from __future__ import annotations

import glob
import json
import os
import re
import tempfile
from typing import Any, Iterator, Mapping

import numpy as np

from .arrow_file import read_arrow
from .npy_file import read_npy
from .parquet_file import read_parquet
from .rows import TYPES, ExportError, Rows, retyped
from .text_file import read_csv, read_jsonl
from .tool import KernelError, run_tool

# Each gives the rows and what the file itself says of them, or None.
READERS: dict[str, Any] = {
    "npy": lambda path, meta: (read_npy(path, meta), None),
    "csv": lambda path, meta: (read_csv(path, meta), None),
    "jsonl": lambda path, meta: (read_jsonl(path, meta), None),
    "arrow": lambda path, meta: read_arrow(path),
    "arrows": lambda path, meta: read_arrow(path),
    "parquet": lambda path, meta: read_parquet(path),
}
SELF_DESCRIBED = ("arrow", "parquet")       # a stream is begun before all is known

STORE_NAME = re.compile(r"[A-Za-z_][\w.-]{0,30}\Z")


class Run(Mapping[str, Rows]):
    """The tables of a directory, by name; each is read when it is asked for.

    `info` is what the directory says of itself in run.json, or empty.
    """

    def __init__(self, path: str, paths: dict[str, str]):
        self.path = path
        self._paths = paths
        self._rows: dict[str, Rows] = {}
        self.info: dict[str, Any] = {}
        name = os.path.join(path, "run.json")
        if os.path.exists(name):
            self.info = _json(name)

    def __getitem__(self, name: str) -> Rows:
        if name not in self._paths:
            raise KeyError(f"{self.path} has no table {name}; "
                           f"there are: {', '.join(self._paths)}")
        if name not in self._rows:
            rows = read(self._paths[name])
            assert isinstance(rows, Rows)
            self._rows[name] = rows
        return self._rows[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)

    def __repr__(self) -> str:
        return f"<kernmlops.Run {self.path}: {', '.join(self._paths)}>"


def read(source: str | os.PathLike[str]) -> Any:
    """Rows of an export, tables of a run, or the rows that a store has now.

    source: a file that ``kmlopsctl store export`` wrote; a directory of files
        of one table; a directory of tables, which gives a `Run`; or the name of
        a store in the kernel, which is exported to a temporary file first (as
        root).

    An NPY file is mapped, not loaded: opening one is instant, whatever its
    size. Raises FileNotFoundError, ExportError or KernelError.
    """
    path = os.fspath(source)
    if os.path.isdir(path):
        return _read_directory(path)
    if os.path.exists(path):
        return _read_file(path)
    if STORE_NAME.match(path) and path.rpartition(".")[2] not in READERS:
        return read_store(path)
    raise FileNotFoundError(f"{path}: there is no such file")


def read_store(name: str) -> Rows:
    """The rows that a store in the kernel has now."""
    with tempfile.TemporaryDirectory(prefix="kernmlops-") as directory:
        path = os.path.join(directory, "rows.npy")
        try:
            run_tool("store", "export", name, "file", path)
        except KernelError as error:
            if error.code == 127:
                raise FileNotFoundError(f"{name}: there is no such file, and for a store of "
                                        f"that name {error}") from None
            raise
        return _read_file(path)     # it stays mapped when its name is gone


def _json(path: str) -> dict[str, Any]:
    try:
        with open(path, encoding="utf-8") as file:
            meta = json.load(file)
    except ValueError as error:
        raise ExportError(f"{path}: this is not JSON ({error})") from None
    return _described(path, meta) if not path.endswith("run.json") else meta


def _described(path: str, meta: Any) -> dict[str, Any]:
    for key in ("columns", "rows"):
        if not isinstance(meta, dict) or key not in meta:
            raise ExportError(f"{path}: there is no entry {key}; this describes no export")
    return meta


def _meta(path: str) -> dict[str, Any]:
    name = f"{path}.meta.json"
    try:
        return _json(name)
    except FileNotFoundError:
        raise ExportError(f"{name}: there is no such file; kmlopsctl store export writes it, "
                          f"keep it beside {os.path.basename(path)}") from None


def _kind(path: str, meta: dict[str, Any] | None) -> str:
    suffix = path.rpartition(".")[2]
    kind = suffix if suffix in READERS else str((meta or {}).get("format", suffix))
    if kind not in READERS:
        raise ExportError(f"{path}: cannot read format {kind}, only {', '.join(READERS)}")
    return kind


def _checked(path: str, data: Any, meta: dict[str, Any]) -> Rows:
    rows = Rows(data, meta)
    if len(rows) != meta["rows"]:
        raise ExportError(f"{path}: has {len(rows)} rows, its description says {meta['rows']}: "
                          "the file is truncated, or belongs to another export")
    return rows


def _read_file(path: str) -> Rows:
    meta = _meta(path) if os.path.exists(f"{path}.meta.json") else None
    if meta is None and path.rpartition(".")[2] not in SELF_DESCRIBED:
        meta = _meta(path)      # says what is missing
    data, about = READERS[_kind(path, meta)](path, meta)
    if meta is None:
        meta = _described(path, about)
    if isinstance(data, dict):
        data = _as_declared(path, data, meta)
    return _checked(path, data, meta)


def _as_declared(path: str, columns: dict[str, np.ndarray],
                 meta: dict[str, Any]) -> dict[str, np.ndarray]:
    """Columns of Arrow and Parquet in the types of the store: these formats have
    the time with a sign, and Parquet splits arrays and widens integers."""
    declared: dict[str, np.ndarray] = {}
    for column in meta["columns"]:
        name, count = column["name"], int(column.get("count", 1))
        try:
            if column["type"] == "char" or count == 1 or name in columns:
                values = columns[name]
            else:
                values = np.stack([columns[f"{name}_{i}"] for i in range(count)], axis=1)
        except KeyError as error:
            raise ExportError(f"{path}: there is no column {error.args[0]}, which its "
                              "description has") from None
        if column["type"] == "char":
            # Where bytes were replaced, a string may be longer than its field.
            values = values.astype(f"S{max(count, values.dtype.itemsize)}", copy=False)
        else:
            values = retyped(values, TYPES[column["type"]])
        declared[name] = values
    return declared


# ---- directories

def _parts(path: str) -> list[str]:
    return sorted(part for part in glob.glob(os.path.join(glob.escape(path), "part-*"))
                  if part.rpartition(".")[2] in READERS)


def _read_directory(path: str) -> Any:
    name = os.path.join(path, "_meta.json")
    if os.path.exists(name) or _parts(path):
        return _read_parts(path, _json(name) if os.path.exists(name) else None)
    tables = {}
    for entry in sorted(os.listdir(path)):
        inner = os.path.join(path, entry)
        if os.path.isdir(inner) and (_parts(inner) or
                                     os.path.exists(os.path.join(inner, "_meta.json"))):
            tables[entry] = inner
        elif os.path.exists(f"{inner}.meta.json"):
            tables[entry.rpartition(".")[0] or entry] = inner
    if not tables:
        raise ExportError(f"{path}: there is no export in this directory")
    return Run(path, tables)


def _read_parts(path: str, meta: dict[str, Any] | None) -> Rows:
    """One table of several files. Without its description the export was not
    completed: what there is of it can be read if its files describe themselves."""
    parts = _parts(path)
    tables = []
    for part in parts:
        data, about = READERS[_kind(part, meta)](part, meta)
        if meta is None and about is None:
            raise ExportError(f"{path}: there is no _meta.json: the export was not completed, "
                              "and its files do not describe themselves")
        if isinstance(data, dict):
            data = _as_declared(part, data, meta or _described(part, about))
        tables.append((data, about))
    if meta is None:
        last = _described(parts[-1], tables[-1][1])
        meta = last | {"rows": sum(len(next(iter(data.values()))) for data, _ in tables)}
    if not tables:
        raise ExportError(f"{path}: the files are missing that its _meta.json describes")
    data = tables[0][0]
    if len(tables) > 1 and isinstance(data, dict):
        data = {name: np.concatenate([table[name] for table, _ in tables]) for name in data}
    elif len(tables) > 1:
        data = np.concatenate([table for table, _ in tables])
    return _checked(path, data, meta)
