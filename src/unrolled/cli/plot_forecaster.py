"""Pictures of a saved forecaster: its forecast beside what came, and what it leaves over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from unrolled import plots
from unrolled.cli.forecast_pictures import choose, forecast_figure
from unrolled.cli.forecasts import Forecasts, forecasts
from unrolled.cli.saved_forecaster import SavedForecaster
from unrolled.data.series import SeriesSet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_FORECASTS = 12  # of which residuals are drawn
FEWEST = 3  # residuals that make a picture


def of_memory(saved: SavedForecaster) -> Iterator[tuple[str, Figure]]:
    """What follows the series that are remembered."""
    _, made = forecasts(saved, None, "", None, _coverages(saved))
    which = choose(made.series, [])
    yield "forecast.png", forecast_figure(made, which, lookback=saved.model.lookback_)


def of_data(
    saved: SavedForecaster, table: pl.DataFrame, name: str, row: int
) -> Iterator[tuple[str, Figure]]:
    """The last horizon of a series of a file beside what came, and the residuals before it.

    Args:
        saved: the model.
        table: as it was read.
        name: its file.
        row: number of the series.

    Raises:
        TypeError, ValueError: The series cannot be used; says which and why.
    """
    columns, model = saved.columns, saved.model
    table = columns.prepare(table, name)
    series = saved.series(table, name)
    if row >= len(series):
        raise ValueError(f"--row {row} is not there, {name} has {len(series)}, counted from 0")
    label = series.ids[row]
    if columns.group is not None:
        table = table.filter(pl.col(columns.group) == label)
    one = series.take(np.array([row]))
    H, T = model.horizon, int(one.lengths[0])
    if model.gaps == "fill" or T <= H:
        # Steps that have no row cannot be cut off as rows.
        _, made = forecasts(saved, table, name, None, _coverages(saved))
        yield "forecast.png", forecast_figure(made, [0], lookback=model.lookback_)
        return
    made = _before(saved, table, name, one, H, _coverages(saved))
    truth = one[0][None, T - H :]
    yield "forecast.png", forecast_figure(made, [0], lookback=model.lookback_, truth=truth)
    count = max(1, min(MOST_FORECASTS, (T - model.lookback_) // H))
    points = [made.points]
    points += [_before(saved, table, name, one, H * n, []).points for n in range(2, count + 1)]
    left = one[0][T - H * count :, 0] - np.concatenate(points[::-1], axis=1)[0, :, 0]
    known = left[np.isfinite(left)]
    if len(known) < FEWEST or np.ptp(known) == 0:
        return
    times = None if one.first is None else one.times(0, T - len(left), T)
    title = f"{one.targets[0]} of {name if len(series) == 1 else label}, truth less forecast"
    yield "residuals.png", plots.residuals(left, times=times, title=title)


def _before(
    saved: SavedForecaster,
    table: pl.DataFrame,
    name: str,
    series: SeriesSet,
    steps: int,
    coverages: list[float],
) -> Forecasts:
    """Forecasts from before the last steps of a series."""
    known, _ = saved.columns.split(table, name, series, steps)
    _, made = forecasts(saved, known, name, None, coverages)
    return replace(made, series=series.upto(series.lengths - steps))


def _coverages(saved: SavedForecaster) -> list[float]:
    return [] if saved.coverage is None else [saved.coverage]
