# SPDX-License-Identifier: GPL-2.0-only
"""KernMLOps for people who train models.

    rows = kernmlops.read("runqueue.npy")       # an export of a feature store
    df = rows.to_pandas()
    tree = DecisionTreeClassifier(max_depth=6).fit(df[inputs], label)
    model = kernmlops.convert(tree, df[inputs], y=label)
    print(model.report)
    kernel = kernmlops.deploy(model, "rq_wait")     # as root
    kernel.predict(df[inputs])

Only numpy is needed to import this package. pandas is needed for
``Rows.to_pandas``; scikit-learn, torch, XGBoost and onnx for the models of each.
"""

from .convert import convert
from .features import Feature
from .fixed_point import log2q4
from .kernel import KernelError, KernelModel, deploy, load
from .model import Model
from .model_format import ModelFileError
from .reference import Reference
from .report import Report
from .rows import ExportError, Rows, read
from .to_onnx import to_onnx
from .trained import ConvertError

__version__ = "0.1.0"

__all__ = [
    "ConvertError",
    "ExportError",
    "Feature",
    "KernelError",
    "KernelModel",
    "Model",
    "ModelFileError",
    "Reference",
    "Report",
    "Rows",
    "convert",
    "deploy",
    "load",
    "log2q4",
    "read",
    "to_onnx",
]
