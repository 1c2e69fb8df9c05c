"""A long row of tokens as parallel streams, whose windows follow each other without a gap."""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data import checks
from unrolled.data.batches import Batch, Batches
from unrolled.data.sequences import Sequences

Rows = NDArray[np.int64]

# A row is its first token's place times this, plus its length.
LENGTH_LIMIT = 2**20


@dataclass(frozen=True, eq=False)
class Streams:
    """N parallel streams over M tokens, in windows for truncated backpropagation through time.

    Step i reads token i and predicts token i + 1, so that there are M - 1 steps. Stream n has a
    part of them that follows the part of stream n - 1; the first ones have one step more where
    they do not divide by N. All streams are cut at the same steps, a batch is the window of each
    stream between two cuts, and its state goes on from batch to batch. Over an epoch each token
    but the first is predicted exactly once.

    Attributes:
        tokens: array [M] of unsigned or signed whole numbers, M >= 2; it may be a memory map, of
            which only the windows asked for are read.
        batch_size: N; with fewer steps there are as many streams as steps, see `num_streams`.
        bptt: steps of a window; the last one of an epoch may be shorter, or have a single step
            more in the first streams.
        vary: in [0, 1); each cut of an epoch is moved at random by up to `vary / 2` of a window
            either way, so that windows do not end at the same tokens in each epoch. Their number
            stays the same. Data to evaluate on needs none.
        seed: of these moves.

    Raises:
        TypeError: the tokens are no whole numbers, or an argument is no number.
        ValueError: the tokens are not [M] with M >= 2, or an argument is not so.
    """

    tokens: NDArray[Any]
    batch_size: int = 32
    bptt: int = 64
    vary: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not isinstance(self.tokens, np.ndarray) or self.tokens.dtype.kind not in "iu":
            came = getattr(self.tokens, "dtype", type(self.tokens).__name__)
            raise TypeError(f"tokens must be an array of whole numbers, got {came}.")
        if self.tokens.ndim != 1 or len(self.tokens) < 2:
            raise ValueError(
                f"tokens must be [M] with M of at least 2, got shape {list(self.tokens.shape)}: "
                f"a token is predicted from those before it."
            )
        checks.as_count(self.batch_size, "batch_size")
        checks.as_count(self.bptt, "bptt")
        checks.as_count(self.seed, "seed", 0)
        if isinstance(self.vary, (bool, np.bool_)) or not isinstance(self.vary, numbers.Real):
            raise TypeError(f"vary must be a number, got {self.vary!r}.")
        if not 0 <= self.vary < 1:
            raise ValueError(f"vary must be at least 0 and below 1, got {self.vary!r}.")
        if self.bptt * (1 + self.vary) >= LENGTH_LIMIT - 2:
            raise ValueError(
                f"bptt={self.bptt} makes windows too long; fewer than {LENGTH_LIMIT} steps are "
                f"possible."
            )

    @property
    def carry(self) -> bool:
        """True: the state goes on from batch to batch."""
        return True

    @property
    def num_steps(self) -> int:
        """M - 1, tokens that are predicted."""
        return len(self.tokens) - 1

    @property
    def num_streams(self) -> int:
        """N, rows of each batch."""
        return min(self.batch_size, self.num_steps)

    @property
    def num_rows(self) -> int:
        """Windows of an epoch, of all streams."""
        return len(self) * self.num_streams

    def __len__(self) -> int:
        """Number of batches of an epoch."""
        return -(-(self.num_steps // self.num_streams) // self.bptt)

    def cuts(self, epoch: int) -> Rows:
        """[batches + 1] the steps of a stream before which its windows begin, and its end."""
        shortest = self.num_steps // self.num_streams
        cuts = np.minimum(np.arange(len(self) + 1) * self.bptt, shortest)
        # Below half a window, so that two cuts never meet.
        most = math.floor(self.vary / 2 * self.bptt)
        moves = np.random.default_rng((self.seed, epoch)).integers(
            -most, most, len(cuts) - 2, endpoint=True
        )
        cuts[1:-1] = np.minimum(cuts[1:-1] + moves, shortest - 1)
        return cuts

    def order(self, epoch: int) -> list[Rows]:
        """The rows of each batch of an epoch: `start * 2**20 + length` of each window [N]."""
        shortest, longer = divmod(self.num_steps, self.num_streams)
        stream = np.arange(self.num_streams)
        starts = stream * shortest + np.minimum(stream, longer)
        order = [
            (starts + begin) * LENGTH_LIMIT + (end - begin)
            for begin, end in pairwise(self.cuts(epoch))
        ]
        order[-1][:longer] += 1
        return order

    def in_memory(self, rows: Sequence[Rows]) -> tuple[Batches, list[Rows]]:
        """The windows of these batches, gathered, and the rows of each batch among them."""
        starts, lengths = np.divmod(np.concatenate(rows), LENGTH_LIMIT)
        ends = np.cumsum(lengths)
        places = np.repeat(starts - (ends - lengths), lengths) + np.arange(ends[-1])
        inputs = self.tokens[places].astype(np.int64)
        places += 1
        targets = self.tokens[places].astype(np.int64)
        edges = np.cumsum([0, *map(len, rows)])
        held = Batches(
            Sequences(inputs, ends - lengths, lengths),
            targets,
            batch_size=len(rows[0]),
            every=True,
            carry=True,
        )
        return held, [np.arange(begin, end) for begin, end in pairwise(edges)]

    def batch(self, rows: Rows) -> Batch:
        """One batch: x [T, N] and y [T, N], the tokens and those that follow them."""
        held, (each,) = self.in_memory([rows])
        return held.batch(each)

    def __iter__(self) -> Iterator[Batch]:
        """The batches of epoch 0."""
        return (self.batch(rows) for rows in self.order(0))

    def arrays(self) -> tuple[NDArray[Any], ...]:
        """All that the batches depend on."""
        return self.tokens, np.array([self.batch_size, self.bptt, self.vary, self.seed], np.float64)
