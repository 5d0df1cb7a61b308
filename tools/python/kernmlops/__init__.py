# SPDX-License-Identifier: GPL-2.0-only
"""KernMLOps for people who train models.

    rows = kernmlops.read("runqueue.npy")       # an export of a feature store
    df = rows.to_pandas()
    tree = DecisionTreeClassifier(max_depth=6).fit(df[inputs], label)
    kernmlops.convert(tree, df[inputs]).save("rq_wait.kmml")

then, as root: ``kmlopsctl model load rq_wait file rq_wait.kmml``.

Only numpy is needed to import this package; pandas is needed for
``Rows.to_pandas`` and scikit-learn for training what ``convert`` takes.
"""

from .model import Model
from .model_format import ModelFileError
from .reference import Reference
from .rows import ExportError, Rows, read
from .tree import ConvertError, convert

__version__ = "0.1.0"

__all__ = [
    "ConvertError",
    "ExportError",
    "Model",
    "ModelFileError",
    "Reference",
    "Rows",
    "convert",
    "read",
]
