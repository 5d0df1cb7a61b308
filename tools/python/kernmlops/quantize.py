# SPDX-License-Identifier: GPL-2.0-only
"""Layers of floats as layers of integers, by what calibration data shows.

The scheme is that of Documentation/kernmlops/fixed-point.rst. Each input has a
normalizer of its own, so each gets a scale of its own, which is folded into the
weights of the first layer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from . import model_format as fmt
from .calibrate import choose_range
from .fixed_point import S32_MAX, S32_MIN, S64_MAX, S64_MIN, log2q4, requantize, type_range
from .model_format import Input, Layer, ModelFile
from .proof import accumulator_range, activate, normalized_range
from .reference import normalize, run_layer
from .trained import ConvertError, Dense, Network

TARGETS = {"W8A8": 8, "W8A16": 16}

SCORE_BITS = 16
# What a score may exceed those seen in calibration by, before it saturates.
SCORE_ROOM = 4


@dataclass(frozen=True)
class LayerError:
    """How far the outputs of an integer layer are from those of the floats."""

    name: str
    rms: float
    """Root mean square of the difference over that of the outputs."""
    greatest: float
    """Greatest difference."""


@dataclass
class Quantized:
    """A model file without golden vectors, and what it has lost."""

    file: ModelFile
    errors: list[LayerError]


@dataclass
class _Scale:
    """What an integer q of a tensor stands for: factor * q + offset, for each
    element of a row, and the least and greatest q."""

    factor: np.ndarray
    offset: np.ndarray
    low: np.ndarray
    high: np.ndarray


def quantize(model: Network, data: np.ndarray, target: str, method: str) -> Quantized:
    """The layers of `model` in integers, calibrated on rows of integers."""
    bits = TARGETS[target]
    inputs, scale = [], []
    for i in range(data.shape[1]):
        item, factor, offset = _input(model, i, data[:, i], bits, method)
        inputs.append(item)
        scale.append((factor, offset, *normalized_range(item, bits)))
    q = np.column_stack([normalize(item, data[:, i]) for i, item in enumerate(inputs)])
    now = _Scale(*(np.array(part) for part in zip(*scale)))
    now.low, now.high = now.low.astype(np.int64), now.high.astype(np.int64)

    values = model.forward(model.inputs.rows(data))
    fraction_bits = _fraction_bits(model, values[-1][1])
    layers, errors = [], []
    for i, (dense, (sums, outputs)) in enumerate(zip(model.layers, values)):
        last = i == len(model.layers) - 1
        layer, now = _layer(dense, now, q, sums, outputs, 32 if last else bits, bits, method,
                            fraction_bits)
        layers.append(layer)
        q = run_layer(layer, q)
        difference = now.factor * q + now.offset - outputs
        size = float(np.sqrt(np.square(outputs).mean()))
        errors.append(LayerError(
            f"layer {i}", float(np.sqrt(np.square(difference).mean())) / (size or 1.0),
            float(np.abs(difference).max())))

    empty = np.zeros((0, 0), np.int64)
    return Quantized(ModelFile(
        kind=fmt.KIND_LINEAR if len(layers) == 1 else fmt.KIND_MLP, task=model.task,
        fraction_bits=fraction_bits, inputs=inputs, layers=layers,
        link=fmt.LINK_SIGMOID if model.probability else fmt.LINK_NONE,
        golden_inputs=empty, golden_outputs=empty), errors)


# ---- inputs

def _input(model: Network, i: int, column: np.ndarray, bits: int,
           method: str) -> tuple[Input, float, float]:
    """The normalizer of an input, and what its integers stand for."""
    name = model.inputs.names[i]
    try:
        log, factor, offset = model.inputs.formula(i)
    except ValueError as error:
        raise ConvertError(str(error)) from None
    if log and column.min() < 0:
        raise ConvertError(f"input {name} is {column.min()}, which has no logarithm")
    seen = log2q4(column) if log else column
    if model.input_range is not None:
        ends = sorted((end - offset) / factor for end in model.input_range)
        low, high = max(math.ceil(ends[0]), S64_MIN), min(math.floor(ends[1]), S64_MAX)
        if log:
            low, high = max(low, 0), min(high, 1008)
        if low > high:
            raise ConvertError(f"input {name}: no integer is in the range that the model was "
                               "quantized for")
    else:
        low, high = (int(round(end)) for end in choose_range(seen, bits, method))
        low, high = max(low, int(seen.min())), min(high, int(seen.max()))
        if method == "minmax":
            low, high = _with_room(low, high, log)
        ends = [low, high]
    item = _normalizer(name, log, low, high, ends, bits)
    # q = f * slope + start, before it is rounded down
    slope = item.multiplier / 2.0 ** item.shift
    if not slope:
        return item, 0.0, factor * low + offset
    start = (item.offset - (1 << item.shift >> 1)) / 2.0 ** item.shift
    return item, factor / slope, offset - factor * start / slope


def _with_room(low: int, high: int, log: bool) -> tuple[int, int]:
    """A range with an eighth of its span more at each end: there will be rows
    that go beyond those seen. What is never negative stays so."""
    room = (high - low) // 8
    least, greatest = (0, 1008) if log else (S64_MIN, S64_MAX)
    if low >= 0:
        least = 0
    return max(low - room, least), min(high + room, greatest)


def _normalizer(name: str, log: bool, low: int, high: int, exact: list[float],
                bits: int) -> Input:
    """Spread [low, high] over a type, so that `exact` would be its ends."""
    least, greatest = type_range(bits)
    norm = fmt.NORM_LOG2 if log else fmt.NORM_AFFINE
    ends = (_log_least(low), _log_greatest(high)) if log else (low, high)
    if exact[0] == exact[1]:
        return Input(name, *ends, norm, 0, 0, 0)
    span = exact[1] - exact[0]
    steps = greatest - least
    far = max(abs(low), abs(high), 1)
    if span <= steps and exact == [low, high]:
        # Each integer its own place: nothing is lost.
        multiplier, shift = steps // int(span), 0
        start = least - low * multiplier
    else:
        for shift in range(62, -1, -1):
            multiplier = math.floor(math.ldexp(steps / span, shift))
            start = (least << shift) - math.ceil(exact[0] * multiplier) + (1 << shift >> 1)
            if multiplier * far < 1 << 61 and abs(start) < 1 << 61:
                break
        if not multiplier:
            raise ConvertError(
                f"input {name} goes from {low} to {high}, too far from zero for its span: "
                "let it be a difference, not an absolute time or address")
    if not S64_MIN <= start <= S64_MAX or multiplier * far > S64_MAX:
        raise ConvertError(f"input {name} goes from {low} to {high}, too far from zero for its "
                           "span: let it be a difference, not an absolute time or address")
    return Input(name, *ends, norm, shift, multiplier, start)


def _log_least(value: int) -> int:
    """The least x whose log2q4 is at least `value`."""
    return ((16 + (value & 15) << (value >> 4)) + 15 >> 4) - 1


def _log_greatest(value: int) -> int:
    """The greatest x whose log2q4 is at most `value`."""
    return S64_MAX if value >= 1008 else _log_least(value + 1) - 1


# ---- layers

def _layer(dense: Dense, scale: _Scale, q: np.ndarray, sums: np.ndarray, outputs: np.ndarray,
           output_bits: int, input_bits: int, method: str,
           fraction_bits: int) -> tuple[Layer, _Scale]:
    """A layer in integers, and what its outputs stand for."""
    weights, factor, bias = _weights(dense, scale, q, sums)
    layer = Layer(weights, bias, factor, factor, input_bits, output_bits, fmt.ACTIVATION_CLAMP, 0,
                  *type_range(output_bits))
    gain = 1.0
    if output_bits == 32:
        gain = 2.0 ** fraction_bits
        out_factor, out_offset = 1 / gain, 0.0
    elif dense.activation in ("sigmoid", "tanh"):
        sigmoid = dense.activation == "sigmoid"
        layer.activation = fmt.ACTIVATION_SIGMOID if sigmoid else fmt.ACTIVATION_TANH
        layer.zero_point = -128 if sigmoid and output_bits == 8 else 0
        gain = 2.0 ** (12 if sigmoid else 13)
        out_factor = 1 / (256.0 if sigmoid else 128.0) if output_bits == 8 else 1 / 32768.0
        out_offset = -layer.zero_point * out_factor
    else:
        out_factor = _clamp(layer, dense, outputs, method)
        out_offset = -layer.zero_point * out_factor
        gain = (1 / 6 if dense.activation == "hardsigmoid" else 1) / out_factor
    layer.multiplier, layer.shift = _fixed(factor * gain)
    bounds = accumulator_range(layer, scale.low, scale.high)[2:]
    low, high = (activate(layer, requantize(v, layer.multiplier, layer.shift)) for v in bounds)
    return layer, _Scale(np.array(out_factor), np.array(out_offset), low, high)


def _clamp(layer: Layer, dense: Dense, outputs: np.ndarray, method: str) -> float:
    """Zero point and clamp of a layer without a table; the scale of its outputs."""
    least, greatest = type_range(layer.output_bits)
    if dense.activation == "hardsigmoid":
        layer.zero_point = layer.min = least
        return 1 / (greatest - least)
    low, high = dense.output_range or choose_range(outputs, layer.output_bits, method)
    if dense.activation in ("relu", "relu6"):
        low = 0.0 if dense.output_range is None else low
        high = max(high, 0.0)
    if high - low <= 0:
        high = low + 1.0
    factor = (high - low) / (greatest - least)
    layer.zero_point = least - round(low / factor)
    if dense.activation in ("relu", "relu6"):
        layer.min = max(layer.zero_point, least)
    if dense.activation == "relu6":
        layer.max = min(layer.zero_point + round(6 / factor), greatest)
    return factor


def _weights(dense: Dense, scale: _Scale, q: np.ndarray,
             sums: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights, the scale of the accumulators, and biases."""
    exact = dense.weights * scale.factor
    offsets = dense.bias + dense.weights @ np.broadcast_to(scale.offset, exact.shape[1])
    if dense.activation == "hardsigmoid":
        # (x + 3) / 6: the sixth is in the multiplier.
        offsets, sums = offsets + 3, sums + 3
    if dense.weight_scale is not None:
        factor = dense.weight_scale * float(scale.factor[()] if not scale.factor.ndim
                                            else scale.factor[0])
    else:
        factor = np.abs(exact).max(axis=1) / 127
    # Channels without weights still have a bias.
    factor = np.where(factor > 0, factor, np.maximum(np.abs(offsets), 1e-30) / (1 << 20))
    while True:
        scaled = exact / factor[:, None]
        weights = (np.clip(np.rint(scaled), -127, 127) if dense.weight_scale is not None
                   else _rounded(scaled, q)).astype(np.int64)
        if dense.weight_scale is not None:
            bias = offsets / factor
        else:
            # So that the mean of the sums is what it was: rounded weights shift it.
            bias = sums.mean(axis=0) / factor - weights @ q.mean(axis=0)
        bias = np.rint(np.clip(bias, -2.0 ** 40, 2.0 ** 40)).astype(np.int64)
        layer = Layer(weights.astype(np.int8), bias, factor, factor, 0, 0, 0, 0, 0, 0)
        bounds = accumulator_range(layer, scale.low, scale.high)
        over = ((bounds < S32_MIN) | (bounds > S32_MAX)).any(axis=0)
        if not over.any():
            return layer.weights, factor, bias
        factor = np.where(over, factor * 1.25, factor)


def _rounded(weights: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Weights as integers: what rounding one of them does to the sums, the
    others that are not rounded yet make up for, as far as the inputs go together.

    Frantar and others, GPTQ: Accurate Post-Training Quantization for Generative
    Pre-trained Transformers, 2023; the whole of the inputs' covariance is used.
    """
    centered = q - q.mean(axis=0)
    covariance = centered.T @ centered / len(q)
    # With few rows the covariance is less sure.
    damping = max(0.01, q.shape[1] / len(q)) * float(np.diag(covariance).mean()) + 1e-6
    inverse = np.linalg.inv(covariance + damping * np.eye(len(covariance)))
    upper = np.linalg.cholesky(inverse).T
    rest = weights.copy()
    rounded = np.empty_like(rest)
    for i in range(rest.shape[1]):
        rounded[:, i] = np.clip(np.rint(rest[:, i]), -127, 127)
        missing = (rest[:, i] - rounded[:, i]) / upper[i, i]
        rest[:, i:] -= np.outer(missing, upper[i, i:])
    return rounded


def _fixed(factor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Factors as multiplier / 2**shift."""
    mantissa, exponent = np.frexp(factor)
    multiplier = np.rint(np.ldexp(mantissa, 31)).astype(np.int64)
    over = multiplier == 1 << 31
    multiplier = np.where(over, 1 << 30, multiplier)
    shift = 31 - exponent - over
    if (shift < 1).any():
        raise ConvertError("the scores are too great for 32 bits: scale what the model is "
                           "trained to give")
    # What is less gives zero either way.
    return multiplier, np.minimum(shift, 62).astype(np.int64)


def _fraction_bits(model: Network, scores: np.ndarray) -> int:
    """As many as 32 bits have room for; 16 at most for scores of classes."""
    greatest = max(float(np.abs(scores).max()), 1e-9)
    most = 24 if model.task == fmt.TASK_REGRESSION else SCORE_BITS
    for fraction_bits in range(most, -1, -1):
        if math.ldexp(greatest * SCORE_ROOM, fraction_bits) < S32_MAX:
            if model.probability and fraction_bits < 12:
                # Far beyond where the sigmoid is 0 or 1: let them saturate.
                return 12
            return fraction_bits
    raise ConvertError(f"the scores reach {greatest:g}, too great for 32 bits: scale what the "
                       "model is trained to give")
