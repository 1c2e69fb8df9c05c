"""A sheet measured in inches on which a diagram is laid out before its size is known."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path

from unrolled.plots.measure import text_size, wrap
from unrolled.plots.style import DPI, INK, MUTED, PAPER, TITLE_SIZE

Point = tuple[float, float]

MARGIN = 0.22
NOTE_SIZE = 9.5
SUBTITLE_SIZE = 10.0
LEAST_WIDTH = 5.5

# kind of box: fill, edge
FILLS = {
    "input": ("#eef1f5", "#8b95a3"),
    "embedding": ("#f6e9f0", "#b0668b"),
    "hidden": ("#fdf0d5", "#b98309"),
    "pooled": ("#ffffff", "#8b95a3"),
    "output": ("#dcf3ea", "#178a66"),
    "start": ("#ffffff", "#8b95a3"),
}


@dataclass
class Canvas:
    """Boxes, arrows and texts in inches; `figure` makes a page that just holds them."""

    artists: list[Any] = field(default_factory=list)
    texts: list[tuple[float, float, str, dict[str, Any]]] = field(default_factory=list)
    left: float = float("inf")
    right: float = float("-inf")
    bottom: float = float("inf")
    top: float = float("-inf")

    def _reach(self, left: float, bottom: float, right: float, top: float) -> None:
        self.left, self.right = min(self.left, left), max(self.right, right)
        self.bottom, self.top = min(self.bottom, bottom), max(self.top, top)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float = NOTE_SIZE,
        colour: str = INK,
        ha: str = "center",
        weight: str = "normal",
    ) -> None:
        """One or more lines whose middle is at height `y`."""
        width, height = text_size(text, size, weight=weight)
        start = {"left": x, "center": x - width / 2, "right": x - width}[ha]
        self._reach(start, y - height / 2, start + width, y + height / 2)
        self.texts.append(
            (x, y, text, {"fontsize": size, "color": colour, "ha": ha, "fontweight": weight})
        )

    def box(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        text: str,
        kind: str,
        *,
        size: float = 11.5,
    ) -> None:
        """A rounded box centred at (x, y) with its text in the middle."""
        fill, edge = FILLS[kind]
        self.artists.append(
            FancyBboxPatch(
                (x - width / 2, y - height / 2),
                width,
                height,
                boxstyle="round,pad=0,rounding_size=0.08",
                facecolor=fill,
                edgecolor=edge,
                linewidth=1.1,
                linestyle=(0, (3, 2)) if kind == "start" else "solid",
                zorder=3,
            )
        )
        self._reach(x - width / 2, y - height / 2, x + width / 2, y + height / 2)
        self.text(x, y, text, size=size)

    def arrow(self, start: Point, end: Point, colour: str = MUTED) -> None:
        self._arrow(Path([start, end]), colour)

    def loop(self, x: float, y: float, side: int, height: float, colour: str) -> None:
        """An arrow that leaves a box at (x, y) sideways and comes back to it; side -1 or 1."""
        reach, half = 0.46 * side, height / 2
        points = [(x, y + half), (x + reach, y + half * 2.4), (x + reach, y - half * 2.4)]
        path = Path([*points, (x, y - half)], [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4])
        self._arrow(path, colour)
        self._reach(min(x, x + reach), y - half, max(x, x + reach), y + half)

    def _arrow(self, path: Path, colour: str) -> None:
        self.artists.append(
            FancyArrowPatch(
                path=path,
                arrowstyle="-|>",
                mutation_scale=10,
                color=colour,
                linewidth=1.4,
                zorder=2,
                joinstyle="miter",
            )
        )

    def figure(self, title: str, subtitle: str, notes: list[str]) -> Figure:
        """The page: title and subtitle on top, the drawing, the notes below it."""
        width = max(self.right - self.left, LEAST_WIDTH)
        shift = (width - (self.right - self.left)) / 2
        head: list[tuple[str, float, str, str]] = [
            (wrap(title, width, TITLE_SIZE, weight="bold"), TITLE_SIZE, INK, "bold"),
            (wrap(subtitle, width, SUBTITLE_SIZE), SUBTITLE_SIZE, MUTED, "normal"),
        ]
        foot = [(note if "$" in note else wrap(note, width, NOTE_SIZE)) for note in notes]
        x, y = self.left - shift, self.top + 0.3
        for text, size, colour, weight in reversed(head):
            height = text_size(text, size)[1]
            self.text(x, y + height / 2, text, size=size, colour=colour, ha="left", weight=weight)
            y += height + 0.06
        y = self.bottom - 0.26
        for note in foot:
            height = text_size(note, NOTE_SIZE)[1]
            self.text(x, y - height / 2, note, colour=MUTED, ha="left")
            y -= height + 0.05

        width = max(self.right - x, width) + 2 * MARGIN
        height = self.top - self.bottom + 2 * MARGIN
        figure = Figure(figsize=(width, height), dpi=DPI, facecolor=PAPER)
        ax = Axes(figure, (0.0, 0.0, 1.0, 1.0))
        figure.add_axes(ax)
        ax.set_xlim(x - MARGIN, x - MARGIN + width)
        ax.set_ylim(self.bottom - MARGIN, self.top + MARGIN)
        ax.set_axis_off()
        for artist in self.artists:
            ax.add_patch(artist)
        for text_x, text_y, text, style in self.texts:
            ax.text(
                text_x,
                text_y,
                text,
                va="center",
                fontfamily="DejaVu Sans",
                math_fontfamily="dejavusans",
                linespacing=1.2,
                zorder=4,
                **style,
            )
        return figure
