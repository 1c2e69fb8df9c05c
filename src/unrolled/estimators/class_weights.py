"""Weights of classes: given by label, or inverse to how much of each class there is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

NEEDS_ALL = (
    "class_weight='balanced' needs all samples at once, which fit has and partial_fit has not; "
    "give weights by label"
)


def class_weights(
    class_weight: Any, classes: NDArray[Any], totals: NDArray[np.float64] | None
) -> NDArray[np.float64] | None:
    """The weight of each class.

    Args:
        class_weight: weights by label, where a label that is left out has 1; "balanced" for
            `w_k = W / (K n_k)` with n_k the samples (by weight) of class k, W their sum and K the
            classes that have any; or None.
        classes: [K] labels.
        totals: [K] n_k of the training part; None where it was not seen whole.

    Returns:
        [K] weights, or None where all are 1.

    Raises:
        ValueError: `class_weight` is something else, a weight is no finite number of at least 0, a
            label is unknown while another is left out, or totals are needed and not there.
    """
    if class_weight is None:
        return None
    if isinstance(class_weight, str) and class_weight == "balanced":
        if totals is None:
            raise ValueError(NEEDS_ALL)
        present = totals > 0
        share = totals.sum() / (present.sum() * np.where(present, totals, 1.0))
        return np.where(present, share, 1.0)
    if not isinstance(class_weight, Mapping):
        raise ValueError(
            "class_weight must be a dict of labels to weights, 'balanced' or None, got "
            f"{class_weight!r:.80}"
        )
    for label, weight in class_weight.items():
        if not isinstance(weight, Real) or not 0 <= float(weight) < math.inf:
            raise ValueError(
                f"class_weight must hold finite numbers of at least 0, got {weight!r:.80} for the "
                f"label {label!r:.80}"
            )
    labels = classes.tolist()
    unknown = [label for label in class_weight if label not in labels]
    left_out = [label for label in labels if label not in class_weight]
    if unknown and left_out:
        raise ValueError(
            f"class_weight has the label {unknown[0]!r:.80}, which y has not, and lacks "
            f"{left_out[0]!r:.80}"
        )
    return np.array([float(class_weight.get(label, 1.0)) for label in labels])
