# SPDX-License-Identifier: GPL-2.0-only
"""The twin of the kernel's engine in numpy: same file, same words."""

from __future__ import annotations

import os
from typing import Any, Iterator

import numpy as np

from . import model_file
from .integers import as_s64
from .model_file import ModelFileError


class Reference:
    """A model file, run as the kernel runs it.

    `model` is the path of a model file or its bytes. Answers and scores are
    the s64 words that the kernel gives, bit for bit: the index of a class or a
    fixed point value, and scores with `fraction_bits` fraction bits.
    """

    def __init__(self, model: str | os.PathLike[str] | bytes):
        if isinstance(model, (bytes, bytearray, memoryview)):
            self.file = model_file.parse(bytes(model))
            return
        with open(model, "rb") as file:
            data = file.read()
        try:
            self.file = model_file.parse(data)
        except ModelFileError as error:
            raise ModelFileError(f"{os.fspath(model)}: {error}") from None

    @property
    def inputs(self) -> list[str]:
        """Names of the inputs, in the order of the input vector."""
        return self.file.names

    @property
    def fraction_bits(self) -> int:
        """Fraction bits of the scores."""
        return self.file.fraction_bits

    @property
    def provenance(self) -> dict[str, Any]:
        """Where the model came from."""
        return self.file.provenance

    def outputs(self, X: Any) -> np.ndarray:
        """Output vectors: the answer, then the scores; one row per row of `X`."""
        X = as_s64(X, self.inputs)
        return self.file.leaves[self.file.nodes["child"][self.apply(X)]]

    def predict(self, X: Any) -> np.ndarray:
        """Answers: the index of a class, or a fixed point value."""
        return self.outputs(X)[:, 0]

    def predict_scores(self, X: Any) -> np.ndarray:
        """Scores in fixed point; one row per row of `X`."""
        return self.outputs(X)[:, 1:]

    def levels(self, X: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Walk down with the rows of an s64 matrix: per level of the tree, the
        rows that get there and the index of the node of each."""
        nodes = self.file.nodes
        rows = np.arange(len(X))
        at = np.zeros(len(X), np.int64)
        while len(rows):
            yield rows, at
            inner = nodes["input"][at] != model_file.TREE_LEAF
            rows, node = rows[inner], nodes[at[inner]]
            at = node["child"] + (X[rows, node["input"]] > node["threshold"])

    def apply(self, X: np.ndarray) -> np.ndarray:
        """Index of the node where each row of an s64 matrix ends."""
        end = np.zeros(len(X), np.int64)
        for rows, at in self.levels(X):
            end[rows] = at
        return end

    def verify_golden(self) -> int:
        """Run the golden vectors, and return how many there are.

        Raises ModelFileError naming the first that does not come out exactly.
        """
        wrong = np.flatnonzero(
            (self.outputs(self.file.golden_inputs) != self.file.golden_outputs).any(axis=1))
        if len(wrong):
            raise ModelFileError(f"golden vector {wrong[0]} does not come out: "
                                 f"{len(wrong)} of {len(self.file.golden_inputs)} are wrong")
        return len(self.file.golden_inputs)

    def __repr__(self) -> str:
        task = "classifier" if self.file.task == model_file.TASK_CLASSIFY else "regressor"
        return (f"<kernmlops.Reference: tree {task}, {len(self.inputs)} inputs, "
                f"{len(self.file.nodes)} nodes>")
