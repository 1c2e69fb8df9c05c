"""One step of all series at a time: what a recursive forecaster does between two observations."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unrolled.estimators.forecasting.network import ForecastNetwork
from unrolled.estimators.forecasting.prepare import Prepared
from unrolled.runtime.repeated_step import State
from unrolled.runtime.stepper import Stepper

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]


class Follower:
    """The state of a recursive network after the last value, and the step that comes next.

    That step reads the last value and forecasts the next one. It is made once: a forecast of one
    step reads its output, and a new value takes over its state.

    Args:
        network: a recursive one.
        stepper: of this network.
        prepared: the last steps of S series.
        x: [A, lanes, C] what is known of the next A steps; of their values only those of the first
            are read.
        state: before the next step.
        recent: [d, S, K] the last values as they were, NaN where one is missing; d as differences
            are taken over.
    """

    def __init__(
        self,
        network: ForecastNetwork,
        stepper: Stepper,
        prepared: Prepared,
        x: F32,
        state: State,
        recent: F64,
    ) -> None:
        self._network, self._stepper, self._x, self._state = network, stepper, x, state
        self._center, self._scale = prepared.scales
        self._at = 0
        self._next: tuple[F32, State] | None = None
        transform, steps = network.transform, prepared.steps
        last = steps.starts + steps.lengths - 1
        self._last = steps.values[last]  # [S, K], scaled, gaps filled
        self._log, difference = transform.log, transform.difference
        # The last values before differences, the oldest first: with gaps, and filled.
        rows = np.maximum(last[:, None] + np.arange(1 - difference, 1), steps.starts[:, None])
        self._filled = list(prepared.base[rows].swapaxes(0, 1))
        self._raw = [np.log(values) if self._log else values for values in recent]

    @property
    def state(self) -> State:
        """Before the next step."""
        return self._state

    @property
    def ended(self) -> bool:
        """Whether nothing is known of the next step."""
        return self._at == len(self._x)

    def points(self) -> F64:
        """Forecasts [S, 1, K] of the next step."""
        outputs, (S, K) = self._network.outputs, self._last.shape
        raw = self._step()[0].reshape(S, K, -1)
        if self._network.spec.loss == "negative_binomial":
            return outputs.points(raw, self._scale)[:, None]
        values = outputs.points(raw) * self._scale + self._center
        if self._filled:
            values += self._filled[0]
        return (np.exp(values) if self._log else values)[:, None]

    def advance(self, values: F64) -> None:
        """Go on by one value of each series, [S, K], NaN where it is missing.

        Raises:
            ValueError: a value is not above 0 where logarithms are taken, or no count.
        """
        self._network.transform.check(values)
        if self._log:
            values = np.log(values)
        change = values
        if self._filled:
            change = values - self._raw[0]
            self._raw = [*self._raw[1:], values]
            there = np.isfinite(values)
            self._filled = [*self._filled[1:], np.where(there, values, self._filled[-1])]
        scaled = (change - self._center) / self._scale
        self._state = self._step()[1]
        self._at, self._next = self._at + 1, None
        observed = np.isfinite(scaled)
        self._last = np.where(observed, scaled, self._last).astype(np.float32)
        if self.ended:
            return
        x, targets = self._x[self._at], self._network.layout.lane_targets
        x[:, :targets] = self._last.reshape(-1, targets)
        if self._network.layout.indicator:
            x[:, targets : 2 * targets] = observed.reshape(-1, targets)

    def _step(self) -> tuple[F32, State]:
        if self._next is None:
            self._next = self._stepper.step(self._x[self._at], self._state)
        return self._next
