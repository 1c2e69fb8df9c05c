"""Windows beside a reference that looks up one number at a time."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unrolled.data.series_windows import (
    LEAST_SPREAD,
    NORMALIZATIONS,
    Layout,
    SeriesWindows,
    Steps,
    normalizers,
)

STRATEGIES = ("direct", "segments", "recursive")
LENGTHS = (1, 9, 30, 4, 17)


def make_steps(layout: Layout, *, missing: bool, seed: int = 0) -> Steps:
    """Series of unequal lengths with what a layout reads; their rows do not lie in order."""
    rng = np.random.default_rng(seed)
    lengths, S, M = np.array(LENGTHS), len(LENGTHS), sum(LENGTHS)
    starts = M - np.cumsum(lengths)
    ahead = lengths + rng.integers(0, layout.horizon + 3, S)
    ahead_starts = ahead.sum() - np.cumsum(ahead)

    def columns(rows: int, many: int, codes: int) -> np.ndarray:
        found = rng.normal(size=(rows, many)).astype(np.float32)
        found[:, many - codes :] = rng.integers(0, 5, (rows, codes))
        return found

    return Steps(
        values=rng.normal(3, 2, (M, layout.targets)).astype(np.float32),
        observed=rng.random((M, layout.targets)) < 0.6 if missing else None,
        starts=starts,
        lengths=lengths,
        past=columns(M, layout.past, layout.past_codes) if layout.past else None,
        past_codes=layout.past_codes,
        known=columns(ahead.sum(), layout.known, layout.known_codes) if layout.known else None,
        known_codes=layout.known_codes,
        known_starts=ahead_starts if layout.known else None,
        known_lengths=ahead if layout.known else None,
        static=columns(S, layout.static, layout.static_codes) if layout.static else None,
        static_codes=layout.static_codes,
    )


def make_layout(strategy: str, **changes: Any) -> Layout:
    plain: dict[str, Any] = {
        "lookback": 6,
        "horizon": 5,
        "segment": 3 if strategy == "segments" else 1,
        "decode": strategy == "segments",
        "teacher": strategy == "recursive",
        "shared": True,
        "targets": 2,
        "normalization": "none" if strategy == "recursive" else "last",
        "indicator": True,
    }
    return Layout(**{**plain, **changes})


class Slow:
    """One window, looked up number by number."""

    def __init__(self, steps: Steps, layout: Layout, lane: int, origin: int) -> None:
        self.steps, self.layout, self.origin = steps, layout, origin
        K = layout.targets
        self.s = lane // K if layout.shared else lane
        self.ks = [lane % K] if layout.shared else list(range(K))
        self.lane_code = [lane % K] if layout.shared and K > 1 else []
        self.T = int(steps.lengths[self.s])
        before = range(origin - layout.lookback, origin)
        self.level, self.spread = np.zeros(len(self.ks)), np.ones(len(self.ks))
        for i, k in enumerate(self.ks):
            held = [self.value(t, k) for t in before]
            there = [self.value(t, k) for t in before if self.seen(t, k)] or held
            if layout.normalization == "last":
                self.level[i] = held[-1]
            elif layout.normalization != "none":
                self.level[i] = np.mean(there)
            if layout.normalization == "standard":
                self.spread[i] = max(LEAST_SPREAD, np.std(there))

    def value(self, t: int, k: int) -> float:
        if t < 0 and self.layout.teacher:
            return 0.0  # the first value would tell the step that forecasts it
        return float(self.steps.values[self.steps.starts[self.s] + min(max(t, 0), self.T - 1), k])

    def seen(self, t: int, k: int) -> bool:
        if not 0 <= t < self.T:
            return False
        observed = self.steps.observed
        return observed is None or bool(observed[self.steps.starts[self.s] + t, k])

    def scaled(self, t: int, i: int) -> float:
        return (self.value(t, self.ks[i]) - self.level[i]) / self.spread[i]

    def past(self, t: int) -> np.ndarray:
        assert self.steps.past is not None
        return self.steps.past[self.steps.starts[self.s] + min(max(t, 0), self.T - 1)]

    def known(self, t: int) -> np.ndarray:
        """Of steps behind the horizon, the last one of it is read."""
        assert self.steps.known is not None
        assert self.steps.known_starts is not None
        assert self.steps.known_lengths is not None
        last = min(self.steps.known_lengths[self.s], self.origin + self.layout.horizon) - 1
        return self.steps.known[self.steps.known_starts[self.s] + min(max(t, 0), last)]

    def step(self, j: int) -> list[float]:
        """The columns of step j."""
        layout, W = self.layout, self.layout.segment
        times = [self.origin - layout.lookback + j * W + w for w in range(W)]
        ahead = times[0] >= self.origin
        numbers: list[float] = []
        codes: list[float] = []
        reads = range(len(self.ks))
        # Teacher forcing reads the value before the one that is forecast.
        read = [t - 1 for t in times] if layout.teacher else times
        blank = ahead and not layout.teacher
        # Before a series begins there is its first value, which teacher forcing must not read.
        none = [blank or (layout.teacher and t < 0) for t in read]
        numbers += [
            0.0 if no else self.scaled(t, i)
            for t, no in zip(read, none, strict=True)
            for i in reads
        ]
        if layout.indicator:
            numbers += [not blank and self.seen(t, k) for t in read for k in self.ks]
        moving = []
        if layout.past:
            gone = np.zeros(layout.past)
            moving.append(([gone if ahead else self.past(t) for t in times], layout.past_codes))
        if layout.known:
            moving.append(([self.known(t) for t in times], layout.known_codes))
            if not layout.decode and not layout.teacher:
                later = [self.known(t + layout.horizon) for t in times]
                moving.append((later, layout.known_codes))
        for rows, many in moving:
            for row in rows:
                numbers += row[: len(row) - many].tolist()
                codes += row[len(row) - many :].tolist()
        if layout.decode:
            place = (times[0] - self.origin) // W
            numbers += [float(ahead and place == p) for p in range(-(-layout.horizon // W))]
        if self.steps.static is not None:
            row = self.steps.static[self.s]
            numbers += row[: len(row) - layout.static_codes].tolist()
            codes += row[len(row) - layout.static_codes :].tolist()
        return [*numbers, *codes, *self.lane_code]

    def truth(self, t: int, i: int) -> float:
        k = self.ks[i]
        return self.value(t, k) if self.seen(t, k) else np.nan

    def target(self) -> np.ndarray:
        layout, o = self.layout, self.origin

        def y(t: int, i: int) -> float:
            return (self.truth(t, i) - self.level[i]) / self.spread[i]

        reads = range(len(self.ks))
        if layout.teacher:
            times = range(o - layout.lookback, o + layout.horizon)
            return np.array([[y(t, i) for i in reads] for t in times])
        if not layout.decode:
            return np.array([y(t, i) for t in range(o, o + layout.horizon) for i in reads])
        rows = []
        for j in range(layout.num_steps):
            times = range(
                o - layout.lookback + j * layout.segment,
                o - layout.lookback + (j + 1) * layout.segment,
            )
            inside = [o <= t < o + layout.horizon for t in times]
            rows.append(
                [y(t, i) if ok else np.nan for t, ok in zip(times, inside, strict=True)
                 for i in reads]
            )  # fmt: skip
        return np.array(rows)


def check(steps: Steps, layout: Layout, lanes: list[int], origins: list[int]) -> None:
    windows = SeriesWindows(steps, layout)
    q, o = np.array(lanes), np.array(origins)
    gathered = windows.inputs(q, o)
    target = windows.target(q, o, gathered)
    assert gathered.x.dtype == np.float32
    assert target.dtype == np.float32
    assert gathered.x.shape == (len(lanes), layout.num_steps, layout.channels)
    assert windows.num_lanes == len(LENGTHS) * (layout.targets if layout.shared else 1)
    for n, (lane, origin) in enumerate(zip(lanes, origins, strict=True)):
        slow = Slow(steps, layout, lane, origin)
        expected = np.array([slow.step(j) for j in range(layout.num_steps)])
        np.testing.assert_allclose(gathered.x[n], expected, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(gathered.level[n, 0], slow.level, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(gathered.spread[n, 0], slow.spread, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(target[n], slow.target(), rtol=1e-4, atol=1e-5)


@st.composite
def layouts(draw: st.DrawFn) -> Layout:
    strategy = draw(st.sampled_from(STRATEGIES))
    segment = draw(st.integers(1, 4)) if strategy == "segments" else 1
    kinds = {}
    for kind in ("past", "known", "static"):
        kinds[kind] = draw(st.integers(0, 2))
        kinds[f"{kind}_codes"] = draw(st.integers(0, kinds[kind]))
    normalization = "none" if strategy == "recursive" else draw(st.sampled_from(NORMALIZATIONS))
    return make_layout(
        strategy,
        lookback=segment * draw(st.integers(1, 4)),
        horizon=draw(st.integers(1, 7)),
        segment=segment,
        shared=draw(st.booleans()),
        targets=draw(st.integers(1, 3)),
        normalization=normalization,
        indicator=draw(st.booleans()),
        **kinds,
    )


@given(layouts(), st.booleans(), st.integers(0, 9))
def test_windows_are_those_of_a_plain_loop(layout: Layout, missing: bool, seed: int) -> None:
    """Origins from the first step on to behind the end, where nothing is known to be forecast."""
    steps = make_steps(layout, missing=missing, seed=seed)
    rng = np.random.default_rng(seed)
    lanes = rng.integers(0, len(LENGTHS) * (layout.targets if layout.shared else 1), 12)
    series = lanes // layout.targets if layout.shared else lanes
    origins = rng.integers(1, steps.lengths[series] + 1)
    check(steps, layout, lanes.tolist(), origins.tolist())


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("shared", [True, False])
def test_windows_with_everything(strategy: str, shared: bool) -> None:
    layout = make_layout(
        strategy, shared=shared, past=3, past_codes=1, known=3, known_codes=2, static=2,
        static_codes=1,
    )  # fmt: skip
    check(make_steps(layout, missing=True), layout, [4, 1, 2, 1], [17, 3, 12, 1])


@given(layouts(), st.booleans(), st.integers(0, 9))
def test_no_window_reads_behind_its_origin(layout: Layout, missing: bool, seed: int) -> None:
    """Nor what is known behind its horizon; teacher forcing only in the steps that are forecast."""
    steps = make_steps(layout, missing=missing, seed=seed)
    s = int(np.argmax(LENGTHS))
    o, T = 8, LENGTHS[s]
    rows = slice(steps.starts[s] + o, steps.starts[s] + T)
    changed = {"values": steps.values.copy()}
    changed["values"][rows] += 100
    if steps.observed is not None:
        changed["observed"] = steps.observed.copy()
        changed["observed"][rows] ^= True
    if steps.past is not None:
        changed["past"] = steps.past.copy()
        changed["past"][rows] += 100
    if steps.known is not None and steps.known_starts is not None:
        changed["known"] = steps.known.copy()
        begin = steps.known_starts[s]
        changed["known"][begin + o + layout.horizon : begin + T] += 100
    other: Steps = replace(steps, **changed)  # type: ignore[arg-type]
    windows, others = SeriesWindows(steps, layout), SeriesWindows(other, layout)
    lanes = s * windows.lanes_a_series + np.arange(windows.lanes_a_series)
    origins = np.full(len(lanes), o)
    found, after = windows.inputs(lanes, origins), others.inputs(lanes, origins)
    stop = layout.lookback + 1 if layout.teacher else layout.num_steps
    assert found.x[:, :stop].tobytes() == after.x[:, :stop].tobytes()
    assert found.level.tobytes() == after.level.tobytes()
    assert found.spread.tobytes() == after.spread.tobytes()
    # The change is there to be seen.
    targets = [each.target(lanes, origins, found) for each in (windows, others)]
    assert targets[0].tobytes() != targets[1].tobytes()


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_sizes_of_a_layout(strategy: str) -> None:
    layout = make_layout(strategy, known=2, shared=False)
    assert layout.num_steps == {"direct": 6, "segments": 4, "recursive": 11}[strategy]
    assert layout.outputs == {"direct": 10, "segments": 6, "recursive": 2}[strategy]
    # Two targets with indicators; with "direct" what is known comes twice; two places.
    assert layout.channels == {"direct": 8, "segments": 20, "recursive": 6}[strategy]


def test_how_far_ahead_a_forecast_reads() -> None:
    horizons = (1, 3, 4, 5)
    found = {s: [make_layout(s).reach(h) for h in horizons] for s in STRATEGIES}
    assert found["direct"] == [5, 5, 5, 5]
    assert found["segments"] == [3, 3, 5, 5]
    assert found["recursive"] == [1, 3, 4, 5]
    assert make_layout("recursive").reach(99) == 99


def test_a_window_without_a_value_keeps_what_fills_it() -> None:
    values = np.full((1, 4, 1), 7.0, np.float32)
    unseen = np.zeros((1, 4, 1), bool)
    level, spread = normalizers(values, unseen, "standard")
    assert level.item() == 7
    assert spread.item() == np.float32(LEAST_SPREAD)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_windows_are_gathered_for_those_alone_that_are_asked_for(strategy: str) -> None:
    layout = make_layout(strategy, shared=False, targets=1, lookback=300)
    M = 200_000
    steps = Steps(np.zeros((M, 1), np.float32), None, np.array([0]), np.array([M]))
    tracemalloc.start()
    windows = SeriesWindows(steps, layout)
    windows.inputs(np.zeros(8, np.int64), np.arange(8) + 1000)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # All windows would be 60 million numbers.
    assert most < 400_000


def test_no_step_reads_the_value_that_it_forecasts() -> None:
    """Teacher forcing at the begin of a series, whose first value has none before it."""
    layout = Layout(
        lookback=4, horizon=2, segment=1, decode=False, teacher=True, shared=True, targets=1,
        normalization="none", indicator=True,
    )  # fmt: skip
    lanes, origins = np.array([0, 0]), np.array([2, 4])
    found = []
    for first in (5.0, 50.0):
        values = np.array([[first], [6.0], [7.0], [8.0], [9.0], [10.0]], np.float32)
        steps = Steps(values, None, np.array([0]), np.array([6]))
        windows = SeriesWindows(steps, layout)
        gathered = windows.inputs(lanes, origins)
        found.append((gathered.x, windows.target(lanes, origins, gathered)))
    for n, origin in enumerate(origins):
        at = layout.lookback - origin  # the step that forecasts the first value
        assert found[0][1][n, at, 0] == 5.0
        np.testing.assert_array_equal(found[0][0][n, : at + 1], found[1][0][n, : at + 1])
        assert not found[0][0][n, at, 1]  # the indicator
