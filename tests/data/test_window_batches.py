"""Which windows there are, their order, and what a batch of them holds."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from unrolled.data.series_windows import Layout, SeriesWindows, Steps
from unrolled.data.window_batches import WindowBatches

LENGTHS = np.array([20, 9, 5])
FIRST = np.array([4, 4, 4, 4, 3, 3])
LAST = np.array([17, 17, 6, 6, 2, 2])


def make_windows(strategy: str = "direct", shared: bool = True) -> SeriesWindows:
    rng = np.random.default_rng(0)
    layout = Layout(
        lookback=4, horizon=3, segment=2 if strategy == "segments" else 1,
        decode=strategy == "segments", teacher=strategy == "recursive", shared=shared, targets=2,
        normalization="none", indicator=True,
    )  # fmt: skip
    values = rng.normal(size=(LENGTHS.sum(), 2)).astype(np.float32)
    observed = rng.random(values.shape) < 0.8
    return SeriesWindows(Steps(values, observed, np.cumsum(LENGTHS) - LENGTHS, LENGTHS), layout)


def make(strategy: str = "direct", **how: Any) -> WindowBatches:
    return WindowBatches(make_windows(strategy), FIRST, LAST, **how)


@pytest.mark.parametrize("stride", [1, 3])
def test_each_window_is_there_once(stride: int) -> None:
    data = make(stride=stride)
    expected = [
        (lane, origin)
        for lane, (first, last) in enumerate(zip(FIRST, LAST, strict=True))
        for origin in range(first, last + 1, stride)
    ]
    assert data.num_windows == data.num_rows == len(expected)
    lanes, origins = data.origins(np.arange(len(expected)))
    assert list(zip(lanes.tolist(), origins.tolist(), strict=True)) == expected


@pytest.mark.parametrize("shuffle", [True, False])
def test_an_epoch_has_all_windows_in_batches(shuffle: bool) -> None:
    data = make(shuffle=shuffle, batch_size=8, seed=3)
    order = data.order(5)
    assert len(order) == len(data)
    assert [len(rows) for rows in order] == [8, 8, 8, 8, 2]
    whole = np.concatenate(order)
    assert sorted(whole.tolist()) == list(range(data.num_windows))
    assert (whole.tolist() == sorted(whole.tolist())) is not shuffle


def test_the_order_follows_from_seed_and_epoch_alone() -> None:
    orders = [
        np.concatenate(make(shuffle=True, seed=seed, most=most).order(epoch)).tolist()
        for seed, epoch, most in [(1, 1, None), (1, 1, None), (1, 2, None), (2, 1, None)]
    ]
    assert orders[0] == orders[1]
    assert orders[0] != orders[2]
    assert orders[0] != orders[3]


def test_fewer_windows_are_drawn_anew_each_epoch() -> None:
    data = make(most=10, batch_size=4, seed=1)
    assert (data.num_rows, len(data), data.num_windows) == (10, 3, 34)
    drawn = [np.concatenate(data.order(epoch)) for epoch in range(40)]
    assert all(len(set(rows.tolist())) == 10 for rows in drawn)
    assert {row for rows in drawn for row in rows.tolist()} == set(range(34))
    assert make(most=99).num_rows == 34


@pytest.mark.parametrize("strategy", ["direct", "segments", "recursive"])
def test_batches_hold_the_windows_of_their_rows(strategy: str) -> None:
    data = make(strategy, batch_size=5, shuffle=True)
    order = data.order(0)[1:4]
    held, rows = data.in_memory(order)
    assert [len(each) for each in rows] == [5, 5, 5]
    for asked, each in zip(order, rows, strict=True):
        batch, alone = held.batch(each), data.batch(asked)
        lanes, origins = data.origins(asked)
        gathered = data.windows.inputs(lanes, origins)
        target = data.windows.target(lanes, origins, gathered)
        for one in (batch, alone):
            np.testing.assert_array_equal(one.x, gathered.x.swapaxes(0, 1))
            y = target if target.ndim == 2 else target.swapaxes(0, 1)
            np.testing.assert_array_equal(one.y, y)
            assert one.lengths is None
            assert one.weight is None
    assert len(list(data)) == len(data)


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("strategy", ["direct", "segments", "recursive"])
def test_counts_stand_beside_the_scale_of_their_target(strategy: str, shared: bool) -> None:
    windows = make_windows(strategy, shared)
    per_target = np.array([[2, 3], [5, 7], [11, 13]], np.float32)  # [S, K]
    scale = per_target.reshape(windows.num_lanes, -1)
    each = windows.lanes_a_series
    first, last = np.repeat([4, 4], each), np.repeat([17, 6], each)
    data = WindowBatches(windows, first, last, scale=scale, batch_size=64)
    (rows,) = data.order(0)
    batch = data.batch(rows)
    assert batch.y is not None
    lanes, origins = data.origins(rows)
    target = data.windows.target(lanes, origins, data.windows.inputs(lanes, origins))
    y = batch.y if target.ndim == 2 else batch.y.swapaxes(0, 1)
    K = windows.layout.lane_targets
    pairs = y.reshape(len(rows), -1, K, 2)  # [n, steps, K', (count, scale)]
    beside = np.broadcast_to(scale[lanes][:, None], pairs.shape[:-1])
    np.testing.assert_array_equal(pairs[..., 1], beside)
    np.testing.assert_allclose(pairs[..., 0], target.reshape(pairs.shape[:-1]) * beside, rtol=1e-6)


def test_arrays_tell_data_sets_apart() -> None:
    def told(data: WindowBatches) -> list[bytes]:
        return [array.tobytes() for array in data.arrays()]

    assert told(make()) == told(make())
    assert told(make()) != told(make(stride=2))
    assert told(make()) != told(make(most=3))
    assert told(make()) != told(make(scale=np.ones((6, 1), np.float32)))
    windows = make_windows()
    windows.steps.values[3] += 1
    assert told(make()) != told(WindowBatches(windows, FIRST, LAST))


def test_memory_does_not_grow_with_the_number_of_windows() -> None:
    """Beside the order of an epoch, 8 bytes a window and once more while it is drawn."""
    most = []
    for M in (50_000, 200_000):
        steps = Steps(np.zeros((M, 1), np.float32), None, np.array([0]), np.array([M]))
        layout = Layout(100, 20, 1, False, False, False, 1, "last", False)
        data = WindowBatches(
            SeriesWindows(steps, layout), np.array([100]), np.array([M - 20]), shuffle=True
        )
        tracemalloc.start()
        order = data.order(0)
        drawn, _ = tracemalloc.get_traced_memory()
        for rows in order[:20]:
            data.batch(rows)
        most.append(tracemalloc.get_traced_memory()[1] - drawn)
        tracemalloc.stop()
        assert drawn < M * 16
    assert max(b - a for a, b in pairwise(most)) < 2 * 150_000 * 8
