"""A history and its forecast: intervals of several levels around the line, and what came."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from unrolled.plots.dates import as_times, date_axis, is_date
from unrolled.plots.forecast import shade_from, time_name
from unrolled.plots.style import (
    BLUE,
    INK,
    PAPER,
    SIZE,
    VERMILLION,
    Size,
    axes_for,
    axis_labels,
    grid,
    heading,
    number,
    with_unit,
)

FORECAST = "forecast"
PALE, STRONG = 0.2, 0.5  # share of blue in the widest and in the narrowest interval
MARKED = 30  # steps up to which each held-out value has a dot
BAR = 7.0  # points: width of the intervals of a single step


def fan_chart(
    history: ArrayLike,
    forecast: ArrayLike,
    *,
    intervals: Sequence[tuple[float, ArrayLike, ArrayLike]] = (),
    truth: ArrayLike | None = None,
    times: ArrayLike | None = None,
    quantity: str = "value",
    unit: str | None = None,
    title: str | None = None,
    time_label: str | None = None,
    size: Size = SIZE,
    ax: Axes | None = None,
) -> Figure:
    """Draw a history, the forecast of the steps behind it, and its intervals as nested bands.

    Args:
        history: known values [T]; NaN leaves a gap
        forecast: values [H]
        intervals: (level, low, high), such as (0.8, [H], [H]) for an 80 % interval
        truth: values [H] that came, where they are known; NaN where not
        times: numbers, dates or datetime64 [T + H], increasing; 0, 1, ... by default
        quantity: name of the vertical axis
        unit: unit of the values
        title: title of the picture
        time_label: name of the horizontal axis; "date", "time" or "step" by default
        size: width and height of a new figure in inches
        ax: matplotlib axes to draw into, in place of a new figure

    Raises:
        TypeError: `times` are neither numbers nor dates.
        ValueError: Lengths do not agree, times do not increase, the forecast or an interval holds
            NaN or infinity, an interval ends below its beginning, or a level is none.
    """
    known = np.asarray(history, dtype=float)
    line = np.asarray(forecast, dtype=float)
    if known.ndim != 1 or not known.size:
        raise ValueError(f"history must have shape [T], T >= 1, got {list(known.shape)}.")
    if line.ndim != 1 or not line.size or not np.isfinite(line).all():
        raise ValueError(f"forecast must have shape [H] and be finite, got {list(line.shape)}.")
    T, H = len(known), len(line)
    when = as_times(np.arange(T + H) if times is None else times, "times")
    if when.shape != (T + H,):
        raise ValueError(
            f"times must have shape [{T + H}], {T} of the history and {H} of the forecast, got "
            f"{list(when.shape)}."
        )
    bands = [_band(*interval, H) for interval in intervals]
    came = None if truth is None else np.asarray(truth, dtype=float)
    if came is not None and came.shape != (H,):
        raise ValueError(f"truth must have shape [{H}] as forecast has, got {list(came.shape)}.")

    figure, ax = axes_for(ax, size)
    ahead = when[T:]
    ax.plot(when[:T], known, color=INK, linewidth=1.7, label="history", zorder=4)
    bands.sort(key=lambda band: -band[0])
    for index, (level, low, high) in enumerate(bands):
        share = PALE + (STRONG - PALE) * index / max(len(bands) - 1, 1)
        colour, label = _mixed(share), f"{number(100 * level)} % interval"
        if H == 1:
            ax.vlines(ahead, low, high, color=colour, linewidth=BAR, label=label, zorder=2)
        else:
            ax.fill_between(ahead, low, high, color=colour, linewidth=0, label=label, zorder=2)
    dot = "o" if H == 1 else ""
    ax.plot(
        ahead, line, color=BLUE, linewidth=1.9, marker=dot, markersize=5, label=FORECAST, zorder=5
    )
    drawn = [known, line, *(end for _, *ends in bands for end in ends)]
    if came is not None:
        # joined to the history: the values of both are measured
        joined = np.concatenate([known[-1:], came])
        ax.plot(
            when[T - 1 :],
            joined,
            color=VERMILLION,
            linewidth=1.3,
            marker="o" if H <= MARKED else "",
            markersize=3.2,
            markevery=slice(1, None),
            label="truth",
            zorder=6 if H > 1 else 4,
        )
        drawn.append(came)
    shade_from(ax, when, T, np.concatenate(drawn), FORECAST)
    if is_date(when):
        date_axis(ax)
    axis_labels(ax, time_label or time_name(when), with_unit(quantity, unit))
    grid(ax)
    heading(ax, title, legend=True)
    return figure


def _band(
    level: float, low: ArrayLike, high: ArrayLike, num_steps: int
) -> tuple[float, np.ndarray, np.ndarray]:
    if not 0 < level < 1:
        raise ValueError(f"the level of an interval must be between 0 and 1, got {level}.")
    below, above = np.asarray(low, dtype=float), np.asarray(high, dtype=float)
    for end in (below, above):
        if end.shape != (num_steps,) or not np.isfinite(end).all():
            raise ValueError(
                f"both ends of the interval {level:g} must have shape [{num_steps}] as forecast "
                f"has and be finite, got {list(end.shape)}."
            )
    if (below > above).any():
        h = int((below > above).argmax())
        raise ValueError(
            f"the interval {level:g} must not end below its beginning, got {below[h]} to "
            f"{above[h]} at step {h + 1}."
        )
    return float(level), below, above


def _mixed(share: float) -> str:
    """`share` of blue on paper, opaque, so that the legend shows the colour that is drawn."""
    blue, paper = np.array(to_rgb(BLUE)), np.array(to_rgb(PAPER))
    return to_hex(tuple(share * blue + (1 - share) * paper))
