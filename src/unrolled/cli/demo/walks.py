"""The textbook's example: random walks of 4 values, the first three the input."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from unrolled.data import random_walk
from unrolled.estimators import SequenceRegressor
from unrolled.training.history import Record

# The target is two steps of variance 0.1^2 after the last input: no model can know them.
LEAST_ERROR = 0.02
EPOCHS = 50
LEARNING_RATE = 0.01
SIZES = (10, 1000, 2000)
NEW_WALKS = 1000


@dataclass(frozen=True)
class Walks:
    """One training on random walks, all errors mean squared ones.

    Attributes:
        num_samples: N.
        shapes: of input, hidden state and output, for one batch of all samples.
        before: error on the training samples with the first weights.
        after: error on the training samples after the last epoch.
        new: error on walks that were not trained on.
        repeat_last: error of repeating the last input, on the training samples.
        seconds: of the fit.
        model: the fitted estimator.
    """

    num_samples: int
    shapes: dict[str, tuple[int, ...]]
    before: float
    after: float
    new: float
    repeat_last: float
    seconds: float
    model: SequenceRegressor

    @property
    def history(self) -> list[Record]:
        """One record an epoch."""
        return self.model.history_


def learn_walks(num_samples: int) -> Walks:
    """Train 64 tanh units on random walks for 50 epochs by Adam, in the walks' own units."""
    X, y = random_walk(num_samples=num_samples, sequence_length=4, random_state=0)
    X_new, y_new = random_walk(num_samples=NEW_WALKS, sequence_length=4, random_state=1)
    model = SequenceRegressor(
        cell="rnn",
        hidden_size=64,
        max_epochs=EPOCHS,
        learning_rate=LEARNING_RATE,
        standardize=False,
        random_state=0,
        verbose=False,
    )
    before = model.initialize(X, y).evaluate(X, y)["mse"]
    started = time.perf_counter()
    model.fit(X, y)
    seconds = time.perf_counter() - started
    states = np.stack(model.hidden_states(X))
    return Walks(
        num_samples=num_samples,
        shapes={
            "input": (*X.shape, 1),
            "hidden states": states.shape,
            "output": (len(model.predict(X)), model.spec_.output_size),
        },
        before=before,
        after=model.evaluate(X, y)["mse"],
        new=model.evaluate(X_new, y_new)["mse"],
        repeat_last=float(np.mean((y - X[:, -1]) ** 2)),
        seconds=seconds,
        model=model,
    )
