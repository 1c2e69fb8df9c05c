"""scikit-learn's own checks of an estimator, on all four."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from unrolled import (
    FeedForwardClassifier,
    FeedForwardRegressor,
    SequenceClassifier,
    SequenceRegressor,
)

EXPECTED = {
    "check_sample_weight_equivalence_on_dense_data": "training by batches: a row of weight 2 takes "
    "one place in a batch, the same row twice takes two, so that the batches differ",
}


@parametrize_with_checks(
    [
        SequenceClassifier(hidden_size=16, max_epochs=30, learning_rate=0.01),
        SequenceRegressor(hidden_size=16, max_epochs=30, learning_rate=0.01),
        FeedForwardClassifier(max_epochs=30, learning_rate=0.01),
        FeedForwardRegressor(max_epochs=30, learning_rate=0.01),
    ],
    expected_failed_checks=lambda estimator: EXPECTED,
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning")
def test_contract_of_scikit_learn(estimator, check):
    check(estimator)
