# SPDX-License-Identifier: GPL-2.0-only
"""What a model would have said of recorded rows, to the bit."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Callable, Mapping, Sequence

import numpy as np

from .integers import as_s64
from .model import Model
from .model_file import ModelFile
from .model_format import TASK_REGRESSION
from .reference import Reference
from .rows import Rows


@dataclass
class Backtest:
    """Answers of a model on recorded rows, in their order.

    `outputs` are the words that the kernel would give: the answer, then the
    scores. `label` is the outcome of each row, where one was given: the index of
    a class, or a value. `time` is when each row was captured.
    """

    outputs: np.ndarray
    time: np.ndarray | None
    label: np.ndarray | None
    fraction_bits: int
    classifies: bool

    @property
    def predictions(self) -> np.ndarray:
        """Answers: the index of a class, or a fixed point value."""
        return self.outputs[:, 0]

    @property
    def accuracy(self) -> float:
        """Share of the rows whose class was the answer."""
        return float((self.predictions == self._labels()).mean())

    @property
    def majority(self) -> float:
        """The same for the rule that always answers the most frequent class."""
        return float(np.unique(self._labels(), return_counts=True)[1].max() / len(self.outputs))

    @property
    def mean_absolute_error(self) -> float:
        """Of a regressor, in the unit of the label."""
        if self.label is None or self.classifies:
            raise ValueError("the error is that of a regressor, and needs a label")
        return float(np.abs(np.ldexp(self.predictions.astype(float), -self.fraction_bits) -
                            self.label).mean())

    def _labels(self) -> np.ndarray:
        if self.label is None or not self.classifies:
            raise ValueError("accuracy is that of a classifier, and needs a label")
        if not len(self.label):
            raise ValueError("there are no rows")
        return self.label

    def __len__(self) -> int:
        return len(self.outputs)

    def __repr__(self) -> str:
        if self.label is None or not len(self):
            return f"<kernmlops.Backtest: {len(self)} rows>"
        if not self.classifies:
            return (f"<kernmlops.Backtest: {len(self)} rows, mean absolute error "
                    f"{self.mean_absolute_error:.6g}>")
        return (f"<kernmlops.Backtest: {len(self)} rows, accuracy {self.accuracy:.4f}, "
                f"majority rule {self.majority:.4f}>")


Inputs = Sequence[str] | Mapping[str, str] | Callable[[Any], Any]


def backtest(model: str | os.PathLike[str] | bytes | Model | ModelFile | Reference, run: Any,
             inputs: Inputs | None = None, label: str | Callable[[Any], Any] | None = None
             ) -> Backtest:
    """Run a model on recorded rows, with the very arithmetic of the kernel.

    model: a `Model` or `Reference`, or what the latter takes: a model file.
    run: `Rows`, a DataFrame, or what `kernmlops.read` takes.
    inputs: where the model's inputs are found. Not given: in columns of the same
        names. A list names a column for each input in order, a mapping for some
        of them; a function gets the rows and gives the matrix.
    label: the column of the outcomes, or a function of the rows.

    Nothing is rounded or filled in: values that are no integers raise ValueError,
    as a kernel that captured them could not have used them either.
    """
    if isinstance(model, Model):
        reference = model.reference
    else:
        reference = model if isinstance(model, Reference) else Reference(model)
    if not isinstance(run, Rows) and not hasattr(run, "columns"):
        from .exports import read

        run = read(run)
    if not isinstance(run, Rows) and not hasattr(run, "columns"):
        raise TypeError(f"{run!r} has several tables: take one of them")
    columns = _Columns(run)
    if callable(inputs):
        X = as_s64(inputs(run), reference.inputs)
    else:
        X = _matrix(columns, reference.inputs, inputs)
    outcome = None
    if label is not None:
        outcome = np.asarray(label(run) if callable(label) else columns[label])
        if len(outcome) != len(X):
            raise ValueError(f"there are {len(X)} rows, but {len(outcome)} labels")
    return Backtest(reference.outputs(X), columns.time, outcome, reference.fraction_bits,
                    reference.file.task != TASK_REGRESSION)


class _Columns:
    """Columns of rows or of a DataFrame; elements of arrays by NAME_0 and so on."""

    def __init__(self, run: Any):
        self._columns = run.flat_columns() if isinstance(run, Rows) else run
        self.nr = len(run)

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._columns:
            raise KeyError(f"the rows have no column {name}")
        return np.asarray(self._columns[name])

    @property
    def time(self) -> np.ndarray | None:
        """When they were captured, if that is known."""
        return self["time"] if "time" in self._columns else None


def _matrix(columns: _Columns, names: list[str],
            inputs: Sequence[str] | Mapping[str, str] | None) -> np.ndarray:
    if isinstance(inputs, Mapping):
        unknown = [name for name in inputs if name not in names]
        if unknown:
            raise ValueError(f"the model has no input {unknown[0]}; "
                             f"there are: {', '.join(names)}")
        sources = [inputs.get(name, name) for name in names]
    else:
        sources = list(names if inputs is None else inputs)
    if len(sources) != len(names):
        raise ValueError(f"the model has {len(names)} inputs, not {len(sources)}")
    X = np.empty((columns.nr, len(names)), np.int64)
    for i, source in enumerate(sources):
        X[:, i] = as_s64(columns[source].reshape(-1, 1), [source])[:, 0]
    return X
