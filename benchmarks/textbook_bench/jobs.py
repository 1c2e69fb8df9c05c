"""What is trained: the data, the sizes, the order of the rows. The same for every library."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unrolled.data import random_walk
from unrolled.runtime.spec import Recurrent, Spec, initial_values

RATE = 1e-3
BATCH = 32


@dataclass(frozen=True, eq=False)
class Job:
    """Sequences of one length, one number to learn for each, and how long to train.

    Attributes:
        cell: "rnn", "gru" or "lstm".
        x: [N, T, C] float32.
        y: [N, 1] float32.
        hidden_size: units of the one recurrent layer.
        epochs: epochs; each sees all rows once, in batches of 32, the last one smaller.
        seed: of the first weights and of the order.
    """

    cell: str
    x: np.ndarray
    y: np.ndarray
    hidden_size: int
    epochs: int
    seed: int = 0

    @property
    def spec(self) -> Spec:
        """The model: a recurrent layer, and a linear one on its last state."""
        return Spec(self.x.shape[2], 1, "point", recurrent=Recurrent(self.cell, self.hidden_size))

    @property
    def weights(self) -> np.ndarray:
        """First weights, [P] float32."""
        return initial_values(self.spec, self.seed)

    @property
    def num_steps(self) -> int:
        """Optimizer steps of the whole job."""
        return self.epochs * -(-len(self.x) // BATCH)

    def order(self, epoch: int) -> list[np.ndarray]:
        """Rows of each batch of an epoch."""
        rows = np.random.default_rng((self.seed, epoch)).permutation(len(self.x))
        return [rows[at : at + BATCH] for at in range(0, len(rows), BATCH)]


def textbook(num_samples: int, seed: int = 0) -> Job:
    """Random walks of three values, the fourth to be found; 64 tanh units, 50 epochs."""
    X, y = random_walk(num_samples=num_samples, random_state=0)
    return Job("rnn", X[:, :, None].astype(np.float32), y[:, None].astype(np.float32), 64, 50, seed)


def small_layer(cell: str) -> Job:
    """One epoch of 64 batches of 50 steps of 16 numbers, 64 units."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64 * BATCH, 50, 16)).astype(np.float32)
    return Job(cell, x, x.mean(axis=(1, 2))[:, None], 64, 1)


@dataclass(frozen=True, eq=False)
class Characters:
    """Streams of symbols, each symbol to be foretold from those before it.

    Attributes:
        streams: [N, windows * T + 1] int64, N streams that are read on from window to window.
        num_symbols: V.
        embedding_size: E.
        hidden_size: H.
        window: T, steps of a batch.
    """

    streams: np.ndarray
    num_symbols: int = 65
    embedding_size: int = 64
    hidden_size: int = 256
    window: int = 128

    @property
    def spec(self) -> Spec:
        """Embedding, LSTM, and scores of the next symbol at every step."""
        return Spec(
            self.num_symbols,
            self.num_symbols,
            "class",
            embedding_size=self.embedding_size,
            recurrent=Recurrent("lstm", self.hidden_size),
            pooling="every",
        )

    @property
    def num_windows(self) -> int:
        """Batches of an epoch."""
        return (self.streams.shape[1] - 1) // self.window


def characters(num_windows: int) -> Characters:
    """Random symbols: what they are does not change the time."""
    rng = np.random.default_rng(0)
    return Characters(rng.integers(0, 65, size=(BATCH, num_windows * 128 + 1)))
