# SPDX-License-Identifier: GPL-2.0-only
"""The examples run: the notebook from capture to plot, beside a kernel."""

import json
import runpy
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[2] / "tools/python/examples"


def test_notebook(tmp_path, capsys):
    """Its cells in order, as Jupyter would run them."""
    pytest.importorskip("pandas")
    pytest.importorskip("sklearn")
    pytest.importorskip("matplotlib")
    notebook = json.loads((EXAMPLES / "runqueue.ipynb").read_text())
    names = {"__name__": "__main__"}
    for i, cell in enumerate(notebook["cells"]):
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), f"cell {i}", "exec"), names)
            assert cell["outputs"] == [] and cell["execution_count"] is None
    out = capsys.readouterr().out
    assert "tree      accuracy" in out
    assert out.count("as scikit-learn on 100.00% of") >= 2      # both trees, exactly
    assert len(names["rows"]) > 500
    assert (names["answers"]["network"] == names["models"]["network"].predict(
        names["logarithms"][names["cut"]:].to_numpy())).mean() > 0.97
    assert Path("runqueue.png").stat().st_size > 10000


def test_quantization_aware_training(capsys):
    pytest.importorskip("torch")
    pytest.importorskip("sklearn")
    main = runpy.run_path(str(EXAMPLES / "qat.py"))["main"]
    accuracy = main(8)
    assert accuracy["fine-tuned, then quantized"] > accuracy["floats"] - 0.01 > 0.85
    assert np.isfinite(list(accuracy.values())).all()
