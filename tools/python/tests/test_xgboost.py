# SPDX-License-Identifier: GPL-2.0-only
"""Boosters of XGBoost decide the same on every integer."""

import numpy as np
import pytest

pytest.importorskip("sklearn")
xgboost = pytest.importorskip("xgboost")

import kernmlops  # noqa: E402
from data_sets import load, probes  # noqa: E402


def check(trained, data, model=None):
    model = model or kernmlops.convert(trained, data.X, y=data.y)
    file = model.reference.file
    near = [int(v) for v in file.nodes["threshold"][:300]]
    assert model.report.mismatches == 0
    for rows in (data.Xv, probes(data.X, near)):
        assert (model.predict(rows) == trained.predict(rows)).all()
    return model


@pytest.mark.parametrize("name", ["digits", "breast_cancer", "wine"])
@pytest.mark.parametrize("options", [
    {}, {"tree_method": "hist", "max_leaves": 8, "grow_policy": "lossguide"},
    {"base_score": 0.3, "num_parallel_tree": 3, "subsample": 0.6},
])
def test_classifiers(name, options):
    data = load(name)
    trained = xgboost.XGBClassifier(n_estimators=6, max_depth=4, random_state=0, **options)
    check(trained.fit(data.X, data.y), data)


@pytest.mark.parametrize("bits", [24, 45, 62])
def test_great_inputs(bits):
    rng = np.random.default_rng(bits)
    data = load("wine")
    data.X, data.Xv = rng.integers(-2**bits, 2**bits, (2, 400, 4))
    data.y = (data.X[:, 0] > data.X[:, 1]).astype(int)
    check(xgboost.XGBClassifier(n_estimators=10).fit(data.X, data.y), data)


def test_random_forest():
    data = load("wine")
    check(xgboost.XGBRFClassifier(n_estimators=10).fit(data.X, data.y), data)


@pytest.mark.parametrize("objective", ["reg:squarederror", "reg:absoluteerror"])
def test_regressors(objective):
    data = load("diabetes")
    trained = xgboost.XGBRegressor(n_estimators=12, objective=objective).fit(data.X, data.y)
    model = kernmlops.convert(trained, data.X, y=data.y)
    rows = np.concatenate([data.Xv, probes(data.X)])
    # XGBoost adds in single precision.
    assert np.allclose(model.predict(rows), trained.predict(rows), rtol=1e-5, atol=1e-3)
    assert model.report.integers.r2 == pytest.approx(model.report.floats.r2, abs=1e-5)


@pytest.mark.parametrize("objective, classes", [
    ("binary:logistic", 2), ("binary:logitraw", 2), ("multi:softmax", 3), ("multi:softprob", 3)])
def test_booster(objective, classes):
    data = load("wine")
    y = np.minimum(data.y, classes - 1)
    options = {"objective": objective, "max_depth": 3}
    if classes > 2:
        options["num_class"] = classes
    matrix = xgboost.DMatrix(data.X, y)
    booster = xgboost.train(options, matrix, 8)
    model = kernmlops.convert(booster, data.X, y=y)
    theirs = booster.predict(xgboost.DMatrix(data.Xv), output_margin=True)
    answers = theirs.argmax(axis=1) if classes > 2 else theirs > 0
    assert (model.predict(data.Xv) == answers).all()
    assert model.report.integers.accuracy == model.report.floats.accuracy > 0.9


def test_probabilities():
    data = load("breast_cancer")
    trained = xgboost.XGBClassifier(n_estimators=10).fit(data.X, data.y)
    model = kernmlops.convert(trained, data.X)
    scores = np.ldexp(model.predict_scores(data.Xv)[:, 0].astype(float), -model.fraction_bits)
    assert np.abs(scores - trained.predict_proba(data.Xv)[:, 1]).max() < 2e-4


def test_early_stopping():
    data = load("breast_cancer")
    trained = xgboost.XGBClassifier(n_estimators=60, learning_rate=0.9, early_stopping_rounds=3)
    trained.fit(data.X, data.y, eval_set=[(data.Xv, data.yv)], verbose=False)
    model = check(trained, data)
    assert len(model.reference.file.trees) == trained.best_iteration + 1


def test_refusals():
    data = load("wine")

    def refused(pattern, trained):
        with pytest.raises(kernmlops.ConvertError, match=pattern):
            kernmlops.convert(trained, data.X)

    few = {"n_estimators": 2}
    refused("a booster dart, only gbtree",
            xgboost.XGBClassifier(booster="dart", **few).fit(data.X, data.y))
    refused("a booster gblinear, only gbtree",
            xgboost.XGBRegressor(booster="gblinear", **few).fit(data.X, data.y))
    refused("cannot convert objective count:poisson",
            xgboost.XGBRegressor(objective="count:poisson", **few).fit(data.X, data.y))
    refused("takes 0 for a missing value",
            xgboost.XGBClassifier(missing=0, **few).fit(data.X, data.y))
    refused("not fitted yet", xgboost.XGBClassifier())
    refused("cannot convert a DMatrix", xgboost.DMatrix(data.X))
