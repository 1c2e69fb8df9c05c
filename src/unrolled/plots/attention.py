"""Where a model looked while it wrote."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import ArrayLike

from unrolled.plots.confusion_matrix import BLUES
from unrolled.plots.glyphs import LINE_END, visible
from unrolled.plots.measure import literal, shortened, text_size
from unrolled.plots.style import (
    INK,
    LABEL_SIZE,
    MUTED,
    TICK_SIZE,
    Size,
    axes_for,
    axis_labels,
    box_frame,
    heading,
)

CELLS = (0.21, 0.34)  # inches of a symbol: of many, of few
EXTENT = 8.4  # inches that cells do not fill before they are as small as they may be
LONGEST = 1.5  # inches of a label
APART = 0.19  # inches between labels
LEAST = 2.0  # inches of a side
BAR = 1.1  # inches at the right for the colour bar
BLANK = "␣"


def attention_matrix(
    weights: ArrayLike,
    source: Sequence[str],
    written: Sequence[str],
    *,
    title: str | None = None,
    size: Size | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Draw where a model looked: a row for each symbol that it wrote, a column for each it read.

    Symbols of white space alone are drawn as ␣ and ↵, others without the space around them;
    characters that the font lacks as □.

    Args:
        weights: [T, S], the share of attention that each of S symbols got as each of T was written
        source: S symbols that were read
        written: T symbols that were written
        title: title of the picture
        size: width and height of a new figure in inches; follows T and S by default
        ax: matplotlib axes to draw into, in place of a new figure

    Raises:
        ValueError: The weights are no shares from 0 to 1, or not of as many symbols.
    """
    shares = np.asarray(weights, dtype=float)
    if shares.ndim != 2 or not shares.size:
        raise ValueError(f"weights must be [T, S], got shape {list(shares.shape)}.")
    if shares.shape != (len(written), len(source)):
        raise ValueError(
            f"weights must be [{len(written)}, {len(source)}] as there are symbols in written and "
            f"source, got {list(shares.shape)}."
        )
    if not ((shares >= 0) & (shares <= 1 + 1e-4)).all():
        raise ValueError("weights must hold shares from 0 to 1.")
    read, wrote = (
        [shortened(_shown(s), LONGEST, TICK_SIZE) for s in side] for side in (source, written)
    )
    T, S = shares.shape
    cell = float(np.clip(EXTENT / max(T, S), *CELLS))
    wide, high = max(LEAST, cell * S), cell * T
    widths = [[text_size(literal(label), TICK_SIZE)[0] for label in side] for side in (read, wrote)]
    turned = [width > wide / S - 0.04 for width in widths[0]]
    below = (max(widths[0]) if any(turned) else 0.15) + 0.55
    width = wide + max(widths[1]) + 0.6 + BAR
    height = max(high, LEAST) + below + (0.45 if title else 0.15)
    figure, ax = axes_for(ax, size or (width, height))
    image = ax.imshow(
        shares, cmap=BLUES, vmin=0.0, vmax=1.0, interpolation="nearest", aspect="auto"
    )
    every = int(np.ceil(APART / cell)) if cell < APART else 1
    columns, rows = range(0, S, every), range(0, T, every)
    ax.set_xticks(columns, [read[i] for i in columns], parse_math=False)
    for label, i in zip(ax.get_xticklabels(), columns, strict=True):
        label.set_rotation(90 if turned[i] else 0)
    ax.set_yticks(rows, [wrote[i] for i in rows], parse_math=False)
    ax.tick_params(length=0)
    axis_labels(ax, "what was read", "what was written")
    box_frame(ax)
    beside = ax.inset_axes((1.0 + 0.1 / wide, 0.0, 0.16 / wide, 1.0))
    bar = figure.colorbar(image, cax=beside)
    bar.set_label("share of attention", fontsize=LABEL_SIZE, color=INK, labelpad=6)
    beside.yaxis.set_major_formatter(PercentFormatter(xmax=1.0, decimals=0))
    beside.tick_params(labelsize=TICK_SIZE, color=MUTED, labelcolor=INK, length=3)
    box_frame(beside)
    heading(ax, title and visible(title), legend=False, beside=BAR)
    return figure


def _shown(symbol: str) -> str:
    return visible(symbol.strip()) or (LINE_END if "\n" in symbol else BLANK)
