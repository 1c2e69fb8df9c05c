"""What a fitted forecaster remembers of its series: their last steps, and the state after them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from unrolled.data.series import SeriesSet
from unrolled.data.series_windows import SeriesWindows
from unrolled.estimators.forecasting.append import appended, last_steps
from unrolled.estimators.forecasting.follower import Follower
from unrolled.estimators.forecasting.network import ForecastNetwork
from unrolled.estimators.forecasting.prepare import Preparation, Prepared
from unrolled.estimators.forecasting.transform import Scales
from unrolled.runtime.repeated_step import State
from unrolled.runtime.stepper import Stepper

F64 = NDArray[np.float64]
Int = NDArray[np.int64]


# Steps of the calendar that are looked up at once, and values that are kept apart from the others.
FLUSH = 64


class Memory:
    """The last steps of S series; of a recursive network also its state after them.

    The state goes on from value to value: nothing of the past is read again.

    Args:
        network: what forecasts.
        preparation: how values become steps of the network.
        series: S series, of which the last steps are kept.
        scales: of each series.
        error_scale: [S, K] by which errors are measured.
        state: of a recursive network, [lanes, H] each; None reads the look-back for it.
    """

    def __init__(
        self,
        network: ForecastNetwork,
        preparation: Preparation,
        series: SeriesSet,
        scales: Scales,
        error_scale: F64,
        state: State | None = None,
    ) -> None:
        self.network, self.preparation, self.scales = network, preparation, scales
        self.error_scale = error_scale
        # The first step that is kept only holds what the gaps behind it are filled with.
        self._keep = network.layout.lookback + network.transform.difference + 2
        self._tail = last_steps(series, self._keep)
        self._stepper: Stepper | None = None
        self._state: State = ()
        # Of a recursive network: one value of all series at a time, and those not yet in `_tail`.
        self._follower: Follower | None = None
        self._pending: list[F64] = []
        if network.layout.teacher:
            self._stepper = Stepper(network.spec, network.weights)
            self._state = self._read() if state is None else state

    @property
    def tail(self) -> SeriesSet:
        """The last steps of each series."""
        if self._pending:
            values = np.stack(self._pending, axis=1)  # [S, n, K]
            S, n = values.shape[:2]
            starts = np.arange(S, dtype=np.int64) * n
            new = SeriesSet(
                values.reshape(S * n, -1), starts, np.full(S, n), self._tail.ids, self._tail.targets
            )
            self._tail = appended(self._tail, new, np.arange(S), self._keep)
            self._pending = []
        return self._tail

    @property
    def state(self) -> State:
        """Of a recursive network, after the last step but for its value; else ()."""
        return self._state if self._follower is None else self._follower.state

    def prepared(self, horizon: int) -> Prepared:
        """The last steps as the network reads them, `horizon` steps of calendar behind them."""
        return self.preparation.apply(self.tail, self.scales, horizon)

    def points(self, horizon: int, seed: int) -> F64:
        """Forecasts [S, H, K]."""
        if self._stepper is not None and horizon == 1:
            return self._follow().points()
        return self.network.points(*self._asked(horizon), seed, self._before())

    def quantiles(self, horizon: int, levels: list[float], seed: int) -> F64:
        """Quantiles [S, H, K, Q]."""
        return self.network.quantiles(*self._asked(horizon), levels, seed, self._before())

    def samples(self, horizon: int, num: int, seed: int) -> F64:
        """Samples [S, H, K, num]."""
        return self.network.samples(*self._asked(horizon), num, seed, self._before())

    def advance(self, values: F64) -> bool:
        """Go on by one value of each series, [S, K], by the state alone; whether that was done.

        Nothing is done where more than a state is remembered, or more is known than values.

        Raises:
            ValueError: a value cannot be used.
        """
        if self._stepper is None:
            return False
        self._follow().advance(values)
        self._pending.append(values)
        if len(self._pending) >= FLUSH:
            self._tail = self.tail
        return True

    def update(self, new: SeriesSet, which: Int) -> None:
        """Go on by the steps of `new`, which follow those of the series `which`.

        Raises:
            ValueError: a value or a covariate cannot be used; nothing has changed then.
        """
        tail = appended(self.tail, new, which, self._keep + int(new.lengths.max()))
        prepared = self.preparation.apply(tail, self.scales, 0)
        if self._stepper is not None:
            state = tuple(part.copy() for part in self.state)
            windows = SeriesWindows(prepared.steps, self.network.layout)
            each = windows.lanes_a_series
            for count in np.unique(new.lengths):
                series = which[new.lengths == count]
                lanes = (series[:, None] * each + np.arange(each)).ravel()
                begin = np.repeat(tail.lengths[series] - count, each)
                x = self._steps(prepared, lanes, begin, int(count))
                before = tuple(part[lanes] for part in state)
                for part, after in zip(state, self._stepper.run(x, before), strict=True):
                    part[lanes] = after
            self._state, self._follower = state, None
        self._tail = last_steps(tail, self._keep)

    def _follow(self) -> Follower:
        """The step that comes next, made anew where no more is known of the calendar."""
        if self._follower is None or self._follower.ended:
            assert self._stepper is not None
            tail, d = self.tail, self.network.transform.difference
            many = FLUSH
            if tail.future_lengths is not None:
                check_known(tail, tail.lengths, 1)
                many = min(many, int((tail.future_lengths - tail.lengths).min()))
            prepared = self.prepared(many)
            lanes = np.arange(SeriesWindows(prepared.steps, self.network.layout).num_lanes)
            begin = np.repeat(tail.lengths, len(lanes) // len(tail))
            x = self._steps(prepared, lanes, begin, many)
            rows = (tail.starts + tail.lengths)[:, None] + np.arange(-d, 0)
            recent = tail.values[np.maximum(rows, tail.starts[:, None])].swapaxes(0, 1)
            state = self.state
            self._follower = Follower(self.network, self._stepper, prepared, x, state, recent)
        return self._follower

    def _asked(self, horizon: int) -> tuple[Prepared, Int, Int, int]:
        """All series, forecast from their ends."""
        return self._known(horizon), np.arange(len(self.tail)), self.tail.lengths, horizon

    def _before(self) -> State | None:
        """The state that a recursive network goes on from."""
        return None if self._stepper is None else self.state

    def _known(self, horizon: int) -> Prepared:
        """The last steps, and covariates as far as the forecast reads them.

        Raises:
            ValueError: covariates are not known so far.
        """
        needed = max(horizon, self.network.layout.reach(horizon))
        check_known(self.tail, self.tail.lengths, needed)
        return self.prepared(needed)

    def _read(self) -> State:
        """The state after the look-back."""
        assert self._stepper is not None
        prepared, layout = self.prepared(0), self.network.layout
        lanes = np.arange(SeriesWindows(prepared.steps, layout).num_lanes)
        begin = np.repeat(self.tail.lengths - layout.lookback, len(lanes) // len(self.tail))
        x = self._steps(prepared, lanes, begin, layout.lookback)
        return self._stepper.run(x, self._stepper.zeros(len(lanes)))

    def _steps(self, prepared: Prepared, lanes: Int, begin: Int, count: int) -> NDArray[np.float32]:
        """What the network reads at `count` steps from `begin` on, [count, lanes, C]."""
        layout = replace(self.network.layout, lookback=0, horizon=count)
        x = SeriesWindows(prepared.steps, layout).inputs(lanes, begin).x
        return np.ascontiguousarray(x.swapaxes(0, 1))


def check_known(series: SeriesSet, origins: Int, horizon: int) -> None:
    """Whether covariates are known as far as a forecast needs them.

    Raises:
        ValueError: they are not.
    """
    if series.future_lengths is None or series.future is None:
        return
    short = series.future_lengths < origins + horizon
    if short.any():
        s = int(np.argmax(short))
        known = int(series.future_lengths[s] - origins[s])
        raise ValueError(
            f"the forecast reads {', '.join(series.future.names)} of {horizon} steps ahead, but of "
            f"series {series.ids[s]!r} {max(0, known)} are known; give them as future covariates"
        )
