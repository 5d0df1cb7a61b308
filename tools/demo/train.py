#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Train the model of the demo: will a task that is woken wait long for a CPU?

    train.py DIR: reads DIR/capture, writes DIR/train
"""

import json
import sys
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score
from sklearn.tree import DecisionTreeClassifier

import kernmlops
from phase import INPUTS, duration, load, score

TRAIN_SHARE = 0.7
DEPTHS = range(2, 9)


def split(pairs: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows before and after a moment. What was not known by then, as the task
    still waited, is in neither part."""
    cut = pairs["time"].quantile(TRAIN_SHARE, interpolation="lower")
    return pairs[pairs["outcome_time"] < cut], pairs[pairs["time"] >= cut]


def choose_threshold(waits: pd.Series) -> int:
    """What a long wait is: of 1, 2, 5, 10, 20... the one that is nearest to
    making a fifth of the waits long, if that gives 10 to 25 % of them; else
    the wait that exactly a fifth exceeds."""
    steps = [digit * 10**power for power in range(3, 10) for digit in (1, 2, 5)]
    share = {step: float((waits > step).mean()) for step in steps}
    best = min(steps, key=lambda step: abs(share[step] - 0.2))
    return best if 0.1 <= share[best] <= 0.25 else int(waits.quantile(0.8))


def main(directory: Path) -> None:
    phase = load(directory / "capture")
    pairs = phase.pairs
    print(f"train: {len(phase.wakeups)} wakeups, {len(pairs)} with their outcome "
          f"({len(phase.wakeups) - len(pairs)} without, {phase.orphans} outcomes without wakeup, "
          f"{phase.lost} rows lost, {phase.unseen} events not recorded)")

    train, validation = split(pairs)
    threshold = choose_threshold(train["wait"])
    print(f"train: {len(train)} rows before the cut, {len(validation)} after it; "
          f"a wait is long above {duration(threshold)}: "
          f"{(train['wait'] > threshold).mean():.1%} of the training rows")

    X, y = train[INPUTS].astype(np.int64), train["wait"] > threshold
    Xv, yv = validation[INPUTS].astype(np.int64), validation["wait"] > threshold
    if y.nunique() < 2 or yv.nunique() < 2:
        sys.exit("train: all waits are alike; the workload was too short or too light")

    trees = {}
    for depth in DEPTHS:
        tree = DecisionTreeClassifier(max_depth=depth, min_samples_leaf=200, random_state=0)
        tree.fit(X, y.astype(int))
        trees[depth] = roc_auc_score(yv, tree.predict_proba(Xv)[:, 1]), tree
        print(f"train: depth {depth}: AUC {trees[depth][0]:.4f} on the validation rows")
    depth = max(trees, key=lambda depth: trees[depth][0])
    tree = trees[depth][1]
    stump = DecisionTreeClassifier(max_depth=1, random_state=0).fit(X, y.astype(int))
    majority = int(y.mean() > 0.5)

    def scores(X, y):
        return {
            "tree": score(y, tree.predict(X), tree.predict_proba(X)[:, 1]),
            "stump": score(y, stump.predict(X), stump.predict_proba(X)[:, 1]),
            "majority": score(y, np.full(len(y), majority), np.zeros(len(y))),
        }

    metrics = {
        "threshold_ns": threshold,
        "rows": {"train": len(train), "validation": len(validation)},
        "long": {"train": float(y.mean()), "validation": float(yv.mean())},
        "majority": majority,
        "depth": depth,
        "validation_auc": {depth: auc for depth, (auc, _) in trees.items()},
        "train": scores(X, y),
        "validation": scores(Xv, yv),
    }
    for name, result in metrics["validation"].items():
        print(f"train: {name:8} validation accuracy {result['accuracy']:.4f}, "
              f"balanced {result['balanced_accuracy']:.4f}, AUC {result['auc']:.4f}")

    model = kernmlops.convert(tree, X, metrics={
        "threshold_ns": threshold, "validation": metrics["validation"]["tree"]})
    print(f"train: converted: {model.report}")

    out = directory / "train"
    out.mkdir(exist_ok=True)
    model.save(out / "rq_wait.kmml")
    joblib.dump({"tree": tree, "stump": stump}, out / "trees.joblib")
    (out / "metrics.json").write_text(json.dumps(metrics, indent=1))
    print(f"train: wrote {out / 'rq_wait.kmml'}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
