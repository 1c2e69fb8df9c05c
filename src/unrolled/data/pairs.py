"""Pairs of sequences of other lengths, in batches: what is read, and what is written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data.batches import POOL, Batch
from unrolled.data.batches import gather as gather_steps
from unrolled.data.fixed_inputs import FixedInputs
from unrolled.data.sequences import Sequences

# The class that stands behind the end of what is written, which adds nothing to a loss.
MISSING = -1


@dataclass(frozen=True, eq=False)
class PairBatches:
    """N pairs and the way they are cut into batches of like lengths.

    A batch has x [S, N] (or [S, N, C]) with its `lengths` [N], or what is of one size as [N, ...],
    and y [T, N] int64 classes with -1 behind each end. The order of an epoch is a pure function of
    `seed` and the epoch's number.

    Attributes:
        sources: what is read, N sequences or inputs of one size.
        targets: what is written, N sequences of symbols, each with its end.
        batch_size: rows of a batch; the last one of an epoch may be smaller.
        shuffle: a new order each epoch.
        seed: of the order.

    Raises:
        ValueError: there are not as many sources as targets.
    """

    sources: Sequences | FixedInputs
    targets: Sequences
    batch_size: int = 32
    shuffle: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if len(self.sources) != len(self.targets):
            raise ValueError(
                f"pairs need as many targets as sources, got {len(self.sources)} sources and "
                f"{len(self.targets)} targets"
            )

    @property
    def carry(self) -> bool:
        """No state goes on from batch to batch."""
        return False

    @property
    def num_rows(self) -> int:
        """N, pairs."""
        return len(self.sources)

    def __len__(self) -> int:
        """Number of batches of an epoch."""
        return -(-self.num_rows // self.batch_size)

    def order(self, epoch: int) -> list[NDArray[np.int64]]:
        """The rows of each batch of an epoch: of like length of the target, then of the source."""
        rng = np.random.default_rng((self.seed, epoch))
        rows = rng.permutation(self.num_rows) if self.shuffle else np.arange(self.num_rows)
        pool = np.arange(len(rows)) // (POOL * self.batch_size)
        keys = (self.sources.lengths[rows], self.targets.lengths[rows], pool)
        rows = rows[np.lexsort(keys)]
        batches = [
            rows[start : start + self.batch_size]
            for start in range(0, self.num_rows, self.batch_size)
        ]
        return [batches[i] for i in rng.permutation(len(batches))] if self.shuffle else batches

    def in_memory(
        self, rows: Sequence[NDArray[np.int64]]
    ) -> tuple[Any, Sequence[NDArray[np.int64]]]:
        """The pairs themselves, which are in memory, and the rows as they are."""
        return self, rows

    def batch(self, rows: NDArray[np.int64]) -> Batch:
        """The batch of these rows."""
        x, lengths = gather(self.sources, rows)
        y, ends = gather_steps(self.targets, rows)
        if ends is not None:
            y[np.arange(len(y))[:, None] >= ends] = MISSING
        return Batch(x, lengths, y, None)

    def __iter__(self) -> Iterator[Batch]:
        """The batches of epoch 0."""
        return (self.batch(rows) for rows in self.order(0))

    def arrays(self) -> tuple[NDArray[Any], ...]:
        """All that the batches depend on beside their order."""
        return (*_arrays(self.sources), *_arrays(self.targets))


def gather(
    sources: Sequences | FixedInputs, rows: NDArray[np.int64]
) -> tuple[NDArray[Any], NDArray[np.int64] | None]:
    """Rows of what is read, as `unrolled.data.batches.gather`; of one size they have no lengths."""
    if isinstance(sources, FixedInputs):
        return sources.gather(rows), None
    return gather_steps(sources, rows)


def with_end(sequences: Sequences, end: int) -> Sequences:
    """Sequences of symbols with one more behind the last of each."""
    parts = [np.append(sequences[i], end) for i in range(len(sequences))]
    lengths = sequences.lengths + 1
    return Sequences(np.concatenate(parts), np.cumsum(lengths) - lengths, lengths)


def _arrays(side: Sequences | FixedInputs) -> tuple[NDArray[Any], ...]:
    if isinstance(side, FixedInputs):
        return side.arrays()
    return side.values, side.starts, side.lengths
