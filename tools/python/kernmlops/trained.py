# SPDX-License-Identifier: GPL-2.0-only
"""A trained model, taken apart: the same for every trainer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable

import numpy as np

from .features import InputMap

Rows = Callable[[np.ndarray], np.ndarray]


class ConvertError(ValueError):
    """A model, or data, that cannot be converted; the message says why."""


@dataclass
class Trained:
    """What is known of a model whoever trained it.

    `predict` and `scores` are the trainer's own code, run on rows of the
    kernel's integers: the index of a class or a value, and what is behind it,
    a probability or score for each class, or for class 1 of a binary model.
    """

    trainer: str
    versions: dict[str, str]
    params: dict[str, Any]
    task: int
    inputs: InputMap
    predict: Rows
    scores: Rows
    classes: list[Any] | None


@dataclass
class Dense:
    """A fully connected layer: a row of weights per output.

    What was trained with quantization brings its scales: `weight_scale`, one
    per output, and `output_range`, what the type of the outputs stands for.
    """

    weights: np.ndarray
    bias: np.ndarray
    activation: str = "none"
    weight_scale: np.ndarray | None = None
    output_range: tuple[float, float] | None = None


ACTIVATIONS: dict[str, Rows] = {
    "none": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.clip(x, 0, 6),
    "hardsigmoid": lambda x: np.clip(x / 6 + 0.5, 0, 1),
    "sigmoid": lambda x: 1 / (1 + np.exp(-np.clip(x, -700, 700))),
    "tanh": np.tanh,
}


@dataclass
class Network(Trained):
    """Layers, one after the other; the last gives the scores."""

    layers: list[Dense] = field(default_factory=list)
    probability: bool = False
    """Whether the sigmoid of the score of a binary model is a probability."""
    input_range: tuple[float, float] | None = None
    """As `Dense.output_range`, of what the first layer is given."""

    def forward(self, Z: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """For rows of what the first layer takes: what each layer sums up, and
        what it gives out."""
        values = []
        for layer in self.layers:
            sums = Z @ layer.weights.T + layer.bias
            Z = ACTIVATIONS[layer.activation](sums)
            if layer.output_range is not None:
                Z = np.clip(Z, *layer.output_range)
            values.append((sums, Z))
        return values


@dataclass
class FloatTree:
    """A tree as its trainer keeps it: arrays with an element for each node,
    `left` is -1 at leaves. `values` has a row for each node."""

    feature: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    right: np.ndarray
    values: np.ndarray
    score: int = 0


@dataclass
class Ensemble(Trained):
    """Trees. Of kind tree and forest, the values are those of all scores."""

    nr_inputs: int = 0
    kind: int = 0
    trees: list[FloatTree] = field(default_factory=list)
    base: np.ndarray = field(default_factory=lambda: np.zeros(0))
    cast: type = np.float32
    """What inputs are before they are compared."""
    strict: bool = False
    """Left is <, not <=."""
    probability: bool = False
    """Whether the sigmoid of the score of a binary model is a probability."""
    nodes_of: Rows | None = None
    """The trainer's number of the leaf that a row ends at, for each tree."""
