"""Windows over many series: which there are, and the steps that a network reads and forecasts.

A window is a pair of a lane and an origin. A lane is one series, or one target of it where the
targets share one network. Nothing is copied but the windows of the batches that are asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
Int = NDArray[np.int64]

NORMALIZATIONS = ("none", "last", "mean", "standard")
# A window that does not vary is divided by this share of its series' scale.
LEAST_SPREAD = 1e-2


@dataclass(frozen=True, eq=False)
class Steps:
    """Series as a network reads them: scaled, gaps filled.

    Attributes:
        values: [M, K] float32.
        observed: [M, K] bool, False where a value was missing; None: all were there.
        starts: [S] first row of each series.
        lengths: [S] steps of each series.
        past: [M, P] float32 covariates, codes last; None without.
        past_codes: how many of the last columns of `past` are codes.
        known: [M', F] float32 covariates known ahead, codes last; None without.
        known_codes: how many of the last columns of `known` are codes.
        known_starts: [S] first row of each series in `known`; row i goes with step i.
        known_lengths: [S] for how many steps they are known.
        static: [S, Q] float32, codes last; None without.
        static_codes: how many of the last columns of `static` are codes.
    """

    values: F32
    observed: NDArray[np.bool_] | None
    starts: Int
    lengths: Int
    past: F32 | None = None
    past_codes: int = 0
    known: F32 | None = None
    known_codes: int = 0
    known_starts: Int | None = None
    known_lengths: Int | None = None
    static: F32 | None = None
    static_codes: int = 0

    @cached_property
    def apart(self) -> tuple[F32, NDArray[np.bool_] | None, Int]:
        """Values and what was there, target after target, [K * M, 1], and where each begins.

        Target k of series s begins at row k * M + starts[s], the entry s * K + k of the last.
        """
        M, K = self.values.shape
        values = np.ascontiguousarray(self.values.T).reshape(M * K, 1)
        observed = self.observed
        if observed is not None:
            observed = np.ascontiguousarray(observed.T).reshape(M * K, 1)
        return values, observed, (self.starts[:, None] + np.arange(K) * M).ravel()


@dataclass(frozen=True)
class Layout:
    """What a window is made of.

    The network reads `past_steps` steps, each of `segment` time steps, then `future_steps` of the
    horizon, of which only covariates and the place are known.

    Attributes:
        lookback: L, time steps that are read; a multiple of `segment`.
        horizon: H, time steps that are forecast.
        segment: W, time steps of a step; 1 unless the horizon is decoded.
        decode: the horizon is read as steps of its own, each with an output; else it is forecast
            at once from the last past step.
        teacher: each step reads the value before it and forecasts its own, over look-back and
            horizon (teacher forcing); excludes `decode`.
        shared: each target is a lane of its own; else a lane holds all of them.
        targets: K.
        normalization: "none", or what is taken off each window: its "last" value, its "mean", or
            mean and standard deviation ("standard").
        indicator: a column tells which values were there.
        past: P, past covariates; `past_codes` of them, the last, are codes.
        known: F, covariates known ahead; `known_codes` of them, the last, are codes.
        static: Q, numbers of a series; `static_codes` of them, the last, are codes.
    """

    lookback: int
    horizon: int
    segment: int
    decode: bool
    teacher: bool
    shared: bool
    targets: int
    normalization: str
    indicator: bool
    past: int = 0
    past_codes: int = 0
    known: int = 0
    known_codes: int = 0
    static: int = 0
    static_codes: int = 0

    @property
    def lane_targets(self) -> int:
        """Targets of a lane: 1 where they share the network."""
        return 1 if self.shared else self.targets

    @property
    def past_steps(self) -> int:
        """Steps before the horizon."""
        return self.lookback // self.segment

    @property
    def future_steps(self) -> int:
        """Steps of the horizon that the network reads."""
        if self.teacher:
            return self.horizon
        return -(-self.horizon // self.segment) if self.decode else 0

    @property
    def num_steps(self) -> int:
        """T, steps of a window."""
        return self.past_steps + self.future_steps

    def reach(self, horizon: int) -> int:
        """Steps ahead of which a forecast of `horizon` steps reads what is known."""
        if self.teacher:
            return horizon
        whole = -(-horizon // self.segment) * self.segment if self.decode else self.horizon
        return min(whole, self.horizon)

    @property
    def ahead(self) -> bool:
        """Whether a past step also reads what is known of the step `horizon` later."""
        return not self.decode and not self.teacher and self.known > 0

    @property
    def places(self) -> int:
        """Columns that tell which step of the horizon it is."""
        return self.future_steps if self.decode else 0

    @property
    def numbers(self) -> int:
        """Columns of a step that hold numbers."""
        values = self.lane_targets * (2 if self.indicator else 1)
        covariates = self.past - self.past_codes
        covariates += (self.known - self.known_codes) * (2 if self.ahead else 1)
        return self.segment * (values + covariates) + self.places + self.static - self.static_codes

    @property
    def codes(self) -> int:
        """Columns of a step that hold codes, the last ones; a lane's target is the last of all."""
        moving = self.past_codes + self.known_codes * (2 if self.ahead else 1)
        return self.segment * moving + self.static_codes + self.lane_code

    @property
    def lane_code(self) -> int:
        """1 where a column tells which of several targets a lane holds."""
        return int(self.shared and self.targets > 1)

    @property
    def channels(self) -> int:
        """C, columns of a step."""
        return self.numbers + self.codes

    @property
    def outputs(self) -> int:
        """Numbers that an output of the network forecasts."""
        if self.teacher:
            return self.lane_targets
        return self.lane_targets * (self.segment if self.decode else self.horizon)


class Gathered(NamedTuple):
    """Windows in memory.

    Attributes:
        x: [n, T, C] float32.
        level: [n, 1, K'] float32, what was taken off each window; K' targets of a lane.
        spread: [n, 1, K'] float32, what it was divided by.
    """

    x: F32
    level: F32
    spread: F32


@dataclass(frozen=True, eq=False)
class SeriesWindows:
    """Windows of one layout over prepared series.

    Attributes:
        steps: the series.
        layout: of a window.
    """

    steps: Steps
    layout: Layout
    _values: F32 = field(init=False)
    _observed: NDArray[np.bool_] | None = field(init=False)
    _starts: Int = field(init=False)

    def __post_init__(self) -> None:
        steps = self.steps
        values, observed, starts = steps.values, steps.observed, steps.starts
        if self.layout.shared:
            values, observed, starts = steps.apart
        object.__setattr__(self, "_values", values)
        object.__setattr__(self, "_observed", observed)
        object.__setattr__(self, "_starts", starts)

    @property
    def lanes_a_series(self) -> int:
        """Lanes of one series; lane s * lanes_a_series + k is of series s."""
        return self.layout.targets if self.layout.shared else 1

    @property
    def num_lanes(self) -> int:
        """Lanes of all series."""
        return len(self._starts)

    def inputs(self, lanes: Int, origins: Int) -> Gathered:
        """What the network reads of these windows [n]: time steps before each origin alone."""
        layout, n = self.layout, len(lanes)
        x = np.empty((n, layout.num_steps, layout.channels), np.float32)
        past_steps = layout.past_steps
        span = layout.lookback + (layout.horizon if layout.teacher else 0)
        begin = origins - layout.lookback - layout.teacher
        values, seen = self._cut(lanes, begin, span)
        if layout.teacher:
            # Each step reads its predecessor; that of the first is not the value it forecasts.
            there = begin[:, None] + np.arange(span) >= 0
            values = np.where(there[:, :, None], values, np.float32(0))
        level, spread = normalizers(values[:, : layout.lookback], seen, layout.normalization)
        if layout.normalization != "none":
            values = (values - level) / spread
        num_past = past_steps if not layout.teacher else layout.num_steps

        at = _put(x, 0, values.reshape(n, num_past, -1), num_past)
        if layout.indicator:
            at = _put(x, at, seen.reshape(n, num_past, -1), num_past)
        at, codes = self._covariates(x, at, lanes, origins)
        if layout.places:
            x[:, :, at : at + layout.places] = 0
            x[:, past_steps:, at : at + layout.places] = np.eye(layout.places)
            at += layout.places
        self._fixed(x, at, lanes, codes)
        return Gathered(x, level, spread)

    def truth(self, lanes: Int, origins: Int) -> F32:
        """What is to be forecast of these windows, [n, H, K'], NaN where it is not known.

        With teacher forcing that of the look-back comes first, [n, L + H, K'].
        """
        layout = self.layout
        begin = origins - (layout.lookback if layout.teacher else 0)
        values, seen = self._cut(lanes, begin, origins[0] + layout.horizon - begin[0])
        return np.where(seen, values, np.float32(np.nan))

    def target(self, lanes: Int, origins: Int, gathered: Gathered) -> F32:
        """Targets of the loss: [n, T, outputs], or [n, outputs] of a network with one output."""
        layout, n = self.layout, len(lanes)
        y = (self.truth(lanes, origins) - gathered.level) / gathered.spread
        if layout.teacher:
            return y
        if not layout.decode:
            return y.reshape(n, -1)
        whole = np.full((n, layout.num_steps * layout.segment, layout.lane_targets), np.nan)
        whole[:, layout.lookback : layout.lookback + layout.horizon] = y
        return whole.reshape(n, layout.num_steps, -1).astype(np.float32)

    def _cut(self, lanes: Int, begin: Int, length: int) -> tuple[F32, NDArray[np.bool_]]:
        """Values [n, length, K'] from step `begin` on, and which of them were there.

        Before its begin a series holds its first value, and behind its end its last.
        """
        steps = begin[:, None] + np.arange(length)
        lengths = self.steps.lengths[lanes // self.lanes_a_series][:, None]
        inside = np.clip(steps, 0, lengths - 1)
        rows = self._starts[lanes][:, None] + inside
        seen = np.broadcast_to((inside == steps)[:, :, None], (*rows.shape, self._values.shape[1]))
        if self._observed is not None:
            seen = seen & self._observed[rows]
        return self._values[rows], seen

    def _covariates(self, x: F32, at: int, lanes: Int, origins: Int) -> tuple[int, list[F32]]:
        """Fill in what moves; gives where the next column is, and the columns of codes."""
        layout, series = self.layout, lanes // self.lanes_a_series
        n, codes = len(lanes), []
        begin = origins - layout.lookback
        num_past = layout.past_steps
        if self.steps.past is not None:
            ends = self.steps.lengths[series, None]
            rows = _rows(self.steps.starts[series], ends, begin, layout.lookback)
            part, code = _split(self.steps.past[rows], layout.past_codes)
            at = _put(x, at, part.reshape(n, num_past, -1), num_past)
            codes.append(_whole(code.reshape(n, num_past, -1), layout.num_steps))
        if self.steps.known is None:
            return at, codes
        starts, lengths = self.steps.known_starts, self.steps.known_lengths
        assert starts is not None
        assert lengths is not None
        # A last segment may reach beyond the horizon, behind which nothing need be known.
        ends = np.minimum(lengths[series], origins + layout.horizon)[:, None]
        for shift in (0, layout.horizon) if layout.ahead else (0,):
            span = layout.num_steps * layout.segment
            rows = _rows(starts[series], ends, begin + shift, span)
            part, code = _split(self.steps.known[rows], layout.known_codes)
            at = _put(x, at, part.reshape(n, layout.num_steps, -1), layout.num_steps)
            codes.append(code.reshape(n, layout.num_steps, -1))
        return at, codes

    def _fixed(self, x: F32, at: int, lanes: Int, codes: list[F32]) -> None:
        """Fill in what does not move, then all codes."""
        series = lanes // self.lanes_a_series
        if self.steps.static is not None:
            part, code = _split(self.steps.static[series], self.layout.static_codes)
            x[:, :, at : at + part.shape[1]] = part[:, None]
            at += part.shape[1]
            codes = [*codes, np.broadcast_to(code[:, None], (*x.shape[:2], code.shape[1]))]
        for code in codes:
            x[:, :, at : at + code.shape[2]] = code
            at += code.shape[2]
        if self.layout.lane_code:
            x[:, :, at] = (lanes % self.lanes_a_series)[:, None]


def normalizers(values: F32, seen: NDArray[np.bool_], kind: str) -> tuple[F32, F32]:
    """What is taken off windows [n, L, K'] and what they are divided by, [n, 1, K'] each."""
    level = np.zeros((len(values), 1, values.shape[2]), np.float32)
    spread = np.ones_like(level)
    if kind == "last":
        level = values[:, -1:].copy()
    elif kind in ("mean", "standard"):
        weight = seen[:, : values.shape[1]].astype(np.float32)
        total = weight.sum(1, keepdims=True)
        # A window without a value that was there: what fills it is all there is.
        weight = np.where(total > 0, weight, np.float32(1))
        weight /= weight.sum(1, keepdims=True)
        level = (values * weight).sum(1, keepdims=True)
        if kind == "standard":
            spread = np.sqrt(((values - level) ** 2 * weight).sum(1, keepdims=True))
            spread = np.maximum(spread, np.float32(LEAST_SPREAD))
    return level, spread


def _rows(starts: Int, ends: Int, begin: Int, length: int) -> Int:
    """Rows [n, length] of steps from `begin` on, the first and the last one repeated outside.

    Args:
        starts: [n] row of the first step.
        ends: [n, 1] number of steps.
        begin: [n] step.
        length: steps.
    """
    steps = begin[:, None] + np.arange(length)
    rows: Int = starts[:, None] + np.clip(steps, 0, ends - 1)
    return rows


def _split(part: F32, codes: int) -> tuple[F32, F32]:
    edge = part.shape[-1] - codes
    return part[..., :edge], part[..., edge:]


def _put(x: F32, at: int, part: NDArray[np.generic], num_steps: int) -> int:
    """Columns from `at` on of the first steps, zeros in the others; gives the next column."""
    stop: int = at + part.shape[2]
    x[:, :num_steps, at:stop] = part
    x[:, num_steps:, at:stop] = 0
    return stop


def _whole(part: F32, num_steps: int) -> F32:
    """The first steps of all `num_steps`, zeros in the others."""
    whole = np.zeros((len(part), num_steps, part.shape[2]), np.float32)
    whole[:, : part.shape[1]] = part
    return whole
