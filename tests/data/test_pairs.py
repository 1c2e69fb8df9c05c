from __future__ import annotations

import numpy as np
import pytest

from unrolled.data.batches import POOL
from unrolled.data.pairs import MISSING, PairBatches, with_end
from unrolled.data.sequences import Sequences


def sequences(num: int, longest: int, seed: int) -> Sequences:
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, longest + 1, num)
    values = rng.integers(0, 50, int(lengths.sum()))
    return Sequences(values, np.cumsum(lengths) - lengths, lengths)


def pairs(num: int = 23, *, shuffle: bool = True, seed: int = 3) -> PairBatches:
    sources, targets = sequences(num, 6, 0), sequences(num, 4, 1)
    return PairBatches(sources, targets, 4, shuffle, seed)


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("num", [1, 4, 23, 4 * POOL + 9])
def test_every_pair_comes_once_an_epoch(num: int, shuffle: bool) -> None:
    data = pairs(num, shuffle=shuffle)
    for epoch in range(2):
        order = data.order(epoch)
        assert len(order) == len(data)
        assert all(1 <= len(rows) <= 4 for rows in order)
        np.testing.assert_array_equal(np.sort(np.concatenate(order)), np.arange(num))


def test_the_order_is_a_function_of_seed_and_epoch() -> None:
    def order(seed: int, epoch: int) -> list[int]:
        rows: list[int] = np.concatenate(pairs(seed=seed).order(epoch)).tolist()
        return rows

    assert order(3, 1) == order(3, 1)
    assert order(3, 1) != order(3, 2)
    assert order(3, 1) != order(4, 1)


def test_without_shuffling_each_epoch_is_the_same() -> None:
    data = pairs(shuffle=False)
    for first, second in zip(data.order(0), data.order(1), strict=True):
        np.testing.assert_array_equal(first, second)


def test_batches_are_of_like_length_first_of_the_target_then_of_the_source() -> None:
    data = pairs(shuffle=False)
    rows = np.concatenate(data.order(0))
    found = list(zip(data.targets.lengths[rows], data.sources.lengths[rows], strict=True))
    assert found == sorted(found)


def test_both_sides_of_a_batch_are_padded_behind_their_ends() -> None:
    data = pairs()
    for rows in data.order(0):
        batch = data.batch(rows)
        assert batch.y is not None
        assert batch.weight is None
        for column, row in enumerate(rows):
            source, target = data.sources[row], data.targets[row]
            S, T = len(source), len(target)
            np.testing.assert_array_equal(batch.x[:S, column], source)
            np.testing.assert_array_equal(batch.y[:T, column], target)
            assert (batch.x[S:, column] == 0).all()
            assert (batch.y[T:, column] == MISSING).all()
        lengths = data.sources.lengths[rows]
        assert len(batch.x) == lengths.max()
        assert len(batch.y) == data.targets.lengths[rows].max()
        if batch.lengths is None:
            assert (lengths == lengths[0]).all()
        else:
            np.testing.assert_array_equal(batch.lengths, lengths)


def test_sources_may_be_numbers() -> None:
    rng = np.random.default_rng(0)
    lengths = np.array([3, 2])
    values = rng.normal(size=(5, 2)).astype(np.float32)
    data = PairBatches(Sequences(values, np.array([0, 3]), lengths), sequences(2, 4, 1))
    batch = data.batch(np.array([1, 0]))
    assert (batch.x.shape, batch.x.dtype) == ((3, 2, 2), np.float32)
    np.testing.assert_array_equal(batch.x[:2, 0], values[3:])


def test_a_batch_does_not_write_into_the_data() -> None:
    data = pairs()
    before = [array.copy() for array in data.arrays()]
    for batch in data:
        batch.x[...] = 7
        assert batch.y is not None
        batch.y[...] = 7
    for array, old in zip(data.arrays(), before, strict=True):
        np.testing.assert_array_equal(array, old)


def test_iterating_gives_the_first_epoch() -> None:
    data = pairs()
    for batch, rows in zip(data, data.order(0), strict=True):
        np.testing.assert_array_equal(batch.x, data.batch(rows).x)


def test_other_arrays_where_anything_differs() -> None:
    names = [array.tobytes() for array in pairs().arrays()]
    assert len(names) == 6
    other = PairBatches(sequences(23, 6, 0), sequences(23, 4, 2))
    assert names != [array.tobytes() for array in other.arrays()]


def test_unlike_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="as many targets as sources, got 3 sources and 2 targets"):
        PairBatches(sequences(3, 4, 0), sequences(2, 4, 0))


def test_an_end_is_put_behind_each() -> None:
    overlapping = Sequences(np.arange(5, 12), np.array([2, 0, 1]), np.array([3, 1, 5]))
    ended = with_end(overlapping, 1)
    assert [part.tolist() for part in (ended[0], ended[1], ended[2])] == [
        [7, 8, 9, 1],
        [5, 1],
        [6, 7, 8, 9, 10, 1],
    ]
    assert ended.values.dtype == np.int64
