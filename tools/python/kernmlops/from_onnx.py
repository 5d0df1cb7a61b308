# SPDX-License-Identifier: GPL-2.0-only
"""ONNX graphs that are one chain of layers, taken apart.

Of floats: Gemm, MatMul and Add, activations, batch normalization. Quantized:
the same with QuantizeLinear and DequantizeLinear between (QDQ), whose scales
are kept.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .features import InputMap
from .layers import Chain
from .trained import ACTIVATIONS, ConvertError, Network

SIMPLE = {"Relu": "relu", "Sigmoid": "sigmoid", "Tanh": "tanh"}
NOTHING = ("Identity", "Dropout", "Flatten", "Cast")
KNOWN = ("Gemm, MatMul, Add, Sub, Mul, Div, Relu, Clip(0, 6), HardSigmoid(1/6, 1/2), Sigmoid, "
         "Tanh, BatchNormalization, Identity, Dropout, Flatten, Cast, Softmax, LogSoftmax, "
         "QuantizeLinear and DequantizeLinear")


def take_apart(model: Any, inputs: InputMap, task: int | None,
               classes: list[Any] | None) -> Network:
    """A ModelProto, or the path of a file that holds one."""
    import onnx
    import onnx.numpy_helper

    if not isinstance(model, onnx.ModelProto):
        model = onnx.load(model)
    walk = _Walk(model.graph, onnx)
    for node in model.graph.node:
        try:
            walk.step(node)
        except ConvertError as error:
            name = f" {node.name}" if node.name else ""
            raise ConvertError(f"cannot convert node{name}, a {node.op_type}: {error}") from None
    if [output.name for output in model.graph.output] != [walk.at]:
        raise ConvertError("the graph has more than one output, or does not end in its last node")

    network = walk.chain.network(
        lambda X: walk.run(inputs, X), inputs, task, classes, trainer="onnx",
        versions={"onnx": onnx.__version__},
        params={"producer": model.producer_name, "operators": walk.operators})
    network.input_range = walk.input_range
    return network


class _Walk:
    """Follows the one tensor that depends on the input through the graph."""

    def __init__(self, graph: Any, onnx: Any):
        self.onnx = onnx
        self.chain = Chain()
        self.constants = {item.name: onnx.numpy_helper.to_array(item)
                          for item in graph.initializer}
        free = [item.name for item in graph.input if item.name not in self.constants]
        if len(free) != 1:
            raise ConvertError(f"the graph has {len(free)} inputs, it must be one matrix")
        self.at = free[0]
        kind = next(item for item in graph.input if item.name == self.at).type.tensor_type.elem_type
        self.quantized_input = kind in (onnx.TensorProto.INT8, onnx.TensorProto.UINT8)
        self.operators: list[str] = []
        self.weight_scales: dict[str, np.ndarray] = {}
        self.input_range: tuple[float, float] | None = None
        self.sequence: list[tuple[str, Any]] = []
        """What the graph does to a row, for `run`."""

    # ---- the graph's own outputs, in doubles

    def run(self, inputs: InputMap, X: np.ndarray) -> np.ndarray:
        Z = inputs.as_trained(X).astype(np.float64)
        for what, value in self.sequence:
            if what == "linear":
                Z = Z @ value[0].T + value[1]
            elif what == "affine":
                Z = Z * value[0] + value[1]
            elif what == "quantize":
                low, high, scale = value
                Z = np.clip(np.rint(Z / scale), low, high) * scale
            elif what == "softmax":
                Z = np.exp(Z - Z.max(axis=1, keepdims=True))
                Z = Z / Z.sum(axis=1, keepdims=True)
            else:
                Z = ACTIVATIONS[what](Z)
        return Z

    # ---- one node after the other

    def step(self, node: Any) -> None:
        operator = node.op_type
        attributes = {item.name: self.onnx.helper.get_attribute_value(item)
                      for item in node.attribute}
        if self.at not in node.input:
            self._constant(node, operator, attributes)
            return
        self.operators.append(operator)
        if operator in NOTHING:
            if operator == "Flatten" and attributes.get("axis", 1) != 1:
                raise ConvertError("its axis must be 1")
        elif operator == "Gemm":
            self._gemm(node, attributes)
        elif operator == "MatMul":
            if node.input[0] != self.at:
                raise ConvertError("the weights must be its second argument")
            weights = self._get(node.input[1]).T
            self._linear(weights, np.zeros(len(weights)), node.input[1])
        elif operator in ("Add", "Sub", "Mul", "Div"):
            self._elementwise(node, operator)
        elif operator in SIMPLE:
            self._activation(SIMPLE[operator])
        elif operator == "Clip":
            self._clip(node, attributes)
        elif operator == "HardSigmoid":
            if not np.allclose((attributes.get("alpha", 0.2), attributes.get("beta", 0.5)),
                               (1 / 6, 0.5)):
                raise ConvertError("only max(0, min(1, x / 6 + 1/2)) can be")
            self._activation("hardsigmoid")
        elif operator == "BatchNormalization":
            gamma, beta, mean, variance = (self._get(name) for name in node.input[1:5])
            factor = gamma / np.sqrt(variance + attributes.get("epsilon", 1e-5))
            self._affine(factor, beta - mean * factor)
        elif operator in ("Softmax", "LogSoftmax"):
            if attributes.get("axis", -1) not in (1, -1):
                raise ConvertError("its axis must be the last")
            self.chain.softmax()
            if operator == "Softmax":
                self.sequence.append(("softmax", None))
        elif operator == "QuantizeLinear":
            self._quantize(node)
        elif operator == "DequantizeLinear":
            self._dequantize(node)
        else:
            raise ConvertError(f"{KNOWN} can be")
        self.at = node.output[0]

    def _get(self, name: str) -> np.ndarray:
        if name not in self.constants:
            raise ConvertError(f"{name} must be a constant")
        return np.asarray(self.constants[name], np.float64)

    def _constant(self, node: Any, operator: str, attributes: dict[str, Any]) -> None:
        """A node of constants only: weights that were quantized."""
        if operator == "Constant":
            self.constants[node.output[0]] = self.onnx.numpy_helper.to_array(attributes["value"])
        elif operator == "Identity":
            self.constants[node.output[0]] = self.constants[node.input[0]]
        elif operator in ("QuantizeLinear", "DequantizeLinear"):
            self._constant_levels(node, operator, attributes.get("axis", 1))
        elif operator == "Transpose":
            self.constants[node.output[0]] = np.transpose(self.constants[node.input[0]],
                                                          attributes.get("perm"))
            if node.input[0] in self.weight_scales:
                self.weight_scales[node.output[0]] = self.weight_scales[node.input[0]]
        else:
            raise ConvertError("it does not follow from the input")

    def _constant_levels(self, node: Any, operator: str, axis: int) -> None:
        """Weights: s8 without a zero point, a scale for all or for each output."""
        values, scale = self._get(node.input[0]), self._get(node.input[1])
        zero = self.constants[node.input[2]] if len(node.input) > 2 and node.input[2] \
            else np.zeros(1, np.uint8 if operator == "QuantizeLinear" else np.int8)
        if np.any(zero) or zero.dtype == np.uint8:
            raise ConvertError("weights must have a sign, and zero point 0")
        levels = scale
        if scale.size > 1 and values.ndim > 1:
            levels = np.moveaxis(scale.reshape((-1,) + (1,) * (values.ndim - 1)), 0, axis)
        if operator == "QuantizeLinear":
            self.constants[node.output[0]] = np.clip(np.rint(values / levels), -128, 127)
        else:
            self.constants[node.output[0]] = values * levels
            self.weight_scales[node.output[0]] = scale.ravel()

    def _linear(self, weights: np.ndarray, bias: np.ndarray, name: str) -> None:
        scale = self.weight_scales.get(name)
        if scale is not None:
            scale = np.broadcast_to(scale, len(weights)).copy()
        self.chain.linear(weights, bias, scale)
        self.sequence.append(("linear", (weights, bias)))

    def _gemm(self, node: Any, attributes: dict[str, Any]) -> None:
        if attributes.get("transA", 0) or node.input[0] != self.at:
            raise ConvertError("the input must be its first argument, not transposed")
        weights = self._get(node.input[1])
        weights = weights if attributes.get("transB", 0) else weights.T
        alpha, beta = attributes.get("alpha", 1.0), attributes.get("beta", 1.0)
        bias = self._get(node.input[2]) * beta if len(node.input) > 2 else 0.0
        name = node.input[1] if alpha == 1 else ""
        self._linear(weights * alpha, np.broadcast_to(bias, len(weights)).astype(float), name)

    def _affine(self, factor: np.ndarray, offset: np.ndarray) -> None:
        factor, offset = np.asarray(factor, float).ravel(), np.asarray(offset, float).ravel()
        last = self.chain.layers[-1] if self.chain.layers else None
        scale = last.weight_scale if last is not None and (factor == 1).all() else None
        self.chain.scale(factor, offset)
        if last is not None and scale is not None:
            last.weight_scale = scale       # a bias changes no weight
        self.sequence.append(("affine", (factor, offset)))

    def _elementwise(self, node: Any, operator: str) -> None:
        first = node.input[0] == self.at
        value = self._get(node.input[1 if first else 0])
        if operator == "Div" and not first:
            raise ConvertError("the input must be its first argument")
        one, zero = np.ones_like(value), np.zeros_like(value)
        factor, offset = {
            "Add": (one, value), "Mul": (value, zero), "Div": (1 / value if operator == "Div"
                                                               else one, zero),
            "Sub": (one, -value) if first else (-one, value)}[operator]
        self._affine(factor, offset)

    def _activation(self, name: str) -> None:
        self.chain.activation(name)
        self.sequence.append((name, None))

    def _clip(self, node: Any, attributes: dict[str, Any]) -> None:
        limits: list[float | None] = [float(self._get(name)) for name in node.input[1:]] or \
            [attributes.get("min"), attributes.get("max")]
        if limits == [0.0, 6.0]:
            self._activation("relu6")
        elif limits[0] == 0.0 and (len(limits) < 2 or limits[1] is None):
            self._activation("relu")
        else:
            raise ConvertError(f"of {limits}; of 0 to 6 can be")

    # ---- quantization

    def _levels(self, node: Any) -> tuple[float, float, float]:
        """Least and greatest level from the zero point, and the scale."""
        scale = self._get(node.input[1])
        zero = self.constants[node.input[2]] if len(node.input) > 2 and node.input[2] \
            else np.zeros(1, np.uint8)
        if scale.size != 1 or np.asarray(zero).dtype not in (np.int8, np.uint8):
            raise ConvertError("of activations: one scale, and 8 bits")
        limits = np.iinfo(np.asarray(zero).dtype)
        point = int(np.asarray(zero).ravel()[0])
        return limits.min - point, limits.max - point, float(scale.ravel()[0])

    def _range(self, levels: tuple[float, float, float]) -> None:
        low, high, scale = levels
        ends = low * scale, high * scale
        if not self.chain.layers:
            if self.chain.first is not None or self.input_range not in (None, ends):
                raise ConvertError("the input is quantized twice")
            self.input_range = ends
        else:
            last = self.chain.layers[-1]
            if self.chain.pending is not None or last.output_range not in (None, ends):
                raise ConvertError("the outputs of a layer are quantized twice")
            last.output_range = ends
        if self.sequence[-1:] != [("quantize", levels)]:
            self.sequence.append(("quantize", levels))

    def _quantize(self, node: Any) -> None:
        self._range(self._levels(node))

    def _dequantize(self, node: Any) -> None:
        levels = self._levels(node)
        if self.quantized_input and not self.operators[:-1]:
            # The rows are those levels.
            low, _, scale = levels
            least = np.iinfo(self.constants[node.input[2]].dtype).min if len(node.input) > 2 else 0
            self.input_range = levels[0] * scale, levels[1] * scale
            self.chain.scale(np.array([scale]), np.array([(low - least) * scale]))
            self.sequence.append(("affine", (scale, (low - least) * scale)))
            return
        # After a QuantizeLinear it says the same once more.
        self._range(levels)
