# SPDX-License-Identifier: GPL-2.0-only
"""The usual pictures of rows; matplotlib is needed for them.

Each function draws into `ax`, or into a new figure, and returns the axes.
`data` is `Rows` or a DataFrame; units are put on the axes where they are known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .rows import Rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Pixels of a picture are few: more points than this only take time.
POINTS_MAX = 20_000


def _axes(ax: Axes | None) -> Axes:
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots()[1]


def _column(data: Any, name: str) -> np.ndarray:
    if isinstance(data, Rows):
        column = data.flat_columns([name]).get(name)
        if column is None:
            raise KeyError(f"column {name} is an array: take one of its elements, {name}_0")
        return column
    return np.asarray(data[name])


def _label(data: Any, name: str) -> str:
    units = data.units if isinstance(data, Rows) else data.attrs.get("units", {})
    return f"{name} ({units[name]})" if name in units else name


def _seconds(data: Any) -> np.ndarray:
    """Times from the first row on; differences first, so that none is rounded."""
    time = _column(data, "time")
    return (time - time.min()).astype(np.float64) / 1e9 if len(time) else np.empty(0)


def timeline(data: Any, column: str, ax: Axes | None = None, gaps: bool = True) -> Axes:
    """A column over time. Of many rows each slice of time is shown by its least
    and greatest value, so no peak is left out. Times where rows are missing are
    shaded."""
    ax = _axes(ax)
    x, y = _seconds(data), _column(data, column).astype(np.float64)
    if len(x) > POINTS_MAX:
        starts = np.linspace(0, len(x), POINTS_MAX // 2, endpoint=False).astype(int)
        low, high = np.minimum.reduceat(y, starts), np.maximum.reduceat(y, starts)
        x, y = np.repeat(x[starts], 2), np.column_stack([low, high]).reshape(-1)
    ax.plot(x, y, ".", markersize=2)
    if gaps and isinstance(data, Rows) and len(data):
        first = data["time"].min()
        for gap in data.gaps():
            ax.axvspan((gap["after"] - first) / 1e9, (gap["before"] - first) / 1e9,
                       color="red", alpha=0.2, lw=0)
    ax.set_xlabel("time (s)")
    ax.set_ylabel(_label(data, column))
    return ax


def histogram(data: Any, column: str, bins: int = 50, log: bool = False,
              ax: Axes | None = None) -> Axes:
    """How often which values are; `log`: bins that grow by a factor, for waits
    and sizes, with values below 1 in the first."""
    ax = _axes(ax)
    values = _column(data, column).astype(np.float64)
    values = values[np.isfinite(values)]
    edges: Any = bins
    if log and len(values):
        values = np.maximum(values, 1)
        edges = np.geomspace(1, max(2.0, values.max()), bins + 1)
        ax.set_xscale("log")
    ax.hist(values, edges)
    ax.set_xlabel(_label(data, column))
    ax.set_ylabel("rows")
    return ax


def cdf(data: Any, column: str, log: bool = False, ax: Axes | None = None) -> Axes:
    """Which share of the rows is at or below a value."""
    ax = _axes(ax)
    values = np.sort(_column(data, column).astype(np.float64))
    values = values[np.isfinite(values)]
    share = np.arange(1, len(values) + 1) / max(1, len(values))
    if len(values) > POINTS_MAX:
        keep = np.unique(np.linspace(0, len(values) - 1, POINTS_MAX).astype(int))
        values, share = values[keep], share[keep]
    ax.step(values, share, where="post")
    if log:
        ax.set_xscale("log")
    ax.set_xlabel(_label(data, column))
    ax.set_ylabel("share of rows")
    ax.set_ylim(0, 1)
    return ax


def heatmap(data: Any, column: str, by: str | None = None, bins: int = 50, log: bool = True,
            ax: Axes | None = None) -> Axes:
    """How many rows have which value when; `by`: another column in place of the
    time. `log`: values by powers of two."""
    ax = _axes(ax)
    x = _seconds(data) if by is None else _column(data, by).astype(np.float64)
    y = _column(data, column).astype(np.float64)
    known = np.isfinite(x) & np.isfinite(y)
    x, y = x[known], y[known]
    if log:
        y = np.log2(np.maximum(y, 1))
    counts, x_edges, y_edges = np.histogram2d(x, y, bins) if len(x) else \
        (np.zeros((1, 1)), np.array([0, 1]), np.array([0, 1]))
    mesh = ax.pcolormesh(x_edges, 2.0 ** y_edges if log else y_edges,
                         np.ma.masked_equal(counts.T, 0))
    ax.figure.colorbar(mesh, ax=ax, label="rows")
    if log:
        ax.set_yscale("log", base=2)
    ax.set_xlabel("time (s)" if by is None else _label(data, by))
    ax.set_ylabel(_label(data, column))
    return ax
