"""How well each label was found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from unrolled.plots.measure import literal, text_size
from unrolled.plots.style import (
    BLUE,
    INK,
    MUTED,
    SHADE,
    TICK_SIZE,
    VERMILLION,
    Size,
    axes_for,
    axis_labels,
    heading,
)

ROW = 0.26  # inches of a label
WIDTH = 7.0
LONGEST = 40  # characters of a label
MOST = 60  # labels
PALE_BLUE = "#9cc6e3"


def label_scores(
    labels: Sequence[object],
    precision: ArrayLike,
    recall: ArrayLike,
    f1: ArrayLike,
    support: ArrayLike,
    *,
    title: str | None = None,
    size: Size | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Draw a bar for the F1 of each label, with marks for its precision and its recall.

    The label with the largest support stands on top; the support stands at the right. Of more than
    60 labels those with the largest support are drawn, and a line says how many are left out.

    Args:
        labels: K names.
        precision: [K] share of the steps given a label that have it.
        recall: [K] share of the steps with a label that were given it.
        f1: [K] harmonic mean of both.
        support: [K] steps that have the label.
        title: title of the picture.
        size: width and height of a new figure in inches; follows K by default.
        ax: matplotlib axes to draw into, in place of a new figure.

    Raises:
        ValueError: there are no labels, not one number a label, a score is not from 0 to 1, or the
            support holds anything but counts.
    """
    K = len(labels)
    if K == 0:
        raise ValueError("labels must have at least one name, got none.")
    scores = {"precision": precision, "recall": recall, "f1": f1, "support": support}
    columns = {name: np.asarray(values, dtype=float) for name, values in scores.items()}
    for name, column in columns.items():
        if column.shape != (K,):
            raise ValueError(f"{name} must have shape [{K}] as labels has, got {column.shape}.")
        top = np.inf if name == "support" else 1.0
        if not ((column >= 0) & (column <= top) & np.isfinite(column)).all():
            wanted = "counts of at least 0" if name == "support" else "shares from 0 to 1"
            raise ValueError(f"{name} must hold {wanted}.")
    counts = columns["support"]
    if (counts != np.round(counts)).any():
        raise ValueError("support must hold counts of at least 0.")

    order = np.argsort(-counts, kind="stable")
    drawn, order = min(K, MOST), order[:MOST]
    names = [_short(str(labels[i])) for i in order]
    seen = [f"{int(counts[i]):,}" for i in order]
    figure, ax = axes_for(
        ax, size or (WIDTH, ROW * drawn + (0.2 if drawn < K else 0.0) + (1.55 if title else 1.2))
    )
    places = np.arange(drawn)
    ax.barh(places, columns["f1"][order], height=0.66, color=PALE_BLUE, label="F1", zorder=2)
    style: dict[str, Any] = {"linestyle": "none", "markersize": 5.5, "zorder": 3, "clip_on": False}
    for name, colour, marker in (("precision", BLUE, ">"), ("recall", VERMILLION, "<")):
        ax.plot(columns[name][order], places, marker=marker, color=colour, label=name, **style)
    ax.set_xlim(-0.012, 1.012)  # room for marks at both ends
    ax.set_ylim(drawn - 0.4, -0.6)
    ax.set_yticks(places, names, parse_math=False)
    ax.tick_params(axis="y", length=0)
    for place in places[1::2]:
        ax.axhspan(place - 0.5, place + 0.5, color=SHADE, zorder=0, linewidth=0)
    ax.grid(visible=True, axis="x", color="#d5dae0", linewidth=0.8)
    beside = 9 + 72 * max(text_size(text, TICK_SIZE)[0] for text in seen)
    for place, text in zip(places, seen, strict=True):
        ax.annotate(
            text,
            xy=(1.0, place),
            xycoords=ax.get_yaxis_transform(),
            xytext=(beside, 0),
            textcoords="offset points",
            fontsize=TICK_SIZE,
            color=INK if text != "0" else MUTED,
            ha="right",
            va="center",
            annotation_clip=False,
        )
    below = "share (the number of steps with the label stands at the right)"
    if drawn < K:
        below += f"\n{K - drawn:,} of {K:,} labels, with fewer steps, are left out"
    axis_labels(ax, below, "")
    longest = max(text_size(literal(name), TICK_SIZE)[0] for name in names)
    heading(ax, title, legend=True, beside=max(0.0, longest - 0.3) + 0.4)
    return figure


def _short(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"
