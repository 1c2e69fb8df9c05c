"""Specs, and data sets with every kind of row: overlapping windows of unequal lengths."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from unrolled.runtime.spec import CLASS_LOSSES, LOSSES, Dense, Recurrent, Spec, views


@dataclass(frozen=True)
class Problem:
    """A spec, its parameters [P] and a data set."""

    spec: Spec
    flat: np.ndarray
    inputs: Any
    y: np.ndarray
    weight: np.ndarray | None

    @property
    def every(self) -> bool:
        return self.spec.recurrent is not None and self.spec.pooling == "every"

    def targets_of(self, row: int) -> np.ndarray:
        """Rows of y that belong to a row of the inputs."""
        if not self.every:
            return np.array([row])
        return self.inputs.starts[row] + np.arange(self.inputs.lengths[row])


# Rows of batches, and their learning rates.
BATCHES = [np.array(rows) for rows in ([2, 0, 3], [1, 7, 4, 6, 5], [8, 2], [0, 1, 2], [5, 3, 7, 4])]
RATES = [0.02, 0.05, 0.01, 0.03, 0.02]

LENGTHS = (4, 1, 7, 3, 7, 2, 5, 6, 1)


def recurrent_spec(
    cell: str = "gru",
    *,
    nonlinearity: str = "tanh",
    hidden_size: int = 5,
    num_layers: int = 1,
    bidirectional: bool = False,
    pooling: str = "last",
    loss: str = "squared",
    output_size: int = 3,
    quantiles: tuple[float, ...] = (),
    hidden: tuple[Dense, ...] = (),
    tokens: bool = False,
    tied: bool = False,
    dropout: tuple[float, float, float] = (0.0, 0.0, 0.0),
    categories: tuple[tuple[int, int], ...] = (),
    numbers: int = 4,
) -> Spec:
    return Spec(
        input_size=6 if tokens else numbers + len(categories),
        output_size=6 if tied else output_size,
        head=next(head for head, losses in LOSSES.items() if loss in losses),
        embedding_size=3 if tokens else 0,
        hidden=(Dense(3, "tanh"),) if tied else hidden,
        hidden_dropout=dropout[1],
        recurrent=Recurrent(cell, hidden_size, num_layers, bidirectional, dropout[0], nonlinearity),
        pooling=pooling,
        head_dropout=dropout[2],
        tied=tied,
        loss=loss,
        quantiles=quantiles,
        categories=categories,
    )


def problem(
    spec: Spec,
    *,
    lengths: tuple[int, ...] = LENGTHS,
    weighted: bool = False,
    missing: bool = False,
    seed: int = 3,
) -> Problem:
    """Windows that overlap, unequal lengths, and parameters that are nowhere nearly linear."""
    rng = np.random.default_rng(seed)
    N, total = len(lengths), sum(lengths)
    flat = rng.uniform(-0.7, 0.7, spec.num_parameters).astype(np.float32)
    inputs: Any
    if spec.recurrent is None:
        inputs = rng.normal(size=(N, spec.input_size)).astype(np.float32)
        num_targets = N
    else:
        cuts = np.array(lengths)
        starts = np.maximum(np.cumsum(cuts) - cuts - 2, 0)
        if spec.embedding_size:
            values = rng.integers(0, spec.input_size, total)
        else:
            values = rng.normal(size=(total, spec.input_size)).astype(np.float32)
            for i, (codes, _) in enumerate(spec.categories, spec.input_size - len(spec.categories)):
                values[:, i] = rng.integers(0, codes, total)
        inputs = SimpleNamespace(values=values, starts=starts, lengths=cuts)
        num_targets = total if spec.pooling == "every" else N
    if spec.loss in CLASS_LOSSES:
        y = rng.integers(0, spec.output_size, num_targets)
        gone: Any = -1
    else:
        y = rng.normal(size=(num_targets, spec.target_columns)).astype(np.float32)
        if spec.loss == "binary_cross_entropy":
            y = rng.integers(0, 2, y.shape).astype(np.float32)
        if spec.loss == "negative_binomial":  # counts and their scales
            y[:, 0::2] = rng.poisson(rng.gamma(1.5, 4.0, y[:, 0::2].shape))
            y[:, 1::2] = rng.uniform(0.3, 5.0, y[:, 1::2].shape)
        gone = np.nan
    if missing:
        y[rng.random(y.shape) < 0.4] = gone
        y[1] = gone
    weight = None
    if weighted:
        weight = rng.uniform(0.2, 3, num_targets)
        weight = (weight / weight.mean()).astype(np.float32)
    return Problem(spec, flat, inputs, y, weight)


def assert_close_gradients(spec: Spec, found: np.ndarray, expected: np.ndarray) -> None:
    """Each parameter's to 1e-5 of its largest; what cancels, to 2e-7 of the largest of all."""
    largest = np.abs(expected).max()
    for (name, mine), theirs in zip(
        views(spec, found).items(), views(spec, expected).values(), strict=True
    ):
        bound = 1e-5 * np.abs(theirs).max() + 2e-7 * largest
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=bound, err_msg=name)


def table_spec(**changes: Any) -> Spec:
    """One to one: 4 numbers in, two hidden layers."""
    spec = Spec(4, 3, "point", hidden=(Dense(7, "relu"), Dense(5, "tanh")))
    return replace(spec, **changes)


# Large enough for several threads.
LARGE_CRF = Spec(9, 53, "class", recurrent=Recurrent("gru", 20), pooling="every", loss="crf")
LARGE = [
    Spec(9, 37, "class", recurrent=Recurrent("gru", 70), pooling="every", hidden=(Dense(300),)),
    Spec(50, 50, "class", 40, (), 0.3, Recurrent("lstm", 40, 2, False, 0.2), "every", 0.4, True),
    Spec(9, 2, "point", recurrent=Recurrent("rnn", 90, 2, True, 0.1), pooling="max"),
    Spec(9, 2, "point", recurrent=Recurrent("rnn", 90), pooling="mean"),
    Spec(300, 290, "point", hidden=(Dense(310), Dense(333, "tanh")), hidden_dropout=0.5),
    Spec(
        9,
        12,
        "distribution",
        recurrent=Recurrent("gru", 9),
        pooling="every",
        loss="student_t",
        categories=((7, 40), (3, 1)),
    ),
    LARGE_CRF,
]
