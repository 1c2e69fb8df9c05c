"""Backtests: forecasts from rolling origins of the past, scored by what came then."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unrolled.data.series import SeriesSet
from unrolled.estimators import forecast_metrics as measure
from unrolled.estimators.backtest_result import TERMS, Backtest, merged
from unrolled.estimators.baselines import Predict, Whole, naive2
from unrolled.estimators.origins import RollingOrigins

__all__ = ["INTERVAL_METRICS", "METRICS", "Backtest", "QuantilePredict", "backtest", "merged"]

# (series, which [n], origins [n], horizon, levels) -> [n, H, K, Q]
QuantilePredict = Callable[[SeriesSet, Whole, Whole, int, tuple[float, ...]], NDArray[np.float64]]
METRICS = ("mae", "mse", "rmse", "smape", "mase", "owa")
QUANTILE_METRICS = ("crps", "coverage", "width")
INTERVAL_METRICS = ("coverage", "width")
DEFAULT = ("mae", "rmse", "smape", "mase", "owa")
REFERENCE_VALUES = 2**18  # of naive2's forecasts at once: it costs a pass over the history

Floats = NDArray[np.float64]


def backtest(
    models: Mapping[str, Predict | None],
    series: SeriesSet,
    *,
    horizon: int,
    first_origins: ArrayLike,
    last_origins: ArrayLike | None = None,
    stride: int = 1,
    season: int = 1,
    scale_stops: ArrayLike | None = None,
    quantiles: Mapping[str, QuantilePredict] | None = None,
    intervals: Mapping[str, QuantilePredict] | None = None,
    levels: Sequence[float] = (),
    metrics: Sequence[str] | None = None,
    block: int = 256,
    tell: Callable[[int, int], None] | None = None,
    notes: Sequence[str] = (),
) -> Backtest:
    """Forecast from the origins first, first + stride, ... of each series, and score all.

    Forecasts are made `block` origins at a time and only their summed errors are kept: memory does
    not grow with the number of origins. A series too short for an origin is left out, and counted
    in the table.

    Args:
        models: name -> forecasts [n, H, K] of n pairs of a series and an origin; a function may
            read a series only before the origin; None has an empty row
        series: S series, K channels; a missing (NaN) value is not scored
        horizon: H, steps of each forecast
        first_origins: [S], or one number for all: known steps at the first origin, 1 or more
        last_origins: [S], or one number: no origin behind it; by default the last with H steps left
        stride: steps between two origins
        season: steps of a season, for the scale of `mase` and the naive2 of `owa`
        scale_stops: [S]: the scale of `mase` is measured on that many steps; `first_origins` by
            default
        quantiles: name of a model -> forecasts [n, H, K, Q] of its quantiles, for its `crps` and
            intervals
        intervals: name of one of them -> the like, for its intervals alone, in place of `quantiles`
        levels: Q rising levels of the quantiles; each pair q and 1 - q makes an interval
        metrics: of mae, mse, rmse, smape, mase, owa and, with quantiles, crps, coverage, width
            (of each interval: "coverage_80", which also names it alone); by default all but mse
        block: origins forecast at once
        tell: called with the number of origins done, and of all, after each block
        notes: sentences to show below the table

    Raises:
        ValueError: An argument is not so, no series has an origin, no value is known, or a
            forecast has another shape or is not finite where the truth is known.
    """
    if not models:
        raise ValueError("models must hold one model or more, got none.")
    quantile_models, interval_models = dict(quantiles or {}), dict(intervals or {})
    _check_names(models, quantile_models, "quantiles must name models of models")
    _check_names(quantile_models, interval_models, "intervals must name models of quantiles")
    for name, value in (("horizon", horizon), ("stride", stride), ("block", block)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
            raise ValueError(f"{name} must be a whole number from 1 on, got {value!r}.")
    measure.check_season(season)
    levels = tuple(float(level) for level in levels)
    if quantile_models:
        measure.check_levels(levels)
    columns, pairs = _columns(metrics, levels if quantile_models else ())
    first = _steps(first_origins, series, "first_origins")
    latest = series.lengths - horizon
    if last_origins is not None:
        latest = np.minimum(latest, _steps(last_origins, series, "last_origins"))
    origins = RollingOrigins(first, latest, stride)
    if not len(origins):
        raise ValueError(
            f"no series has an origin: the longest has {int(series.lengths.max())} steps, and the "
            f"first origin and a horizon of {horizon} need {int(first.min()) + horizon} or more."
        )
    stops = first if scale_stops is None else _steps(scale_stops, series, "scale_stops")
    stops = np.minimum(stops, series.lengths)
    terms = {term for column in columns for term in TERMS.get(column, (column,))}
    run = _Run(series, tuple(models), horizon, terms)
    if "scaled" in terms:
        run.scale = measure.season_scale(series.values, series.starts, stops, season)
    reference = naive2(season) if "owa" in columns else None

    chunk = max(block, REFERENCE_VALUES // (horizon * series.values.shape[1]))
    for start in range(0, len(origins), chunk):
        end = min(start + chunk, len(origins))
        if reference is not None:
            which, origin = origins.block(start, end)
            run.add_reference(which, origin, reference(series, which, origin, horizon))
        for begin in range(start, end, block):
            stop = min(begin + block, end)
            which, origin = origins.block(begin, stop)
            truth = run.truth(which, origin)
            run.count(which, truth)
            for name, predict in models.items():
                if predict is None:
                    run.leave_empty(name)
                    continue
                forecast = predict(series, which, origin, horizon)
                run.add(name, which, origin, truth, forecast)
            for name, predict_quantiles in quantile_models.items():
                own = interval_models.get(name, predict_quantiles)
                score = (name, which, origin, truth)
                if own is predict_quantiles or "crps" in terms:
                    found = predict_quantiles(series, which, origin, horizon, levels)
                    apart = pairs if own is predict_quantiles else {}
                    run.add_quantiles(*score, found, levels, apart, "crps" in terms)
                if own is not predict_quantiles and pairs:
                    found = own(series, which, origin, horizon, levels)
                    run.add_quantiles(*score, found, levels, pairs, False)
            if tell is not None:
                tell(stop, len(origins))
    if not run.known.any():
        raise ValueError("every value behind the origins is missing; nothing can be scored.")
    return Backtest(
        models=tuple(models),
        metrics=columns,
        ids=series.ids,
        origins=origins.counts,
        sums=run.sums,
        reference=run.reference,
        known=run.known,
        scaled=run.scaled,
        notes=tuple(notes),
    )


class _Run:
    """The sums of a running backtest: a block of n origins is added to those of its series."""

    def __init__(
        self, series: SeriesSet, models: tuple[str, ...], horizon: int, terms: set[str]
    ) -> None:
        self.series, self.models, self.terms = series, models, terms
        shape = (len(series), horizon)
        self.horizon = horizon
        self.scale: Floats | None = None
        self.known = np.zeros(shape, dtype=np.int64)
        self.scaled = np.zeros(shape, dtype=np.int64)
        self.sums = {term: np.zeros((len(models), *shape)) for term in sorted(terms)}
        for term in terms - {"absolute", "squared", "symmetric", "scaled"}:
            self.sums[term][:] = np.nan  # until a model has quantiles
        self.reference = {term: np.zeros(shape) for term in ("symmetric", "scaled")}

    def truth(self, which: Whole, origins: Whole) -> Floats:
        """What came behind the origins, [n, H, K]."""
        rows = (self.series.starts[which] + origins)[:, None] + np.arange(self.horizon)
        values: Floats = self.series.values[rows]
        return values

    def count(self, which: Whole, truth: Floats) -> None:
        known = ~np.isnan(truth)
        _add(self.known, which, known.sum(axis=2))
        if self.scale is not None:
            scaled = known & ~np.isnan(self.scale[which])[:, None]
            _add(self.scaled, which, scaled.sum(axis=2))

    def add(self, name: str, which: Whole, origins: Whole, truth: Floats, forecast: Floats) -> None:
        forecast = np.asarray(forecast, dtype=np.float64)
        self._check(name, which, origins, truth, forecast, truth.shape)
        number = self.models.index(name)
        for term, error in self._errors(which, truth, forecast, self.terms).items():
            _add(self.sums[term][number], which, _total(error))

    def add_reference(self, which: Whole, origins: Whole, forecast: Floats) -> None:
        truth = self.truth(which, origins)
        forecast = np.nan_to_num(forecast)  # 0 where nothing was seen before the origin
        self._check("naive2", which, origins, truth, forecast, truth.shape)
        errors = self._errors(which, truth, forecast, {"symmetric", "scaled"})
        for term, error in errors.items():
            _add(self.reference[term], which, _total(error))

    def leave_empty(self, name: str) -> None:
        for sums in self.sums.values():
            sums[self.models.index(name)] = np.nan

    def add_quantiles(
        self,
        name: str,
        which: Whole,
        origins: Whole,
        truth: Floats,
        found: Floats,
        levels: tuple[float, ...],
        intervals: Mapping[str, tuple[int, int]],
        crps: bool,
    ) -> None:
        found = np.asarray(found, dtype=np.float64)
        shape = (*truth.shape, len(levels))
        self._check(f"{name} (quantiles)", which, origins, truth, found, shape)
        if crps:
            self._add(name, "crps", which, measure.crps_from_quantiles(truth, found, levels))
        for column, (low, high) in intervals.items():
            kind = measure.covered if column.startswith("coverage") else measure.interval_width
            self._add(name, column, which, kind(truth, found[..., low], found[..., high]))

    def _add(self, name: str, term: str, which: Whole, score: Floats) -> None:
        sums = self.sums[term][self.models.index(name)]
        if np.isnan(sums[0, 0]):
            sums[:] = 0
        _add(sums, which, _total(score))

    def _errors(
        self, which: Whole, truth: Floats, forecast: Floats, terms: set[str]
    ) -> dict[str, Floats]:
        errors: dict[str, Floats] = {}
        if {"absolute", "scaled"} & terms:
            absolute = measure.absolute_error(truth, forecast)
            if "absolute" in terms:
                errors["absolute"] = absolute
            if "scaled" in terms and self.scale is not None:
                errors["scaled"] = absolute / self.scale[which][:, None]
        if "squared" in terms:
            errors["squared"] = measure.squared_error(truth, forecast)
        if "symmetric" in terms:
            errors["symmetric"] = measure.symmetric_error(truth, forecast)
        return errors

    def _check(
        self,
        name: str,
        which: Whole,
        origins: Whole,
        truth: Floats,
        forecast: Floats,
        shape: tuple[int, ...],
    ) -> None:
        if forecast.shape != shape:
            raise ValueError(
                f"model {name!r} gave forecasts of shape {list(forecast.shape)}; {list(shape)} is "
                "needed."
            )
        bad = ~np.isfinite(forecast)
        if bad.any():
            needed = ~np.isnan(truth)
            bad &= needed if bad.ndim == 3 else needed[..., None]
            if bad.any():
                n, h, *_ = np.argwhere(bad)[0]
                value = forecast[n, h][bad[n, h]][0]
                raise ValueError(
                    f"model {name!r} forecast {value} for series {self.series.ids[which[n]]!r} at "
                    f"origin {origins[n]}, step {h + 1}; a finite number is needed."
                )


def _total(errors: Floats) -> Floats:
    """Sums over the channels that are known: [n, H]."""
    totals: Floats = np.where(np.isnan(errors), 0.0, errors).sum(axis=2)
    return totals


def _add(sums: NDArray[Any], which: Whole, rows: NDArray[Any]) -> None:
    """Add rows [n, H] to those of their series in sums [S, H]; `which` rises."""
    begins = np.flatnonzero(np.diff(which, prepend=-1))
    sums[which[begins]] += np.add.reduceat(rows, begins, axis=0)


def interval_levels(levels: Sequence[float]) -> dict[str, tuple[int, int]]:
    """Coverage in percent -> positions of the two levels q and 1 - q, the widest first."""
    return {
        f"{100 * (levels[high] - level):.6g}": (low, high)
        for low, level in enumerate(levels)
        for high in range(low + 1, len(levels))
        if abs(level + levels[high] - 1) < 1e-9
    }


def _columns(
    metrics: Sequence[str] | None, levels: tuple[float, ...]
) -> tuple[tuple[str, ...], dict[str, tuple[int, int]]]:
    """Names of the columns; those of intervals -> positions of their two levels."""
    asked = [metrics] if isinstance(metrics, str) else metrics
    if asked is None:
        asked = [*DEFAULT, *(QUANTILE_METRICS if levels else ())]
    pairs = interval_levels(levels)
    each = {f"{kind}_{size}": pair for size, pair in pairs.items() for kind in INTERVAL_METRICS}
    columns: list[str] = []
    intervals = {}
    for metric in asked:
        if metric in each:
            columns.append(metric)
            intervals[metric] = each[metric]
            continue
        if metric not in METRICS + QUANTILE_METRICS:
            known = ", ".join(METRICS + QUANTILE_METRICS)
            raise ValueError(f"metrics must be of {known}, got {metric!r}.")
        if metric in QUANTILE_METRICS and not levels:
            raise ValueError(f"metrics holds {metric!r}, which needs quantiles and levels.")
        if metric not in INTERVAL_METRICS:
            columns.append(metric)
            continue
        if metrics is not None and not pairs:
            raise ValueError(
                f"metrics holds {metric!r}, but levels has no pair q and 1 - q, got {list(levels)}."
            )
        for size, pair in pairs.items():
            columns.append(f"{metric}_{size}")
            intervals[columns[-1]] = pair
    if not columns or len(set(columns)) < len(columns):
        raise ValueError(f"metrics must name one or more metrics, each once, got {list(asked)}.")
    return tuple(columns), intervals


def _check_names(names: Mapping[str, Any], used: Mapping[str, Any], rule: str) -> None:
    unknown = sorted(set(used) - set(names))
    if unknown:
        raise ValueError(f"{rule}, got {', '.join(unknown)}.")


def _steps(steps: ArrayLike, series: SeriesSet, name: str) -> Whole:
    array = np.asarray(steps)
    if array.dtype.kind not in "iu" or array.shape not in ((), (len(series),)):
        raise ValueError(
            f"{name} must be {len(series)} whole numbers, one a series, or one for all, got "
            f"{array.dtype} of shape {list(array.shape)}."
        )
    if array.size and array.min() < 1:
        raise ValueError(f"{name} must be 1 or more, got {int(array.min())}.")
    return np.broadcast_to(array, (len(series),)).astype(np.int64)
