# SPDX-License-Identifier: GPL-2.0-only
"""The Arrow C data and stream interface, for whoever imports Arrow: pyarrow,
polars, DuckDB and others take `Rows` as they are. No library is needed.

https://arrow.apache.org/docs/format/CDataInterface.html and
https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html
"""

from __future__ import annotations

import ctypes
import itertools
import json
import struct
from typing import Any

import numpy as np

from .rows import Rows

BATCH_ROWS = 1 << 20
ABOUT_KEY = b"kernmlops"
ENOMEM = 12

FORMATS = {"u1": b"C", "u2": b"S", "u4": b"I", "u8": b"L", "i1": b"c", "i2": b"s", "i4": b"i",
           "i8": b"l", "f4": b"f", "f8": b"g", "b1": b"b"}


class Schema(ctypes.Structure):
    """struct ArrowSchema"""


Schema._fields_ = [
    ("format", ctypes.c_char_p), ("name", ctypes.c_char_p), ("metadata", ctypes.c_char_p),
    ("flags", ctypes.c_int64), ("n_children", ctypes.c_int64),
    ("children", ctypes.POINTER(ctypes.POINTER(Schema))),
    ("dictionary", ctypes.POINTER(Schema)), ("release", ctypes.c_void_p),
    ("private_data", ctypes.c_void_p),
]


class Array(ctypes.Structure):
    """struct ArrowArray"""


Array._fields_ = [
    ("length", ctypes.c_int64), ("null_count", ctypes.c_int64), ("offset", ctypes.c_int64),
    ("n_buffers", ctypes.c_int64), ("n_children", ctypes.c_int64),
    ("buffers", ctypes.POINTER(ctypes.c_void_p)),
    ("children", ctypes.POINTER(ctypes.POINTER(Array))),
    ("dictionary", ctypes.POINTER(Array)), ("release", ctypes.c_void_p),
    ("private_data", ctypes.c_void_p),
]


class Stream(ctypes.Structure):
    """struct ArrowArrayStream"""


Stream._fields_ = [
    ("get_schema", ctypes.c_void_p), ("get_next", ctypes.c_void_p),
    ("get_last_error", ctypes.c_void_p), ("release", ctypes.c_void_p),
    ("private_data", ctypes.c_void_p),
]

# What a struct refers to stays until its release callback was called, wherever
# the consumer has moved it: by the number in its private_data.
_alive: dict[int, Any] = {}
_numbers = itertools.count(1)


def _keep(item: Any, owned: Any) -> None:
    item.private_data = next(_numbers)
    _alive[item.private_data] = owned


def _releaser(kind: Any) -> Any:
    """A release callback: releases the children that were not moved away."""
    release_type = ctypes.CFUNCTYPE(None, ctypes.POINTER(kind))

    def release(pointer: Any) -> None:
        item = pointer.contents
        for i in range(getattr(item, "n_children", 0)):
            child = item.children[i]
            if child.contents.release:
                release_type(child.contents.release)(child)
        _alive.pop(item.private_data, None)
        item.release = None

    return release_type(release)


_release_schema = _releaser(Schema)
_release_array = _releaser(Array)
_release_stream = _releaser(Stream)


def _clear(item: Any) -> None:
    """The memory is the consumer's, and may hold anything."""
    ctypes.memset(ctypes.addressof(item), 0, ctypes.sizeof(item))


def _address(callback: Any) -> int:
    return ctypes.cast(callback, ctypes.c_void_p).value or 0


def _pairs(pairs: dict[bytes, bytes]) -> bytes:
    """Metadata: counts and lengths as int32 before everything."""
    encoded = struct.pack("<i", len(pairs))
    for key, value in pairs.items():
        encoded += struct.pack("<i", len(key)) + key + struct.pack("<i", len(value)) + value
    return encoded


def _children(kind: Any, items: list[Any]) -> Any:
    return (ctypes.POINTER(kind) * len(items))(*[ctypes.pointer(item) for item in items])


# ---- schemas

def _format(name: str, column: np.ndarray) -> bytes:
    if column.dtype.kind == "S":
        return b"u"
    # The time is below 2**63, and signed everywhere else.
    return b"l" if name == "time" else FORMATS[column.dtype.str[1:]]


def _fill_schema(schema: Schema, form: bytes, name: str, pairs: dict[bytes, bytes],
                 children: list[Schema]) -> None:
    _clear(schema)
    schema.format, schema.name = form, name.encode()
    metadata = ctypes.create_string_buffer(_pairs(pairs)) if pairs else None
    if metadata is not None:
        schema.metadata = ctypes.cast(metadata, ctypes.c_char_p)
    schema.n_children = len(children)
    pointers = _children(Schema, children)
    schema.children = ctypes.cast(pointers, ctypes.POINTER(ctypes.POINTER(Schema)))
    schema.release = _address(_release_schema)
    _keep(schema, (metadata, children, pointers, schema.format, schema.name))


def _export_schema(schema: Schema, rows: Rows) -> None:
    units = rows.units
    children = []
    for name in rows.columns:
        column, child = rows[name], Schema()
        pairs = {b"unit": units[name].encode()} if name in units else {}
        if column.ndim == 1:
            _fill_schema(child, _format(name, column), name, pairs, [])
        else:
            item = Schema()
            _fill_schema(item, _format("item", column), "item", {}, [])
            _fill_schema(child, b"+w:%d" % column.shape[1], name, pairs, [item])
        children.append(child)
    about = json.dumps(rows.meta).encode()
    _fill_schema(schema, b"+s", "", {ABOUT_KEY: about}, children)


# ---- arrays

def _fill_array(array: Array, length: int, buffers: list[Any], children: list[Array]) -> None:
    """`buffers` are numpy arrays, or None for the one that would say what is null."""
    _clear(array)
    array.length, array.n_buffers, array.n_children = length, len(buffers), len(children)
    addresses = (ctypes.c_void_p * len(buffers))(
        *[None if buffer is None else buffer.ctypes.data for buffer in buffers])
    array.buffers = ctypes.cast(addresses, ctypes.POINTER(ctypes.c_void_p))
    pointers = _children(Array, children)
    array.children = ctypes.cast(pointers, ctypes.POINTER(ctypes.POINTER(Array)))
    array.release = _address(_release_array)
    _keep(array, (buffers, addresses, children, pointers))


def _values(column: np.ndarray) -> list[Any]:
    """The buffers of a column. Numbers are not copied where they stand one
    after the other; those of packed rows do not, so those are gathered."""
    if column.dtype.kind == "S":
        texts = [value.partition(b"\0")[0].decode("utf-8", "replace").encode()
                 for value in column.tolist()]
        ends = np.zeros(len(texts) + 1, "<i4")
        np.cumsum([len(text) for text in texts], out=ends[1:])
        return [None, ends, np.frombuffer(b"".join(texts) or b"\0", np.uint8)]
    flat = np.ascontiguousarray(column).reshape(-1)
    if column.dtype.kind == "b":
        flat = np.packbits(flat, bitorder="little")
    return [None, flat]


def _export_array(array: Array, rows: Rows, begin: int, end: int) -> None:
    children = []
    for name in rows.columns:
        column, child = rows[name][begin:end], Array()
        if column.ndim == 1:
            _fill_array(child, len(column), _values(column), [])
        else:
            item = Array()
            _fill_array(item, column.size, _values(column), [])
            _fill_array(child, len(column), [None], [item])
        children.append(child)
    _fill_array(array, end - begin, [None], children)


# ---- streams

_GET_SCHEMA = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(Stream), ctypes.POINTER(Schema))
_GET_NEXT = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(Stream), ctypes.POINTER(Array))
_GET_LAST_ERROR = ctypes.CFUNCTYPE(ctypes.c_char_p, ctypes.POINTER(Stream))


def _export_stream(stream: Stream, rows: Rows) -> None:
    at = 0

    def get_schema(_: Any, schema: Any) -> int:
        _export_schema(schema.contents, rows)
        return 0

    def get_next(_: Any, array: Any) -> int:
        nonlocal at
        if at >= len(rows):
            array.contents.release = None       # the end
            return 0
        end = min(at + BATCH_ROWS, len(rows))
        try:
            _export_array(array.contents, rows, at, end)
        except MemoryError:
            return ENOMEM
        at = end
        return 0

    callbacks = (_GET_SCHEMA(get_schema), _GET_NEXT(get_next), _GET_LAST_ERROR(lambda _: None))
    stream.get_schema, stream.get_next, stream.get_last_error = map(_address, callbacks)
    stream.release = _address(_release_stream)
    _keep(stream, callbacks)


# ---- capsules

_DESTRUCTOR = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
# Prototypes of our own: those of ctypes.pythonapi belong to whoever set them last.
_new = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_char_p, _DESTRUCTOR)(
    ("PyCapsule_New", ctypes.pythonapi))

# Structs by the address of their capsule, until that goes.
_structs: dict[int, Any] = {}


def _destructor(kind: Any) -> Any:
    """Releases what no consumer has taken over. The capsule is no object anymore
    that could be referred to: its address is given."""
    release_type = ctypes.CFUNCTYPE(None, ctypes.POINTER(kind))

    def destroy(capsule: int) -> None:
        item = _structs.pop(capsule)
        if item.release:
            release_type(item.release)(ctypes.pointer(item))

    return _DESTRUCTOR(destroy)


_NAMES = {Schema: b"arrow_schema", Array: b"arrow_array", Stream: b"arrow_array_stream"}
_DESTRUCTORS = {kind: _destructor(kind) for kind in _NAMES}


def _capsule(item: Any) -> Any:
    capsule = _new(ctypes.addressof(item), _NAMES[type(item)], _DESTRUCTORS[type(item)])
    _structs[id(capsule)] = item
    return capsule


def schema_capsule(rows: Rows) -> Any:
    """A capsule "arrow_schema"."""
    schema = Schema()
    _export_schema(schema, rows)
    return _capsule(schema)


def array_capsule(rows: Rows) -> Any:
    """A capsule "arrow_array" of all rows."""
    array = Array()
    _export_array(array, rows, 0, len(rows))
    return _capsule(array)


def stream_capsule(rows: Rows) -> Any:
    """A capsule "arrow_array_stream" of the rows in batches."""
    stream = Stream()
    _export_stream(stream, rows)
    return _capsule(stream)
