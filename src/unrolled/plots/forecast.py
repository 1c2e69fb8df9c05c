"""A series, what several methods made of it, and which part was held out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from unrolled.plots.dates import as_times, date_axis, is_date
from unrolled.plots.measure import text_size
from unrolled.plots.style import (
    INK,
    MUTED,
    SHADE,
    SIZE,
    TICK_SIZE,
    Size,
    axes_for,
    axis_labels,
    grid,
    heading,
    line_style,
    number,
    width_of,
    with_unit,
)

HEADROOM = 0.16  # share of the value range kept free on top for the name of the held-out part
HELD_OUT = "held out"


def forecast(
    times: ArrayLike,
    truth: ArrayLike,
    predictions: Mapping[str, ArrayLike],
    *,
    held_out_from: int,
    quantity: str = "value",
    unit: str | None = None,
    title: str | None = None,
    errors: Mapping[str, float] | None = None,
    error_name: str = "error",
    time_label: str | None = None,
    size: Size = SIZE,
    ax: Axes | None = None,
) -> Figure:
    """Draw the truth, one line a method, and the held-out part as a shaded, labelled band.

    Args:
        times: numbers, dates or datetime64 [T], increasing
        truth: measured values [T]; NaN leaves a gap
        predictions: name -> values [T], NaN where nothing is predicted, or only those of the
            held-out part [T - held_out_from]
        held_out_from: first index of `times` that no method was fitted on
        quantity: name of the vertical axis
        unit: unit of the values and of the errors
        title: title of the picture
        errors: name -> error of that method on the held-out part, written into the legend
        error_name: what the errors are, such as "MAE"
        time_label: name of the horizontal axis; "date", "time" or "step" by default
        size: width and height of a new figure in inches
        ax: matplotlib axes to draw into, in place of a new figure

    Raises:
        TypeError: `times` are neither numbers nor dates.
        ValueError: Lengths do not agree, times do not increase, or there is nothing to draw.
    """
    when = as_times(times, "times")
    T = len(when)
    values = np.asarray(truth, dtype=float)
    if values.shape != (T,):
        raise ValueError(f"truth must have shape [{T}] as times has, got {list(values.shape)}.")
    if not 0 <= held_out_from < T:
        raise ValueError(f"held_out_from must be from 0 to {T - 1}, got {held_out_from}.")
    unknown = sorted(set(errors or {}) - set(predictions))
    if unknown:
        raise ValueError(f"errors must name only methods of predictions, got {unknown}.")

    figure, ax = axes_for(ax, size)
    ax.plot(when, values, color=INK, linewidth=2.3, label="truth", zorder=3)
    drawn = [values]
    for index, (name, prediction) in enumerate(predictions.items()):
        line = np.asarray(prediction, dtype=float)
        if line.shape not in ((T,), (T - held_out_from,)):
            raise ValueError(
                f"predictions[{name!r}] must have shape [{T}] or, for the held-out part alone, "
                f"[{T - held_out_from}], got {list(line.shape)}."
            )
        colour, dash = line_style(index)
        label = name
        if errors and name in errors:
            error = number(errors[name], 3)
            label += f" ({error_name} {error}{f' {unit}' if unit else ''})"
        x = when[T - len(line) :]
        ax.plot(x, line, color=colour, linestyle=dash, linewidth=1.4, label=label, zorder=4)
        drawn.append(line)

    shade_from(ax, when, held_out_from, np.concatenate(drawn), HELD_OUT)
    if is_date(when):
        date_axis(ax)
    axis_labels(ax, time_label or time_name(when), with_unit(quantity, unit))
    grid(ax)
    heading(ax, title, legend=True)
    return figure


def shade_from(ax: Axes, when: np.ndarray, first: int, drawn: np.ndarray, name: str) -> None:
    """Shade and name the times from index `first` on, and fit the axes to the values `drawn`."""
    finite = drawn[np.isfinite(drawn)]
    if not finite.size:
        raise ValueError("truth and predictions must hold a finite value, got none.")
    low, high = float(finite.min()), float(finite.max())
    reach = (high - low) or max(abs(high), 1.0)
    ax.set_ylim(low - 0.05 * reach, high + HEADROOM * reach)
    one = np.timedelta64(1, "s") if is_date(when) else 0.5
    margin = (when[-1] - when[0]) / 100 if len(when) > 1 else one
    begin, end = when[0] - margin, when[-1] + margin
    start = when[first] - (when[first] - when[first - 1]) / 2 if first else begin
    ax.set_xlim(begin, end)
    ax.axvspan(start, end, facecolor=SHADE, edgecolor="none", zorder=0)
    ax.axvline(start, color=MUTED, linewidth=0.9, zorder=1)
    # a band too narrow for its name has it at the left, with an arrow
    room = width_of(ax) * float((end - start) / (end - begin))
    fits = room > text_size(name, TICK_SIZE)[0] + 0.2
    ax.annotate(
        name if fits else f"{name} →",
        xy=(float((start - begin) / (end - begin)), 1.0),
        xycoords="axes fraction",
        xytext=(6 if fits else -5, -5),
        textcoords="offset points",
        ha="left" if fits else "right",
        va="top",
        fontsize=TICK_SIZE,
        fontstyle="italic",
        color=INK,
        zorder=5,
    )


def time_name(when: np.ndarray) -> str:
    if not is_date(when):
        return "step"
    return "date" if when[-1] - when[0] >= np.timedelta64(2, "D") else "time"
