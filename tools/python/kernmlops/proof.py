# SPDX-License-Identifier: GPL-2.0-only
"""What admission proves of a model before it may run, by interval analysis.

The rules are in Documentation/kernmlops/fixed-point.rst, section Proof. Sums
here stay far below 2**63, and products are made with Python's own integers
where they might not.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .fixed_point import (S32_MAX, S32_MIN, S64_MAX, S64_MIN, log2q4, requantize, table_sigmoid,
                          table_tanh, type_range)

from .model_format import (ACTIVATION_CLAMP, ACTIVATION_SIGMOID, ACTIVATION_TANH, KIND_BOOSTED,
                           KIND_LINEAR, KIND_TREE, LAYER_KINDS, LAYERS_MAX, NORM_LOG2,
                           TASK_CLASSIFY, TREE_LEAF, TREES_MAX, WIDTH_MAX, Input, Layer, ModelFile,
                           ModelFileError, Tree)


@dataclass(frozen=True)
class Proof:
    """What one inference takes at most, and what can come out of it."""

    work: int
    """Multiply-accumulates of layers, comparisons of trees."""
    scores: list[tuple[int, int]]
    """Least and greatest value of each score, before the link."""
    accumulators: list[tuple[int, int]] = field(default_factory=list)
    """Least and greatest accumulator of each layer."""


def prove(model: ModelFile) -> Proof:
    """Prove that no input makes the model overflow or read out of bounds.

    Raises ModelFileError that names the layer, channel or node.
    """
    if model.kind in LAYER_KINDS:
        return _prove_layers(model)
    if model.kind != KIND_TREE:
        return _prove_sum(model)
    depth = _prove_tree(model.trees[0], len(model.leaves), len(model.inputs), "")
    _check_leaves(model)
    scores = model.leaves[:, 1:]
    return Proof(depth, list(zip(scores.min(axis=0).tolist(), scores.max(axis=0).tolist())))


# ---- layers

def normalized_range(item: Input, bits: int) -> tuple[int, int]:
    """What an input normalizes to; raises ModelFileError if that is no `bits`-bit type."""
    ends = []
    for x in (item.min, item.max):
        if item.norm == NORM_LOG2:
            if x < 0:
                raise ModelFileError(f"input {item.name} can be {x}, which has no logarithm")
            x = int(log2q4(np.int64(x)))
        product = x * item.multiplier
        if not S64_MIN <= product <= S64_MAX or not S64_MIN <= product + item.offset <= S64_MAX:
            raise ModelFileError(f"the normalizer of input {item.name} overflows")
        ends.append((product + item.offset) >> item.shift)
    low, high = type_range(bits)
    if min(ends) < low or max(ends) > high:
        raise ModelFileError(f"input {item.name} normalizes to {min(ends)} to {max(ends)}, "
                             f"the first layer takes {bits} bits")
    return min(ends), max(ends)


def _check_shape(model: ModelFile) -> None:
    """Layers fit each other."""
    if model.kind == KIND_LINEAR and len(model.layers) != 1:
        raise ModelFileError(f"a linear model has one layer, not {len(model.layers)}")
    if len(model.layers) > LAYERS_MAX:
        raise ModelFileError(f"{len(model.layers)} layers, at most {LAYERS_MAX} are allowed")
    width = len(model.inputs)
    bits: tuple[int, ...] = (8, 16)
    for i, layer in enumerate(model.layers):
        outputs, inputs = layer.weights.shape
        last = i == len(model.layers) - 1
        if inputs != width:
            raise ModelFileError(f"layer {i} has {inputs} inputs, it gets {width}")
        if not 1 <= outputs <= WIDTH_MAX:
            raise ModelFileError(f"layer {i} has {outputs} outputs, 1 to {WIDTH_MAX} are allowed")
        if layer.input_bits not in bits:
            raise ModelFileError(f"layer {i} cannot have inputs of {layer.input_bits} bits")
        if layer.output_bits not in ((32,) if last else (8, 16)):
            raise ModelFileError(f"layer {i} cannot have outputs of {layer.output_bits} bits")
        width, bits = outputs, (layer.output_bits,)


def _check_activation(i: int, layer: Layer) -> None:
    low, high = type_range(layer.output_bits)
    if layer.activation == ACTIVATION_CLAMP:
        if not low <= layer.min <= layer.max <= high:
            raise ModelFileError(f"layer {i} clamps to {layer.min} to {layer.max}, which is no "
                                 f"range of {layer.output_bits} bits")
        if layer.output_bits == 32 and layer.zero_point:
            raise ModelFileError("the last layer has a zero point")
        return
    if layer.activation > ACTIVATION_TANH:
        raise ModelFileError(f"layer {i} has unknown activation {layer.activation}")
    if layer.output_bits == 32:
        raise ModelFileError("the last layer cannot have a table")
    zero_point = -128 if (layer.activation, layer.output_bits) == (ACTIVATION_SIGMOID, 8) else 0
    if (layer.zero_point, layer.min, layer.max) != (zero_point, low, high):
        raise ModelFileError(f"layer {i}: zero point, min and max are not those of its table")


def accumulator_range(layer: Layer, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """The four bounds of each channel, a row each: N, P, bias + N, bias + P."""
    weights = layer.weights.astype(np.int64)
    at_low, at_high = weights * low, weights * high
    P = np.maximum(0, np.maximum(at_low, at_high)).sum(axis=1)
    N = np.minimum(0, np.minimum(at_low, at_high)).sum(axis=1)
    return np.stack([N, P, layer.bias + N, layer.bias + P])


def activate(layer: Layer, v: np.ndarray) -> np.ndarray:
    """The outputs of a layer whose requantized accumulators are `v`."""
    if layer.activation == ACTIVATION_SIGMOID:
        return table_sigmoid(v, layer.output_bits)
    if layer.activation == ACTIVATION_TANH:
        return table_tanh(v, layer.output_bits)
    return np.clip(v + layer.zero_point, layer.min, layer.max)


def _prove_layers(model: ModelFile) -> Proof:
    _check_shape(model)
    ranges = [normalized_range(item, model.layers[0].input_bits) for item in model.inputs]
    low, high = np.array(ranges, np.int64).T
    accumulators = []
    for i, layer in enumerate(model.layers):
        _check_activation(i, layer)
        for bad, what in ((layer.weights == -128, "has a weight of -128"),
                          ((layer.multiplier < 1 << 30)[:, None], "has a multiplier below 2^30"),
                          (((layer.shift < 1) | (layer.shift > 62))[:, None],
                           "has a shift that is not 1 to 62")):
            if bad.any():
                raise ModelFileError(f"layer {i} channel {np.argwhere(bad)[0][0]} {what}")
        bounds = accumulator_range(layer, low, high)
        bad = ((bounds < S32_MIN) | (bounds > S32_MAX)).any(axis=0)
        if bad.any():
            channel = int(np.flatnonzero(bad)[0])
            raise ModelFileError(
                f"layer {i} channel {channel} can overflow 32 bits: "
                f"{bounds[:, channel].min()} to {bounds[:, channel].max()}")
        accumulators.append((int(bounds[2].min()), int(bounds[3].max())))
        low, high = (activate(layer, requantize(bound, layer.multiplier, layer.shift))
                     for bound in bounds[2:])
    return Proof(sum(layer.weights.size for layer in model.layers),
                 list(zip(low.tolist(), high.tolist())), accumulators)


# ---- trees

def _prove_sum(model: ModelFile) -> Proof:
    """Each tree is sound, and no sum of leaves overflows in whatever order."""
    boosted = model.kind == KIND_BOOSTED
    least = [min(0, value) for value in model.base.tolist()]
    greatest = [max(0, value) for value in model.base.tolist()]
    low, high = model.base.tolist(), model.base.tolist()
    work = 0
    if len(model.trees) > TREES_MAX:
        raise ModelFileError(f"{len(model.trees)} trees, at most {TREES_MAX} are allowed")
    for i, tree in enumerate(model.trees):
        if tree.score >= (len(low) if boosted else 1):
            raise ModelFileError(f"tree {i} adds to score {tree.score}, which it cannot")
        work += _prove_tree(tree, len(model.leaves), len(model.inputs), f"tree {i} ")
        mine = model.leaves[tree.nodes["child"][tree.nodes["input"] == TREE_LEAF]]
        for k in range(mine.shape[1]):
            score = tree.score if boosted else k
            leaf_low, leaf_high = int(mine[:, k].min()), int(mine[:, k].max())
            least[score] += min(0, leaf_low)
            greatest[score] += max(0, leaf_high)
            low[score] += leaf_low
            high[score] += leaf_high
    for k, (a, b) in enumerate(zip(least, greatest)):
        if a < S64_MIN or b > S64_MAX:
            raise ModelFileError(f"score {k} can overflow 64 bits: {a} to {b}")
    return Proof(work, list(zip(low, high)))


def _prove_tree(tree: Tree, nr_leaves: int, nr_inputs: int, where: str) -> int:
    """Nodes are in breadth-first order, so a walk from the root ends; the depth."""
    nodes = tree.nodes
    item, child = nodes["input"].astype(np.int64), nodes["child"].astype(np.int64)
    leaf = item == TREE_LEAF
    # Where the children of the next inner node are.
    free = 1 + 2 * (np.cumsum(~leaf) - ~leaf)
    misplaced = ~leaf & ((child != free) | (child + 2 > len(nodes)))
    bad = np.flatnonzero((nodes["reserved"] != 0) | (leaf & (child >= nr_leaves)) |
                         (~leaf & (item >= nr_inputs)) | misplaced)
    if len(bad):
        i = int(bad[0])
        if nodes["reserved"][i] != 0:
            raise ModelFileError(f"a reserved field of {where}node {i} is not zero")
        if leaf[i]:
            raise ModelFileError(f"{where}node {i} names leaf {child[i]}, there are {nr_leaves}")
        if item[i] >= nr_inputs:
            raise ModelFileError(f"{where}node {i} compares input {item[i]}, "
                                 f"there are {nr_inputs}")
        raise ModelFileError(f"{where}node {i} has its children at {child[i]}, "
                             f"the next free place is {free[i]} of {len(nodes)}")
    used = 1 + 2 * int((~leaf).sum())
    if used != len(nodes):
        raise ModelFileError(f"{where}node {used} is no other node's child")
    depth, level = 0, np.flatnonzero(~leaf[:1])
    while len(level):
        below = (child[level, None] + (0, 1)).ravel()
        depth, level = depth + 1, below[~leaf[below]]
    return depth


def _check_leaves(model: ModelFile) -> None:
    answers, scores = model.leaves[:, 0], model.leaves[:, 1:]
    if model.task == TASK_CLASSIFY:
        bad = np.flatnonzero((answers < 0) | (answers >= scores.shape[1]))
        if len(bad):
            raise ModelFileError(f"leaf {bad[0]} answers class {answers[bad[0]]}, "
                                 f"there are {scores.shape[1]}")
    else:
        bad = np.flatnonzero(answers != scores[:, 0])
        if len(bad):
            raise ModelFileError(f"the answer of leaf {bad[0]} is not its score")
