# SPDX-License-Identifier: GPL-2.0-only
"""The Arrow C interface, as a consumer in C sees it: capsules, structs by their
offsets, releases. Nothing here is shared with what exports them."""

import ctypes
import gc
import json
import struct

import numpy as np
import pytest

import kernmlops
from kernmlops import arrow_c

COLUMNS = [("time", "u64", 1, "ns", "row"), ("seq", "u64", 1, None, "row"),
           ("tiny", "s8", 1, None, "value"), ("hot", "bool", 1, None, "value"),
           ("comm", "char", 5, None, "value"), ("last", "u32", 3, "ns", "value"),
           ("load", "f64", 1, None, "value")]
ROWS = [(i, i + 1, -i, i % 3 == 0, b"x" * (i % 5), [i, i + 1, i + 2], i / 2) for i in range(20)]

pointer_of = ctypes.pythonapi.PyCapsule_GetPointer
pointer_of.restype, pointer_of.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]


def words(address, nr):
    return struct.unpack(f"<{nr}q", ctypes.string_at(address, 8 * nr))


def call(function, *args, result=None):
    return ctypes.CFUNCTYPE(result, *[ctypes.c_void_p] * len(args))(function)(*args)


def pairs(address):
    """Metadata of a schema."""
    found, at = {}, address + 4
    for _ in range(struct.unpack("<i", ctypes.string_at(address, 4))[0]):
        texts = []
        for _ in range(2):
            size = struct.unpack("<i", ctypes.string_at(at, 4))[0]
            texts.append(ctypes.string_at(at + 4, size).decode())
            at += 4 + size
        found[texts[0]] = texts[1]
    return found


def schema_of(address):
    """(format, name, metadata, children) of a struct ArrowSchema."""
    form, name, metadata, flags, nr, children, dictionary, release, _ = words(address, 9)
    assert release and not dictionary and not flags
    return (ctypes.string_at(form).decode(), ctypes.string_at(name).decode(),
            pairs(metadata) if metadata else {},
            [schema_of(child) for child in words(children, nr)])


def values_of(address, schema):
    """The values of a struct ArrowArray."""
    length, nulls, offset, nr_buffers, nr, buffers, children, dictionary, release, _ = \
        words(address, 10)
    form, _, _, inner = schema
    assert release and not nulls and not offset and not dictionary and nr == len(inner)
    places = words(buffers, nr_buffers)
    assert places[0] == 0           # none is null
    if form == "+s":
        return {part[1]: values_of(child, part)
                for child, part in zip(words(children, nr), inner)}
    if form.startswith("+w:"):
        items = values_of(words(children, 1)[0], inner[0])
        assert len(items) == length * int(form[3:])
        return np.array(items).reshape(length, int(form[3:])).tolist()
    if form == "u":
        ends = struct.unpack(f"<{length + 1}i", ctypes.string_at(places[1], 4 * (length + 1)))
        return [ctypes.string_at(places[2] + a, b - a) for a, b in zip(ends, ends[1:])]
    if form == "b":
        data = ctypes.string_at(places[1], (length + 7) // 8)
        return [bool(data[i // 8] >> i % 8 & 1) for i in range(length)]
    code = {"l": "q", "L": "Q", "i": "i", "I": "I", "c": "b", "g": "d"}[form]
    return list(struct.unpack(f"<{length}{code}",
                              ctypes.string_at(places[1], length * struct.calcsize(code))))


def expected(begin, end):
    columns = {name: list(values) for (name, *_), values in zip(COLUMNS, zip(*ROWS[begin:end]))}
    return columns


def nothing_is_left():
    gc.collect()
    return not arrow_c._alive and not arrow_c._structs


def test_array(export):
    rows = kernmlops.read(export(COLUMNS, ROWS))
    capsules = rows.__arrow_c_array__()
    schema = schema_of(pointer_of(capsules[0], b"arrow_schema"))
    assert [(part[0], part[1]) for part in schema[3]] == [
        ("l", "time"), ("L", "seq"), ("c", "tiny"), ("b", "hot"), ("u", "comm"), ("+w:3", "last"),
        ("g", "load")]
    assert schema[3][5][2] == {"unit": "ns"} and schema[3][5][3][0][:2] == ("I", "item")
    assert json.loads(schema[2]["kernmlops"])["store"]["name"] == "store"
    array = pointer_of(capsules[1], b"arrow_array")
    assert values_of(array, schema) == expected(0, 20)
    # Released by the consumer: the capsule then has nothing more to do.
    call(words(array, 10)[8], array)
    assert words(array, 10)[8] == 0
    del capsules, array
    assert nothing_is_left()


def test_stream(export, monkeypatch):
    monkeypatch.setattr(arrow_c, "BATCH_ROWS", 8)
    rows = kernmlops.read(export(COLUMNS, ROWS))
    capsule = rows.__arrow_c_stream__()
    stream = pointer_of(capsule, b"arrow_array_stream")
    del rows                    # the stream holds what it needs
    get_schema, get_next, get_last_error, release, _ = words(stream, 5)
    space = ctypes.create_string_buffer(80)
    here = ctypes.addressof(space)
    assert call(get_schema, stream, here, result=ctypes.c_int) == 0
    schema = schema_of(here)
    call(words(here, 9)[7], here)
    for begin, end in ((0, 8), (8, 16), (16, 20)):
        assert call(get_next, stream, here, result=ctypes.c_int) == 0
        assert values_of(here, schema) == expected(begin, end)
        call(words(here, 10)[8], here)
    assert call(get_next, stream, here, result=ctypes.c_int) == 0
    assert words(here, 10)[8] == 0      # the end
    call(release, stream)
    del capsule
    assert nothing_is_left()


def test_child_that_was_moved(export):
    """A consumer may take a column over, release the rest, and use it on."""
    rows = kernmlops.read(export(COLUMNS, ROWS))
    schema_capsule, array_capsule = rows.__arrow_c_array__()
    schema = schema_of(pointer_of(schema_capsule, b"arrow_schema"))
    array = pointer_of(array_capsule, b"arrow_array")
    child = words(words(array, 10)[6], 7)[6]
    moved = ctypes.create_string_buffer(ctypes.string_at(child, 80), 80)
    ctypes.memset(child + 64, 0, 8)
    call(words(array, 10)[8], array)
    here = ctypes.addressof(moved)
    assert values_of(here, schema[3][6]) == [row[6] for row in ROWS]
    call(words(here, 10)[8], here)
    del schema_capsule, array_capsule
    assert nothing_is_left()


def test_capsules_that_nobody_took(export):
    rows = kernmlops.read(export(COLUMNS, ROWS))
    capsules = rows.__arrow_c_schema__(), rows.__arrow_c_array__(), rows.__arrow_c_stream__()
    assert arrow_c._alive and len(capsules) == 3
    del capsules
    assert nothing_is_left()


def test_no_rows(export):
    rows = kernmlops.read(export(COLUMNS, []))
    capsules = rows.__arrow_c_array__()
    schema = schema_of(pointer_of(capsules[0], b"arrow_schema"))
    values = values_of(pointer_of(capsules[1], b"arrow_array"), schema)
    assert all(not column for column in values.values())


def test_numbers_that_stand_together_are_not_copied():
    column = np.arange(5, dtype="<i8")
    rows = kernmlops.Rows({"x": column}, {"columns": []})
    capsules = rows.__arrow_c_array__()
    child = words(words(pointer_of(capsules[1], b"arrow_array"), 10)[6], 1)[0]
    assert words(words(child, 10)[5], 2)[1] == column.ctypes.data


@pytest.mark.parametrize("name", [b"arrow_array", b"arrow_array_stream"])
def test_names(export, name):
    rows = kernmlops.read(export(COLUMNS, ROWS))
    capsule = rows.__arrow_c_schema__()
    with pytest.raises(ValueError):
        pointer_of(capsule, name)
