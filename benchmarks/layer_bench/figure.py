"""A picture of how many times faster than the fastest rival this library is."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from layer_bench.bars import bar_of_best
from layer_bench.cases import CELLS, MODES, SHAPES
from layer_bench.report import best_rival

COLOURS = dict(zip(CELLS, ("#0072b2", "#d55e00", "#009e73", "#cc79a7"), strict=True))
INK, MUTED, GRID = "#1d2330", "#59616e", "#e4e7eb"
TITLES = {
    "train": "Training step: times faster than the fastest of torch.nn, JAX and Keras on JAX",
    "infer": "Inference: times faster than the fastest of torch.nn, ONNX Runtime and OpenVINO",
}
WIDTH = 0.8  # of a shape's bars together, in units of the x axis


def draw(runs: list[dict[str, Any]]) -> Figure:
    """A panel for training and one for inference, of the run with the most threads."""
    run = max(runs, key=lambda run: run["header"]["threads"])
    rows = [row for row in run["rows"] if best_rival(row) is not None]
    modes = [mode for mode in MODES if any(row["mode"] == mode for row in rows)]
    if not modes:
        raise SystemExit("Nothing to draw: no rival was measured.")
    layout = ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.12)
    size = (9.0, 3.4 * len(modes) + 0.2)
    figure = Figure(figsize=size, dpi=120, facecolor="white", layout=layout)
    panels = figure.subplots(len(modes), squeeze=False)[:, 0]
    for ax, mode in zip(panels, modes, strict=True):
        _panel(ax, [row for row in rows if row["mode"] == mode], mode)
    threads = run["header"]["threads"]
    count = "1 thread" if threads == 1 else f"{threads} threads"
    machine = run["header"]["machine"].split(";")[0].rpartition(", torch")[0]
    sizes = "batch x time x inputs > units"
    if any(row["shape"] == "packed" for row in rows):
        sizes += " (packed: two layers, both directions, lengths 10 to 60)"
    panels[-1].set_xlabel(f"{sizes}; {count} of {machine}", fontsize=9, color=MUTED, labelpad=8)
    return figure


def _panel(ax: Axes, rows: list[dict[str, Any]], mode: str) -> None:
    shapes = [name for name in SHAPES if any(row["shape"] == name for row in rows)]
    cells = [name for name in CELLS if any(row["cell"] == name for row in rows)]
    ratios = []
    for k, shape in enumerate(shapes):
        of_shape = {row["cell"]: row for row in rows if row["shape"] == shape}
        here = [of_shape[cell] for cell in cells if cell in of_shape]
        width = WIDTH / len(cells)
        for j, row in enumerate(here):
            x = k + (j - (len(here) - 1) / 2) * width
            _, ratio = best_rival(row) or ("", 1.0)
            ratios.append(ratio)
            ax.bar(x, ratio - 1, 0.92 * width, bottom=1, color=COLOURS[row["cell"]])
            ax.annotate(
                f"{ratio:.1f}" if ratio >= 1 else f"{ratio:.2f}",
                (x, ratio),
                (0, 2 if ratio >= 1 else -2),
                textcoords="offset points",
                ha="center",
                va="bottom" if ratio >= 1 else "top",
                fontsize=8,
                color=INK,
                path_effects=[withStroke(linewidth=2.5, foreground="white")],
            )
            bar = bar_of_best(row["cell"], shape, mode, row["threads"])
            if bar is not None and bar != 1:
                ratios.append(bar)
                reach = 0.4 * width
                ax.plot([x - reach, x + reach], [bar, bar], color=INK, linewidth=1.6)
    _frame(ax, shapes, min(ratios), max(ratios))
    ax.set_title(TITLES[mode], loc="left", fontsize=11, fontweight="bold", color=INK, pad=24)
    handles: list[Any] = [ax.bar(0, 0, color=COLOURS[cell], label=cell) for cell in cells]
    handles.append(Line2D([], [], color=INK, linewidth=1.4, label="asked for"))
    ax.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=len(handles),
        frameon=False,
        fontsize=9,
        borderaxespad=0.2,
        handlelength=1.4,
    )


def _frame(ax: Axes, shapes: list[str], least: float, most: float) -> None:
    """A logarithmic axis on which 1 is where bars begin, and the shapes' sizes below."""
    ax.set_yscale("log")
    ax.set_ylim(min(least / 1.25, 0.9), max(most * 1.25, 1.5))
    ticks = [k * 10.0**e for e in range(-3, 4) for k in (1, 2, 3, 5)]
    ax.yaxis.set_major_locator(FixedLocator(ticks))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}x"))
    ax.axhline(1, color=MUTED, linewidth=1)
    ax.grid(visible=True, axis="y", color=GRID, linewidth=0.8)
    ax.set_axisbelow(True)
    ax.set_xticks(range(len(shapes)), [f"{name}\n{_sizes(name)}" for name in shapes])
    ax.tick_params(length=0, labelsize=8.5, labelcolor=INK)
    for side, spine in ax.spines.items():
        spine.set_visible(side == "left")
        spine.set_color(MUTED)


def _sizes(name: str) -> str:
    shape = SHAPES[name]
    return f"{shape.batch}x{shape.steps}x{shape.inputs}>{shape.hidden}"
