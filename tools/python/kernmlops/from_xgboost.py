# SPDX-License-Identifier: GPL-2.0-only
"""Boosters of XGBoost, taken apart."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np

from . import model_format as fmt
from .features import InputMap
from .trained import ConvertError, Ensemble, FloatTree

# Objectives whose value is the sum itself.
REGRESSIONS = ("reg:squarederror", "reg:linear", "reg:absoluteerror", "reg:pseudohubererror")
BINARY = ("binary:logistic", "binary:logitraw", "reg:logistic")
CLASSIFY = ("multi:softprob", "multi:softmax")


def take_apart(model: Any, inputs: InputMap) -> Ensemble:
    """A Booster, or a scikit-learn style XGB* model."""
    import xgboost

    name = type(model).__name__
    labels, rounds = None, None
    booster = model
    if not isinstance(model, xgboost.Booster):
        if not hasattr(model, "get_booster"):
            raise ConvertError(f"cannot convert a {name}; of XGBoost, a Booster or an XGBModel "
                               "can be")
        try:
            booster = model.get_booster()
        except Exception:       # its own NotFittedError
            raise ConvertError(f"this {name} is not fitted yet: call its fit(X, y) first") from None
        if not (model.missing is None or math.isnan(float(model.missing))):
            raise ConvertError(f"this {name} takes {model.missing} for a missing value")
        if hasattr(model, "classes_"):
            labels = np.asarray(model.classes_)
        # After early stopping it predicts with the trees up to the best round.
        best = booster.attributes().get("best_iteration")
        rounds = None if best is None else int(best) + 1

    learner = json.loads(bytes(booster.save_raw("json")))["learner"]
    if learner["gradient_booster"]["name"] != "gbtree":
        raise ConvertError(f"cannot convert a booster {learner['gradient_booster']['name']}, "
                           "only gbtree")
    objective = learner["objective"]["name"]
    if objective not in REGRESSIONS + BINARY + CLASSIFY:
        raise ConvertError(f"cannot convert objective {objective}; "
                           f"{', '.join(REGRESSIONS + BINARY + CLASSIFY)} can be")
    nr_scores = max(1, int(learner["learner_model_param"]["num_class"]))
    if nr_scores > fmt.SCORES_MAX:
        raise ConvertError(f"this {name} has {nr_scores} classes, "
                           f"at most {fmt.SCORES_MAX} are allowed")
    task = (fmt.TASK_CLASSIFY if objective in CLASSIFY else
            fmt.TASK_BINARY if objective in BINARY else fmt.TASK_REGRESSION)
    if task == fmt.TASK_CLASSIFY and nr_scores < 2:
        raise ConvertError(f"this {name} was trained on one class only: there is nothing to decide")
    content = learner["gradient_booster"]["model"]
    per_round = nr_scores * int(content["gbtree_model_param"]["num_parallel_tree"])
    used = content["trees"] if rounds is None else content["trees"][:rounds * per_round]
    trees = [_tree(tree, score) for tree, score in zip(used, content["tree_info"])]
    if not trees:
        raise ConvertError(f"this {name} has no trees")

    def matrix(X: np.ndarray) -> Any:
        return xgboost.DMatrix(inputs.as_trained(X), feature_names=booster.feature_names,
                               feature_types=booster.feature_types)

    limits = {} if rounds is None else {"iteration_range": (0, rounds)}

    def margins(X: np.ndarray) -> np.ndarray:
        return booster.predict(matrix(X), output_margin=True, **limits).astype(np.float64)

    def predict(X: np.ndarray) -> np.ndarray:
        values = margins(X)
        if task == fmt.TASK_CLASSIFY:
            return np.argmax(values.reshape(len(X), -1), axis=1)
        return (values > 0).astype(np.int64) if task == fmt.TASK_BINARY else values

    def nodes_of(X: np.ndarray) -> np.ndarray:
        leaves = booster.predict(matrix(X), pred_leaf=True, **limits)
        return np.asarray(leaves).reshape(len(X), -1)[:, :len(trees)].astype(np.int64)

    classes = None
    if task != fmt.TASK_REGRESSION:
        classes = list(range(max(2, nr_scores))) if labels is None else labels.tolist()
    return Ensemble(
        trainer=f"xgboost {name}", versions={"xgboost": xgboost.__version__},
        params=json.loads(booster.save_config())["learner"]["learner_train_param"],
        task=task, inputs=inputs, predict=predict, scores=margins, classes=classes,
        nr_inputs=booster.num_features(), kind=fmt.KIND_BOOSTED, trees=trees,
        base=_base(learner, objective, nr_scores),
        cast=np.float32, strict=True,
        probability=objective in ("binary:logistic", "reg:logistic"), nodes_of=nodes_of)


def _base(learner: dict[str, Any], objective: str, nr_scores: int) -> np.ndarray:
    """What the sums begin with; the file has it as a probability."""
    text = str(learner["learner_model_param"]["base_score"]).strip("[]")
    scores = [float(word) for word in text.split(",")]
    if objective in ("binary:logistic", "reg:logistic"):
        scores = [math.log(score / (1 - score)) for score in scores]
    return np.broadcast_to(np.array(scores), nr_scores).copy()


def _tree(tree: dict[str, Any], score: int) -> FloatTree:
    if tree.get("categories_nodes"):
        raise ConvertError("cannot convert a booster with categorical features")
    if int(tree["tree_param"]["size_leaf_vector"] or 0) > 1:
        raise ConvertError("cannot convert a booster whose leaves hold vectors")
    conditions = np.array(tree["split_conditions"], np.float32)
    return FloatTree(
        feature=np.array(tree["split_indices"], np.int64),
        threshold=conditions,
        left=np.array(tree["left_children"], np.int64),
        right=np.array(tree["right_children"], np.int64),
        values=conditions.astype(np.float64)[:, None], score=score)
