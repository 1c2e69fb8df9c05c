"""How the error of forecasts grows with the steps ahead, a line a model."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from unrolled.plots.style import (
    LINE_WIDTH,
    SIZE,
    Size,
    axes_for,
    axis_labels,
    grid,
    heading,
    line_style,
    number,
    with_unit,
)

MARKED = 12  # steps up to which each one has a dot
FROM_ZERO = 0.6  # smallest over largest error up to which the axis begins at 0


def backtest(
    errors: Mapping[str, ArrayLike],
    *,
    metric: str = "mean absolute error",
    unit: str | None = None,
    title: str | None = None,
    size: Size = SIZE,
    ax: Axes | None = None,
) -> Figure:
    """Draw the error of each model by the number of steps ahead.

    The legend gives the mean over the steps, the lines' order and colours are those of `errors`.

    Args:
        errors: model -> error of the steps 1 to H, [H], one H for all; NaN where not measured
        metric: name of the error
        unit: unit of the error
        title: title of the picture
        size: width and height of a new figure in inches
        ax: matplotlib axes to draw into, in place of a new figure

    Raises:
        ValueError: There is no model, a shape is another one, an error is infinite or below 0, or
            a model has none.
    """
    lines = {name: _line(name, values) for name, values in errors.items()}
    if not lines:
        raise ValueError("errors must hold a model or more, got none.")
    first, H = next((name, len(line)) for name, line in lines.items())
    for name, line in lines.items():
        if len(line) != H:
            raise ValueError(
                f"errors[{name!r}] must have {H} steps as errors[{first!r}] has, got {len(line)}."
            )
    figure, ax = axes_for(ax, size)
    steps = np.arange(1, H + 1)
    for index, (name, line) in enumerate(lines.items()):
        colour, dash = line_style(index)
        ax.plot(
            steps,
            line,
            color=colour,
            linestyle=dash,
            linewidth=LINE_WIDTH,
            marker="o" if H <= MARKED else "",
            markersize=4,
            label=f"{name} (mean {number(float(np.nanmean(line)), 3)})",
            zorder=3 + (index == 0),
        )
    drawn = np.concatenate(list(lines.values()))
    low, high = float(np.nanmin(drawn)), float(np.nanmax(drawn))
    reach = (high - low) or high or 1.0
    if low <= FROM_ZERO * high or high == low:
        ax.set_ylim(0, (high or 1.0) * 1.06)
    else:
        ax.set_ylim(low - 0.08 * reach, high + 0.08 * reach)
    margin = 0.02 * (H - 1) or 0.5
    ax.set_xlim(1 - min(margin, 0.9), H + margin)  # no tick at step 0
    ax.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True, steps=[1, 2, 3, 4, 5, 6, 8, 10]))
    axis_labels(ax, "steps ahead", with_unit(metric, unit))
    grid(ax)
    heading(ax, title, legend=True)
    return figure


def _line(name: str, values: ArrayLike) -> np.ndarray:
    line = np.asarray(values, dtype=float)
    if line.ndim != 1 or not line.size:
        raise ValueError(f"errors[{name!r}] must have shape [H], H >= 1, got {list(line.shape)}.")
    if np.isnan(line).all():
        raise ValueError(f"errors[{name!r}] must hold a number, got NaN alone.")
    if np.isinf(line).any() or (line < 0).any():
        raise ValueError(f"errors[{name!r}] must be finite and 0 or more.")
    return line
