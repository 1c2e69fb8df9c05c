"""Utterances in batches that are changed anew in each epoch; see `unrolled.data.augmentation`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data.augmentation import mask_spans
from unrolled.data.batches import Batch
from unrolled.data.pairs import PairBatches
from unrolled.data.sequences import Sequences


@dataclass(frozen=True)
class Masks:
    """Spans that are hidden of each utterance, see `mask_spans`.

    Attributes:
        num_time: spans of frames.
        max_steps: most frames of such a span, and a fifth of the utterance at most.
        num_feature: spans of features.
        max_features: most features of such a span.
    """

    num_time: int = 0
    max_steps: int = 20
    num_feature: int = 0
    max_features: int = 8

    def apply(self, frames: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
        """A copy [T, F] with the spans hidden."""
        return mask_spans(
            frames,
            rng,
            num_time=self.num_time,
            max_steps=self.max_steps,
            num_feature=self.num_feature,
            max_features=self.max_features,
        )


@dataclass(frozen=True, eq=False)
class ChangedPairs:
    """Pairs whose sources are changed at random each time that they are trained on.

    What becomes of a source is a pure function of `seed`, the epoch and its row, whatever batch it
    is in: a run that goes on from a checkpoint sees the same. Row i of epoch e therefore has the
    number e N + i in the batches that `order` gives.

    Attributes:
        pairs: the pairs as they are, and the way they are cut into batches.
        versions: the sources again, at other speeds; one of them all is drawn each time. Those of
            the pairs themselves are one of them only if they are given.
        masks: spans that are hidden.
        seed: of what is drawn.
    """

    pairs: PairBatches
    versions: tuple[Sequences, ...]
    masks: Masks = Masks()
    seed: int = 0

    @property
    def carry(self) -> bool:
        """No state goes on from batch to batch."""
        return False

    @property
    def batch_size(self) -> int:
        """Rows of a batch."""
        return self.pairs.batch_size

    @property
    def num_rows(self) -> int:
        """N, pairs."""
        return self.pairs.num_rows

    def __len__(self) -> int:
        """Number of batches of an epoch."""
        return len(self.pairs)

    def order(self, epoch: int) -> list[NDArray[np.int64]]:
        """The rows of each batch of an epoch, numbered on from epoch to epoch."""
        return [rows + epoch * self.num_rows for rows in self.pairs.order(epoch)]

    def in_memory(
        self, rows: Sequence[NDArray[np.int64]]
    ) -> tuple[Any, Sequence[NDArray[np.int64]]]:
        """The pairs themselves, which are in memory, and the rows as they are."""
        return self, rows

    def batch(self, rows: NDArray[np.int64]) -> Batch:
        """The batch of these rows, each changed by its own draws."""
        parts = [self._changed(*divmod(int(row), self.num_rows)) for row in rows]
        lengths = np.array([len(part) for part in parts], np.int64)
        sources = Sequences(np.concatenate(parts), np.cumsum(lengths) - lengths, lengths)
        targets = self.pairs.targets.take(rows % self.num_rows)
        return PairBatches(sources, targets).batch(np.arange(len(rows)))

    def __iter__(self) -> Iterator[Batch]:
        """The batches of epoch 0."""
        return (self.batch(rows) for rows in self.order(0))

    def arrays(self) -> tuple[NDArray[Any], ...]:
        """All that the batches depend on beside their order and what is drawn."""
        of_versions = ((v.values, v.starts, v.lengths) for v in self.versions)
        return (*self.pairs.arrays(), *(array for arrays in of_versions for array in arrays))

    def _changed(self, epoch: int, row: int) -> NDArray[np.float32]:
        # The order of an epoch is drawn from (seed, epoch), which (seed, epoch, 0) would equal.
        rng = np.random.default_rng((self.seed, epoch, row, 1))
        version = self.versions[int(rng.integers(len(self.versions)))]
        return self.masks.apply(version[row], rng)
