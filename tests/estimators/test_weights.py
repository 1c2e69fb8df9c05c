from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from unrolled import (
    FeedForwardClassifier,
    FeedForwardRegressor,
    SequenceClassifier,
    SequenceRegressor,
)
from unrolled.estimators.class_weights import class_weights

N = 24
rng = np.random.default_rng(0)
X = [rng.normal(size=(T, 2)) for T in rng.integers(2, 6, N)]
TABLE = np.array([x[-1] for x in X])
LABELS = np.digitize(TABLE[:, 0], [-0.8, 0.3])
COUNTS = np.bincount(LABELS)
NAMES = np.array(["low", "mid", "top of all"])


def make(kind: Any, **changes: Any) -> Any:
    size = {"hidden_size": 3} if kind.__name__.startswith("Sequence") else {}
    return kind(**{"max_epochs": 2, "batch_size": 5, "random_state": 0, **size, **changes})


def classifier(**changes: Any) -> Any:
    return make(FeedForwardClassifier, **changes)


def regressor(**changes: Any) -> Any:
    return make(FeedForwardRegressor, **changes)


@pytest.mark.parametrize(
    "estimator",
    [SequenceClassifier, SequenceRegressor, FeedForwardClassifier, FeedForwardRegressor],
)
@pytest.mark.parametrize("standardize", [True, False])
def test_rows_of_weight_zero_are_as_if_they_were_not_there(
    estimator: Any, standardize: bool
) -> None:
    weight = np.random.default_rng(1).uniform(0.5, 2.0, N)
    weight[[0, 3, 11]] = 0.0
    kept = np.flatnonzero(weight)
    inputs: Any = X if estimator.__name__.startswith("Sequence") else TABLE
    some: Any = [X[i] for i in kept] if inputs is X else TABLE[kept]
    y: Any = LABELS if estimator.__name__.endswith("Classifier") else TABLE[:, 0]
    # What has no weight may be far off.
    if inputs is X:
        inputs = [x + 1e6 * (weight[i] == 0) for i, x in enumerate(X)]
    model = make(estimator, standardize=standardize).fit(inputs, y, sample_weight=weight)
    expected = make(estimator, standardize=standardize).fit(some, y[kept], weight[kept])
    np.testing.assert_array_equal(model.weights_, expected.weights_)
    assert model.history_[-1]["train_loss"] == expected.history_[-1]["train_loss"]


def test_what_has_no_weight_teaches_no_label_and_no_word() -> None:
    weight = np.ones(4)
    weight[2] = 0.0
    model = make(SequenceClassifier).fit(["a b", "b c", "d e", "a"], ["x", "y", "z", "x"], weight)
    assert model.classes_.tolist() == ["x", "y"]
    assert set(model.vocabulary_.symbols) == {"<unk>", "a", "b", "c"}


def test_class_and_sample_weights_multiply() -> None:
    weight = np.random.default_rng(1).uniform(0.5, 2.0, N)
    of_class = {0: 2.0, 1: 0.5, 2: 3.0}
    both = classifier(class_weight=of_class, standardize=False).fit(TABLE, LABELS, weight)
    product = weight * np.array([2.0, 0.5, 3.0])[LABELS]
    plain = classifier(standardize=False).fit(TABLE, LABELS, product)
    np.testing.assert_allclose(both.weights_, plain.weights_, atol=1e-6)


@pytest.mark.parametrize(("of_class", "of_row"), [(1e-60, 1.0), (1e60, 1e300), (1e-200, 1e-200)])
def test_weights_of_any_size_are_weights(of_class: float, of_row: float) -> None:
    given = {0: 2 * of_class, 1: of_class, 2: of_class}
    model = classifier(class_weight=given).fit(TABLE, LABELS, np.full(N, of_row))
    expected = classifier(class_weight={0: 2.0}).fit(TABLE, LABELS)
    np.testing.assert_allclose(model.weights_, expected.weights_, atol=1e-5)


def test_only_ratios_of_weights_count() -> None:
    weight = np.random.default_rng(1).integers(1, 9, N)
    y = TABLE[:, 0]
    expected = regressor().fit(TABLE, y, weight).weights_
    for factor in (2.0, 1e-200, 1e250):
        np.testing.assert_allclose(
            regressor().fit(TABLE, y, factor * weight).weights_, expected, atol=1e-6
        )
    equal = regressor().fit(TABLE, y, np.full(N, 0.3)).weights_
    np.testing.assert_allclose(equal, regressor().fit(TABLE, y).weights_, atol=1e-5)


def test_a_weight_lost_in_float32_is_no_weight() -> None:
    weight = np.ones(N)
    weight[4] = 1e-100
    model = regressor(batch_size=1).fit(TABLE, TABLE[:, 0], weight)
    assert np.isfinite(model.weights_).all()


def test_a_heavy_row_is_learnt_first() -> None:
    table, y = np.zeros((4, 1)), np.array([0.0, 0.0, 0.0, 10.0])
    weight = np.array([1.0, 1.0, 1.0, 97.0])
    model = regressor(max_epochs=60, learning_rate=0.05, standardize=False)
    assert abs(model.fit(table, y, weight).predict(table[:1])[0] - 9.7) < 1.0
    assert abs(model.fit(table, y).predict(table[:1])[0] - 2.5) < 1.0


@pytest.mark.parametrize(
    ("weight", "said"),
    [
        (np.zeros(N), "sample_weight is zero for all"),
        (-np.ones(N), "sample_weight must hold finite numbers of at least 0"),
        (np.full(N, np.nan), "sample_weight must hold finite"),
        (np.ones(N - 1), "sample_weight.shape"),
        (np.ones((N, 1)), "sample_weight must be 1D"),
    ],
)
def test_weights_that_cannot_be(weight: Any, said: str) -> None:
    for model, y in ((classifier(), LABELS), (regressor(), TABLE[:, 0])):
        with pytest.raises(ValueError, match=said):
            model.fit(TABLE, y, sample_weight=weight)


@pytest.mark.parametrize("estimator", [SequenceClassifier, FeedForwardClassifier])
def test_class_weights_are_row_weights(estimator: Any) -> None:
    inputs: Any = X if estimator is SequenceClassifier else TABLE
    given = make(estimator, class_weight={0: 2.0, 2: 0.5}).fit(inputs, LABELS)
    rows = make(estimator, standardize=False).fit(
        inputs, LABELS, sample_weight=np.array([2.0, 1.0, 0.5])[LABELS]
    )
    plain = make(estimator, class_weight={0: 2.0, 2: 0.5}, standardize=False).fit(inputs, LABELS)
    np.testing.assert_array_equal(plain.weights_, rows.weights_)
    assert given.weights_.tobytes() != plain.weights_.tobytes()
    # Inputs are scaled by rows, not by how their classes are weighed.
    np.testing.assert_allclose(
        given.scaler_.mean, np.concatenate(X).mean(axis=0) if inputs is X else TABLE.mean(axis=0)
    )


def test_balanced_weights_are_inverse_to_counts() -> None:
    balanced = {k: N / (3 * COUNTS[k]) for k in range(3)}
    ours, by_hand = (
        classifier(class_weight=given).fit(TABLE, LABELS) for given in ("balanced", balanced)
    )
    np.testing.assert_array_equal(ours.weights_, by_hand.weights_)


def test_balanced_weights_count_by_sample_weight() -> None:
    weight = np.random.default_rng(1).integers(1, 4, N).astype(float)
    totals = np.bincount(LABELS, weight)
    by_hand = classifier(class_weight=dict(enumerate(weight.sum() / 3 / totals)))
    ours = classifier(class_weight="balanced").fit(TABLE, LABELS, weight)
    np.testing.assert_allclose(
        ours.weights_, by_hand.fit(TABLE, LABELS, weight).weights_, atol=1e-6
    )


def test_a_class_of_weight_zero_is_not_trained_on() -> None:
    model = classifier(class_weight={1: 0.0}, batch_size=1, standardize=False)
    model.fit(TABLE, LABELS)
    kept = LABELS != 1
    assert model.classes_.tolist() == [0, 1, 2]
    expected = classifier(batch_size=1, standardize=False).initialize(TABLE, LABELS)
    expected.partial_fit(TABLE[kept], LABELS[kept]).partial_fit(TABLE[kept], LABELS[kept])
    np.testing.assert_array_equal(model.weights_, expected.weights_)
    with pytest.raises(ValueError, match="class_weight and sample_weight leave no sample"):
        classifier(class_weight={0: 0, 1: 0, 2: 0}).fit(TABLE, LABELS)


def test_validation_is_weighed_by_what_the_training_part_has() -> None:
    held = TABLE[:6], LABELS[:6]
    balanced = {k: N / (3 * COUNTS[k]) for k in range(3)}
    losses = [
        classifier(class_weight=given)
        .fit(TABLE, LABELS, validation_data=held)
        .history_[-1]["valid_loss"]
        for given in ("balanced", balanced, None)
    ]
    assert losses[0] == pytest.approx(losses[1])
    assert losses[0] != pytest.approx(losses[2], rel=1e-3)


def test_class_weights_go_by_any_form_of_a_label() -> None:
    expected = classifier(class_weight={0: 2.0, 1: 3.0, 2: 1.0}).fit(TABLE, LABELS).weights_
    for weights in (
        {np.int64(0): 2.0, np.int64(1): 3.0},
        {0: np.float32(2.0), 1: 3},
        {0: 2.0, 1: 3.0, 2: 1.0, 99: 5.0},
    ):
        model = classifier(class_weight=weights).fit(TABLE, LABELS)
        np.testing.assert_array_equal(model.weights_, expected)
    text = classifier(class_weight={"low": 2.0, np.str_("mid"): 3.0}).fit(TABLE, NAMES[LABELS])
    np.testing.assert_array_equal(text.weights_, expected)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("equal", "class_weight must be a dict of labels to weights, 'balanced' or None"),
        (3.0, "class_weight must be a dict"),
        ([1.0, 2.0, 3.0], "class_weight must be a dict"),
        ({0: -1.0}, "class_weight must hold finite numbers of at least 0, got -1.0 for the lab"),
        ({0: np.nan}, "class_weight must hold finite numbers"),
        ({0: np.inf}, "class_weight must hold finite numbers"),
        ({0: "much"}, "class_weight must hold finite numbers"),
        ({"low": 1.0}, "class_weight has the label 'low', which y has not, and lacks 0"),
    ],
)
def test_class_weights_that_cannot_be(given: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        classifier(class_weight=given).fit(TABLE, LABELS)


def test_class_weights_of_a_part_without_some_class() -> None:
    classes = np.array(["a", "b", "c"])
    np.testing.assert_allclose(
        class_weights("balanced", classes, np.array([3.0, 0.0, 1.0])), [4 / 6, 1.0, 4 / 2]
    )
    with pytest.raises(ValueError, match="needs all samples at once"):
        class_weights("balanced", classes, None)
    assert class_weights(None, classes, None) is None
    np.testing.assert_array_equal(class_weights({"b": 5}, classes, None), [1.0, 5.0, 1.0])


def test_a_weight_counts_as_much_in_a_small_batch_as_in_a_large_one() -> None:
    X = np.random.default_rng(0).normal(size=(60, 3))
    y = np.where(np.arange(60) % 6 == 0, "rare", "usual")
    weights = {"rare": 5.0, "usual": 1.0}
    for batch_size in (1, 60):
        model = FeedForwardClassifier(
            hidden_layer_sizes=(), batch_size=batch_size, max_epochs=60, learning_rate=0.003,
            class_weight=weights, clip_norm=None, optimizer="sgd", momentum=0.0, random_state=0,
        )  # fmt: skip
        model.set_params(learning_rate=0.003 * batch_size)
        rare = model.fit(X, y).predict_proba(X)[:, 0]
        # Of all weight, 10 * 5 of 100 is that of the rare class.
        assert np.average(rare, weights=[weights[label] for label in y]) == pytest.approx(
            0.5, abs=0.03
        )
