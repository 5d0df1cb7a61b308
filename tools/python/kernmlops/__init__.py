# SPDX-License-Identifier: GPL-2.0-only
"""KernMLOps for people who train models.

    rows = kernmlops.read("runqueue.parquet")   # an export of a feature store
    df = rows.to_pandas()
    tree = DecisionTreeClassifier(max_depth=6).fit(df[inputs], label)
    model = kernmlops.convert(tree, df[inputs], y=label)
    print(model.report)
    kernel = kernmlops.deploy(model, "rq_wait")     # as root
    kernel.predict(df[inputs])

Only numpy is needed to import this package. pandas is needed for
``Rows.to_pandas`` and ``asof_join``, matplotlib for ``plot``; scikit-learn,
torch, XGBoost and onnx for the models of each.
"""

from . import plot
from .backtest import Backtest, backtest
from .convert import convert
from .exports import Run, read
from .features import Feature
from .fixed_point import log2q4
from .join import LeakError, asof_join
from .kernel import KernelModel, deploy, load
from .model import Model
from .model_format import ModelFileError
from .reference import Reference
from .replay import replay
from .report import Report
from .rows import ExportError, Rows
from .tool import KernelError
from .to_onnx import to_onnx
from .trained import ConvertError

__version__ = "0.1.0"

__all__ = [
    "Backtest",
    "ConvertError",
    "ExportError",
    "Feature",
    "KernelError",
    "KernelModel",
    "LeakError",
    "Model",
    "ModelFileError",
    "Reference",
    "Report",
    "Rows",
    "Run",
    "asof_join",
    "backtest",
    "convert",
    "deploy",
    "load",
    "log2q4",
    "plot",
    "read",
    "replay",
    "to_onnx",
]
