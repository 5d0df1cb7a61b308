# SPDX-License-Identifier: GPL-2.0-only
"""A chain of linear maps, scalings and activations as fully connected layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import model_format as fmt
from .features import Affine, InputMap
from .trained import ConvertError, Dense, Network, Rows


class Chain:
    """Takes the parts of a network in order, and folds them into layers."""

    def __init__(self) -> None:
        self.layers: list[Dense] = []
        self.first: tuple[np.ndarray, np.ndarray] | None = None
        """Factor and offset of the inputs before the first layer."""
        self.pending: tuple[np.ndarray, np.ndarray] | None = None
        """Factor and offset of what an activation gave, for the next layer."""
        self.ended: str | None = None

    def _open(self) -> None:
        if self.ended:
            raise ConvertError(f"nothing can follow a {self.ended} at the end")

    def linear(self, weights: np.ndarray, bias: np.ndarray,
               weight_scale: np.ndarray | None = None) -> None:
        """A layer."""
        self._open()
        if self.layers and weights.shape[1] != len(self.layers[-1].weights):
            raise ConvertError(f"it takes {weights.shape[1]} inputs, "
                               f"it gets {len(self.layers[-1].weights)}")
        if self.pending is not None:
            factor, offset = self.pending
            bias = bias + weights @ np.broadcast_to(offset, weights.shape[1])
            weights, weight_scale = weights * factor, None
            self.pending = None
        self.layers.append(Dense(weights, bias, "none", weight_scale))

    def scale(self, factor: np.ndarray, offset: np.ndarray) -> None:
        """x * factor + offset: folded into the layer before, or after."""
        self._open()
        factor, offset = np.asarray(factor, float), np.asarray(offset, float)
        if not self.layers:
            old = self.first or (np.ones_like(factor), np.zeros_like(offset))
            self.first = old[0] * factor, old[1] * factor + offset
        elif self.layers[-1].activation == "none":
            last = self.layers[-1]
            last.bias = last.bias * factor + offset
            last.weights = last.weights * np.reshape(factor, (-1, 1))
            last.weight_scale = None
        else:
            old = self.pending or (np.ones_like(factor), np.zeros_like(offset))
            self.pending = old[0] * factor, old[1] * factor + offset

    def activation(self, name: str) -> None:
        """What the layer before gives goes through a function."""
        self._open()
        if not self.layers:
            raise ConvertError("an activation needs a layer before it")
        if self.pending is not None:
            self._identity()
        if self.layers[-1].activation == name == "relu":
            return
        if self.layers[-1].activation != "none":
            self._identity()
        self.layers[-1].activation = name

    def softmax(self) -> None:
        """At the end: it changes no order, the scores are what goes in."""
        self._open()
        self.ended = "softmax"

    def _identity(self) -> None:
        width = len(self.layers[-1].weights)
        self.linear(np.eye(width), np.zeros(width))

    def network(self, run: Rows, inputs: InputMap, task: int | None, classes: list[Any] | None,
                **what: Any) -> Network:
        """The network; `run` gives what comes out of the trainer's last module."""
        if not self.layers:
            raise ConvertError("the model has no layer")
        if self.pending is not None:
            self._identity()
        last = self.layers[-1]
        nr_scores = len(last.weights)
        half = 0.0
        if last.activation == "sigmoid" and nr_scores == 1 and task != fmt.TASK_REGRESSION:
            # Its argument is the score; what the trainer gives is a probability.
            last.activation, half = "none", 0.5
            task = fmt.TASK_BINARY
        elif last.activation != "none":
            # The scores have 32 bits, which no table gives.
            self._identity()
        if task is None:
            task = fmt.TASK_CLASSIFY if nr_scores > 1 else fmt.TASK_REGRESSION
        if (task == fmt.TASK_CLASSIFY) != (nr_scores > 1):
            raise ConvertError(f"the model has {nr_scores} outputs, which is no model of task "
                               f"{fmt.TASKS[task]}")
        if nr_scores > fmt.SCORES_MAX:
            raise ConvertError(f"the model has {nr_scores} outputs, "
                               f"at most {fmt.SCORES_MAX} are allowed")
        if task == fmt.TASK_REGRESSION:
            classes = None
        elif classes is None:
            classes = list(range(max(2, nr_scores)))
        elif len(classes) != max(2, nr_scores):
            raise ConvertError(f"{len(classes)} classes are given, the model has "
                               f"{max(2, nr_scores)}")
        width = self.layers[0].weights.shape[1]
        if self.first is not None:
            inputs.steps.append(Affine(*(np.broadcast_to(part, width) for part in self.first)))

        def predict(X: np.ndarray) -> np.ndarray:
            values = run(X)
            if task == fmt.TASK_CLASSIFY:
                return np.argmax(values, axis=1)
            return (values[:, 0] > half).astype(np.int64) if task == fmt.TASK_BINARY \
                else values[:, 0]

        return Network(inputs=inputs, task=task, classes=classes, predict=predict, scores=run,
                       layers=self.layers, probability=task == fmt.TASK_BINARY, **what)
