# SPDX-License-Identifier: GPL-2.0-only
"""torch.nn.Sequential networks, taken apart."""

from __future__ import annotations

from typing import Any, Iterator

import numpy as np

from .features import InputMap
from .layers import Chain
from .trained import ConvertError, Network

ACTIVATIONS = {"ReLU": "relu", "ReLU6": "relu6", "Hardsigmoid": "hardsigmoid",
               "Sigmoid": "sigmoid", "Tanh": "tanh"}
# What does nothing when a model is used.
NOTHING = ("Dropout", "AlphaDropout", "Identity", "Flatten")
KNOWN = "Linear, BatchNorm1d, " + ", ".join((*ACTIVATIONS, *NOTHING, "Softmax", "LogSoftmax"))


def _array(tensor: Any) -> np.ndarray:
    return tensor.detach().cpu().double().numpy()


def _modules(model: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """The modules of nested Sequentials, in order."""
    for key, module in model.named_children():
        if type(module).__name__ == "Sequential":
            yield from _modules(module, f"{name}{key}.")
        else:
            yield f"{name}{key}", module


def take_apart(model: Any, inputs: InputMap, task: int | None,
               classes: list[Any] | None) -> Network:
    """A Sequential of the modules that are known."""
    import torch

    if not isinstance(model, torch.nn.Sequential):
        raise ConvertError(f"cannot convert a {type(model).__name__}; of torch, a Sequential of "
                           f"{KNOWN} can be")
    chain = Chain()
    for name, module in _modules(model):
        kind = type(module).__name__
        if kind in NOTHING:
            continue
        try:
            if kind == "Linear":
                bias = np.zeros(module.out_features) if module.bias is None else _array(module.bias)
                chain.linear(_array(module.weight), bias)
            elif kind == "BatchNorm1d":
                _batch_norm(chain, module)
            elif kind in ACTIVATIONS:
                chain.activation(ACTIVATIONS[kind])
            elif kind in ("Softmax", "LogSoftmax"):
                chain.softmax()
            else:
                raise ConvertError(f"{KNOWN} can be converted")
        except ConvertError as error:
            raise ConvertError(f"cannot convert module {name}, a {kind}: {error}") from None

    def run(X: np.ndarray) -> np.ndarray:
        kind = next(model.parameters())
        was_training = model.training
        model.eval()
        try:
            with torch.no_grad():
                rows = torch.as_tensor(inputs.as_trained(X)).to(kind.device, kind.dtype)
                return _array(model(rows)).reshape(len(X), -1)
        finally:
            model.train(was_training)

    return chain.network(
        run, inputs, task, classes, trainer=f"torch {type(model).__name__}",
        versions={"torch": str(torch.__version__)},
        params={"modules": [repr(module) for _, module in _modules(model)]})


def _batch_norm(chain: Chain, module: Any) -> None:
    if module.running_mean is None:
        raise ConvertError("it has no running mean and variance")
    factor = 1 / np.sqrt(_array(module.running_var) + module.eps)
    if module.affine:
        factor = factor * _array(module.weight)
    offset = -_array(module.running_mean) * factor
    chain.scale(factor, offset + (_array(module.bias) if module.affine else 0))
