# SPDX-License-Identifier: GPL-2.0-only
"""Every format says the same of the same rows; tables of files, runs, stores."""

import json
import os
import pathlib
import shutil
import subprocess

import numpy as np
import pytest

import kernmlops

WRITER = pathlib.Path(__file__).parents[3] / "build/selftests/formats/write_rows"
FORMATS = ["npy", "csv", "jsonl", "arrow", "arrows", "parquet"]

pd = pytest.importorskip("pandas")
needs_writer = pytest.mark.skipif(not WRITER.exists(), reason="make tests builds write_rows")


def write(directory, form, rows):
    """Rows of every type by the code of kmlopsctl, described as an export is."""
    path = directory / f"{rows}.{form}"
    subprocess.run([WRITER, form, str(rows), path], check=True)
    return path


def describe(path, like):
    path.with_name(path.name + ".meta.json").write_text(json.dumps(like.meta))


@needs_writer
@pytest.mark.parametrize("rows", [0, 1, 3000, 60000])
def test_all_formats_agree(tmp_path, rows):
    described = kernmlops.read(write(tmp_path, "parquet", rows))
    npy = write(tmp_path, "npy", rows)
    describe(npy, described)
    expected = kernmlops.read(npy)
    assert len(expected) == rows
    for form in FORMATS[1:] if rows < 60000 else ["arrow", "arrows", "parquet"]:
        path = write(tmp_path, form, rows)
        if form not in ("arrow", "parquet"):
            describe(path, described)
        got = kernmlops.read(path)
        assert got.columns == expected.columns and got.units == expected.units
        for name in expected.columns:
            a, b = expected[name], got[name]
            assert a.dtype == b.dtype and a.shape == b.shape, (form, name)
            if form != "csv" and name == "comm" and rows:
                # What is not UTF-8 is replaced.
                a = np.char.replace(a, b"\xff", "\N{REPLACEMENT CHARACTER}".encode())
            assert np.array_equal(a, b, equal_nan=a.dtype.kind == "f"), (form, name)
            if a.dtype.kind == "f":
                known = ~np.isnan(a)
                assert np.array_equal(np.signbit(a)[known], np.signbit(b)[known]), (form, name)


@needs_writer
def test_jsonl_has_all_floats(tmp_path):
    path = write(tmp_path, "jsonl", 3000)
    lines = [json.loads(line, parse_constant=pytest.fail) for line in path.open()]
    texts = {line["f64"] for line in lines if isinstance(line["f64"], str)}
    assert texts == {"NaN", "Infinity", "-Infinity"}
    describe(path, kernmlops.read(write(tmp_path, "parquet", 3000)))
    f64 = kernmlops.read(path)["f64"]
    assert np.isnan(f64).any() and np.isposinf(f64).any() and np.isneginf(f64).any()
    assert (np.signbit(f64) & (f64 == 0)).any()


@needs_writer
@pytest.mark.parametrize("form", ["arrow", "arrows", "parquet"])
def test_truncated(tmp_path, form):
    path = write(tmp_path, form, 3000)
    describe(path, kernmlops.read(write(tmp_path, "parquet", 3000)))
    data = path.read_bytes()
    for size in (0, 3, 100, len(data) // 2, len(data) - 9, len(data) - 1):
        path.write_bytes(data[:size])
        with pytest.raises(kernmlops.ExportError, match=path.name):
            kernmlops.read(path)


@needs_writer
def test_table_of_files(tmp_path):
    parts = tmp_path / "run" / "made"
    parts.mkdir(parents=True)
    for i, rows in enumerate((2000, 1000)):
        write(tmp_path, "parquet", rows).rename(parts / f"part-{i:05}.parquet")
    # As after a crash: there is no description, but each file has its own.
    rows = kernmlops.read(parts)
    assert len(rows) == 3000 and rows.store == "made"
    (parts / "_meta.json").write_text(json.dumps(rows.meta | {"lost": 7}))
    assert kernmlops.read(parts).lost == 7
    run = kernmlops.read(tmp_path / "run")
    assert list(run) == ["made"] and len(run["made"]) == 3000
    with pytest.raises(KeyError, match="no table other; there are: made"):
        run["other"]
    (parts / "_meta.json").write_text(json.dumps(rows.meta | {"rows": 2999}))
    with pytest.raises(kernmlops.ExportError, match="has 3000 rows, its description says 2999"):
        kernmlops.read(parts)
    for part in parts.glob("part-*"):
        part.unlink()
    with pytest.raises(kernmlops.ExportError, match="the files are missing"):
        kernmlops.read(parts)


def test_run_of_single_files(export, tmp_path):
    columns = [("time", "u64", 1, "ns", "row"), ("seq", "u64", 1, None, "row")]
    export(columns, [(1, 2)])
    (tmp_path / "run.json").write_text('{"command": ["true"]}')
    run = kernmlops.read(tmp_path)
    assert list(run) == ["store"] and run["store"]["seq"].tolist() == [2]
    assert run.info == {"command": ["true"]}
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(kernmlops.ExportError, match="there is no export in this directory"):
        kernmlops.read(empty)


def test_store_in_the_kernel(export, tmp_path, monkeypatch):
    """The tool is one that copies an export; what it is told is what is tested."""
    columns = [("time", "u64", 1, "ns", "row"), ("seq", "u64", 1, None, "row")]
    path = export(columns, [(5, 6), (7, 8)])
    tool = tmp_path / "tool"
    tool.write_text("#!/bin/sh\n"
                    '[ "$1 $2 $3 $4" = "store export wait file" ] || '
                    '{ echo "kmlopsctl: there is no store of that name" >&2; exit 1; }\n'
                    f'cp {path} "$5"; cp {path}.meta.json "$5.meta.json"\n')
    tool.chmod(0o755)
    monkeypatch.setenv("KMLOPSCTL", str(tool))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    import tempfile
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", None)
    rows = kernmlops.read("wait")
    assert rows["time"].tolist() == [5, 7]
    assert not os.listdir(tmp_path / "tmp")
    with pytest.raises(kernmlops.KernelError, match="there is no store of that name"):
        kernmlops.read("other")
    monkeypatch.setenv("KMLOPSCTL", str(tmp_path / "none"))
    with pytest.raises(FileNotFoundError, match="wait: there is no such file, and for a store"):
        kernmlops.read("wait")
    with pytest.raises(FileNotFoundError, match="wait.npy: there is no such file"):
        kernmlops.read("wait.npy")


def test_gaps(export):
    columns = [("time", "u64", 1, "ns", "row"), ("seq", "u64", 1, None, "row")]
    cpu = 1 << 52
    rows = kernmlops.read(export(columns, [
        (10, 5), (11, cpu + 1), (12, 6), (13, cpu + 2), (20, 9), (21, cpu + 3), (30, 10),
        (31, cpu + 8)]))
    gaps = rows.gaps()
    assert gaps.tolist() == [(0, 2, 6, 12, 20), (1, 4, cpu + 3, 21, 31)]
    assert not len(kernmlops.read(export(columns, [(1, 1)])).gaps())
    assert not len(kernmlops.read(export(columns, [])).gaps())


def test_interchange(export):
    from_dataframe = pytest.importorskip("pandas.api.interchange").from_dataframe
    columns = [("time", "u64", 1, "ns", "row"), ("seq", "u64", 1, None, "row"),
               ("comm", "char", 5, None, "value"), ("last", "u32", 2, None, "value"),
               ("load", "f64", 1, None, "value")]
    rows = kernmlops.read(export(columns, [(1, 2, b"init", [3, 4], .5), (5, 6, b"", [7, 8], 2.)]))

    class Foreign:      # pandas would take its own frames as they are
        __dataframe__ = staticmethod(rows.__dataframe__)

    frame = from_dataframe(Foreign())
    pd.testing.assert_frame_equal(frame, rows.to_pandas(), check_flags=False)


def test_torch(export):
    torch = pytest.importorskip("torch")
    columns = [("time", "u64", 1, "ns", "row"), ("seq", "u64", 1, None, "row"),
               ("wait", "u32", 1, None, "value"), ("hot", "bool", 1, None, "value"),
               ("comm", "char", 5, None, "value"), ("last", "u8", 2, None, "value"),
               ("load", "f64", 1, None, "value")]
    rows = kernmlops.read(export(columns, [
        (1, 2, 2**32 - 1, True, b"a", [3, 255], .5), (5, 6, 7, False, b"b", [8, 9], 2.)]))
    tensors = rows.to_torch()
    assert list(tensors) == ["time", "seq", "wait", "hot", "last_0", "last_1", "load"]
    assert tensors["wait"].tolist() == [2**32 - 1, 7] and tensors["wait"].dtype == torch.int64
    assert tensors["last_1"].tolist() == [255, 9] and tensors["hot"].dtype == torch.bool
    matrix = rows.to_torch(["wait", "last"])
    assert matrix.dtype == torch.int64 and matrix.tolist() == [[2**32 - 1, 3, 255], [7, 8, 9]]
    assert rows.to_torch(["wait", "load"]).dtype == torch.float64
    assert rows.to_torch(["load"], dtype=torch.float32).dtype == torch.float32
    with pytest.raises(TypeError, match="column comm is of strings"):
        rows.to_torch(["comm"])
    with pytest.raises(KeyError, match="there is no column nope"):
        rows.to_torch(["nope"])
    big = kernmlops.read(export(columns[:2], [(1, 2**63)]))
    with pytest.raises(ValueError, match="seq has the value 9223372036854775808"):
        big.to_torch(["seq"])


def test_torch_shares_memory():
    torch = pytest.importorskip("torch")
    time = np.arange(10, dtype="<u8")
    rows = kernmlops.Rows({"time": time, "x": np.arange(10.)}, {"columns": []})
    rows.to_torch()["x"][3] = 100
    assert rows["x"][3] == 100
    assert rows.to_torch()["time"].data_ptr() == time.ctypes.data and torch is not None


@needs_writer
def test_files_are_mapped(tmp_path):
    """A column of numbers of one batch is the file itself."""
    for form in ("arrow", "parquet"):
        rows = kernmlops.read(write(tmp_path, form, 3000))
        assert not rows["u64"].flags.owndata and not rows["u64"].flags.writeable, form
        assert np.shares_memory(rows.to_pandas()["u64"].to_numpy(), rows["u64"]), form


def test_writer_is_there_in_check():
    """The tests that need it must not be skipped unseen where all was built."""
    if not (pathlib.Path(__file__).parents[3] / "build/bin/kmlopsctl").exists():
        pytest.skip("nothing was built")
    assert WRITER.exists() and shutil.which(str(WRITER))


def test_replay(export, tmp_path, monkeypatch):
    """The tool is one that keeps what it is given."""
    columns = [("time", "u64", 1, "ns", "row"), ("seq", "u64", 1, None, "row"),
               ("pid", "u32", 1, None, "key"), ("comm", "char", 5, None, "value"),
               ("last", "u32", 2, None, "value")]
    store = {"name": "store", "key_size": 4, "value_size": 16,
             "key": [{"name": "pid", "offset": 0}],
             "value": [{"name": "comm", "offset": 0}, {"name": "last", "offset": 8}]}
    path = export(columns, [(5, 6, 7, b"init", [8, 9]), (7, 8, 1, b"", [0, 2**32 - 1])],
                  changes={"store": store})
    tool = tmp_path / "tool"
    tool.write_text("#!/bin/sh\n"
                    f'echo "$@" >{tmp_path}/words; cp "$6" {tmp_path}/given.npy\n'
                    """echo '{"store":"copy","rows":2}'\n""")
    tool.chmod(0o755)
    monkeypatch.setenv("KMLOPSCTL", str(tool))
    assert kernmlops.replay(path, "copy", speed=None) == {"store": "copy", "rows": 2}
    words = (tmp_path / "words").read_text().split()
    assert words[:4] == ["-j", "store", "replay", "copy"] and words[6:] == ["speed", "max"]
    given = np.load(tmp_path / "given.npy")
    assert np.array_equal(given["last"], kernmlops.read(path)["last"])
    assert given.dtype.itemsize == 40 and given["comm"].tolist() == [b"init", b""]
    kernmlops.replay(kernmlops.read(path), "copy", speed=2.5)
    assert (tmp_path / "words").read_text().split()[6:] == ["speed", "2.5"]
