"""Scores of a model beside those of a plain guess that looks at no input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Guess:
    """What is guessed without looking: the classes' shares in training, or the mean.

    Attributes:
        numbers: [K] shares in the order of the classes, or the one mean.
    """

    numbers: tuple[float, ...]

    @classmethod
    def of(cls, model: Any, y: NDArray[Any]) -> Guess:
        """The guess of the training targets of a fitted model."""
        if not hasattr(model, "classes_"):
            return cls((float(np.mean(y)),))
        counts = np.bincount(np.searchsorted(model.classes_, y), minlength=len(model.classes_))
        return cls(tuple((counts / counts.sum()).tolist()))

    @classmethod
    def from_config(cls, model: Any, config: object, name: str) -> Guess:
        """The guess that was stored as a list.

        Raises:
            ValueError: It does not fit the model.
        """
        outputs = model.spec_.output_size
        if (
            not isinstance(config, list)
            or len(config) != outputs
            or not all(isinstance(number, float) for number in config)
        ):
            raise ValueError(f"{name} does not say as it should what a plain guess is")
        return cls(tuple(config))

    def name(self, model: Any) -> str:
        """What the guess is called beside its scores."""
        if not hasattr(model, "classes_"):
            return f"always {self.numbers[0]:.4g}"
        return f"always {model.classes_[int(np.argmax(self.numbers))]}"

    def evaluate(self, model: Any, y: NDArray[Any]) -> dict[str, float]:
        """The scores of the guess on targets [N], by the names of `model.evaluate`."""
        guesses = np.tile(self.numbers, (len(y), 1))
        # The estimator's own scores of given predictions: there is no second list of them.
        scores: dict[str, float]
        if hasattr(model, "classes_"):
            scores = model._class_metrics(y, guesses, None)
        else:
            scores = model._number_metrics(y, guesses[:, 0], None)
        return scores
