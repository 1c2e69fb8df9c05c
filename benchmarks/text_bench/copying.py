"""The copying problem: repeat ten symbols after 100, and 500, steps of nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from text_bench.learner import Budget, Model
from text_bench.rows import Options, Row
from text_bench.task import Task, measure
from unrolled import SequenceTagger
from unrolled.data import copying

BAR = 1.0
SYMBOLS = 10  # 0 is blank, 9 the go mark
COPIED = 10
# A guess at one of eight symbols.
BASELINE = 1 / 8
CHOSEN: dict[str, Any] = {
    "hidden_size": 192,
    "bidirectional": False,
    "standardize": False,
    "learning_rate": 3e-3,
    "batch_size": 32,
    "clip_norm": 1.0,
    "verbose": False,
}
# Short delays are cheap to learn well, and longer ones follow with little training: each is trained
# until so many symbols are right, the first, in the end at a lower rate, until all of them are by
# `SURE`: what is wrong there stays wrong for long. By experiment an LSTM needs more at later delays
# than a GRU.
FIRST_DELAY, GROWTH = 3, 1.5
ENOUGH_LATER = {"gru": 0.99, "lstm": 0.998, "rnn": 0.998}
# Spans at which the gates begin; with longer ones short delays are learnt more slowly.
CHRONO = 120
# Share of the learning rate at the last delay, where it is halved within so many rounds, and at the
# first where that is nearly copied.
LAST_RATE, LAST_ROUNDS = 0.3, 10
# With a half a symbol in ten thousand was still wrong.
SURE = 0.75
# Sources: Bai, Kolter & Koltun (2018), table 1 and figure 5.
PUBLISHED = {
    100: (
        ("LSTM (Bai 2018, 10K), share of the copied symbols", "below 0.2 for T of 50 and more"),
        ("GRU (Bai 2018, 10K), share of the copied symbols", "below 0.2 for T of 200 and more"),
    ),
    500: (("LSTM, GRU (Bai 2018, 16K), T = 1,000", "loss 0.0204, 0.0197: the baseline's"),),
}


def run(options: Options) -> list[Row]:
    """LSTM and GRU at T = 100 blanks; as stretch at T = 500.

    The score is 1 less the wrong answers as a share of the ten copied symbols of 1,000 test
    sequences; a symbol where a blank is due is a wrong answer too. Training sequences are drawn
    afresh and seen once, those of short delays first (`Growing`); training ends when each right
    answer to 2,000 validation sequences has a probability above `SURE`, or the budget is spent.
    """
    rows = []
    for T in (100, 500)[: 1 + options.stretch]:
        for cell in ("lstm", "gru", "rnn") if T == 100 else ("lstm", "gru"):
            gated = cell != "rnn"
            delay = 5 if options.small else T
            task = Task(
                f"copying T = {delay}, {cell.upper() if gated else 'tanh RNN'}",
                "copied symbols right",
                partial(_model, cell, delay),
                partial(_draw, delay),
                _score,
                _stop,
                budget=Budget(20_000, 20.0, 50) if gated else Budget(10_000, 2.0),
                course=partial(Growing, delay, ENOUGH_LATER[cell]),
                num_valid=2000,
                num_test=1000,
                more_is_better=True,
            )
            row = measure(
                task,
                options,
                bar=BAR if gated and T == 100 else None,
                stretch=BAR if T > 100 else None,
                baseline=None if gated else BASELINE,
                published=PUBLISHED[T] if cell == "lstm" else (),
                peer=gated,
            )
            rows.append(row)
    return rows


class Round(NamedTuple):
    """Delay of the sequences of a round, and share of the learning rate."""

    delay: int
    rate: float


class Growing:
    """Short delays first: a delay that is copied makes room for one longer by half, up to the last.

    Args:
        last: the delay of the task.
        learnt: whether a model is good enough on the task itself.
        enough: share of the symbols that has to be right at delays between the first and the last.
        rounds: the first ones; what comes after them depends on the model.
    """

    def __init__(
        self,
        last: int,
        enough: float,
        learnt: Callable[[Any], bool],
        rounds: Sequence[Round] = (),
    ) -> None:
        self.last, self._enough, self._learnt = last, enough, learnt
        self._coming = list(rounds)[::-1] or [Round(min(FIRST_DELAY, last), 1.0)]
        self.rounds: list[Round] = []
        self._last_rounds = 0

    @property
    def rate(self) -> float:
        """Lower at the last delay."""
        return self.rounds[-1].rate

    def draw(self, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Sequences of the next delay."""
        self.rounds.append(self._coming.pop())
        return _draw(self.rounds[-1].delay, count, rng)

    def learnt(self, model: Any) -> bool:
        """Whether the last delay is copied; what comes next grows where a shorter one is."""
        delay, rate = self.rounds[-1]
        if delay == self.last:
            self._last_rounds += 1
            self._coming = [Round(delay, LAST_RATE / (1 + self._last_rounds / LAST_ROUNDS))]
            return self._learnt(model)
        held = _draw(delay, 1000, np.random.default_rng((delay, 4)))
        grows = _score(model, *held) >= self._enough
        if delay == min(FIRST_DELAY, self.last):
            rate = LAST_RATE if grows else rate
            grows = grows and _stop(model, *held)
        if grows:
            delay = min(self.last, math.ceil(delay * GROWTH))
            rate = LAST_RATE if delay == self.last else 1.0
        self._coming = [Round(delay, rate)]
        return False

    def again(self) -> Growing:
        """The same rounds, whatever a model does."""
        return Growing(self.last, self._enough, self._learnt, self.rounds)


def _draw(delay: int, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """One-hot symbols [N, T, 10] and the symbols [N, T] that are due."""
    X, y = copying(count, delay, rng)
    return np.eye(SYMBOLS, dtype=np.float32)[X], y


def _model(cell: str, delay: int, seed: int) -> Model:
    chrono = 0 if cell == "rnn" else min(CHRONO, delay + 2 * COPIED)
    return SequenceTagger(cell=cell, chrono=chrono, random_state=seed, **CHOSEN)


def _score(model: Any, X: np.ndarray, y: np.ndarray) -> float:
    """1 less the wrong answers at any step as a share of the copied symbols."""
    return 1.0 - int((np.array(model.predict(X)) != y).sum()) / (COPIED * len(y))


def _stop(model: Any, X: np.ndarray, y: np.ndarray) -> bool:
    """Whether every right answer has a probability above `SURE`."""
    shares = np.stack(model.predict_proba(X))  # [N, T, 9], of the symbols 0 to 8 in their order
    return bool(np.take_along_axis(shares, y[..., None], axis=2).min() > SURE)
