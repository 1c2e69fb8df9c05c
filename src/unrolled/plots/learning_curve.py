"""The course of training: loss (or another metric) by epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from unrolled.plots.measure import literal, text_size, wrap
from unrolled.plots.style import (
    BLUE,
    DASHES,
    INK,
    LINE_WIDTH,
    MUTED,
    SIZE,
    TICK_SIZE,
    VERMILLION,
    Size,
    axes_for,
    axis_labels,
    grid,
    heading,
    log_axis,
    number,
    spread,
)

LOG_FROM = 20.0  # largest / smallest value from which the axis is logarithmic
LABEL_WIDTH = 1.5  # inches for the names of the baselines
MARKED = 12  # epochs up to which each one has a dot


def learning_curve(
    history: Sequence[Mapping[str, Any]],
    *,
    title: str | None = None,
    baseline: Mapping[str, float] | None = None,
    metric: str = "loss",
    quantity: str | None = None,
    higher_is_better: bool = False,
    size: Size = SIZE,
    ax: Axes | None = None,
) -> Figure:
    """Draw training and validation values of a metric by epoch.

    The best epoch is that of the best validation value; without validation none is marked. The
    axis is logarithmic when all values are positive and the largest is at least 20 times the
    smallest.

    Args:
        history: records of training, `{"epoch": 1, "train_loss": 0.3, "valid_loss": 0.4, ...}`;
            `train_<metric>` in each of them, `valid_<metric>` missing or None where not measured
        title: title of the picture
        baseline: name -> value of the same metric, drawn as labelled horizontal lines
        metric: which fields of the records are drawn
        quantity: name of the vertical axis with its unit; the metric's name by default
        higher_is_better: the best epoch is the highest one (accuracy), not the lowest (loss)
        size: width and height of a new figure in inches
        ax: matplotlib axes to draw into, in place of a new figure

    Raises:
        ValueError: `history` is empty, lacks the metric, or holds NaN or infinity.
    """
    epochs, train, valid = _columns(history, metric)
    lines = {name: float(value) for name, value in (baseline or {}).items()}
    for name, value in lines.items():
        if not np.isfinite(value):
            raise ValueError(f"baseline[{name!r}] must be a finite number, got {value}.")

    figure, ax = axes_for(ax, size)
    style: dict[str, Any] = {"linewidth": LINE_WIDTH, "markersize": 4}
    style["marker"] = "o" if len(epochs) <= MARKED else ""
    ax.plot(epochs, train, color=BLUE, label="training", **style)
    measured = np.isfinite(valid)
    if measured.any():
        ax.plot(epochs[measured], valid[measured], color=VERMILLION, label="validation", **style)
        best = int(np.nanargmax(valid) if higher_is_better else np.nanargmin(valid))
        _mark_best(ax, int(epochs[best]), float(valid[best]))

    name = quantity or metric.replace("_", " ")
    drawn = np.concatenate([train, valid[measured], list(lines.values())])
    if _limits(ax, float(drawn.min()), float(drawn.max())):
        name += ", log scale"
    if len(epochs) == 1:
        ax.set_xticks(epochs)
    else:
        ax.xaxis.set_major_locator(MaxNLocator(nbins=10, steps=[1, 2, 5, 10], integer=True))
    margin = 0.02 * float(epochs[-1] - epochs[0]) or 0.5
    ax.set_xlim(float(epochs[0]) - margin, float(epochs[-1]) + margin)
    _baselines(ax, lines)
    axis_labels(ax, "epoch", name)
    grid(ax)
    heading(ax, title, legend=True)
    return figure


def _columns(
    history: Sequence[Mapping[str, Any]], metric: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if len(history) == 0:
        raise ValueError("history must hold the records of at least one epoch, got none.")
    for position, record in enumerate(history):
        if record.get(f"train_{metric}") is None:
            known = sorted(str(key)[6:] for key in record if str(key).startswith("train_"))
            raise ValueError(f"metric must be one of {known}, got {metric!r} (record {position}).")
    epochs = np.array([record.get("epoch", i + 1) for i, record in enumerate(history)])
    columns = []
    for part in ("train", "valid"):
        values = [record.get(f"{part}_{metric}") for record in history]
        column = np.array([np.nan if value is None else value for value in values], dtype=float)
        for epoch, value in zip(epochs, values, strict=True):
            if value is not None and not np.isfinite(value):
                raise ValueError(f"{part}_{metric} must be finite, got {value} at epoch {epoch}.")
        columns.append(column)
    return epochs, columns[0], columns[1]


def _mark_best(ax: Axes, epoch: int, value: float) -> None:
    ax.axvline(epoch, color=MUTED, linewidth=0.9, linestyle=(0, (1, 2)))
    ax.plot(
        [epoch],
        [value],
        linestyle="none",
        marker="o",
        markersize=9,
        markerfacecolor="none",
        markeredgecolor=INK,
        markeredgewidth=1.4,
        label=f"best validation: {number(value)} at epoch {epoch}",
    )


def _limits(ax: Axes, low: float, high: float) -> bool:
    """Set the vertical range; True when it is logarithmic."""
    if low > 0 and high >= LOG_FROM * low:
        log_axis(ax, low, high)
        return True
    if 0 <= low < 0.6 * high:
        ax.set_ylim(0.0, high * 1.06)
    else:
        margin = 0.06 * (high - low) or 0.5 * abs(high) or 0.5
        ax.set_ylim(low - margin, high + margin)
    return False


def _baselines(ax: Axes, lines: Mapping[str, float]) -> None:
    # Names stand right of the axes and are moved apart where lines lie close together.
    if not lines:
        return
    texts = [f"{wrap(name, LABEL_WIDTH, TICK_SIZE)}\n{number(v)}" for name, v in lines.items()]
    height = max(0.5, float(ax.figure.canvas.figure.get_figheight()) - 1.3)
    gap = max(text_size(literal(text), TICK_SIZE)[1] for text in texts) / height
    to_axes = ax.transData + ax.transAxes.inverted()
    wished = [float(to_axes.transform((0.0, value))[1]) for value in lines.values()]
    places = spread(wished, gap, gap / 2, 1 - gap / 2)
    for index, (value, text, place) in enumerate(zip(lines.values(), texts, places, strict=True)):
        dash = DASHES[1:][index % 2]
        ax.axhline(value, color=MUTED, linewidth=1.3, linestyle=(0, dash))
        ax.annotate(
            text,
            xy=(1.0, value),
            xycoords=ax.get_yaxis_transform(),
            xytext=(1.035, place),
            textcoords="axes fraction",
            fontsize=TICK_SIZE,
            color=INK,
            va="center",
            ha="left",
            linespacing=1.15,
            parse_math=False,
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": MUTED,
                "linewidth": 0.8,
                "shrinkA": 1,
                "shrinkB": 0,
            },
        )
