# SPDX-License-Identifier: GPL-2.0-only
"""From a trained model to one that the kernel can run."""

from __future__ import annotations

import datetime
import hashlib
import json
import math
import platform
from typing import Any, Mapping, Sequence

import numpy as np

from . import ensemble, model_file
from . import model_format as fmt
from .calibrate import METHODS
from .features import InputMap, Schema, features_of
from .fixed_point import S64_MAX, S64_MIN
from .integers import as_s64
from .model import Model
from .model_format import ModelFile
from .quantize import TARGETS, quantize
from .reference import Reference
from .report import make_report
from .trained import ConvertError, Ensemble, Network, Trained

TASKS = {name: number for number, name in fmt.TASKS.items()}


def convert(model: Any, X_calib: Any, schema: Schema | None = None, *, y: Any = None,
            target: str = "W8A8", calibration: str = "minmax", task: str | None = None,
            classes: Sequence[Any] | None = None, metrics: Mapping[str, Any] | None = None,
            golden: int = 64) -> Model:
    """Convert a trained model for the kernel.

    Trees decide as the trainer's do on every vector of 64-bit integers. Layers
    are quantized: the report says what that changes.

    model: of scikit-learn, XGBoost, torch (a Sequential) or ONNX (a ModelProto or
        the path of a file); Documentation/kernmlops/deploy.rst has the list.
    X_calib: rows of the kernel's integers, a DataFrame or a matrix; usually what
        the model was trained on. They give the ranges of inputs and layers, the
        golden vectors, and what the report compares.
    schema: names of the inputs, if not those of the columns; or, for a model that
        was trained on floats, a scale for each name, or a `Feature`.
    y: what is right for X_calib, in the trainer's labels or values: the report
        then has the accuracy.
    target: bits of weights and activations of layers, "W8A8" or "W8A16".
    calibration: how ranges are chosen, "minmax", "percentile" or "mse".
    task: "regression", "classify" or "binary", for torch and ONNX where the last
        layer does not tell.
    classes: labels, for torch and ONNX; 0, 1... if not given.
    metrics: how good the model is; kept in the file as provenance.
    golden: most golden vectors to put into the file.

    Raises ConvertError for what cannot be converted, and says why.
    """
    if target not in TARGETS:
        raise ConvertError(f"target {target} is unknown; {', '.join(TARGETS)} are known")
    if calibration not in METHODS:
        raise ConvertError(f"calibration {calibration} is unknown; {', '.join(METHODS)} are known")
    if task is not None and task not in TASKS:
        raise ConvertError(f"task {task} is unknown; {', '.join(TASKS)} are known")
    if not 1 <= golden <= fmt.GOLDEN_MAX:
        raise ConvertError(f"{golden} golden vectors, 1 to {fmt.GOLDEN_MAX} are allowed")
    inputs, data = _inputs(model, X_calib, schema)
    trained = _take_apart(model, inputs, None if task is None else TASKS[task],
                          None if classes is None else list(classes))
    width = _width(trained)
    if width is not None and width != data.shape[1]:
        raise ConvertError(f"X has {data.shape[1]} columns, the model was trained on {width}")
    for i, name in enumerate(inputs.names):
        if inputs.logarithm(i) and data[:, i].min() < 0:
            raise ConvertError(f"input {name} is {data[:, i].min()}, which has no logarithm")

    errors, mismatches = [], None
    if isinstance(trained, Ensemble):
        converted = ensemble.convert(trained, data)
        file = converted.file
        if trained.nodes_of is not None:
            mismatches = ensemble.mismatched_leaves(trained, converted, data)
        file.golden_inputs = ensemble.golden_inputs(file, data, golden)
    else:
        assert isinstance(trained, Network)
        quantized = quantize(trained, data, target, calibration)
        file, errors = quantized.file, quantized.errors
        file.golden_inputs = _golden_inputs(file, data, golden)
    file.golden_outputs = Reference(file).outputs(file.golden_inputs)
    if mismatches:
        raise ConvertError(f"the converted trees end in other leaves on {mismatches} of "
                           f"{len(data)} rows: please report this")

    report = make_report(trained, file, data, y, errors)
    file.provenance = _provenance(trained, data, metrics, report.numbers())
    content = model_file.build(file)
    report.bytes = len(content)
    return Model(content, report)


def _take_apart(model: Any, inputs: InputMap, task: int | None,
                classes: list[Any] | None) -> Trained:
    """By the package that the model comes from; none is imported for it."""
    package = {cls.__module__.partition(".")[0] for cls in type(model).__mro__}
    if isinstance(model, (str, bytes)) or hasattr(model, "__fspath__") or "onnx" in package:
        from . import from_onnx
        return from_onnx.take_apart(model, inputs, task, classes)
    if "torch" in package:
        from . import from_torch
        return from_torch.take_apart(model, inputs, task, classes)
    if task is not None or classes is not None:
        raise ConvertError("task and classes are for torch and ONNX: this model knows its own")
    if "xgboost" in package:
        from . import from_xgboost
        return from_xgboost.take_apart(model, inputs)
    if "sklearn" in package:
        from . import from_sklearn
        return from_sklearn.take_apart(model, inputs)
    raise ConvertError(f"cannot convert a {type(model).__name__}; models of scikit-learn, "
                       "XGBoost, torch and ONNX can be")


def _inputs(model: Any, X: Any, schema: Schema | None) -> tuple[InputMap, np.ndarray]:
    """What the inputs are, and X as s64 in their order."""
    columns = None
    if hasattr(X, "columns"):
        columns = list(getattr(model, "feature_names_in_", X.columns))
    try:
        data = as_s64(X, columns)
    except ValueError as error:
        hint = ("; a model that was trained on such floats needs a schema with the scale of each "
                "feature") if "scale and round" in str(error) else ""
        raise ConvertError(f"X: {error}{hint}") from None
    if not len(data):
        raise ConvertError("X has no rows: the ranges of the inputs come from them")
    if schema is None:
        schema = [f"x{i}" for i in range(data.shape[1])] if columns is None else columns
    try:
        features = features_of(schema)
    except ValueError as error:
        raise ConvertError(str(error)) from None
    if len(features) != data.shape[1]:
        raise ConvertError(f"{len(features)} feature names for {data.shape[1]} inputs")
    for i, item in enumerate(features):
        if item.log2 and data[:, i].min() < 0:
            raise ConvertError(f"input {item.name} is {data[:, i].min()}, which has no logarithm")
    return InputMap(features), data


def _width(model: Trained) -> int | None:
    """Inputs that the model was trained on, if it tells."""
    if isinstance(model, Network):
        return model.layers[0].weights.shape[1]
    return model.nr_inputs if isinstance(model, Ensemble) else None


def _golden_inputs(file: ModelFile, data: np.ndarray, limit: int) -> np.ndarray:
    """The ends of s64, of each range, just beyond them; then rows of the data."""
    low = np.array([item.min for item in file.inputs], np.int64)
    high = np.array([item.max for item in file.inputs], np.int64)
    rows = [np.full(len(low), S64_MIN), np.full(len(low), S64_MAX), low, high,
            np.maximum(low, S64_MIN + 1) - 1, np.minimum(high, S64_MAX - 1) + 1]
    spread = np.linspace(0, len(data) - 1, limit).astype(int)
    vectors = dict.fromkeys(tuple(row.tolist()) for row in [*rows, *data[spread]])
    return np.array(list(vectors)[:limit], np.int64)


def _provenance(model: Trained, data: np.ndarray, metrics: Mapping[str, Any] | None,
                report: dict[str, Any]) -> dict[str, Any]:
    from . import __version__

    params = _plain(model.params)
    canonical = json.dumps(params, sort_keys=True).encode()
    provenance = {
        "trainer": model.trainer,
        "versions": {
            "kernmlops": __version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
        } | model.versions,
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "data": {
            "rows": data.shape[0],
            "inputs": data.shape[1],
            "sha256": hashlib.sha256(data.astype("<i8").tobytes()).hexdigest(),
        },
        "params": params,
        "params_sha256": hashlib.sha256(canonical).hexdigest(),
        "metrics": _plain(dict(metrics or {})),
        "report": _plain(report),
    }
    if model.classes is not None:
        provenance["classes"] = model.classes
    return provenance


def _plain(value: Any) -> Any:
    """The value as JSON can hold it."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    return repr(value)
