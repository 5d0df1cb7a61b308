# SPDX-License-Identifier: GPL-2.0-only
"""Exports are read as they were written, and broken ones are refused."""

import csv
import json

import numpy as np
import pytest

import kernmlops

pd = pytest.importorskip("pandas")

HEAD = [("time", "u64", 1, "ns", "row"), ("seq", "u64", 1, None, "row")]
COLUMNS = HEAD + [
    ("pid", "u32", 1, None, "key"),
    ("value.pid", "s32", 1, None, "value"),
    ("wait", "u64", 1, "ns", "value"),
    ("hot", "bool", 1, None, "value"),
    ("comm", "char", 5, None, "value"),
    ("last", "u32", 3, "ns", "value"),
    ("load", "f64", 1, None, "value"),
]
ROWS = [
    (1000, (1 << 52) + 1, 7, -7, 2**64 - 1, True, b"init", [1, 2, 3], 0.5),
    (2000, (2 << 52) + 1, 8, -8, 0, False, b"fffff", [4, 5, 6], -1.5),
    (2500, (1 << 52) + 2, 7, -7, 2**53 + 1, True, b"", [7, 8, 2**32 - 1], 1e300),
]


def check(rows):
    assert len(rows) == 3
    array = rows.to_numpy()
    for (name, *_), values in zip(COLUMNS, zip(*ROWS)):
        assert array[name].tolist() == list(values), name
    frame = rows.to_pandas()
    assert list(frame.columns) == ["time", "seq", "pid", "value.pid", "wait", "hot", "comm",
                                   "last_0", "last_1", "last_2", "load"]
    assert frame["wait"].dtype == np.uint64 and frame["value.pid"].dtype == np.int32
    assert frame["comm"].tolist() == ["init", "fffff", ""]
    assert frame["last_2"].tolist() == [3, 6, 2**32 - 1]
    assert frame.attrs["units"] == {"time": "ns", "wait": "ns", "last": "ns"}
    assert frame.attrs["store"] == "store" and frame.attrs["clock"] == "CLOCK_MONOTONIC"


def test_npy(export):
    rows = kernmlops.read(export(COLUMNS, ROWS))
    check(rows)
    assert rows.to_numpy().dtype.itemsize == 16 + 8 + 48     # padding is in the row, unnamed
    assert repr(rows).startswith("<kernmlops.Rows: 3 rows of store store over 0.000 s, columns")


def test_npy_is_not_copied(export):
    rows = kernmlops.read(export(COLUMNS, ROWS))
    array = rows.to_numpy()
    assert not array.flags.owndata and not array.flags.writeable
    frame = rows.to_pandas()
    for name in ("time", "wait", "value.pid", "last_1"):
        source = array["last"][:, 1] if name == "last_1" else array[name]
        assert np.shares_memory(frame[name].to_numpy(), source), name


def test_numpy_reads_it_too(export):
    path = export(COLUMNS, ROWS)
    assert np.load(path)["wait"].tolist() == [row[4] for row in ROWS]


def test_csv(export):
    path = export(COLUMNS, ROWS, "csv")
    with open(path, "w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["time", "seq", "pid", "value.pid", "wait", "hot", "comm",
                      "last_0", "last_1", "last_2", "load"])
        for *head, hot, comm, last, load in ROWS:
            out.writerow([*head, "true" if hot else "0", comm.decode(), *last, load])
    check(kernmlops.read(path))


def test_jsonl(export):
    path = export(COLUMNS, ROWS, "jsonl")
    names = [name for name, *_ in COLUMNS]
    with open(path, "w") as file:
        for row in ROWS:
            values = [value.decode() if isinstance(value, bytes) else value for value in row]
            file.write(json.dumps(dict(zip(names, values), clock="CLOCK_MONOTONIC")) + "\n")
    check(kernmlops.read(path))


@pytest.mark.parametrize("form", ["npy", "csv", "jsonl"])
def test_no_rows(export, form):
    path = export(COLUMNS, [], form)
    if form == "csv":
        path.write_text("time,seq,pid,value.pid,wait,hot,comm,last_0,last_1,last_2,load\n")
    elif form == "jsonl":
        path.write_text("")
    rows = kernmlops.read(path)
    assert len(rows) == 0 and len(rows.to_pandas()) == 0 and "0 rows" in repr(rows)


def test_lost(export):
    assert kernmlops.read(export(HEAD, [(1, 2)], changes={"lost": 5})).lost == 5


def refused(path, pattern):
    with pytest.raises(kernmlops.ExportError, match=pattern) as error:
        kernmlops.read(path)
    assert path.name in str(error.value)


def test_missing(export, tmp_path):
    with pytest.raises(FileNotFoundError, match="absent.npy: there is no such file"):
        kernmlops.read(tmp_path / "absent.npy")
    path = export(COLUMNS, ROWS)
    meta = path.with_name(path.name + ".meta.json")
    text = meta.read_text()
    meta.unlink()
    refused(path, "kmlopsctl store export writes it, keep it beside store.npy")
    meta.write_text(text[:-5])
    refused(path, "this is not JSON")
    meta.write_text("[]")
    refused(path, "describes no export")
    meta.write_text("{}")
    refused(path, "there is no entry columns")


def test_truncated(export):
    path = export(COLUMNS, ROWS)
    data = path.read_bytes()
    path.write_bytes(data[:-1])
    refused(path, f"the file is truncated: it has {len(data) - 1} bytes, "
                  f"3 rows of 72 bytes end at {len(data)}")
    path.write_bytes(data + b"\0")
    refused(path, "followed by other data")
    path.write_bytes(data[:20])
    refused(path, "the NPY header cannot be read")
    path.write_bytes(b"")
    refused(path, "the NPY header cannot be read")


def test_foreign(export):
    path = export(COLUMNS, ROWS)
    meta = path.with_name(path.name + ".meta.json")
    refused(export(COLUMNS, ROWS, changes={"rows": 4}), "has 3 rows, its description says 4")
    other = json.loads(meta.read_text()) | {"rows": 3}
    other["columns"][2]["name"] = "tid"
    meta.write_text(json.dumps(other))
    refused(path, "the columns are not those of its .meta.json")
    np.save(path, np.zeros((3, 2)))
    refused(path, "this is an array of float64, not of rows")


def test_unknown_format(export):
    path = export(COLUMNS, [], "orc")
    path.write_bytes(b"")
    refused(path, "cannot read format orc, only npy, csv, jsonl, arrow, arrows, parquet")


def test_bad_text(export):
    path = export(HEAD, [(1, 2)], "csv")
    path.write_text("time,seq\n1\n")
    refused(path, "line 2 has 1 values, not 2")
    path.write_text("time,seq\n1,x\n")
    refused(path, "line 2: invalid literal")
    path.write_text("time,seq\n1,-1\n")
    refused(path, "line 2: -1 does not fit uint64")
    path.write_text("seq,time\n1,2\n")
    refused(path, "the columns are not those")
    path = export(HEAD, [(1, 2)], "jsonl")
    path.write_text('{"time":1}\n')
    refused(path, "line 1 has no column 'seq'")
    path.write_text('{"time":1,\n')
    refused(path, "line 1: ")
