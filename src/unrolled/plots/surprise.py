"""Which parts of a text a model did not foresee."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from unrolled.plots.style import (
    INK,
    LABEL_SIZE,
    MUTED,
    PAPER,
    TICK_SIZE,
    axes_for,
    box_frame,
)
from unrolled.plots.text_cells import CELL, LINE, figure_for, lay_out, write_glyphs

COLUMNS = 76
LEAST_COLUMNS = 10
BAR = 0.95  # inches at the right for the colour bar
LEAST_TOP = 4.0  # bits: a text that is foreseen stays pale
DARK = 0.72  # share of the scale from which letters are light
COLOURS = LinearSegmentedColormap.from_list("surprise", [PAPER, "#f7cf9f", "#e2762b", "#8f3100"])


def surprise(
    symbols: Sequence[str],
    nats: ArrayLike,
    *,
    title: str | None = None,
    columns: int = COLUMNS,
    spaced: bool = False,
) -> Figure:
    """Draw a text, each symbol on a ground by how little it was foreseen, in bits `-log2 p`.

    Lines are broken at blanks. A line end is drawn as an arrow, and a character that the font
    lacks as a box. The darkest ground stands for the 99th percentile and all above it.

    Args:
        symbols: M parts of the text, one or more characters each: characters, or words.
        nats: [M] -log p of each of them in nats; the negative of a model's log-probabilities.
        title: title of the picture.
        columns: characters of a line.
        spaced: write a blank between two symbols, as between words.

    Raises:
        ValueError: there are no symbols, one is empty, not one number a symbol, a number is
            negative, NaN or infinite, or there are fewer than 10 columns.
    """
    bits = np.asarray(nats, dtype=float) / np.log(2)
    if len(symbols) == 0 or bits.shape != (len(symbols),):
        raise ValueError(
            f"nats must have one number for each of at least one symbol, got shape "
            f"{list(bits.shape)} for {len(symbols)} symbols."
        )
    if not np.isfinite(bits).all() or (bits < 0).any():
        raise ValueError("nats must be finite numbers of at least 0.")
    if any(symbol == "" for symbol in symbols):
        raise ValueError("symbols must have one character or more each, got an empty one.")
    if columns < LEAST_COLUMNS:
        raise ValueError(f"columns must be at least {LEAST_COLUMNS}, got {columns}.")

    cells = lay_out(symbols, columns, spaced=spaced)
    figure, ax = figure_for(cells, columns, title, beside=BAR)
    norm = Normalize(0.0, max(LEAST_TOP, float(np.percentile(bits, 99))), clip=True)
    image = ax.imshow(
        np.ma.masked_invalid(cells.grid(bits, columns)),
        cmap=COLOURS,
        norm=norm,
        extent=(0, columns, cells.lines, 0),
        aspect="auto",
        interpolation="nearest",
    )
    ax.set_ylim(max(cells.lines, 3), 0)
    light = np.append(norm(bits) > DARK, False)[cells.symbol]
    write_glyphs(ax, cells, [PAPER if is_light else INK for is_light in light])

    tall = LINE * max(cells.lines, 3)
    inches = min(tall, 2.4)
    beside = ax.inset_axes(
        (1 + 0.16 / (CELL * columns), 1 - inches / tall, 0.16 / (CELL * columns), inches / tall)
    )
    axes_for(beside, (1.0, 1.0))
    bar = figure.colorbar(image, cax=beside)
    bar.set_label(
        "surprise, bits", fontsize=LABEL_SIZE if inches > 1.2 else TICK_SIZE - 2, color=INK
    )
    beside.yaxis.set_major_locator(MaxNLocator(nbins=max(2, int(inches / 0.35)), integer=True))
    beside.tick_params(labelsize=TICK_SIZE, color=MUTED, labelcolor=INK, length=3)
    box_frame(beside)
    return figure
