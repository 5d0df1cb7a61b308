# SPDX-License-Identifier: GPL-2.0-only
"""A small model of every class that can be converted, for each data set."""

import warnings

import numpy as np
from sklearn import ensemble, linear_model, neural_network, tree
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import kernmlops
from data_sets import load

LAYERS = {
    "LogisticRegression": lambda: linear_model.LogisticRegression(max_iter=1000),
    "SGDClassifier": lambda: linear_model.SGDClassifier(random_state=0),
    "MLPClassifier": lambda: neural_network.MLPClassifier((24, 16), max_iter=100, random_state=0),
}
TREES = {
    "DecisionTreeClassifier": lambda: tree.DecisionTreeClassifier(random_state=0),
    "ExtraTreeClassifier": lambda: tree.ExtraTreeClassifier(random_state=0),
    "RandomForestClassifier": lambda: ensemble.RandomForestClassifier(10, random_state=0),
    "ExtraTreesClassifier": lambda: ensemble.ExtraTreesClassifier(8, max_depth=7, random_state=0),
    "GradientBoostingClassifier":
        lambda: ensemble.GradientBoostingClassifier(n_estimators=6, random_state=0),
    "HistGradientBoostingClassifier":
        lambda: ensemble.HistGradientBoostingClassifier(max_iter=5, random_state=0),
}
LAYER_REGRESSORS = {
    "LinearRegression": lambda: linear_model.LinearRegression(),
    "MLPRegressor": lambda: neural_network.MLPRegressor((16,), max_iter=300, random_state=0),
}
TREE_REGRESSORS = {
    "DecisionTreeRegressor": lambda: tree.DecisionTreeRegressor(random_state=0),
    "RandomForestRegressor": lambda: ensemble.RandomForestRegressor(10, random_state=0),
    "ExtraTreesRegressor": lambda: ensemble.ExtraTreesRegressor(8, max_depth=7, random_state=0),
    "GradientBoostingRegressor":
        lambda: ensemble.GradientBoostingRegressor(n_estimators=20, random_state=0),
    "HistGradientBoostingRegressor":
        lambda: ensemble.HistGradientBoostingRegressor(max_iter=10, random_state=0),
}


# Of nanoseconds.
LOGARITHM: tuple[list, list] = ([], [FunctionTransformer(kernmlops.log2q4)])


def torch_net(data):
    import torch
    from torch import nn

    torch.manual_seed(0)
    torch.set_num_threads(1)
    width, classes = data.X.shape[1], len(set(data.y))
    net = nn.Sequential(nn.BatchNorm1d(width), nn.Linear(width, 24), nn.ReLU6(),
                        nn.BatchNorm1d(24), nn.Dropout(0.05), nn.Linear(24, 16), nn.Tanh(),
                        nn.Linear(16, 16), nn.Hardsigmoid(), nn.Linear(16, 16), nn.Sigmoid(),
                        nn.Linear(16, classes))
    rows, truth = torch.tensor(data.X, dtype=torch.float32), torch.as_tensor(data.y)
    optimizer = torch.optim.Adam(net.parameters(), 1e-2)
    for _ in range(60):
        for part in torch.randperm(len(rows)).split(128):
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(rows[part]), truth[part]).backward()
            optimizer.step()
    return net.eval()


def torch_predict(net, X):
    import torch

    with torch.no_grad():
        return net(torch.tensor(X, dtype=torch.float32)).numpy().argmax(axis=1)


def trained(name, data):
    """(class, model, its predict, options for convert) of all classes."""
    regression = name == "diabetes"
    for kind, make in (LAYER_REGRESSORS if regression else LAYERS).items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            y = (data.y - 150) / 80 if regression else data.y
            model = make_pipeline(*LOGARITHM[name == "runqueue"], StandardScaler(), make())
            model.fit(data.X, y)
        for target in ("W8A8", "W8A16"):
            yield f"{kind} {target}", model, model.predict, {"target": target}
    for kind, make in (TREE_REGRESSORS if regression else TREES).items():
        model = make().fit(data.X, data.y)
        yield kind, model, model.predict, {}
    try:
        import xgboost
    except ImportError:
        pass
    else:
        kind = xgboost.XGBRegressor if regression else xgboost.XGBClassifier
        model = kind(n_estimators=6, random_state=0).fit(data.X, data.y)
        yield kind.__name__, model, model.predict, {}
    if name in ("diabetes", "runqueue"):
        return
    try:
        net = torch_net(data)
    except ImportError:
        return
    for target in ("W8A8", "W8A16"):
        yield f"torch Sequential {target}", net, lambda X: torch_predict(net, X), {"target": target}


def converted():
    """(data set, class, data, what it predicts, the converted model) of everything."""
    for name in ("digits", "breast_cancer", "wine", "diabetes", "runqueue"):
        data = load(name)
        for kind, model, predict, options in trained(name, data):
            y = data.y
            if name == "diabetes" and options:
                y = (y - 150) / 80
            yield name, kind, data, predict, kernmlops.convert(model, data.X, y=y, **options)


def table():
    """Lines of a table: how near the integers come to the floats on rows not seen."""
    lines = ["class                           data set       float    int      agreement"]
    for name, kind, data, predict, model in converted():
        theirs, ours = predict(data.Xv), model.predict(data.Xv)
        if name == "diabetes":
            y = (data.yv - 150) / 80 if "W8" in kind else data.yv
            spread = np.square(y - y.mean()).sum()
            good = [1 - np.square(y - answers).sum() / spread for answers in (theirs, ours)]
            agree = f"r2, differs by {np.sqrt(np.square(ours - theirs).mean()) / theirs.std():.1e}"
        else:
            good = [(answers == data.yv).mean() for answers in (theirs, ours)]
            agree = f"{(ours == theirs).mean():.4f}"
        lines.append(f"{kind:31} {name:14} {good[0]:.4f}   {good[1]:.4f}   {agree}")
    return lines


if __name__ == "__main__":
    print("\n".join(table()))
