"""Rolling origins: after how many known steps of which series a forecast is made."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class RollingOrigins:
    """The origins first[s], first[s] + stride, ... up to last[s] of each series, numbered in a row.

    They are listed block by block, so that their number costs no memory.

    Attributes:
        first: [S] int64.
        last: [S] int64; below `first` for a series without origins.
        stride: steps between two origins of a series, 1 or more.
    """

    first: NDArray[np.int64]
    last: NDArray[np.int64]
    stride: int = 1

    @property
    def counts(self) -> NDArray[np.int64]:
        """Number of origins of each series, [S]."""
        counts: NDArray[np.int64] = np.maximum((self.last - self.first) // self.stride + 1, 0)
        return counts

    def __len__(self) -> int:
        return int(self.counts.sum())

    def block(self, start: int, stop: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Series and origins of the numbers start..stop-1, series after series: two [n] int64."""
        ends = np.cumsum(self.counts)
        number = np.arange(start, min(stop, len(self)), dtype=np.int64)
        which = np.searchsorted(ends, number, side="right")
        before = ends[which] - self.counts[which]
        return which, self.first[which] + self.stride * (number - before)
