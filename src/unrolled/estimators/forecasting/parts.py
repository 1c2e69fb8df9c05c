"""The parts of a data set by time: what is trained on, watched, and left for calibration."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.data.series import SeriesSet

Int = NDArray[np.int64]


def whole_number(name: str, value: Any) -> int:
    """An argument that is a whole number of at least 1.

    Raises:
        ValueError: it is not.
    """
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{name} must be a whole number of at least 1, got {value!r:.80}")
    return int(value)


def no_series(name: str, value: Any) -> None:
    """Refuse series where a forecast is told by its first argument.

    Raises:
        TypeError: `value` is an array, a list or a DataFrame.
    """
    scalar = isinstance(value, str) or getattr(value, "ndim", None) == 0
    if hasattr(value, "__len__") and not scalar:
        raise TypeError(
            f"{name} comes first, and it is a {type(value).__name__}; give series as X=, or none "
            "to forecast what follows those of fit"
        )


def as_targets(series: SeriesSet) -> str:
    """The end of a message where series may have been given as targets of one."""
    T, K = series.values.shape
    if len(series) != 1 or K <= T:
        return ""
    return (
        f"; an array [{T}, {K}] is one series of {T} steps and {K} targets, so give {T} series of "
        f"{K} steps as list(X)"
    )


class Stops(NamedTuple):
    """Where the parts of each series end, [S] steps each.

    Attributes:
        train: of the training part.
        watched: of the part that is watched; `train` where there is none.
        whole: of the series: what is behind `watched` is for calibration.
    """

    train: Int
    watched: Int
    whole: Int


def split(series: SeriesSet, validation: int | float | None, calibration: int) -> Stops:
    """Cut the last steps off each series.

    Args:
        series: all of it.
        validation: steps to watch (a whole number), or their share of each series, or None.
        calibration: steps behind them for calibration.

    Raises:
        ValueError: a series would have nothing left to train on.
    """
    whole = series.lengths
    watched = whole - calibration
    if isinstance(validation, float):
        train = watched - np.round(watched * validation).astype(np.int64)
    else:
        train = watched - (validation or 0)
    if (train < 2).any():
        s = int(np.argmin(train))
        many, left = int((train < 2).sum()), max(0, int(train[s]))
        others = f" and {many - 1} more" if many > 1 else ""
        held = (train < whole).any()
        raise ValueError(
            f"series {series.ids[s]!r} has {whole[s]} step{'s' * int(whole[s] != 1)}"
            f"{f', of which validation and calibration leave {left} to train on' if held else ''}, "
            f"and training needs 2; {'hold out fewer, or ' if held else ''}leave it{others} out"
            f"{as_targets(series)}"
        )
    return Stops(train, watched, whole)


def first_origins(starts_after: Int, lookback: int, horizon: int, stops: Int) -> Int:
    """[S] first origin of the windows of each series.

    A series that is too short for one whole window has windows that begin before it.

    Args:
        starts_after: [S] no origin lies before this step.
        lookback: steps that a window reads.
        horizon: steps that it forecasts.
        stops: [S] where the part ends.
    """
    whole = np.maximum(starts_after, lookback)
    short = whole + horizon > stops
    return np.where(short, np.maximum(starts_after, np.minimum(whole, stops - horizon)), whole)
