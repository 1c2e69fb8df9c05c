"""Which class was taken for which."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import ArrayLike

from unrolled.plots.measure import literal, text_size
from unrolled.plots.style import (
    INK,
    LABEL_SIZE,
    MUTED,
    PAPER,
    TICK_SIZE,
    Size,
    axes_for,
    axis_labels,
    box_frame,
    heading,
)

MOST_NUMBERED = 20  # classes up to which each cell shows its number
BLUES = LinearSegmentedColormap.from_list("paper_to_blue", [PAPER, "#7fb3d8", "#0a4f86"])
BAR = 1.1  # inches at the right for the colour bar
PALE = "#8d96a1"


def confusion_matrix(
    matrix: ArrayLike,
    classes: Sequence[object],
    *,
    title: str | None = None,
    size: Size | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Draw a confusion matrix: rows are true classes, columns predicted ones.

    Colours show the share of each true class (row), so that rare classes are seen as well; the
    cells show the counts, up to 20 classes.

    Args:
        matrix: counts [K, K] as `sklearn.metrics.confusion_matrix` gives
        classes: K names in the order of the rows
        title: title of the picture
        size: width and height of a new figure in inches; follows K by default
        ax: matplotlib axes to draw into, in place of a new figure

    Raises:
        ValueError: The matrix is not square, holds anything but counts, or has not one row a class.
    """
    counts = np.asarray(matrix, dtype=float)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or counts.size == 0:
        raise ValueError(f"matrix must be square [K, K], got shape {list(counts.shape)}.")
    if len(classes) != len(counts):
        raise ValueError(
            f"classes must have {len(counts)} names as matrix has rows, got {len(classes)}."
        )
    if not np.isfinite(counts).all() or (counts < 0).any() or (counts != np.round(counts)).any():
        raise ValueError("matrix must hold counts, whole numbers of at least 0.")

    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros_like(counts), where=totals > 0)
    names = [str(name) for name in classes]
    longest = max(text_size(literal(name), TICK_SIZE)[0] for name in names)
    side = float(np.clip(0.46 * len(names), 2.4, 6.0))
    cell = side / len(names)
    every = max(1, int(np.ceil(0.17 / cell)))
    turned = longest > cell * every - 0.06
    below = (longest if turned else 0.15) + 0.55
    width, height = side * 1.1 + longest + 1.75, side + below + (0.4 if title else 0.1) + 0.2
    figure, ax = axes_for(ax, size or (width, height))
    image = ax.imshow(shares, cmap=BLUES, vmin=0.0, vmax=1.0, interpolation="nearest")
    if len(names) <= MOST_NUMBERED:
        _numbers(ax, counts, shares, min(LABEL_SIZE, 72 * cell / 3.0))
    places = list(range(0, len(names), every))
    shown = [names[place] for place in places]
    ax.set_yticks(places, shown, parse_math=False)
    ax.set_xticks(places, shown, parse_math=False, rotation=90 if turned else 0)
    ax.tick_params(length=0)
    axis_labels(ax, "predicted class", "true class")
    box_frame(ax)

    beside = ax.inset_axes((1.03, 0.0, 0.22 / side, 1.0))
    bar = figure.colorbar(image, cax=beside)
    bar.set_label("share of the true class", fontsize=LABEL_SIZE, color=INK, labelpad=6)
    beside.yaxis.set_major_formatter(PercentFormatter(xmax=1.0, decimals=0))
    beside.tick_params(labelsize=TICK_SIZE, color=MUTED, labelcolor=INK, length=3)
    box_frame(beside)
    heading(ax, title, legend=False, beside=BAR)
    return figure


def _numbers(ax: Axes, counts: np.ndarray, shares: np.ndarray, points: float) -> None:
    for row, column in np.ndindex(*counts.shape):
        count = int(counts[row, column])
        ink = INK if count else PALE
        ax.text(
            column,
            row,
            f"{count}",
            ha="center",
            va="center",
            fontsize=points,
            color=PAPER if shares[row, column] > 0.6 else ink,
        )
