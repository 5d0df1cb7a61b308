# SPDX-License-Identifier: GPL-2.0-only
"""A converted model, before it goes to the kernel."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from .model_format import TASK_REGRESSION
from .reference import Reference
from .report import Report


class Model:
    """A model as the kernel will run it; made by `kernmlops.convert`."""

    def __init__(self, data: bytes, report: Report):
        self.data = data
        self.report = report
        self.reference = Reference(data)

    @property
    def inputs(self) -> list[str]:
        """Names of the inputs, in the order of the input vector."""
        return self.reference.inputs

    @property
    def fraction_bits(self) -> int:
        """Fraction bits of the scores."""
        return self.reference.fraction_bits

    @property
    def provenance(self) -> dict[str, Any]:
        """Where the model came from; stored in the file."""
        return self.reference.provenance

    @property
    def classes(self) -> list[Any] | None:
        """Labels of a classifier, by the index that the kernel answers."""
        return self.provenance.get("classes")

    def predict(self, X: Any) -> np.ndarray:
        """What the trainer's `predict` gives: class labels, or values.

        The kernel itself answers the index of a class, or a fixed point value:
        `Reference.predict`.
        """
        answers = self.reference.predict(X)
        if self.reference.file.task != TASK_REGRESSION:
            return np.asarray(self.classes)[answers]
        return np.ldexp(answers.astype(np.float64), -self.fraction_bits)

    def predict_scores(self, X: Any) -> np.ndarray:
        """Scores in fixed point, as the kernel gives them; one row per row of `X`.

        Of a tree or forest, the probability of each class in the order of its
        labels, times 2**fraction_bits.
        """
        return self.reference.predict_scores(X)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model file; ``kmlopsctl model load NAME file PATH`` loads it."""
        temporary = f"{os.fspath(path)}.tmp"
        with open(temporary, "wb") as file:
            file.write(self.data)
        os.replace(temporary, path)

    def __repr__(self) -> str:
        return f"<kernmlops.Model: {self.report}>"
