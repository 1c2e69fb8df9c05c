"""Batches of windows over many series, which are gathered only for the batches that are trained."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data.batches import Batch, Batches
from unrolled.data.sequences import Sequences
from unrolled.data.series_windows import SeriesWindows

Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class WindowBatches:
    """The windows of a data set and the way they are cut into batches; see `Batches`.

    Window r is of lane q with `first_row[q] <= r < first_row[q + 1]`, and its origin is
    `first[q] + (r - first_row[q]) * stride`.

    Attributes:
        windows: over the series.
        first: [lanes] first origin of each lane.
        last: [lanes] last origin that is allowed; below `first` a lane has no window.
        stride: time steps from an origin to the next.
        batch_size: windows of a batch.
        shuffle: a new order each epoch.
        seed: of the order.
        most: windows of an epoch at most, drawn anew each time; None takes all.
        scale: [lanes, K'] float32 beside each target for a loss that asks for it, or None.
    """

    windows: SeriesWindows
    first: Rows
    last: Rows
    stride: int = 1
    batch_size: int = 32
    shuffle: bool = False
    seed: int = 0
    most: int | None = None
    scale: NDArray[np.float32] | None = None
    carry: bool = False

    @cached_property
    def first_row(self) -> Rows:
        """[lanes + 1] number of windows before each lane."""
        counts = np.maximum(0, (self.last - self.first) // self.stride + 1)
        return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])

    @property
    def num_windows(self) -> int:
        """Windows that there are."""
        return int(self.first_row[-1])

    @property
    def num_rows(self) -> int:
        """N, windows of an epoch."""
        return self.num_windows if self.most is None else min(self.most, self.num_windows)

    def __len__(self) -> int:
        """Number of batches of an epoch."""
        return -(-self.num_rows // self.batch_size)

    def order(self, epoch: int) -> list[Rows]:
        """The windows of each batch of an epoch."""
        rng = np.random.default_rng((self.seed, epoch))
        if self.num_rows < self.num_windows:
            rows = rng.choice(self.num_windows, self.num_rows, replace=False, shuffle=True)
        elif self.shuffle:
            rows = rng.permutation(self.num_windows)
        else:
            rows = np.arange(self.num_windows)
        return [rows[at : at + self.batch_size] for at in range(0, len(rows), self.batch_size)]

    def origins(self, rows: Rows) -> tuple[Rows, Rows]:
        """Lane and origin of each window."""
        lanes = np.searchsorted(self.first_row, rows, side="right") - 1
        return lanes, self.first[lanes] + (rows - self.first_row[lanes]) * self.stride

    def in_memory(self, rows: Sequence[Rows]) -> tuple[Batches, list[Rows]]:
        """The windows of these batches gathered at once, and the rows of each batch among them."""
        lanes, origins = self.origins(np.concatenate(rows))
        gathered = self.windows.inputs(lanes, origins)
        target = self.windows.target(lanes, origins, gathered)
        if self.scale is not None:
            # Outputs are [step, K'] of a lane's targets.
            beside = np.tile(self.scale[lanes], target.shape[-1] // self.scale.shape[1])
            beside = np.broadcast_to(beside if target.ndim == 2 else beside[:, None], target.shape)
            target = np.stack([target * beside, beside], axis=-1).reshape(*target.shape[:-1], -1)
        n, T, C = gathered.x.shape
        inputs = Sequences(
            gathered.x.reshape(n * T, C), np.arange(n, dtype=np.int64) * T, np.full(n, T)
        )
        every = target.ndim == 3
        y = target.reshape(n * T, -1) if every else target
        edges = np.cumsum([0, *map(len, rows)])
        each = [np.arange(a, b) for a, b in pairwise(edges)]
        return Batches(inputs, y, batch_size=self.batch_size, every=every), each

    def batch(self, rows: Rows) -> Batch:
        """One batch, time-major."""
        held, (each,) = self.in_memory([rows])
        return held.batch(each)

    def __iter__(self) -> Iterator[Batch]:
        """The batches of epoch 0."""
        return (self.batch(rows) for rows in self.order(0))

    def arrays(self) -> tuple[NDArray[Any], ...]:
        """All that the windows depend on."""
        steps = self.windows.steps
        parts = (steps.values, steps.observed, steps.starts, steps.lengths, steps.past, steps.known)
        rest = (steps.known_starts, steps.known_lengths, steps.static, self.scale)
        cuts = (self.first, self.last, np.array([self.stride, self.num_rows]))
        return tuple(part for part in (*parts, *rest, *cuts) if part is not None)
