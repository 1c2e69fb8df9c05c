"""A text on a grid of equal cells, a character each: where lines break, and its figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from unrolled.plots.glyphs import LINE_END, MONO, glyph
from unrolled.plots.measure import wrap
from unrolled.plots.style import DPI, INK, PAPER, TITLE_SIZE

POINTS = 8.5
CELL = 0.602 * POINTS / 72  # inches: the font's width of every character
LINE = 1.55 * POINTS / 72
MARGIN, TITLE_LINE, UNDER_TITLE = 0.16, 0.23, 0.12  # inches
NO_SYMBOL = -1  # of a blank between two symbols


@dataclass(frozen=True, eq=False)
class Cells:
    """The n cells of a text.

    Attributes:
        glyphs: what each of them shows.
        symbol: [n] the number of its symbol, -1 of a blank between two symbols.
        line: [n] from 0.
        column: [n] from 0.
    """

    glyphs: tuple[str, ...]
    symbol: NDArray[np.int64]
    line: NDArray[np.int64]
    column: NDArray[np.int64]

    @property
    def lines(self) -> int:
        """How many lines there are."""
        return int(self.line[-1]) + 1

    def grid(self, values: NDArray[np.float64], columns: int) -> NDArray[np.float64]:
        """Values [M] of the symbols as [lines, columns], NaN where there is none."""
        found = np.full((self.lines, columns), np.nan)
        there = self.symbol != NO_SYMBOL
        found[self.line[there], self.column[there]] = values[self.symbol[there]]
        return found


def lay_out(symbols: Sequence[str], columns: int, *, spaced: bool) -> Cells:
    """Break a text into lines of at most `columns` cells, behind blanks where there are any.

    Args:
        symbols: the M parts of the text, one or more characters each.
        columns: cells of a line.
        spaced: a blank lies between two symbols, as between words.
    """
    lines: list[list[tuple[str, int]]] = [[]]
    for number, symbol in enumerate(symbols):
        cells = [(glyph(character, MONO), number) for character in symbol]
        ends = symbol.endswith("\n")
        if spaced and not ends:
            cells.append((" ", NO_SYMBOL))
        for cell in cells:
            if len(lines[-1]) == columns:
                lines.append(_carried(lines[-1]))
            lines[-1].append(cell)
            if cell[0] == LINE_END:
                lines.append([])
    if not lines[-1]:
        lines.pop()
    rows = [(line, column) for line, row in enumerate(lines) for column in range(len(row))]
    flat = [cell for row in lines for cell in row]
    return Cells(
        tuple(glyph for glyph, _ in flat),
        np.array([number for _, number in flat], np.int64),
        np.array([line for line, _ in rows], np.int64),
        np.array([column for _, column in rows], np.int64),
    )


def figure_for(
    cells: Cells,
    columns: int,
    title: str | None,
    *,
    beside: float,
    above: float = 0.0,
    below: float = 0.0,
) -> tuple[Figure, Axes]:
    """A new figure and axes whose units are cells: x columns to the right, y lines down.

    `beside`, `above` and `below` inches are left free at the right, between title and text, and at
    the bottom.
    """
    width = 2 * MARGIN + CELL * columns + beside
    head = ""
    if title:
        head = wrap(title, width - 2 * MARGIN, TITLE_SIZE, weight="bold")
    top = MARGIN + (TITLE_LINE * (head.count("\n") + 1) + UNDER_TITLE if head else 0.0)
    tall = LINE * max(cells.lines, 3)
    height = top + above + tall + below + MARGIN
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor=PAPER)
    ax = figure.add_axes(
        (MARGIN / width, (MARGIN + below) / height, CELL * columns / width, tall / height)
    )
    ax.set_xlim(0, columns)
    ax.set_ylim(max(cells.lines, 3), 0)
    ax.set_axis_off()
    if head:
        figure.text(
            MARGIN / width,
            1 - MARGIN / height,
            head,
            fontsize=TITLE_SIZE,
            fontweight="bold",
            color=INK,
            va="top",
            parse_math=False,
        )
    return figure, ax


def write_glyphs(ax: Axes, cells: Cells, colours: Sequence[str], *, left: int = 0) -> None:
    """Write the characters, one colour each, `left` columns further to the right."""
    for shown, line, column, colour in zip(
        cells.glyphs, cells.line.tolist(), cells.column.tolist(), colours, strict=True
    ):
        if shown != " ":
            ax.text(
                left + column + 0.5,
                line + 0.72,
                shown,
                family=MONO,
                fontsize=POINTS,
                color=colour,
                ha="center",
                va="baseline",
                parse_math=False,
            )


def _carried(full: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """What of a full line goes to the next one: all behind its last blank, if there is one."""
    place = max((i for i, (glyph, _) in enumerate(full) if glyph == " "), default=len(full) - 1)
    rest = full[place + 1 :]
    del full[place + 1 :]
    return rest
