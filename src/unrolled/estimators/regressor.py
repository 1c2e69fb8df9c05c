"""Many to one with numbers: a sequence to its value, such as past values to the next."""

from __future__ import annotations

from dataclasses import dataclass

from unrolled.estimators.recurrent import ManyToOneNetwork
from unrolled.estimators.tasks import Regressor


@dataclass(kw_only=True, eq=False, repr=False)
class SequenceRegressor(Regressor, ManyToOneNetwork):
    """A recurrent network that gives each sequence a number, or several.

    X is a list of N arrays [T_i, C] or [T_i] of any lengths, an array [N, T, C] or [N, T], a
    DataFrame with a row a sequence, or a list of N texts. y is [N] or [N, K] numbers.

    All arguments stand in `docs/arguments.md`. They are described where they are defined: those of
    the recurrence in `ManyToOneNetwork`, of the task in `Regressor`, of training in
    `TrainingArguments`.

    >>> from unrolled import SequenceRegressor
    >>> from unrolled.data import random_walk
    >>> X, y = random_walk(num_samples=10, sequence_length=4, random_state=0)
    >>> model = SequenceRegressor(cell="rnn", max_epochs=50, random_state=0).fit(X, y)
    >>> model.predict(X).shape
    (10,)
    """
