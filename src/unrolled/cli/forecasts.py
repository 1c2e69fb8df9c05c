"""Forecasts of a saved model, as a table to write and as arrays to draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from unrolled.cli.saved_forecaster import SavedForecaster
from unrolled.data.series import SeriesSet

F64 = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Forecasts:
    """Forecasts of what follows S series.

    Attributes:
        series: what is known of them.
        points: [S, H, K].
        intervals: (coverage, lower ends [S, H, K], upper ends) each.
    """

    series: SeriesSet
    points: F64
    intervals: tuple[tuple[float, F64, F64], ...] = ()


def forecasts(
    saved: SavedForecaster,
    table: pl.DataFrame | None,
    name: str,
    horizon: int | None,
    coverages: Sequence[float],
) -> tuple[pl.DataFrame, Forecasts]:
    """Forecast what follows the series of a table, or those that are remembered.

    The ends of an interval are the columns `<target>_low_80` and `<target>_high_80`.

    Args:
        saved: the model.
        table: prepared; None for the series that are remembered.
        name: its file.
        horizon: steps; None as trained.
        coverages: of the intervals.

    Raises:
        TypeError, ValueError: The series cannot be used; says which and why.
    """
    model, targets = saved.model, saved.columns.targets
    series = model.tail_ if table is None else saved.series(table, name)
    _check_known(saved, series, saved.name if table is None else name, horizon)

    def values(columns: pl.DataFrame, end: str = "") -> F64:
        found = np.stack([columns[f"{target}{end}"].to_numpy() for target in targets], axis=-1)
        return found.reshape(len(series), -1, len(targets))

    frame = _polars(model.predict(horizon, X=table))
    points, intervals = values(frame), []
    for coverage in coverages:
        ends = _polars(model.predict_interval(coverage, horizon, X=table))
        intervals.append((coverage, values(ends, "_low"), values(ends, "_high")))
        for target in targets:
            for end in ("_low", "_high"):
                column = f"{target}{end}_{100 * coverage:g}"
                if column in frame.columns:
                    raise ValueError(f"two columns of the forecast would be called {column!r}")
                frame = frame.with_columns(ends[f"{target}{end}"].alias(column))
    return frame, Forecasts(series, points, tuple(intervals))


def _check_known(saved: SavedForecaster, series: SeriesSet, name: str, horizon: int | None) -> None:
    """Say which rows are missing, where columns are not known as far ahead as they are read."""
    if series.future_lengths is None:
        return
    model, columns = saved.model, saved.columns
    ahead = model.horizon if horizon is None else horizon
    if model.strategy != "recursive":
        ahead = max(ahead, model.horizon)
    known = series.future_lengths - series.lengths
    if (known < ahead).any():
        s = int(np.argmin(known))
        of = "" if columns.group is None else f" of {series.ids[s]!r}"
        target = " and ".join(columns.targets)
        raise ValueError(
            f"{name}: a forecast reads {', '.join(columns.future)} of {ahead:,} steps ahead, and "
            f"{known[s]:,}{of} are known; add rows to the data whose {target} is empty"
        )


def with_short_times(frame: pl.DataFrame) -> pl.DataFrame:
    """A table to be written as text, whose times are dates where they all are at midnight."""
    short = []
    for column in frame.select(pl.selectors.datetime(time_zone=None)):
        if (column.dt.truncate("1d") == column).all():
            short.append(column.dt.strftime("%Y-%m-%d"))
        elif (column.dt.truncate("1s") == column).all():
            short.append(column.dt.strftime("%Y-%m-%dT%H:%M:%S"))
    return frame.with_columns(short)


def _polars(frame: Any) -> pl.DataFrame:
    """A DataFrame of the library that a forecaster of Python was fitted on."""
    import narwhals.stable.v2 as nw

    found: pl.DataFrame = nw.from_native(frame, eager_only=True).to_polars()
    return found
