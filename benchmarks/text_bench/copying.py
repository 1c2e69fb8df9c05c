"""The copying problem: repeat ten symbols after 100, and 500, steps of nothing."""

from __future__ import annotations

import copy
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
# until so many symbols are right, the first until all of them are by `SURE`: what is wrong there
# stays wrong for long. By experiment an LSTM needs more at later delays than a GRU.
FIRST_DELAY, GROWTH = 3, 1.5
ENOUGH_LATER = {"gru": 0.99, "lstm": 0.998, "rnn": 0.998}
# Spans at which the gates begin; with longer ones short delays are learnt more slowly.
CHRONO = 120
# At the first delay, once every right answer has a probability above `LIKELY`, the rate falls to
# this share of it. At the last one it stays: at a lower one the last wrong symbols stay for long.
# There Adam, whose mean of squares shrinks with the gradient, leaps now and then; the mean of the
# weights over about the last 1 / AVERAGED rounds hardly follows: by it training ends, and then it
# is what is scored.
LIKELY, LOW_RATE = 0.5, 0.3
# Some models hover below `SURE` at the first delay; they go on after so many rounds.
FIRST_ROUNDS = {"gru": 300, "lstm": 400, "rnn": 300}
# Sequences that say whether a delay is copied; more at the first, whose mistakes stay.
HELD = {False: 1000, True: 5000}
AVERAGED = 0.1
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
    What is asked then, and scored where it ends training, is a mean of weights (Polyak & Juditsky
    1992), else the last ones; the torch.nn loop takes no mean.
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
                _learnt,
                budget=Budget(100_000, 20.0, 50) if gated else Budget(10_000, 2.0),
                course=partial(Growing, delay, ENOUGH_LATER[cell], FIRST_ROUNDS[cell]),
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
        enough: share of the symbols that has to be right at delays between the first and the last.
        first_rounds: at most so many are spent on the first delay.
        learnt: whether a model is good enough on the task itself.
        rounds: the first ones; what comes after them depends on the model.
    """

    def __init__(
        self,
        last: int,
        enough: float,
        first_rounds: int,
        learnt: Callable[[Any], bool],
        rounds: Sequence[Round] = (),
    ) -> None:
        self.last, self._enough, self._learnt = last, enough, learnt
        self._first_rounds = first_rounds
        self._first = min(FIRST_DELAY, last)
        self._coming = list(rounds)[::-1] or [Round(self._first, 1.0)]
        self.rounds: list[Round] = []
        self._mean: np.ndarray | None = None

    @property
    def rate(self) -> float:
        """Share of the learning rate, lower where a delay is nearly copied."""
        return self.rounds[-1].rate

    def draw(self, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Sequences of the next delay."""
        self.rounds.append(self._coming.pop())
        return _draw(self.rounds[-1].delay, count, rng)

    def learnt(self, model: Any) -> bool:
        """Whether the last delay is copied; what comes next grows where a shorter one is."""
        delay, rate = self.rounds[-1]
        self._coming = [Round(delay, rate)]
        if delay == self.last:
            return self._learnt_at_last(model)
        if delay == self._first and len(self.rounds) % 2:
            return False  # a look takes nearly as long as a round
        held = _draw(delay, HELD[delay == self._first], np.random.default_rng((delay, 4)))
        if delay == self._first:
            least = _least(model, *held)
            grows = least > SURE or len(self.rounds) >= self._first_rounds
            rate = LOW_RATE if least > LIKELY else rate
        else:
            grows = _score(model, *held) >= self._enough
        if grows:
            delay, rate = min(self.last, math.ceil(delay * GROWTH)), 1.0
        self._coming = [Round(delay, rate)]
        return False

    def _learnt_at_last(self, model: Any) -> bool:
        """Whether the mean of the weights is good enough; the model then takes it."""
        if self._mean is None:
            self._mean = model.weights_.astype(np.float64)
        self._mean += AVERAGED * (model.weights_ - self._mean)
        if len(self.rounds) % 2:
            return False  # a look takes as long as a round
        averaged = copy.copy(model)
        averaged.weights_ = self._mean.astype(np.float32)
        found = self._learnt(averaged)
        if found:
            model.weights_[...] = averaged.weights_
        return found

    def again(self) -> Growing:
        """The same rounds, whatever a model does."""
        return Growing(self.last, self._enough, self._first_rounds, self._learnt, self.rounds)


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


def _learnt(model: Any, X: np.ndarray, y: np.ndarray) -> bool:
    """Whether every right answer has a probability above `SURE`."""
    return _least(model, X, y) > SURE


def _least(model: Any, X: np.ndarray, y: np.ndarray) -> float:
    """The lowest probability of a right answer."""
    shares = np.stack(model.predict_proba(X))  # [N, T, 9], of the symbols 0 to 8 in their order
    return float(np.take_along_axis(shares, y[..., None], axis=2).min())
