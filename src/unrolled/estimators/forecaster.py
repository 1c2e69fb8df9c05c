"""Forecasting: one network for one series or thousands."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from unrolled.data.series import SeriesSet
from unrolled.data.series_output import forecast_frame
from unrolled.estimators.forecast_metrics import check_levels
from unrolled.estimators.forecasting.append import revised
from unrolled.estimators.forecasting.backtests import ForecastBacktests
from unrolled.estimators.forecasting.fitted_on import FittedOn
from unrolled.estimators.forecasting.learning import error_scale
from unrolled.estimators.forecasting.memory import Memory
from unrolled.estimators.forecasting.new_values import one_step, read_ahead, read_new
from unrolled.estimators.forecasting.parts import no_series, split, whole_number
from unrolled.estimators.forecasting.reading import Kind, read
from unrolled.estimators.forecasting.saved import check_ids
from unrolled.estimators.options import check_options
from unrolled.estimators.parts import seeds
from unrolled.estimators.trainable import Trainable
from unrolled.runtime.files import check_writable

if TYPE_CHECKING:
    from typing_extensions import Self


# Of the paths that a forecast follows: the same forecast comes out each time.
SEED = 0


@dataclass(kw_only=True, eq=False, repr=False)
class Forecaster(ForecastBacktests):
    """A recurrent network that forecasts one series or thousands, of one target or several.

    X is one series [T] or [T, K], a list of series of any lengths, an array [S, T, K] (an array
    [S, T] is one series of T targets), or a DataFrame: in long form, with columns named by
    `time_column`, `group_column` and `target_columns`, or in wide form, where `target_columns` is
    () and each column beside the time is a series. NaN is a missing value: it counts in no loss,
    and is read as the last value before it, with a column that tells so if series of `fit` had
    gaps. What comes back is of the same kind.

    All arguments stand in `docs/arguments.md`, described in `ForecastingArguments` and
    `TrainingArguments`.

    Attributes:
        series_: how many series it was fitted on.
        targets_: names of the targets.
        tail_: the last steps that are remembered of each series.
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
            stored, drawn = self._begin(resume_from)
            series, self._kind = read(
                X, self._roles(), None, past=past, future=future, static=static, times=times
            )
            check_ids(series.ids)
            stops = split(series, self._watched(), int(self.calibration_steps))
            prepared = self._learn(series, stops)
            data, watched = self._windows(prepared, series, stops, drawn)
            self._train(data, watched, drawn, stored)
            self._calibrate(series, stops, prepared)
            self._fitted_on = FittedOn.of(series)
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
            past, future, static, times: of X, as in `fit`. `future` without X is what is known of
                the next steps for this call, row 0 of the first; it replaces what was known.

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
        no_series("coverage", coverage)
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
        no_series("num_samples", num_samples)
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
                several, [] where one has no new values; a DataFrame with the rows of any of the
                series. One step of each may be [S], or a number for one series.
            past: covariates of the new steps, nested like `values`.
            future: covariates known ahead, nested like `values`, of as many steps or more. Row 0 is
                of the first new step, whatever was known before: rows replace those known of the
                same steps and go on behind them.
            times: of the new steps, where a check against the last known time is wanted.

        Raises:
            ValueError: the values do not follow those before; nothing has changed then.
        """
        self._check_fitted()
        if past is None and future is None and times is None:
            one = one_step(values, self._kind, len(self._memory.scales.scale), len(self.targets_))
            if one is not None and self._memory.advance(one):
                return self
        new, which = read_new(
            *(values, self._roles(), self._known_levels(), self._memory.tail, self._kind),
            past=past, future=future, times=times,
        )  # fmt: skip
        self._check_targets(new)
        self._memory.update(new, which)
        return self

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

    def _watched(self) -> int | float | None:
        if self.validation_steps is not None:
            return int(self.validation_steps)
        return float(self.validation_fraction) or None

    def _from(
        self, horizon: int | None, X: Any, past: Any, future: Any, static: Any, times: Any
    ) -> tuple[Memory, Kind, int]:
        """What is remembered of the series that are asked for, what they were given as, and H."""
        self._check_fitted()
        no_series("horizon", horizon)
        steps = whole_number("horizon", self.horizon if horizon is None else horizon)
        given = {"past": past, "future": future, "static": static, "times": times}
        if X is None:
            named = [name for name, part in given.items() if part is not None and name != "future"]
            if named:
                raise ValueError(f"{named[0]} goes with X; what follows is told by update")
            return self._told(future), self._kind, steps
        series, kind = self._read_alike(X, given)
        network, preparation = self._memory.network, self._preparation
        memory = Memory(
            *(network, preparation, series, preparation.transform.fit(series)),
            error_scale(series, series.lengths, self.season_),
        )
        return memory, kind, steps

    def _told(self, future: Any) -> Memory:
        """What is remembered, with what is known of the next steps."""
        memory = self._memory
        if future is None:
            return memory
        ahead = read_ahead(future, self._roles(), self._known_levels(), memory.tail, self._kind)
        return Memory(
            *(memory.network, memory.preparation, revised(memory.tail, *ahead), memory.scales),
            *(memory.error_scale, memory.state or None),
        )

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
