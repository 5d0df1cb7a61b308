# SPDX-License-Identifier: GPL-2.0-only
"""The demo's train and report, on runs that are made up: a good one, and ones
where a row is lost, the kernel disagrees or a prediction is late."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pandas")
pytest.importorskip("sklearn")

from conftest import packed  # noqa: E402
import kernmlops  # noqa: E402

sys.path.insert(0, str(Path(__file__).parents[2] / "demo"))
import report  # noqa: E402
import train  # noqa: E402

ROWS = 4000
HEAD = [("time", "u64", 1, "ns", "row"), ("seq", "u64", 1, None, "row"),
        ("pid", "u32", 1, None, "key")]
FEATURES = [(name, "u64", 1, "ns", "value")
            for name in ("since_ran", "last_run", "wait_1", "wait_2", "wait_3", "wait_4")] + [
    ("nr_running", "u32", 1, None, "value"), ("prio", "s32", 1, None, "value"),
    ("nice", "s32", 1, None, "value"), ("cpu", "u32", 1, None, "value")] + [
    (name, "u32", 1, None, "value")
    for name in ("cross_cpu", "remote", "same_process", "same_waker", "by_idle", "is_new")]
WAIT = [("woken_at", "u64", 1, "ns", "value"), ("wait", "u64", 1, "ns", "value"),
        ("cpu", "u32", 1, None, "value"), ("migrated", "u32", 1, None, "value")]
PREDICTION = [("woken_at", "u64", 1, "ns", "value")] + [
    (name, "s64", 1, None, "value") for name in ("label", "score", "error")]


def write(directory, name, columns, values):
    """An export in order of time, its rows numbered on two CPUs; its store."""
    columns = HEAD + columns
    rows = np.zeros(len(values["time"]), np.lib.format.descr_to_dtype(packed(columns)))
    for column, *_ in columns:
        rows[column] = values.get(column, 0)
    rows = rows[np.argsort(rows["time"], kind="stable")]
    cpu = np.arange(len(rows), dtype=np.uint64) % np.uint64(2)
    rows["seq"] = (cpu << np.uint64(52)) + np.arange(len(rows), dtype=np.uint64) // 2 + 1
    save(directory, name, columns, rows)
    return {"name": name, "captured": len(rows), "overwritten": 0, "dropped": 0, "truncated": 0,
            "bytes": 1 << 20}


def save(directory, name, columns, rows):
    path = directory / f"{name}.npy"
    with open(path, "wb") as file:
        np.lib.format.write_array_header_1_0(file, {
            "descr": packed(columns), "fortran_order": False, "shape": rows.shape})
        file.write(rows.tobytes())
    path.with_name(path.name + ".meta.json").write_text(json.dumps({
        "store": {"name": name}, "rows": len(rows), "lost": 0, "clock": "CLOCK_MONOTONIC",
        "columns": [{"name": n, "type": t, "count": c, "unit": u, "origin": o}
                    for n, t, c, u, o in columns]}))


def make_phase(directory, seed, model=None):
    """Tasks that wait long if they did before or if the queue is long."""
    directory.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    time = 10**12 + np.arange(ROWS) * 10**7
    queue, before = rng.poisson(2, ROWS) + 1, rng.lognormal(11, 2, ROWS)
    wait = ((before + 50000 * queue) * rng.lognormal(0, 0.5, ROWS)).astype(np.int64) % 10**9 + 2000
    wakeups = {"time": time, "pid": rng.integers(100, 120, ROWS), "nr_running": queue,
               "wait_1": before.astype(np.int64), "prio": 120}
    done = np.arange(ROWS) % 100 != 7       # some tasks never ran
    outcomes = {"time": (time + wait)[done], "pid": wakeups["pid"][done], "wait": wait[done],
                "woken_at": time[done]}
    stores = [write(directory, "runqueue", FEATURES, wakeups),
              write(directory, "runqueue_wait", WAIT, outcomes)]
    if model:
        reference = kernmlops.Reference(model)
        words = reference.outputs(np.column_stack(
            [np.broadcast_to(wakeups.get(name, 0), ROWS) for name in reference.inputs]))
        stores.append(write(directory, "runqueue_prediction", PREDICTION, {
            "time": time + 1000, "pid": wakeups["pid"], "woken_at": time,
            "label": words[:, 0], "score": words[:, 2]}))
        (directory / "model.json").write_text(json.dumps({"inferences": ROWS}))
    (directory / "stores.json").write_text(json.dumps(stores))
    (directory / "collector.json").write_text(json.dumps({
        "counters": {"wakeups": ROWS, "outcomes": int(done.sum()), "exited": int((~done).sum())},
        "programs": [{"name": "sched_switch", "recursion_misses": 0}]}))
    (directory / "machine.json").write_text(json.dumps({
        "kernel": "6.12.0", "os": "", "cpu": "none", "cpus": 2, "memory_kb": 1 << 20}))


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    run = tmp_path_factory.mktemp("demo") / "run"
    make_phase(run / "capture", 1)
    train.main(run)
    make_phase(run / "predict", 2, run / "train" / "rq_wait.kmml")
    return run


@pytest.fixture
def run(original, tmp_path):
    return Path(shutil.copytree(original, tmp_path / "run"))


def test_good_run(run, capsys):
    assert report.main(run) == 0
    out = capsys.readouterr().out
    assert "kernel = scikit-learn on 4,000 of 4,000 rows (100%)" in out
    assert "kernel = kernmlops.Reference on 4,000 of 4,000 rows (100%)" in out
    assert "predicted before the outcome: 3,960 of 3,960" in out
    assert "The tree beats the majority rule in accuracy" in out and "!!!" not in out
    assert out.rstrip().endswith(str(run / "report.html"))
    html = (run / "report.html").read_text()
    assert html.count("<svg") == 8 and "http" not in html and "<script" not in html


def alter(run, name, change):
    """Change the rows of an export of the predict phase."""
    columns = HEAD + {"runqueue": FEATURES, "runqueue_wait": WAIT,
                      "runqueue_prediction": PREDICTION}[name]
    rows = np.load(run / "predict" / f"{name}.npy")
    save(run / "predict", name, columns, change(rows))


def changed(rows, column, index, value):
    rows[column][index] = value
    return rows


@pytest.mark.parametrize("name, change, failure", [
    ("runqueue_prediction", lambda rows: changed(rows, "score", 5, rows["score"][5] + 1),
     "kernel and scikit-learn DISAGREE on 1 of 4000 rows"),
    ("runqueue_prediction", lambda rows: changed(rows, "label", 5, 1 - rows["label"][5]),
     "kernel and kernmlops.Reference DISAGREE on 1 of 4000 rows"),
    ("runqueue_prediction", lambda rows: changed(rows, "error", 5, -2),
     "the model could not be asked at 1 wakeups"),
    ("runqueue_prediction", lambda rows: changed(rows, "time", 5, rows["time"][5] + 10**10),
     "1 predictions came after the outcome"),
    ("runqueue_prediction", lambda rows: rows[1:],
     "1 ROWS LOST of store runqueue_prediction in phase predict"),
    ("runqueue", lambda rows: np.delete(rows, 9), "1 ROWS LOST of store runqueue in phase predict"),
    ("runqueue", lambda rows: np.delete(rows, 9),
     "1 outcomes of phase predict belong to no wakeup"),
])
def test_bad_runs(run, capsys, name, change, failure):
    alter(run, name, change)
    assert report.main(run) == 1
    assert f"!!! {failure}" in capsys.readouterr().out


def test_events_not_recorded(run, capsys):
    path = run / "predict" / "collector.json"
    collector = json.loads(path.read_text())
    collector["counters"]["state_errors"] = 3
    path.write_text(json.dumps(collector))
    assert report.main(run) == 1
    assert "!!! 3 EVENTS NOT RECORDED in phase predict: state_errors" in capsys.readouterr().out


def test_order_of_rows_does_not_matter(run, capsys):
    # Rows are joined by task and time: any order gives the same result.
    report.main(run)
    before = json.loads((run / "results.json").read_text())
    for name in ("runqueue_wait", "runqueue_prediction"):
        alter(run, name, lambda rows: rows[::-1])
    assert report.main(run) == 0
    assert json.loads((run / "results.json").read_text()) == before


def test_threshold_is_taken_from_training_rows(run):
    metrics = json.loads((run / "train" / "metrics.json").read_text())
    assert 0.1 <= metrics["long"]["train"] <= 0.25
    assert metrics["rows"]["train"] + metrics["rows"]["validation"] <= ROWS * 99 // 100
