"""A forecaster beside baselines, from rolling origins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data.series import SeriesSet
from unrolled.estimators.backtest_result import Backtest, merged
from unrolled.estimators.backtesting import backtest
from unrolled.estimators.forecasting.memory import check_known
from unrolled.estimators.linear_baseline import baselines

Int = NDArray[np.int64]
Tell = Callable[[int, int], None]

# Pairs of a series and an origin that are forecast at once.
BLOCK = 1024


def run(
    forecaster: Any,
    series: SeriesSet,
    first: Int,
    horizon: int,
    stride: int,
    refit: bool,
    levels: tuple[float, ...],
    metrics: Sequence[str] | None,
    tell: Tell | None,
) -> Backtest:
    """See `Forecaster.backtest`; `first` [S] is the first origin of each series.

    Raises:
        ValueError: a series has no step before its first origin, or is otherwise no use.
    """
    if (first < 1).any():
        s = int(np.argmin(first))
        raise ValueError(
            f"series {series.ids[s]!r} has {series.lengths[s]} steps, which leaves none before the "
            f"first origin; ask for fewer steps than it has"
        )
    if not refit:
        forecaster._check_fitted()
        return _one(forecaster, series, first, None, horizon, stride, levels, metrics, tell, first)
    most = int((series.lengths - horizon - first).max())
    if most < 0:
        raise ValueError(f"no series has {horizon} steps behind its first origin")
    parts = []
    offsets = range(0, most + 1, stride)
    for done, offset in enumerate(offsets, 1):
        origins = first + offset
        has = np.flatnonzero(origins + horizon <= series.lengths)
        part = series.take(has)
        # The checkpoint is that of the forecaster itself.
        arguments = {**forecaster.get_params(deep=False), "checkpoint": None}
        again = type(forecaster)(**arguments)
        again.fit(part.upto(origins[has]))
        scored = np.where(origins + horizon <= series.lengths, origins, series.lengths)
        parts.append(_one(again, series, scored, scored, horizon, 1, levels, metrics, None, first))
        if tell is not None:
            tell(done, len(offsets))
    return merged(parts)


def _one(
    forecaster: Any,
    series: SeriesSet,
    first: Int,
    last: Int | None,
    horizon: int,
    stride: int,
    levels: tuple[float, ...],
    metrics: Sequence[str] | None,
    tell: Tell | None,
    scale_stops: Int,
) -> Backtest:
    """A fitted forecaster from the origins first, first + stride, ... up to last."""
    forecaster._check_targets(series)
    preparation, network = forecaster._preparation, forecaster._memory.network
    scales = preparation.transform.fit(series.upto(first))
    reach = network.layout.reach(horizon)
    has = np.flatnonzero(first + horizon <= series.lengths)
    check_known(series.take(has), series.lengths[has] - horizon, reach)
    prepared = preparation.apply(series, scales, max(horizon, reach))
    season = forecaster.season_

    def points(_: SeriesSet, which: Int, origins: Int, H: int) -> NDArray[np.float64]:
        found: NDArray[np.float64] = network.points(prepared, which, origins, H)
        return found

    def quantiles(
        _: SeriesSet, which: Int, origins: Int, H: int, wanted: Sequence[float]
    ) -> NDArray[np.float64]:
        found: NDArray[np.float64] = network.quantiles(prepared, which, origins, H, wanted)
        return found

    name = type(forecaster).__name__
    # A network also reads windows that begin before a short series, the linear layer does not.
    lookback = min(forecaster.lookback_, max(1, int(scale_stops.max()) - horizon))
    plain = baselines(series, season=season, lookback=lookback, horizon=horizon, stops=scale_stops)
    spread = {name: quantiles} if network.outputs.knows_spread else None
    return backtest(
        {name: points, **plain},
        series,
        horizon=horizon,
        first_origins=first,
        last_origins=last,
        stride=stride,
        season=season,
        scale_stops=scale_stops,
        quantiles=spread,
        levels=levels if spread else (),
        metrics=metrics,
        block=BLOCK,
        tell=tell,
    )
