# SPDX-License-Identifier: GPL-2.0-only
"""Rows of a store in the kernel, read live, and captured once more."""

import subprocess

import numpy as np
import pytest

import kernmlops

SCHEMA = "x:u64:ns,y:s32,name:char[6],pair:u16[2],load:f32"


def tool(*words):
    subprocess.run(["kmlopsctl", *words], check=True, capture_output=True)


@pytest.fixture
def stores():
    for name in ("live", "again"):
        tool("store", "register", name, "schema", SCHEMA, "key", "u32", "rows", "100")
    yield
    for name in ("live", "again"):
        tool("store", "unregister", name)


def test_live_and_replay(stores):
    assert len(kernmlops.read("live")) == 0
    for i in range(4):
        tool("store", "push", "live", "key", str(i % 2), f"x={2**63 + i}", f"y={-i}",
             f"name=n{i}", f"pair={i}:7", "load=nan" if i == 2 else f"load={i}.5")
    rows = kernmlops.read("live")
    assert rows.store == "live" and rows.keys == ["key"] and rows.lost == 0
    assert rows["x"].tolist() == [2**63 + i for i in range(4)]
    assert rows["pair"].tolist() == [[i, 7] for i in range(4)]
    assert np.isnan(rows["load"]).tolist() == [False, False, True, False]
    frame = rows.to_pandas()
    assert frame["name"].tolist() == ["n0", "n1", "n2", "n3"]

    result = kernmlops.replay(rows, "again", speed=None)
    assert (result["rows"], result["refused"]) == (4, 0)
    again = kernmlops.read("again")
    for name in rows.columns:
        if name == "time":
            assert (again[name] > rows[name][-1]).all()
        elif name != "seq":
            assert np.array_equal(again[name], rows[name], equal_nan=name == "load"), name


def test_refused():
    with pytest.raises(kernmlops.KernelError, match="there is no store of that name"):
        kernmlops.read("nosuchstore")
