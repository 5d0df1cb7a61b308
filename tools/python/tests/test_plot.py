# SPDX-License-Identifier: GPL-2.0-only
"""Pictures show what is in the rows."""

import numpy as np
import pytest

import kernmlops

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
pytest.importorskip("pandas")


@pytest.fixture
def rows(export):
    columns = [("time", "u64", 1, "ns", "row"), ("seq", "u64", 1, None, "row"),
               ("wait", "u64", 1, "ns", "value"), ("last", "u32", 2, None, "value")]
    return kernmlops.read(export(columns, [
        (2**62 + 10**9 * i, i + 1 + 3 * (i > 5), 2**i, [i, 0]) for i in range(10)]))


@pytest.fixture(autouse=True)
def close():
    yield
    import matplotlib.pyplot as plt

    plt.close("all")


def test_timeline(rows):
    ax = kernmlops.plot.timeline(rows, "wait")
    x, y = ax.lines[0].get_data()
    assert x.tolist() == list(range(10)) and y.tolist() == [2.0**i for i in range(10)]
    assert ax.get_ylabel() == "wait (ns)" and ax.get_xlabel() == "time (s)"
    # Three rows are missing between 5 s and 6 s.
    assert [patch.get_xy()[:, 0].min() for patch in ax.patches] == [5]
    assert [patch.get_xy()[:, 0].max() for patch in ax.patches] == [6]
    assert not kernmlops.plot.timeline(rows, "wait", gaps=False).patches
    frame = kernmlops.plot.timeline(rows.to_pandas(), "wait")
    assert frame.get_ylabel() == "wait (ns)"


def test_peaks_of_many_rows_are_kept():
    nr = 1_000_000
    wait = np.zeros(nr)
    wait[[123_456, 777_777]] = 1e9, -1e9
    rows = kernmlops.Rows({"time": np.arange(nr, dtype=np.uint64),
                           "seq": np.arange(1, nr + 1, dtype=np.uint64), "wait": wait},
                          {"columns": []})
    y = kernmlops.plot.timeline(rows, "wait").lines[0].get_ydata()
    assert len(y) <= kernmlops.plot.POINTS_MAX
    assert y.max() == 1e9 and y.min() == -1e9


def test_histogram(rows):
    ax = kernmlops.plot.histogram(rows, "wait", bins=9, log=True)
    assert sum(bar.get_height() for bar in ax.patches) == 10
    assert ax.get_xscale() == "log" and len(ax.patches) == 9
    assert sum(bar.get_height()
               for bar in kernmlops.plot.histogram(rows, "last_0").patches) == 10


def test_cdf(rows):
    x, y = kernmlops.plot.cdf(rows, "wait").lines[0].get_data()
    assert x.tolist() == [2.0**i for i in range(10)]
    assert np.allclose(y, np.arange(1, 11) / 10)


def test_heatmap(rows):
    ax = kernmlops.plot.heatmap(rows, "wait", bins=10)
    assert ax.collections[0].get_array().sum() == 10
    assert kernmlops.plot.heatmap(rows, "wait", by="last_0").get_xlabel() == "last_0"


def test_given_axes_and_no_rows(export):
    columns = [("time", "u64", 1, "ns", "row"), ("seq", "u64", 1, None, "row"),
               ("wait", "u64", 1, "ns", "value")]
    none = kernmlops.read(export(columns, []))
    import matplotlib.pyplot as plt

    for draw in (kernmlops.plot.timeline, kernmlops.plot.histogram, kernmlops.plot.cdf,
                 kernmlops.plot.heatmap):
        ax = plt.subplots()[1]
        assert draw(none, "wait", ax=ax) is ax


def test_refused(rows):
    with pytest.raises(KeyError, match="there is no column nope"):
        kernmlops.plot.cdf(rows, "nope")
    with pytest.raises(KeyError, match="column last is an array"):
        kernmlops.plot.cdf(rows, "last")
