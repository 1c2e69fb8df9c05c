"""Forecasts that every model has to beat: the last value, the last season, a line, naive2.

All read a series only before its origin. A missing value is taken as the last one seen; where none
was seen yet the forecast is NaN. The linear one is in `linear_baseline.py`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from unrolled.data.series import SeriesSet
from unrolled.estimators.forecast_metrics import check_season

Whole = NDArray[np.int64]
Floats = NDArray[np.float64]
# (series, which [n], origins [n], horizon) -> [n, H, K]: of n pairs of a series and its origin
Predict = Callable[[SeriesSet, Whole, Whole, int], Floats]

LOOK = 32  # rows that the search for a known value reads at once
CRITICAL = 1.645  # of the normal distribution: 90 % on both sides


def repeat_last(series: SeriesSet, which: Whole, origins: Whole, horizon: int) -> Floats:
    """The last value seen, at every step: [n, H, K]."""
    last, _ = last_seen(series, which, origins)
    return np.repeat(last[:, None], horizon, axis=1)


def drift(series: SeriesSet, which: Whole, origins: Whole, horizon: int) -> Floats:
    """The line through the first and the last value seen, continued: [n, H, K].

    Source: Hyndman, Athanasopoulos, "Forecasting: Principles and Practice", section 5.2.
    """
    last, behind = last_seen(series, which, origins)
    begin = series.starts[which]
    first, ahead = _seen(series.values, begin, origins, -1)
    apart = (origins - 1)[:, None] - behind - ahead  # [n, K] steps between the two
    slope = (last - first) / np.maximum(apart, 1)
    steps = np.arange(1, horizon + 1)[None, :, None] + behind[:, None]
    line: Floats = last[:, None] + slope[:, None] * steps
    return line


def seasonal_naive(season: int) -> Predict:
    """The value one season before, the last known one at that place of the season.

    Where no season has a known value there, as in a series shorter than a season, the last value
    seen is repeated. A season of 1 is `repeat_last`.

    Raises:
        ValueError: `season` is no whole number from 1 on.
    """
    check_season(season)

    def predict(series: SeriesSet, which: Whole, origins: Whole, horizon: int) -> Floats:
        K = series.values.shape[1]
        used = min(season, horizon)
        step = np.arange(season, season - used, -1)  # steps back from the origin, [used]
        place = origins[:, None] - step
        rows = (series.starts[which][:, None] + place).ravel()
        known = np.where(place < 0, 0, place // season + 1).ravel()
        cycle = _seen(series.values, rows, known, season)[0].reshape(len(which), used, K)
        missing = np.isnan(cycle)
        if missing.any():
            last, _ = last_seen(series, which, origins)
            cycle = np.where(missing, last[:, None], cycle)
        return cycle[:, np.arange(horizon) % season]

    return predict


def naive2(season: int) -> Predict:
    """The benchmark of the M competitions: the last value of the seasonally adjusted series.

    A history of at least three seasons whose autocorrelation at lag `season` is significant (90 %)
    is divided by the indices of a classical multiplicative decomposition; its last value is
    repeated and multiplied by the indices of the steps to come. Any other history, and one with a
    value of zero or below, for which multiplication has no meaning, is not adjusted.

    Source: Makridakis, Spiliotis, Assimakopoulos, "The M4 Competition", International Journal of
    Forecasting 36 (2020).

    Raises:
        ValueError: `season` is no whole number from 1 on.
    """
    check_season(season)

    def predict(series: SeriesSet, which: Whole, origins: Whole, horizon: int) -> Floats:
        if season == 1:
            return repeat_last(series, which, origins, horizon)
        forecast = np.full((len(which), horizon, series.values.shape[1]), np.nan)
        order = np.argsort(which, kind="stable")
        names, begins = np.unique(which[order], return_index=True)
        for s, rows in zip(names, np.split(order, begins[1:]), strict=True):
            start, stops = series.starts[s], origins[rows]
            history = series.values[start : start + stops.max()]
            for k in range(history.shape[1]):
                forecast[rows, :, k] = _naive2(history[:, k], stops, season, horizon)
        return forecast

    return predict


def _naive2(x: Floats, stops: Whole, season: int, horizon: int) -> Floats:
    """[n, H] for the origins `stops` of one series [T]."""
    forecast = np.full((len(stops), horizon), np.nan)
    known = ~np.isnan(x)
    if not known.any():
        return forecast
    begin = int(known.argmax())
    filled = x[np.maximum.accumulate(np.where(known, np.arange(len(x)), 0))][begin:]
    stops = stops - begin
    some = np.flatnonzero(stops > 0)
    index = np.ones((len(some), season))
    positive = np.minimum.accumulate(filled) > 0
    ready = np.flatnonzero((stops[some] >= 3 * season) & positive[stops[some] - 1])
    if ready.size:
        ready = ready[_is_seasonal(filled, stops[some][ready], season)]
        index[ready] = _seasonal_indices(filled, stops[some][ready], season)
    last = stops[some] - 1
    phases = (last[:, None] + np.arange(1, horizon + 1)) % season
    row = np.arange(len(some))
    level = filled[last] / index[row, last % season]
    forecast[some] = level[:, None] * index[row[:, None], phases]
    return forecast


def _is_seasonal(x: Floats, stops: Whole, season: int) -> NDArray[np.bool_]:
    """Whether |r_m| > 1.645 sqrt((1 + 2 sum_(l < m) r_l²) / T) for the first T steps of x, [n].

    r_l is the autocorrelation at lag l and m the season. Sums over the first T steps are read off
    running sums, so that many origins cost little more than one.
    """
    z = x - x[0]
    total = np.concatenate([[0.0], np.cumsum(z)])
    mean = total[stops] / stops

    def covariance(lag: int) -> Floats:
        # sum_t (z_t - mean) (z_(t + lag) - mean), t from 0 to T - lag - 1
        products = np.cumsum(z[: len(z) - lag] * z[lag:])[stops - lag - 1]
        ends = total[stops - lag] + total[stops] - total[lag]
        sums: Floats = products - mean * ends + (stops - lag) * mean**2
        return sums

    variance = covariance(0)
    variance = np.where(variance > 0, variance, 1.0)  # without any, all covariances are 0
    squares = np.zeros(len(stops))
    for lag in range(1, season):
        squares += (covariance(lag) / variance) ** 2
    limit = CRITICAL * np.sqrt((1 + 2 * squares) / stops)
    seasonal: NDArray[np.bool_] = np.abs(covariance(season) / variance) > limit
    return seasonal


def _seasonal_indices(x: Floats, stops: Whole, season: int) -> Floats:
    """Indices [n, season] by place t mod season of the first T steps of x.

    Each is the mean of x_t over its centred moving average of one season. They are not scaled to a
    mean of 1: a forecast takes the ratio of two.
    """
    T, half = len(x), season // 2
    total = np.concatenate([[0.0], np.cumsum(x)])
    middle = np.arange(half, T - half)
    trend = (total[middle + half + 1] - total[middle - half]) / season
    if season % 2 == 0:  # the mean of two windows of one season, half a step to either side
        earlier = (total[middle + half] - total[middle - half]) / season
        later = (total[middle + half + 1] - total[middle - half + 1]) / season
        trend = (earlier + later) / 2
    ratios = np.zeros((-(-T // season), season))
    ratios.reshape(-1)[middle] = x[middle] / trend
    sums = np.cumsum(ratios, axis=0)
    place = np.arange(season)
    # the last step of each place that has a moving average, and how many there are up to it
    latest = (stops[:, None] - half - 1 - place) // season
    count = latest + 1 - (place < half)
    indices: Floats = sums[latest, place] / count
    return indices


def last_seen(series: SeriesSet, which: Whole, origins: Whole) -> tuple[Floats, Whole]:
    """Last known value before each origin [n, K], NaN without any, and how many steps it is behind
    the last step [n, K]."""
    return _seen(series.values, series.starts[which] + origins - 1, origins, 1)


def _seen(values: Floats, rows: Whole, counts: Whole, stride: int) -> tuple[Floats, Whole]:
    """First known value among the rows r, r - stride, ..., `counts` of them: [n, K], and at which.

    NaN, and 0, where none of them is known.
    """
    found = np.full((len(rows), values.shape[1]), np.nan)
    some = counts > 0
    found[some] = values[rows[some]]
    at = np.zeros(found.shape, dtype=np.int64)
    n, k = np.nonzero(np.isnan(found))
    done = 1
    while n.size:
        number = done + np.arange(LOOK)
        inside = number < counts[n][:, None]
        read = values[np.where(inside, rows[n][:, None] - stride * number, 0), k[:, None]]
        known = inside & ~np.isnan(read)
        hit, first = known.any(axis=1), known.argmax(axis=1)
        found[n[hit], k[hit]] = read[hit, first[hit]]
        at[n[hit], k[hit]] = done + first[hit]
        done += LOOK
        left = ~hit & (counts[n] > done)
        n, k = n[left], k[left]
    return found, at
