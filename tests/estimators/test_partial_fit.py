from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unrolled import (
    FeedForwardClassifier,
    FeedForwardRegressor,
    SequenceClassifier,
    SequenceRegressor,
)

KINDS: list[Any] = [
    SequenceClassifier,
    SequenceRegressor,
    FeedForwardClassifier,
    FeedForwardRegressor,
]
N = 20
rng = np.random.default_rng(0)
SEQUENCES = [rng.normal(size=(T, 2)) for T in rng.integers(2, 6, N)]
TABLE = np.array([x[-1] for x in SEQUENCES])
NUMBERS = 5.0 + TABLE[:, 0]
LABELS = np.array(["a", "b", "c"])[np.digitize(TABLE[:, 0], [-0.5, 0.5])]


def make(kind: Any, **changes: Any) -> Any:
    size = {"hidden_size": 3} if kind.__name__.startswith("Sequence") else {}
    usual = {"max_epochs": 4, "batch_size": 6, "random_state": 0, "learning_rate": 0.01}
    return kind(**{**usual, **size, **changes})


def data(kind: Any) -> tuple[Any, Any]:
    X: Any = SEQUENCES if kind.__name__.startswith("Sequence") else TABLE
    return X, LABELS if kind.__name__.endswith("Classifier") else NUMBERS


def records(model: Any) -> list[Any]:
    return [{**record, "seconds": 0} for record in model.history_]


@pytest.mark.parametrize("changes", [{}, {"dropout": 0.3}, {"optimizer": "sgd"}])
@pytest.mark.parametrize("kind", KINDS)
def test_calls_on_the_same_rows_are_epochs_of_one_fit(kind: Any, changes: dict[str, Any]) -> None:
    X, y = data(kind)
    whole, parts = make(kind, **changes).fit(X, y), make(kind, **changes)
    for epoch in range(1, 5):
        assert parts.partial_fit(X, y) is parts
        assert parts.n_iter_ == epoch
    np.testing.assert_array_equal(parts.weights_, whole.weights_)
    assert records(parts) == records(whole)
    np.testing.assert_array_equal(parts.predict(X), whole.predict(X))


@pytest.mark.parametrize("kind", KINDS)
def test_a_fit_is_gone_on_with(kind: Any) -> None:
    X, y = data(kind)
    model = make(kind, max_epochs=3).fit(X, y)
    np.testing.assert_array_equal(
        model.partial_fit(X, y).weights_, make(kind, max_epochs=4).fit(X, y).weights_
    )
    assert [record["epoch"] for record in model.history_] == [1, 2, 3, 4]


@pytest.mark.parametrize("kind", KINDS)
def test_other_rows_are_seen_through_the_first_transforms(kind: Any) -> None:
    X, y = data(kind)
    few = slice(0, 9)
    classes = {"classes": ["a", "b", "c"]} if hasattr(kind, "predict_proba") else {}
    model = make(kind).partial_fit(X[few], y[few], **classes)
    scaler, spec, weights = model.scaler_, model.spec_, model.weights_
    before = weights.copy()
    model.partial_fit([10 + x for x in X] if isinstance(X, list) else 10 + X, y)
    assert model.scaler_ is scaler
    assert model.spec_ is spec
    assert (model.weights_ != before).any()
    np.testing.assert_array_equal(weights, before, "the array that was handed out is left alone")


@pytest.mark.parametrize("kind", KINDS)
def test_sample_weights_count(kind: Any) -> None:
    X, y = data(kind)
    weight = np.linspace(0.1, 3.0, N)
    model, plain = make(kind).partial_fit(X, y, sample_weight=weight), make(kind).partial_fit(X, y)
    assert (model.weights_ != plain.weights_).any()
    whole = make(kind, max_epochs=1).fit(X, y, sample_weight=weight)
    np.testing.assert_array_equal(model.weights_, whole.weights_)


def test_classes_may_be_named_beforehand() -> None:
    model = make(FeedForwardClassifier)
    model.partial_fit(TABLE[:4], ["b"] * 4, classes=["c", "b", "a", "d"])
    assert model.classes_.tolist() == ["a", "b", "c", "d"]
    model.partial_fit(TABLE, LABELS).partial_fit(TABLE, LABELS, classes=np.array(["d", *"abc"]))
    assert model.predict_proba(TABLE).shape == (N, 4)
    with pytest.raises(ValueError, match="classes must be those of the first call"):
        model.partial_fit(TABLE, LABELS, classes=["a", "b", "c"])
    with pytest.raises(ValueError, match="y holds the label 'e'"):
        model.partial_fit(TABLE, ["e"] * N)
    with pytest.raises(ValueError, match="y holds the label 'z'"):
        make(FeedForwardClassifier).partial_fit(TABLE[:1], ["z"], classes=["a", "b"])


def test_a_part_may_lack_classes_that_have_weights() -> None:
    weights = {"a": 2.0, "b": 3.0}
    model = make(FeedForwardClassifier, class_weight=weights).partial_fit(TABLE, LABELS)
    only = LABELS == "c"
    assert model.partial_fit(TABLE[only], LABELS[only]).n_iter_ == 2


def test_balanced_weights_need_all_rows_at_once(tmp_path: Path) -> None:
    model = make(FeedForwardClassifier, class_weight="balanced")
    with pytest.raises(ValueError, match="class_weight='balanced' needs all samples at once"):
        model.partial_fit(TABLE, LABELS)
    model.fit(TABLE, LABELS)
    four, five = model.weights_, make(FeedForwardClassifier, class_weight="balanced", max_epochs=5)
    model.partial_fit(TABLE, LABELS)
    assert (four != model.weights_).any()
    np.testing.assert_array_equal(model.weights_, five.fit(TABLE, LABELS).weights_)
    model.save(tmp_path / "model")
    loaded = FeedForwardClassifier.load(tmp_path / "model")
    with pytest.raises(ValueError, match="needs all samples at once"):
        loaded.partial_fit(TABLE, LABELS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_loaded_model_goes_on_with_a_new_optimizer(kind: Any, tmp_path: Path) -> None:
    X, y = data(kind)
    model = make(kind).fit(X, y)
    model.save(tmp_path / "model")
    loaded = kind.load(tmp_path / "model").partial_fit(X, y)
    assert loaded.n_iter_ == 5
    assert (loaded.weights_ != model.weights_).any()
    assert loaded.history_[-1]["train_loss"] < 1.1 * model.history_[-1]["train_loss"]


@pytest.mark.parametrize("first", ["adam", "adamw", "sgd", "rmsprop"])
@pytest.mark.parametrize("second", ["adam", "adamw", "sgd", "rmsprop"])
def test_the_optimizer_may_change(first: str, second: str) -> None:
    model = make(FeedForwardRegressor, optimizer=first).fit(TABLE, NUMBERS)
    model.set_params(optimizer=second, learning_rate=0.001).partial_fit(TABLE, NUMBERS)
    assert np.isfinite(model.weights_).all()
    assert model.history_[-1]["learning_rate"] == 0.001


@pytest.mark.parametrize("change", [{"hidden_size": 5}, {"pooling": "max"}, {"dropout": 0.5}])
def test_another_model_is_not_gone_on_with(change: dict[str, Any]) -> None:
    model = make(SequenceRegressor).fit(SEQUENCES, NUMBERS)
    before = model.get_params()
    model.set_params(**change)
    with pytest.raises(ValueError, match="describe another model than the one that was fitted"):
        model.partial_fit(SEQUENCES, NUMBERS)
    model.set_params(**{name: before[name] for name in change})
    assert model.partial_fit(SEQUENCES, NUMBERS).n_iter_ == 5


@pytest.mark.parametrize("kind", KINDS)
def test_rows_that_do_not_fit_are_refused(kind: Any) -> None:
    X, y = data(kind)
    model = make(kind).fit(X, y)
    wide: Any = [np.ones((3, 4))] if isinstance(X, list) else np.ones((1, 4))
    with pytest.raises(ValueError, match="X has 4"):
        model.partial_fit(wide, y[:1])
    if not hasattr(model, "classes_"):
        with pytest.raises(ValueError, match="y has 2 numbers a row, but the model was fitted on"):
            model.partial_fit(X, np.ones((N, 2)))
