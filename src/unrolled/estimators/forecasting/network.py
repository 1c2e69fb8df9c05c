"""The network of a `Forecaster`: its spec, and its forecasts from any origin of any series."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data.batches import Batches
from unrolled.data.sequences import Sequences
from unrolled.data.series_windows import Layout, SeriesWindows
from unrolled.estimators.forecasting.outputs import Outputs
from unrolled.estimators.forecasting.prepare import Prepared
from unrolled.estimators.forecasting.transform import TargetTransform
from unrolled.runtime.spec import Recurrent, Spec
from unrolled.runtime.stepper import State, Stepper
from unrolled.training import engines

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
Int = NDArray[np.int64]
# Raw outputs [n, H, K, P] and the scales of counts [n, H, K], or None, to [n, H, K] or more axes.
Read = Callable[[NDArray[Any], F64 | None], F64]

# Numbers that the windows of a block hold at most.
BLOCK = 2**22
# Windows that the engine predicts at once.
AT_ONCE = 256


def describe(
    layout: Layout,
    recurrent: Recurrent,
    loss: str,
    quantiles: tuple[float, ...],
    category_sizes: Sequence[int],
    dropout: float,
) -> Spec:
    """The spec of a network that reads windows of a layout.

    Args:
        layout: of the windows.
        recurrent: the recurrent stack.
        loss: of the targets.
        quantiles: levels of the loss "quantile", else ().
        category_sizes: codes that each column of codes has, in their order.
        dropout: in front of the head.
    """
    head = "distribution" if loss in ("normal", "student_t", "negative_binomial") else "point"
    a_target = {"normal": 2, "student_t": 3, "negative_binomial": 2}.get(loss, 1)
    categories = tuple((size, embedding_size(size)) for size in category_sizes)
    return Spec(
        input_size=layout.channels,
        output_size=layout.outputs * max(a_target, len(quantiles)),
        head=head,
        recurrent=recurrent,
        pooling="every" if layout.decode or layout.teacher else "last",
        head_dropout=dropout,
        loss=loss,
        quantiles=quantiles,
        categories=categories,
    )


def embedding_size(codes: int) -> int:
    """Size of the vectors of a categorical column: half its codes, from 1 to 16."""
    return max(1, min(16, codes // 2))


@dataclass(frozen=True, eq=False)
class ForecastNetwork:
    """A network with its weights, and what turns its outputs into forecasts.

    Attributes:
        spec: the model.
        weights: [P] float32.
        layout: of the windows that it reads.
        transform: of the targets.
        num_paths: paths that a recursive forecast of a distribution follows.
    """

    spec: Spec
    weights: F32
    layout: Layout
    transform: TargetTransform
    num_paths: int

    @property
    def outputs(self) -> Outputs:
        """What the outputs mean."""
        return Outputs.of(self.spec)

    def points(
        self, prepared: Prepared, which: Int, origins: Int, horizon: int, seed: int = 0
    ) -> F64:
        """Forecasts [n, H, K] from n pairs of a series and an origin, in the targets' units."""
        outputs = self.outputs
        if self.layout.teacher:
            paths = self._paths(prepared, which, origins, horizon, None, seed)
            return self.quantiles_of(paths, (0.5,))[..., 0]
        return self._decode(prepared, which, origins, horizon, outputs.points)

    def quantiles(
        self,
        prepared: Prepared,
        which: Int,
        origins: Int,
        horizon: int,
        levels: Sequence[float],
        seed: int = 0,
    ) -> F64:
        """Quantiles [n, H, K, Q] of these levels; of paths, where the forecast is recursive.

        Raises:
            ValueError: the network knows no spread, or not out to a level.
        """
        if self.layout.teacher:
            self.needs_distribution()
            paths = self._paths(prepared, which, origins, horizon, None, seed)
            return self.quantiles_of(paths, levels)
        outputs = self.outputs
        return self._decode(
            prepared,
            which,
            origins,
            horizon,
            lambda raw, scale: outputs.quantiles(raw, levels, scale),
        )

    def samples(
        self, prepared: Prepared, which: Int, origins: Int, horizon: int, num: int, seed: int
    ) -> F64:
        """Samples [n, H, K, num]: paths where the forecast is recursive, else independent steps.

        Raises:
            ValueError: the network knows no distribution.
        """
        self.needs_distribution()
        if self.layout.teacher:
            return self._paths(prepared, which, origins, horizon, num, seed)
        rng, outputs = np.random.default_rng(seed), self.outputs

        def draw(raw: F32, scale: F64 | None) -> F64:
            return np.stack([outputs.sample(raw, rng, scale) for _ in range(num)], axis=-1)

        return self._decode(prepared, which, origins, horizon, draw)

    def needs_distribution(self) -> None:
        """Refuse samples of a network that knows no distribution.

        Raises:
            ValueError: it does not.
        """
        if self.outputs.distribution is None:
            self.outputs.sample(np.zeros(1), np.random.default_rng(0))

    def _decode(
        self, prepared: Prepared, which: Int, origins: Int, horizon: int, read: Read
    ) -> F64:
        """`read(raw [n, H, K, P], scale)` of the outputs, in the targets' units."""
        layout = self.layout
        if horizon > layout.horizon:
            raise ValueError(
                f"this network forecasts {layout.horizon} steps, got horizon={horizon}; fit with "
                "that horizon, or with strategy='recursive'"
            )
        windows = SeriesWindows(prepared.steps, layout)
        found = []
        for block in self._blocks(len(which)):
            s, o = which[block], origins[block]
            lanes, lane_origins = self._lanes(windows, s, o)
            gathered = windows.inputs(lanes, lane_origins)
            raw = self._run(gathered.x)  # [lanes, H, K', P]
            scale = self._scale(prepared, s)
            raw = _targets_last(raw, len(s), layout)[:, :horizon]
            if scale is None:
                values = read(raw, None)
                level = _targets_last(gathered.level[..., None], len(s), layout)
                spread = _targets_last(gathered.spread[..., None], len(s), layout)
                if values.ndim == 3:
                    level, spread = level[..., 0], spread[..., 0]
                values = self._invert(values * spread + level, prepared, s, o)
            else:
                values = read(raw, np.broadcast_to(scale[:, None], raw.shape[:-1]))
            found.append(values)
        return np.concatenate(found)

    def _run(self, x: F32) -> F32:
        """Raw outputs [n, H, K', P] of windows x [n, T, C]."""
        n, T, C = x.shape
        inputs = Sequences(x.reshape(n * T, C), np.arange(n, dtype=np.int64) * T, np.full(n, T))
        choice = engines.choose(engines.AUTO, self.spec)
        batches = Batches(inputs, batch_size=AT_ONCE)
        with engines.suited_threads(choice, self.spec, min(n, AT_ONCE)):
            parts = [raw for _, raw in engines.predict(choice, self.spec, self.weights, batches)]
        raw = np.concatenate(parts)
        if self.layout.decode:
            raw = raw.reshape(n, T, -1)[:, self.layout.past_steps :]
        targets = self.layout.lane_targets
        return raw.reshape(n, -1, targets, self.spec.outputs_per_target)

    def _paths(
        self, prepared: Prepared, which: Int, origins: Int, horizon: int, num: int | None, seed: int
    ) -> F64:
        """Paths [n, H, K, num], each step drawn from what the steps before it lead to."""
        layout = replace(self.layout, horizon=horizon)
        windows = SeriesWindows(prepared.steps, layout)
        stepper, rng = Stepper(self.spec, self.weights), np.random.default_rng(seed)
        num = self.paths_of(horizon) if num is None else num
        found = []
        for block in self._blocks(len(which), num):
            s, o = which[block], origins[block]
            lanes, lane_origins = self._lanes(windows, s, o)
            x = windows.inputs(lanes, lane_origins).x.swapaxes(0, 1)  # [T, lanes, C]
            state = stepper.run(
                np.ascontiguousarray(x[: layout.lookback]), stepper.zeros(len(lanes))
            )
            first = stepper.step(np.ascontiguousarray(x[layout.lookback]), state)
            ahead, scale = x[layout.lookback :], self.lane_scale(prepared, s)
            paths = self.follow(stepper, ahead, first, num, rng, scale)
            found.append(self.finish(paths, prepared, s, o))
        return np.concatenate(found)

    def finish(self, paths: F64, prepared: Prepared, which: Int, origins: Int) -> F64:
        """Paths [lanes, H, K', num] as [n, H, K, num] in the targets' units."""
        values = _targets_last(paths, len(which), self.layout)
        if self.spec.loss == "negative_binomial":
            return values
        return self._invert(values, prepared, which, origins)

    def lane_scale(self, prepared: Prepared, which: Int) -> F64 | None:
        """[lanes, K'] scales of counts, or None."""
        scale = self._scale(prepared, which)
        return None if scale is None else scale.reshape(-1, self.layout.lane_targets)

    def paths_of(self, horizon: int) -> int:
        """Paths that a forecast follows: one where there is nothing to draw."""
        return self.num_paths if self.outputs.distribution is not None else 1

    def quantiles_of(self, paths: F64, levels: Sequence[float]) -> F64:
        """Quantiles [..., Q] of paths [..., num]; of counts, which stay counts, the least that
        are enough.
        """
        method = "inverted_cdf" if self.spec.loss == "negative_binomial" else "linear"
        return np.moveaxis(np.quantile(paths, levels, axis=-1, method=method), 0, -1)

    def follow(
        self,
        stepper: Stepper,
        x: F32,
        first: tuple[F32, State],
        num: int,
        rng: np.random.Generator,
        scale: NDArray[np.float64] | None,
    ) -> F64:
        """Paths [lanes, H, K', num] that go on from each lane's state.

        Args:
            stepper: of this network.
            x: [H, lanes, C], what is known of each step; the values of all but the first, which the
                paths give, are not read.
            first: outputs [lanes, K] of the first step, and the state after it.
            num: paths of each lane.
            rng: draws them.
            scale: [lanes, K'] of counts, or None.
        """
        H, n = x.shape[:2]
        targets, outputs = self.layout.lane_targets, self.outputs
        raw, state = first
        paths = np.empty((n, num, H, targets))
        value = np.empty((n * num, targets))
        if num > 1:
            raw = np.repeat(raw, num, axis=0)
            state = tuple(np.repeat(part, num, axis=0) for part in state)
            scale = None if scale is None else np.repeat(scale, num, axis=0)
        for h in range(H):
            if h:
                step = np.repeat(x[h], num, axis=0) if num > 1 else x[h].copy()
                step[:, :targets] = value
                if self.layout.indicator:
                    step[:, targets : 2 * targets] = 1
                raw, state = stepper.step(step, state)
            each = raw.reshape(n * num, targets, -1)
            if outputs.distribution is None:
                drawn = outputs.points(each)
            else:
                drawn = outputs.sample(each, rng, scale)
            value = drawn if scale is None else drawn / scale
            paths[:, :, h] = drawn.reshape(n, num, targets)
        return np.moveaxis(paths, 1, -1)

    def _lanes(self, windows: SeriesWindows, which: Int, origins: Int) -> tuple[Int, Int]:
        """Lanes of these series, all targets of one after another, and their origins."""
        each = windows.lanes_a_series
        lanes = (which[:, None] * each + np.arange(each)).ravel()
        return lanes, np.repeat(origins, each)

    def _scale(self, prepared: Prepared, which: Int) -> F64 | None:
        """[n, K] scales of counts; None where outputs are scaled values."""
        return prepared.scales.scale[which] if self.spec.loss == "negative_binomial" else None

    def _invert(self, values: F64, prepared: Prepared, which: Int, origins: Int) -> F64:
        before = prepared.before(which, origins, self.transform.difference)
        return self.transform.invert(values, prepared.scales, which, before)

    def _blocks(self, n: int, paths: int = 1) -> Iterator[slice]:
        layout = self.layout
        lanes = layout.targets if layout.shared else 1
        width = layout.channels + self.spec.output_size + layout.horizon
        many = max(1, BLOCK // (layout.num_steps * width * lanes * paths))
        for at in range(0, n, many):
            yield slice(at, at + many)


def _targets_last(values: NDArray[Any], n: int, layout: Layout) -> NDArray[Any]:
    """[lanes, H, K', ...] of n series as [n, H, K, ...]."""
    if not layout.shared:
        return values
    apart = values.reshape(n, layout.targets, *values.shape[1:])  # [n, K, H, 1, ...]
    return np.moveaxis(apart[:, :, :, 0], 1, 2)
