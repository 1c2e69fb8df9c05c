"""What a network remembers: its hidden states over time as a heat map."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from unrolled.plots.dates import as_times, date_ticks
from unrolled.plots.measure import literal, text_size
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
    width_of,
)

ORDERS = {
    "index": "hidden unit",
    "peak": "hidden unit, by peak step",
    "similarity": "hidden unit, by similarity",
}
# white space has no picture of its own
VISIBLE = {" ": "␣", "\n": "↵", "\t": "⇥", "": "∅"}
EVERY = (1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500)
BAR = 1.05  # inches at the right for the colour bar


def hidden_states(
    states: ArrayLike,
    *,
    steps: ArrayLike | Sequence[object] | None = None,
    title: str | None = None,
    order: str = "index",
    limit: float | None = None,
    step_name: str = "step",
    size: Size | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Draw hidden states with a step a column, a unit a row, and white at zero.

    Args:
        states: finite numbers [T, H], such as one item of `estimator.hidden_states(X)`
        steps: T labels: characters, words, numbers or increasing dates; 1 to T by default. Where
            not all fit, every k-th is written and the axis says so
        title: title of the picture
        order: rows from top to bottom: "index" as they come; "peak" by the step at which a unit's
            |state| is largest; "similarity" by a unit's angle in the plane of the first two
            principal components, so that units of like course lie side by side
        limit: state of the strongest colour. By default 1, the bound of tanh; more where states
            lie outside [-1, 1] (relu); less where all lie within a quarter of it
        step_name: name of the horizontal axis
        size: width and height of a new figure in inches; the height follows H by default
        ax: matplotlib axes to draw into, in place of a new figure

    Raises:
        TypeError: `steps` is no row of labels.
        ValueError: Other shapes, NaN or infinity, an unknown order, or steps of another number.
    """
    values = np.asarray(states, dtype=float)
    if values.ndim != 2 or values.size == 0:
        raise ValueError(f"states must have shape [T, H] with T, H >= 1, got {list(values.shape)}.")
    if not np.isfinite(values).all():
        step, unit = (int(i) for i in np.argwhere(~np.isfinite(values))[0])
        raise ValueError(
            f"states must be finite, got {values[step, unit]} at step {step}, unit {unit}."
        )
    if order not in ORDERS:
        raise ValueError(f"order must be one of {', '.join(ORDERS)}, got {order!r}.")
    if limit is not None and not 0 < limit < np.inf:
        raise ValueError(f"limit must be a positive number, got {limit}.")
    labels = _labels(steps, len(values))

    num_steps, num_units = values.shape
    rows = _order(values, order)
    bound = limit or _bound(float(np.abs(values).max()))
    names = labels if isinstance(labels, list) else []
    width = (size or (7.0,))[0]
    turned, every, below = _fit(names, (width_of(ax) if ax else width - 0.95) - BAR)
    height = float(np.clip(0.06 * num_units, 1.7, 4.2)) + below + (0.95 if title else 0.65)
    figure, ax = axes_for(ax, size or (7.0, height))
    image = ax.imshow(
        values[:, rows].T,
        cmap=colormaps["RdBu_r"],
        vmin=-bound,
        vmax=bound,
        aspect="auto",
        interpolation="nearest",
        extent=(0.5, num_steps + 0.5, num_units - 0.5, -0.5),
    )
    box_frame(ax)
    if names:
        places = range(0, num_steps, every)
        shown = [names[place] for place in places]
        ax.set_xticks(
            [place + 1 for place in places], shown, parse_math=False, rotation=90 if turned else 0
        )
    elif isinstance(labels, np.ndarray):
        ticks, dates = date_ticks(labels, 8)
        ax.set_xticks(ticks + 1, dates)
    else:
        ax.xaxis.set_major_locator(MaxNLocator(nbins=12, steps=[1, 2, 5, 10], integer=True))
    _unit_ticks(ax, rows, order, height - below - 0.95)
    note = f" (one label in {every})" if every > 1 else ""
    axis_labels(ax, step_name + note, ORDERS[order])

    bar = figure.colorbar(image, ax=ax, fraction=0.05, pad=0.02, aspect=20)
    if values.min() >= 0:
        bar.ax.set_ylim(0.0, bound)
    bar.set_label("hidden state", fontsize=LABEL_SIZE, color=INK, labelpad=6)
    bar.ax.tick_params(labelsize=TICK_SIZE, color=MUTED, labelcolor=INK, length=3)
    box_frame(bar.ax)
    heading(ax, title, legend=False, beside=BAR)
    return figure


def _labels(
    steps: ArrayLike | Sequence[object] | None, num_steps: int
) -> list[str] | np.ndarray | None:
    """Texts, or dates as datetime64 [T], or None for plain numbering."""
    if steps is None:
        return None
    if isinstance(steps, str):
        steps = list(steps)
    array: np.ndarray = np.asarray(steps)
    if array.ndim != 1:
        raise TypeError(f"steps must be one row of labels, got shape {list(array.shape)}.")
    if len(array) != num_steps:
        raise ValueError(
            f"steps must have {num_steps} labels as states has steps, got {len(array)}."
        )
    if np.issubdtype(array.dtype, np.datetime64) or hasattr(array[0], "year"):
        return as_times(array, "steps")
    return [VISIBLE.get(str(step), str(step)) for step in array]


def _bound(peak: float) -> float:
    """1 for states of tanh; for others the next of 1, 1.5, 2, 3, 5 and 7 times a power of ten."""
    if peak == 0 or 0.25 < peak <= 1:
        return 1.0
    scale = 10.0 ** np.floor(np.log10(peak))
    return float(next(s * scale for s in (1, 1.5, 2, 3, 5, 7, 10) if s * scale >= peak))


def _order(values: np.ndarray, order: str) -> np.ndarray:
    if order == "index":
        return np.arange(values.shape[1])
    if order == "peak":
        return np.argsort(np.abs(values).argmax(axis=0), kind="stable")
    courses = values - values.mean(axis=0)
    if min(courses.shape) < 2:
        return np.argsort(values[0], kind="stable")
    loadings = np.linalg.svd(courses, full_matrices=False)[2][:2]  # [2, H]
    # the sign of a component is arbitrary: its largest entry is made positive
    peaks = np.abs(loadings).argmax(axis=1)
    loadings = loadings * np.sign(loadings[np.arange(2), peaks])[:, None]
    return np.argsort(np.arctan2(loadings[1], loadings[0]), kind="stable")


def _fit(names: list[str], width: float) -> tuple[bool, int, float]:
    """Whether labels are turned, that every k-th is written, and the height they take."""
    if not names:
        return False, 1, 0.4
    room = width / len(names)
    longest = max(text_size(literal(name), TICK_SIZE)[0] for name in names)
    single = max(map(len, names)) == 1
    if longest + (0.0 if single else 0.08) <= room:
        return False, 1, 0.2
    if room >= 0.17 and not single:
        return True, 1, longest + 0.1
    wanted = (longest + 0.1) / room
    return False, next((k for k in EVERY if k >= wanted), int(np.ceil(wanted))), 0.2


def _unit_ticks(ax: Axes, rows: np.ndarray, order: str, height: float) -> None:
    if order == "index":
        ax.yaxis.set_major_locator(MaxNLocator(nbins=8, steps=[1, 2, 5, 10], integer=True))
    elif len(rows) * 0.16 <= height:
        ax.set_yticks(range(len(rows)), [str(row) for row in rows])
    else:
        ax.set_yticks([])
