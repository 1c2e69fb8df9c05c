from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import metrics

from unrolled import FeedForwardClassifier, FeedForwardRegressor, SequenceClassifier

N = 30
rng = np.random.default_rng(0)
X = rng.normal(size=(N, 2))
WEIGHT = rng.uniform(0.2, 3.0, N)
THREE = np.array(["a", "b", "c"])[np.digitize(X[:, 0] + 0.3 * X[:, 1], [-0.6, 0.4])]
TWO = X[:, 0] > 0.2
NUMBERS = 7.0 + X[:, 0]


def classifier(y: Any) -> Any:
    return FeedForwardClassifier(max_epochs=4, learning_rate=0.01, random_state=0).fit(X, y)


@pytest.mark.parametrize("weight", [None, WEIGHT])
@pytest.mark.parametrize("y", [THREE, TWO])
def test_scores_of_classes_are_those_of_scikit_learn(y: Any, weight: Any) -> None:
    model = classifier(y)
    scores = model.evaluate(X, y, weight)
    guess, shares = model.predict(X), model.predict_proba(X)
    by = {"sample_weight": weight}
    expected = {
        "accuracy": metrics.accuracy_score(y, guess, **by),
        "balanced_accuracy": metrics.balanced_accuracy_score(y, guess, **by),
        "f1_macro": metrics.f1_score(y, guess, average="macro", **by),
        "log_loss": metrics.log_loss(y, shares, **by),
    }
    if y is TWO:
        expected["roc_auc"] = metrics.roc_auc_score(y, shares[:, 1], **by)
    assert scores == pytest.approx(expected)
    assert 0.5 < scores["accuracy"] < 1.0, "no trivial case"
    assert all(type(score) is float for score in scores.values())
    assert scores["accuracy"] == pytest.approx(model.score(X, y, weight))


@pytest.mark.parametrize("weight", [None, WEIGHT])
@pytest.mark.parametrize("y", [NUMBERS, np.column_stack([NUMBERS, -2 * X[:, 1]])])
def test_scores_of_numbers_are_those_of_scikit_learn(y: Any, weight: Any) -> None:
    model = FeedForwardRegressor(max_epochs=10, random_state=0).fit(X, y)
    scores = model.evaluate(X, y, weight)
    guess = model.predict(X)
    by = {"sample_weight": weight}
    mse = metrics.mean_squared_error(y, guess, **by)
    expected = {
        "mse": mse,
        "rmse": np.sqrt(mse),
        "mae": metrics.mean_absolute_error(y, guess, **by),
        "r2": metrics.r2_score(y, guess, **by),
    }
    assert scores == pytest.approx(expected)
    assert all(type(score) is float for score in scores.values())
    assert scores["r2"] == pytest.approx(model.score(X, y, weight))
    assert np.average((y - guess) ** 2, axis=0, weights=weight).mean() == pytest.approx(mse)


@pytest.mark.parametrize("y", [THREE, TWO, NUMBERS])
def test_rows_of_weight_zero_do_not_count(y: Any) -> None:
    model: Any = classifier(y) if y is not NUMBERS else FeedForwardRegressor(max_epochs=3).fit(X, y)
    kept = (y == y[0]) if y is not NUMBERS else np.arange(N) > 4
    assert model.evaluate(X, y, kept * WEIGHT) == pytest.approx(
        model.evaluate(X[kept], y[kept], WEIGHT[kept])
    )


def test_parts_with_few_rows_or_classes() -> None:
    model = classifier(TWO)
    scores = model.evaluate(X[TWO], TWO[TWO])
    assert "roc_auc" not in scores
    assert scores["balanced_accuracy"] == scores["accuracy"]
    one = FeedForwardRegressor(max_epochs=1).fit(X, NUMBERS).evaluate(X[:1], NUMBERS[:1])
    assert set(one) == {"mse", "rmse", "mae"}


def test_a_sure_mistake_has_a_finite_loss() -> None:
    model = classifier(TWO)
    model.named_parameters()["head.bias"][:] = [2e4, -2e4]
    assert model.evaluate(X, TWO)["log_loss"] == pytest.approx(TWO.mean() * 708.4, rel=1e-3)


@pytest.mark.parametrize("y", [THREE, NUMBERS])
def test_what_does_not_fit_is_refused(y: Any) -> None:
    model: Any = classifier(y) if y is THREE else FeedForwardRegressor(max_epochs=1).fit(X, y)
    for wrong in (y[:-1], np.concatenate([y, y])):
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            model.evaluate(X, wrong)
    for weight, said in ((WEIGHT[:-1], "sample_weight.shape"), (-WEIGHT, "at least 0")):
        with pytest.raises(ValueError, match=said):
            model.evaluate(X, y, weight)
    with pytest.raises(ValueError, match="requires y to be passed"):
        model.evaluate(X, None)


def test_an_unknown_label_is_named() -> None:
    with pytest.raises(ValueError, match="y holds the label 'z', which is not among the 3 known"):
        classifier(THREE).evaluate(X[:2], ["a", "z"])


def test_ragged_sequences_are_evaluated_too() -> None:
    sequences = [X[i, : 1 + i % 2] for i in range(N)]
    model = SequenceClassifier(hidden_size=4, max_epochs=2, random_state=0).fit(sequences, TWO)
    assert model.evaluate(sequences, TWO)["accuracy"] == model.score(sequences, TWO)
