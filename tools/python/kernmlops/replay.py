# SPDX-License-Identifier: GPL-2.0-only
"""Recorded rows, captured once more by the kernel."""

from __future__ import annotations

import json
import os
import tempfile
from typing import Any, Iterator

import numpy as np

from .rows import TYPES, Rows
from .tool import run_tool

HEAD_SIZE = 16              # struct kmlops_row: time and seq


def replay(run: Any, store: str, speed: float | None = 1) -> dict[str, Any]:
    """Push rows into a store that has the same fields, in their order and at
    their distances in time, `speed` times as fast; None: as fast as it goes.

    run: `Rows`, or what `kernmlops.read` takes, of any format. Needs root.
    Returns what ``kmlopsctl -j store replay`` says: rows, refused, duration_ns,
    late_max_ns. Raises KernelError, also if the fields are not those of the store.
    """
    if not isinstance(run, Rows):
        from .exports import read

        run = read(run)
    if not isinstance(run, Rows):
        raise TypeError(f"{run!r} has several tables: take one of them")
    with tempfile.TemporaryDirectory(prefix="kernmlops-") as directory:
        path = os.path.join(directory, "rows.npy")
        write_packed(run, path)
        return json.loads(run_tool("-j", "store", "replay", store, "file", path, "speed",
                                   "max" if speed is None else str(speed)))


def write_packed(rows: Rows, path: str) -> None:
    """An NPY file of packed rows, to the byte as ``kmlopsctl store export`` writes it."""
    fields, size = _layout(rows.meta)
    dtype = np.dtype({"names": [name for name, *_ in fields],
                      "formats": [(form, (count,)) if count > 1 else form
                                  for _, form, count, _ in fields],
                      "offsets": [offset for *_, offset in fields], "itemsize": size})
    packed = np.zeros(len(rows), dtype)
    for name in dtype.names:
        packed[name] = rows[name]
    dictionary = (f"{{'descr': [{''.join(_descr(fields, size))}], 'fortran_order': False, "
                  f"'shape': (")
    # Room for any number, up to a multiple of 64.
    total = 10 + len(dictionary) + 20 + len(",), }") + 1
    total += -total % 64
    header = f"{dictionary}{len(rows)},), }}".ljust(total - 11) + "\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + (total - 10).to_bytes(2, "little"))
        file.write(header.encode("latin-1"))
        file.write(packed.tobytes())


def _layout(meta: dict[str, Any]) -> tuple[list[tuple[str, str, int, int]], int]:
    """Name, type, count and offset of each column in a packed row, and its size."""
    store = meta["store"]
    value = HEAD_SIZE + -(-store["key_size"] // 8) * 8
    places = [0, 8] + [HEAD_SIZE + field["offset"] for field in store["key"]] + \
        [value + field["offset"] for field in store["value"]]
    fields = []
    for column, place in zip(meta["columns"], places):
        count = int(column.get("count", 1))
        if column["type"] == "char":
            fields.append((column["name"], f"S{count}", 1, place))
        else:
            fields.append((column["name"], TYPES[column["type"]], count, place))
    return fields, value + -(-store["value_size"] // 8) * 8


def _descr(fields: list[tuple[str, str, int, int]], size: int) -> Iterator[str]:
    """The fields as a header spells them, padding included."""
    at = 0
    for name, form, count, place in fields:
        if at < place:
            yield f"('', '|V{place - at}'), "
        dtype = np.dtype(form)
        at = place + dtype.itemsize * count
        spelled = "".join(chr(byte) if 0x20 <= byte < 0x7f and byte not in b"'\\"
                          else f"\\x{byte:02x}" for byte in name.encode())
        shape = f", ({count},)" if count > 1 else ""
        yield f"('{spelled}', '{dtype.str}'{shape}), "
    if at < size:
        yield f"('', '|V{size - at}'), "
