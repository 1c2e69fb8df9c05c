"""One linear layer from the last values to the next: the baseline that is hard to beat."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unrolled.data.series import SeriesSet
from unrolled.estimators.baselines import Predict, drift, last_seen, repeat_last, seasonal_naive
from unrolled.estimators.forecasting.parts import first_origins
from unrolled.estimators.origins import RollingOrigins

BLOCK = 2**20  # values of the windows that are read at once
MATRICES = 2**24  # numbers of the matrices of steps that are solved at once
RIDGE = 1e-6  # of the mean square of an input: settles inputs that are copies of each other

Blocks = Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]


class NoWindowError(ValueError):
    """No series has a window to fit on."""


@dataclass(frozen=True, eq=False)
class LinearBaseline:
    """y_(o + h) - y_(o - 1) as a weighted sum of the last values minus y_(o - 1).

    One set of weights serves all series and channels. It is "NLinear" of Zeng, Chen, Zhang, Xu,
    "Are Transformers Effective for Time Series Forecasting?" (AAAI 2023) without its constant,
    solved exactly: least squares with a tiny ridge penalty. Of a look-back of 1 it is the last
    value repeated.

    In the window a missing value is taken as the last one seen, and what is missing or lies before
    the series at its beginning as the first one. A window that holds no value repeats the last
    value seen.

    Attributes:
        weights: [L - 1, H] for the steps before the last one, the oldest first.
    """

    weights: NDArray[np.float64]

    @classmethod
    def fit(
        cls,
        series: SeriesSet,
        lookback: int,
        horizon: int,
        stops: NDArray[np.int64],
        stride: int = 1,
    ) -> LinearBaseline:
        """Solve for the weights on all windows of the first `stops[s]` steps of each series.

        Each step of the horizon is solved on the windows where it is known; one that is known in
        none repeats the last value. A series that is too short for a whole window has one that
        begins before it, as for the network. The windows of a series and channel are divided by its
        standard deviation, so that no series outweighs the others. The normal equations are summed
        block by block: memory does not grow with the windows.

        Args:
            series: S series of K channels
            lookback: L, 1 or more
            horizon: H, 1 or more
            stops: [S], how many steps of each series may be read
            stride: steps between two windows of a series

        Raises:
            ValueError: A number is too small.
            NoWindowError: No series has a window with a known step.
        """
        for name, value in (("lookback", lookback), ("horizon", horizon)):
            if value < 1:
                raise ValueError(f"{name} must be 1 or more, got {value}.")
        stops = np.asarray(stops, dtype=np.int64)
        first = first_origins(np.ones_like(stops), lookback, horizon, stops)
        origins = RollingOrigins(first, stops - horizon, stride)
        spread = _spread(series, stops)

        def blocks() -> Blocks:
            return _blocks(series, origins, spread, lookback, horizon)

        squares = np.zeros((lookback - 1, lookback - 1))
        products = np.zeros((lookback - 1, horizon))
        known, used = np.zeros(horizon, dtype=np.int64), 0
        for x, y in blocks():
            squares += x.T @ x
            products += x.T @ np.nan_to_num(y)
            known += (~np.isnan(y)).sum(axis=0)
            used += len(x)
        if not used:
            raise NoWindowError(
                f"no series has a window of {lookback} + {horizon} steps of whose last {horizon} "
                f"any is known; the longest part to fit on has {int(np.max(stops))} steps."
            )
        weights = np.zeros_like(products)
        if lookback == 1:
            return cls(weights)
        whole = known == used
        if whole.any():
            weights[:, whole] = _solve(squares, products[:, whole])
        some = np.flatnonzero(~whole & (known > 0))
        at_once = max(1, MATRICES // squares.size)
        for begin in range(0, len(some), at_once):
            steps = some[begin : begin + at_once]
            without = np.zeros((len(steps), *squares.shape))
            for x, y in blocks():
                for i, h in enumerate(steps):
                    gone = x[np.isnan(y[:, h])]
                    without[i] += gone.T @ gone
            for i, h in enumerate(steps):
                weights[:, h] = _solve(squares - without[i], products[:, h])
        return cls(weights)

    def __call__(
        self,
        series: SeriesSet,
        which: NDArray[np.int64],
        origins: NDArray[np.int64],
        horizon: int,
    ) -> NDArray[np.float64]:
        """Forecasts [n, horizon, K].

        Raises:
            ValueError: `horizon` is longer than that of `fit`.
        """
        if horizon > self.weights.shape[1]:
            raise ValueError(
                f"horizon is {horizon}, but this linear baseline was fitted for "
                f"{self.weights.shape[1]} steps."
            )
        past, last = _window(series, which, origins, len(self.weights) + 1)
        change = np.einsum("nlk,lh->nhk", past, self.weights[:, :horizon], optimize=True)
        forecast: NDArray[np.float64] = last[:, None] + change
        return forecast


def baselines(
    series: SeriesSet, *, season: int, lookback: int, horizon: int, stops: NDArray[np.int64]
) -> dict[str, Predict | None]:
    """The four that stand beside every model, by name; "linear" is fitted up to `stops`.

    "seasonal naive" is left out for a season of 1, where it repeats the last value too. "linear" is
    None where there is nothing to fit it on.
    """
    plain: dict[str, Predict | None] = {"repeat last": repeat_last}
    if season > 1:
        plain["seasonal naive"] = seasonal_naive(season)
    plain["drift"] = drift
    try:
        plain["linear"] = LinearBaseline.fit(series, lookback, horizon, stops)
    except NoWindowError:
        plain["linear"] = None
    return plain


def _blocks(
    series: SeriesSet,
    origins: RollingOrigins,
    spread: NDArray[np.float64],
    lookback: int,
    horizon: int,
) -> Blocks:
    """Inputs [m, L - 1], and targets [m, H] of which one or more is known, NaN for the others."""
    step = max(1, BLOCK // ((lookback + horizon) * series.values.shape[1]))
    for start in range(0, len(origins), step):
        which, origin = origins.block(start, start + step)
        past, last = _window(series, which, origin, lookback)
        rows = (series.starts[which] + origin)[:, None] + np.arange(horizon)
        change = series.values[rows] - last[:, None]
        some = ~np.isnan(change).all(axis=1)  # [n, K]; NaN in `last` is in `change` too
        each = spread[which][some][:, None]
        yield past.transpose(0, 2, 1)[some] / each, change.transpose(0, 2, 1)[some] / each


def _solve(squares: NDArray[np.float64], products: NDArray[np.float64]) -> NDArray[np.float64]:
    size = float(np.trace(squares)) / len(squares)
    if size <= 0:
        return np.zeros_like(products)
    ridge = squares + RIDGE * size * np.eye(len(squares))
    return np.linalg.solve(ridge, products).astype(np.float64, copy=False)


def _window(
    series: SeriesSet, which: NDArray[np.int64], origins: NDArray[np.int64], lookback: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The last L values without the last, minus the last seen: [n, L - 1, K]; and that, [n, K]."""
    place = origins[:, None] + np.arange(-lookback, 0)
    begin = series.starts[which][:, None]
    x = series.values[begin + np.maximum(place, 0)]
    last = x[:, -1]
    if np.isnan(x).any():
        last, _ = last_seen(series, which, origins)
        x = _filled(x, last)
    return x[:, :-1] - last[:, None], last


def _filled(x: NDArray[np.float64], last: NDArray[np.float64]) -> NDArray[np.float64]:
    """[n, L, K] without gaps: last value seen, at the beginning the first, else `last` [n, K]."""
    known = ~np.isnan(x)
    steps = np.arange(x.shape[1])[None, :, None]
    first = np.where(known.any(axis=1), known.argmax(axis=1), 0)[:, None]
    latest = np.maximum(np.maximum.accumulate(np.where(known, steps, 0), axis=1), first)
    filled = np.take_along_axis(x, latest, axis=1)
    return np.where(np.isnan(filled), last[:, None], filled)


def _spread(series: SeriesSet, stops: NDArray[np.int64]) -> NDArray[np.float64]:
    """Standard deviation of the known values up to `stops`, 1 where it is 0: [S, K]."""
    spread = np.ones((len(series), series.values.shape[1]))
    for s in range(len(series)):
        part = series[s][: stops[s]]
        known = ~np.isnan(part)
        count = np.maximum(known.sum(axis=0), 1)
        mean = np.where(known, part, 0.0).sum(axis=0) / count
        deviation = np.sqrt((np.where(known, part - mean, 0.0) ** 2).sum(axis=0) / count)
        spread[s] = np.where(deviation > 0, deviation, 1.0)
    return spread
