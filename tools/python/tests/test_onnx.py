# SPDX-License-Identifier: GPL-2.0-only
"""ONNX graphs of layers, and QDQ graphs there and back."""

import io
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
pytest.importorskip("sklearn")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.neural_network import MLPClassifier  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402

import kernmlops  # noqa: E402
from data_sets import load  # noqa: E402
from random_models import random_model  # noqa: E402

NPM = Path(__file__).parents[3] / "build/npm"


def graph(nodes, constants, width, kind=TensorProto.FLOAT, output=None):
    """A model of one input "x" and the nodes (operator, inputs, output, attributes)."""
    made = [helper.make_node(operator, inputs, [name], **attributes)
            for operator, inputs, name, attributes in nodes]
    last = output or nodes[-1][2]
    return helper.make_model(helper.make_graph(
        made, "test", [helper.make_tensor_value_info("x", kind, [None, width])],
        [helper.make_tensor_value_info(last, TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]))


def mlp(activation):
    data = load("wine")
    network = MLPClassifier((12,), activation=activation, max_iter=100, random_state=0)
    trained = make_pipeline(StandardScaler(), network)
    with pytest.warns():
        trained.fit(data.X, data.y)
    return data, trained


@pytest.mark.parametrize("activation, operator", [("relu", "Relu"), ("tanh", "Tanh"),
                                                  ("logistic", "Sigmoid")])
@pytest.mark.parametrize("way", ["gemm", "matmul"])
def test_float_chains(activation, operator, way):
    data, trained = mlp(activation)
    scaler, last = trained
    nodes = [("Sub", ["x", "mean"], "a", {}), ("Div", ["a", "scale"], "b", {})]
    constants = {"mean": scaler.mean_, "scale": scaler.scale_}
    at = "b"
    for i, (weights, bias) in enumerate(zip(last.coefs_, last.intercepts_)):
        constants |= {f"w{i}": weights.T if way == "gemm" else weights, f"b{i}": bias}
        if way == "gemm":
            nodes.append(("Gemm", [at, f"w{i}", f"b{i}"], f"s{i}", {"transB": 1}))
        else:
            nodes += [("MatMul", [at, f"w{i}"], f"p{i}", {}),
                      ("Add", [f"b{i}", f"p{i}"], f"s{i}", {})]
        nodes.append((operator if i == 0 else "Softmax", [f"s{i}"], f"z{i}", {}))
        at = f"z{i}"
    model = kernmlops.convert(graph(nodes, constants, 13), data.X, y=data.y)
    # The same layers by another way give the same integers.
    same = kernmlops.convert(trained, data.X)
    for ours, theirs in zip(model.reference.file.layers, same.reference.file.layers):
        assert (ours.weights == theirs.weights).all()
    assert (model.predict(data.Xv) == trained.predict(data.Xv)).mean() > 0.98


def test_from_torch(tmp_path):
    torch = pytest.importorskip("torch")
    from torch import nn

    torch.manual_seed(0)
    data = load("digits")
    net = nn.Sequential(nn.BatchNorm1d(64), nn.Linear(64, 16), nn.ReLU6(), nn.BatchNorm1d(16),
                        nn.Dropout(), nn.Linear(16, 16), nn.Hardsigmoid(), nn.Linear(16, 10),
                        nn.LogSoftmax(dim=1)).eval()
    path = tmp_path / "net.onnx"
    torch.onnx.export(net, torch.zeros(2, 64), str(path), input_names=["x"], opset_version=13,
                      dynamic_axes={"x": {0: "rows"}})
    ours = kernmlops.convert(path, data.X)
    theirs = kernmlops.convert(net, data.X)
    assert (ours.predict(data.Xv) == theirs.predict(data.Xv)).mean() > 0.99
    assert ours.report.agreement > 0.98


@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
def test_there_and_back(activation):
    """What was quantized elsewhere keeps its scales: the integers are the same."""
    data, trained = mlp(activation)
    model = kernmlops.convert(trained, data.X)
    q = model.reference.layer_outputs(data.Xv)[0]
    back = kernmlops.convert(kernmlops.to_onnx(model), q)
    for ours, theirs in zip(model.reference.file.layers, back.reference.file.layers):
        assert (ours.weights == theirs.weights).all() and (ours.bias == theirs.bias).all()
    before = model.reference.layer_outputs(data.Xv)
    after = back.reference.layer_outputs(q)
    assert all((a == b).all() for a, b in zip(before[:-1], after[:-1]))
    assert np.abs(before[-1] - after[-1]).max() <= 2


def test_quantized_input():
    """The usual QDQ graph: floats in, QuantizeLinear first, weights quantized in the graph."""
    rng = np.random.default_rng(0)
    weights = rng.normal(0, 1, (3, 4)).astype(np.float32)
    scale = (np.abs(weights).max(axis=1) / 127).astype(np.float32)
    levels = {"s": np.float32(0.5), "z": np.uint8(100)}
    nodes = [("QuantizeLinear", ["x", "s", "z"], "q", {}),
             ("DequantizeLinear", ["q", "s", "z"], "d", {}),
             ("QuantizeLinear", ["w", "ws", "wz"], "wq", {"axis": 0}),
             ("DequantizeLinear", ["wq", "ws", "wz"], "wd", {"axis": 0}),
             ("Gemm", ["d", "wd", "b"], "y", {"transB": 1})]
    constants = levels | {"w": weights, "ws": scale, "wz": np.zeros(3, np.int8),
                          "b": np.array([1, 2, 3], np.float32)}
    X = rng.integers(-60, 90, (500, 4))
    model = kernmlops.convert(graph(nodes, constants, 4), X)
    layer, = model.reference.file.layers
    assert (layer.weights == np.rint(weights / scale[:, None])).all()
    # One level is half of an integer: q - 128 = 2 x + 100 - 128. The greatest
    # integer below the end of the range is 77.
    assert (model.reference.layer_outputs(X)[0] == 2 * np.clip(X, -50, 77) - 28).all()
    assert model.report.agreement == 1


def test_refusals():
    def refused(pattern, nodes, constants, **how):
        with pytest.raises(kernmlops.ConvertError, match=pattern):
            kernmlops.convert(graph(nodes, constants, 2, **how), [[1, 2], [3, 4]])

    one = {"w": np.eye(2, dtype=np.float32)}
    gemm = ("Gemm", ["x", "w"], "y", {})
    refused("node, a Gelu: Gemm, MatMul", [gemm, ("Gelu", ["y"], "z", {})], one)
    refused("a Clip: of .* of 0 to 6 can be",
            [gemm, ("Clip", ["y", "l", "h"], "z", {})],
            one | {"l": np.float32(-1), "h": np.float32(1)})
    refused("a HardSigmoid: only max", [gemm, ("HardSigmoid", ["y"], "z", {})], one)
    refused("a Gemm: v must be a constant", [("Gemm", ["x", "v"], "y", {})], {})
    refused("a MatMul: the weights must be its second", [("MatMul", ["w", "x"], "y", {})], one)
    refused("a Div: the input must be its first", [gemm, ("Div", ["w", "y"], "z", {})], one)
    refused("more than one output, or does not end", [gemm, ("Relu", ["y"], "z", {})], one,
            output="y")
    refused("a Relu: an activation needs a layer", [("Relu", ["x"], "y", {})], {})
    refused("of activations: one scale, and 8 bits",
            [("QuantizeLinear", ["x", "s", "z"], "q", {})],
            {"s": np.float32(1), "z": np.int32(0)})


def test_to_onnx_refusals():
    import random

    data = load("wine")
    trained = LogisticRegression(max_iter=2000).fit(data.X % 7, data.y)
    model = kernmlops.convert(trained, data.X % 7, target="W8A16")
    with pytest.raises(kernmlops.ConvertError, match="activations of 16 bits have no"):
        kernmlops.to_onnx(model)
    tree = kernmlops.Reference(random_model(random.Random(1), 3))
    with pytest.raises(kernmlops.ConvertError, match="a tree is no network of layers"):
        kernmlops.to_onnx(tree)


@pytest.fixture(scope="module")
def runtime():
    """Runs a graph in onnxruntime-web, which npm fetches once into build/npm."""
    if not shutil.which("npm"):
        pytest.skip("npm is not here")
    package = NPM / "node_modules/onnxruntime-web"
    if not package.exists():
        NPM.mkdir(parents=True, exist_ok=True)
        fetched = subprocess.run(["npm", "install", "--no-save", "--prefix", NPM,
                                  "onnxruntime-web@1"], capture_output=True, text=True)
        if fetched.returncode or not package.exists():
            pytest.skip("npm cannot fetch onnxruntime-web")
    shutil.copy(Path(__file__).with_name("onnxruntime.mjs"), NPM)

    def run(model, q, names):
        (NPM / "model.onnx").write_bytes(model.SerializeToString())
        (NPM / "input").write_bytes(q.astype(np.int8).tobytes())
        done = subprocess.run(["node", NPM / "onnxruntime.mjs", NPM / "model.onnx", NPM / "input",
                               str(q.shape[1]), *names], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return [np.loadtxt(io.StringIO(line)).reshape(len(q), -1)
                for line in done.stdout.splitlines()]

    return run


@pytest.mark.parametrize("activation", ["relu", "identity", "logistic", "tanh"])
def test_onnxruntime_agrees(activation, runtime):
    data, trained = mlp(activation)
    model = kernmlops.convert(trained, data.X)
    low, high = data.X.min(axis=0), data.X.max(axis=0)
    X = np.random.default_rng(0).integers(low, high, (1000, 13), endpoint=True)
    q, hidden, scores = model.reference.layer_outputs(X)
    theirs, floats = runtime(kernmlops.to_onnx(model, intermediate=True), q, ["q1", "scores"])
    differ = theirs != hidden
    if activation in ("relu", "identity"):
        # A sum that is half a level is rounded up here, to even there.
        assert differ.mean() < 1e-3
    else:
        # The table against the exact function.
        assert differ.mean() < 0.02
    assert np.abs(theirs - hidden).max() <= 1
    same = ~differ.any(axis=1)
    fraction = 2.0 ** -model.reference.file.fraction_bits
    assert np.abs(floats - scores * fraction)[same].max() < 1e-3
