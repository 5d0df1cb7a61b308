# SPDX-License-Identifier: GPL-2.0-only
"""From a scikit-learn decision tree to a model the kernel can run, exactly."""

from __future__ import annotations

import datetime
import hashlib
import json
import math
import platform
from itertools import chain, zip_longest
from typing import Any, Iterable, Iterator, Mapping, Sequence

import numpy as np

from . import model_file
from . import model_format as fmt
from .integers import as_s64
from .model import Model, Report
from .model_format import Input, ModelFile, Tree
from .proof import prove
from .reference import Reference
from .threshold import S64_MAX, S64_MIN, greatest_left

CLASSIFIERS = ("DecisionTreeClassifier", "ExtraTreeClassifier")
REGRESSORS = ("DecisionTreeRegressor", "ExtraTreeRegressor")

FRACTION_BITS = 20


class ConvertError(ValueError):
    """A model, or data, that cannot be converted; the message says why."""


def convert(tree: Any, X: Any, feature_names: Sequence[str] | None = None, *,
            metrics: Mapping[str, Any] | None = None, golden: int = 64) -> Model:
    """Convert a fitted scikit-learn decision tree for the kernel.

    The result decides as the tree does on every vector of 64-bit integers:
    its thresholds are the integers at which scikit-learn, which compares in
    float32, changes its mind.

    tree: a fitted DecisionTreeClassifier or DecisionTreeRegressor.
    X: integers the tree is to be checked on, a DataFrame or a matrix; usually
        what it was trained on. Gives the ranges of the inputs and the golden
        vectors that the kernel runs before it accepts the model.
    feature_names: names of the inputs, if not those of the columns.
    metrics: how good the model is; kept in the file as provenance.
    golden: most golden vectors to put into the file.

    Raises ConvertError for anything that could not be exact.
    """
    classifier = _check_tree(tree)
    names, data = _inputs(tree, X, feature_names)
    if not 1 <= golden <= fmt.GOLDEN_MAX:
        raise ConvertError(f"{golden} golden vectors, 1 to {fmt.GOLDEN_MAX} are allowed")

    nodes, origin, leaves_of = _nodes(tree.tree_)
    values = tree.tree_.value[leaves_of, 0, :]
    if classifier:
        fraction_bits, leaves = _class_leaves(values)
        labels = {"classes": tree.classes_.tolist()}
    else:
        fraction_bits, leaves = _value_leaves(values)
        labels = {}

    leaf_of = {node: leaf for leaf, node in enumerate(leaves_of.tolist())}

    def outputs(rows: np.ndarray) -> np.ndarray:
        """What the tree itself says, not our twin of it."""
        return leaves[[leaf_of[node] for node in _apply(tree, rows).tolist()]]

    content = ModelFile(
        kind=fmt.KIND_TREE,
        task=fmt.TASK_CLASSIFY if classifier else fmt.TASK_REGRESSION,
        fraction_bits=fraction_bits,
        inputs=[Input(*item) for item in zip(names, data.min(axis=0).tolist(),
                                             data.max(axis=0).tolist())],
        trees=[Tree(nodes)],
        leaves=leaves,
        golden_inputs=data[:1],         # until the others are chosen
        golden_outputs=outputs(data[:1]),
        provenance=labels | _provenance(tree, data, metrics),
    )
    ours = Reference(model_file.build(content))
    content.golden_inputs = np.array(_golden(ours, data, golden), np.int64)
    content.golden_outputs = outputs(content.golden_inputs)

    mismatches = int((origin[ours.apply(data)] != _apply(tree, data)).sum())
    if mismatches:
        raise ConvertError(f"the converted tree ends in another leaf on {mismatches} of "
                           f"{len(data)} rows: please report this")
    file = model_file.build(content)
    model = Model(file, Report(
        rows=len(data), mismatches=mismatches, depth=prove(content).work, nodes=len(nodes),
        leaves=len(leaves), golden=len(content.golden_inputs), bytes=len(file)))
    model.reference.verify_golden()
    return model


def _check_tree(tree: Any) -> bool:
    """Refuse what is no fitted tree; True for a classifier."""
    name = type(tree).__name__
    if not type(tree).__module__.startswith("sklearn.tree") or \
            name not in CLASSIFIERS + REGRESSORS:
        raise ConvertError(f"cannot convert a {name}; supported are "
                           + ", ".join(CLASSIFIERS + REGRESSORS))
    if not hasattr(tree, "tree_"):
        raise ConvertError(f"this {name} is not fitted yet: call its fit(X, y) first")
    if tree.n_outputs_ != 1:
        raise ConvertError(f"this {name} has {tree.n_outputs_} outputs, only one is supported")
    if tree.n_features_in_ > fmt.INPUTS_MAX:
        raise ConvertError(f"this {name} has {tree.n_features_in_} inputs, "
                           f"at most {fmt.INPUTS_MAX} are allowed")
    if name in CLASSIFIERS and tree.n_classes_ < 2:
        raise ConvertError(f"this {name} was trained on one class only: "
                           "there is nothing to decide")
    if name in CLASSIFIERS and tree.n_classes_ > fmt.SCORES_MAX:
        raise ConvertError(f"this {name} has {tree.n_classes_} classes, "
                           f"at most {fmt.SCORES_MAX} are allowed")
    return name in CLASSIFIERS


def _inputs(tree: Any, X: Any, feature_names: Sequence[str] | None) -> tuple[list[str], np.ndarray]:
    """Names of the inputs, and X as s64 in their order."""
    columns = None
    if hasattr(X, "columns"):
        columns = list(getattr(tree, "feature_names_in_", X.columns))
    try:
        data = as_s64(X, columns)
    except ValueError as error:
        raise ConvertError(f"X: {error}") from None
    if not len(data):
        raise ConvertError("X has no rows: the ranges of the inputs come from them")
    if data.shape[1] != tree.n_features_in_:
        raise ConvertError(f"X has {data.shape[1]} columns, "
                           f"the tree was trained on {tree.n_features_in_}")

    if feature_names is not None:
        names = [str(name) for name in feature_names]
    elif hasattr(tree, "feature_names_in_"):
        names = [str(name) for name in tree.feature_names_in_]
    elif columns is not None:
        names = [str(name) for name in columns]
    else:
        names = [f"x{i}" for i in range(data.shape[1])]
    if len(names) != data.shape[1]:
        raise ConvertError(f"{len(names)} feature names for {data.shape[1]} inputs")
    for name in names:
        if not name:
            raise ConvertError("a feature name is empty")
        if "\0" in name:
            raise ConvertError(f"feature name {name!r} has a NUL in it")
        if len(name.encode()) >= fmt.INPUT_NAME_LEN:
            raise ConvertError(f"feature name {name} has {len(name.encode())} bytes, "
                               f"at most {fmt.INPUT_NAME_LEN - 1} are allowed")
        if names.count(name) > 1:
            raise ConvertError(f"feature name {name} is given twice")
    return names, data


def _nodes(tree: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nodes in breadth-first order, where a right child follows its left one.

    Returns them, the trainer's index of each, and the trainer's indexes of the
    leaves in the order of ours.
    """
    def resolve(node: int) -> tuple[int, int | None]:
        """Skip nodes that send every integer right; the node and its threshold."""
        while tree.children_left[node] >= 0:
            threshold = greatest_left(float(tree.threshold[node]))
            if threshold is not None:
                return node, threshold
            node = int(tree.children_right[node])
        return node, None

    order = [resolve(0)]
    leaves: list[int] = []
    rows: list[tuple[int, int, int, int]] = []
    for node, threshold in order:       # grows while it is walked
        if threshold is None:
            rows.append((0, len(leaves), fmt.TREE_LEAF, 0))
            leaves.append(node)
        else:
            rows.append((threshold, len(order), int(tree.feature[node]), 0))
            order += [resolve(int(tree.children_left[node])),
                      resolve(int(tree.children_right[node]))]
    return (np.array(rows, fmt.TREE_NODE),
            np.array([node for node, _ in order], np.int64),
            np.array(leaves, np.int64))


def _class_leaves(values: np.ndarray) -> tuple[int, np.ndarray]:
    """Output vectors of leaves that hold the weight of each class."""
    # The first maximum of the weights, as scikit-learn decides: rounded
    # probabilities may tie where the weights do not.
    answers = np.argmax(values, axis=1)
    totals = values.sum(axis=1, keepdims=True)
    if not (totals > 0).all():
        raise ConvertError("a leaf has no weight of any class")
    scores = np.rint(np.ldexp(values / totals, FRACTION_BITS)).astype(np.int64)
    return FRACTION_BITS, np.column_stack([answers, scores])


def _value_leaves(values: np.ndarray) -> tuple[int, np.ndarray]:
    """Output vectors of leaves that hold a value, with as many fraction bits as fit."""
    if not np.isfinite(values).all():
        raise ConvertError("a leaf has a value that is not finite")
    greatest = float(np.abs(values).max())
    for fraction_bits in range(FRACTION_BITS, -1, -1):
        if math.ldexp(greatest, fraction_bits) < 2.0 ** 63:
            scores = np.rint(np.ldexp(values[:, 0], fraction_bits)).astype(np.int64)
            return fraction_bits, np.column_stack([scores, scores])
    raise ConvertError(f"a leaf has the value {greatest:g}, which does not fit 64 bits")


def _golden(ours: Reference, data: np.ndarray, limit: int) -> list[tuple[int, ...]]:
    """Input vectors for the kernel to try: edges first, then rows of the data."""
    inputs = data.shape[1]
    edges = [(S64_MIN,) * inputs, (S64_MAX,) * inputs,
             tuple(data.min(axis=0).tolist()), tuple(data.max(axis=0).tolist())]
    seen = _first_rows(ours, data)
    nodes = ours.file.nodes

    def boundaries() -> Iterator[tuple[int, ...]]:
        for node, row in seen.items():
            if nodes["input"][node] == fmt.TREE_LEAF:
                continue
            threshold = int(nodes["threshold"][node])
            for value in (threshold, min(threshold + 1, S64_MAX)):
                vector = data[row].tolist()
                vector[nodes["input"][node]] = value
                yield tuple(vector)

    def rows() -> Iterator[tuple[int, ...]]:
        for node, row in seen.items():
            if nodes["input"][node] == fmt.TREE_LEAF:
                yield tuple(data[row].tolist())

    mixed: Iterable[Any] = chain.from_iterable(zip_longest(boundaries(), rows()))
    vectors = dict.fromkeys(chain(edges, (vector for vector in mixed if vector is not None)))
    return list(vectors)[:limit]


def _first_rows(ours: Reference, data: np.ndarray) -> dict[int, int]:
    """For each node that some row reaches, in order: the first row that does."""
    first: dict[int, int] = {}
    for rows, at in ours.levels(data):
        reached, index = np.unique(at, return_index=True)
        first.update(zip(reached.tolist(), rows[index].tolist()))
    return dict(sorted(first.items()))


def _apply(tree: Any, data: np.ndarray) -> np.ndarray:
    """The trainer's leaf of each row; its own code, given its own type."""
    return tree.tree_.apply(np.ascontiguousarray(data.astype(np.float32)))


def _provenance(tree: Any, data: np.ndarray, metrics: Mapping[str, Any] | None) -> dict[str, Any]:
    import sklearn

    from . import __version__

    params = _plain(tree.get_params())
    canonical = json.dumps(params, sort_keys=True).encode()
    return {
        "trainer": f"scikit-learn {type(tree).__name__}",
        "versions": {
            "kernmlops": __version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
            "scikit-learn": sklearn.__version__,
        },
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "data": {
            "rows": data.shape[0],
            "inputs": data.shape[1],
            "sha256": hashlib.sha256(data.astype("<i8").tobytes()).hexdigest(),
        },
        "params": params,
        "params_sha256": hashlib.sha256(canonical).hexdigest(),
        "metrics": _plain(dict(metrics or {})),
    }


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
