"""How good forecasts are: errors, errors beside a naive method, quantiles and intervals.

Letters: n forecasts, H steps, K channels, Q quantile levels, R samples. A function of a single
value gives one number for each element of `truth`, NaN where the truth is NaN (missing), so that a
caller can average over what it likes; `scores` averages over all.
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
        useful = (count > 0) & (total > 0)
        scale[s, useful] = total[useful] / count[useful]
    return scale


def scaled_error(truth: ArrayLike, forecast: ArrayLike, scale: ArrayLike) -> Floats:
    """|y - f| over the scale of the series; its mean is the MASE.

    Args:
        truth: [n, H, K]
        forecast: [n, H, K]
        scale: [n, K], as from `season_scale`; NaN gives NaN
    """
    error = absolute_error(truth, forecast)
    each = np.asarray(scale, dtype=np.float64)
    if error.ndim != 3 or each.shape != (error.shape[0], error.shape[2]):
        raise ValueError(
            f"scale has shape {list(each.shape)} beside truth {list(error.shape)}; "
            "[n, K] beside [n, H, K] is needed."
        )
    return error / each[:, None, :]


def owa(smape: float, mase: float, naive2_smape: float, naive2_mase: float) -> float:
    """M4's overall weighted average: the mean of sMAPE and MASE, each over that of naive2."""
    return (smape / naive2_smape + mase / naive2_mase) / 2


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

    Exact in the limit of many evenly spaced levels (Gneiting, Raftery, "Strictly Proper Scoring
    Rules", Journal of the American Statistical Association 102, 2007).
    """
    score: Floats = 2 * pinball(truth, quantiles, levels).mean(axis=-1)
    return score


def crps_from_samples(truth: ArrayLike, samples: ArrayLike) -> Floats:
    """Continuous ranked probability score [...] from samples [..., R], in its energy form.

    mean |x - y| - mean |x - x'| / 2, the second mean over all R² pairs of samples (Gneiting,
    Raftery 2007), computed from the sorted samples.
    """
    y, x = np.asarray(truth, dtype=np.float64), np.asarray(samples, dtype=np.float64)
    if x.ndim != y.ndim + 1 or x.shape[:-1] != y.shape or x.shape[-1] == 0:
        raise ValueError(
            f"samples has shape {list(x.shape)}; that of truth, {list(y.shape)}, and a last axis "
            "of R >= 1 samples are needed."
        )
    _check_forecast(np.isnan(x) & ~np.isnan(y[..., None]), "samples")
    R = x.shape[-1]
    # sum over pairs of |x_i - x_j| = 2 sum_i (2 i - R + 1) x_(i), i from 0
    spread = np.sort(x, axis=-1) @ (2.0 * np.arange(R) - R + 1) * 2 / R**2
    score: Floats = np.abs(x - y[..., None]).mean(axis=-1) - spread / 2
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


def scores(
    truth: ArrayLike,
    forecast: ArrayLike,
    *,
    scale: ArrayLike | None = None,
    naive2: ArrayLike | None = None,
) -> dict[str, float]:
    """Averages over all known values: mae, mse, rmse, smape, with `scale` mase, with `naive2` owa.

    Args:
        truth: [n, H, K], NaN where missing
        forecast: [n, H, K]
        scale: [n, K] scale of each row's series, as from `season_scale`; rows whose scale is NaN
            are left out of the MASE
        naive2: [n, H, K] forecasts of the method naive2; needs `scale`

    Raises:
        ValueError: Shapes do not agree, no value is known, or a forecast of a known value is NaN.
    """
    known = ~np.isnan(np.asarray(truth, dtype=np.float64))
    if not known.any():
        raise ValueError("truth holds no known value; nothing can be scored.")
    squares = float(np.nanmean(squared_error(truth, forecast)))
    result = {
        "mae": float(np.nanmean(absolute_error(truth, forecast))),
        "mse": squares,
        "rmse": float(np.sqrt(squares)),
        "smape": float(np.nanmean(symmetric_error(truth, forecast))),
    }
    if scale is not None:
        result["mase"] = _known_mean(scaled_error(truth, forecast, scale))
    if naive2 is not None:
        if scale is None:
            raise ValueError("naive2 was given without scale; the owa needs both.")
        result["owa"] = owa(
            result["smape"],
            result["mase"],
            float(np.nanmean(symmetric_error(truth, naive2))),
            _known_mean(scaled_error(truth, naive2, scale)),
        )
    return result


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


def _known_mean(values: Floats) -> float:
    return float(np.nanmean(values)) if not np.isnan(values).all() else float("nan")


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
