# SPDX-License-Identifier: GPL-2.0-only
"""Layers of scikit-learn and torch in integers: how near they come."""

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn import linear_model  # noqa: E402
from sklearn.neural_network import MLPClassifier, MLPRegressor  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import (FunctionTransformer, MinMaxScaler,  # noqa: E402
                                   StandardScaler)

import kernmlops  # noqa: E402
from data_sets import load, probes  # noqa: E402
from kernmlops import model_format as fmt  # noqa: E402
from kernmlops.calibrate import METHODS, choose_range  # noqa: E402

# Of accuracy. One row of wine's 72 is more than that.
POINTS = 0.5
CLASSIFIERS = {
    "LogisticRegression": lambda: linear_model.LogisticRegression(max_iter=1000),
    "LogisticRegression one against the rest":
        lambda: linear_model.LogisticRegression(max_iter=1000, multi_class="ovr"),
    "SGD hinge": lambda: linear_model.SGDClassifier(random_state=0),
    "SGD log_loss": lambda: linear_model.SGDClassifier(loss="log_loss", random_state=0),
    "MLP relu": lambda: MLPClassifier((32, 16), max_iter=100, random_state=0),
    "MLP tanh": lambda: MLPClassifier((24,), activation="tanh", max_iter=100, random_state=0),
    "MLP logistic": lambda: MLPClassifier((24,), activation="logistic", max_iter=100,
                                          random_state=0),
    "MLP identity": lambda: MLPClassifier((16, 16), activation="identity", max_iter=60,
                                          random_state=0),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["digits", "breast_cancer", "wine"])
@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_classifiers(kind, name):
    data = load(name)
    trained = make_pipeline(StandardScaler(), CLASSIFIERS[kind]()).fit(data.X, data.y)
    right = (trained.predict(data.Xv) == data.yv).mean()
    for target in ("W8A8", "W8A16"):
        model = kernmlops.convert(trained, data.X, y=data.y, target=target)
        answers = model.predict(data.Xv)
        assert 100 * (right - (answers == data.yv).mean()) <= POINTS
        assert (answers == trained.predict(data.Xv)).mean() > 0.97
        assert model.report.agreement > 0.99
        assert max(layer.rms for layer in model.report.layers) < 0.05
        model.reference.outputs(probes(data.X))         # no input is refused
        assert model.reference.verify_golden() == 64
        if model.reference.file.link == fmt.LINK_SIGMOID:
            scores = np.ldexp(model.predict_scores(data.Xv)[:, 0].astype(float), -16)
            difference = np.abs(scores - trained.predict_proba(data.Xv)[:, 1])
            # But for rows far beyond what calibration saw.
            assert np.quantile(difference, 0.95) < 0.03


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("calibration", METHODS)
def test_calibrations(calibration):
    data = load("digits")
    trained = make_pipeline(MinMaxScaler(), MLPClassifier((32,), max_iter=60, random_state=0))
    trained.fit(data.X, data.y)
    model = kernmlops.convert(trained, data.X, calibration=calibration)
    assert (model.predict(data.Xv) == trained.predict(data.Xv)).mean() > 0.98


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("steps, agreement", [
    ([FunctionTransformer(kernmlops.log2q4), StandardScaler()], 0.99),
    # An approximation: see deploy.rst.
    ([FunctionTransformer(np.log1p), StandardScaler()], 0.97),
])
def test_logarithms(steps, agreement):
    """Inputs of many sizes, as ns and bytes are."""
    rng = np.random.default_rng(0)
    X = np.exp(rng.uniform(0, 30, (3000, 5))).astype(np.int64)
    y = (np.log(X + 1) @ [1, -1, 0.5, 0, 0] + rng.normal(0, 1, 3000) > 5).astype(int)
    trained = make_pipeline(*steps, MLPClassifier((16,), max_iter=100, random_state=0))
    trained.fit(X[:2000], y[:2000])
    model = kernmlops.convert(trained, X[:2000])
    assert all(item.norm == fmt.NORM_LOG2 for item in model.reference.file.inputs)
    assert (model.predict(X[2000:]) == trained.predict(X[2000:])).mean() > agreement


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_rows_of_the_kernel(kind):
    """Captured by the collector runqueue, and kept here."""
    data = load("runqueue")
    trained = make_pipeline(FunctionTransformer(kernmlops.log2q4), StandardScaler(),
                            CLASSIFIERS[kind]()).fit(data.X, data.y)
    for target in ("W8A8", "W8A16"):
        model = kernmlops.convert(trained, data.X, y=data.y, target=target)
        right, ours = ((answers == data.yv).mean()
                       for answers in (trained.predict(data.Xv), model.predict(data.Xv)))
        assert 100 * (right - ours) <= POINTS
        assert model.report.agreement > 0.98
        assert abs(model.report.integers.auc - model.report.floats.auc) < 0.005


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind, target, error", [
    ("linear", "W8A8", 0.02), ("linear", "W8A16", 0.02),
    ("mlp", "W8A8", 0.05), ("mlp", "W8A16", 0.05),
])
@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e6])
def test_regressors(kind, target, error, scale):
    data = load("diabetes")
    regressor = linear_model.LinearRegression() if kind == "linear" else \
        MLPRegressor((16,), max_iter=100, random_state=0)
    y = (data.y - 150) / 80
    trained = make_pipeline(StandardScaler(), regressor).fit(data.X, y)
    last = trained[-1]
    if kind == "linear":
        last.coef_, last.intercept_ = last.coef_ * scale, last.intercept_ * scale
    else:
        last.coefs_[-1], last.intercepts_[-1] = last.coefs_[-1] * scale, \
            last.intercepts_[-1] * scale
    model = kernmlops.convert(trained, data.X, y=y * scale, target=target)
    difference = model.predict(data.Xv) - trained.predict(data.Xv)
    assert np.sqrt(np.square(difference).mean()) < error * trained.predict(data.Xv).std()
    assert abs(model.report.integers.r2 - model.report.floats.r2) < 0.01


def test_sixteen_bits_are_nearer():
    data = load("diabetes")
    trained = make_pipeline(StandardScaler(), linear_model.LinearRegression())
    trained.fit(data.X, data.y)
    file = {target: kernmlops.convert(trained, data.X, target=target).reference.file
            for target in ("W8A8", "W8A16")}
    assert [file[target].layers[0].input_bits for target in file] == [8, 16]
    for model in file.values():
        assert model.kind == fmt.KIND_LINEAR


def test_declared_floats():
    """A model of fractions, whose inputs the kernel has as integers."""
    data = load("breast_cancer")
    trained = linear_model.LogisticRegression(max_iter=5000).fit(data.X / 1000, data.y)
    with pytest.raises(kernmlops.ConvertError, match="needs a schema with the scale of each"):
        kernmlops.convert(trained, data.X / 1000)
    names = [f"f{i}" for i in range(data.X.shape[1])]
    model = kernmlops.convert(trained, data.X, dict.fromkeys(names, 1e-3), y=data.y)
    assert (model.predict(data.Xv) == trained.predict(data.Xv / 1000)).mean() > 0.97
    logs = [kernmlops.Feature(name, 1 / 16, -5, log2=True) for name in names]
    trained = linear_model.LogisticRegression(max_iter=5000)
    trained.fit(kernmlops.log2q4(data.X) / 16 - 5, data.y)
    model = kernmlops.convert(trained, data.X, logs)
    theirs = trained.predict(kernmlops.log2q4(data.Xv) / 16 - 5)
    assert (model.predict(data.Xv) == theirs).mean() > 0.97


def test_inputs_far_from_zero():
    X = np.arange(2**62, 2**62 + 100).reshape(-1, 1)
    trained = make_pipeline(StandardScaler(), linear_model.LinearRegression())
    trained.fit(X, np.arange(100))
    model = kernmlops.convert(trained, X)
    assert model.reference.verify_golden()
    X = np.arange(2**63 - 1000, 2**63 - 900).reshape(-1, 1)
    with pytest.raises(kernmlops.ConvertError, match="let it be a difference, not an absolute"):
        kernmlops.convert(trained, X)


def test_constant_and_dead_inputs():
    data = load("digits")
    data.X[:, 5] = 7
    trained = make_pipeline(StandardScaler(), MLPClassifier((8,), max_iter=20, random_state=0))
    with pytest.warns():
        trained.fit(data.X, data.y)
    trained[-1].coefs_[0][:, 3] = 0         # a channel without weights
    trained[-1].intercepts_[0][3] = 0.7
    model = kernmlops.convert(trained, data.X)
    assert model.report.agreement > 0.97
    layer = model.reference.file.layers[0]
    assert not layer.weights[3].any() and layer.bias[3] > 0


def test_wide_sixteen_bit_layers_do_not_overflow():
    rng = np.random.default_rng(0)
    X = rng.integers(0, 65535, (200, 512))
    trained = linear_model.LinearRegression().fit(X, X.sum(axis=1))
    trained.coef_ = np.full(512, 1.0)
    trained.intercept_ = 1e7
    model = kernmlops.convert(trained, X, target="W8A16")
    assert model.report.error < 0.02


def test_choose_range():
    values = np.concatenate([np.random.default_rng(0).normal(0, 1, 100000), [100.0]])
    assert choose_range(values, 8, "minmax") == (values.min(), 100.0)
    for method in ("percentile", "mse"):
        low, high = choose_range(values, 8, method)
        assert -5 < low < -3 and 3 < high < 32
    for method in METHODS:
        assert choose_range(np.full(9, 4.0), 8, method) == (4.0, 4.0)


def test_report_and_refusals():
    data = load("wine")
    trained = make_pipeline(StandardScaler(), linear_model.LogisticRegression())
    trained.fit(data.X, data.y)
    report = kernmlops.convert(trained, data.X, y=data.y).report
    assert report.work == 3 * 13 and report.kind == "linear" and report.bytes > 1000
    assert "accuracy 1.0000 (floats 1.0000); auc 0.9999 (floats 0.9999)" in str(report)
    assert len(report.layers) == 1

    def refused(pattern, *args, **options):
        with pytest.raises(kernmlops.ConvertError, match=pattern):
            kernmlops.convert(*args, **options)

    refused("target W4A4 is unknown; W8A8, W8A16", trained, data.X, target="W4A4")
    refused("calibration guess is unknown", trained, data.X, calibration="guess")
    refused("task rank is unknown", trained, data.X, task="rank")
    refused("y has shape", trained, data.X, y=data.y[:3])
    several = linear_model.LinearRegression().fit(data.X, np.column_stack([data.y, data.y]))
    refused("has 2 outputs, only one is supported", several, data.X)
    labels = np.column_stack([data.y == 0, data.y == 1]).astype(int)
    mlp = MLPClassifier((4,), max_iter=2)
    with pytest.warns():
        mlp.fit(data.X, labels)
    refused("gives several labels at once", mlp, data.X)
    great = linear_model.LinearRegression().fit(data.X, data.y * 1e12)
    refused("too great for 32 bits: scale what the model is trained to give", great, data.X)
