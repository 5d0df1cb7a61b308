# SPDX-License-Identifier: GPL-2.0-only
"""The reference is what fixed-point.rst says: compared with the page written
down once more, number by number, and with the C engines."""

import random
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from kernmlops import Reference, fixed_point, model_file
from kernmlops import model_format as fmt
from kernmlops.fixed_point import S32_MAX, S64_MAX, S64_MIN
from kernmlops.model_format import Input, Layer, ModelFile, ModelFileError, Tree
from random_models import random_models, write

TOP = Path(__file__).parents[3]
TOOL = TOP / "build/bin/kmlopsctl"
SEED = random.SystemRandom().getrandbits(32)


def clamp(v, low, high):
    return low if v < low else high if v > high else v


def log2q4(x):
    y = x + 1
    e = y.bit_length() - 1
    following = bin(y)[3:] + "0000"
    return e << 4 | int(following[:4], 2)


def sigmoid16(v):
    u = clamp(v, -32768, 32767) + 32768
    i, f = u >> 8, u & 255
    S = fixed_point.SIGMOID_TABLE.tolist()
    return S[i] + (((S[i + 1] - S[i]) * f + 128) >> 8)


def activation(layer, v):
    if layer.activation == fmt.ACTIVATION_CLAMP:
        return clamp(v + layer.zero_point, layer.min, layer.max)
    if layer.activation == fmt.ACTIVATION_SIGMOID:
        t = sigmoid16(v)
        return (min((t + 128) >> 8, 255) - 128 if layer.output_bits == 8
                else min((t + 1) >> 1, 32767))
    t = sigmoid16(v) - 32768
    return min((t + 128) >> 8, 127) if layer.output_bits == 8 else t


def layer_scores(model, x):
    values = []
    for item, value in zip(model.inputs, x):
        value = clamp(value, item.min, item.max)
        if item.norm == fmt.NORM_LOG2:
            value = log2q4(value)
        values.append((value * item.multiplier + item.offset) >> item.shift)
    for layer in model.layers:
        following = []
        for row, bias, multiplier, shift in zip(layer.weights.tolist(), layer.bias.tolist(),
                                                layer.multiplier.tolist(), layer.shift.tolist()):
            acc = bias + sum(w * q for w, q in zip(row, values))
            assert abs(acc) <= S32_MAX + 1
            following.append(activation(layer, (acc * multiplier + (1 << shift - 1)) >> shift))
        values = following
    return values


def leaf(model, tree, x):
    at = 0
    while tree.nodes["input"][at] != fmt.TREE_LEAF:
        node = tree.nodes[at]
        at = int(node["child"]) + (x[node["input"]] > node["threshold"])
    return model.leaves[tree.nodes["child"][at]].tolist()


def outputs(model, x):
    """The output vector of an input vector: Python's integers, no arrays."""
    if model.kind == fmt.KIND_TREE:
        return leaf(model, model.trees[0], x)
    if model.kind in fmt.LAYER_KINDS:
        scores = layer_scores(model, x)
    else:
        scores = model.base.tolist()
        for tree in model.trees:
            for k, value in enumerate(leaf(model, tree, x)):
                scores[tree.score if model.kind == fmt.KIND_BOOSTED else k] += value
    answer = (scores.index(max(scores)) if model.task == fmt.TASK_CLASSIFY else
              int(scores[0] > 0) if model.task == fmt.TASK_BINARY else scores[0])
    if model.link == fmt.LINK_SIGMOID:
        f, z = model.fraction_bits, scores[0]
        if f > 12:
            z = min(z + (1 << f - 13), S64_MAX) >> f - 12
        scores = [sigmoid16(z)]
    return [answer] + scores


def test_reference_is_the_page():
    print("seed", SEED)
    vectors = 0
    for model in random_models(SEED, 50, 24):
        for x, expected in zip(model.golden_inputs.tolist(), model.golden_outputs.tolist()):
            assert outputs(model, x) == expected
            vectors += 1
    assert vectors == 50 * 24


def test_files_survive_a_round_trip():
    for model in random_models(SEED + 1, 20, 8):
        data = model_file.build(model)
        assert Reference(data).verify_golden() == 8
        assert model_file.build(model_file.parse(data)) == data


def test_log2q4():
    values = [0, 1, 2, 3, 14, 15, 16, S64_MAX - 1, S64_MAX]
    values += [max(0, (1 << bit) + by) for bit in range(63) for by in range(-2, 3)]
    values += [random.Random(SEED).getrandbits(63) >> shift for shift in range(63)]
    assert fixed_point.log2q4(np.array(values)).tolist() == [log2q4(v) for v in values]
    assert (log2q4(0), log2q4(S64_MAX)) == (0, 1008)
    for bad in ([-1], [0.5]):
        with pytest.raises(ValueError, match="integers that are not negative"):
            fixed_point.log2q4(np.array(bad))


def test_sigmoid_table_is_that_of_the_kernel():
    source = (TOP / "kmod/fixed_point.c").read_text()
    table = re.search(r"table\[257\] = \{(.*?)\}", source, re.S)[1]
    assert [int(word) for word in re.findall(r"\d+", table)] == fixed_point.SIGMOID_TABLE.tolist()


def test_sigmoid():
    v = np.arange(-70000, 70000)
    t = fixed_point.sigmoid16(v)
    assert (np.diff(t) >= 0).all()
    inside = np.abs(v) <= 32768
    exact = 65536 / (1 + np.exp(-v / 4096))
    assert np.abs(t - exact)[inside].max() < 6
    assert t.tolist()[::997] == [sigmoid16(x) for x in v.tolist()[::997]]
    scores = np.array([S64_MIN, -1, 0, 1, S64_MAX])
    assert fixed_point.score_sigmoid(scores, 62).tolist()[::4] == [
        sigmoid16(S64_MIN >> 50), sigmoid16(S64_MAX >> 50)]


# ---- what is refused

@pytest.fixture
def net():
    """Two inputs, two hidden channels, one score."""
    def layer(weights, bits, **changes):
        n = len(weights)
        return Layer(np.array(weights, np.int8), np.zeros(n, np.int64),
                     np.full(n, 1 << 30), np.full(n, 30), 8, bits, 0, 0,
                     *((-128, 127) if bits == 8 else (-2**31, 2**31 - 1)))

    model = ModelFile(
        fmt.KIND_MLP, fmt.TASK_REGRESSION, 0,
        [Input("x0", -100, 100, fmt.NORM_AFFINE, 0, 1, 0),
         Input("x1", 0, 1000, fmt.NORM_LOG2, 3, 1, 0)],
        np.array([[5, 7]]), np.zeros((1, 2), np.int64),
        layers=[layer([[1, 2], [3, 4]], 8), layer([[1, 1]], 32)])
    model.golden_outputs = Reference(model).outputs(model.golden_inputs)
    return model


def change(model, path, value):
    """model.layers[0].bias[1] = value, with the path as text."""
    exec(f"model.{path} = value", {}, {"model": model, "value": value})


@pytest.mark.parametrize("path, value, sentence", [
    ("inputs[0]", Input("x0", -129, 100, fmt.NORM_AFFINE, 0, 1, 0),
     "input x0 normalizes to -129 to 100, the first layer takes 8 bits"),
    ("inputs[0]", Input("x0", -4, 2**62, fmt.NORM_AFFINE, 62, 4, 0),
     "the normalizer of input x0 overflows"),
    ("inputs[0]", Input("x0", 0, 2**62, fmt.NORM_AFFINE, 62, 1, S64_MAX),
     "the normalizer of input x0 overflows"),
    ("inputs[0]", Input("x0", 0, 1, fmt.NORM_AFFINE, 63, 1, 0),
     "input x0 has a shift of 63, 62 at most"),
    ("inputs[1]", Input("x1", -1, 5, fmt.NORM_LOG2, 3, 1, 0),
     "input x1 can be -1, which has no logarithm"),
    ("inputs[1]", Input("x1", 0, 5), "input x1 has no normalizer, layers need one"),
    ("layers[0].bias[1]", S32_MAX, "layer 0 channel 1 can overflow 32 bits"),
    ("layers[0].bias[0]", -2**31, "layer 0 channel 0 can overflow 32 bits"),
    ("layers[0].weights[1, 0]", -128, "layer 0 channel 1 has a weight of -128"),
    ("layers[0].multiplier[0]", 2**30 - 1, "layer 0 channel 0 has a multiplier below 2^30"),
    ("layers[1].shift[0]", 0, "layer 1 channel 0 has a shift that is not 1 to 62"),
    ("layers[1].shift[0]", 63, "layer 1 channel 0 has a shift that is not 1 to 62"),
    ("layers[0].min", -129, "layer 0 clamps to -129 to 127, which is no range of 8 bits"),
    ("layers[0].max", 128, "layer 0 clamps to -128 to 128, which is no range of 8 bits"),
    ("layers[0].min", 128, "layer 0 clamps to 128 to 127, which is no range of 8 bits"),
    ("layers[0].activation", 3, "layer 0 has unknown activation 3"),
    ("layers[0].activation", 1, "layer 0: zero point, min and max are not those of its table"),
    ("layers[1].zero_point", 1, "the last layer has a zero point"),
    ("layers[1].activation", 1, "the last layer cannot have a table"),
    ("layers[0].input_bits", 4, "layer 0 cannot have inputs of 4 bits"),
    ("layers[1].input_bits", 16, "layer 1 cannot have inputs of 16 bits"),
    ("layers[0].output_bits", 32, "layer 0 cannot have outputs of 32 bits"),
    ("layers[1].output_bits", 8, "layer 1 cannot have outputs of 8 bits"),
    ("kind", fmt.KIND_LINEAR, "a linear model has one layer, not 2"),
    ("max_work", 5, "one inference takes 6 operations, the file declares 5"),
    ("link", fmt.LINK_SIGMOID, "a model of task regression cannot have link 1"),
])
def test_layers_refused(net, path, value, sentence):
    change(net, path, value)
    with pytest.raises(ModelFileError, match=re.escape(sentence)):
        model_file.build(net)


def test_layers_that_do_not_fit(net):
    net.layers[1].weights = np.ones((1, 3), np.int8)
    with pytest.raises(ModelFileError, match="layer 1 has 3 inputs, it gets 2"):
        model_file.build(net)
    net.layers[1].weights = np.ones((1, 2), np.int8)
    net.inputs = net.inputs[1:]
    with pytest.raises(ModelFileError, match="layer 0 has 2 inputs, it gets 1"):
        model_file.build(net)


def test_binary_link(net):
    net.task, net.link = fmt.TASK_BINARY, fmt.LINK_SIGMOID
    with pytest.raises(ModelFileError, match="link sigmoid needs at least 12 fraction bits"):
        model_file.build(net)
    net.fraction_bits = 12
    net.golden_outputs = Reference(net).outputs(net.golden_inputs)
    assert Reference(model_file.build(net)).fraction_bits == 16


@pytest.fixture
def forest():
    stump = np.array([(5, 1, 0, 0), (0, 0, fmt.TREE_LEAF, 0), (0, 1, fmt.TREE_LEAF, 0)],
                     fmt.TREE_NODE)
    model = ModelFile(
        fmt.KIND_BOOSTED, fmt.TASK_CLASSIFY, 3, [Input("x", 0, 9)], np.array([[5], [6]]),
        np.array([[0, 4, 2], [1, 5, 7]]), trees=[Tree(stump.copy()), Tree(stump.copy(), 1)],
        leaves=np.array([[1], [2]]), base=np.array([3, 1]))
    model.golden_outputs = Reference(model).outputs(model.golden_inputs)
    return model


def test_boosted_by_hand(forest):
    assert Reference(forest).outputs([[5], [6]]).tolist() == [[0, 4, 2], [0, 5, 3]]


@pytest.mark.parametrize("path, value, sentence", [
    ("trees[1].score", 2, "tree 1 adds to score 2, which it cannot"),
    ("trees[1].nodes['child'][0]", 3, "tree 1 node 0 has its children at 3"),
    ("trees[0].nodes['child'][2]", 2, "tree 0 node 2 names leaf 2, there are 2"),
    ("trees[0].nodes['input'][0]", 1, "tree 0 node 0 compares input 1, there are 1"),
    ("trees[0].nodes['input'][2]", 0, "tree 0 node 2 has its children at 1"),
    ("leaves[1, 0]", S64_MAX, "score 0 can overflow 64 bits"),
    ("base[1]", S64_MAX, "score 1 can overflow 64 bits"),
    ("base[1]", S64_MIN, None),
    ("max_work", 1, "one inference takes 2 operations, the file declares 1"),
])
def test_boosted_refused(forest, path, value, sentence):
    change(forest, path, value)
    if sentence is None:
        model_file.build(forest)
        return
    with pytest.raises(ModelFileError, match=re.escape(sentence)):
        model_file.build(forest)


# ---- the same in C

@pytest.mark.skipif(not TOOL.exists(), reason="kmlopsctl is not built")
def test_c_engines_agree(tmp_path):
    """Golden vectors of random models come out in C, on each path of this CPU."""
    write(tmp_path, 100, SEED)
    print("seed", SEED)
    for path in sorted(tmp_path.glob("*.kmml")):
        run = subprocess.run([TOOL, "model", "verify", "file", path], capture_output=True,
                             text=True)
        if path.stem == "spoiled":
            assert run.returncode == 4 and "golden vector 63" in run.stderr
        else:
            assert run.returncode == 0, f"seed {SEED}: {run.stderr}"
