"""What a `Forecaster` tells of itself from rolling origins: scores, and forecasts beside truth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.data.series import SeriesSet
from unrolled.data.tables import is_dataframe
from unrolled.estimators.backtest_result import Backtest
from unrolled.estimators.forecasting.evaluation import Asked, Rolling, check_first, run
from unrolled.estimators.forecasting.parts import whole_number
from unrolled.estimators.forecasting.reading import Kind, Roles, read, read_alike, several
from unrolled.estimators.forecasting.saving import ForecastSaving
from unrolled.estimators.options import check_options

F64 = NDArray[np.float64]


class Forecasts(NamedTuple):
    """Forecasts of one series from n origins, beside what came; [n, H] for [n, H, K] of X [T].

    Attributes:
        origins: [n] steps known at each.
        truth: [n, H, K], NaN where missing.
        forecast: [n, H, K].
        times: [n, H] of the steps, None without.
    """

    origins: NDArray[np.int64]
    truth: F64
    forecast: F64
    times: NDArray[Any] | None


@dataclass(kw_only=True, eq=False, repr=False)
class ForecastBacktests(ForecastSaving):
    """Reading other series, and forecasts of them from rolling origins."""

    def backtest(
        self,
        X: Any,
        *,
        steps: int | None = None,
        horizon: int | None = None,
        stride: int = 1,
        refit: bool = False,
        levels: Sequence[float] | None = None,
        metrics: Sequence[str] | None = None,
        past: Any = None,
        future: Any = None,
        static: Any = None,
        times: Any = None,
        tell: Callable[[int, int], None] | None = None,
    ) -> Backtest:
        """Forecast the last steps of series from rolling origins, beside plain baselines.

        The baselines are the last value, that of a season before, the line through first and last
        value, and a linear layer of the same look-back, fitted on all that lies before the first
        origin; with `refit` on all that lies before each.

        A series that the forecaster was fitted on keeps the scales of the fit, as in `predict`;
        any other is scaled by what lies before its first origin. Series of a DataFrame are known by
        their names; arrays, if there are as many as in the fit, by the last value of the fit where
        it was. Steps of the fit behind the first origin are told by a note below the table.

        Args:
            X: whole series, of which the forecaster has seen the last steps neither in `fit` nor in
                `update`, unless `refit` is set.
            steps: last steps of each series that are forecast; None takes one horizon.
            horizon: steps of a forecast; None takes the estimator's.
            stride: steps from an origin to the next.
            refit: fit anew, with the same arguments, on what is before each origin.
            levels: of quantiles, where a spread is known; None takes those of the loss "quantile",
                else 0.1 to 0.9. With `calibration_steps` coverage and width are those of
                `predict_interval`.
            metrics: see `unrolled.estimators.backtesting.backtest`; "crps" is twice the mean
                pinball loss of the levels.
            past, future, static, times: of X, as in `fit`.
            tell: called with the number of origins done, and of all.

        Returns:
            A table by model, series and step; `print(it.table())` shows it.

        Raises:
            ValueError: the series are too short, or not those that the forecaster reads.
        """
        check_options(self)
        if not refit:
            self._check_fitted()
        given = {"past": past, "future": future, "static": static, "times": times}
        series, _ = self._read_known(X, given)
        H, first = self._first_origins(series, steps, horizon)
        asked = Asked(
            *(first, H, whole_number("stride", stride)),
            None if levels is None else tuple(levels),
            metrics,
            *(is_dataframe(X) or isinstance(X, SeriesSet), tell),
        )
        return run(self, series, asked, refit=refit)

    def forecasts(
        self,
        X: Any,
        *,
        series: Any = None,
        steps: int | None = None,
        horizon: int | None = None,
        stride: int = 1,
        past: Any = None,
        future: Any = None,
        static: Any = None,
        times: Any = None,
    ) -> Forecasts:
        """The forecasts of one series that `backtest` scores, beside what came.

        `truth - forecast` are the residuals: `plots.residuals(found.truth[:, 0] -
        found.forecast[:, 0])` draws those of one step ahead.

        Args:
            X, steps, horizon, stride, past, future, static, times: as in `backtest`.
            series: name of the series, or its place where they have none; needed of several.

        Raises:
            ValueError: as in `backtest`, or there is no such series.
        """
        self._check_fitted()
        given = {"past": past, "future": future, "static": static, "times": times}
        whole, kind = self._read_known(X, given)
        s = _place(whole, series)
        H, first = self._first_origins(whole, steps, horizon)
        check_first(whole, first)
        named = is_dataframe(X) or isinstance(X, SeriesSet)
        rolling = Rolling(self, whole, first, H, named)
        origins = np.arange(first[s], whole.lengths[s] - H + 1, whole_number("stride", stride))
        which = np.full(len(origins), s)
        forecast = rolling.points(whole, which, origins, H)
        rows = origins[:, None] + np.arange(H)
        truth, when = whole[s][rows], None
        if whole.first is not None:
            when = whole.times(s, 0, int(whole.lengths[s]))[rows]
        if kind.flat:
            truth, forecast = truth[..., 0], forecast[..., 0]
        return Forecasts(origins, truth, forecast, when)

    def _first_origins(
        self, series: SeriesSet, steps: int | None, horizon: int | None
    ) -> tuple[int, NDArray[np.int64]]:
        """Steps of a forecast, and the first origin of each series."""
        H = whole_number("horizon", self.horizon if horizon is None else horizon)
        last = H if steps is None else whole_number("steps", steps)
        if last < H:
            raise ValueError(f"steps={last} leaves no origin: each forecast has {H} steps")
        return H, series.lengths - last

    def _read_known(self, X: Any, given: dict[str, Any]) -> tuple[SeriesSet, Kind]:
        """Series, which must be like those of the fit if there was one."""
        if not self.__sklearn_is_fitted__():
            return read(X, self._roles(), None, **given)
        return self._read_alike(X, given)

    def _read_alike(self, X: Any, given: dict[str, Any]) -> tuple[SeriesSet, Kind]:
        """Other series, of the targets and the frequency that are known."""
        known = self._memory.tail.frequency
        series, kind = read_alike(X, self._roles(), self._known_levels(), known, **given)
        self._check_targets(series)
        return series, kind

    def _roles(self) -> Roles:
        return Roles(
            self.time_column, self.group_column, several(self.target_columns),
            several(self.past_columns), several(self.future_columns),
            several(self.static_columns), self.frequency, self.gaps,
        )  # fmt: skip

    def _known_levels(self) -> dict[str, tuple[str, ...]] | None:
        return self._preparation.levels() if self.__sklearn_is_fitted__() else None


def _place(series: SeriesSet, name: Any) -> int:
    """Which series is asked for.

    Raises:
        ValueError: there is no such series, or there are several and none is named.
    """
    if name is None and len(series) == 1:
        return 0
    if name not in series.ids:
        few = ", ".join(repr(one) for one in series.ids[:5])
        raise ValueError(
            f"series must name one of the {len(series):,} series ({few}), got {name!r}"
        )
    return series.ids.index(name)
