"""Forecasting: one network for one series or thousands."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data.series import SeriesSet
from unrolled.data.series_output import forecast_frame
from unrolled.data.tables import is_dataframe
from unrolled.estimators.backtest_result import Backtest
from unrolled.estimators.forecast_metrics import check_levels
from unrolled.estimators.forecasting.evaluation import run
from unrolled.estimators.forecasting.learning import error_scale
from unrolled.estimators.forecasting.memory import Memory
from unrolled.estimators.forecasting.parts import split, whole_number
from unrolled.estimators.forecasting.reading import (
    Kind,
    Roles,
    one_step,
    read,
    read_new,
    several,
    which_series,
)
from unrolled.estimators.forecasting.saving import ForecastSaving
from unrolled.estimators.options import check_options
from unrolled.estimators.parts import Seeds, seeds
from unrolled.estimators.trainable import Trainable, read_checkpoint
from unrolled.runtime.files import check_writable

if TYPE_CHECKING:
    from typing_extensions import Self


# Of the paths that a forecast follows: the same forecast comes out each time.
SEED = 0


@dataclass(kw_only=True, eq=False, repr=False)
class Forecaster(ForecastSaving):
    """A recurrent network that forecasts one series or thousands, of one target or several.

    X is one series [T] or [T, K], a list of series of any lengths, an array [S, T, K], or a
    DataFrame in long form whose columns are named by `time_column`, `group_column` and
    `target_columns`. NaN is a missing value: it counts in no loss, and is read as the last value
    before it, with a column that tells so. What comes back is of the same kind.

    All arguments stand in `docs/arguments.md`, described in `ForecastingArguments` and
    `TrainingArguments`.

    Attributes:
        series_: how many series it was fitted on.
        targets_: names of the targets.
        lookback_: L, steps that are read.
        season_: steps of a season, 1 without.
    """

    def fit(
        self,
        X: Any,
        y: None = None,
        *,
        past: Any = None,
        future: Any = None,
        static: Any = None,
        times: Any = None,
        resume_from: str | os.PathLike[str] | None = None,
    ) -> Self:
        """Learn from series; a fit that fails or is interrupted leaves the estimator as it was.

        Args:
            X: the series, see the class.
            y: not read; here for scikit-learn's pipelines.
            past: covariates known up to the present, nested like X, [T, P] each.
            future: covariates known ahead, [T', F] each with T' >= T; what is behind the end of X
                is for `predict`.
            static: covariates that do not change, [S, Q].
            times: of the steps, nested like X.
            resume_from: a checkpoint of a fit with the same arguments and data that was stopped.

        Returns:
            The estimator itself.

        Raises:
            ValueError: an argument or the data cannot be used; says which and why.
            TypeError: X is of a wrong kind.
            FloatingPointError: the loss became NaN or infinite; says in which batch.
            OSError: the checkpoint cannot be written.
        """
        check_options(self)
        self._check_together()
        if self.checkpoint is not None:
            check_writable(self.checkpoint)
        with self._unchanged_on_error():
            stored = None if resume_from is None else read_checkpoint(resume_from)
            drawn = seeds(self.random_state)
            if stored is not None and self.random_state is None:
                drawn = Seeds(stored.seed)
            series, self._kind = read(
                X, self._roles(), None, past=past, future=future, static=static, times=times
            )
            stops = split(series, self._watched(), int(self.calibration_steps))
            prepared = self._learn(series, stops)
            data, watched = self._windows(prepared, series, stops, drawn)
            self._train(data, watched, drawn, stored)
            self._calibrate(series, stops, prepared)
            self._memory = Memory(
                *(self._network(), self._preparation, series, prepared.scales),
                error_scale(series, stops.watched, self.season_),
            )
        return self

    def predict(
        self, horizon: int | None = None, *, X: Any = None, past: Any = None, future: Any = None,
        static: Any = None, times: Any = None,
    ) -> Any:  # fmt: skip
        """Forecast what follows the series of `fit` and `update`, or those of X.

        The forecast is the median where a distribution or quantiles are learnt, the mean with the
        loss "squared".

        Args:
            horizon: steps; None takes the estimator's.
            X: other series, of which the last steps are read; scaled by what X holds of them.
            past, future, static, times: of X, as in `fit`.

        Returns:
            [H], [H, K], [S, H] or [S, H, K] as X was given, or a DataFrame.

        Raises:
            ValueError: the horizon is longer than the network's, or covariates are not known.
        """
        memory, kind, steps = self._from(horizon, X, past, future, static, times)
        return self._given_back(kind, memory, {"": memory.points(steps, SEED)})

    def predict_quantiles(
        self, levels: Sequence[float] = (0.1, 0.5, 0.9), horizon: int | None = None, *,
        X: Any = None, past: Any = None, future: Any = None, static: Any = None, times: Any = None,
    ) -> Any:  # fmt: skip
        """Quantiles of what follows, which never cross; arguments as of `predict`.

        Args:
            levels: between 0 and 1, rising.

        Returns:
            As `predict`, with the levels as last axis; a DataFrame has a column a level.

        Raises:
            ValueError: the loss learns no spread, or a level is outside what it learns.
        """
        wanted = check_levels(levels).tolist()
        memory, kind, steps = self._from(horizon, X, past, future, static, times)
        found = memory.quantiles(steps, wanted, SEED)
        if kind.like is None:
            return kind.shape(found)
        each = {f"_q{level:g}": found[..., i] for i, level in enumerate(wanted)}
        return self._given_back(kind, memory, each)

    def predict_interval(
        self, coverage: float = 0.8, horizon: int | None = None, *, X: Any = None, past: Any = None,
        future: Any = None, static: Any = None, times: Any = None,
    ) -> Any:  # fmt: skip
        """Lower and upper ends that hold a value with this probability; arguments as of `predict`.

        With `calibration_steps` the ends are measured errors wide (split conformal), whatever the
        loss; else they are quantiles of what is learnt.

        Returns:
            As `predict`, with lower and upper end as last axis.

        Raises:
            ValueError: nothing is known of the spread.
        """
        if not isinstance(coverage, float | np.floating) or not 0 < coverage < 1:
            raise ValueError(f"coverage must be between 0 and 1, got {coverage!r}")
        memory, kind, steps = self._from(horizon, X, past, future, static, times)
        found = np.stack(self._ends(memory, steps, float(coverage)), axis=-1)
        if kind.like is None:
            return kind.shape(found)
        return self._given_back(kind, memory, {"_low": found[..., 0], "_high": found[..., 1]})

    def sample(
        self, num_samples: int = 100, horizon: int | None = None, *, random_state: Any = None,
        X: Any = None, past: Any = None, future: Any = None, static: Any = None, times: Any = None,
    ) -> Any:  # fmt: skip
        """Draws of what follows: paths with strategy "recursive", else each step by itself.

        Returns:
            As `predict` as arrays, with the samples as last axis.

        Raises:
            ValueError: the loss learns no distribution.
        """
        num = whole_number("num_samples", num_samples)
        memory, kind, steps = self._from(horizon, X, past, future, static, times)
        return kind.shape(memory.samples(steps, num, seeds(random_state).base))

    def update(
        self, values: Any, *, past: Any = None, future: Any = None, times: Any = None
    ) -> Self:
        """Go on by new values, without training: the next forecast begins behind them.

        With strategy "recursive" the state goes on from value to value, and nothing of the past is
        read again; else the look-back moves on.

        Args:
            values: of all series, as X was given: [n] or [n, K] for one, a list of such for
                several; a DataFrame with the rows of any of the series.
            past, future: covariates of the new steps; `future` goes on where what is known ends.
            times: of the new steps, where a check against the last known time is wanted.

        Raises:
            ValueError: the values do not follow those before; nothing has changed then.
        """
        self._check_fitted()
        if past is None and future is None and times is None:
            one = one_step(values, self._kind, len(self._memory.scales.scale), len(self.targets_))
            if one is not None and self._memory.advance(one):
                return self
        new, which = self._read_new(values, past, future, times)
        self._memory.update(new, which)
        return self

    def backtest(
        self,
        X: Any,
        *,
        steps: int | None = None,
        horizon: int | None = None,
        stride: int = 1,
        refit: bool = False,
        levels: Sequence[float] = (0.1, 0.5, 0.9),
        metrics: Sequence[str] | None = None,
        past: Any = None,
        future: Any = None,
        static: Any = None,
        times: Any = None,
        tell: Callable[[int, int], None] | None = None,
    ) -> Backtest:
        """Forecast the last steps of series from rolling origins, beside plain baselines.

        The baselines are fitted on what is before the first origin: the last value, that of a
        season before, a line through first and last value, and a linear layer on the same windows.

        Args:
            X: whole series, of which the forecaster has seen the last steps neither in `fit` nor in
                `update`, unless `refit` is set.
            steps: last steps of each series that are forecast; None takes one horizon.
            horizon: steps of a forecast; None takes the estimator's.
            stride: steps from an origin to the next.
            refit: fit anew, with the same arguments, on what is before each origin.
            levels: of quantiles, where they are learnt.
            metrics: see `unrolled.estimators.backtesting.backtest`.
            past, future, static, times: of X, as in `fit`.
            tell: called with the number of origins done, and of all.

        Returns:
            A table by model, series and step; `print(it.table())` shows it.

        Raises:
            ValueError: the series are too short, or not those that the forecaster reads.
        """
        check_options(self)
        series, _ = read(
            X, self._roles(), self._known_levels(),
            past=past, future=future, static=static, times=times,
        )  # fmt: skip
        H = whole_number("horizon", self.horizon if horizon is None else horizon)
        last = H if steps is None else whole_number("steps", steps)
        if last < H:
            raise ValueError(f"steps={last} leaves no origin: each forecast has {H} steps")
        first = series.lengths - last
        stride = whole_number("stride", stride)
        return run(self, series, first, H, stride, refit, tuple(levels), metrics, tell)

    def explain(self) -> str:
        """What computes this model, a line each, and what it remembers; see `Trainable.explain`."""
        told = Trainable.explain(self)
        kept = (
            "the state goes on from value to value"
            if self.strategy == "recursive"
            else (f"the last {self.lookback_} steps are read for each forecast")
        )
        return f"{told}\nmemory: {kept}"

    @property
    def tail_(self) -> SeriesSet:
        """The last steps that are remembered of each series."""
        self._check_fitted()
        return self._memory.tail

    def _ends(self, memory: Memory, steps: int, coverage: float) -> tuple[Any, Any]:
        if self._conformal is not None:
            most = len(self._conformal.counts)
            if steps > most:
                raise ValueError(
                    f"errors were measured for {most} steps ahead, got horizon={steps}; fit with "
                    "that horizon, or without calibration_steps and with a distribution as loss"
                )
            points = memory.points(steps, SEED)
            return self._conformal.interval(points, coverage, memory.error_scale[:, None])
        # 1 - 0.8 is 0.19999999999999996.
        levels = [round(0.5 - 0.5 * coverage, 12), round(0.5 + 0.5 * coverage, 12)]
        found = memory.quantiles(steps, levels, SEED)
        return found[..., 0], found[..., 1]

    def _roles(self) -> Roles:
        return Roles(
            self.time_column, self.group_column, several(self.target_columns),
            several(self.past_columns), several(self.future_columns),
            several(self.static_columns), self.frequency, self.gaps,
        )  # fmt: skip

    def _watched(self) -> int | float | None:
        if self.validation_steps is not None:
            return int(self.validation_steps)
        return float(self.validation_fraction) or None

    def _known_levels(self) -> dict[str, tuple[str, ...]] | None:
        return self._preparation.levels() if self.__sklearn_is_fitted__() else None

    def _from(
        self, horizon: int | None, X: Any, past: Any, future: Any, static: Any, times: Any
    ) -> tuple[Memory, Kind, int]:
        """What is remembered of the series that are asked for, what they were given as, and H."""
        self._check_fitted()
        steps = whole_number("horizon", self.horizon if horizon is None else horizon)
        given = {"past": past, "future": future, "static": static, "times": times}
        if X is None:
            named = [name for name, part in given.items() if part is not None]
            if named:
                raise ValueError(
                    f"{named[0]} goes with X; what follows the series of fit is told by fit's own "
                    "future covariates and by update"
                )
            return self._memory, self._kind, steps
        series, kind = read(X, self._roles(), self._known_levels(), **given)
        self._check_targets(series)
        network, preparation = self._memory.network, self._preparation
        memory = Memory(
            *(network, preparation, series, preparation.transform.fit(series)),
            error_scale(series, series.lengths, self.season_),
        )
        return memory, kind, steps

    def _read_new(
        self, values: Any, past: Any, future: Any, times: Any
    ) -> tuple[SeriesSet, NDArray[np.int64]]:
        """New steps, and the series that each continues."""
        tail = self._memory.tail
        new = read_new(
            values,
            self._roles(),
            self._known_levels(),
            tail,
            self._kind,
            past=past,
            future=future,
            times=times,
        )
        self._check_targets(new)
        named = is_dataframe(values) or isinstance(values, SeriesSet)
        return new, which_series(new, tail, by_name=named)

    def _given_back(self, kind: Kind, memory: Memory, columns: Mapping[str, Any]) -> Any:
        """Forecasts [S, H, K] by the end of their column's name, as X was given."""
        if kind.like is None:
            return kind.shape(columns[""])
        named = {
            f"{target}{end}": values[:, :, k]
            for k, target in enumerate(self.targets_)
            for end, values in columns.items()
        }
        horizon = next(iter(named.values())).shape[1]
        return forecast_frame(
            *(kind.like, memory.tail, named),
            time=self.time_column,
            group=self.group_column,
            horizon=horizon,
        )
