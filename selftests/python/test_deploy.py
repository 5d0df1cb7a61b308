# SPDX-License-Identifier: GPL-2.0-only
"""Converted models in the kernel: its answers are those of the reference."""

import subprocess

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor  # noqa: E402

import kernmlops  # noqa: E402
from data_sets import load, probes  # noqa: E402
from zoo import converted  # noqa: E402

LOOP = """
for file in *.kmml; do
    kmlopsctl model load zoo file $file >/dev/null &&
        kmlopsctl -o csv model infer zoo file $file.csv >$file.answers ||
        echo "$file failed"
done
kmlopsctl model remove zoo
"""


def test_every_class(tmp_path, monkeypatch):
    """Every class on every data set, all its answers in one session of the VM."""
    models = []
    for name, kind, data, _, model in converted():
        file = f"{len(models)}.kmml"
        model.save(file)
        rows = np.concatenate([data.Xv[:40], probes(data.X, seed=len(models))[-60:]])
        np.savetxt(f"{file}.csv", rows, "%d", ",")
        models.append((f"{kind} on {name}", model, rows))
    assert len(models) >= 30
    run = subprocess.run(["in-vm", "sh", "-c", LOOP], capture_output=True, text=True)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
    for i, (what, model, rows) in enumerate(models):
        answers = np.loadtxt(f"{i}.kmml.answers", np.int64, delimiter=",", skiprows=1)
        assert (answers == model.reference.outputs(rows)).all(), what
    print(f"{len(models)} models, {sum(len(rows) for _, _, rows in models)} vectors")


def test_deploy_classifier():
    data = load("wine")
    labels = np.array(["red", "white", "none"])
    tree = DecisionTreeClassifier(random_state=0).fit(data.X, labels[data.y])
    kernel = kernmlops.deploy(tree, "wine", data.X)
    try:
        assert kernel.version == 1 and kernel.inputs == [f"x{i}" for i in range(13)]
        assert (kernel.predict(data.Xv) == tree.predict(data.Xv)).all()
        again = kernmlops.deploy(kernmlops.convert(tree, data.X), "wine")
        assert again.version == 2 and kernmlops.load("wine").version == 2
        assert set(kernmlops.load("wine").predict(data.Xv)) <= {0, 1, 2}
        assert kernmlops.load("wine", ["a", "b", "c"]).predict(data.Xv[:1])[0] in "abc"
        assert kernel.predict(data.Xv[:0]).shape == (0,)
        assert repr(again) == "<kernmlops.KernelModel wine: tree, version 2>"
    finally:
        kernel.remove()
    with pytest.raises(kernmlops.KernelError, match="there is no model of that name") as error:
        kernmlops.load("wine")
    assert error.value.code == 1


def test_deploy_regressor():
    data = load("diabetes")
    tree = DecisionTreeRegressor(max_depth=5, random_state=0).fit(data.X, data.y)
    kernel = kernmlops.deploy(tree, "diabetes", data.X)
    assert np.abs(kernel.predict(data.Xv) - tree.predict(data.Xv)).max() < 1e-5
    kernel.remove()


def test_probabilities_and_options():
    data = load("breast_cancer")
    trained = LogisticRegression(max_iter=50).fit(data.X % 11, data.y)
    kernel = kernmlops.deploy(trained, "cancer", data.X % 11, target="W8A16", golden=200)
    assert kernel.info["golden"] == 200 and kernel.fraction_bits == 16
    scores = kernel.predict_scores(data.Xv % 11)[:, 0] / 65536
    assert np.abs(scores - trained.predict_proba(data.Xv % 11)[:, 1]).max() < 0.05
    kernel.remove()


def test_a_model_is_needed_whole():
    with pytest.raises(ValueError, match="X_calib is needed"):
        kernmlops.deploy(DecisionTreeClassifier(), "none")
    data = load("wine")
    model = kernmlops.convert(DecisionTreeClassifier().fit(data.X, data.y), data.X)
    model.data = model.data[:-8] + bytes(8)
    with pytest.raises(kernmlops.KernelError, match="checksum is wrong") as error:
        kernmlops.deploy(model, "none")
    assert error.value.code == 4
    with pytest.raises(kernmlops.KernelError, match="there is no model of that name"):
        kernmlops.load("none")


def test_no_tool(monkeypatch):
    monkeypatch.setenv("KMLOPSCTL", "/nowhere/kmlopsctl")
    with pytest.raises(kernmlops.KernelError, match="there is no /nowhere/kmlopsctl here"):
        kernmlops.load("x")
