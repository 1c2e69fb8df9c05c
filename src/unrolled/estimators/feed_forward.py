"""One to one: a table's rows to labels or numbers, without memory."""

from __future__ import annotations

from dataclasses import dataclass, field

from unrolled.estimators.base import Network
from unrolled.estimators.inputs import TableInputs
from unrolled.estimators.options import choice, share, sizes
from unrolled.estimators.tasks import Classifier, Regressor
from unrolled.runtime.spec import Dense, Spec


@dataclass(kw_only=True, eq=False, repr=False)
class OneToOneNetwork(TableInputs, Network):
    """Dense layers from an input vector to an output.

    Args:
        hidden_layer_sizes: units of each hidden layer; () makes the model linear.
        activation: "relu" or "tanh", of the hidden layers.
        dropout: probability of zeroing an output of each hidden layer, in training only.
    """

    hidden_layer_sizes: tuple[int, ...] | int = field(
        default=(100,), metadata=sizes(help="units of each hidden layer")
    )
    activation: str = field(default="relu", metadata=choice("relu", "tanh", help="relu or tanh"))
    dropout: float = field(default=0.0, metadata=share(help="dropout after each hidden layer"))

    def _describe(self) -> Spec:
        layers = self.hidden_layer_sizes
        several = layers if isinstance(layers, tuple | list) else (layers,)
        return Spec(
            input_size=self._input_size(),
            output_size=self._output_size(),
            head=self._head,
            hidden=tuple(Dense(int(size), self.activation) for size in several),
            hidden_dropout=float(self.dropout),
            loss=self._loss(),
        )


@dataclass(kw_only=True, eq=False, repr=False)
class FeedForwardClassifier(Classifier, OneToOneNetwork):
    """A feed-forward network that gives each row of a table a label.

    X is an array [N, C] or a DataFrame; y is [N] labels. All arguments stand in
    `docs/arguments.md`; those of training are described in `TrainingArguments`.

    >>> from sklearn.datasets import load_iris
    >>> from unrolled import FeedForwardClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = FeedForwardClassifier(max_epochs=60, random_state=0).fit(X, y)
    >>> model.score(X, y) > 0.95
    True
    """


@dataclass(kw_only=True, eq=False, repr=False)
class FeedForwardRegressor(Regressor, OneToOneNetwork):
    """A feed-forward network that gives each row of a table a number, or several.

    X is an array [N, C] or a DataFrame; y is [N] or [N, K] numbers. All arguments stand
    in `docs/arguments.md`; those of training are described in `TrainingArguments`.

    >>> import numpy as np
    >>> from unrolled import FeedForwardRegressor
    >>> X = np.linspace(-1, 1, 200)[:, None]
    >>> model = FeedForwardRegressor(max_epochs=60, random_state=0).fit(X, X[:, 0] ** 2)
    >>> model.evaluate(X, X[:, 0] ** 2)["mae"] < 0.05
    True
    """
