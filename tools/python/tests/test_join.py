# SPDX-License-Identifier: GPL-2.0-only
"""Point-in-time joins: right by brute force, and without a look ahead."""

import numpy as np
import pytest

import kernmlops

pd = pytest.importorskip("pandas")


def latest(features, keys, key, time, before, tolerance):
    """What the definition says, row by row."""
    best = None
    for i, row in enumerate(features.itertuples(index=False)):
        row = row._asdict()
        if any(row[name] != value for name, value in zip(keys, key)) or row["time"] > time or \
                (before and row["time"] == time):
            continue
        if best is None or row["time"] >= best[0]:
            best = row["time"], i
    if best is None or (tolerance is not None and time - best[0] > tolerance):
        return None
    return best[1]


@pytest.mark.parametrize("keys", [["pid"], ["pid", "comm"]])
@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("tolerance", [None, 5])
def test_random(keys, before, tolerance):
    rng = np.random.default_rng(len(keys) + 2 * before + (tolerance or 0))
    start = 2**62           # a float would round these times

    def rows(nr, **more):
        return pd.DataFrame({
            "time": (np.sort(rng.integers(0, 60, nr)) + start).astype(np.uint64),
            "pid": rng.integers(0, 5, nr).astype(np.uint32),
            "comm": rng.choice(["a", "b"], nr), **more})

    labels = rows(200, outcome=rng.integers(0, 2, 200))
    features = rows(150, x=np.arange(150, dtype=np.uint64) + 2**63)
    joined = kernmlops.asof_join(labels, features, keys, tolerance, before=before)
    assert len(joined) == 200 and list(joined.index) == list(labels.index)
    missing = 0
    for i in range(200):
        found = latest(features, keys, [labels[name][i] for name in keys],
                       int(labels["time"][i]), before, tolerance)
        if found is None:
            missing += 1
            assert joined["x"][i] is pd.NA and joined["feature_age"][i] is pd.NA
        else:
            assert joined["x"][i] == 2**63 + found
            assert joined["time_feature"][i] == features["time"][found]
            assert joined["feature_age"][i] == labels["time"][i] - features["time"][found]
    assert 0 < missing < 200
    assert joined["x"].dtype == "UInt64" and joined["outcome"].tolist() == \
        labels["outcome"].tolist()


def frames():
    labels = pd.DataFrame({"time": [10, 20, 30], "pid": [1, 1, 2], "y": [0, 1, 0]})
    features = pd.DataFrame({"time": [10, 15, 30], "pid": [1, 1, 2], "x": [100, 150, 300]})
    return labels, features


def test_all_found_keeps_types():
    labels, features = frames()
    joined = kernmlops.asof_join(labels, features, "pid")
    assert joined["x"].tolist() == [100, 150, 300] and joined["x"].dtype == np.int64
    assert joined["feature_age"].tolist() == [0, 5, 0]
    assert list(joined.columns) == ["time", "pid", "y", "time_feature", "x", "feature_age"]
    assert list(kernmlops.asof_join(labels, features, "pid", prefix="f.").columns) == \
        ["time", "pid", "y", "f.time", "f.x", "feature_age"]


def test_nothing_found():
    labels, features = frames()
    joined = kernmlops.asof_join(labels, features.iloc[:0], "pid")
    assert joined["x"].isna().all() and len(joined) == 3
    assert len(kernmlops.asof_join(labels.iloc[:0], features, "pid")) == 0


def test_keys_of_other_types():
    labels, features = frames()
    labels["pid"] = np.array([-1, 1, 2], np.int64)
    features["pid"] = np.array([2**64 - 1, 1, 2], np.uint64)
    assert kernmlops.asof_join(labels, features, "pid")["x"].isna().tolist() == \
        [True, False, False]


def test_refused():
    labels, features = frames()
    with pytest.raises(KeyError, match="features has no column comm"):
        kernmlops.asof_join(labels.assign(comm="a"), features, ["pid", "comm"])
    with pytest.raises(KeyError, match="label has no column decided"):
        kernmlops.asof_join(labels, features, "pid", at="decided")
    with pytest.raises(TypeError, match="time is float64, times are integers"):
        kernmlops.asof_join(labels.assign(time=1.5), features, "pid")


def leaky():
    """A store that is captured by the event that also gives the label: its last
    value is the outcome. `decided` is when the outcome was still unknown."""
    rng = np.random.default_rng(1)
    nr = 400
    decided = np.arange(nr, dtype=np.int64) * 100 + 1000
    outcome = rng.integers(0, 2, nr)
    key = np.zeros(nr, np.int64)
    labels = pd.DataFrame({"time": decided + 50, "pid": key, "decided": decided,
                           "outcome": outcome})
    features = pd.DataFrame({"time": decided + 50, "pid": key, "last": outcome})
    return labels, features


def test_leak_is_avoided():
    labels, features = leaky()

    def agreement(**how):
        joined = kernmlops.asof_join(labels, features, "pid", **how)
        there = joined["last"].notna()
        return (joined["last"][there] == joined["outcome"][there]).mean()

    # The trap: the feature is the outcome itself.
    assert agreement() == 1
    # At the time of the decision, or strictly before, it is a coin.
    assert 0.4 < agreement(at="decided") < 0.6
    assert 0.4 < agreement(before=True) < 0.6


def test_row_joined_with_itself_is_refused(export):
    columns = [("time", "u64", 1, "ns", "row"), ("seq", "u64", 1, None, "row"),
               ("pid", "u32", 1, None, "key"), ("wait", "u64", 1, "ns", "value")]
    rows = kernmlops.read(export(columns, [(10, 1, 1, 5), (20, 2, 1, 6), (30, 3, 1, 7)]))
    with pytest.raises(kernmlops.LeakError, match="3 label rows of store store are joined with"):
        kernmlops.asof_join(rows, rows, "pid")
    joined = kernmlops.asof_join(rows, rows, "pid", before=True)
    assert joined["wait_feature"].tolist() == [pd.NA, 5, 6]
    with pytest.raises(kernmlops.LeakError):
        kernmlops.asof_join(rows.to_pandas(), rows.to_pandas(), "pid")
