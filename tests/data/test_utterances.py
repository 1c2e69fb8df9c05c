from __future__ import annotations

import numpy as np
import pytest

from unrolled.data.augmentation import mask_spans
from unrolled.data.pairs import PairBatches
from unrolled.data.sequences import Sequences
from unrolled.data.utterances import ChangedPairs, Masks


def joined(parts: list[np.ndarray]) -> Sequences:
    lengths = np.array([len(part) for part in parts])
    return Sequences(np.concatenate(parts), np.cumsum(lengths) - lengths, lengths)


def frames(num: int, value: float, longer: int) -> Sequences:
    return joined([np.full((5 + i + longer, 6), value, np.float32) for i in range(num)])


TARGETS = joined([np.arange(1, 2 + i % 3) for i in range(10)])
PAIRS = PairBatches(frames(10, 1.0, 0), TARGETS, 4, shuffle=True, seed=7)
VERSIONS = (frames(10, 1.0, 0), frames(10, 2.0, 3))
MASKS = Masks(num_time=1, max_steps=3, num_feature=1, max_features=2)
DATA = ChangedPairs(PAIRS, VERSIONS, MASKS, seed=7)


def rows_of(batch_x: np.ndarray, lengths: np.ndarray | None) -> list[np.ndarray]:
    ends = [len(batch_x)] * batch_x.shape[1] if lengths is None else lengths.tolist()
    return [batch_x[:end, n] for n, end in enumerate(ends)]


def test_what_becomes_of_a_row_is_of_its_epoch_and_itself_alone() -> None:
    for epoch in (0, 3):
        whole = DATA.batch(np.arange(10) + 10 * epoch)
        alone = [DATA.batch(np.array([10 * epoch + i])) for i in range(10)]
        for row, one in zip(rows_of(whole.x, whole.lengths), alone, strict=True):
            np.testing.assert_array_equal(row, one.x[:, 0])
    assert whole.y is not None
    np.testing.assert_array_equal((whole.y >= 0).sum(axis=0), TARGETS.lengths)


def test_each_epoch_has_others_and_every_version_comes() -> None:
    lengths, values = [], []
    for epoch in range(40):
        batch = DATA.batch(np.array([10 * epoch + 4]))
        lengths.append(len(batch.x))
        values.append(batch.x.tobytes())
        masked = mask_spans(
            VERSIONS[len(batch.x) > 9][4], np.random.default_rng(0), num_time=0, num_feature=0
        )
        assert ((batch.x[:, 0] == masked) | (batch.x[:, 0] == 0.0)).all()
    assert {*lengths} == {9, 12}
    assert 8 < lengths.count(9) < 32
    assert len(set(values)) > 20


def test_the_order_is_that_of_the_pairs_numbered_on() -> None:
    assert (len(DATA), DATA.num_rows, DATA.batch_size, DATA.carry) == (3, 10, 4, False)
    for epoch in (0, 2):
        for ours, theirs in zip(DATA.order(epoch), PAIRS.order(epoch), strict=True):
            np.testing.assert_array_equal(ours, theirs + 10 * epoch)
    assert sum(batch.x.shape[1] for batch in DATA) == 10
    assert DATA.in_memory([])[0] is DATA


def test_all_that_it_depends_on_is_told() -> None:
    assert len(DATA.arrays()) == 12
    assert DATA.arrays()[6] is VERSIONS[0].values


@pytest.mark.parametrize("masks", [Masks(), Masks(1, 0, 1, 0)])
def test_without_masks_nothing_is_hidden(masks: Masks) -> None:
    data = ChangedPairs(PAIRS, VERSIONS[:1], masks)
    for row in range(10):
        np.testing.assert_array_equal(data.batch(np.array([row])).x[:, 0], PAIRS.sources[row])
