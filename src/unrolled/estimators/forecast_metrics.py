"""How good forecasts are: errors, errors beside a naive method, quantiles and intervals.

Letters: n forecasts, H steps, K channels, Q quantile levels. A function of a single value gives one
number for each element of `truth`, NaN where the truth is NaN (missing), so that a caller can
average over what it likes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def absolute_error(truth: ArrayLike, forecast: ArrayLike) -> Floats:
    """|y - f| of arrays of one shape."""
    y, f = _pair(truth, forecast, "forecast")
    error: Floats = np.abs(y - f)
    return error


def squared_error(truth: ArrayLike, forecast: ArrayLike) -> Floats:
    """(y - f)² of arrays of one shape."""
    y, f = _pair(truth, forecast, "forecast")
    error: Floats = np.square(y - f)
    return error


def symmetric_error(truth: ArrayLike, forecast: ArrayLike) -> Floats:
    """200 |y - f| / (|y| + |f|) in percent, as in the M4 competition; 0 where both are 0.

    Source: Makridakis, Spiliotis, Assimakopoulos, "The M4 Competition: 100,000 time series and 61
    forecasting methods", International Journal of Forecasting 36 (2020).
    """
    y, f = _pair(truth, forecast, "forecast")
    size = np.abs(y) + np.abs(f)
    error: Floats = 200 * np.abs(y - f) / np.where(size == 0, 1.0, size)
    return error


def season_scale(
    values: NDArray[np.float64],
    starts: NDArray[np.int64],
    stops: NDArray[np.int64],
    season: int,
) -> Floats:
    """Mean |y_t - y_(t - season)| of the first `stops[s]` steps of each series: [S, K] float64.

    Pairs of which one is missing are left out. NaN where no pair is left, or where the mean is 0:
    the scaled error of such a series has no meaning.

    Args:
        values: [M, K], NaN = missing
        starts: [S] first row of each series
        stops: [S] number of its steps that count
        season: steps of a season, 1 or more

    Source: Hyndman, Koehler, "Another look at measures of forecast accuracy", International
    Journal of Forecasting 22 (2006).
    """
    check_season(season)
    scale = np.full((len(starts), values.shape[1]), np.nan)
    for s, (start, stop) in enumerate(zip(starts.tolist(), stops.tolist(), strict=True)):
        if stop <= season:
            continue
        part = values[start : start + stop]
        steps = np.abs(part[season:] - part[:-season])
        known = ~np.isnan(steps)
        count = known.sum(axis=0)
        total = np.where(known, steps, 0.0).sum(axis=0)
        # What repeats itself but for the rounding of its own size has no scale.
        rounding = 8 * np.finfo(np.float64).eps * np.nan_to_num(np.abs(part)).max(axis=0)
        useful = (count > 0) & (total > rounding * count)
        scale[s, useful] = total[useful] / count[useful]
    return scale


def pinball(truth: ArrayLike, quantiles: ArrayLike, levels: Sequence[float]) -> Floats:
    """max(q (y - f), (q - 1) (y - f)) for each level q: [..., Q].

    Args:
        truth: [...]
        quantiles: [..., Q] forecasts of the quantiles
        levels: Q numbers between 0 and 1

    Source: Koenker, Bassett, "Regression Quantiles", Econometrica 46 (1978).
    """
    y, f = np.asarray(truth, dtype=np.float64), np.asarray(quantiles, dtype=np.float64)
    q = check_levels(levels)
    if f.shape != (*y.shape, len(q)):
        raise ValueError(
            f"quantiles has shape {list(f.shape)}; {[*y.shape, len(q)]} is needed: that of truth, "
            "then one column a level."
        )
    over = y[..., None] - f
    _check_forecast(np.isnan(over) & ~np.isnan(y[..., None]), "quantiles")
    loss: Floats = np.maximum(q * over, (q - 1) * over)
    return loss


def crps_from_quantiles(truth: ArrayLike, quantiles: ArrayLike, levels: Sequence[float]) -> Floats:
    """Continuous ranked probability score [...]: twice the mean pinball loss of the levels.

    Of few levels it is that sum and no more: only figures of the same levels compare. Exact in the
    limit of many evenly spaced levels (Gneiting, Raftery, "Strictly Proper Scoring
    Rules", Journal of the American Statistical Association 102, 2007).
    """
    score: Floats = 2 * pinball(truth, quantiles, levels).mean(axis=-1)
    return score


def covered(truth: ArrayLike, low: ArrayLike, high: ArrayLike) -> Floats:
    """1 where low <= y <= high, else 0; its mean is the coverage of the intervals."""
    y, below = _pair(truth, low, "low")
    _, above = _pair(truth, high, "high")
    return np.where(np.isnan(y), np.nan, (below <= y) & (y <= above))


def interval_width(truth: ArrayLike, low: ArrayLike, high: ArrayLike) -> Floats:
    """high - low, NaN where the truth is missing, so that it is averaged over what is covered."""
    y, below = _pair(truth, low, "low")
    _, above = _pair(truth, high, "high")
    return np.where(np.isnan(y), np.nan, above - below)


def check_season(season: int) -> None:
    if isinstance(season, bool) or not isinstance(season, (int, np.integer)) or season < 1:
        raise ValueError(f"season must be a whole number of steps from 1 on, got {season!r}.")


def check_levels(levels: Sequence[float]) -> Floats:
    """Levels [Q] as float64: between 0 and 1, rising."""
    q = np.asarray(levels)
    right = q.ndim == 1 and q.size > 0 and q.dtype.kind == "f"
    if not right or not ((q > 0) & (q < 1)).all() or (np.diff(q) <= 0).any():
        raise ValueError(f"levels must be rising numbers between 0 and 1, got {levels!r:.80}.")
    return q.astype(np.float64)


def _pair(truth: ArrayLike, other: ArrayLike, name: str) -> tuple[Floats, Floats]:
    y, f = np.asarray(truth, dtype=np.float64), np.asarray(other, dtype=np.float64)
    if y.shape != f.shape:
        raise ValueError(
            f"{name} has shape {list(f.shape)}; that of truth, {list(y.shape)}, is needed."
        )
    _check_forecast(np.isnan(f) & ~np.isnan(y), name)
    return y, np.where(np.isnan(y), np.nan, f)


def _check_forecast(bad: NDArray[np.bool_], name: str) -> None:
    if bad.any():
        where = [int(i) for i in np.argwhere(bad)[0]]
        raise ValueError(
            f"{name} holds NaN for {int(bad.sum())} known values, the first at {where}; "
            "a number is needed wherever truth is known."
        )
