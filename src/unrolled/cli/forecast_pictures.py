"""Pictures of forecasts: what was known, what is forecast with its intervals, and what came."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from unrolled.cli.forecasts import F64, Forecasts
from unrolled.data.series import SeriesSet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PANELS = 3  # pictures in one, where nobody says of which series
HORIZONS = 3  # of history that are drawn at least
WIDTH, HEIGHT, ONLY = 7.0, 3.0, 4.0  # inches: of all, of each panel, of the only one


def choose(series: SeriesSet, names: Sequence[str]) -> list[int]:
    """The series that are drawn: those named, or the first ones.

    Raises:
        ValueError: One is not there.
    """
    known = {str(label): s for s, label in enumerate(series.ids)}
    for name in names:
        if name not in known:
            some = ", ".join(list(known)[:8])
            raise ValueError(f"--series {name} is none of the {len(known):,} there are: {some}")
    most = max(1, PANELS // len(series.targets))
    return [known[name] for name in names] or list(range(min(len(series), most)))


def forecast_figure(
    made: Forecasts, which: Sequence[int], *, lookback: int, truth: F64 | None = None
) -> Figure:
    """A panel for each target of each of some series.

    Args:
        made: the forecasts.
        which: numbers of the series.
        lookback: steps of history to draw; a few horizons at least.
        truth: [S, H, K] what came, NaN where it is not known; None where nothing is.
    """
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    from unrolled import plots
    from unrolled.plots.style import DPI, PAPER

    series, H = made.series, made.points.shape[1]
    panels = [(s, k) for s in which for k in range(len(series.targets))]
    height = ONLY if len(panels) == 1 else HEIGHT * len(panels)
    layout = ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.1)
    figure = Figure(figsize=(WIDTH, height), dpi=DPI, facecolor=PAPER, layout=layout)
    for (s, k), ax in zip(panels, figure.subplots(len(panels), squeeze=False)[:, 0], strict=True):
        T = int(series.lengths[s])
        start = max(0, T - max(lookback, HORIZONS * H))
        times = None if series.first is None else series.times(s, start, T + H)
        target = series.targets[k]
        plots.fan_chart(
            series[s][start:, k],
            made.points[s, :, k],
            intervals=[(c, low[s, :, k], high[s, :, k]) for c, low, high in made.intervals],
            truth=None if truth is None else truth[s, :, k],
            times=np.arange(start, T + H) if times is None else times,
            quantity=target,
            title=str(series.ids[s]) if len(series) > 1 else None,
            ax=ax,
        )
    return figure
