# SPDX-License-Identifier: GPL-2.0-only
"""Models of scikit-learn, taken apart."""

from __future__ import annotations

import warnings
from typing import Any, Callable, Mapping

import numpy as np

from . import model_format as fmt
from .features import InputMap, Log1p, Log2q4, MinMax, Standard, Step
from .fixed_point import log2q4
from .trained import ConvertError, Dense, Ensemble, FloatTree, Network, Rows, Trained


def take_apart(model: Any, inputs: InputMap) -> Trained:
    """A fitted estimator, or a Pipeline that ends in one."""
    estimator = model
    if type(model).__name__ == "Pipeline":
        for name, step in model.steps[:-1]:
            _add_step(inputs, name, step)
        estimator = model.steps[-1][1]
    name = type(estimator).__name__
    if name not in ESTIMATORS:
        raise ConvertError(f"cannot convert a {name}; of scikit-learn, a Pipeline or "
                           f"{', '.join(ESTIMATORS)} can be")
    _check_fitted(estimator)
    return ESTIMATORS[name](model, estimator, inputs)


def _add_step(inputs: InputMap, name: str, step: Any) -> None:
    kind = type(step).__name__
    if step in (None, "passthrough"):
        return
    if kind == "StandardScaler":
        inputs.steps.append(Standard(step))
    elif kind == "MinMaxScaler" and not step.clip:
        inputs.steps.append(MinMax(step))
    elif kind == "FunctionTransformer" and step.func in (np.log1p, log2q4):
        kinds: dict[Any, type[Step]] = {np.log1p: Log1p, log2q4: Log2q4}
        inputs.steps.append(kinds[step.func]())
    elif kind == "FunctionTransformer" and step.func is not None:
        raise ConvertError(f"cannot convert step {name} of the Pipeline: a FunctionTransformer of "
                           f"{getattr(step.func, '__name__', step.func)}; numpy.log1p and "
                           "kernmlops.log2q4 can be")
    elif kind != "FunctionTransformer":
        what = f"{kind}(clip=True)" if kind == "MinMaxScaler" else kind
        raise ConvertError(f"cannot convert step {name} of the Pipeline: {what}; StandardScaler, "
                           "MinMaxScaler and FunctionTransformer can be")


def _check_fitted(estimator: Any) -> None:
    name = type(estimator).__name__
    if not hasattr(estimator, "n_features_in_"):
        raise ConvertError(f"this {name} is not fitted yet: call its fit(X, y) first")
    if getattr(estimator, "n_outputs_", 1) != 1 and not name.startswith("MLP"):
        raise ConvertError(f"this {name} has {estimator.n_outputs_} outputs, only one is supported")


def _classes(estimator: Any) -> list[Any]:
    name = type(estimator).__name__
    classes = np.asarray(estimator.classes_)
    if len(classes) < 2:
        raise ConvertError(f"this {name} was trained on one class only: "
                           "there is nothing to decide")
    if len(classes) > fmt.SCORES_MAX:
        raise ConvertError(f"this {name} has {len(classes)} classes, "
                           f"at most {fmt.SCORES_MAX} are allowed")
    return classes.tolist()


def _common(model: Any, estimator: Any, inputs: InputMap) -> dict[str, Any]:
    """The arguments that all kinds of trained models have."""
    import sklearn

    def call(method: str) -> Rows:
        def run(X: np.ndarray) -> np.ndarray:
            with warnings.catch_warnings():
                # It has no names of columns in an array to object to.
                warnings.filterwarnings("ignore", "X does not have valid feature names")
                return getattr(model, method)(inputs.as_trained(X))
        return run

    classes = _classes(estimator) if hasattr(estimator, "classes_") else None
    predict = call("predict")
    if classes is None:
        answer, scores = predict, predict
    else:
        labels = np.asarray(estimator.classes_)

        def answer(X: np.ndarray) -> np.ndarray:
            return np.searchsorted(labels, predict(X))

        scores = call("predict_proba" if hasattr(estimator, "predict_proba")
                      else "decision_function")
    return {
        "trainer": f"scikit-learn {type(estimator).__name__}",
        "versions": {"scikit-learn": sklearn.__version__},
        "params": estimator.get_params(),
        "inputs": inputs, "classes": classes, "predict": answer, "scores": scores,
    }


# ---- trees

def _tree(tree: Any, values: np.ndarray, score: int = 0) -> FloatTree:
    return FloatTree(tree.feature, tree.threshold, tree.children_left, tree.children_right,
                     values, score)


def _probabilities(tree: Any) -> np.ndarray:
    """The share of each class in each node."""
    weights = tree.value[:, 0, :]
    totals = weights.sum(axis=1, keepdims=True)
    if not (totals > 0).all():
        raise ConvertError("a leaf has no weight of any class")
    return weights / totals


def _leaf_numbers(trees: list[Any], inputs: InputMap) -> Rows:
    def run(X: np.ndarray) -> np.ndarray:
        columns = [inputs.column(i, X[:, i]).astype(np.float32) for i in range(X.shape[1])]
        rows = np.ascontiguousarray(np.column_stack(columns))
        return np.column_stack([tree.apply(rows) for tree in trees])
    return run


def _decision_tree(model: Any, estimator: Any, inputs: InputMap) -> Ensemble:
    common = _common(model, estimator, inputs)
    tree = estimator.tree_
    classify = common["classes"] is not None
    return Ensemble(**common, nr_inputs=estimator.n_features_in_, kind=fmt.KIND_TREE,
                    task=fmt.TASK_CLASSIFY if classify else fmt.TASK_REGRESSION,
                    trees=[_tree(tree, tree.value[:, 0, :])],
                    nodes_of=_leaf_numbers([tree], inputs))


def _forest(model: Any, estimator: Any, inputs: InputMap) -> Ensemble:
    common = _common(model, estimator, inputs)
    trees = [member.tree_ for member in estimator.estimators_]
    classify = common["classes"] is not None
    values = [(_probabilities(tree) if classify else tree.value[:, 0, :]) / len(trees)
              for tree in trees]
    return Ensemble(**common, nr_inputs=estimator.n_features_in_, kind=fmt.KIND_FOREST,
                    task=fmt.TASK_CLASSIFY if classify else fmt.TASK_REGRESSION,
                    trees=[_tree(tree, value) for tree, value in zip(trees, values)],
                    base=np.zeros(values[0].shape[1]), nodes_of=_leaf_numbers(trees, inputs))


def _boosted_task(classes: list[Any] | None) -> int:
    if classes is None:
        return fmt.TASK_REGRESSION
    return fmt.TASK_BINARY if len(classes) == 2 else fmt.TASK_CLASSIFY


def _gradient_boosting(model: Any, estimator: Any, inputs: InputMap) -> Ensemble:
    common = _common(model, estimator, inputs)
    name = type(estimator).__name__
    init = type(estimator.init_).__name__
    if estimator.init_ != "zero" and init not in ("DummyClassifier", "DummyRegressor"):
        raise ConvertError(f"cannot convert a {name} whose init is a {init}")
    stages = estimator.estimators_
    # What it begins with does not depend on the input.
    if estimator.init_ == "zero":
        base = np.zeros(stages.shape[1])
    else:
        base = estimator._raw_predict_init(np.zeros((1, estimator.n_features_in_)))[0]
    trees = [(member.tree_, k) for stage in stages for k, member in enumerate(stage)]
    task = _boosted_task(common["classes"])
    return Ensemble(**common, nr_inputs=estimator.n_features_in_, kind=fmt.KIND_BOOSTED,
                    task=task, base=base.astype(np.float64),
                    trees=[_tree(tree, tree.value[:, 0, :] * estimator.learning_rate, k)
                           for tree, k in trees],
                    # With the exponential loss, it would be that of twice the score.
                    probability=task == fmt.TASK_BINARY and estimator.loss != "exponential",
                    nodes_of=_leaf_numbers([tree for tree, _ in trees], inputs))


def _hist_gradient_boosting(model: Any, estimator: Any, inputs: InputMap) -> Ensemble:
    common = _common(model, estimator, inputs)
    name = type(estimator).__name__
    if common["classes"] is None and estimator.loss in ("poisson", "gamma"):
        raise ConvertError(f"cannot convert a {name} of loss {estimator.loss}: its value is the "
                           "exponential of the sum")
    trees = []
    for stage in estimator._predictors:
        for k, predictor in enumerate(stage):
            nodes = predictor.nodes
            if nodes["is_categorical"].any():
                raise ConvertError(f"cannot convert a {name} with categorical features")
            leaf = nodes["is_leaf"].astype(bool)
            trees.append(FloatTree(
                nodes["feature_idx"].astype(np.int64), nodes["num_threshold"],
                np.where(leaf, -1, nodes["left"].astype(np.int64)),
                np.where(leaf, -1, nodes["right"].astype(np.int64)), nodes["value"][:, None], k))
    task = _boosted_task(common["classes"])
    return Ensemble(**common, nr_inputs=estimator.n_features_in_, kind=fmt.KIND_BOOSTED,
                    task=task, trees=trees, cast=np.float64,
                    base=np.asarray(estimator._baseline_prediction, np.float64).ravel(),
                    probability=task == fmt.TASK_BINARY)


# ---- layers

def _score_task(classes: list[Any] | None, nr_scores: int, name: str) -> int:
    if classes is None and nr_scores != 1:
        raise ConvertError(f"this {name} has {nr_scores} outputs, only one is supported")
    if classes is None:
        return fmt.TASK_REGRESSION
    return fmt.TASK_BINARY if nr_scores == 1 else fmt.TASK_CLASSIFY


def _linear(model: Any, estimator: Any, inputs: InputMap) -> Network:
    common = _common(model, estimator, inputs)
    weights = np.atleast_2d(estimator.coef_).astype(np.float64)
    bias = np.broadcast_to(np.asarray(estimator.intercept_, np.float64), len(weights)).copy()
    task = _score_task(common["classes"], len(weights), type(estimator).__name__)
    logistic = "log" in getattr(estimator, "loss", "log_loss")
    return Network(**common, task=task, layers=[Dense(weights, bias)],
                   probability=task == fmt.TASK_BINARY and logistic)


MLP_ACTIVATIONS = {"identity": "none", "logistic": "sigmoid", "tanh": "tanh", "relu": "relu"}


def _mlp(model: Any, estimator: Any, inputs: InputMap) -> Network:
    name = type(estimator).__name__
    if getattr(estimator, "_label_binarizer", None) is not None and \
            estimator._label_binarizer.y_type_.startswith("multilabel"):
        raise ConvertError(f"this {name} gives several labels at once, only one is supported")
    common = _common(model, estimator, inputs)
    layers = [Dense(weights.T.astype(np.float64), bias.astype(np.float64),
                    MLP_ACTIVATIONS[estimator.activation])
              for weights, bias in zip(estimator.coefs_, estimator.intercepts_)]
    layers[-1].activation = "none"
    task = _score_task(common["classes"], len(layers[-1].weights), name)
    return Network(**common, task=task, layers=layers, probability=task == fmt.TASK_BINARY)


ESTIMATORS: Mapping[str, Callable[[Any, Any, InputMap], Trained]] = {
    "DecisionTreeClassifier": _decision_tree,
    "DecisionTreeRegressor": _decision_tree,
    "ExtraTreeClassifier": _decision_tree,
    "ExtraTreeRegressor": _decision_tree,
    "RandomForestClassifier": _forest,
    "RandomForestRegressor": _forest,
    "ExtraTreesClassifier": _forest,
    "ExtraTreesRegressor": _forest,
    "GradientBoostingClassifier": _gradient_boosting,
    "GradientBoostingRegressor": _gradient_boosting,
    "HistGradientBoostingClassifier": _hist_gradient_boosting,
    "HistGradientBoostingRegressor": _hist_gradient_boosting,
    "LinearRegression": _linear,
    "LogisticRegression": _linear,
    "SGDClassifier": _linear,
    "MLPClassifier": _mlp,
    "MLPRegressor": _mlp,
}
