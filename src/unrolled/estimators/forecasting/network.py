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
from unrolled.runtime.repeated_step import State
from unrolled.runtime.spec import Recurrent, Spec
from unrolled.runtime.stepper import Stepper
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
        self,
        prepared: Prepared,
        which: Int,
        origins: Int,
        horizon: int,
        seed: int = 0,
        state: State | None = None,
    ) -> F64:
        """Forecasts [n, H, K] from n pairs of a series and an origin, in the targets' units.

        Args:
            prepared: the series.
            which: [n] series.
            origins: [n] steps that are known of each.
            horizon: H.
            seed: of paths.
            state: of a recursive network, of all lanes, before the step at the origin; None reads
                the look-back for it.
        """
        outputs = self.outputs
        if not self.layout.teacher:
            return self._decode(prepared, which, origins, horizon, outputs.points)
        if outputs.distribution is not None:
            return self.quantiles(prepared, which, origins, horizon, (0.5,), seed, state)[..., 0]
        pairs = (prepared, which, origins)
        return self._recursive(pairs, horizon, 1, seed, state, lambda paths, _: paths[..., 0])

    def quantiles(
        self,
        prepared: Prepared,
        which: Int,
        origins: Int,
        horizon: int,
        levels: Sequence[float],
        seed: int = 0,
        state: State | None = None,
    ) -> F64:
        """Quantiles [n, H, K, Q] of these levels; arguments as of `points`.

        Of a recursive forecast those of the first step are exact, those of later steps of paths.

        Raises:
            ValueError: the network knows no spread, or not out to a level.
        """
        outputs = self.outputs

        def read(raw: NDArray[Any], scale: F64 | None) -> F64:
            return outputs.quantiles(raw, levels, scale)

        if not self.layout.teacher:
            return self._decode(prepared, which, origins, horizon, read)
        self.needs_distribution()

        def of_paths(paths: F64, first: Callable[[Read], F64]) -> F64:
            found = self._quantiles_of(paths, levels)
            found[:, :1] = first(read)
            return found

        pairs = (prepared, which, origins)
        return self._recursive(pairs, horizon, self.num_paths, seed, state, of_paths)

    def samples(
        self,
        prepared: Prepared,
        which: Int,
        origins: Int,
        horizon: int,
        num: int,
        seed: int,
        state: State | None = None,
    ) -> F64:
        """Samples [n, H, K, num]: paths where the forecast is recursive, else independent steps.

        Raises:
            ValueError: the network knows no distribution.
        """
        self.needs_distribution()
        if self.layout.teacher:
            pairs = (prepared, which, origins)
            return self._recursive(pairs, horizon, num, seed, state, lambda paths, _: paths)
        rng, outputs = np.random.default_rng(seed), self.outputs

        def draw(raw: NDArray[Any], scale: F64 | None) -> F64:
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

    def _recursive(
        self,
        pairs: tuple[Prepared, Int, Int],
        horizon: int,
        num: int,
        seed: int,
        state: State | None,
        read: Callable[[F64, Callable[[Read], F64]], F64],
    ) -> F64:
        """`read(paths [n, H, K, num], first)` of some series at a time, in the targets' units.

        `first(of)` gives `of(raw [n, 1, K, P], scale)` of the first step, which is no matter of
        chance, in the targets' units.
        """
        prepared, which, origins = pairs
        lookback = self.layout.lookback if state is None else 0
        windows = SeriesWindows(
            prepared.steps, replace(self.layout, lookback=lookback, horizon=horizon)
        )
        stepper, rng = Stepper(self.spec, self.weights), np.random.default_rng(seed)
        found = []
        for block in self._blocks(len(which), num):
            s, o = which[block], origins[block]
            lanes, lane_origins = self._lanes(windows, s, o)
            x = np.ascontiguousarray(windows.inputs(lanes, lane_origins).x.swapaxes(0, 1))
            if state is None:
                before = stepper.run(x[:lookback], stepper.zeros(len(lanes)))
            else:
                before = tuple(part[lanes] for part in state)
            x = x[lookback:]
            step, scale = stepper.step(x[0], before), self._scale(prepared, s)
            by_lane = None if scale is None else scale.reshape(len(lanes), -1)
            paths = self._follow(stepper, x, step, num, rng, by_lane)
            raw = step[0].reshape(len(lanes), 1, self.layout.lane_targets, -1)
            raw = _targets_last(raw, len(s), self.layout)
            beside = None if scale is None else scale[:, None]

            def first(
                of: Read,
                raw: NDArray[Any] = raw,
                beside: F64 | None = beside,
                s: Int = s,
                o: Int = o,
            ) -> F64:
                return self._in_units(of(raw, beside), prepared, s, o)

            found.append(
                read(
                    self._in_units(_targets_last(paths, len(s), self.layout), prepared, s, o), first
                )
            )
        return np.concatenate(found)

    def _in_units(self, values: F64, prepared: Prepared, which: Int, origins: Int) -> F64:
        """Values [n, H, K, ...] of a network in the targets' units; counts are in theirs."""
        if self.spec.loss == "negative_binomial":
            return values
        return self._invert(values, prepared, which, origins)

    def _quantiles_of(self, paths: F64, levels: Sequence[float]) -> F64:
        """Quantiles [..., Q] of paths [..., num]; of counts, which stay counts, the least that
        are enough.
        """
        if self.spec.loss == "negative_binomial":
            found = np.quantile(paths, np.asarray(levels), axis=-1, method="inverted_cdf")
        else:
            found = np.quantile(paths, np.asarray(levels), axis=-1)
        last: F64 = np.moveaxis(found, 0, -1).copy()
        return last

    def _follow(
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
