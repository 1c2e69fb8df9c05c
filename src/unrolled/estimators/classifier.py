"""Many to one with classes: a sequence to its label."""

from __future__ import annotations

from dataclasses import dataclass

from unrolled.estimators.recurrent import ManyToOneNetwork
from unrolled.estimators.tasks import Classifier


@dataclass(kw_only=True, eq=False, repr=False)
class SequenceClassifier(Classifier, ManyToOneNetwork):
    """A recurrent network that gives each sequence a label.

    X is a list of N arrays [T_i, C] or [T_i] of any lengths, an array [N, T, C] or [N, T], a
    DataFrame with a row a sequence, or a list of N texts. y is [N] labels.

    All arguments stand in `docs/arguments.md`. They are described where they are defined: those of
    the recurrence in `ManyToOneNetwork`, of the task in `Classifier`, of training in
    `TrainingArguments`.

    >>> import numpy as np
    >>> from unrolled import SequenceClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = [rng.normal(size=(rng.integers(5, 12), 2)) for _ in range(40)]
    >>> y = ["up" if x[-1, 0] > 0 else "down" for x in X]
    >>> model = SequenceClassifier(learning_rate=0.01, max_epochs=30, random_state=0).fit(X, y)
    >>> model.score(X, y) > 0.9
    True
    """
