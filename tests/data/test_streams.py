"""Which tokens a stream predicts, where it is cut, and what a batch holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unrolled.data import Streams
from unrolled.data.batches import Batched
from unrolled.data.streams import LENGTH_LIMIT


def places(M: int, dtype: type = np.int64) -> np.ndarray:
    """Tokens that are their own places."""
    return np.arange(M, dtype=dtype)


def check(data: Streams, epoch: int) -> None:
    """Each token is predicted once, and row n goes on where row n of the batch before ended."""
    order = data.order(epoch)
    assert len(order) == len(data)
    assert {len(rows) for rows in order} == {data.num_streams}
    assert sum(map(len, order)) == data.num_rows
    held, each = data.in_memory(order)
    predicted = np.sort(held.y)
    np.testing.assert_array_equal(predicted, np.arange(1, len(data.tokens)))
    np.testing.assert_array_equal(held.inputs.values + 1, held.y)
    before = None
    for rows in each:
        starts = np.array([held.inputs[row][0] for row in rows])
        if before is not None:
            np.testing.assert_array_equal(starts, before)
        before = np.array([held.inputs[row][-1] + 1 for row in rows])
    first = [held.inputs[row][0] for row in each[0]]
    np.testing.assert_array_equal(first[1:], before[:-1])
    assert (first[0], before[-1]) == (0, len(data.tokens) - 1)


@given(
    st.integers(2, 200),
    st.integers(1, 40),
    st.integers(1, 30),
    st.floats(0, 1, exclude_max=True),
    st.integers(0, 5),
)
def test_each_token_is_predicted_once(M: int, N: int, bptt: int, vary: float, epoch: int) -> None:
    data = Streams(places(M), N, bptt, vary, seed=3)
    check(data, epoch)
    lengths = np.diff(data.cuts(epoch))
    assert lengths.min() >= 1
    nominal = np.minimum(np.arange(len(lengths) + 1) * bptt, (M - 1) // data.num_streams)
    assert np.abs(data.cuts(epoch) - nominal).max() <= vary / 2 * bptt
    if vary == 0:
        assert lengths.max() <= bptt


@pytest.mark.parametrize("bptt", [4, 5, 30])
def test_cuts_never_meet(bptt: int) -> None:
    # The last window has one step.
    data = Streams(places(20 * bptt + 2), 1, bptt, vary=np.nextafter(1, 0))
    assert len(data) == 21
    for epoch in range(20):
        check(data, epoch)
        assert np.diff(data.cuts(epoch)).min() >= 1


def test_batches_of_a_small_row_by_hand() -> None:
    data = Streams(places(12, np.uint8) + np.uint8(50), batch_size=3, bptt=2)
    x = [batch.x.T.tolist() for batch in data]
    assert x == [[[50, 51], [54, 55], [58, 59]], [[52, 53], [56, 57], [60, 0]]]
    y = [batch.y.T.tolist() for batch in data if batch.y is not None]
    assert y == [[[51, 52], [55, 56], [59, 60]], [[53, 54], [57, 58], [61, -1]]]
    last = data.batch(data.order(0)[-1])
    assert last.x.dtype == np.int64
    assert last.lengths is not None
    assert last.lengths.tolist() == [2, 2, 1]
    assert [batch.lengths is None for batch in data] == [True, False]


def test_rows_need_no_epoch() -> None:
    data = Streams(places(1000, np.uint16), batch_size=4, bptt=10, vary=0.5, seed=1)
    order = data.order(7)
    held, each = data.in_memory(order[5:8])
    assert held.carry
    assert held.every
    assert len(held.inputs) == 12
    for rows, own in zip(order[5:8], each, strict=True):
        batch, alone = held.batch(own), data.batch(rows)
        np.testing.assert_array_equal(batch.x, alone.x)
        np.testing.assert_array_equal(batch.y, alone.y)
        np.testing.assert_array_equal(rows // LENGTH_LIMIT, batch.x[0])
        assert set(rows % LENGTH_LIMIT) == {len(batch.x)}


def test_cuts_move_by_seed_and_epoch() -> None:
    def cuts(epoch: int, **how: Any) -> list[int]:
        return Streams(places(2000), 4, **{"bptt": 20, "vary": 0.8, **how}).cuts(epoch).tolist()

    assert cuts(1) == cuts(1)
    assert cuts(1) != cuts(2)
    assert cuts(1) != cuts(1, seed=1)
    assert len(cuts(1)) == len(cuts(2)) == len(cuts(1, vary=0.0))
    assert cuts(1, vary=0.0) == cuts(2, vary=0.0) == [*range(0, 499, 20), 499]
    moves = np.concatenate([np.array(cuts(epoch)) - cuts(0, vary=0.0) for epoch in range(20)])
    assert (moves.min(), moves.max()) == (-8, 8)


def test_fewer_tokens_than_streams() -> None:
    data = Streams(places(5), batch_size=32, bptt=8)
    assert data.num_streams == 4
    assert data.num_rows == 4
    assert [batch.x.tolist() for batch in data] == [[[0, 1, 2, 3]]]


def test_a_memory_map_is_read_where_it_is_asked(tmp_path: Path) -> None:
    tokens = np.random.default_rng(0).integers(0, 60_000, 500).astype(np.uint16)
    tokens.tofile(tmp_path / "tokens")
    mapped = np.memmap(tmp_path / "tokens", np.uint16, "r")
    data, ours = Streams(mapped, 3, 7), Streams(tokens, 3, 7)
    for batch, own in zip(data, ours, strict=True):
        np.testing.assert_array_equal(batch.x, own.x)
        np.testing.assert_array_equal(batch.y, own.y)
    assert data.arrays()[0] is mapped


def test_arrays_tell_cuts_apart() -> None:
    def told(**how: Any) -> list[float]:
        return Streams(places(50), **how).arrays()[1].tolist()

    assert told() == told()
    for how in ({"batch_size": 2}, {"bptt": 3}, {"vary": 0.5}, {"seed": 1}):
        assert told(**how) != told()


def test_it_is_batched() -> None:
    data: Batched = Streams(places(50))
    assert data.carry


@pytest.mark.parametrize(
    ("how", "kind", "said"),
    [
        ({"tokens": [1, 2]}, TypeError, "array of whole numbers, got list"),
        ({"tokens": np.ones(3)}, TypeError, "array of whole numbers, got float64"),
        ({"tokens": np.ones((3, 2), int)}, ValueError, r"got shape \[3, 2\]"),
        ({"tokens": np.ones(1, int)}, ValueError, "at least 2"),
        ({"batch_size": 0}, ValueError, "batch_size"),
        ({"bptt": 0}, ValueError, "bptt"),
        ({"bptt": 2.5}, TypeError, "bptt"),
        ({"bptt": 2**20}, ValueError, "too long"),
        ({"seed": -1}, ValueError, "seed"),
        ({"vary": 1}, ValueError, "vary must be at least 0 and below 1, got 1"),
        ({"vary": -0.1}, ValueError, "vary"),
        ({"vary": float("nan")}, ValueError, "vary"),
        ({"vary": "a"}, TypeError, "vary"),
        ({"vary": True}, TypeError, "vary"),
    ],
)
def test_refusals(how: dict[str, Any], kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said):
        Streams(**{"tokens": places(9), **how})
