from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unrolled.data import windows
from unrolled.data.batches import Batches, gather
from unrolled.data.sequences import Sequences, as_sequences


def ragged(lengths: list[int], channels: int = 2, seed: int = 0) -> Sequences:
    rng = np.random.default_rng(seed)
    return as_sequences([rng.normal(size=(T, channels)).astype(np.float32) for T in lengths])


def rows_of(batches: Batches, epoch: int) -> np.ndarray:
    return np.concatenate(batches.order(epoch))


def padded_steps(batches: Batches, epoch: int) -> int:
    assert isinstance(batches.inputs, Sequences)
    lengths = batches.inputs.lengths
    return sum(int((lengths[rows].max() - lengths[rows]).sum()) for rows in batches.order(epoch))


def test_a_batch_is_time_major_and_zero_behind_each_end() -> None:
    lengths = [3, 1, 5, 4, 5]
    sequences = ragged(lengths)
    y = np.arange(10.0, dtype=np.float32).reshape(5, 2)
    weight = np.arange(5, dtype=np.float32)
    rows = np.array([3, 1, 0])
    batch = Batches(sequences, y, weight).batch(rows)
    assert batch.x.shape == (4, 3, 2)
    assert batch.x.dtype == np.float32
    assert batch.lengths is not None
    assert batch.lengths.dtype == np.int64
    np.testing.assert_array_equal(batch.lengths, [4, 1, 3])
    for n, row in enumerate(rows):
        T = lengths[row]
        np.testing.assert_array_equal(batch.x[:T, n], sequences[row])
        np.testing.assert_array_equal(batch.x[T:, n], 0.0)
    np.testing.assert_array_equal(batch.y, y[rows])
    np.testing.assert_array_equal(batch.weight, weight[rows])


def test_a_batch_is_a_copy() -> None:
    sequences = ragged([3, 3, 2])
    before = sequences.values.copy()
    for rows in ([0, 1], [0, 2]):
        batch = Batches(sequences).batch(np.array(rows))
        batch.x[...] = 7.0
    np.testing.assert_array_equal(sequences.values, before)


def test_padding_is_not_what_stands_behind_a_sequence() -> None:
    values = np.full((9, 1), np.nan, np.float32)
    values[[0, 1, 4, 5, 6]] = 1.0
    sequences = Sequences(values, np.array([4, 0]), np.array([3, 2]))
    x, lengths = gather(sequences, np.array([0, 1]))
    np.testing.assert_array_equal(x[:, :, 0], [[1, 1], [1, 1], [1, 0]])
    np.testing.assert_array_equal(lengths, [3, 2])


@pytest.mark.parametrize(
    ("lengths", "rows", "equal"),
    [
        ([4, 4, 4], [0, 2], True),
        ([4, 2, 4, 2], [1, 3], True),
        ([4, 2, 4, 2], [2], True),
        ([4, 2, 4, 2], [0, 1], False),
    ],
)
def test_lengths_are_none_only_where_they_are_equal(
    lengths: list[int], rows: list[int], equal: bool
) -> None:
    sequences = ragged(lengths)
    batch = Batches(sequences).batch(np.array(rows))
    assert (batch.lengths is None) == equal
    assert len(batch.x) == max(lengths[row] for row in rows)
    for n, row in enumerate(rows):
        np.testing.assert_array_equal(batch.x[: lengths[row], n], sequences[row])


def test_tokens_stay_whole_numbers_without_channels() -> None:
    tokens = Sequences(np.arange(1, 10, dtype=np.int64), np.array([0, 2, 5]), np.array([2, 3, 4]))
    batch = Batches(tokens).batch(np.array([2, 0]))
    assert batch.x.dtype == np.int64
    np.testing.assert_array_equal(batch.x, [[6, 1], [7, 2], [8, 0], [9, 0]])
    np.testing.assert_array_equal(batch.lengths, [4, 2])


def test_overlapping_windows_are_gathered_from_where_they_start() -> None:
    series = np.arange(40.0, dtype=np.float32).reshape(20, 2)
    pasts, y = windows(series, length=5, stride=2)
    batch = Batches(pasts, y.astype(np.float32)).batch(np.array([6, 0, 3]))
    assert batch.lengths is None
    for n, row in enumerate([6, 0, 3]):
        np.testing.assert_array_equal(batch.x[:, n], series[2 * row : 2 * row + 5])
        np.testing.assert_array_equal(batch.y[n], series[2 * row + 5])


def test_windows_of_unequal_lengths_overlap_too() -> None:
    values = np.arange(1.0, 8.0, dtype=np.float32)[:, None]
    sequences = Sequences(values, np.array([0, 1, 1]), np.array([6, 2, 6]))
    x, lengths = gather(sequences, np.array([1, 2, 0]))
    np.testing.assert_array_equal(
        x[:, :, 0].T, [[2, 3, 0, 0, 0, 0], [2, 3, 4, 5, 6, 7], [1, 2, 3, 4, 5, 6]]
    )
    np.testing.assert_array_equal(lengths, [2, 6, 6])


def test_a_table_has_neither_time_nor_lengths() -> None:
    table = np.arange(12.0, dtype=np.float32).reshape(4, 3)
    batch = Batches(table, np.arange(4)).batch(np.array([2, 0]))
    np.testing.assert_array_equal(batch.x, table[[2, 0]])
    assert batch.lengths is None
    assert batch.weight is None
    np.testing.assert_array_equal(batch.y, [2, 0])


@given(
    lengths=st.lists(st.integers(1, 9), min_size=1, max_size=60),
    batch_size=st.integers(1, 20),
    shuffle=st.booleans(),
    bucket=st.booleans(),
    table=st.booleans(),
    seed=st.integers(0, 2**32),
    epoch=st.integers(0, 100),
)
def test_every_row_comes_exactly_once_an_epoch(
    lengths: list[int],
    batch_size: int,
    shuffle: bool,
    bucket: bool,
    table: bool,
    seed: int,
    epoch: int,
) -> None:
    inputs: Any = np.zeros((len(lengths), 2), np.float32) if table else ragged(lengths)
    batches = Batches(inputs, batch_size=batch_size, shuffle=shuffle, bucket=bucket, seed=seed)
    order = batches.order(epoch)
    assert len(order) == len(batches) == -(-len(lengths) // batch_size)
    sizes = sorted(len(rows) for rows in order)
    assert all(size == batch_size for size in sizes[1:])
    assert 1 <= sizes[0] <= batch_size
    np.testing.assert_array_equal(np.sort(np.concatenate(order)), np.arange(len(lengths)))


def test_the_order_is_a_function_of_seed_and_epoch() -> None:
    lengths = [int(T) for T in np.random.default_rng(0).integers(1, 9, 50)]
    for bucket in (False, True):
        first, again, other = (
            Batches(ragged(lengths), batch_size=7, shuffle=True, bucket=bucket, seed=seed)
            for seed in (5, 5, 6)
        )
        late = [rows_of(first, epoch) for epoch in (3, 1, 0)]
        early = [rows_of(again, epoch) for epoch in (0, 1, 3)]
        for there, here in zip(late, reversed(early), strict=True):
            np.testing.assert_array_equal(there, here)
        assert (early[0] != early[1]).any()
        assert (early[0] != rows_of(other, 0)).any()


def test_without_shuffle_rows_keep_their_order() -> None:
    batches = Batches(ragged([3, 1, 2, 5, 4]), batch_size=2)
    for epoch in (0, 4):
        np.testing.assert_array_equal(rows_of(batches, epoch), np.arange(5))
    np.testing.assert_array_equal([len(batch.x) for batch in batches], [3, 5, 4])


def test_buckets_of_equal_lengths_change_nothing() -> None:
    table = np.zeros((30, 2), np.float32)
    for inputs in (ragged([4] * 30), table):
        plain, bucketed = (
            Batches(inputs, batch_size=4, shuffle=True, bucket=bucket, seed=1)
            for bucket in (False, True)
        )
        np.testing.assert_array_equal(rows_of(plain, 2), rows_of(bucketed, 2))


def test_buckets_save_padding_and_still_shuffle() -> None:
    lengths = [int(T) for T in np.random.default_rng(0).integers(1, 40, 600)]
    plain, bucketed = (
        Batches(ragged(lengths, 1), batch_size=16, shuffle=True, bucket=bucket, seed=2)
        for bucket in (False, True)
    )
    assert padded_steps(bucketed, 0) < 0.1 * padded_steps(plain, 0)
    one, two = bucketed.order(0), bucketed.order(1)
    longest = [max(lengths[row] for row in rows) for rows in one]
    assert longest != sorted(longest), "batches come in random order of length"
    together = {frozenset(rows.tolist()) for rows in one}
    again = {frozenset(rows.tolist()) for rows in two}
    assert len(together & again) < len(together) / 4, "batches are made anew each epoch"


def test_buckets_are_cut_from_pools_so_that_early_rows_are_mixed() -> None:
    batch_size, N = 2, 286
    lengths = list(range(1, N + 1))
    batches = Batches(
        Sequences(np.zeros((N, 1), np.float32), np.zeros(N, np.int64), np.array(lengths)),
        batch_size=batch_size,
        shuffle=True,
        bucket=True,
        seed=3,
    )
    rows = batches.order(0)
    gaps = [abs(int(pair[0]) - int(pair[1])) for pair in rows if len(pair) == 2]
    # Pools of 64 batches: three. One over all rows would pair neighbours in length, all gaps 1.
    assert 1.5 < np.mean(gaps) < 6


def test_the_rows_of_a_fixed_order_are_bucketed_stably() -> None:
    batches = Batches(ragged([3, 1, 3, 2, 1]), batch_size=2, bucket=True)
    np.testing.assert_array_equal(rows_of(batches, 0), [1, 4, 3, 0, 2])


@pytest.mark.parametrize("missing", [np.int64(-1), np.float32(np.nan)])
def test_targets_of_every_step_go_with_their_steps(missing: Any) -> None:
    sequences = ragged([3, 1, 4])
    rng = np.random.default_rng(1)
    y = rng.integers(0, 9, 8) if missing == -1 else rng.normal(size=(8, 2)).astype(np.float32)
    weight = rng.uniform(1, 2, 8).astype(np.float32)
    rows = np.array([2, 0, 1])
    batch = Batches(sequences, y, weight, every=True).batch(rows)
    assert batch.y is not None
    assert batch.weight is not None
    assert batch.y.shape == (4, 3, *y.shape[1:])
    assert batch.y.dtype == y.dtype
    for n, row in enumerate(rows):
        start, T = sequences.starts[row], sequences.lengths[row]
        np.testing.assert_array_equal(batch.x[:T, n], sequences[row])
        np.testing.assert_array_equal(batch.y[:T, n], y[start : start + T])
        np.testing.assert_array_equal(batch.weight[:T, n], weight[start : start + T])
        np.testing.assert_array_equal(batch.y[T:, n], np.full_like(batch.y[T:, n], missing))
        np.testing.assert_array_equal(batch.weight[T:, n], 0.0)


def test_every_step_needs_steps() -> None:
    with pytest.raises(ValueError, match="every=True needs sequences"):
        Batches(np.zeros((3, 2), np.float32), every=True)


def test_a_carried_state_needs_rows_in_order_and_batches_of_one_size() -> None:
    sequences = ragged([3] * 6)
    for batch_size in (2, 3, 6, 7):
        Batches(sequences, batch_size=batch_size, carry=True)
    with pytest.raises(ValueError, match="6 rows do not divide into batches of 4"):
        Batches(sequences, batch_size=4, carry=True)
    for name in ("shuffle", "bucket"):
        with pytest.raises(ValueError, match="rows in their order"):
            Batches(sequences, batch_size=3, carry=True, **{name: True})
