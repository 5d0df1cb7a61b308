# SPDX-License-Identifier: GPL-2.0-only
"""Forests and boosted trees decide as their library does, on every integer."""

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn import ensemble  # noqa: E402
from sklearn.linear_model import LinearRegression  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import (FunctionTransformer, MinMaxScaler,  # noqa: E402
                                   StandardScaler)
from sklearn.tree import DecisionTreeClassifier  # noqa: E402

import kernmlops  # noqa: E402
from data_sets import load, probes  # noqa: E402
from kernmlops import model_format as fmt  # noqa: E402

CLASSIFIERS = {
    "RandomForest":
        lambda: ensemble.RandomForestClassifier(20, random_state=0),
    "RandomForest of depth 5":
        lambda: ensemble.RandomForestClassifier(20, max_depth=5, class_weight="balanced",
                                                random_state=0),
    "ExtraTrees":
        lambda: ensemble.ExtraTreesClassifier(20, min_samples_leaf=3, random_state=0),
    "GradientBoosting":
        lambda: ensemble.GradientBoostingClassifier(n_estimators=8, random_state=0),
    "GradientBoosting from zero":
        lambda: ensemble.GradientBoostingClassifier(n_estimators=5, init="zero", subsample=0.5,
                                                    random_state=0),
    "HistGradientBoosting":
        lambda: ensemble.HistGradientBoostingClassifier(max_iter=6, random_state=0),
}
REGRESSORS = {
    "RandomForest":
        lambda: ensemble.RandomForestRegressor(20, random_state=0),
    "ExtraTrees":
        lambda: ensemble.ExtraTreesRegressor(20, max_depth=6, random_state=0),
    "GradientBoosting":
        lambda: ensemble.GradientBoostingRegressor(n_estimators=30, random_state=0),
    "GradientBoosting huber":
        lambda: ensemble.GradientBoostingRegressor(n_estimators=20, loss="huber", random_state=0),
    "HistGradientBoosting":
        lambda: ensemble.HistGradientBoostingRegressor(max_iter=20, random_state=0),
}


def thresholds(model):
    return [int(v) for v in model.reference.file.nodes["threshold"][:300]]


def check_classifier(trained, data, **options):
    """No class differs, whatever the input."""
    model = kernmlops.convert(trained, data.X, y=data.y, **options)
    assert model.report.mismatches == 0 and model.report.agreement == 1
    assert model.report.integers.accuracy == model.report.floats.accuracy
    for rows in (data.Xv, probes(data.X, thresholds(model))):
        differ = model.predict(rows) != trained.predict(rows)
        # Of two classes that are equal, the library gives the one that its own
        # rounding favours; the kernel gives the first.
        best = np.sort(trained.predict_proba(rows), axis=1)[differ, -2:]
        assert (best[:, 1] - best[:, 0] < 1e-15).all() and differ.sum() <= 2
    assert model.reference.verify_golden() == model.report.golden <= 64
    return model


@pytest.mark.parametrize("name", ["digits", "breast_cancer", "wine", "runqueue"])
@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_classifiers(kind, name):
    data = load(name)
    trained = CLASSIFIERS[kind]().fit(data.X, data.y)
    model = check_classifier(trained, data)
    probability = trained.predict_proba(data.Xv)
    scores = np.ldexp(model.predict_scores(data.Xv).astype(float), -model.fraction_bits)
    if model.reference.file.kind == fmt.KIND_FOREST:
        assert np.abs(scores - probability).max() < 1e-9
    elif model.reference.file.task == fmt.TASK_BINARY:
        assert np.abs(scores[:, 0] - probability[:, 1]).max() < 2e-4


@pytest.mark.parametrize("kind", REGRESSORS)
def test_regressors(kind):
    data = load("diabetes")
    trained = REGRESSORS[kind]().fit(data.X, data.y)
    model = kernmlops.convert(trained, data.X, y=data.y)
    rows = np.concatenate([data.Xv, probes(data.X, thresholds(model))])
    assert np.abs(model.predict(rows) - trained.predict(rows)).max() < 1e-9
    assert model.report.error < 1e-12
    assert model.report.integers.r2 == pytest.approx(model.report.floats.r2)


@pytest.mark.parametrize("bits", [24, 30, 45, 53, 62])
@pytest.mark.parametrize("kind", ["RandomForest", "GradientBoosting", "HistGradientBoosting"])
def test_great_inputs(kind, bits):
    rng = np.random.default_rng(bits)
    data = load("wine")
    data.X = rng.integers(-2**bits, 2**bits, (300, 4))
    data.Xv = rng.integers(-2**bits, 2**bits, (300, 4))
    data.y = (data.X[:, 0] > data.X[:, 1]).astype(int) + (data.X[:, 2] > 0)
    check_classifier(CLASSIFIERS[kind]().fit(data.X, data.y), data)


def test_exponential_loss():
    data = load("breast_cancer")
    trained = ensemble.GradientBoostingClassifier(n_estimators=10, loss="exponential",
                                                  random_state=0).fit(data.X, data.y)
    model = check_classifier(trained, data)
    assert model.reference.file.link == fmt.LINK_NONE
    scores = np.ldexp(model.predict_scores(data.Xv)[:, 0].astype(float), -model.fraction_bits)
    assert np.abs(scores - trained.decision_function(data.Xv)).max() < 1e-9


@pytest.mark.parametrize("steps", [
    [StandardScaler()], [MinMaxScaler()], [StandardScaler(with_mean=False), MinMaxScaler((-3, 5))],
    [FunctionTransformer(np.log1p)], [FunctionTransformer(kernmlops.log2q4), StandardScaler()],
    ["passthrough", FunctionTransformer()],
])
def test_pipelines(steps):
    data = load("wine")
    trained = make_pipeline(*steps, ensemble.RandomForestClassifier(10, random_state=0))
    trained.fit(data.X, data.y)
    model = kernmlops.convert(trained, data.X)
    rows = np.concatenate([data.Xv, probes(data.X, thresholds(model))])
    if any(isinstance(step, FunctionTransformer) and step.func for step in steps):
        rows = rows[(rows >= 0).all(axis=1)]
    assert len(rows) > 1000
    assert (model.predict(rows) == trained.predict(rows)).all()


def test_declared_scale():
    """Trained on seconds, asked in nanoseconds."""
    data = load("wine")
    names = [f"f{i}" for i in range(data.X.shape[1])]
    trained = DecisionTreeClassifier(random_state=0).fit(data.X * 1e-9, data.y)
    schema = {name: kernmlops.Feature(name, 1e-9) for name in names}
    model = kernmlops.convert(trained, data.X, schema)
    rows = np.concatenate([data.Xv, probes(data.X, thresholds(model))])
    assert (model.predict(rows) == trained.predict(rows * 1e-9)).all()
    assert model.inputs == names


def test_refusals():
    data = load("wine")

    def refused(pattern, trained, X=data.X, **options):
        with pytest.raises(kernmlops.ConvertError, match=pattern):
            kernmlops.convert(trained, X, **options)

    boosted = ensemble.GradientBoostingRegressor(n_estimators=2, init=LinearRegression())
    refused("whose init is a LinearRegression", boosted.fit(data.X, data.y))
    hist = ensemble.HistGradientBoostingRegressor(max_iter=2, loss="poisson")
    refused("of loss poisson: its value is the exponential", hist.fit(data.X, data.y))
    category = data.X[:, :2] % 5
    hist = ensemble.HistGradientBoostingClassifier(max_iter=2, categorical_features=[0, 1])
    refused("with categorical features", hist.fit(category, category[:, 0] % 2), category)
    forest = ensemble.RandomForestClassifier(2)
    refused("this RandomForestClassifier is not fitted", forest)
    forest.fit(data.X, np.column_stack([data.y, data.y]))
    refused("has 2 outputs, only one is supported", forest)
    forest.fit(data.X, data.y)
    refused("task and classes are for torch and ONNX", forest, classes=[1, 2, 3])
    refused("X has 5 columns, the model was trained on 13", forest, data.X[:, :5])
    refused(r"step pca of the Pipeline: PCA; StandardScaler", pipeline("PCA", data))
    refused(r"MinMaxScaler\(clip=True\)", make_pipeline(
        MinMaxScaler(clip=True), forest).fit(data.X, data.y))
    refused("a FunctionTransformer of sqrt; numpy.log1p", make_pipeline(
        FunctionTransformer(np.sqrt), forest).fit(data.X, data.y))
    refused("input x0 is -1, which has no logarithm", make_pipeline(
        FunctionTransformer(np.log1p), forest).fit(data.X, data.y),
        np.where(data.X == data.X[0, 0], -1, data.X))
    forest.fit(data.X, data.y)
    forest.estimators_ *= 2049
    refused("has 4098 trees, at most 4096 are allowed", forest)


def pipeline(name, data):
    from sklearn.decomposition import PCA

    assert name == "PCA"
    return make_pipeline(PCA(3), DecisionTreeClassifier()).fit(data.X, data.y)
