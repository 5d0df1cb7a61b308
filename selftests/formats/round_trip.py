# SPDX-License-Identifier: GPL-2.0-only
"""round_trip.py model FILE | check DIR: a model for in-vm.sh; and whether what it
left in DIR is what the Python package says. Prints TAP."""

import json
import os
import sys
import traceback

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier

import kernmlops
from kernmlops.replay import write_packed

FORMATS = ["npy", "csv", "jsonl", "arrow", "parquet"]


def make_model(path):
    rng = np.random.default_rng(5)
    X = pd.DataFrame({"x": rng.integers(0, 100000, 2000), "y": rng.integers(-2000, 2000, 2000)})
    label = (X.x > 30000).astype(int) + (X.y * 50 > X.x)
    model = RandomForestClassifier(5, max_depth=6, random_state=0).fit(X, label)
    kernmlops.convert(model, X).save(path)


def same(a, b):
    return a.columns == b.columns and all(np.array_equal(a[name], b[name]) for name in a.columns)


def check_formats(path):
    rows = kernmlops.read(f"{path}/s.npy")
    assert len(rows) == 400 and rows.lost == 0 and not len(rows.gaps())
    for form in FORMATS:
        assert same(kernmlops.read(f"{path}/s.{form}"), rows), form
    assert same(kernmlops.read(f"{path}/s.arrows"), rows), "arrows"


def check_run(path):
    run = kernmlops.read(f"{path}/run")
    assert list(run) == ["s"]
    assert sorted(os.listdir(f"{path}/run/s")) == [
        "_meta.json", "part-00000.parquet", "part-00001.parquet", "part-00002.parquet"]
    assert same(run["s"], kernmlops.read(f"{path}/s.npy"))
    assert run["s"].units == {"time": "ns", "x": "ns"}


class Skip(Exception):
    pass


def dask_dataframe():
    try:
        import dask.dataframe
    except ImportError:
        raise Skip("dask is not installed") from None
    return dask.dataframe


def same_table(table, path):
    """A DataFrame of Dask has the rows of the table; its partitions are the files."""
    rows = kernmlops.read(f"{path}/s.npy").to_pandas()
    assert table.npartitions == 3, table.npartitions
    read = table.compute().reset_index(drop=True)
    assert set(read.columns) - {"clock"} == set(rows.columns)   # lines of JSON say it
    for name in rows.columns:
        assert (read[name] == rows[name]).all(), name


def check_dask_text(path):
    frames = dask_dataframe()
    same_table(frames.read_csv(f"{path}/run-csv/s/*.csv"), path)
    same_table(frames.read_json(f"{path}/run-jsonl/s/*.jsonl", lines=True), path)


def check_dask_parquet(path):
    frames = dask_dataframe()
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        raise Skip("pyarrow, which Dask reads Parquet with, is not installed") from None
    same_table(frames.read_parquet(f"{path}/run/s"), path)


def check_dump(path):
    """What dump prints is the same stream, less what only an export knows."""
    os.link(f"{path}/s.arrows.meta.json", f"{path}/dump.arrows.meta.json")
    assert same(kernmlops.read(f"{path}/dump.arrows"), kernmlops.read(f"{path}/s.npy"))


def check_asof(path):
    """asof_join = store get NAME key K at T, for each of the questions."""
    asked = pd.DataFrame([line.split()[4::2] for line in open(f"{path}/get.batch")],
                         columns=["key", "time"]).astype(np.uint64)
    answers = [json.loads(line) for line in open(f"{path}/asof.jsonl")]
    first = pd.read_csv(f"{path}/first", sep=" ", names=["key", "time"]).astype(np.uint64)
    assert len(asked) == len(answers) > 1000 and len(first) == 5
    joined = kernmlops.asof_join(asked, kernmlops.read(f"{path}/s.parquet"), "key")
    for name in ("seq", "x", "y", "name"):
        assert joined[name].tolist() == [answer[name] for answer in answers], name
    assert joined["time_feature"].tolist() == [answer["time"] for answer in answers]
    # The kernel refused these: there was no such row yet.
    refused = open(f"{path}/refused").read().splitlines()
    assert refused == ["kmlopsctl: the store has no row of that key"] * 5
    none = kernmlops.asof_join(first, kernmlops.read(f"{path}/s.parquet"), "key")
    assert none["x"].isna().all()


def check_backtest(path):
    """backtest = what the kernel said of the same rows, word for word."""
    kernel = np.loadtxt(f"{path}/answers.csv", np.int64, delimiter=",", skiprows=1)
    test = kernmlops.backtest(f"{path}/model.kmml", f"{path}/s.parquet")
    assert kernel.shape == test.outputs.shape and len(kernel) == 400
    assert np.array_equal(kernel, test.outputs)
    assert len(np.unique(test.predictions)) == 3


def check_packed(path):
    """What Python writes for a replay is what kmlopsctl exported, to the byte."""
    for name in ("s.npy", "s.parquet", "s.arrow", "run"):
        rows = kernmlops.read(f"{path}/{name}")
        write_packed(rows["s"] if name == "run" else rows, f"{path}/packed.npy")
        with open(f"{path}/packed.npy", "rb") as ours, open(f"{path}/s.npy", "rb") as theirs:
            assert ours.read() == theirs.read(), name


CHECKS = {
    "every format has the same rows": check_formats,
    "a table of files is read as one": check_run,
    "Dask reads a directory of text as one table": check_dask_text,
    "and one of Parquet": check_dask_parquet,
    "a dump is a stream of Arrow": check_dump,
    "an as-of join is the kernel's read as of a time": check_asof,
    "a backtest is what the kernel says": check_backtest,
    "packed rows are made of any format, to the byte": check_packed,
}


def main():
    if sys.argv[1] == "model":
        make_model(sys.argv[2])
        return 0
    failed = 0
    for number, (what, check) in enumerate(CHECKS.items(), 1):
        try:
            check(sys.argv[2])
            print(f"ok {number} - {what}")
        except Skip as reason:
            print(f"ok {number} - {what} # SKIP {reason}")
        except Exception:
            failed = 1
            print(f"not ok {number} - {what}")
            print("# " + traceback.format_exc().replace("\n", "\n# "))
    return failed


if __name__ == "__main__":
    sys.exit(main())
