# SPDX-License-Identifier: GPL-2.0-only
"""From the kernel's integers to what a model was trained on.

Each step is a rising function of one feature. Trees need it to be evaluated as
the trainer does, to the bit; layers need to know what it is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Mapping, Protocol, Sequence

import numpy as np

from .fixed_point import log2q4
from .model_format import INPUT_NAME_LEN, INPUTS_MAX


@dataclass(frozen=True)
class Feature:
    """What a model was trained on: scale * x + offset, x the kernel's integer.

    With `log2`, scale * log2q4(x) + offset. A model that was trained on the
    integers themselves needs none of this.
    """

    name: str
    scale: float = 1.0
    offset: float = 0.0
    log2: bool = False

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("a feature name is empty")
        if "\0" in self.name:
            raise ValueError(f"feature name {self.name!r} has a NUL in it")
        if len(self.name.encode()) >= INPUT_NAME_LEN:
            raise ValueError(f"feature name {self.name} has {len(self.name.encode())} bytes, "
                             f"at most {INPUT_NAME_LEN - 1} are allowed")
        if not (math.isfinite(self.scale) and self.scale > 0 and math.isfinite(self.offset)):
            raise ValueError(f"feature {self.name}: the scale must be greater than zero, "
                             "scale and offset finite")


Schema = Sequence[str | Feature] | Mapping[str, float | Feature]


def features_of(schema: Schema) -> list[Feature]:
    """A schema as a list: names, or features, or a scale for each name."""
    if isinstance(schema, Mapping):
        features = [value if isinstance(value, Feature) else Feature(str(name), float(value))
                    for name, value in schema.items()]
    else:
        features = [item if isinstance(item, Feature) else Feature(str(item)) for item in schema]
    names = [item.name for item in features]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"feature name {name} is given twice")
    if len(names) > INPUTS_MAX:
        raise ValueError(f"{len(names)} inputs, at most {INPUTS_MAX} are allowed")
    return features


class Step(Protocol):
    """One transform of all features."""

    def column(self, i: int, values: np.ndarray) -> np.ndarray:
        """Feature `i` transformed, as the trainer does it."""

    def affine(self, i: int) -> tuple[float, float] | None:
        """The same as factor and offset; None if it is a logarithm."""


class Declared:
    """What a schema says."""

    def __init__(self, features: list[Feature]):
        self.features = features

    def column(self, i: int, values: np.ndarray) -> np.ndarray:
        item = self.features[i]
        if item.log2:
            values = log2q4(values)
        if (item.scale, item.offset) == (1.0, 0.0):
            return values
        return values * item.scale + item.offset

    def affine(self, i: int) -> tuple[float, float]:
        return self.features[i].scale, self.features[i].offset


class Standard:
    """scikit-learn's StandardScaler."""

    def __init__(self, scaler: Any):
        self.scaler = scaler

    def column(self, i: int, values: np.ndarray) -> np.ndarray:
        values = values.astype(np.float64)
        if self.scaler.with_mean:
            values = values - self.scaler.mean_[i]
        return values / self.scaler.scale_[i] if self.scaler.with_std else values

    def affine(self, i: int) -> tuple[float, float]:
        mean = float(self.scaler.mean_[i]) if self.scaler.with_mean else 0.0
        scale = float(self.scaler.scale_[i]) if self.scaler.with_std else 1.0
        return 1 / scale, -mean / scale


class MinMax:
    """scikit-learn's MinMaxScaler."""

    def __init__(self, scaler: Any):
        self.scaler = scaler

    def column(self, i: int, values: np.ndarray) -> np.ndarray:
        return values.astype(np.float64) * self.scaler.scale_[i] + self.scaler.min_[i]

    def affine(self, i: int) -> tuple[float, float]:
        return float(self.scaler.scale_[i]), float(self.scaler.min_[i])


class Affine:
    """A factor and an offset for each feature."""

    def __init__(self, factor: np.ndarray, offset: np.ndarray):
        self.factor, self.offset = factor, offset

    def column(self, i: int, values: np.ndarray) -> np.ndarray:
        return values * self.factor[i] + self.offset[i]

    def affine(self, i: int) -> tuple[float, float]:
        return float(self.factor[i]), float(self.offset[i])


class Log2q4:
    """kernmlops.log2q4."""

    unit = 1.0

    def column(self, i: int, values: np.ndarray) -> np.ndarray:
        return log2q4(values)

    def affine(self, i: int) -> None:
        return None


class Log1p:
    """numpy.log1p. Layers get log2q4 times a constant for it, which is near."""

    unit = math.log(2) / 16

    def column(self, i: int, values: np.ndarray) -> np.ndarray:
        return np.log1p(values)

    def affine(self, i: int) -> None:
        return None


class InputMap:
    """All that happens to the inputs before the first layer, or node."""

    def __init__(self, features: list[Feature]):
        self.declared = Declared(features)
        self.steps: list[Step] = [self.declared]

    @property
    def names(self) -> list[str]:
        """Names of the inputs."""
        return [item.name for item in self.declared.features]

    @property
    def given(self) -> bool:
        """Whether the schema declares more than names."""
        return any((item.scale, item.offset, item.log2) != (1.0, 0.0, False)
                   for item in self.declared.features)

    def column(self, i: int, values: np.ndarray) -> np.ndarray:
        """Input `i` as the model takes it."""
        for step in self.steps:
            values = step.column(i, values)
        return values

    def rows(self, X: np.ndarray) -> np.ndarray:
        """Rows of the kernel's integers as the model takes them, in doubles."""
        return np.column_stack([self.column(i, X[:, i]).astype(np.float64)
                                for i in range(X.shape[1])])

    def as_trained(self, X: np.ndarray) -> np.ndarray:
        """Rows of the kernel's integers as the trainer has them: what the
        schema says, before any scaler."""
        if not self.given:
            return X
        return np.column_stack([self.declared.column(i, X[:, i]) for i in range(X.shape[1])])

    def logarithm(self, i: int) -> bool:
        """Whether input `i` goes through a logarithm."""
        return self.declared.features[i].log2 or \
            any(isinstance(step, (Log2q4, Log1p)) for step in self.steps)

    def formula(self, i: int) -> tuple[bool, float, float]:
        """Input `i` as (log, factor, offset): factor * f(x) + offset, where f is
        log2q4 or nothing; raises ValueError if it is no such."""
        log, factor, offset = self.declared.features[i].log2, 1.0, 0.0
        for step in self.steps:
            pair = step.affine(i)
            if pair is not None:
                factor, offset = factor * pair[0], offset * pair[0] + pair[1]
            elif log or (factor, offset) != (1.0, 0.0) or not isinstance(step, (Log2q4, Log1p)):
                raise ValueError(f"input {self.names[i]}: a logarithm must be of the kernel's "
                                 "integer itself")
            else:
                log, factor = True, step.unit
        return log, factor, offset
