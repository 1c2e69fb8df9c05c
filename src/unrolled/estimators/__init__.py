"""Estimators by scikit-learn's contract, one file a task."""

from __future__ import annotations

import os
from typing import Any

from unrolled.estimators.base import Network
from unrolled.estimators.classifier import SequenceClassifier
from unrolled.estimators.feed_forward import FeedForwardClassifier, FeedForwardRegressor
from unrolled.estimators.regressor import SequenceRegressor

__all__ = [
    "FeedForwardClassifier",
    "FeedForwardRegressor",
    "SequenceClassifier",
    "SequenceRegressor",
    "load",
]

ESTIMATORS: dict[str, type[Network]] = {
    kind.__name__: kind
    for kind in (
        SequenceClassifier,
        SequenceRegressor,
        FeedForwardClassifier,
        FeedForwardRegressor,
    )
}


def load(path: str | os.PathLike[str]) -> Any:
    """Read a saved estimator of any class.

    Args:
        path: the folder that `save` wrote.

    Raises:
        ArtifactError: there is none, or it is damaged.
    """
    from unrolled.estimators.saving import restore

    return restore(ESTIMATORS, path)
