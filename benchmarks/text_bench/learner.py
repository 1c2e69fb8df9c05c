"""Training on sequences that are drawn afresh, until it is learnt or the budget is spent."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from text_bench import peers
from unrolled.data.batches import Batch
from unrolled.estimators.parts import Seeds
from unrolled.kernels.engine import get_num_threads

Draw = Callable[[int, np.random.Generator], tuple[Any, Any]]


class Model(Protocol):
    """An estimator with a recurrent network."""

    spec_: Any
    weights_: NDArray[np.float32]
    learning_rate: float
    batch_size: int
    clip_norm: float | None
    optimizer: str

    def initialize(self, X: Any, y: Any) -> Any: ...
    def partial_fit(self, X: Any, y: Any) -> Any: ...


class Course(Protocol):
    """What is trained on, round by round.

    `draw` gives X and y of so many sequences of the round that begins, and `rate` the share of the
    learning rate that it is trained at; `learnt` is asked after each round whether the model is
    good enough to stop; `again` is the same course of rounds anew, whatever a model does.
    """

    @property
    def rate(self) -> float: ...
    def draw(self, count: int, rng: np.random.Generator) -> tuple[Any, Any]: ...
    def learnt(self, model: Any) -> bool: ...
    def again(self) -> Course: ...


@dataclass(frozen=True)
class Steady:
    """The same kind of sequences in every round.

    Attributes:
        draw: X and y of so many sequences.
        learnt: whether a model is good enough.
        rate: share of the learning rate.
    """

    draw: Draw
    learnt: Callable[[Any], bool]
    rate: float = 1.0

    def again(self) -> Steady:
        """It has nothing to forget."""
        return self


@dataclass(frozen=True)
class Budget:
    """How long to train.

    Attributes:
        steps: optimizer steps at most.
        minutes: no round begins after so many.
        round: steps of a round, on fresh sequences, with a validation behind it.
    """

    steps: int
    minutes: float
    round: int = 100


@dataclass(frozen=True)
class Learned:
    """How a run went.

    Attributes:
        minutes: all of it, with drawing and validating.
        seconds: of `partial_fit` alone.
        steps: optimizer steps.
        learnt: whether it ended because the course was learnt.
    """

    minutes: float
    seconds: float
    steps: int
    learnt: bool

    @property
    def note(self) -> str:
        """In words."""
        return f"{self.steps:,} steps" + ("" if self.learnt else ", not learnt")


def learn(model: Model, course: Course, seed: int, budget: Budget) -> Learned:
    """Train in rounds on fresh sequences, each seen once, until they are learnt.

    Args:
        model: not fitted; the first round fits its transforms.
        course: the sequences of each round.
        seed: of the sequences.
        budget: when to stop where they are not learnt.
    """
    started, seconds, steps, learnt = time.perf_counter(), 0.0, 0, False
    highest = model.learning_rate
    for X, y in _rounds(model, course, seed, budget):
        model.learning_rate = highest * course.rate
        before = time.perf_counter()
        model.partial_fit(X, y)
        seconds += time.perf_counter() - before
        steps += budget.round
        learnt = course.learnt(model)
        if learnt or time.perf_counter() - started > 60 * budget.minutes:
            break
    return Learned((time.perf_counter() - started) / 60, seconds, steps, learnt)


def learn_by_torch(
    model: Model, course: Course, seed: int, steps: int, budget: Budget
) -> peers.Trained:
    """As many steps of a plain torch.nn loop, on the batches of `learn` in their order.

    `model`, not fitted, gets first weights and ends with those that torch learnt, so that it can be
    scored. No step begins after the minutes of the budget.
    """
    rounds = enumerate(_rounds(model, course, seed, budget))
    _, first = next(rounds)
    model.initialize(*first)

    def batches() -> Iterator[tuple[Batch, float]]:
        # Not one round more is drawn: a course that is gone through again ends with its rounds.
        whole = itertools.chain([(0, first)], rounds)
        for epoch, (X, y) in itertools.islice(whole, -(-steps // budget.round)):
            # What partial_fit trains on, which no public method tells.
            data = model._batches(model._read(X, y, fitting=False), Seeds(model._seed))
            rate = float(model.learning_rate * course.rate)
            for rows in data.order(epoch):
                yield data.batch(rows), rate

    trained = peers.train(
        model.spec_,
        model.weights_,
        batches(),
        optimizer=model.optimizer,
        clip_norm=model.clip_norm,
        threads=get_num_threads(),
        seconds=60 * budget.minutes,
    )
    model.weights_[...] = trained.flat
    return trained


def _rounds(model: Model, course: Course, seed: int, budget: Budget) -> Iterator[tuple[Any, Any]]:
    """Fresh sequences of each round; (seed, 1) is apart from what is validated and tested on."""
    rng = np.random.default_rng((seed, 1))
    for _ in range(-(-budget.steps // budget.round)):
        yield course.draw(budget.round * int(model.batch_size), rng)
