"""The temporal order problem: which of X and Y came first, and which second, some 100 steps ago."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from text_bench.learner import Budget, Model
from text_bench.rows import Options, Row
from text_bench.task import Task, measure
from unrolled import SequenceClassifier
from unrolled.data import temporal_order

BAR = 0.99
# One class of four.
BASELINE = 0.25
CHOSEN: dict[str, Any] = {
    "unit": "character",
    "embedding_size": 8,
    "hidden_size": 32,
    "learning_rate": 3e-3,
    "batch_size": 32,
    "clip_norm": 1.0,
    "verbose": False,
}
# Source: Hochreiter & Schmidhuber (1996), LSTM can solve hard long time lag problems, NIPS 9.
PUBLISHED = (
    ("LSTM (Hochreiter & Schmidhuber 1996)", "learnt; by no other recurrent network of then"),
)


def run(options: Options) -> list[Row]:
    """LSTM, GRU and tanh RNN on lengths of 100 to 110: share of sequences with the right class.

    Training sequences are drawn afresh and seen once; training ends when 99.9 % of 1,000 validation
    sequences are right, or the budget is spent. The test sequences are 10,000.
    """
    rows = []
    for cell in ("lstm", "gru", "rnn"):
        gated = cell != "rnn"
        task = Task(
            f"temporal order, {cell.upper() if gated else 'tanh RNN'}",
            "sequences right",
            partial(_model, cell),
            partial(_draw, 20 if options.small else 100),
            _score,
            lambda model, X, y: _score(model, X, y) >= 0.999,
            budget=Budget(steps=3000, minutes=20.0),
            more_is_better=True,
        )
        row = measure(
            task,
            options,
            bar=BAR if gated else None,
            baseline=None if gated else BASELINE,
            published=PUBLISHED if cell == "lstm" else (),
            peer=gated,
        )
        rows.append(row)
    return rows


def _draw(T: int, count: int, rng: np.random.Generator) -> tuple[list[str], np.ndarray]:
    return temporal_order(count, T, rng)


def _model(cell: str, seed: int) -> Model:
    chrono = 0 if cell == "rnn" else 110
    return SequenceClassifier(cell=cell, chrono=chrono, random_state=seed, **CHOSEN)


def _score(model: Any, X: list[str], y: np.ndarray) -> float:
    return float(np.mean(model.predict(X) == y))
