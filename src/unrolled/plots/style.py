"""What all pictures share: colours, sizes, the frame of an axis, title and legend.

Nothing here touches matplotlib's global state, so a picture looks the same in every program.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from unrolled.plots.measure import literal, text_size, wrap

PAPER = "#ffffff"
INK = "#1d2330"
MUTED = "#59616e"
GRID = "#e4e7eb"
SHADE = "#eef1f5"

# Okabe and Ito (2008): told apart with every common kind of colour vision.
BLUE, VERMILLION, GREEN = "#0072b2", "#d55e00", "#009e73"
PURPLE, ORANGE, SKY = "#cc79a7", "#e69f00", "#56b4e9"
COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)
DASHES: tuple[tuple[float, ...], ...] = ((), (5, 2), (1.5, 1.5))

TITLE_SIZE = 12.5
LABEL_SIZE = 10.5
TICK_SIZE = 9.5
LINE_WIDTH = 1.7
SIZE = (7.0, 4.0)  # inches: width, height
DPI = 120.0
LEGEND_ROW = 13.2  # points
HANDLE = 0.52  # inches before a legend's text

Size = tuple[float, float]


def axes_for(ax: Axes | None, size: Size) -> tuple[Figure, Axes]:
    """The given axes and its figure, or those of a new figure of `size` inches."""
    if ax is None:
        layout = ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.1)
        figure = Figure(figsize=size, dpi=DPI, facecolor=PAPER, layout=layout)
        ax = figure.add_subplot()
    else:
        figure = ax.figure.canvas.figure
    ax.set_facecolor(PAPER)
    ax.tick_params(which="both", labelsize=TICK_SIZE, color=MUTED, labelcolor=INK, length=3.5)
    for side, spine in ax.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(MUTED)
        spine.set_linewidth(0.8)
    ax.set_axisbelow(True)
    return figure, ax


def box_frame(ax: Axes) -> None:
    for spine in ax.spines.values():
        spine.set_visible(True)
        spine.set_edgecolor(MUTED)
        spine.set_linewidth(0.8)


def line_style(index: int) -> tuple[str, tuple[float, tuple[float, ...] | None]]:
    """Colour and dash pattern of line number `index`; no two of the first 18 are alike."""
    dash = DASHES[index // len(COLOURS) % len(DASHES)]
    return COLOURS[index % len(COLOURS)], (0.0, dash or None)


def grid(ax: Axes, *, both: bool = False) -> None:
    ax.grid(visible=True, axis="both" if both else "y", color=GRID, linewidth=0.8)


def axis_labels(ax: Axes, x: str, y: str) -> None:
    """Names of both axes; `y` is broken into lines where the axis is too short for it."""
    height = float(ax.figure.canvas.figure.get_figheight()) - 0.9
    y = wrap(y, height, LABEL_SIZE)
    ax.set_xlabel(x, fontsize=LABEL_SIZE, color=INK, labelpad=6, parse_math=False)
    ax.set_ylabel(y, fontsize=LABEL_SIZE, color=INK, labelpad=6, parse_math=False)


def with_unit(quantity: str, unit: str | None) -> str:
    return f"{quantity} ({unit})" if unit else quantity


def number(value: float, digits: int = 4) -> str:
    """`digits` significant digits, without an exponent where a reader needs none."""
    if value == 0 or not 1e-4 <= abs(value) < 1e6:
        return f"{value:.3g}"
    decimals = max(0, digits - 1 - int(np.floor(np.log10(abs(value)))))
    text = f"{value:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def spread(positions: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Positions moved as little as needed to lie in [low, high] and at least `gap` apart."""
    order = np.argsort(np.asarray(positions, dtype=float), kind="stable")
    blocks: list[tuple[float, int]] = []  # middle and number of members
    for index in order:
        middle, count = float(np.clip(positions[index], low, high)), 1
        while blocks and middle - count * gap / 2 < blocks[-1][0] + blocks[-1][1] * gap / 2:
            other, members = blocks.pop()
            middle = (middle * count + other * members) / (count + members)
            count += members
            reach = (count - 1) * gap / 2
            middle = max(min(middle, high - reach), low + reach)
        blocks.append((middle, count))
    moved = [m + (k - (count - 1) / 2) * gap for m, count in blocks for k in range(count)]
    result = [0.0] * len(moved)
    for index, position in zip(order, moved, strict=True):
        result[int(index)] = position
    return result


def width_of(ax: Axes) -> float:
    """Inches from the left end of the axes to the right end of its part of the figure."""
    width = float(ax.figure.canvas.figure.get_figwidth())
    place = ax.get_subplotspec()
    columns = place.get_gridspec().ncols if place is not None else 1
    return width / columns - 0.95


def heading(ax: Axes, title: str | None, *, legend: bool, beside: float = 0.0) -> None:
    """Title at the left and, between it and the axes, the legend, so that it covers no data.

    `beside` inches at the right are left free.
    """
    room, rows = width_of(ax) - beside, 0
    if legend:
        handles, labels = ax.get_legend_handles_labels()
        labels = [wrap(label, room - HANDLE, TICK_SIZE) for label in labels]
        widths = [text_size(literal(label), TICK_SIZE)[0] + HANDLE for label in labels]
        columns = len(labels)
        while columns > 1 and _legend_width(widths, columns) > room:
            columns -= 1
        rows = -(-len(labels) // columns) + sum(label.count("\n") for label in labels)
        drawn = ax.legend(
            handles,
            labels,
            loc="lower left",
            bbox_to_anchor=(0.0, 1.0),
            borderaxespad=0.3,
            borderpad=0.0,
            ncols=columns,
            frameon=False,
            fontsize=TICK_SIZE,
            labelcolor=INK,
            handlelength=2.0,
            columnspacing=1.6,
            labelspacing=0.35,
        )
        for text in drawn.get_texts():
            text.set_parse_math(False)
        for handle in drawn.legend_handles:
            if handle is not None:
                handle.set_alpha(1.0)
    if title:
        ax.set_title(
            wrap(title, room, TITLE_SIZE, weight="bold"),
            loc="left",
            fontsize=TITLE_SIZE,
            fontweight="bold",
            color=INK,
            pad=7 + rows * LEGEND_ROW + (6 if rows else 0),
            parse_math=False,
        )


def _legend_width(widths: Sequence[float], columns: int) -> float:
    # matplotlib fills a legend column by column, the first ones with one entry more
    parts = np.array_split(np.asarray(widths), columns)
    return float(sum(part.max() for part in parts)) + (columns - 1) * 0.21


def log_axis(ax: Axes, low: float, high: float) -> None:
    """A logarithmic y axis whose ticks are plain numbers; [low, high] is what is drawn."""
    decades = np.log10(high / low)
    ax.set_yscale("log")
    subs = (1.0, 2.0, 5.0) if decades < 2.5 else (1.0,)
    ax.yaxis.set_major_locator(LogLocator(base=10, subs=subs, numticks=12))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.set_ylim(low / 10 ** (0.06 * decades), high * 10 ** (0.06 * decades))
