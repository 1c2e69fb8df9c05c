"""The adding problem: the sum of two marked numbers out of T = 400, and 1,000, steps."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from text_bench.learner import Budget, Model
from text_bench.rows import Options, Row
from text_bench.task import Task, measure
from unrolled import SequenceRegressor
from unrolled.data import adding

MEASURE = "mean squared error"
# What always answering the mean, 1, comes to.
BASELINE = 1 / 6
BAR = 1e-3
# Gates begin open for spans of up to T steps. Without that, an LSTM stays at the baseline for
# thousands of steps, and a GRU takes three times as many.
CHOSEN: dict[str, Any] = {
    "hidden_size": 64,
    "learning_rate": 3e-3,
    "batch_size": 32,
    "clip_norm": 1.0,
    "verbose": False,
}
# Sources: Bai, Kolter & Koltun (2018), table 1; Keller and others (2023), Wave-RNN.
PUBLISHED = {
    400: (
        ("tanh RNN, T = 600 (Bai 2018, 70K)", "0.177"),
        ("IRNN, T = 400 (Wave-RNN paper, 10K)", "1e-4, 14k to 30k steps"),
    ),
    1000: (
        ("LSTM, T = 600 (Bai 2018, 70K)", "0.164"),
        ("GRU, T = 600 (Bai 2018, 70K)", "5.3e-5"),
        ("IRNN, T = 1,000 (Wave-RNN paper, 10K)", "0.16"),
    ),
}


def run(options: Options) -> list[Row]:
    """LSTM, GRU and tanh RNN at T = 400; as stretch LSTM and GRU at T = 1,000.

    Training sequences are drawn afresh and seen once; training ends when the error on 1,000
    validation sequences is at most 2e-4, or the budget is spent. The test sequences are 10,000.
    """
    rows = []
    for T in (400, 1000)[: 1 + options.stretch]:
        for cell in ("lstm", "gru") if T > 400 else ("lstm", "gru", "rnn"):
            gated = cell != "rnn"
            row = measure(
                _task(cell, T // 20 if options.small else T),
                options,
                bar=BAR if gated and T == 400 else None,
                stretch=BAR if T > 400 else None,
                baseline=None if gated else BASELINE,
                published=PUBLISHED[T] if cell == "gru" else (),
                peer=gated,
            )
            rows.append(row)
    return rows


def _task(cell: str, T: int) -> Task:
    return Task(
        f"adding T = {T}, {'tanh RNN' if cell == 'rnn' else cell.upper()}",
        MEASURE,
        partial(_model, cell, T),
        lambda count, rng: adding(count, T, rng),
        _score,
        lambda model, X, y: _score(model, X, y) <= 2e-4,
        budget=Budget(steps=3000, minutes=20.0),
    )


def _model(cell: str, T: int, seed: int) -> Model:
    chrono = 0 if cell == "rnn" else T
    return SequenceRegressor(cell=cell, chrono=chrono, random_state=seed, **CHOSEN)


def _score(model: Any, X: np.ndarray, y: np.ndarray) -> float:
    return float(np.mean((model.predict(X) - y) ** 2))
