# SPDX-License-Identifier: GPL-2.0-only
"""The twin of the kernel's engines in numpy: same file, same words."""

from __future__ import annotations

import os
from typing import Any, Iterator

import numpy as np

from . import model_file
from .fixed_point import log2q4, requantize, score_sigmoid
from .integers import as_s64
from .model_format import (KIND_BOOSTED, KIND_TREE, KINDS, LAYER_KINDS, LINK_SIGMOID, NORM_LOG2,
                           TASK_BINARY, TASK_CLASSIFY, TASKS, TREE_LEAF, Input, Layer,
                           ModelFile, ModelFileError)
from .proof import activate, prove


class Reference:
    """A model file, run as the kernel runs it.

    `model` is the path of a model file, its bytes, or what they hold. Answers
    and scores are the s64 words that the kernel gives, bit for bit: the index of
    a class or a fixed point value, and scores with `fraction_bits` fraction bits.
    """

    def __init__(self, model: str | os.PathLike[str] | bytes | ModelFile):
        if isinstance(model, ModelFile):
            prove(model)
            self.file = model
            return
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
        """Fraction bits of the scores that it gives out."""
        return 16 if self.file.link == LINK_SIGMOID else self.file.fraction_bits

    @property
    def provenance(self) -> dict[str, Any]:
        """Where the model came from."""
        return self.file.provenance

    def outputs(self, X: Any) -> np.ndarray:
        """Output vectors: the answer, then the scores; one row per row of `X`."""
        X = as_s64(X, self.inputs)
        if self.file.kind == KIND_TREE:
            return self.file.leaves[self.file.nodes["child"][self.apply(X)]]
        scores = self.raw_scores(X)
        if self.file.task == TASK_CLASSIFY:
            answer = np.argmax(scores, axis=1)      # the first of the greatest
        elif self.file.task == TASK_BINARY:
            answer = (scores[:, 0] > 0).astype(np.int64)
        else:
            answer = scores[:, 0]
        if self.file.link == LINK_SIGMOID:
            scores = score_sigmoid(scores, self.file.fraction_bits)
        return np.column_stack([answer, scores])

    def predict(self, X: Any) -> np.ndarray:
        """Answers: the index of a class, or a fixed point value."""
        return self.outputs(X)[:, 0]

    def predict_scores(self, X: Any) -> np.ndarray:
        """Scores in fixed point; one row per row of `X`."""
        return self.outputs(X)[:, 1:]

    def raw_scores(self, X: np.ndarray) -> np.ndarray:
        """Scores of the rows of an s64 matrix, before the link."""
        if self.file.kind in LAYER_KINDS:
            return self.layer_outputs(X)[-1]
        if self.file.kind == KIND_TREE:
            return self.outputs(X)[:, 1:]
        scores = np.tile(self.file.base, (len(X), 1))
        for i, tree in enumerate(self.file.trees):
            leaves = self.file.leaves[tree.nodes["child"][self.apply(X, i)]]
            if self.file.kind == KIND_BOOSTED:
                scores[:, tree.score] += leaves[:, 0]
            else:
                scores += leaves
        return scores

    # ---- layers

    def layer_outputs(self, X: np.ndarray) -> list[np.ndarray]:
        """What the first layer is given for the rows of an s64 matrix, then
        what each layer gives out."""
        values = [np.column_stack([normalize(item, X[:, i])
                                   for i, item in enumerate(self.file.inputs)])]
        for layer in self.file.layers:
            values.append(run_layer(layer, values[-1]))
        return values

    # ---- trees

    def levels(self, X: np.ndarray, tree: int = 0) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Walk down a tree with the rows of an s64 matrix: per level, the rows
        that get there and the index of the node of each within the tree."""
        nodes = self.file.trees[tree].nodes
        rows = np.arange(len(X))
        at = np.zeros(len(X), np.int64)
        while len(rows):
            yield rows, at
            inner = nodes["input"][at] != TREE_LEAF
            rows, node = rows[inner], nodes[at[inner]]
            at = node["child"] + (X[rows, node["input"]] > node["threshold"])

    def apply(self, X: np.ndarray, tree: int = 0) -> np.ndarray:
        """Index of the node of a tree where each row of an s64 matrix ends."""
        end = np.zeros(len(X), np.int64)
        for rows, at in self.levels(X, tree):
            end[rows] = at
        return end

    # ---- admission

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
        return (f"<kernmlops.Reference: {KINDS[self.file.kind]}, task {TASKS[self.file.task]}, "
                f"{len(self.inputs)} inputs, work {prove(self.file).work}>")


def normalize(item: Input, x: np.ndarray) -> np.ndarray:
    """A column of s64 as the first layer takes it."""
    x = np.clip(x, item.min, item.max)
    if item.norm == NORM_LOG2:
        x = log2q4(x)
    return (x * np.int64(item.multiplier) + np.int64(item.offset)) >> item.shift


def run_layer(layer: Layer, values: np.ndarray) -> np.ndarray:
    """The outputs of a layer; one row per row of its inputs."""
    # Doubles hold every partial sum of a proven layer exactly, and are quicker.
    acc = (values.astype(np.float64) @ layer.weights.astype(np.float64).T).astype(np.int64)
    return activate(layer, requantize(acc + layer.bias, layer.multiplier, layer.shift))
