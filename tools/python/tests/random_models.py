#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Random models of every kind, extremes of every type included.

    random_models.py DIR COUNT [SEED]

writes COUNT model files into DIR and prints the seed, with which the same files
come again. Their golden vectors are what kernmlops.Reference computes, so
whoever accepts a file computes the same on each of its paths. DIR/spoiled.kmml
has one wrong bit in its last golden vector and must be refused.
"""

import random
import sys
from pathlib import Path

import numpy as np

from kernmlops import Reference, model_file
from kernmlops import model_format as fmt
from kernmlops.fixed_point import S32_MAX, S32_MIN, S64_MAX, S64_MIN, requantize, type_range
from kernmlops.model_format import Input, Layer, ModelFile, Tree
from kernmlops.proof import accumulator_range, activate, normalized_range

ENDS = (S64_MIN, S64_MIN + 1, -1, 0, 1, S64_MAX - 1, S64_MAX)


def s64(rng):
    """An integer of any size, now and then an extreme one."""
    if rng.random() < 0.1:
        return rng.choice(ENDS)
    return rng.getrandbits(rng.randint(1, 63)) * rng.choice((-1, 1))


def random_input(rng, name, bits):
    """An input whose normalizer fills some of a type of so many bits."""
    low, high = type_range(bits)
    if rng.random() < 0.05:         # all of s64
        return Input(name, S64_MIN, S64_MAX, fmt.NORM_AFFINE, 64 - bits, 1, 0)
    norm = rng.choice((fmt.NORM_AFFINE, fmt.NORM_LOG2))
    for _ in range(20):
        ends = sorted(abs(s64(rng)) - 1 if norm == fmt.NORM_LOG2 else s64(rng) for _ in range(2))
        ends = [max(ends[0], 0 if norm == fmt.NORM_LOG2 else S64_MIN), min(ends[1], S64_MAX)]
        if ends[0] > ends[1]:
            continue
        at = [0, 1008] if norm == fmt.NORM_LOG2 else ends
        greatest = max(abs(at[0]), abs(at[1]), 1)
        shift = rng.randint(0, max(0, 62 - bits - max(0, greatest.bit_length() - bits)))
        target = sorted(rng.randint(low, high) for _ in range(2))
        multiplier = ((target[1] - target[0]) << shift) // max(at[1] - at[0], 1)
        offset = (target[0] << shift) - at[0] * multiplier
        if rng.random() < 0.3:      # a falling one
            multiplier, offset = -multiplier, (target[1] << shift) + at[0] * multiplier
        item = Input(name, *ends, norm, shift, multiplier, max(min(offset, S64_MAX), S64_MIN))
        try:
            normalized_range(item, bits)
            return item
        except fmt.ModelFileError:
            pass
    return Input(name, *sorted((s64(rng), s64(rng))), fmt.NORM_AFFINE, 0, 0, rng.randint(low, high))


def random_layer(rng, nr_outputs, bits, output_bits, low, high):
    """A layer that may come as near to overflow as is allowed."""
    shape = nr_outputs, len(low)
    np_rng = np.random.default_rng(rng.getrandbits(64))
    weights = {
        "any": lambda: np_rng.integers(-127, 127, shape, endpoint=True),
        "extreme": lambda: np_rng.choice([-127, 127], shape),
        "one sign": lambda: np.full(shape, rng.choice((-127, 127))),
        "small": lambda: np_rng.integers(-3, 3, shape, endpoint=True),
        "sparse": lambda: np_rng.integers(-127, 127, shape) * (np_rng.random(shape) < 0.1),
        "none": lambda: np.zeros(shape, np.int64),
    }[rng.choice(("any", "any", "extreme", "one sign", "small", "sparse", "none"))]()
    layer = Layer(weights.astype(np.int8), np.zeros(nr_outputs, np.int64), np.array([]),
                  np.array([]), bits, output_bits, fmt.ACTIVATION_CLAMP, 0, 0, 0)
    while True:
        N, P = accumulator_range(layer, low, high)[:2]
        if N.min() >= S32_MIN and P.max() <= S32_MAX:
            break
        layer.weights = layer.weights // 2
    # Such that bias + N and bias + P fit as well: in the middle, or at an end.
    least, greatest = S32_MIN - N, S32_MAX - P
    where = np_rng.choice([0, 1, 2, 2, 2, 2], nr_outputs)
    middle = np_rng.integers(np.maximum(least, -50000), np.minimum(greatest, 50000), endpoint=True)
    layer.bias = np.clip(np.choose(where, [least, greatest, middle]),
                         np.maximum(least, S32_MIN), np.minimum(greatest, S32_MAX))

    layer.multiplier = np_rng.integers(1 << 30, (1 << 31) - 1, nr_outputs, endpoint=True)
    layer.multiplier[np_rng.random(nr_outputs) < 0.1] = rng.choice((1 << 30, (1 << 31) - 1))
    span = np.maximum(np.abs(N), np.abs(P)).max() + 1
    wanted = 30 + int(span).bit_length() - min(output_bits, 17)
    layer.shift = np.clip(wanted + np_rng.integers(-3, 3, nr_outputs, endpoint=True), 1, 62)
    layer.shift[np_rng.random(nr_outputs) < 0.03] = rng.choice((1, 62))

    layer.min, layer.max = type_range(output_bits)
    if output_bits == 32:
        if rng.random() < 0.2:
            layer.min, layer.max = sorted(rng.randint(S32_MIN, S32_MAX) for _ in range(2))
        return layer
    layer.activation = rng.choice((0, 0, 0, fmt.ACTIVATION_SIGMOID, fmt.ACTIVATION_TANH))
    if layer.activation == fmt.ACTIVATION_CLAMP:
        if rng.random() < 0.5:
            layer.zero_point = rng.randint(layer.min, layer.max)
            layer.min = layer.zero_point
        elif rng.random() < 0.5:
            layer.zero_point = rng.choice((S32_MIN, S32_MAX, rng.randint(-70000, 70000)))
            layer.min, layer.max = sorted(rng.randint(layer.min, layer.max) for _ in range(2))
    elif (layer.activation, output_bits) == (fmt.ACTIVATION_SIGMOID, 8):
        layer.zero_point = -128
    return layer


def width(rng, most):
    """Around the sizes of registers, or any."""
    return min(most, rng.choice((1, 2, 3, 7, 8, 15, 16, 17, 31, 32, 33, 64, 65,
                                 rng.randint(1, 100), rng.randint(1, 512))))


def random_layers(rng, model, nr_scores):
    linear = model.kind == fmt.KIND_LINEAR
    widths = [] if linear else [width(rng, 300) for _ in range(rng.randint(0, 5))]
    bits = rng.choice((8, 8, 16))
    model.inputs = [random_input(rng, f"x{i}", bits) for i in range(width(rng, fmt.INPUTS_MAX))]
    low, high = np.array([normalized_range(item, bits) for item in model.inputs], np.int64).T
    for i, nr_outputs in enumerate(widths + [nr_scores]):
        output_bits = 32 if i == len(widths) else rng.choice((bits, bits, bits, 8, 16))
        layer = random_layer(rng, nr_outputs, bits, output_bits, low, high)
        model.layers.append(layer)
        bounds = accumulator_range(layer, low, high)[2:]
        low, high = (activate(layer, requantize(v, layer.multiplier, layer.shift)) for v in bounds)
        bits = output_bits


def random_tree(rng, nr_inputs, first_leaf, nr_leaves, shared):
    """A tree of so many leaves: bushy, or a chain. Leaves may be used twice."""
    children = {}           # of inner nodes, by their place in the order of making
    ends = [0]
    made = 1
    chain = rng.random() < 0.2
    while len(ends) < nr_leaves:
        node = ends.pop(-1 if chain else rng.randrange(len(ends)))
        children[node] = (made, made + 1)
        ends += [made, made + 1] if rng.random() < 0.5 else [made + 1, made]
        made += 2
    order, rows, leaf = [0], [], 0
    for node in order:
        if node in children:
            rows.append((s64(rng), len(order), rng.randrange(nr_inputs), 0))
            order += children[node]
        else:
            own = rng.randrange(first_leaf + nr_leaves) if shared else first_leaf + leaf
            rows.append((0, own, fmt.TREE_LEAF, 0))
            leaf += 1
    return np.array(rows, fmt.TREE_NODE)


def random_trees(rng, model, nr_scores):
    model.inputs = [Input(f"x{i}", *sorted((s64(rng), s64(rng))))
                    for i in range(width(rng, fmt.INPUTS_MAX))]
    single = model.kind == fmt.KIND_TREE
    nr = 1 if single else rng.choice((1, 2, 7, 8, 9, 16, rng.randint(1, 60)))
    most = rng.choice((1, 2, 8, 64, 300 if single else 64))
    total, shared = 0, rng.random() < 0.2
    for _ in range(nr):
        nr_leaves = rng.randint(1, most)
        nodes = random_tree(rng, len(model.inputs), total, nr_leaves, shared)
        score = rng.randrange(nr_scores) if model.kind == fmt.KIND_BOOSTED else 0
        model.trees.append(Tree(nodes, score))
        total += nr_leaves
    bits = 62 - nr.bit_length()
    wide = {fmt.KIND_TREE: nr_scores, fmt.KIND_FOREST: nr_scores, fmt.KIND_BOOSTED: 1}[model.kind]
    size = rng.choice((3, 20, 31, bits))

    def value():
        return rng.choice((-1, 1)) * rng.choice((rng.getrandbits(size), (1 << size) - 1))

    leaves = np.array([[value() for _ in range(wide)] for _ in range(total)], np.int64)
    if single:
        answers = (np.array([rng.randrange(nr_scores) for _ in range(total)])
                   if model.task == fmt.TASK_CLASSIFY else leaves[:, 0])
        leaves = np.column_stack([answers, leaves])
    else:
        model.base = np.array([value() for _ in range(nr_scores)], np.int64)
    model.leaves = leaves


def random_vectors(rng, model, count):
    """Input vectors: the ends of s64, of the ranges, around thresholds, and any."""
    near = [[item.min, item.max] for item in model.inputs]
    for tree in model.trees:
        for node in tree.nodes[tree.nodes["input"] != fmt.TREE_LEAF][:500]:
            near[node["input"]].append(int(node["threshold"]))
    rows = [[end] * len(near) for end in ENDS]
    while len(rows) < count:
        how = rng.random()
        row = []
        for item, values in zip(model.inputs, near):
            if how < 0.4:
                value = rng.randint(item.min, item.max)
            elif how < 0.8:
                value = rng.choice(values) + rng.randint(-1, 1)
            else:
                value = s64(rng)
            row.append(max(min(value, S64_MAX), S64_MIN))
        rows.append(row)
    return np.array(rows[:count], np.int64)


def random_model(rng, kind, golden=64):
    """A model file of a kind, with so many golden vectors."""
    task = rng.choice((fmt.TASK_REGRESSION, fmt.TASK_CLASSIFY) if kind == fmt.KIND_TREE
                      else tuple(fmt.TASKS))
    link = fmt.LINK_SIGMOID if task == fmt.TASK_BINARY and rng.random() < 0.6 else fmt.LINK_NONE
    nr_scores = 1 if task != fmt.TASK_CLASSIFY else rng.choice((2, 3, 10, rng.randint(2, 128)))
    empty = np.zeros((0, 0), np.int64)
    model = ModelFile(kind, task, rng.choice((12, 16, 20, rng.randint(12, 62))), [], empty, empty,
                      link=link)
    (random_layers if kind in fmt.LAYER_KINDS else random_trees)(rng, model, nr_scores)
    model.golden_inputs = random_vectors(rng, model, golden)
    model.golden_outputs = Reference(model).outputs(model.golden_inputs)
    return model


def random_models(seed, count, golden=64):
    """Models of all kinds in turn."""
    rng = random.Random(seed)
    for i in range(count):
        yield random_model(rng, list(fmt.KINDS)[i % len(fmt.KINDS)], golden)


def write(directory, count, seed):
    directory.mkdir(parents=True, exist_ok=True)
    rng = random.Random(seed + 1)
    for i, model in enumerate(random_models(seed, count)):
        (directory / f"{i}.kmml").write_bytes(model_file.build(model))
    model = random_model(rng, fmt.KIND_TREE)
    model.golden_outputs = model.golden_outputs.copy()
    model.golden_outputs[-1, -1] ^= 1
    if model.task == fmt.TASK_REGRESSION:
        model.golden_outputs[-1, 0] = model.golden_outputs[-1, 1]
    (directory / "spoiled.kmml").write_bytes(model_file.build(model))


if __name__ == "__main__":
    chosen = int(sys.argv[3]) if len(sys.argv) > 3 else random.SystemRandom().getrandbits(32)
    print(f"seed {chosen}")
    write(Path(sys.argv[1]), int(sys.argv[2]), chosen)
