"""What a forecast left over: residuals over time, their distribution and autocorrelation."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from unrolled.plots.dates import as_times, date_axis, is_date
from unrolled.plots.forecast import time_name
from unrolled.plots.style import (
    BLUE,
    DPI,
    INK,
    MUTED,
    PAPER,
    SHADE,
    VERMILLION,
    Size,
    axes_for,
    axis_labels,
    grid,
    heading,
    number,
    with_unit,
)

MANY = 400  # residuals from which the points are smaller
MOST_LAGS = 40
LIMIT = 1.96  # of the normal distribution: 95 % on both sides


def residuals(
    residuals: ArrayLike,
    *,
    times: ArrayLike | None = None,
    lags: int | None = None,
    unit: str | None = None,
    title: str | None = None,
    time_label: str | None = None,
    size: Size = (7.0, 6.0),
) -> Figure:
    """Draw residuals (truth - forecast) over time, as a histogram, and their autocorrelation.

    A good forecast leaves residuals around 0 without a pattern. The curve over the histogram is
    the normal distribution of the same mean and standard deviation. The bars of the
    autocorrelation of residuals without memory lie in the shaded band, ±1.96 / sqrt(n), for 95 %
    of the lags.

    Args:
        residuals: [T]; NaN where the truth is missing
        times: numbers, dates or datetime64 [T], increasing; 0, 1, ... by default
        lags: largest lag of the autocorrelation; by default a quarter of T, at most 40
        unit: unit of the residuals
        title: title of the picture
        time_label: name of the time axis; "date", "time" or "step" by default
        size: width and height of the figure in inches

    Raises:
        TypeError: `times` are neither numbers nor dates.
        ValueError: Lengths do not agree, times do not increase, fewer than 3 residuals are known,
            one is infinite, all are the same, or `lags` is not from 1 to T - 1.
    """
    e = np.asarray(residuals, dtype=float)
    if e.ndim != 1:
        raise ValueError(f"residuals must have shape [T], got {list(e.shape)}.")
    known = e[~np.isnan(e)]
    if len(known) < 3 or np.isinf(known).any():
        raise ValueError(f"residuals must hold 3 finite numbers or more, got {len(known)} numbers.")
    if np.ptp(known) == 0:
        raise ValueError(f"residuals must differ from each other, all are {known[0]:g}.")
    T = len(e)
    when = as_times(np.arange(T) if times is None else times, "times")
    if when.shape != (T,):
        raise ValueError(f"times must have shape [{T}] as residuals has, got {list(when.shape)}.")
    most = min(max(T // 4, 1), MOST_LAGS) if lags is None else lags
    if not 1 <= most < T:
        raise ValueError(f"lags must be from 1 to {T - 1}, got {most}.")

    layout = ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.1)
    figure = Figure(figsize=size, dpi=DPI, facecolor=PAPER, layout=layout)
    rows = figure.add_gridspec(2, 1)
    below = rows[1].subgridspec(1, 2)
    top, left, right = (figure.add_subplot(place) for place in (rows[0], below[0], below[1]))
    for ax in (top, left, right):
        axes_for(ax, size)
    name = with_unit("residual", unit)
    _over_time(top, when, e, known, time_label or time_name(when), name, title)
    _histogram(left, known, name)
    _autocorrelation(right, e, most)
    return figure


def _over_time(
    ax: Axes,
    when: np.ndarray,
    e: np.ndarray,
    known: np.ndarray,
    time_label: str,
    name: str,
    title: str | None,
) -> None:
    mean, deviation = known.mean(), known.std()
    label = f"{len(known):,} residuals: mean {number(mean, 3)}, deviation {number(deviation, 3)}"
    many = len(known) > MANY
    ax.plot(
        when,
        e,
        color=BLUE,
        linewidth=0.5,
        alpha=0.9,
        marker="o",
        markersize=1.8 if many else 3.2,
        label=label,
        zorder=3,
        rasterized=len(known) > 20_000,
    )
    ax.axhline(0, color=INK, linewidth=1.0, zorder=4)
    if is_date(when):
        date_axis(ax)
    axis_labels(ax, time_label, name)
    grid(ax)
    heading(ax, title, legend=True, beside=0.4)  # for the wide numbers of the panel below


def _histogram(ax: Axes, known: np.ndarray, name: str) -> None:
    bins = int(np.clip(np.sqrt(len(known)), 5, 40))
    heights, edges, _ = ax.hist(known, bins=bins, color=BLUE, alpha=0.45, edgecolor=PAPER, zorder=2)
    mean, deviation = known.mean(), known.std()
    x = np.linspace(min(edges[0], mean - 3 * deviation), max(edges[-1], mean + 3 * deviation), 200)
    area = len(known) * (edges[1] - edges[0])
    density = np.exp(-0.5 * ((x - mean) / deviation) ** 2) / (deviation * np.sqrt(2 * np.pi))
    ax.plot(x, area * density, color=VERMILLION, linewidth=1.5, label="normal", zorder=3)
    ax.axvline(0, color=INK, linewidth=1.0, zorder=4)
    ax.set_xlim(x[0], x[-1])
    ax.set_ylim(0, 1.08 * max(float(np.max(heights)), float((area * density).max())))
    ax.xaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
    ax.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True, steps=[1, 2, 5, 10]))
    axis_labels(ax, name, "count")
    grid(ax)
    heading(ax, None, legend=True)


def _autocorrelation(ax: Axes, e: np.ndarray, most: int) -> None:
    lags = np.arange(1, most + 1)
    correlation = autocorrelation(e, most)
    limit = LIMIT / np.sqrt(np.count_nonzero(~np.isnan(e)))
    ax.axhspan(-limit, limit, facecolor=SHADE, edgecolor="none")
    for edge, label in ((-limit, None), (limit, "95 % limit without memory")):
        ax.axhline(edge, color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)), label=label, zorder=2)
    ax.vlines(lags, 0, correlation, color=BLUE, linewidth=min(3.0, 90 / most), zorder=3)
    ax.axhline(0, color=INK, linewidth=1.0, zorder=4)
    reach = 1.15 * max(limit, float(np.abs(correlation).max()), 0.2)
    ax.set_ylim(-reach, reach)
    ax.set_xlim(0, most + 1)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axis_labels(ax, "lag", "autocorrelation")
    grid(ax)
    heading(ax, None, legend=True)


def autocorrelation(values: np.ndarray, most: int) -> np.ndarray:
    """Correlation of known values [T] with those 1 to `most` steps later: [most].

    Sum of the products of both deviations over the sum of squared deviations, each pair of which
    one is missing left out and the sum scaled up for it: without gaps the usual estimate.
    """
    T = len(values)
    deviation = values - np.nanmean(values)
    known = ~np.isnan(deviation)
    z = np.where(known, deviation, 0.0)
    variance = z @ z / known.sum()
    found = np.zeros(most)
    for lag in range(1, most + 1):
        pairs = int(np.count_nonzero(known[lag:] & known[:-lag]))
        if pairs:
            found[lag - 1] = (z[lag:] @ z[:-lag]) / pairs * (T - lag) / T / variance
    return found
