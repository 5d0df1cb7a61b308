# SPDX-License-Identifier: GPL-2.0-only
"""Layers as an ONNX graph with QuantizeLinear and DequantizeLinear (QDQ).

For interchange only: a runtime computes it in floats, and rounds halves to even
where the kernel rounds them up, and tables are exact functions there.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import model_format as fmt
from .model import Model
from .model_format import Layer
from .reference import Reference
from .trained import ConvertError


def to_onnx(model: Model | Reference, intermediate: bool = False) -> Any:
    """A ModelProto of a linear model or MLP with 8-bit activations.

    Its input "q" holds the integers that the normalizers give, what
    `Reference.layer_outputs` begins with; its output "scores" the scores before
    the link, as floats. With `intermediate`, the integers that each layer gives
    are outputs too: "q1", "q2"...
    """
    from onnx import TensorProto, checker, helper, numpy_helper

    from . import __version__

    reference = model if isinstance(model, Reference) else model.reference
    file = reference.file
    if file.kind not in fmt.LAYER_KINDS:
        raise ConvertError(f"a {fmt.KINDS[file.kind]} is no network of layers")
    if any(layer.input_bits != 8 for layer in file.layers):
        raise ConvertError("activations of 16 bits have no QuantizeLinear: convert with W8A8")

    nodes: list[Any] = []
    constants: list[Any] = []

    def constant(name: str, value: Any, dtype: Any) -> str:
        constants.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def node(operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        nodes.append(helper.make_node(operator, inputs, [output], output, **attributes))
        return output

    at = node("DequantizeLinear", ["q", constant("q_scale", 1, np.float32),
                                   constant("q_zero", 0, np.int8)], "z")
    scale, zero = 1.0, 0
    for i, layer in enumerate(file.layers, 1):
        last = i == len(file.layers)
        factor = _gain(layer, file.fraction_bits) * layer.multiplier / 2.0 ** layer.shift
        weights = node("DequantizeLinear", [
            constant(f"w{i}_q", layer.weights.T, np.int8),
            constant(f"w{i}_scale", factor / scale, np.float32),
            constant(f"w{i}_zero", np.zeros(len(factor)), np.int8)], f"w{i}", axis=1)
        # What the zero point of the inputs had put into it goes out again.
        whole = layer.bias + zero * layer.weights.astype(np.int64).sum(axis=1)
        bias = constant(f"b{i}", whole * factor, np.float32)
        at = node("MatMul", [at, weights], f"product{i}")
        at = node("Add", [at, bias], "scores" if last else f"sum{i}")
        if last:
            break
        at = _activation(layer, at, i, node, constant)
        scale, zero = _levels(layer)
        names = [constant(f"q{i}_scale", scale, np.float32),
                 constant(f"q{i}_zero", zero, np.int8)]
        at = node("QuantizeLinear", [at, *names], f"q{i}")
        at = node("DequantizeLinear", [at, *names], f"z{i}")

    def tensor(name: str, kind: int, width: int) -> Any:
        return helper.make_tensor_value_info(name, kind, ["rows", width])

    outputs = [tensor("scores", TensorProto.FLOAT, file.nr_scores)]
    if intermediate:
        outputs += [tensor(f"q{i}", TensorProto.INT8, len(layer.weights))
                    for i, layer in enumerate(file.layers[:-1], 1)]
    graph = helper.make_graph(nodes, "kernmlops",
                              [tensor("q", TensorProto.INT8, len(file.inputs))], outputs,
                              constants)
    result = helper.make_model(graph, producer_name="kernmlops", producer_version=__version__,
                               opset_imports=[helper.make_opsetid("", 13)], ir_version=7)
    checker.check_model(result)
    return result


def _gain(layer: Layer, fraction_bits: int) -> float:
    """What the requantized accumulator is to be divided by, as a factor."""
    if layer.output_bits == 32:
        return 2.0 ** -fraction_bits
    return {fmt.ACTIVATION_SIGMOID: 2.0 ** -12, fmt.ACTIVATION_TANH: 2.0 ** -13}.get(
        layer.activation, 1.0)


def _levels(layer: Layer) -> tuple[float, int]:
    """Scale and zero point of the outputs; of a clamp any scale does."""
    if layer.activation == fmt.ACTIVATION_SIGMOID:
        return 1 / 256, -128
    if layer.activation == fmt.ACTIVATION_TANH:
        return 1 / 128, 0
    if not -128 <= layer.zero_point <= 127:
        raise ConvertError("a layer has a zero point that 8 bits do not hold")
    return 1.0, layer.zero_point


def _activation(layer: Layer, at: str, i: int, node: Any, constant: Any) -> str:
    if layer.activation == fmt.ACTIVATION_SIGMOID:
        return node("Sigmoid", [at], f"active{i}")
    if layer.activation == fmt.ACTIVATION_TANH:
        return node("Tanh", [at], f"active{i}")
    if (layer.min, layer.max) == (layer.zero_point, 127):
        return node("Relu", [at], f"active{i}")
    if (layer.min, layer.max) == (-128, 127):
        return at
    low, high = layer.min - layer.zero_point, layer.max - layer.zero_point
    return node("Clip", [at, constant(f"min{i}", low, np.float32),
                         constant(f"max{i}", high, np.float32)], f"active{i}")
