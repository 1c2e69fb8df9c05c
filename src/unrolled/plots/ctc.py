"""What a network hears when: probabilities of symbols over the spectrogram they were read from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from numpy.typing import ArrayLike, NDArray

from unrolled.plots.glyphs import visible
from unrolled.plots.hidden_states import VISIBLE
from unrolled.plots.measure import literal, shortened, text_size, wrap
from unrolled.plots.style import (
    COLOURS,
    DPI,
    INK,
    LABEL_SIZE,
    PAPER,
    TICK_SIZE,
    TITLE_SIZE,
    Size,
    axes_for,
    axis_labels,
    box_frame,
    grid,
    spread,
)

WIDTHS = (7.0, 14.0)  # inches, of short and of long utterances
HEIGHT = 4.4
BESIDE = 0.95  # inches of a figure that are no axes
GAP = 0.05  # inches between two labels
LONGEST = 0.8  # inches of a label
LABELS = 13.0  # points at the top for the labels
LEAST_DRAWN = np.log(0.1)
BLANK_COLOUR = "#b9c0c9"


def ctc_spikes(
    spectrogram: ArrayLike,
    log_probabilities: ArrayLike,
    symbols: Sequence[str],
    *,
    seconds_per_frame: float = 0.010,
    seconds_per_step: float = 0.020,
    title: str | None = None,
    size: Size | None = None,
) -> Figure:
    """Draw the probability of each symbol over time, that of the blank in grey, over the sound.

    Each symbol of the likeliest path is written over the peak that it was read from; of the others
    those are drawn that have a share of a tenth anywhere. Frame t begins at t times its seconds,
    and step t is drawn where the middle is of the frame that begins at t times its own.

    Args:
        spectrogram: [T, F] finite features of frames, low pitch first.
        log_probabilities: [T', K] of the symbols at each step, 0 the blank.
        symbols: K names, the first that of the blank.
        seconds_per_frame: from one frame to the next.
        seconds_per_step: from one step to the next.
        title: title of the picture.
        size: width and height in inches; the width follows the number of symbols by default.

    Raises:
        ValueError: other shapes, NaN, a log-probability above 0, not one name a symbol, or seconds
            that are not above 0.
    """
    sound = np.asarray(spectrogram, dtype=float)
    if sound.ndim != 2 or sound.size == 0 or not np.isfinite(sound).all():
        raise ValueError(
            f"spectrogram must be finite numbers [T, F], got shape {list(sound.shape)}."
        )
    log_p = np.asarray(log_probabilities, dtype=float)
    if log_p.ndim != 2 or log_p.size == 0 or log_p.shape[1] < 2:
        raise ValueError(
            f"log_probabilities must be [T, K] with K of at least 2, got {list(log_p.shape)}."
        )
    if not (log_p <= 1e-3).all():
        raise ValueError("log_probabilities must be at most 0, and not NaN.")
    if len(symbols) != log_p.shape[1]:
        raise ValueError(
            f"symbols must have one name for each of {log_p.shape[1]} outputs, got {len(symbols)}."
        )
    for name, seconds in (
        ("seconds_per_frame", seconds_per_frame),
        ("seconds_per_step", seconds_per_step),
    ):
        if not 0 < seconds < np.inf:
            raise ValueError(f"{name} must be a number above 0, got {seconds}.")

    peaks = _peaks(log_p)
    heard = log_p[peaks].argmax(axis=1).tolist()
    names = [_name(symbols[k]) for k in heard]
    others = np.flatnonzero(log_p[:, 1:].max(axis=0) >= LEAST_DRAWN) + 1
    drawn = dict.fromkeys([*heard, *others.tolist()])
    colours = {k: COLOURS[i % len(COLOURS)] for i, k in enumerate(drawn)}
    widths = [text_size(literal(name), TICK_SIZE)[0] + GAP for name in names]
    wide = float(np.clip(sum(widths) * 1.35 + BESIDE, *WIDTHS))
    figure = Figure(
        figsize=size or (wide, HEIGHT + (0.3 if title else 0.0)),
        dpi=DPI,
        facecolor=PAPER,
        layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.08),
    )
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[1.0, 1.25])
    end = max(len(sound) * seconds_per_frame, len(log_p) * seconds_per_step)
    middle = 0.5 * seconds_per_frame  # of the frame that a step is of
    steps = np.arange(len(log_p), dtype=np.float64) * float(seconds_per_step) + middle
    _draw_probabilities(above, np.exp(log_p), colours, steps)
    above.set_xlim(0.0, end)
    inches = figure.get_figwidth() - BESIDE
    times = steps[peaks]
    _write(above, names, times, [colours[k] for k in heard], widths, end / inches)
    axis_labels(above, "", "probability")
    above.set_ylabel("probability\n(grey: no symbol)", fontsize=LABEL_SIZE - 1)
    if title:
        above.set_title(
            wrap(visible(title), inches, TITLE_SIZE, weight="bold"),
            loc="left",
            fontsize=TITLE_SIZE,
            fontweight="bold",
            color=INK,
            pad=LABELS + 8,
            parse_math=False,
        )

    axes_for(below, (1.0, 1.0))
    lowest, highest = np.percentile(sound, (1, 99.5))
    below.imshow(
        sound.T,
        origin="lower",
        aspect="auto",
        extent=(0.0, len(sound) * seconds_per_frame, 0.0, sound.shape[1]),
        cmap="magma",
        vmin=lowest,
        vmax=max(highest, lowest + 1e-9),
        interpolation="nearest",
    )
    for time in times:
        below.axvline(time, color=PAPER, linewidth=0.7, alpha=0.75)
    box_frame(below)
    below.set_xlim(0.0, end)
    axis_labels(below, "seconds", "pitch band")
    return figure


def _peaks(log_p: NDArray[np.float64]) -> NDArray[np.int64]:
    """The step, [M], at which each symbol of the likeliest path is likeliest."""
    path = log_p.argmax(axis=1)
    edges = np.flatnonzero(np.diff(path, prepend=-1))
    parts = zip(edges, [*edges[1:], len(path)], strict=True)
    found = [a + int(log_p[a:b, path[a]].argmax()) for a, b in parts if path[a]]
    return np.array(found, dtype=np.int64)


def _draw_probabilities(
    ax: Axes, shares: NDArray[np.float64], colours: Mapping[int, str], times: NDArray[np.float64]
) -> None:
    axes_for(ax, (1.0, 1.0))
    ax.fill_between(times, shares[:, 0], color=BLANK_COLOUR, alpha=0.35, linewidth=0)
    ax.plot(times, shares[:, 0], color=BLANK_COLOUR, linewidth=1.0)
    for k, colour in colours.items():
        ax.plot(times, shares[:, k], color=colour, linewidth=1.4)
    ax.set_ylim(0.0, 1.03)
    ax.set_yticks([0.0, 0.5, 1.0])
    ax.tick_params(labelbottom=False)
    grid(ax)


def _write(
    ax: Axes,
    names: Sequence[str],
    times: NDArray[np.float64],
    colours: Sequence[str],
    widths: Sequence[float],
    seconds_per_inch: float,
) -> None:
    """Names above the axes, moved aside as little as needed, in the colours of their curves."""
    if not names:
        return
    gap = max(widths) * seconds_per_inch
    low, high = ax.get_xlim()
    room = (high - low) / len(names)
    places = spread(times.tolist(), min(gap, room), low, high)
    for name, place, time, colour in zip(names, places, times.tolist(), colours, strict=True):
        ax.annotate(
            name,
            xy=(time, 1.0),
            xycoords=ax.get_xaxis_transform(),
            xytext=(place, 1.05),
            textcoords=ax.get_xaxis_transform(),
            fontsize=TICK_SIZE,
            fontweight="bold",
            color=colour,
            ha="center",
            va="bottom",
            annotation_clip=False,
            parse_math=False,
        )


def _name(symbol: str) -> str:
    return shortened(visible(VISIBLE.get(symbol, symbol)), LONGEST, TICK_SIZE)
