from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from joblib.externals.loky import get_reusable_executor
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.model_selection import (
    GridSearchCV,
    TimeSeriesSplit,
    cross_val_predict,
    cross_val_score,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from unrolled import (
    FeedForwardClassifier,
    FeedForwardRegressor,
    SequenceClassifier,
    SequenceRegressor,
)
from unrolled.data import windows

KINDS: list[Any] = [
    SequenceClassifier,
    SequenceRegressor,
    FeedForwardClassifier,
    FeedForwardRegressor,
]
N = 24
rng = np.random.default_rng(0)
RAGGED = [rng.normal(size=(T, 2)) for T in rng.integers(2, 6, N)]
TABLE = np.array([x[-1] for x in RAGGED])
LABELS = np.array(["a", "b"])[(TABLE[:, 0] > 0).astype(int)]


def make(kind: Any, **changes: Any) -> Any:
    size = {"hidden_size": 3} if kind.__name__.startswith("Sequence") else {}
    usual = {"max_epochs": 3, "batch_size": 8, "random_state": 0, "learning_rate": 0.03}
    return kind(**{**usual, **size, **changes})


def data(kind: Any) -> tuple[Any, Any]:
    X: Any = RAGGED if kind.__name__.startswith("Sequence") else TABLE
    return X, LABELS if kind.__name__.endswith("Classifier") else TABLE[:, 0]


@pytest.mark.parametrize("kind", KINDS)
def test_arguments_are_kept_as_they_came_and_cloned(kind: Any) -> None:
    arguments = {"learning_rate": 7, "optimizer": "nonsense", "verbose": [], "dropout": None}
    model = kind(**arguments)
    for name, value in arguments.items():
        assert model.get_params()[name] is value
    model = make(kind, clip_norm=None).fit(*data(kind))
    blank = clone(model)
    assert blank.get_params() == model.get_params()
    assert not hasattr(blank, "weights_")
    assert set(vars(blank)) == set(blank.get_params())
    assert blank.set_params(batch_size=5) is blank
    assert (blank.batch_size, model.batch_size) == (5, 8)
    with pytest.raises(ValueError, match="Invalid parameter 'units'"):
        blank.set_params(units=3)
    with pytest.raises(TypeError):
        kind(3)


@pytest.mark.parametrize("kind", KINDS)
def test_what_scikit_learn_asks_an_estimator(kind: Any) -> None:
    model = make(kind)
    assert is_classifier(model) == kind.__name__.endswith("Classifier")
    assert is_regressor(model) == kind.__name__.endswith("Regressor")
    assert repr(model).startswith(f"{kind.__name__}(")
    assert "batch_size=8" in repr(model)
    assert "momentum" not in repr(model), "only what is not the default"
    assert kind.__name__ in model._repr_html_()


@pytest.mark.parametrize("kind", KINDS)
def test_scores_of_folds(kind: Any) -> None:
    X, y = data(kind)
    scores = cross_val_score(make(kind), X, y, cv=3)
    assert scores.shape == (3,)
    assert np.isfinite(scores).all()
    again = cross_val_score(make(kind), X, y, cv=3)
    np.testing.assert_array_equal(scores, again)
    assert cross_val_predict(make(kind), X, y, cv=3).shape == (N,)


@pytest.mark.parametrize("kind", KINDS)
def test_a_grid_of_arguments(kind: Any) -> None:
    X, y = data(kind)
    grid = {"learning_rate": [1e-9, 0.1], "optimizer": np.array(["adam", "sgd"])}
    search = GridSearchCV(make(kind, max_epochs=12), grid, cv=2).fit(X, y)
    assert search.best_params_["learning_rate"] == 0.1
    assert search.predict(X).shape == (N,)
    assert not np.isnan(search.cv_results_["mean_test_score"]).any()
    best = make(kind, max_epochs=12, **search.best_params_).fit(X, y)
    np.testing.assert_array_equal(search.best_estimator_.weights_, best.weights_)


def test_a_pipeline() -> None:
    pipeline = make_pipeline(MinMaxScaler(), make(FeedForwardRegressor, max_epochs=40))
    pipeline.fit(TABLE, TABLE[:, 0])
    assert pipeline.score(TABLE, TABLE[:, 0]) > 0.5
    pipeline.set_params(feedforwardregressor__max_epochs=1).fit(TABLE, TABLE[:, 0])
    assert pipeline[-1].n_iter_ == 1
    rows = rng.normal(size=(N, 6))
    sequences = make_pipeline(StandardScaler(), make(SequenceClassifier)).fit(rows, LABELS)
    assert sequences.predict_proba(rows).shape == (N, 2)
    weighed = sequences.fit(rows, LABELS, sequenceclassifier__sample_weight=np.arange(1.0, N + 1))
    assert weighed.predict(rows).shape == (N,)


def test_windows_are_split_by_time() -> None:
    pasts, y = windows(np.sin(np.arange(80) / 3), length=6)
    found = cross_validate(
        make(SequenceRegressor), pasts, y, cv=TimeSeriesSplit(3), return_estimator=True
    )
    assert np.isfinite(found["test_score"]).all()
    assert [len(e.history_) for e in found["estimator"]] == [3] * 3


@pytest.mark.parametrize("kind", KINDS)
def test_a_pickled_model_is_the_same_and_goes_on_the_same(kind: Any) -> None:
    X, y = data(kind)
    model = make(kind, dropout=0.2).fit(X, y)
    again = pickle.loads(pickle.dumps(model))  # noqa: S301
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert again.history_ == model.history_
    assert again.get_params() == model.get_params()
    before = model.weights_.copy()
    np.testing.assert_array_equal(
        again.partial_fit(X, y).weights_, model.partial_fit(X, y).weights_
    )
    assert (before != model.weights_).any()
    assert copy.deepcopy(model).get_params() == model.get_params()


def test_a_grid_in_two_processes() -> None:
    grid = {"cell": ["rnn", "gru"]}
    one, two = (
        GridSearchCV(make(SequenceClassifier), grid, cv=2, n_jobs=jobs).fit(RAGGED, LABELS)
        for jobs in (1, 2)
    )
    get_reusable_executor().shutdown(wait=True)
    np.testing.assert_array_equal(
        one.cv_results_["mean_test_score"], two.cv_results_["mean_test_score"]
    )
    np.testing.assert_array_equal(one.best_estimator_.weights_, two.best_estimator_.weights_)


def test_sizes_in_a_list_of_numpy_numbers_are_saved(tmp_path: Any) -> None:
    sizes = list(np.array([3, 2]))
    model = FeedForwardClassifier(hidden_layer_sizes=sizes, max_epochs=1)
    model.fit(np.eye(4), [0, 1, 0, 1]).save(tmp_path / "model")
    loaded = FeedForwardClassifier.load(tmp_path / "model")
    assert loaded.hidden_layer_sizes == (3, 2)
