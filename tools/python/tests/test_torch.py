# SPDX-License-Identifier: GPL-2.0-only
"""torch networks in integers, every module that is known."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("sklearn")

from torch import nn  # noqa: E402

import kernmlops  # noqa: E402
from data_sets import load, probes  # noqa: E402
from kernmlops import model_format as fmt  # noqa: E402


def train(net, X, y, loss, rounds=60, rate=5e-3):
    """A short training on standardized outputs; the net ends in evaluation mode."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    rows, truth = torch.tensor(X, dtype=torch.float32), torch.as_tensor(y)
    optimizer = torch.optim.Adam(net.parameters(), rate)
    net.train()
    for _ in range(rounds):
        for part in torch.randperm(len(rows)).split(128):
            optimizer.zero_grad()
            loss(net(rows[part]), truth[part]).backward()
            optimizer.step()
    return net.eval()


def answers(net, X):
    with torch.no_grad():
        return net(torch.tensor(X, dtype=torch.float32)).numpy()


ACTIVATIONS = [nn.ReLU, nn.ReLU6, nn.Hardsigmoid, nn.Sigmoid, nn.Tanh]


@pytest.mark.parametrize("name", ["digits", "breast_cancer", "wine"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_classifiers(name, activation):
    torch.manual_seed(1)
    data = load(name)
    width, classes = data.X.shape[1], len(set(data.y))
    net = nn.Sequential(nn.BatchNorm1d(width), nn.Linear(width, 24), activation(),
                        nn.BatchNorm1d(24), nn.Dropout(0.05), nn.Linear(24, 16), activation(),
                        nn.Linear(16, classes))
    train(net, data.X, data.y, nn.functional.cross_entropy)
    theirs = answers(net, data.Xv).argmax(axis=1)
    for target in ("W8A8", "W8A16"):
        model = kernmlops.convert(net, data.X, y=data.y, target=target)
        ours = model.predict(data.Xv)
        assert 100 * ((theirs == data.yv).mean() - (ours == data.yv).mean()) <= 0.5
        assert (ours == theirs).mean() > 0.97
        assert [layer.activation for layer in model.reference.file.layers][:2] == [
            {nn.Sigmoid: fmt.ACTIVATION_SIGMOID, nn.Tanh: fmt.ACTIVATION_TANH}.get(
                activation, fmt.ACTIVATION_CLAMP)] * 2
        model.reference.outputs(probes(data.X))


@pytest.mark.parametrize("end", ["logits", "sigmoid"])
def test_binary(end):
    data = load("breast_cancer")
    layers = [nn.BatchNorm1d(30), nn.Linear(30, 8), nn.ReLU(), nn.Linear(8, 1)]
    loss = nn.functional.binary_cross_entropy_with_logits
    if end == "sigmoid":
        layers.append(nn.Sigmoid())
        loss = nn.functional.binary_cross_entropy
    net = train(nn.Sequential(*layers), data.X, data.y[:, None].astype(np.float32), loss)
    task = "binary" if end == "logits" else None
    model = kernmlops.convert(net, data.X, y=data.y, task=task)
    assert (model.reference.file.task, model.reference.file.link) == (
        fmt.TASK_BINARY, fmt.LINK_SIGMOID)
    theirs = answers(net, data.Xv)[:, 0] > (0.5 if end == "sigmoid" else 0)
    assert (model.predict(data.Xv) == theirs).mean() > 0.98
    assert model.report.agreement > 0.98


def test_regression_nested_and_doubles():
    data = load("diabetes")
    torch.manual_seed(1)
    net = nn.Sequential(nn.BatchNorm1d(10), nn.Sequential(nn.Linear(10, 16, bias=False), nn.ReLU()),
                        nn.Flatten(), nn.Identity(), nn.Linear(16, 1))
    train(net, data.X, ((data.y - 150) / 80)[:, None].astype(np.float32), nn.functional.mse_loss)
    net = net.double()
    model = kernmlops.convert(net, data.X)
    assert model.reference.file.task == fmt.TASK_REGRESSION
    with torch.no_grad():
        theirs = net(torch.tensor(data.Xv, dtype=torch.float64)).numpy()[:, 0]
    assert np.sqrt(np.square(model.predict(data.Xv) - theirs).mean()) < 0.05 * theirs.std()


@pytest.mark.parametrize("end", [nn.Tanh(), nn.ReLU(), nn.Softmax(dim=1), nn.LogSoftmax(dim=1)])
def test_ends(end):
    data = load("wine")
    torch.manual_seed(1)
    net = train(nn.Sequential(nn.BatchNorm1d(13), nn.Linear(13, 3), end), data.X, data.y,
                lambda out, y: nn.functional.cross_entropy(out, y))
    model = kernmlops.convert(net, data.X, classes=["a", "b", "c"])
    theirs = np.array(["a", "b", "c"])[answers(net, data.Xv).argmax(axis=1)]
    assert (model.predict(data.Xv) == theirs).mean() > 0.95


def test_scale_is_declared():
    data = load("wine")
    net = train(nn.Sequential(nn.Linear(13, 8), nn.ReLU(), nn.Linear(8, 3)), data.X / 1000, data.y,
                nn.functional.cross_entropy)
    schema = {f"f{i}": 1e-3 for i in range(13)}
    model = kernmlops.convert(net, data.X, schema)
    theirs = answers(net, data.Xv / 1000).argmax(axis=1)
    assert (model.predict(data.Xv) == theirs).mean() > 0.95
    assert model.provenance["trainer"] == "torch Sequential"


def test_refusals():
    data = load("wine")

    def refused(pattern, net, **options):
        with pytest.raises(kernmlops.ConvertError, match=pattern):
            kernmlops.convert(net, data.X, **options)

    class Own(nn.Module):
        pass

    refused("cannot convert a Own; of torch, a Sequential of Linear", Own())
    refused("cannot convert module 1, a GELU: Linear, BatchNorm1d",
            nn.Sequential(nn.Linear(13, 2), nn.GELU()))
    refused("cannot convert module 1.0, a Conv1d",
            nn.Sequential(nn.Linear(13, 2), nn.Sequential(nn.Conv1d(1, 1, 1))))
    refused("module 1, a Linear: it takes 5 inputs, it gets 4",
            nn.Sequential(nn.Linear(13, 4), nn.Linear(5, 2)))
    refused("module 1, a BatchNorm1d: it has no running mean",
            nn.Sequential(nn.Linear(13, 4), nn.BatchNorm1d(4, track_running_stats=False)))
    refused("module 0, a ReLU: an activation needs a layer before it",
            nn.Sequential(nn.ReLU(), nn.Linear(13, 2)))
    refused("nothing can follow a softmax", nn.Sequential(
        nn.Linear(13, 3), nn.Softmax(dim=1), nn.Linear(3, 2)))
    refused("the model has no layer", nn.Sequential(nn.Dropout()))
    refused("the model has 3 outputs, which is no model of task binary",
            nn.Sequential(nn.Linear(13, 3)), task="binary")
    refused("2 classes are given, the model has 3",
            nn.Sequential(nn.Linear(13, 3)), classes=["a", "b"])
    refused("the model has 129 outputs, at most 128", nn.Sequential(nn.Linear(13, 129)))
    refused("X has 13 columns, the model was trained on 5", nn.Sequential(nn.Linear(5, 2)))


def test_training_mode_is_kept():
    net = nn.Sequential(nn.Linear(13, 2), nn.Dropout()).train()
    kernmlops.convert(net, load("wine").X)
    assert net.training
