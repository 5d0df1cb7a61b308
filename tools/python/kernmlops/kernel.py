# SPDX-License-Identifier: GPL-2.0-only
"""Models in the kernel, reached through kmlopsctl."""

from __future__ import annotations

import io
import json
import os
import tempfile
from typing import Any

import numpy as np

from .convert import convert
from .integers import as_s64
from .model import Model
from .tool import run_tool


class KernelModel:
    """A model that is loaded in the kernel; every answer is the kernel's."""

    def __init__(self, name: str, classes: list[Any] | None = None):
        self.name = name
        self.classes = classes
        """Labels by index, if known: the kernel does not keep them."""
        self.info: dict[str, Any] = json.loads(run_tool("-j", "model", "show", name))

    @property
    def version(self) -> int:
        """The version that was loaded when this object was made."""
        return int(self.info["version"])

    @property
    def inputs(self) -> list[str]:
        """Names of the inputs, in the order of the input vector."""
        return list(self.info["input_name"])

    @property
    def fraction_bits(self) -> int:
        """Fraction bits of the scores."""
        return int(self.info["fraction_bits"])

    def outputs(self, X: Any) -> np.ndarray:
        """Output vectors: the answer, then the scores; one row per row of `X`."""
        rows = as_s64(X, self.inputs)
        if not len(rows):
            return np.empty((0, int(self.info["outputs"])), np.int64)
        text = io.StringIO()
        np.savetxt(text, rows, "%d", ",")
        answers = run_tool("-o", "csv", "model", "infer", self.name, "file", "-",
                           data=text.getvalue())
        words = [line.split(",") for line in answers.splitlines()[1:]]
        return np.array(words, dtype=object).astype(np.int64)

    def predict(self, X: Any) -> np.ndarray:
        """What the trainer's `predict` gives: labels, or class indexes where the
        labels are not known, or values."""
        answers = self.outputs(X)[:, 0]
        if self.info["task"] == "regression":
            return np.ldexp(answers.astype(np.float64), -self.fraction_bits)
        return answers if self.classes is None else np.asarray(self.classes)[answers]

    def predict_scores(self, X: Any) -> np.ndarray:
        """Scores in fixed point; one row per row of `X`."""
        return self.outputs(X)[:, 1:]

    def remove(self) -> None:
        """Take the model out of the kernel."""
        run_tool("model", "remove", self.name)

    def __repr__(self) -> str:
        return f"<kernmlops.KernelModel {self.name}: {self.info['kind']}, version {self.version}>"


def load(name: str, classes: list[Any] | None = None) -> KernelModel:
    """A model that the kernel has; `classes` are the labels that it answers."""
    return KernelModel(name, classes)


def deploy(model: Any, name: str, X_calib: Any = None, schema: Any = None,
           **options: Any) -> KernelModel:
    """Convert, verify and load a model, as the next version of its name.

    model: what `convert` takes, which gets X_calib, schema and options; or the
        `Model` that it gives. Needs root and the module loaded.

    Raises ConvertError, or KernelError with the kernel's reason.
    """
    if not isinstance(model, Model):
        if X_calib is None:
            raise ValueError("X_calib is needed to convert a model")
        model = convert(model, X_calib, schema, **options)
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, f"{name}.kmml")
        model.save(path)
        run_tool("model", "verify", "file", path)
        run_tool("model", "load", name, "file", path)
    return KernelModel(name, model.classes)
