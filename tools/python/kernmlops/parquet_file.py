# SPDX-License-Identifier: GPL-2.0-only
"""Parquet files as exports write them: flat, required, plain, uncompressed.

Debian has no library that reads Parquet; other files need one.
"""

from __future__ import annotations

import json
import mmap
import os
import struct
from typing import Any

import numpy as np

from .arrow_file import ABOUT_KEY, text_array
from .rows import ExportError, retyped

MAGIC = b"PAR1"
BOOLEAN, BYTE_ARRAY = 0, 6
PHYSICAL = {1: "<i4", 2: "<i8", 4: "<f4", 5: "<f8"}
CONVERTED = {11: "<u1", 12: "<u2", 13: "<u4", 14: "<u8", 15: "<i1", 16: "<i2", 17: "<i4",
             18: "<i8"}


class Thrift:
    """The compact protocol of Thrift: structs as dicts by the numbers of fields."""

    def __init__(self, data: memoryview, at: int = 0):
        self.data, self.at = data, at

    def _byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 0x7f) << shift
            if byte < 0x80:
                return value
            shift += 7

    def _zigzag(self) -> int:
        value = self._varint()
        return value >> 1 ^ -(value & 1)

    def _value(self, kind: int) -> Any:
        if kind in (1, 2):
            return kind == 1
        if kind == 3:
            return struct.unpack("b", bytes([self._byte()]))[0]
        if kind in (4, 5, 6):
            return self._zigzag()
        if kind == 7:
            self.at += 8
            return struct.unpack_from("<d", self.data, self.at - 8)[0]
        if kind == 8:
            size = self._varint()
            self.at += size
            return bytes(self.data[self.at - size:self.at])
        if kind in (9, 10):
            head = self._byte()
            nr = head >> 4 if head >> 4 < 15 else self._varint()
            return [self._value(head & 15) for _ in range(nr)]
        if kind == 12:
            return self.struct()
        raise ValueError(f"the metadata has an unknown type, {kind}")

    def struct(self) -> dict[int, Any]:
        """A struct."""
        fields: dict[int, Any] = {}
        number = 0
        while head := self._byte():
            number = number + (head >> 4) if head >> 4 else self._zigzag()
            fields[number] = self._value(head & 15)
        return fields


def read_parquet(path: str) -> tuple[dict[str, np.ndarray], dict[str, Any] | None]:
    """Columns of a file, and what it says of them."""
    with open(path, "rb") as file:
        if os.path.getsize(path) < 12:
            raise ExportError(f"{path}: the file is too short for Parquet")
        data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    try:
        size = struct.unpack_from("<I", data, len(data) - 8)[0]
        if data[:4] != MAGIC or data[-4:] != MAGIC:
            raise ValueError("it does not begin and end with PAR1")
        footer = Thrift(data, len(data) - 8 - size).struct()
        columns = {}
        for i, element in enumerate(footer[2][1:]):
            parts = [_chunk(data, group[1][i][3], element) for group in footer[4]]
            columns[element[4].decode()] = _join(parts, element)
    except (struct.error, ValueError, IndexError, KeyError, UnicodeDecodeError) as error:
        raise ExportError(f"{path}: the Parquet data cannot be read ({error})") from None
    about = next((json.loads(pair[2]) for pair in footer.get(5, [])
                  if pair[1] == ABOUT_KEY.encode()), None)
    return columns, about


def _chunk(data: memoryview, meta: dict[int, Any], element: dict[int, Any]) -> np.ndarray:
    name = element[4].decode()
    if element.get(5) or element.get(3):
        raise ValueError(f"column {name} is nested or optional")
    if meta[4] or 11 in meta:
        raise ValueError(f"column {name} is compressed or has a dictionary")
    at, left, pages = meta[9], meta[5], []
    while left > 0:
        header = Thrift(data, at)
        page = header.struct()
        if page[1] or page[5][2]:
            raise ValueError(f"column {name} has a page that is not plain")
        body = data[header.at:header.at + page[3]]
        if len(body) != page[3]:
            raise ValueError("the file is truncated")
        pages.append(_plain(body, page[5][1], element[1]))
        at = header.at + page[3]
        left -= page[5][1]
    return np.concatenate(pages) if len(pages) != 1 else pages[0]


def _plain(body: memoryview, nr: int, kind: int) -> np.ndarray:
    if kind == BOOLEAN:
        return np.unpackbits(np.frombuffer(body, np.uint8), count=nr,
                             bitorder="little").astype(bool)
    if kind != BYTE_ARRAY:
        return np.frombuffer(body, PHYSICAL[kind], nr)
    # Each length says where the next one is: there is no way but one by one.
    lengths = np.empty(nr, np.int64)
    unpack, at = struct.Struct("<I").unpack_from, 0
    for i in range(nr):
        lengths[i] = unpack(body, at)[0]
        at += 4 + int(lengths[i])
    keep = np.ones(at, bool)
    starts = np.cumsum(lengths + 4) - lengths - 4
    for i in range(4):
        keep[starts + i] = False
    return text_array(np.concatenate([[0], np.cumsum(lengths)]),
                      np.frombuffer(body, np.uint8, at)[keep])


def _join(parts: list[np.ndarray], element: dict[int, Any]) -> np.ndarray:
    if element[1] == BYTE_ARRAY:
        return np.concatenate(parts) if parts else np.empty(0, "S1")
    if not parts:
        parts = [np.empty(0, "?" if element[1] == BOOLEAN else PHYSICAL[element[1]])]
    values = parts[0] if len(parts) == 1 else np.concatenate(parts)
    return retyped(values, CONVERTED[element[6]]) if element.get(6) in CONVERTED \
        else values
