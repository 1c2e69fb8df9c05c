"""scikit-learn's own checks of an estimator, on all four, and its base classes taken late."""

import subprocess
import sys

import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
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


@pytest.mark.parametrize("kind", [SequenceClassifier, SequenceRegressor])
def test_scikit_learn_is_the_base_once_it_is_imported(kind):
    task = ClassifierMixin if kind is SequenceClassifier else RegressorMixin
    assert issubclass(kind, BaseEstimator)
    assert issubclass(kind, task)
    assert issubclass(kind, ClassifierMixin) != issubclass(kind, RegressorMixin)


PROGRAMS = {
    "by another of its modules": "model = SequenceClassifier(hidden_size=3)\n"
    "import sklearn.pipeline\n",
    "made before": "model = SequenceClassifier(hidden_size=3)\nimport sklearn.base\n",
    "made after": "import sklearn.base\nmodel = SequenceClassifier(hidden_size=3)\n",
}
ASK = """
import sys
from unrolled import SequenceClassifier
assert "sklearn" not in sys.modules
class Mine(SequenceClassifier):
    pass
{}
assert isinstance(model, sklearn.base.BaseEstimator), "before anything else is asked of it"
assert isinstance(model, sklearn.base.ClassifierMixin)
assert issubclass(Mine, sklearn.base.BaseEstimator)
from sklearn.base import clone, is_classifier
from sklearn.utils import get_tags
assert is_classifier(model) and get_tags(model).estimator_type == "classifier"
assert repr(clone(model)) == "SequenceClassifier(hidden_size=3)"
assert Mine.set_fit_request
sklearn.set_config(enable_metadata_routing=True)
for kind in (SequenceClassifier, Mine):
    asked = kind().set_fit_request(sample_weight=True)
    assert asked.get_metadata_routing().fit.requests["sample_weight"] is True
print("held")
"""


@pytest.mark.parametrize("when", PROGRAMS)
def test_the_contract_holds_whenever_scikit_learn_is_imported(when):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", ASK.format(PROGRAMS[when])],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "held\n"


RACE = """
import threading, time
import sklearn.base
from unrolled import SequenceClassifier
from unrolled.estimators import contract

asked = []
class Slow(sklearn.base.BaseEstimator):
    def __init_subclass__(cls, **kwargs):
        time.sleep(0.02)
        asked.append(cls)
asked.clear()
sklearn.base.BaseEstimator = Slow
contract.Estimator.__bases__ = (contract._BaseEstimator,)
seen = []
def adopt():
    seen.append((contract.adopt(), len(asked)))
threads = [threading.Thread(target=adopt) for _ in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert sorted(done for done, _ in seen) == [False, False, True], seen
assert len(asked) > 3 and {many for _, many in seen} == {len(asked)}, seen
assert list(contract._ADOPTED)[-1] is contract.Estimator
"""


def test_threads_that_come_second_wait_for_the_first_to_finish():
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", RACE], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
