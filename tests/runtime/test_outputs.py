from __future__ import annotations

import numpy as np

from unrolled.runtime.outputs import probabilities


def test_probabilities_are_a_softmax_of_any_scores() -> None:
    scores = np.array([[1.0, 2.0, 4.0], [0.0, 0.0, 0.0], [-1e30, 0.0, 1e30], [800.0, 801.0, 0.0]])
    shares = probabilities(scores.astype(np.float32))
    assert shares.dtype == np.float64
    np.testing.assert_allclose(shares.sum(axis=1), 1.0, rtol=1e-15)
    np.testing.assert_allclose(shares[0], np.exp([1, 2, 4]) / np.exp([1, 2, 4]).sum(), rtol=1e-7)
    np.testing.assert_allclose(shares[1], 1 / 3)
    np.testing.assert_array_equal(shares[2], [0, 0, 1])
    np.testing.assert_allclose(shares[3, 1] / shares[3, 0], np.e, rtol=1e-6)
