"""Classification and regression: the methods that scikit-learn's contract names."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unrolled.estimators.base import Network
from unrolled.estimators.class_weights import NEEDS_ALL
from unrolled.estimators.contract import ClassifierTask, RegressorTask
from unrolled.estimators.options import choice, instance
from unrolled.estimators.targets import ClassTargets, NumberTargets

if TYPE_CHECKING:
    from typing_extensions import Self


@dataclass(kw_only=True, eq=False, repr=False)
class LabelLearner(ClassTargets, Network):
    """A network that learns labels, of sequences or of their steps; by the cross-entropy.

    Args:
        class_weight: weights by label, "balanced" for weights inverse to the labels' counts, or
            None for equal ones.

    Attributes:
        classes_: [K] labels, sorted.
    """

    class_weight: dict[Any, float] | str | None = field(
        default=None,
        metadata=instance(
            dict,
            str,
            wanted="a dict of labels to weights, 'balanced'",
            help="weights by label, or balanced",
        ),
    )

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Train one more epoch, on these rows, at the constant `learning_rate`.

        What belongs to a whole run has no part in it: schedule, validation_fraction, patience and
        checkpoint. After `load` the optimizer starts afresh.

        Args:
            X: the inputs, as in `fit`.
            y: the labels, as in `fit`.
            classes: all labels there will be, at the first call; None takes those of y.
            sample_weight: [N] weights, or None.

        Raises:
            ValueError: as `fit`, or a label is not among the classes of the first call, or
                `classes` are others than those, or class_weight is "balanced" without a `fit`.
        """
        if not self.__sklearn_is_fitted__():
            if isinstance(self.class_weight, str) and self.class_weight == "balanced":
                raise ValueError(NEEDS_ALL)
        elif classes is not None and not np.array_equal(np.unique(classes), self.classes_):
            raise ValueError(
                f"classes must be those of the first call, {self.classes_.tolist()!r:.80}, got "
                f"{classes!r:.80}"
            )
        self._partial_fit(X, y, sample_weight, classes)
        return self

    def _loss(self) -> str:
        return "cross_entropy"


@dataclass(kw_only=True, eq=False, repr=False)
class Classifier(ClassifierTask, LabelLearner):
    """A network whose targets are classes, one a row; see `LabelLearner`."""

    def predict(self, X: Any) -> NDArray[Any]:
        """The likeliest label of each input, [N]."""
        self._check_fitted()
        labels: NDArray[Any] = self.classes_[self._raw_outputs(X).argmax(axis=1)]
        return labels

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Probabilities [N, K] of the classes, in the order of `classes_`."""
        self._check_fitted()
        return self._probabilities(X)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """The accuracy on these rows."""
        from sklearn.metrics import accuracy_score

        return float(accuracy_score(y, self.predict(X), sample_weight=sample_weight))

    def evaluate(self, X: Any, y: Any, sample_weight: Any = None) -> dict[str, float]:
        """Named scores on these rows: accuracy, balanced_accuracy, f1_macro, log_loss (in nats).

        With two classes also roc_auc.
        """
        self._check_fitted()
        return self._class_metrics(y, self._probabilities(X), sample_weight)


@dataclass(kw_only=True, eq=False, repr=False)
class Regressor(NumberTargets, RegressorTask, Network):
    """A network whose targets are numbers.

    Args:
        loss: "squared", "absolute" or "huber", of the targets as they are scaled.

    Attributes:
        n_outputs_: K, numbers of a target.
    """

    loss: str = field(
        default="squared",
        metadata=choice("squared", "absolute", "huber", help="squared, absolute or huber"),
    )

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train one more epoch, on these rows, at the constant `learning_rate`.

        What belongs to a whole run has no part in it: schedule, validation_fraction, patience and
        checkpoint. After `load` the optimizer starts afresh.

        Args:
            X: the inputs, as in `fit`.
            y: [N] or [N, K] numbers.
            sample_weight: [N] weights, or None.

        Raises:
            ValueError: as `fit`.
        """
        self._partial_fit(X, y, sample_weight)
        return self

    def predict(self, X: Any) -> NDArray[np.float64]:
        """A number for each input in the units of y: [N], or [N, K] where y was so."""
        self._check_fitted()
        return self._numbers(X)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """The coefficient of determination, r2, on these rows."""
        self._check_fitted()
        return self._number_score(y, self._numbers(X), sample_weight)

    def evaluate(self, X: Any, y: Any, sample_weight: Any = None) -> dict[str, float]:
        """Named scores on these rows, in the units of y: mse, rmse, mae, r2 (of 2 rows or more)."""
        self._check_fitted()
        return self._number_metrics(y, self._numbers(X), sample_weight)

    def _loss(self) -> str:
        return self.loss

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
