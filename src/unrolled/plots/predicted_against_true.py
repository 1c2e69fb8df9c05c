"""Predicted against true numbers: a cloud around the line on which both are equal."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from unrolled.plots.measure import text_size
from unrolled.plots.style import (
    BLUE,
    INK,
    TICK_SIZE,
    Size,
    axes_for,
    axis_labels,
    grid,
    heading,
    number,
    with_unit,
)


def predicted_against_true(
    y: ArrayLike,
    prediction: ArrayLike,
    *,
    quantity: str = "value",
    unit: str | None = None,
    title: str | None = None,
    size: Size = (5.2, 5.4),
    ax: Axes | None = None,
) -> Figure:
    """Draw each prediction against its true value, both axes on one scale.

    The legend gives the root mean squared error (RMSE) and the coefficient of determination,
    `R² = 1 - sum (y - prediction)² / sum (y - mean y)²`.

    Args:
        y: true values [N] or [N, 1]
        prediction: predicted values [N] or [N, 1]
        quantity: what is predicted
        unit: unit of the values and of the error
        title: title of the picture
        size: width and height of a new figure in inches
        ax: matplotlib axes to draw into, in place of a new figure

    Raises:
        ValueError: Other shapes, no values, NaN or infinity.
    """
    true, predicted = _column(y, "y"), _column(prediction, "prediction")
    if true.shape != predicted.shape:
        raise ValueError(f"prediction must have {len(true)} values as y has, got {len(predicted)}.")
    squares = float(np.sum((true - predicted) ** 2))
    variation = float(np.sum((true - true.mean()) ** 2))
    label = f"{len(true):,} predictions: RMSE {number(np.sqrt(squares / len(true)), 3)}"
    label += f" {unit}" if unit else ""
    if variation > 0:
        label += f", R² {1 - squares / variation:.3f}"

    figure, ax = axes_for(ax, size)
    low = float(min(true.min(), predicted.min()))
    high = float(max(true.max(), predicted.max()))
    margin = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    limits = (low - margin, high + margin)
    ax.plot(limits, limits, color=INK, linewidth=1.2, label="prediction = truth", zorder=3)
    ax.scatter(
        true,
        predicted,
        s=18 if len(true) <= 2000 else 8,
        color=BLUE,
        alpha=float(np.clip(10 / np.sqrt(len(true)), 0.12, 0.75)),
        linewidths=0,
        rasterized=len(true) > 5000,
        label=label,
        zorder=2,
    )
    ax.set(xlim=limits, ylim=limits)
    ax.set_aspect("equal", adjustable="box")
    longest = max(text_size(number(limit, 3), TICK_SIZE)[0] for limit in limits)
    most = int(np.clip(0.75 * figure.get_figwidth() / (longest + 0.18), 2, 9))
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(nbins=most, steps=[1, 2, 5, 10]))
    axis_labels(ax, f"true {with_unit(quantity, unit)}", f"predicted {with_unit(quantity, unit)}")
    grid(ax, both=True)
    heading(ax, title, legend=True)
    return figure


def _column(values: ArrayLike, name: str) -> np.ndarray:
    array = np.asarray(values, dtype=float)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1 or array.size == 0:
        raise ValueError(
            f"{name} must have shape [N] or [N, 1] with N >= 1, got {list(array.shape)}."
        )
    bad = np.flatnonzero(~np.isfinite(array))
    if bad.size:
        raise ValueError(f"{name} must be finite, got {array[bad[0]]} at position {bad[0]}.")
    return array
