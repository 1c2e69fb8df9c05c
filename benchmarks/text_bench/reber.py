"""The embedded Reber grammar: which symbols may come next, at every step of a string."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from text_bench.learner import Budget, Model
from text_bench.rows import Options, Row
from text_bench.task import Task, measure
from unrolled import SequenceTagger
from unrolled.data import embedded_reber
from unrolled.data.reber import SYMBOLS

BAR = 0.99
# The longest strings that are likely; most have 9 to 20 symbols.
SPAN = 40
CHOSEN: dict[str, Any] = {
    "embedding_size": 8,
    "hidden_size": 32,
    "bidirectional": False,
    "learning_rate": 5e-3,
    "batch_size": 32,
    "clip_norm": 1.0,
    "verbose": False,
}
# Source: Hochreiter & Schmidhuber (1996), LSTM can solve hard long time lag problems, NIPS 9, on
# the experiments of their Long short-term memory (1997).
PUBLISHED = (
    (
        "LSTM (Hochreiter & Schmidhuber)",
        "learnt by more runs, and faster, than by Elman nets, RTRL",
    ),
)


def run(options: Options) -> list[Row]:
    """LSTM, GRU and tanh RNN: share of strings that are right at every step.

    The network reads a string without its last symbol and is trained by the cross-entropy of each
    next symbol. A step is right when every symbol that the grammar allows there is likelier than
    every one that it does not; a string when all its steps are. The last but one symbol, that of
    the second step, has to be remembered over all between: to take T and P for equally likely
    there is wrong. Training strings are drawn afresh and seen once; training ends when 99.9 % of
    1,000 validation strings are right, or the budget is spent. The test strings are 10,000.
    """
    rows = []
    for cell in ("lstm", "gru", "rnn"):
        gated = cell != "rnn"
        task = Task(
            f"embedded Reber grammar, {cell.upper() if gated else 'tanh RNN'}",
            "strings right",
            partial(_model, cell),
            _draw,
            _score,
            lambda model, X, y: _score(model, X, y) >= 0.999,
            budget=Budget(steps=3000, minutes=20.0),
            held=_held,
            more_is_better=True,
        )
        row = measure(
            task,
            options,
            bar=BAR if gated else None,
            # Without memory of the second step a string is right by chance.
            baseline=None if gated else 0.5,
            published=PUBLISHED if cell == "lstm" else (),
            peer=gated,
        )
        rows.append(row)
    return rows


def _draw(count: int, rng: np.random.Generator) -> tuple[list[str], list[list[str]]]:
    """Strings, and the symbol that comes after each of their steps."""
    strings = embedded_reber(count, rng).strings
    return [string[:-1] for string in strings], [list(string[1:]) for string in strings]


def _held(count: int, rng: np.random.Generator) -> tuple[list[str], list[NDArray[np.bool_]]]:
    """Strings, and which symbols [T_i, 7] the grammar allows after each step."""
    drawn = embedded_reber(count, rng)
    return [string[:-1] for string in drawn.strings], [after[:-1] for after in drawn.next_symbols]


def _model(cell: str, seed: int) -> Model:
    chrono = 0 if cell == "rnn" else SPAN
    return SequenceTagger(cell=cell, chrono=chrono, random_state=seed, **CHOSEN)


def _score(model: Any, X: list[str], allowed: list[NDArray[np.bool_]]) -> float:
    columns = [SYMBOLS.index(label) for label in model.classes_]
    right = [
        bool(
            (
                np.where(legal[:, columns], shares, np.inf).min(axis=1)
                > np.where(legal[:, columns], 0.0, shares).max(axis=1)
            ).all()
        )
        for shares, legal in zip(model.predict_proba(X), allowed, strict=True)
    ]
    return float(np.mean(right))
