# SPDX-License-Identifier: GPL-2.0-only
"""Trees for the kernel, exactly: decision trees, forests, boosted trees."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import Any, Iterable, Iterator

import numpy as np

from . import model_format as fmt
from .fixed_point import S64_MAX, S64_MIN
from .model_format import Input, ModelFile, Tree
from .reference import Reference
from .threshold import greatest_left
from .trained import ConvertError, Ensemble, FloatTree

FRACTION_BITS = 20
# Of sums: what rounding adds up to stays far below what a double can tell apart.
SUM_FRACTION_BITS = 44


@dataclass
class Converted:
    """A model file without golden vectors, and for each node of each tree the
    trainer's number of it."""

    file: ModelFile
    origins: list[np.ndarray]


def convert(model: Ensemble, data: np.ndarray) -> Converted:
    """The trees of `model`; `data` gives the ranges of the inputs."""
    if len(model.trees) > fmt.TREES_MAX:
        raise ConvertError(f"the model has {len(model.trees)} trees, "
                           f"at most {fmt.TREES_MAX} are allowed")
    trees: list[Tree] = []
    origins: list[np.ndarray] = []
    leaves: list[np.ndarray] = []
    for tree, (thresholds, some) in zip(model.trees, _thresholds(model)):
        first = sum(len(part) for part in leaves)
        nodes, origin, own = _nodes(tree, thresholds, some, first)
        trees.append(Tree(nodes, tree.score))
        origins.append(origin)
        leaves.append(tree.values[own])
    values = np.concatenate(leaves)
    if not np.isfinite(values).all():
        raise ConvertError("a leaf has a value that is not finite")
    # The first greatest, as scikit-learn decides: rounded probabilities may tie
    # where its weights do not.
    answers = np.argmax(values, axis=1)
    if model.kind == fmt.KIND_TREE and model.task == fmt.TASK_CLASSIFY:
        if not (values.sum(axis=1) > 0).all():
            raise ConvertError("a leaf has no weight of any class")
        values = values / values.sum(axis=1, keepdims=True)
        leaves = [values]
    fraction_bits = _fraction_bits(model, leaves)
    words = np.rint(np.ldexp(values, fraction_bits)).astype(np.int64)
    if model.kind == fmt.KIND_TREE:
        words = np.column_stack(
            [answers if model.task == fmt.TASK_CLASSIFY else words[:, 0], words])

    empty = np.zeros((0, 0), np.int64)
    return Converted(ModelFile(
        kind=model.kind, task=model.task, fraction_bits=fraction_bits,
        link=fmt.LINK_SIGMOID if model.probability else fmt.LINK_NONE,
        inputs=[Input(*item) for item in zip(model.inputs.names, data.min(axis=0).tolist(),
                                             data.max(axis=0).tolist())],
        trees=trees, leaves=words,
        base=np.rint(np.ldexp(model.base, fraction_bits)).astype(np.int64),
        golden_inputs=empty, golden_outputs=empty), origins)


def _thresholds(model: Ensemble) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each node of each tree: the greatest integer that goes left, and
    whether any does."""
    feature = np.concatenate([np.where(tree.left < 0, -1, tree.feature) for tree in model.trees])
    threshold = np.concatenate([tree.threshold for tree in model.trees])
    greatest = np.zeros(len(feature), np.int64)
    some = np.zeros(len(feature), bool)
    compare = np.less if model.strict else np.less_equal
    for i in np.unique(feature[feature >= 0]):
        at = np.flatnonzero(feature == i)
        values, inverse = np.unique(threshold[at], return_inverse=True)
        if np.isnan(values).any():
            raise ConvertError("a threshold is not a number")

        def goes_left(x: np.ndarray) -> np.ndarray:
            return compare(model.inputs.column(i, x).astype(model.cast), values)

        least = 0 if model.inputs.logarithm(i) else S64_MIN
        found, any_left = greatest_left(goes_left, len(values), least)
        greatest[at], some[at] = found[inverse], any_left[inverse]
    ends = np.cumsum([len(tree.left) for tree in model.trees])[:-1]
    return list(zip(np.split(greatest, ends), np.split(some, ends)))


def _nodes(tree: FloatTree, thresholds: np.ndarray, some: np.ndarray,
           first_leaf: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nodes in breadth-first order, where a right child follows its left one.

    Returns them, the trainer's number of each, and the trainer's numbers of the
    leaves in the order of ours.
    """
    left, right = tree.left.tolist(), tree.right.tolist()
    feature, greatest, reached = tree.feature.tolist(), thresholds.tolist(), some.tolist()

    def resolve(node: int) -> int:
        """Skip nodes that send every integer right."""
        while left[node] >= 0 and not reached[node]:
            node = right[node]
        return node

    order = [resolve(0)]
    leaves: list[int] = []
    rows: list[tuple[int, int, int, int]] = []
    for node in order:          # grows while it is walked
        if left[node] < 0:
            rows.append((0, first_leaf + len(leaves), fmt.TREE_LEAF, 0))
            leaves.append(node)
        else:
            rows.append((greatest[node], len(order), feature[node], 0))
            order += [resolve(left[node]), resolve(right[node])]
    return np.array(rows, fmt.TREE_NODE), np.array(order, np.int64), np.array(leaves, np.int64)


def _fraction_bits(model: Ensemble, leaves: list[np.ndarray]) -> int:
    """As many as the sums have room for."""
    greatest = sum((np.abs(part).max() for part in leaves), np.abs(model.base).max(initial=0.0))
    most = FRACTION_BITS if model.kind == fmt.KIND_TREE else SUM_FRACTION_BITS
    for fraction_bits in range(most, -1, -1):
        # Each leaf and base may be rounded up by a half.
        if math.ldexp(greatest, fraction_bits) + len(leaves) + 1 < 2.0 ** 63:
            if model.probability and fraction_bits < 12:
                break
            return fraction_bits
    raise ConvertError(f"a leaf has the value {greatest:g}, which does not fit 64 bits"
                       if model.kind == fmt.KIND_TREE else
                       f"scores reach {greatest:g}, which does not fit 64 bits")


def mismatched_leaves(model: Ensemble, converted: Converted, data: np.ndarray) -> int:
    """Rows that end, in some tree, in another leaf than the trainer's."""
    if model.nodes_of is None:
        return 0
    theirs = model.nodes_of(data)
    ours = Reference(converted.file)
    wrong = np.zeros(len(data), bool)
    for i, origin in enumerate(converted.origins):
        wrong |= origin[ours.apply(data, i)] != theirs[:, i]
    return int(wrong.sum())


def golden_inputs(file: ModelFile, data: np.ndarray, limit: int) -> np.ndarray:
    """Input vectors for the kernel to try: edges first, then rows of the data
    that reach a leaf, and rows moved onto a threshold."""
    inputs = data.shape[1]
    edges = [(S64_MIN,) * inputs, (S64_MAX,) * inputs,
             tuple(data.min(axis=0).tolist()), tuple(data.max(axis=0).tolist())]
    ours = Reference(file)

    def vectors(tree: int) -> Iterator[tuple[int, ...]]:
        nodes = file.trees[tree].nodes
        seen = _first_rows(ours, data, tree)

        def boundaries() -> Iterator[tuple[int, ...]]:
            for node, row in seen.items():
                if nodes["input"][node] == fmt.TREE_LEAF:
                    continue
                threshold = int(nodes["threshold"][node])
                for value in (threshold, min(threshold + 1, S64_MAX)):
                    vector = data[row].tolist()
                    vector[nodes["input"][node]] = value
                    yield tuple(vector)

        def rows() -> Iterator[tuple[int, ...]]:
            for node, row in seen.items():
                if nodes["input"][node] == fmt.TREE_LEAF:
                    yield tuple(data[row].tolist())

        mixed: Iterable[Any] = chain.from_iterable(zip_longest(boundaries(), rows()))
        return (vector for vector in mixed if vector is not None)

    some = [vectors(tree) for tree in range(min(len(file.trees), limit))]
    turns = chain.from_iterable(zip_longest(*some))
    chosen = dict.fromkeys(edges)
    for vector in turns:
        if len(chosen) >= limit:
            break
        if vector is not None:
            chosen[vector] = None
    return np.array(list(chosen)[:limit], np.int64)


def _first_rows(ours: Reference, data: np.ndarray, tree: int) -> dict[int, int]:
    """For each node that some row reaches, in order: the first row that does."""
    first: dict[int, int] = {}
    for rows, at in ours.levels(data, tree):
        reached, index = np.unique(at, return_index=True)
        first.update(zip(reached.tolist(), rows[index].tolist()))
    return dict(sorted(first.items()))
