# SPDX-License-Identifier: GPL-2.0-only
"""A model on recorded rows says what the reference says, word for word."""

import numpy as np
import pytest

import kernmlops

tree = pytest.importorskip("sklearn.tree")
pd = pytest.importorskip("pandas")

COLUMNS = [("time", "u64", 1, "ns", "row"), ("seq", "u64", 1, None, "row"),
           ("wait", "u64", 1, "ns", "value"), ("last", "u32", 2, None, "value"),
           ("long", "bool", 1, None, "value"), ("load", "f64", 1, None, "value")]


@pytest.fixture
def rows(export):
    rng = np.random.default_rng(3)
    return kernmlops.read(export(COLUMNS, [
        (i, i + 1, int(wait), [int(a), int(b)], bool(wait + a > 2000), .5)
        for i, (wait, a, b) in enumerate(rng.integers(0, 2000, (300, 3)))]))


def make(rows):
    X = rows.to_pandas()[["wait", "last_0"]]
    model = tree.DecisionTreeClassifier(max_depth=4, random_state=0).fit(X, rows["long"])
    return kernmlops.convert(model, X), X


def test_bit_exact(rows, tmp_path):
    model, X = make(rows)
    test = kernmlops.backtest(model, rows, label="long")
    assert np.array_equal(test.outputs, model.reference.outputs(X))
    assert np.array_equal(test.time, rows["time"])
    assert test.accuracy == (model.reference.predict(X) == rows["long"]).mean() > test.majority
    assert test.majority == max(rows["long"].mean(), 1 - rows["long"].mean())
    assert "accuracy" in repr(test) and len(test) == 300
    path = tmp_path / "model.kmml"
    model.save(path)
    for same in (path, model.data, model.reference):
        assert np.array_equal(kernmlops.backtest(same, rows).outputs, test.outputs)
    assert np.array_equal(kernmlops.backtest(model, rows.to_pandas()).outputs, test.outputs)


def test_reads_the_run_itself(export):
    path = export(COLUMNS, [(1, 1, 5, [6, 7], True, .5), (2, 2, 8, [1900, 0], False, .5)])
    model, _ = make(kernmlops.read(path))
    assert len(kernmlops.backtest(model, path)) == 2


def test_inputs(rows):
    model, X = make(rows)
    swapped = model.reference.outputs(X[["last_0", "wait"]].to_numpy())
    for inputs in (["last_0", "wait"], {"wait": "last_0", "last_0": "wait"},
                   lambda rows: np.column_stack([rows["last"][:, 0], rows["wait"]])):
        assert np.array_equal(kernmlops.backtest(model, rows, inputs).outputs, swapped)
    by_function = kernmlops.backtest(model, rows, label=lambda rows: rows["long"].astype(int))
    assert by_function.accuracy == kernmlops.backtest(model, rows, label="long").accuracy


def test_refused(rows):
    model, _ = make(rows)
    with pytest.raises(KeyError, match="the rows have no column nope"):
        kernmlops.backtest(model, rows, ["nope", "wait"])
    with pytest.raises(ValueError, match="the model has 2 inputs, not 1"):
        kernmlops.backtest(model, rows, ["wait"])
    with pytest.raises(ValueError, match="the model has no input nope"):
        kernmlops.backtest(model, rows, {"nope": "wait"})
    with pytest.raises(ValueError, match="column load has the value 0.5"):
        kernmlops.backtest(model, rows, ["load", "wait"])
    with pytest.raises(ValueError, match="there are 300 rows, but 2 labels"):
        kernmlops.backtest(model, rows, label=lambda rows: [0, 1])
    with pytest.raises(ValueError, match="needs a label"):
        kernmlops.backtest(model, rows).accuracy


def test_regression(rows):
    X = rows.to_pandas()[["wait"]]
    regressor = tree.DecisionTreeRegressor(max_depth=5).fit(X, rows["wait"])
    test = kernmlops.backtest(kernmlops.convert(regressor, X), rows, label="wait")
    assert test.mean_absolute_error == pytest.approx(
        np.abs(regressor.predict(X) - rows["wait"]).mean(), abs=1e-3)
    with pytest.raises(ValueError, match="accuracy is that of a classifier"):
        test.accuracy
