"""Batches: rows of a data set, padded and transposed once to the kernels' time-major layout."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from unrolled.data.sequences import Sequences

# Batches of like length are cut from pools of this many batches, so that order stays random.
POOL = 64


@dataclass(frozen=True, eq=False)
class Batch:
    """One batch.

    Attributes:
        x: [T, N, C] float32, or [T, N] int64 tokens; [N, C] float32 for a one-to-one model.
        lengths: [N] int64, valid steps of each row; None when every row has T.
        y: [N] or [N, K] targets, or None; [T, N] or [T, N, K] where each step has its own.
        weight: [N] float32 with a mean of 1 in the data set, or None for equal weights; [T, N]
            where each step has its own.
    """

    x: NDArray[Any]
    lengths: NDArray[np.int64] | None
    y: NDArray[Any] | None
    weight: NDArray[np.float32] | None


class Batched(Protocol):
    """A data set and the way it is cut into batches: `Batches`, or windows over series.

    `order` gives the rows of each batch of an epoch; `in_memory` these batches as `Batches` with
    the rows they have there; `arrays` all that the batches depend on beside their order.
    """

    @property
    def carry(self) -> bool: ...
    @property
    def batch_size(self) -> int: ...
    @property
    def num_rows(self) -> int: ...
    def __len__(self) -> int: ...
    def order(self, epoch: int) -> list[NDArray[np.int64]]: ...
    def in_memory(
        self, rows: Sequence[NDArray[np.int64]]
    ) -> tuple[Batches, Sequence[NDArray[np.int64]]]: ...
    def batch(self, rows: NDArray[np.int64]) -> Batch: ...
    def __iter__(self) -> Iterator[Batch]: ...
    def arrays(self) -> tuple[NDArray[Any], ...]: ...


@dataclass(frozen=True, eq=False)
class Batches:
    """A data set and the way it is cut into batches.

    The order of an epoch is a pure function of `seed` and the epoch's number, so that a run that
    goes on from a checkpoint sees the same batches as one that was never stopped.

    Attributes:
        inputs: N sequences, or a table [N, C] float32.
        y: [N] or [N, K] targets in the order of the inputs, or None; a class of -1 and a number
            that is NaN are missing.
        weight: [N] float32 weights with a mean of 1, or None.
        batch_size: rows of a batch; the last one of an epoch may be smaller.
        shuffle: a new order each epoch.
        bucket: batches of like length, which saves padding.
        seed: of the order.
        every: each step has a target and a weight of its own: `y` [M] or [M, K] and `weight` [M]
            go with the rows of `inputs.values`.
        carry: row n of a batch goes on from the state in which row n of the batch before ended
            (truncated backpropagation through time). The batches of an epoch then have equally
            many rows.
    """

    inputs: Sequences | NDArray[np.float32]
    y: NDArray[Any] | None = None
    weight: NDArray[np.float32] | None = None
    batch_size: int = 32
    shuffle: bool = False
    bucket: bool = False
    seed: int = 0
    every: bool = False
    carry: bool = False

    def __post_init__(self) -> None:
        if self.every and not isinstance(self.inputs, Sequences):
            raise ValueError("every=True needs sequences as inputs: a table has no steps")
        if self.carry and (self.shuffle or self.bucket):
            raise ValueError("carry=True needs rows in their order: shuffle and bucket are False")
        if self.carry and self.num_rows % min(self.batch_size, self.num_rows):
            raise ValueError(
                f"carry=True needs batches of equally many rows; {self.num_rows} rows do not "
                f"divide into batches of {self.batch_size}"
            )

    @property
    def num_rows(self) -> int:
        """N, rows of the data set."""
        return len(self.inputs)

    def __len__(self) -> int:
        """Number of batches of an epoch."""
        return -(-self.num_rows // self.batch_size)

    def order(self, epoch: int) -> list[NDArray[np.int64]]:
        """The rows of each batch of an epoch."""
        rng = np.random.default_rng((self.seed, epoch))
        rows = rng.permutation(self.num_rows) if self.shuffle else np.arange(self.num_rows)
        bucketed = self.bucket and isinstance(self.inputs, Sequences) and self.inputs.ragged
        if bucketed:
            rows = self._sort_within_pools(rows)
        batches = [
            rows[start : start + self.batch_size]
            for start in range(0, self.num_rows, self.batch_size)
        ]
        if bucketed and self.shuffle:
            batches = [batches[i] for i in rng.permutation(len(batches))]
        return batches

    def _sort_within_pools(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        assert isinstance(self.inputs, Sequences)
        lengths = self.inputs.lengths[rows]
        pool = np.arange(len(rows)) // (POOL * self.batch_size)
        return rows[np.lexsort((lengths, pool))]

    def in_memory(
        self, rows: Sequence[NDArray[np.int64]]
    ) -> tuple[Batches, Sequence[NDArray[np.int64]]]:
        """The data set itself, which is in memory, and the rows as they are."""
        return self, rows

    def arrays(self) -> tuple[NDArray[Any], ...]:
        """Inputs, targets and weights."""
        inputs = self.inputs
        parts = (
            (inputs.values, inputs.starts, inputs.lengths)
            if isinstance(inputs, Sequences)
            else (inputs,)
        )
        return tuple(part for part in (*parts, self.y, self.weight) if part is not None)

    def batch(self, rows: NDArray[np.int64]) -> Batch:
        """The batch of these rows: x [T, N, C] with T the longest of them, zeros as padding."""
        if self.every:
            return self._batch_of_steps(rows)
        y = None if self.y is None else self.y[rows]
        weight = None if self.weight is None else self.weight[rows]
        if not isinstance(self.inputs, Sequences):
            return Batch(self.inputs[rows], None, y, weight)
        x, lengths = gather(self.inputs, rows)
        return Batch(x, lengths, y, weight)

    def _batch_of_steps(self, rows: NDArray[np.int64]) -> Batch:
        assert isinstance(self.inputs, Sequences)
        starts, lengths = self.inputs.starts[rows], self.inputs.lengths[rows]
        x, valid = gather(self.inputs, rows)
        y = weight = None
        if self.y is not None:
            y = _time_major(self.y, starts, lengths, np.nan if self.y.dtype.kind == "f" else -1)
        if self.weight is not None:
            weight = _time_major(self.weight, starts, lengths, 0)
        return Batch(x, valid, y, weight)

    def __iter__(self) -> Iterator[Batch]:
        """The batches of epoch 0."""
        return (self.batch(rows) for rows in self.order(0))


def gather(
    sequences: Sequences, rows: NDArray[np.int64]
) -> tuple[NDArray[Any], NDArray[np.int64] | None]:
    """Rows of a ragged data set as one time-major array.

    Returns:
        x [T, N, C] (or [T, N] tokens), zeros after each row's end, and lengths [N], which are None
        when all rows have T steps.
    """
    starts, lengths = sequences.starts[rows], sequences.lengths[rows]
    x = _time_major(sequences.values, starts, lengths, 0)
    return x, None if (lengths == lengths[0]).all() else lengths


def _time_major(
    values: NDArray[Any], starts: NDArray[np.int64], lengths: NDArray[np.int64], padding: float
) -> NDArray[Any]:
    """Rows of values [M, ...] as [T, N, ...], `padding` after each end."""
    steps = np.arange(lengths.max())[:, None]
    if (lengths == lengths[0]).all():
        cut: NDArray[Any] = values[starts + steps]
        return cut
    cut = values[np.minimum(starts + steps, starts + lengths - 1)]
    cut[steps >= lengths] = padding
    return cut
