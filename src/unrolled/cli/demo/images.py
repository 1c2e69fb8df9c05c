"""Handwritten digits: the whole image at once (one to one), or row by row (many to one)."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import train_test_split

from unrolled.data import digits
from unrolled.estimators import FeedForwardClassifier, SequenceClassifier

HELD_OUT = 0.25


@dataclass(frozen=True)
class Digits:
    """One classifier on held-out images.

    Attributes:
        shape: how it sees an image.
        accuracy: share of the held-out images that it names right.
        seconds: of the fit.
        model: the fitted estimator.
        confusion: [10, 10] held-out images by true and predicted digit.
        num_held_out: how many images were held out.
        sample: one held-out image, [8, 8].
        label: its digit.
    """

    shape: str
    accuracy: float
    seconds: float
    model: Any
    confusion: NDArray[np.int64]
    num_held_out: int
    sample: NDArray[np.float64]
    label: int


def read_digits(quick: bool = False) -> list[Digits]:
    """A feed-forward and a recurrent classifier on the same training and held-out images."""
    X, y = digits()
    X_train, X_held, y_train, y_held = train_test_split(
        X, y, test_size=HELD_OUT, random_state=0, stratify=y
    )
    models = {
        "whole image (one to one)": FeedForwardClassifier(
            max_epochs=10 if quick else 40, random_state=0, verbose=False
        ),
        "row by row (many to one)": SequenceClassifier(
            max_epochs=5 if quick else 25, learning_rate=3e-3, random_state=0, verbose=False
        ),
    }
    results = []
    for shape, model in models.items():
        flat = isinstance(model, FeedForwardClassifier)
        started = time.perf_counter()
        model.fit(X_train.reshape(len(X_train), -1) if flat else X_train, y_train)
        seconds = time.perf_counter() - started
        guess = model.predict(X_held.reshape(len(X_held), -1) if flat else X_held)
        results.append(
            Digits(
                shape=shape,
                accuracy=float((guess == y_held).mean()),
                seconds=seconds,
                model=model,
                confusion=confusion_matrix(y_held, guess),
                num_held_out=len(y_held),
                sample=X_held[0],
                label=int(y_held[0]),
            )
        )
    return results
