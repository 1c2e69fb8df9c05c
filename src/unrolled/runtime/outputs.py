"""What the raw outputs of a model mean."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def probabilities(scores: NDArray[Any]) -> NDArray[np.float64]:
    """Softmax: scores [N, K] of a class head to probabilities [N, K], each row summing to 1."""
    shifted = np.asarray(scores, np.float64)
    shifted = shifted - shifted.max(axis=1, keepdims=True)
    exponents = np.exp(shifted)
    shares: NDArray[np.float64] = exponents / exponents.sum(axis=1, keepdims=True)
    return shares
