"""A text whose characters are coloured by their labels, beside the truth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from unrolled.plots.measure import literal, shortened, text_size
from unrolled.plots.style import BLUE, INK, MUTED, TICK_SIZE, VERMILLION
from unrolled.plots.text_cells import CELL, LINE, Cells, figure_for, lay_out, write_glyphs

COLUMNS = 54
LEAST_COLUMNS = 10
GAP = 4  # columns between the two texts
# Dark enough for letters; told apart with every common kind of colour vision.
COLOURS = ("#6b7280", BLUE, INK, "#a8457f", VERMILLION, "#b0b7c1", "#00724f", "#8a6100")
WRONG = "#ffd9d0"
KEY = 0.15  # inches of a legend's square
HEAD_LINES = 1.4  # lines above the texts for their names


def labelled_text(
    symbols: Sequence[str],
    labels: Sequence[object],
    truth: Sequence[object] | None = None,
    *,
    title: str | None = None,
    columns: int = COLUMNS,
    spaced: bool = False,
) -> Figure:
    """Draw a text with its symbols in the colours of their labels, and beside it the truth.

    Symbols whose label is wrong stand on a red ground. Lines are broken at blanks. Eight labels
    have colours of their own; the colours of further ones come again.

    Args:
        symbols: M parts of the text, one or more characters each: characters, or words.
        labels: [M] label of each of them, as a model gave it.
        truth: [M] the true labels; None draws one text alone.
        title: title of the picture.
        columns: characters of a line.
        spaced: write a blank between two symbols, as between words.

    Raises:
        ValueError: there are no symbols, one is empty, not as many labels, or fewer than 10
            columns.
    """
    M = len(symbols)
    for name, given in (("labels", labels), ("truth", labels if truth is None else truth)):
        if M == 0 or len(given) != M:
            raise ValueError(
                f"{name} must be one for each of at least one symbol, got {len(given)} for {M}."
            )
    if any(symbol == "" for symbol in symbols):
        raise ValueError("symbols must have one character or more each, got an empty one.")
    if columns < LEAST_COLUMNS:
        raise ValueError(f"columns must be at least {LEAST_COLUMNS}, got {columns}.")

    cells = lay_out(symbols, columns, spaced=spaced)
    texts = [labels] if truth is None else [labels, truth]
    used = sorted({str(label) for text in texts for label in text})
    colour = {label: COLOURS[i % len(COLOURS)] for i, label in enumerate(used)}
    width = columns * len(texts) + GAP * (len(texts) - 1)
    # Names of the legend: the labels and, where there is a truth, what a red ground means.
    whole = [*used, *(["wrong"] if truth is not None else [])]
    shown = [shortened(name, width * CELL - KEY - 0.08, TICK_SIZE) for name in whole]
    rows = _rows(shown, width * CELL)
    head = LINE * HEAD_LINES if truth is not None else 0.0
    wrong = WRONG if truth is not None else None
    below = 0.1 + 0.24 * (1 + max(row for row, _ in rows))
    figure, ax = figure_for(cells, width, title, beside=0.0, below=below, above=head)
    for number, (name, text) in enumerate(zip(("predicted", "true"), texts, strict=False)):
        left = number * (columns + GAP)
        inks = [*(colour[str(label)] for label in text), INK]
        write_glyphs(ax, cells, [inks[symbol] for symbol in cells.symbol], left=left)
        if truth is not None:
            ax.text(left, -0.55, name, fontsize=TICK_SIZE, color=MUTED, clip_on=False)
    if wrong is not None and truth is not None:
        miss = np.array([str(a) != str(b) for a, b in zip(labels, truth, strict=True)])
        _grounds(ax, cells, np.append(miss, False)[cells.symbol], wrong)
    fills = [*(colour[label] for label in used), *([wrong] if wrong else [])]
    _key(figure, list(zip(shown, fills, strict=True)), rows, below)
    return figure


def _grounds(ax: Axes, cells: Cells, there: np.ndarray, colour: str) -> None:
    for line, column in zip(cells.line[there].tolist(), cells.column[there].tolist(), strict=True):
        ax.add_patch(Rectangle((column, line), 1, 1, facecolor=colour, linewidth=0, zorder=0))


def _rows(names: Sequence[str], width: float) -> list[tuple[int, float]]:
    """The row and the left end in inches of each name of the legend."""
    places, row, left = [], 0, 0.0
    for name in names:
        wide = KEY + 0.08 + text_size(literal(name), TICK_SIZE)[0]
        if left and left + wide > width:
            row, left = row + 1, 0.0
        places.append((row, left))
        left += wide + 0.22
    return places


def _key(
    figure: Figure,
    entries: Sequence[tuple[str, str]],
    places: Sequence[tuple[int, float]],
    below: float,
) -> None:
    """The legend, names and colours, at the foot of the figure."""
    width, height = figure.get_size_inches()
    for (name, fill), (row, left) in zip(entries, places, strict=True):
        x, y = 0.16 + left, below - 0.06 - 0.24 * row
        figure.add_artist(
            Rectangle(
                (x / width, y / height),
                KEY / width,
                KEY / height,
                transform=figure.transFigure,
                facecolor=fill,
                linewidth=0,
            )
        )
        figure.text(
            (x + KEY + 0.08) / width,
            (y + KEY / 2) / height,
            name,
            fontsize=TICK_SIZE,
            color=INK,
            va="center",
            parse_math=False,
        )
