"""How a `Forecaster` learns: what it fits on the training part, its network, its windows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data.calendar import default_calendar
from unrolled.data.series import SeriesSet
from unrolled.data.series_windows import Layout, SeriesWindows
from unrolled.data.window_batches import WindowBatches
from unrolled.estimators.conformal import Conformal, Residuals
from unrolled.estimators.forecast_metrics import season_scale
from unrolled.estimators.forecasting import sizes
from unrolled.estimators.forecasting.arguments import ForecastingArguments
from unrolled.estimators.forecasting.fitted_on import FittedOn
from unrolled.estimators.forecasting.network import ForecastNetwork, describe
from unrolled.estimators.forecasting.parts import Stops, as_targets, first_origins
from unrolled.estimators.forecasting.prepare import Preparation, Prepared
from unrolled.estimators.forecasting.transform import TargetTransform
from unrolled.estimators.origins import RollingOrigins
from unrolled.estimators.parts import Seeds
from unrolled.estimators.trainable import Trainable
from unrolled.runtime.spec import Recurrent, Spec, views

if TYPE_CHECKING:
    from unrolled.estimators.forecasting.memory import Memory
    from unrolled.estimators.forecasting.reading import Kind

# Windows that are evaluated at once.
WATCHED_ROWS = 256
# Windows whose errors are measured at once.
CALIBRATED = 1024


class LearntForecaster:
    """What a fit leaves behind; apart from the dataclass, whose fields are arguments."""

    series_: int
    targets_: tuple[str, ...]
    lookback_: int
    season_: int
    _segment: int
    _indicator: bool
    _category_sizes: list[int]
    _preparation: Preparation
    _conformal: Conformal | None
    _fitted_on: FittedOn
    _memory: Memory
    _kind: Kind


@dataclass(kw_only=True, eq=False, repr=False)
class ForecastLearning(LearntForecaster, ForecastingArguments, Trainable):
    """From series to a spec, its windows and what surrounds the network."""

    def _learn(self, series: SeriesSet, stops: Stops) -> Prepared:
        """Everything that is learnt of the training part but weights."""
        part = series.upto(stops.train)
        self.targets_, self.series_ = series.targets, len(series)
        frequency = series.frequency
        self.season_ = self.season or (1 if frequency is None else frequency.season)
        longest = int(stops.train.max())
        if self.strategy == "recursive" and series.past is not None:
            raise ValueError(
                "past covariates are not known where strategy='recursive' goes on from its own "
                "forecasts; use strategy='segments'"
            )
        if self.difference >= longest:
            raise ValueError(
                f"difference={self.difference} needs more steps than that to train on, got "
                f"{longest} in the longest series{as_targets(series)}"
            )
        asked = self.lookback or self.horizon
        if self.strategy == "direct" and series.future is not None and asked < self.horizon:
            raise ValueError(
                "strategy='direct' reads what is known ahead beside its look-back, so lookback "
                f"must be at least horizon={self.horizon}, got {self.lookback}; or use "
                "strategy='segments'"
            )
        self.lookback_ = self.lookback or sizes.lookback(self.horizon, self.season_, longest)
        self._segment = 1
        if self.strategy == "segments":
            self._segment = self.segment or sizes.segment(
                self.lookback_, self.horizon, self.season_
            )
            self.lookback_ = -(-self.lookback_ // self._segment) * self._segment
        transform = self._target_transform()
        calendar = tuple([self.calendar] if isinstance(self.calendar, str) else self.calendar)
        if self.calendar == "auto":
            calendar = default_calendar(frequency)
        scales = transform.fit(part)
        self._preparation = Preparation.fit(part, transform, calendar, bool(self.standardize))
        prepared = self._preparation.apply(series, scales, int(self.horizon))
        short = (stops.train < self.lookback_ + self.horizon).any()
        gaps = self.gaps == "fill" or prepared.steps.observed is not None
        self._indicator = bool(short) or gaps
        self._category_sizes = self._codes()
        self.spec_ = self._describe()
        self._conformal: Conformal | None = None
        return prepared

    def _target_transform(self) -> TargetTransform:
        counts = self.loss == "negative_binomial"
        return TargetTransform(bool(self.log), int(self.difference), self.scaling, counts)

    def _start(self, drawn: Seeds) -> None:
        Trainable._start(self, drawn)
        # Code 0 is of levels that training does not have: nothing is known of them.
        named = views(self.spec_, self.weights_)
        for i in range(len(self._category_sizes) - self._layout().lane_code):
            named[f"categories.{i}.weight"][0] = 0.0

    def _layout(self) -> Layout:
        p = self._preparation
        counts = [
            (0, 0) if one is None else (len(one.names), len(one.codes))
            for one in (p.past, p.future, p.static)
        ]
        return Layout(
            lookback=self.lookback_,
            horizon=int(self.horizon),
            segment=self._segment,
            decode=self.strategy == "segments",
            teacher=self.strategy == "recursive",
            shared=self.channels == "shared",
            targets=len(self.targets_),
            normalization=self._normalization(),
            indicator=self._indicator,
            past=counts[0][0],
            past_codes=counts[0][1],
            known=p.num_known,
            known_codes=counts[1][1],
            static=counts[2][0],
            static_codes=counts[2][1],
        )

    def _codes(self) -> list[int]:
        """Codes of each column of codes, in the order of `SeriesWindows`."""
        p, layout = self._preparation, self._layout()
        sizes_of = [[] if one is None else one.sizes() for one in (p.past, p.future, p.static)]
        known = sizes_of[1] * layout.segment
        lanes = [len(self.targets_)] if layout.lane_code else []
        return [
            *sizes_of[0] * layout.segment, *known, *known * layout.ahead, *sizes_of[2], *lanes
        ]  # fmt: skip

    def _describe(self) -> Spec:
        recurrent = Recurrent(
            self.cell,
            int(self.hidden_size),
            int(self.num_layers),
            dropout=float(self.dropout) if self.num_layers > 1 else 0.0,
        )
        quantiles = tuple(map(float, self.quantiles)) if self.loss == "quantile" else ()
        return describe(
            *(self._layout(), recurrent, self.loss, quantiles, self._category_sizes),
            float(self.dropout),
        )

    def _network(self) -> ForecastNetwork:
        return ForecastNetwork(
            self.spec_,
            self.weights_,
            self._layout(),
            self._preparation.transform,
            int(self.num_samples),
        )

    def _windows(
        self, prepared: Prepared, series: SeriesSet, stops: Stops, drawn: Seeds
    ) -> tuple[WindowBatches, WindowBatches | None]:
        """Windows to train on, and those to watch, whose horizons lie behind the training part."""
        layout, H = self._layout(), int(self.horizon)
        windows = SeriesWindows(prepared.steps, layout)
        each = windows.lanes_a_series
        scale = None
        if self.loss == "negative_binomial":
            scale = prepared.scales.scale.astype(np.float32)
            scale = scale.reshape(len(series) * each, -1)

        def part(after: NDArray[np.int64], stop: NDArray[np.int64], **how: Any) -> WindowBatches:
            first = first_origins(after, layout.lookback, H, stop)
            return WindowBatches(
                windows, np.repeat(first, each), np.repeat(stop - H, each), scale=scale, **how
            )

        data = part(
            np.ones_like(stops.train), stops.train, stride=int(self.stride),
            batch_size=int(self.batch_size), shuffle=bool(self.shuffle),
            seed=drawn.of("order"), most=self.windows_per_epoch,
        )  # fmt: skip
        if not data.num_windows:
            raise ValueError(
                f"no series is long enough for one window: the longest has {stops.train.max()} "
                f"steps to train on, and horizon={H} needs {H + 1}{as_targets(series)}"
            )
        if (stops.watched == stops.train).all():
            return data, None
        watched = part(stops.train, stops.watched, batch_size=WATCHED_ROWS)
        if not watched.num_windows:
            most = int((stops.watched - stops.train).max())
            raise ValueError(
                f"the part to watch has {most} steps, fewer than horizon={H}; watch more"
            )
        return data, watched

    def _calibrate(self, series: SeriesSet, stops: Stops, prepared: Prepared) -> None:
        """Errors on the part behind the watched one, for intervals.

        Raises:
            ValueError: the part is shorter than the horizon, or all is missing there.
        """
        if not self.calibration_steps:
            return
        H = int(self.horizon)
        origins = RollingOrigins(stops.watched, stops.whole - H)
        if not len(origins):
            raise ValueError(
                f"calibration_steps={self.calibration_steps} must be at least horizon={H}"
            )
        widths = error_scale(series, stops.watched, self.season_)
        network, found = self._network(), Residuals()
        known = np.zeros((H, len(series.targets)), bool)
        for start in range(0, len(origins), CALIBRATED):
            which, origin = origins.block(start, start + CALIBRATED)
            rows = (series.starts[which] + origin)[:, None] + np.arange(H)
            errors = series.values[rows] - network.points(prepared, which, origin, H)
            known |= np.isfinite(errors).any(axis=0)
            found.add(errors, widths[which][:, None])
        if not known.all():
            raise ValueError(
                f"calibration_steps={self.calibration_steps} leave no value to measure step "
                f"{np.argmin(known.all(axis=1)) + 1} by, as all are missing; hold out more"
            )
        self._conformal = found.conformal()

    def _check_targets(self, series: SeriesSet) -> None:
        if len(series.targets) != len(self.targets_):
            raise ValueError(
                f"the series have {len(series.targets)} targets, but {type(self).__name__} was "
                f"fitted on {len(self.targets_)}{as_targets(series)}"
            )


def error_scale(series: SeriesSet, stops: NDArray[np.int64], season: int) -> NDArray[np.float64]:
    """[S, K] mean change over a season of the first steps, by which errors are measured."""
    scale = season_scale(series.values, series.starts, stops, season)
    plain = season_scale(series.values, series.starts, stops, 1)
    scale = np.where(np.isfinite(scale), scale, plain)
    return np.where(np.isfinite(scale), scale, 1.0)
