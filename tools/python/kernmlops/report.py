# SPDX-License-Identifier: GPL-2.0-only
"""What became of a model in conversion: the floats against the integers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from . import model_format as fmt
from .model_format import ModelFile
from .proof import prove
from .quantize import LayerError
from .reference import Reference
from .trained import ConvertError, Network, Trained


@dataclass(frozen=True)
class Quality:
    """How good a model is on rows of which the truth is known."""

    accuracy: float | None = None
    """Of a classifier: the share of the rows that it gets right."""
    auc: float | None = None
    """Area under the ROC curve; with several classes, the mean of each against the rest."""
    r2: float | None = None
    """Of a regressor: the share of the variance that it explains."""


@dataclass
class Report:
    """What became of a model in conversion."""

    rows: int
    """Rows of X that both models were run on."""
    mismatches: int
    """Of a classifier: rows where the integers answer another class than the trainer."""
    error: float
    """Of a regressor: root mean square of the difference, over the deviation of the values."""
    floats: Quality
    """The trainer's model, if the truth was given."""
    integers: Quality
    """The same of the converted one."""
    layers: list[LayerError]
    """Of layers: how far the outputs of each are from the trainer's."""
    kind: str
    work: int
    """Multiply-accumulates, or comparisons, of one inference."""
    nodes: int
    leaves: int
    golden: int
    """Golden vectors in the file."""
    bytes: int = 0
    """Size of the file."""

    @property
    def agreement(self) -> float:
        """Share of the rows where both models answer the same class."""
        return 1.0 - self.mismatches / self.rows

    def numbers(self) -> dict[str, Any]:
        """As it is kept in the file."""
        return {name: value for name, value in asdict(self).items() if name != "bytes"}

    def __str__(self) -> str:
        parts = [f"agrees with the trainer on {self.rows - self.mismatches} of {self.rows} rows"]
        if self.error:
            parts = [f"differs from the trainer by {self.error:.4g} of the deviation"]
        for name in ("accuracy", "auc", "r2"):
            floats, integers = getattr(self.floats, name), getattr(self.integers, name)
            if floats is not None and integers is not None:
                parts.append(f"{name} {integers:.4f} (floats {floats:.4f})")
        if self.layers:
            parts.append(f"{self.work} multiply-accumulates")
            worst = max(self.layers, key=lambda layer: layer.rms)
            parts.append(f"{worst.name} errs most, by {worst.rms:.4f}")
        else:
            parts.append(f"at most {self.work} comparisons, {self.nodes} nodes, "
                         f"{self.leaves} leaves")
        parts.append(f"{self.golden} golden vectors, {self.bytes} bytes")
        return "; ".join(parts)


def make_report(model: Trained, file: ModelFile, data: np.ndarray, y: Any,
                layers: list[LayerError]) -> Report:
    """Run both models on the rows of `data`."""
    reference = Reference(file)
    outputs = reference.outputs(data)
    theirs = model.predict(data)
    mismatches, error = 0, 0.0
    if model.task == fmt.TASK_REGRESSION:
        ours = np.ldexp(outputs[:, 0].astype(np.float64), -reference.fraction_bits)
        error = float(np.sqrt(np.square(ours - theirs).mean())) / (float(theirs.std()) or 1.0)
    else:
        ours = outputs[:, 0]
        mismatches = int((ours != theirs).sum())
    floats = integers = Quality()
    if y is not None:
        truth = np.asarray(y)
        if truth.shape != (len(data),):
            raise ConvertError(f"y has shape {truth.shape}, X has {len(data)} rows")
        if model.classes is not None:
            truth = _index_of(truth, model.classes)
        # Both before a sigmoid or softmax, which the integers do not have.
        scores = (model.forward(model.inputs.rows(data))[-1][1] if isinstance(model, Network)
                  else np.asarray(model.scores(data), np.float64))
        floats = _quality(model.task, truth, theirs, scores)
        integers = _quality(model.task, truth, ours, reference.raw_scores(data))
    return Report(
        rows=len(data), mismatches=mismatches, error=error, floats=floats, integers=integers,
        layers=layers, kind=fmt.KINDS[file.kind], work=prove(file).work,
        nodes=sum(len(tree.nodes) for tree in file.trees), leaves=len(file.leaves),
        golden=len(file.golden_inputs))


def _index_of(labels: np.ndarray, classes: list[Any]) -> np.ndarray:
    """The class of each label; -1 for what is none."""
    index = {label: i for i, label in enumerate(classes)}
    return np.array([index.get(label, -1) for label in labels.tolist()])


def _quality(task: int, truth: np.ndarray, answers: np.ndarray, scores: np.ndarray) -> Quality:
    if task == fmt.TASK_REGRESSION:
        spread = float(np.square(truth - truth.mean()).sum())
        return Quality(r2=1 - float(np.square(truth - answers).sum()) / spread if spread else None)
    accuracy = float((truth == answers).mean())
    scores = scores.reshape(len(truth), -1)
    if scores.shape[1] == 1:
        return Quality(accuracy, auc(truth == 1, scores[:, 0]))
    if scores.shape[1] == 2:
        return Quality(accuracy, auc(truth == 1, scores[:, 1] - scores[:, 0]))
    areas = [auc(truth == k, scores[:, k]) for k in range(scores.shape[1])]
    known = [area for area in areas if area is not None]
    return Quality(accuracy, sum(known) / len(known) if known else None)


def auc(positive: np.ndarray, scores: np.ndarray) -> float | None:
    """Area under the ROC curve; None if all rows are of one class."""
    n, m = int(positive.sum()), int((~positive).sum())
    if not n or not m:
        return None
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2
    return float((ranks[inverse][positive].sum() - n * (n + 1) / 2) / (n * m))
