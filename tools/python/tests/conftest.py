# SPDX-License-Identifier: GPL-2.0-only
"""What the tests share: an export as kmlopsctl writes it."""

import json
import os

# The data is small: more threads only wait for each other. Before numpy is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np  # noqa: E402
import pytest  # noqa: E402


@pytest.fixture
def export(tmp_path):
    """Writes an export: a function of columns, values and format; returns its path.

    Columns are (name, type, count, unit, origin); the row is laid out as the
    kernel packs it, with key and value each padded to 8 bytes.
    """
    def write(columns, rows, form="npy", changes={}):
        path = tmp_path / f"store.{form}"
        meta = {
            "store": {"name": "store"},
            "columns": [{"name": n, "type": t, "count": c, "unit": u, "origin": o}
                        for n, t, c, u, o in columns],
            "clock": "CLOCK_MONOTONIC", "rows": len(rows), "lost": 0,
            "format": form, "file": path.name,
        } | changes
        path.with_name(path.name + ".meta.json").write_text(json.dumps(meta))
        if form == "npy":
            descr = packed(columns)
            array = np.zeros(len(rows), np.lib.format.descr_to_dtype(descr))
            for i, row in enumerate(rows):
                for (column, *_), value in zip(columns, row):
                    array[column][i] = value
            with open(path, "wb") as file:
                np.lib.format.write_array_header_1_0(
                    file, {"descr": descr, "fortran_order": False, "shape": array.shape})
                file.write(array.tobytes())
        return path

    return write


def packed(columns):
    """The NPY description of a packed row, padding included."""
    types = {"u8": "|u1", "u32": "<u4", "u64": "<u8", "s8": "|i1", "s32": "<i4", "s64": "<i8",
             "f64": "<f8", "bool": "|b1"}
    descr, at, origin = [], 0, "row"

    def pad(to):
        nonlocal at
        if at % to:
            descr.append(("", f"|V{to - at % to}"))
            at += to - at % to

    for name, kind, count, _, of in columns:
        if of != origin:
            pad(8)
            origin = of
        text = f"|S{count}" if kind == "char" else types[kind]
        size = np.dtype(text).itemsize
        pad(1 if kind == "char" else size)
        descr.append((name, text, (count,)) if count > 1 and kind != "char" else (name, text))
        at += size if kind == "char" else size * count
    pad(8)
    return descr
