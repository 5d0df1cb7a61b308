# SPDX-License-Identifier: GPL-2.0-only
"""Converted trees decide as scikit-learn's do, on every integer."""

import json

import numpy as np
import pytest

pd = pytest.importorskip("pandas")
pytest.importorskip("sklearn")

from sklearn import datasets  # noqa: E402
from sklearn.ensemble import AdaBoostClassifier  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.tree import (DecisionTreeClassifier, DecisionTreeRegressor,  # noqa: E402
                          ExtraTreeClassifier)

import kernmlops  # noqa: E402
from kernmlops.fixed_point import S64_MAX, S64_MIN  # noqa: E402
from kernmlops.model_format import Input  # noqa: E402


def sklearn_words(tree, X):
    """The tree's decision on each row, as its own code takes it: in float32."""
    X = np.ascontiguousarray(X.astype(np.float32))
    return tree.tree_.predict(X).reshape(len(X), -1)


def probes(tree, X, seed=0):
    """Rows at and around every threshold of a tree, and at the ends of s64."""
    rng = np.random.default_rng(seed)
    thresholds = np.concatenate([tree.tree_.threshold[tree.tree_.feature >= 0], [0.0]])
    near = np.clip(thresholds, -(2.0**62), 2.0**62).astype(np.int64)
    near = (near[:, None] + np.array([-2, -1, 0, 1, 2])).ravel()
    rows = X[rng.integers(0, len(X), 4000)].copy()
    column = rng.integers(0, X.shape[1], len(rows))
    rows[np.arange(len(rows)), column] = rng.choice(near, len(rows))
    ends = rng.choice([S64_MIN, S64_MIN + 1, -1, 0, 1, S64_MAX - 1, S64_MAX], (1000, X.shape[1]))
    return np.concatenate([X, rows, ends])


def check_classifier(tree, X):
    model = kernmlops.convert(tree, X)
    assert model.report.mismatches == 0
    rows = probes(tree, X)
    weights = sklearn_words(tree, rows)
    assert (model.reference.predict(rows) == np.argmax(weights, axis=1)).all()
    assert (model.predict(rows) == tree.predict(rows.astype(np.float32))).all()
    scores = np.rint(weights / weights.sum(axis=1, keepdims=True) * 2**20)
    assert (model.predict_scores(rows) == scores).all()
    return model


def as_integers(name):
    data = getattr(datasets, f"load_{name}")()
    return np.rint(data.data * 1000).astype(np.int64), data.target


@pytest.mark.parametrize("name", ["digits", "breast_cancer", "iris", "wine"])
@pytest.mark.parametrize("options", [{}, {"max_depth": 4}, {"class_weight": "balanced"},
                                     {"splitter": "random", "criterion": "entropy"}])
def test_data_sets(name, options):
    X, y = as_integers(name)
    check_classifier(DecisionTreeClassifier(random_state=0, **options).fit(X, y), X)


@pytest.mark.parametrize("bits", [8, 24, 25, 30, 45, 53, 62, 63])
@pytest.mark.parametrize("seed", range(4))
def test_random_trees(bits, seed):
    rng = np.random.default_rng(1000 * bits + seed)
    X = rng.integers(-(2**bits), 2**bits - 1, (1500, 5), np.int64, endpoint=True)
    X[rng.random(X.shape) < 0.1] //= 2**20      # small values beside great ones
    y = rng.integers(0, 4, len(X))
    model = check_classifier(DecisionTreeClassifier(random_state=seed).fit(X, y), X)
    assert model.report.leaves > 100


def test_near_equal_great_inputs():
    # Neighbours that float32 tells apart only now and then.
    X = (2**45 + np.arange(0, 2**24, 2**13, dtype=np.int64)).reshape(-1, 1)
    check_classifier(DecisionTreeClassifier(random_state=0).fit(X, np.arange(len(X)) % 3), X)


def test_ends_of_s64():
    X = np.array([[S64_MIN], [S64_MIN + 1], [-1], [0], [S64_MAX - 1], [S64_MAX]])
    check_classifier(DecisionTreeClassifier().fit(X, [0, 0, 1, 1, 2, 2]), X)


def test_threshold_below_all_integers():
    # Trained on floats, a node may send no integer left; it is left out.
    X = np.array([[-1e30], [-1e25], [5.0], [9.0]])
    tree = DecisionTreeClassifier(random_state=0).fit(X, [0, 1, 2, 3])
    model = check_classifier(tree, np.array([[5], [9]]))
    assert model.report.leaves == 2


def test_threshold_above_all_integers():
    X = np.array([[5.0], [9.0], [1e25], [1e30]])
    check_classifier(DecisionTreeClassifier(random_state=0).fit(X, [0, 1, 2, 3]),
                     np.array([[5], [9]]))


def test_single_leaf():
    X = np.array([[1], [1]])
    model = check_classifier(DecisionTreeClassifier().fit(X, [7, 8]), X)
    assert (model.report.work, model.report.nodes) == (0, 1)
    assert model.predict(X).tolist() == [7, 7]


def test_extra_tree():
    X, y = as_integers("wine")
    check_classifier(ExtraTreeClassifier(random_state=0).fit(X, y), X)


def test_weights_that_tie_when_rounded():
    # Class 1 is ahead by less than a score can show.
    X = np.zeros((2, 1), np.int64)
    tree = DecisionTreeClassifier().fit(X, [0, 1], sample_weight=[1.0, 1.0 + 1e-9])
    model = check_classifier(tree, X)
    assert model.predict_scores(X)[0].tolist() == [2**19, 2**19]
    assert model.predict(X).tolist() == [1, 1]


@pytest.mark.parametrize("labels", [["no", "yes"], [-5, 40], [False, True], [1.0, 3.0]])
def test_labels(labels):
    X, y = as_integers("breast_cancer")
    tree = DecisionTreeClassifier(max_depth=3).fit(X, np.asarray(labels)[y])
    model = kernmlops.convert(tree, X)
    assert model.predict(X).tolist() == tree.predict(X).tolist()
    assert set(model.reference.predict(X)) == {0, 1}
    assert model.provenance["classes"] == labels


@pytest.mark.parametrize("scale, bits", [(1e-3, 20), (1.0, 20), (1e12, 20), (1e14, 16), (1e18, 3)])
def test_regressors(scale, bits):
    data = datasets.load_diabetes()
    X = np.rint(data.data * 1e5).astype(np.int64)
    y = data.target / data.target.max() * scale
    tree = DecisionTreeRegressor(random_state=0).fit(X, y)
    model = kernmlops.convert(tree, X)
    assert model.fraction_bits == bits
    rows = probes(tree, X)
    expected = np.rint(sklearn_words(tree, rows)[:, 0] * 2.0**bits).astype(np.int64)
    assert (model.reference.predict(rows) == expected).all()
    assert (model.predict_scores(rows)[:, 0] == expected).all()
    assert np.abs(model.predict(rows) - sklearn_words(tree, rows)[:, 0]).max() <= 2.0**-bits


def test_regressor_value_too_great():
    X = np.array([[1], [2]])
    with pytest.raises(kernmlops.ConvertError, match="1e\\+30, which does not fit 64 bits"):
        kernmlops.convert(DecisionTreeRegressor().fit(X, [1.0, 1e30]), X)


def test_golden_vectors():
    X, y = as_integers("breast_cancer")
    tree = DecisionTreeClassifier(max_depth=4).fit(X, y)
    model = kernmlops.convert(tree, X)
    file = model.reference.file
    vectors = file.golden_inputs
    assert len(vectors) == model.report.golden == model.reference.verify_golden()
    assert len(np.unique(vectors, axis=0)) == len(vectors) <= 64
    assert (vectors[0] == S64_MIN).all() and (vectors[1] == S64_MAX).all()
    for node in file.nodes[file.nodes["input"] != 0xFFFF][:5]:
        assert {int(node["threshold"]), int(node["threshold"]) + 1} <= \
            set(vectors[:, node["input"]].tolist())
    ends = {tuple(row) for row in file.golden_outputs.tolist()}
    assert ends == {tuple(row) for row in file.leaves.tolist()}
    assert kernmlops.convert(tree, X, golden=5).report.golden == 5


def test_provenance(tmp_path):
    X, y = as_integers("iris")
    tree = DecisionTreeClassifier(max_depth=2, random_state=np.random.RandomState(1)).fit(X, y)
    model = kernmlops.convert(tree, X, metrics={"auc": np.float64(0.75), "rows": np.int64(3),
                                                "nan": float("nan")})
    model.save(tmp_path / "m.kmml")
    provenance = kernmlops.Reference(tmp_path / "m.kmml").provenance
    assert provenance["trainer"] == "scikit-learn DecisionTreeClassifier"
    assert provenance["classes"] == [0, 1, 2]
    assert provenance["metrics"] == {"auc": 0.75, "rows": 3, "nan": "nan"}
    assert provenance["params"]["max_depth"] == 2
    assert len(provenance["data"]["sha256"]) == 64
    assert set(provenance["versions"]) == {"kernmlops", "numpy", "python", "scikit-learn"}
    json.dumps(provenance)


def test_names_and_ranges():
    X, y = as_integers("iris")
    frame = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    tree = DecisionTreeClassifier().fit(frame, y)
    model = kernmlops.convert(tree, frame)
    assert model.inputs == ["a", "b", "c", "d"]
    assert model.reference.file.inputs[0] == Input("a", X[:, 0].min(), X[:, 0].max())
    # Columns of a DataFrame are found by name, not by place.
    assert kernmlops.convert(tree, frame[["d", "c", "b", "a"]]).inputs == ["a", "b", "c", "d"]
    assert (model.predict(frame[["d", "b", "a", "c"]]) == y).all()
    assert kernmlops.convert(tree, frame, ["p", "q", "r", "s"]).inputs == ["p", "q", "r", "s"]
    plain = DecisionTreeClassifier().fit(X, y)
    assert kernmlops.convert(plain, X).inputs == ["x0", "x1", "x2", "x3"]


def test_mixed_columns():
    # u64 beside s32 would become float64 as one array.
    frame = pd.DataFrame({"wide": np.array([2**60 + 1, 2**60 + 2, 3], np.uint64),
                          "narrow": np.array([-1, 0, 1], np.int32),
                          "whole": [1.0, 2.0, -3.0]})
    tree = DecisionTreeClassifier().fit(frame.astype(np.int64), [0, 1, 0])
    model = kernmlops.convert(tree, frame)
    assert model.reference.file.inputs[0] == Input("wide", 3, 2**60 + 2)
    assert model.reference.file.inputs[2] == Input("whole", -3, 2)


def refused(pattern, tree, X, *args, **options):
    with pytest.raises(kernmlops.ConvertError, match=pattern):
        kernmlops.convert(tree, X, *args, **options)


def test_refusals():
    X, y = as_integers("iris")
    tree = DecisionTreeClassifier().fit(X, y)
    refused("cannot convert a AdaBoostClassifier; of scikit-learn, a Pipeline or Decision",
            AdaBoostClassifier(n_estimators=2).fit(X, y), X)
    refused("this LogisticRegression is not fitted yet", LogisticRegression(), X)
    refused("cannot convert a NoneType; models of scikit-learn, XGBoost", None, X)
    refused("trained on one class only", DecisionTreeClassifier().fit(X, y * 0), X)
    refused("not fitted yet", DecisionTreeClassifier(), X)
    refused("has 2 outputs", DecisionTreeClassifier().fit(X, np.column_stack([y, y])), X)
    refused("X has 3 columns, the model was trained on 4", tree, X[:, :3])
    refused("X has no rows", tree, X[:0])
    refused("two dimensions", tree, X[0])
    refused("column 1 has the value 3500.5; the kernel computes with integers",
            tree, np.where(X == 3500, 3500.5, X)[:, [0, 1, 2, 3]])
    refused("not a number", tree, np.where(X == 3500, np.nan, X))
    refused("beyond 64 bits", tree, X * 1e18)
    refused("does not fit 64 bits with a sign", tree, X.astype(np.uint64) + np.uint64(2**63))
    refused("not an integer type", tree, X.astype("U20"))
    refused("values that are not integers", tree, X.astype(object) + 0.5)
    refused("3 feature names for 4 inputs", tree, X, ["a", "b", "c"])
    refused("has 32 bytes, at most 31", tree, X, ["a", "b", "c", "ä" * 16])
    refused("feature name a is given twice", tree, X, ["a", "b", "c", "a"])
    refused("a feature name is empty", tree, X, ["a", "b", "c", ""])
    refused("has a NUL in it", tree, X, ["a", "b", "c", "d\0e"])
    refused("0 golden vectors", tree, X, golden=0)
    refused("1025 golden vectors", tree, X, golden=1025)
    wide = np.zeros((2, 513), np.int64)
    refused("513 inputs, at most 512", DecisionTreeClassifier().fit(wide, [0, 1]), wide)
    many = np.arange(129).reshape(-1, 1)
    refused("has 129 classes, at most 128", DecisionTreeClassifier().fit(many, many.ravel()), many)
    frame = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    refused("there is no column c", DecisionTreeClassifier().fit(frame, y),
            frame.drop(columns="c"))


def test_limits_are_accepted():
    wide = np.random.default_rng(0).integers(0, 9, (50, 512))
    check_classifier(DecisionTreeClassifier().fit(wide, np.arange(50) % 2), wide)
    many = np.arange(128).reshape(-1, 1)
    check_classifier(DecisionTreeClassifier().fit(many, many.ravel()), many)
    assert kernmlops.convert(DecisionTreeClassifier().fit([[0], [1]], [0, 1]), [[0], [1]],
                             ["n" * 31]).inputs == ["n" * 31]
