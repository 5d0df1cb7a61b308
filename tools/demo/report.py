#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Compare what the kernel predicted with what then happened.

    report.py DIR: reads all that the demo left in DIR, prints a table and
    writes DIR/report.html

Exits with 1 if rows were lost, if a prediction came after its outcome, or if
kernel, scikit-learn and the reference disagree on any row.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd

import kernmlops
import page
from phase import INPUTS, UNSEEN, Phase, duration, join, load, load_json, score

MEASURES = {"accuracy": "accuracy", "balanced_accuracy": "balanced accuracy", "auc": "AUC"}
RULES = {"tree": "decision tree", "stump": "one-rule stump", "majority": "majority rule"}


@dataclass
class Evaluation:
    """What the report is about."""

    directory: Path
    capture: Phase
    predict: Phase
    metrics: dict[str, Any]
    reference: kernmlops.Reference
    trees: dict[str, Any]
    rows: pd.DataFrame
    """Wakeups of the predict phase that have a prediction and an outcome."""
    predicted: int
    """Wakeups that have a prediction."""
    errors: int
    """Predictions where the model could not be asked."""
    agreement: dict[str, int]
    """Of the predictions, how many are equal to those of ..."""
    before: int
    """Of `rows`, how many predictions came before the outcome."""
    scores: dict[str, dict[str, float]]

    @property
    def threshold(self) -> int:
        """A wait above this is long, in ns."""
        return self.metrics["threshold_ns"]

    @property
    def lost(self) -> int:
        """Rows lost in both phases."""
        return self.capture.lost + self.predict.lost

    def failures(self) -> list[str]:
        """What must not be, as sentences."""
        out = []
        for name, phase in (("capture", self.capture), ("predict", self.predict)):
            out += [f"{store.lost} ROWS LOST of store {store.name} in phase {name}"
                    for store in phase.stores if store.lost]
            out += [f"{phase.counters[counter]} EVENTS NOT RECORDED in phase {name}: {counter}"
                    for counter in UNSEEN if phase.counters.get(counter)]
            if phase.orphans:
                out.append(f"{phase.orphans} outcomes of phase {name} belong to no wakeup")
        if self.errors:
            out.append(f"the model could not be asked at {self.errors} wakeups")
        if self.predicted < len(self.predict.wakeups):
            out.append(f"{len(self.predict.wakeups) - self.predicted} wakeups have no prediction")
        for other, equal in self.agreement.items():
            if equal != self.predicted:
                out.append(f"kernel and {other} DISAGREE on {self.predicted - equal} "
                           f"of {self.predicted} rows")
        if self.before != len(self.rows):
            out.append(f"{len(self.rows) - self.before} predictions came after the outcome")
        return out

    def verdicts(self) -> list[tuple[bool, str]]:
        """Whether the model is worth having: one sentence per baseline."""
        out = []
        for rule in ("majority", "stump"):
            better: list[str] = []
            worse: list[str] = []
            for measure, name in MEASURES.items():
                ours, theirs = self.scores["tree"][measure], self.scores[rule][measure]
                (better if ours > theirs else worse).append(
                    f"{name} ({ours:.3f} against {theirs:.3f})")
            if better:
                out.append((True, f"The tree beats the {RULES[rule]} in {_listed(better)}."))
            if worse:
                out.append((False,
                            f"The tree does NOT beat the {RULES[rule]} in {_listed(worse)}."))
        return out


def _listed(items: list[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def evaluate(directory: Path) -> Evaluation:
    """Take all numbers of the report from the files of a run."""
    metrics = load_json(directory / "train" / "metrics.json")
    trees = joblib.load(directory / "train" / "trees.joblib")
    reference = kernmlops.Reference(directory / "train" / "rq_wait.kmml")
    capture, predict = load(directory / "capture"), load(directory / "predict")

    predictions = kernmlops.read(directory / "predict" / "runqueue_prediction.npy").to_pandas()
    asked = join(predict.wakeups, predictions, "prediction")
    X = asked[INPUTS].astype(np.int64)
    kernel = asked[["label", "score"]].to_numpy()
    sklearn_scores = np.rint(np.ldexp(trees["tree"].predict_proba(X)[:, 1],
                                      reference.fraction_bits)).astype(np.int64)
    others = {
        "scikit-learn": np.column_stack([trees["tree"].predict(X), sklearn_scores]),
        "kernmlops.Reference": reference.outputs(X)[:, [0, 2]],
    }

    outcome = predict.pairs[["pid", "time", "outcome_time", "outcome_cpu", "wait", "migrated"]]
    rows = asked.merge(outcome, on=["pid", "time"], validate="one_to_one")
    truth = rows["wait"] > metrics["threshold_ns"]
    X = rows[INPUTS].astype(np.int64)
    stump, majority = trees["stump"], metrics["majority"]
    return Evaluation(
        directory=directory, capture=capture, predict=predict, metrics=metrics,
        reference=reference, trees=trees, rows=rows, predicted=len(asked),
        errors=int((asked["error"] != 0).sum()),
        agreement={name: int((kernel == words).all(axis=1).sum())
                   for name, words in others.items()},
        before=int((rows["prediction_time"] < rows["outcome_time"]).sum()),
        scores={
            "tree": score(truth, rows["label"], rows["score"]),
            "stump": score(truth, stump.predict(X), stump.predict_proba(X)[:, 1]),
            "majority": score(truth, np.full(len(rows), majority), np.zeros(len(rows))),
        },
    )


def print_table(run: Evaluation) -> None:
    """The result, for the terminal."""
    def line(name: str, *cells: Any) -> None:
        print(f"  {name:34}" + "".join(f"{cell:>14}" for cell in cells))

    print()
    line("rows captured", "capture", "predict")
    second = {store.name: store for store in run.predict.stores}
    first = {store.name: store for store in run.capture.stores}
    for name, store in second.items():
        line(f"  {name}", f"{first[name].captured:,}" if name in first else "-",
             f"{store.captured:,}")
    line("rows lost", run.capture.lost, run.predict.lost)
    line("events not recorded", run.capture.unseen, run.predict.unseen)
    line("wakeups without outcome", len(run.capture.wakeups) - len(run.capture.pairs),
         len(run.predict.wakeups) - len(run.predict.pairs))
    print()
    print(f"  a wait is long above {duration(run.threshold)} (chosen from the training rows); "
          f"long: {run.metrics['long']['train']:.1%} of training, "
          f"{(run.rows['wait'] > run.threshold).mean():.1%} of prediction rows")
    print()
    line("", "training", "validation", "in the kernel")
    line("rows", f"{run.metrics['rows']['train']:,}", f"{run.metrics['rows']['validation']:,}",
         f"{len(run.rows):,}")
    for measure, name in MEASURES.items():
        for rule, title in RULES.items():
            line(f"{name if rule == 'tree' else '':19}{title}",
                 *(f"{scores[rule][measure]:.4f}" for scores in
                   (run.metrics["train"], run.metrics["validation"], run.scores)))
    print()
    for name, equal in run.agreement.items():
        share = equal / run.predicted if run.predicted else 0
        print(f"  kernel = {name} on {equal:,} of {run.predicted:,} rows "
              f"({share:.{0 if share in (0, 1) else 4}%})")
    print(f"  predicted before the outcome: {run.before:,} of {len(run.rows):,}")
    print()
    for _, text in run.verdicts():
        print(f"  {text}")
    for text in run.failures():
        print(f"\n  !!! {text}")
    print()


def main(directory: Path) -> int:
    run = evaluate(directory)
    print_table(run)
    (directory / "results.json").write_text(json.dumps({
        "scores": run.scores, "rows": len(run.rows), "lost": run.lost,
        "agreement": run.agreement, "predicted": run.predicted,
        "before_outcome": run.before, "failures": run.failures(),
    }, indent=1))
    target = directory / "report.html"
    target.write_text(page.render(run))
    print(f"report: {target.resolve()}")
    return 1 if run.failures() else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
