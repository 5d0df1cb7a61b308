# SPDX-License-Identifier: GPL-2.0-only
"""Arrow IPC files and streams, as far as exports need them: mapped, no library.

Types: integers, floats, bool, Utf8, FixedSizeList of these; nothing null,
nothing compressed.
"""

from __future__ import annotations

import json
import mmap
import os
import struct
from typing import Any, Iterator

import numpy as np

from .rows import ExportError

MAGIC = b"ARROW1"
ABOUT_KEY = "kernmlops"
HEADER_SCHEMA, HEADER_RECORD_BATCH = 1, 3
TYPE_INT, TYPE_FLOAT, TYPE_UTF8, TYPE_BOOL, TYPE_LIST = 2, 3, 5, 6, 16


class Flat:
    """A table of a FlatBuffer."""

    def __init__(self, data: memoryview, at: int):
        self.data, self.at = data, at
        self.vtable = at - struct.unpack_from("<i", data, at)[0]

    @classmethod
    def root(cls, data: memoryview) -> Flat:
        """The table that a buffer begins with."""
        return cls(data, struct.unpack_from("<I", data, 0)[0])

    def _place(self, field: int) -> int:
        size = struct.unpack_from("<H", self.data, self.vtable)[0]
        entry = 4 + 2 * field
        offset = struct.unpack_from("<H", self.data, self.vtable + entry)[0] if entry < size else 0
        return self.at + offset if offset else 0

    def _target(self, field: int) -> int:
        place = self._place(field)
        return place + struct.unpack_from("<I", self.data, place)[0] if place else 0

    def number(self, field: int, form: str, default: int = 0) -> int:
        """A number of the struct format `form`."""
        place = self._place(field)
        return struct.unpack_from(f"<{form}", self.data, place)[0] if place else default

    def table(self, field: int) -> Flat | None:
        """A table that the field refers to."""
        at = self._target(field)
        return Flat(self.data, at) if at else None

    def text(self, field: int) -> str:
        """A string."""
        at = self._target(field)
        size = struct.unpack_from("<I", self.data, at)[0] if at else 0
        return bytes(self.data[at + 4:at + 4 + size]).decode()

    def structs(self, field: int, form: str) -> list[tuple[Any, ...]]:
        """A vector of structs."""
        at = self._target(field)
        if not at:
            return []
        nr, size = struct.unpack_from("<I", self.data, at)[0], struct.calcsize(f"<{form}")
        return [struct.unpack_from(f"<{form}", self.data, at + 4 + i * size) for i in range(nr)]

    def tables(self, field: int) -> list[Flat]:
        """A vector of tables."""
        at = self._target(field)
        nr = struct.unpack_from("<I", self.data, at)[0] if at else 0
        places = [at + 4 + 4 * i for i in range(nr)]
        return [Flat(self.data, place + struct.unpack_from("<I", self.data, place)[0])
                for place in places]


def read_arrow(path: str) -> tuple[dict[str, np.ndarray], dict[str, Any] | None]:
    """Columns of a file or stream, and what it says of them."""
    with open(path, "rb") as file:
        if not os.path.getsize(path):
            raise ExportError(f"{path}: the file is empty")
        data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    try:
        if data[:len(MAGIC)] == MAGIC:
            schema, batches = _file(data)
        else:
            schema, batches = _stream(data)
        fields = schema.tables(1)
        columns = [_Column(field) for field in fields]
        parts = [_batch(columns, batch, body) for batch, body in batches]
    except (struct.error, ValueError, IndexError, UnicodeDecodeError) as error:
        raise ExportError(f"{path}: the Arrow data cannot be read ({error})") from None
    metadata = {pair.text(0): pair.text(1) for pair in schema.tables(2)}
    about = json.loads(metadata[ABOUT_KEY]) if ABOUT_KEY in metadata else None
    return {column.name: _join(column, [part[i] for part in parts])
            for i, column in enumerate(columns)}, about


Batches = list[tuple[Flat, memoryview]]


def _file(data: memoryview) -> tuple[Flat, Batches]:
    if data[-len(MAGIC):] != MAGIC:
        raise ValueError("the end is missing")
    end = len(data) - len(MAGIC) - 4
    size = struct.unpack_from("<i", data, end)[0]
    footer = Flat.root(data[end - size:end])
    schema = footer.table(1)
    if schema is None:
        raise ValueError("the footer has no schema")
    batches = []
    for offset, _, _ in footer.structs(3, "qi4xq"):
        message, body, _ = _message(data, offset)
        batch = message.table(2)
        if message.number(1, "B") != HEADER_RECORD_BATCH or batch is None:
            raise ValueError("a block is no record batch")
        batches.append((batch, body))
    return schema, batches


def _stream(data: memoryview) -> tuple[Flat, Batches]:
    schema, batches = None, []
    for message, body in _messages(data):
        header = message.table(2)
        kind = message.number(1, "B")
        if header is None or kind not in (HEADER_SCHEMA, HEADER_RECORD_BATCH):
            raise ValueError(f"a message has the unknown header {kind}")
        if kind == HEADER_SCHEMA:
            schema = header
        else:
            batches.append((header, body))
    if schema is None:
        raise ValueError("there is no schema")
    return schema, batches


def _messages(data: memoryview) -> Iterator[tuple[Flat, memoryview]]:
    at = 0
    while struct.unpack_from("<Ii", data, at) != (0xffffffff, 0):
        message, body, at = _message(data, at)
        yield message, body


def _message(data: memoryview, at: int) -> tuple[Flat, memoryview, int]:
    mark, size = struct.unpack_from("<Ii", data, at)
    if mark != 0xffffffff:
        raise ValueError(f"there is no message at {at}")
    begin = at + 8 + size
    message = Flat.root(data[at + 8:begin])
    length = message.number(3, "q")
    if begin + length > len(data):
        raise ValueError("the file is truncated")
    return message, data[begin:begin + length], begin + length


class _Column:
    def __init__(self, field: Flat):
        self.name = field.text(0)
        self.kind = field.number(2, "B")
        detail = field.table(3)
        assert detail is not None
        self.dtype = np.dtype("u1")
        self.item: _Column | None = None
        if self.kind == TYPE_INT:
            sign = "i" if detail.number(1, "B") else "u"
            self.dtype = np.dtype(f"<{sign}{detail.number(0, 'i') // 8}")
        elif self.kind == TYPE_FLOAT:
            self.dtype = np.dtype("<f4" if detail.number(0, "h") == 1 else "<f8")
        elif self.kind == TYPE_LIST:
            self.size = detail.number(0, "i")
            self.item = _Column(field.tables(5)[0])
        elif self.kind not in (TYPE_UTF8, TYPE_BOOL):
            raise ValueError(f"column {self.name} is of an unknown type, {self.kind}")

    def empty(self) -> np.ndarray:
        """The column of no rows."""
        if self.item is not None:
            return self.item.empty().reshape(0, self.size)
        if self.kind == TYPE_UTF8:
            return np.empty(0, "S1")
        return np.empty(0, "?" if self.kind == TYPE_BOOL else self.dtype)

    def take(self, nodes: Iterator[Any], buffers: Iterator[np.ndarray]) -> np.ndarray:
        """The values of a batch."""
        length, nulls = next(nodes)
        if nulls:
            raise ValueError(f"column {self.name} has nulls")
        next(buffers)       # which values are there: all
        if self.item is not None:
            return self.item.take(nodes, buffers).reshape(length, self.size)
        if self.kind == TYPE_UTF8:
            return text_array(next(buffers).view("<i4")[:length + 1].astype(np.int64),
                              next(buffers))
        data = next(buffers)
        if self.kind == TYPE_BOOL:
            return np.unpackbits(data, count=length, bitorder="little").astype(bool)
        return data.view(self.dtype)[:length]


def _batch(columns: list[_Column], batch: Flat, body: memoryview) -> list[np.ndarray]:
    if batch.table(3) is not None:
        raise ValueError("a batch is compressed")
    nodes = iter(batch.structs(1, "qq"))
    buffers = (np.frombuffer(body, np.uint8, length, offset) if length else
               np.empty(0, np.uint8) for offset, length in batch.structs(2, "qq"))
    return [column.take(nodes, buffers) for column in columns]


def _join(column: _Column, parts: list[np.ndarray]) -> np.ndarray:
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts) if parts else column.empty()


def text_array(offsets: np.ndarray, data: np.ndarray) -> np.ndarray:
    """Strings of one array of bytes, each from its offset to the next one's, as
    a fixed width array."""
    lengths = np.diff(offsets)
    width = max(1, int(lengths.max(initial=0)))
    table = np.zeros((len(lengths), width), np.uint8)
    table[np.arange(width) < lengths[:, None]] = data[offsets[0]:offsets[-1]]
    return table.reshape(-1).view(f"S{width}")
