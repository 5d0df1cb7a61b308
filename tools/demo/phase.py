# SPDX-License-Identifier: GPL-2.0-only
"""What one phase of the demo recorded: wakeups, and what became of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import accuracy_score, balanced_accuracy_score, roc_auc_score

import kernmlops

# Counters of the collector that tell of events it could not record.
UNSEEN = ["capture_errors", "outcome_errors", "state_errors", "recursion_misses"]

CPU_BITS = 12       # of seq, see struct kmlops_row
POSITION = (1 << (64 - CPU_BITS)) - 1

# Input vector of the model: RUNQUEUE_INPUTS of bpf/runqueue.h, in that order.
INPUTS = [
    "since_ran", "last_run", "wait_1", "wait_2", "wait_3", "wait_4",
    "nr_running", "prio", "nice",
    "cross_cpu", "remote", "same_process", "same_waker", "by_idle", "is_new",
]


@dataclass
class Store:
    """What became of the rows of one store."""

    name: str
    captured: int
    exported: int
    lost: int
    bytes: int


@dataclass
class Phase:
    """Wakeups joined with their outcomes, and the books of the collector."""

    wakeups: pd.DataFrame
    """Every row of the store runqueue, in order of time."""
    pairs: pd.DataFrame
    """The rows that have an outcome, with its columns: wait, outcome_time..."""
    orphans: int
    """Outcomes of which the wakeup is not there; always 0 unless rows are lost."""
    stores: list[Store]
    counters: dict[str, int]
    machine: dict[str, Any]
    start: int
    """Time of the first row."""

    @property
    def lost(self) -> int:
        """Rows lost, of all stores."""
        return sum(store.lost for store in self.stores)

    @property
    def unseen(self) -> int:
        """Events of the scheduler that the collector could not record."""
        return sum(self.counters.get(name, 0) for name in UNSEEN)


def load_json(path: Path) -> Any:
    """The content of a JSON file."""
    return json.loads(path.read_text())


def load(directory: Path) -> Phase:
    """Read what `demo` left in the directory of a phase."""
    exports = {name: kernmlops.read(directory / f"{name}.npy")
               for name in ("runqueue", "runqueue_wait", "runqueue_prediction")
               if (directory / f"{name}.npy").exists()}
    described = {store["name"]: store for store in load_json(directory / "stores.json")}
    wakeups = exports["runqueue"].to_pandas()
    outcomes = exports["runqueue_wait"].to_pandas()
    pairs = join(wakeups, outcomes, "outcome")
    collector = load_json(directory / "collector.json")
    counters = {name: int(value) for name, value in collector["counters"].items()}
    counters["recursion_misses"] = sum(program["recursion_misses"]
                                       for program in collector.get("programs", []))
    if (directory / "model.json").exists():
        counters["inferences"] = load_json(directory / "model.json")["inferences"]
    return Phase(
        wakeups=wakeups,
        pairs=pairs,
        orphans=len(outcomes) - len(pairs),
        stores=[account(described[name], rows) for name, rows in exports.items()],
        counters=counters,
        machine=load_json(directory / "machine.json"),
        start=int(wakeups["time"].min()),
    )


def join(wakeups: pd.DataFrame, others: pd.DataFrame, prefix: str) -> pd.DataFrame:
    """Wakeups with the rows about them: those of the same task that name the
    wakeup's time. Never by position; a second row for a wakeup is an error."""
    taken = {name: f"{prefix}_{name}" for name in ("time", "seq", "cpu") if name in others}
    return wakeups.merge(
        others.rename(columns=taken), left_on=["pid", "time"], right_on=["pid", "woken_at"],
        validate="one_to_one",
    ).drop(columns="woken_at").sort_values("time", ignore_index=True)


def account(store: dict[str, Any], rows: kernmlops.Rows) -> Store:
    """Rows lost, from the kernel's counters and again from the rows themselves:
    the rows of each CPU are numbered from 1, and no number may be missing."""
    seq = rows.to_numpy()["seq"]
    cpu, position = seq >> np.uint64(64 - CPU_BITS), seq & np.uint64(POSITION)
    missing = sum(int(position[cpu == one].max()) - int((cpu == one).sum())
                  for one in np.unique(cpu))
    counted = store["overwritten"] + store["dropped"] + store["truncated"]
    return Store(name=store["name"], captured=store["captured"], exported=len(rows),
                 lost=max(missing, counted, rows.lost, store["captured"] - len(rows)),
                 bytes=store["bytes"])


def score(truth: Any, answer: Any, rank: Any) -> dict[str, float]:
    """How good answers (0 or 1) are, and how well `rank` orders the rows."""
    return {
        "accuracy": float(accuracy_score(truth, answer)),
        "balanced_accuracy": float(balanced_accuracy_score(truth, answer)),
        "auc": float(roc_auc_score(truth, rank)),
    }


def duration(ns: float) -> str:
    """A duration for people."""
    for unit, size in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        if abs(ns) >= size:
            return f"{ns / size:.4g} {unit}"
    return f"{ns:.0f} ns"
