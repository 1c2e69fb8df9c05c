"""A forecaster beside baselines, from rolling origins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.data.series import SeriesSet
from unrolled.estimators.backtest_result import Backtest, merged
from unrolled.estimators.backtesting import DEFAULT, backtest, interval_levels
from unrolled.estimators.baselines import Predict, last_seen
from unrolled.estimators.forecasting.fitted_on import same_series
from unrolled.estimators.forecasting.learning import error_scale
from unrolled.estimators.forecasting.memory import check_known
from unrolled.estimators.forecasting.transform import Scales
from unrolled.estimators.linear_baseline import baselines

F64 = NDArray[np.float64]
Int = NDArray[np.int64]
Tell = Callable[[int, int], None]

# Pairs of a series and an origin that are forecast at once.
BLOCK = 1024
# Of the quantiles of distributions and of measured errors, where nobody says.
LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


class Asked(NamedTuple):
    """What a backtest is asked for; see `Forecaster.backtest`.

    Attributes:
        first: [S] first origin of each series.
        horizon: steps of a forecast.
        stride: steps between origins.
        levels: of quantiles, None for those that the forecaster knows.
        metrics: names, None for the usual ones.
        named: the series have names by which they are known.
        tell: called with the number of origins done, and of all.
    """

    first: Int
    horizon: int
    stride: int
    levels: tuple[float, ...] | None
    metrics: Sequence[str] | None
    named: bool
    tell: Tell | None


class Rolling:
    """Forecasts of a fitted forecaster from any origin of series.

    Series that it was fitted on keep the scales of the fit, and those of their errors. Others are
    scaled by what is before their first origin.

    Args:
        forecaster: a fitted `Forecaster`.
        series: S series.
        first: [S] no origin lies before it.
        horizon: steps of a forecast.
        named: the series have names by which they are known; else they are those of the fit if
            there are as many.

    Raises:
        ValueError: the series are not such as it reads, or covariates are not known.
    """

    def __init__(
        self, forecaster: Any, series: SeriesSet, first: Int, horizon: int, named: bool
    ) -> None:
        forecaster._check_targets(series)
        memory, preparation = forecaster._memory, forecaster._preparation
        self.network, self.conformal = memory.network, forecaster._conformal
        if self.conformal is not None and horizon > len(self.conformal.counts):
            self.conformal = None
        reach = self.network.layout.reach(horizon)
        has = np.flatnonzero(first + horizon <= series.lengths)
        check_known(series.take(has), series.lengths[has] - horizon, reach)
        self.places = same_series(series, memory.tail, by_name=named)
        part = series.upto(np.minimum(first, series.lengths))
        # Without names others may be as many, whose scale is quite another.
        places = self.places if named else forecaster._fitted_on.recognized(series, self.places)
        known = (places >= 0)[:, None]
        center, scale = (
            np.where(known, of_fit[places], own)
            for of_fit, own in zip(memory.scales, preparation.transform.fit(part), strict=True)
        )
        widths = error_scale(part, part.lengths, forecaster.season_)
        self.widths: F64 = np.where(known, memory.error_scale[places], widths)
        self.prepared = preparation.apply(series, Scales(center, scale), max(horizon, reach))
        self._last: tuple[Any, ...] = (None, None, 0, None)

    def points(self, _: SeriesSet, which: Int, origins: Int, H: int) -> F64:
        """Forecasts [n, H, K]; those of the last call are kept."""
        if self._last[0] is not which or self._last[1] is not origins or self._last[2] != H:
            found = self.network.points(self.prepared, which, origins, H)
            self._last = (which, origins, H, found)
        points: F64 = self._last[3]
        return points

    def quantiles(
        self, _: SeriesSet, which: Int, origins: Int, H: int, levels: Sequence[float]
    ) -> F64:
        """Quantiles [n, H, K, Q] that the network learnt."""
        found: F64 = self.network.quantiles(self.prepared, which, origins, H, levels)
        return found

    def measured(
        self, series: SeriesSet, which: Int, origins: Int, H: int, levels: Sequence[float]
    ) -> F64:
        """Ends [n, H, K, Q] of intervals as wide as the errors that were measured.

        Level q is the lower end of the interval of coverage 1 - 2 q, or the upper one of 2 q - 1.
        """
        assert self.conformal is not None
        points = self.points(series, which, origins, H)
        ends = np.repeat(points[..., None], len(levels), axis=-1)
        for i, level in enumerate(levels):
            coverage = round(abs(1 - 2 * level), 12)
            if coverage > 0:
                widths = self.widths[which][:, None]
                ends[..., i] = self.conformal.interval(points, coverage, widths)[int(level > 0.5)]
        return ends

    def levels(self) -> tuple[float, ...]:
        """Those that are learnt, or nine from 0.1 to 0.9; () where nothing is known of a spread."""
        levels = self.network.outputs.levels or LEVELS
        if self.conformal is not None:
            n = int(self.conformal.counts.min())
            return tuple(q for q in levels if abs(1 - 2 * q) <= n / (n + 1) + 1e-12)
        return levels if self.network.outputs.knows_spread else ()


def run(forecaster: Any, series: SeriesSet, asked: Asked, *, refit: bool) -> Backtest:
    """See `Forecaster.backtest`.

    Raises:
        ValueError: a series has no step before its first origin, or is otherwise no use.
    """
    first, horizon = asked.first, asked.horizon
    check_first(series, first)
    if not refit:
        rolling = Rolling(forecaster, series, first, horizon, asked.named)
        notes = _seen(forecaster, series, rolling.places, first)
        plain = _baselines(forecaster, series, first, horizon, notes)
        return _scored(forecaster, rolling, series, asked, first, None, plain, notes)
    most = int((series.lengths - horizon - first).max())
    if most < 0:
        raise ValueError(f"no series has {horizon} steps behind its first origin")
    parts = []
    offsets = range(0, most + 1, asked.stride)
    for done, offset in enumerate(offsets, 1):
        origins = first + offset
        has = np.flatnonzero(origins + horizon <= series.lengths)
        part = series.take(has)
        known = part.upto(origins[has])
        # The checkpoint is that of the forecaster itself.
        arguments = {**forecaster.get_params(deep=False), "checkpoint": None}
        again = type(forecaster)(**arguments)
        again.fit(known)
        scored = np.where(origins + horizon <= series.lengths, origins, series.lengths)
        rolling = Rolling(again, series, scored, horizon, named=True)
        notes = []
        plain = _baselines(again, known, known.lengths, horizon, notes)
        one = asked._replace(stride=1, tell=None)
        parts.append(_scored(again, rolling, series, one, scored, scored, plain, notes))
        if asked.tell is not None:
            asked.tell(done, len(offsets))
    return merged(parts)


def check_first(series: SeriesSet, first: Int) -> None:
    """Whether each series has a step before its first origin.

    Raises:
        ValueError: one has none.
    """
    if (first < 1).any():
        s = int(np.argmin(first))
        raise ValueError(
            f"series {series.ids[s]!r} has {series.lengths[s]} steps, which leaves none before the "
            f"first origin; ask for fewer steps than it has"
        )


def _scored(
    forecaster: Any,
    rolling: Rolling,
    series: SeriesSet,
    asked: Asked,
    first: Int,
    last: Int | None,
    plain: dict[str, Predict | None],
    notes: list[str],
) -> Backtest:
    """A fitted forecaster and baselines from the origins first, first + stride, ... up to last."""
    name = type(forecaster).__name__
    knows = rolling.network.outputs.knows_spread
    levels = rolling.levels() if asked.levels is None else asked.levels
    if not knows and rolling.conformal is None:
        levels = ()
    quantiles = {name: rolling.quantiles if knows else rolling.measured} if levels else {}
    intervals = {name: rolling.measured} if levels and knows and rolling.conformal else {}
    metrics = asked.metrics
    if metrics is None and asked.levels is None and levels:
        widest = list(interval_levels(levels))[:1]
        both = [f"{kind}_{size}" for size in widest for kind in ("coverage", "width")]
        metrics = (*DEFAULT, "crps", *both)
    if forecaster._conformal is not None and rolling.conformal is None:
        notes.append(
            f"intervals by measured errors are not scored: {len(forecaster._conformal.counts)} "
            f"steps ahead were measured, fewer than {asked.horizon}"
        )
    return backtest(
        {name: rolling.points, **plain},
        series,
        horizon=asked.horizon,
        first_origins=first,
        last_origins=last,
        stride=asked.stride,
        season=forecaster.season_,
        scale_stops=asked.first,
        quantiles=quantiles,
        intervals=intervals,
        levels=levels,
        metrics=metrics,
        block=BLOCK,
        tell=asked.tell,
        notes=notes,
    )


def _baselines(
    forecaster: Any, series: SeriesSet, stops: Int, horizon: int, notes: list[str]
) -> dict[str, Predict | None]:
    """Those that stand beside a forecaster, none of which can stop it."""
    plain = baselines(
        series, season=forecaster.season_, lookback=forecaster.lookback_, horizon=horizon,
        stops=stops,
    )  # fmt: skip
    if plain["linear"] is None:
        notes.append(f"linear has no scores: no {horizon} steps to fit it on before an origin")
    last, _ = last_seen(series, np.arange(len(series)), stops)
    unseen = int(np.isnan(last).any(axis=1).sum())
    if not unseen:
        return plain
    notes.append(f"baselines forecast 0 for {unseen:,} series without a value before an origin")

    def filled(predict: Predict | None) -> Predict | None:
        if predict is None:
            return None
        return lambda *asked: np.nan_to_num(predict(*asked))

    return {name: filled(predict) for name, predict in plain.items()}


def _seen(forecaster: Any, series: SeriesSet, places: Int, first: Int) -> list[str]:
    """A note where steps are scored that were part of the fit."""
    seen = forecaster._fitted_on.seen(series, places, first)
    if not seen.any():
        return []
    many, most = int((seen > 0).sum()), int(seen.max())
    told = f"up to {most:,} scored steps of {many:,} series were part of the fit, which flatters it"
    return [f"{told}: hold them back, or refit at each origin"]
