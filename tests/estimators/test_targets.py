from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from unrolled import (
    FeedForwardClassifier,
    FeedForwardRegressor,
    SequenceClassifier,
    SequenceRegressor,
)

N = 24
rng = np.random.default_rng(0)
X = [rng.normal(size=(T, 2)) for T in rng.integers(2, 6, N)]
TABLE = np.array([x[-1] for x in X])
LABELS = np.digitize(TABLE[:, 0], [-0.8, 0.3])
COUNTS = np.bincount(LABELS)


def make(kind: Any, **changes: Any) -> Any:
    size = {"hidden_size": 3} if kind.__name__.startswith("Sequence") else {}
    return kind(**{"max_epochs": 2, "batch_size": 5, "random_state": 0, **size, **changes})


def classifier(**changes: Any) -> Any:
    return make(FeedForwardClassifier, **changes)


def regressor(**changes: Any) -> Any:
    return make(FeedForwardRegressor, **changes)


def test_the_classes_are_unequal_in_number() -> None:
    assert len(set(COUNTS)) == 3
    assert COUNTS.min() >= 3


NAMES = np.array(["low", "mid", "top of all"])
LABEL_KINDS: dict[str, Any] = {
    "int64": LABELS,
    "int8": LABELS.astype(np.int8),
    "uint16": LABELS.astype(np.uint16),
    "float": LABELS.astype(float) * 2,
    "text": NAMES[LABELS],
    "text objects": NAMES[LABELS].astype(object),
    "list of text": NAMES[LABELS].tolist(),
    "list of int": LABELS.tolist(),
    "pandas": pd.Series(NAMES[LABELS]),
    "pandas category": pd.Series(NAMES[LABELS], dtype="category"),
    "polars": pl.Series(NAMES[LABELS].tolist()),
    "pyarrow": pa.array(NAMES[LABELS].tolist()),
    "negative": -LABELS,
}


@pytest.mark.parametrize("kind", LABEL_KINDS)
@pytest.mark.parametrize("estimator", [SequenceClassifier, FeedForwardClassifier])
def test_labels_of_every_kind_come_back(kind: str, estimator: Any) -> None:
    y = LABEL_KINDS[kind]
    plain = np.asarray(y)
    inputs: Any = X if estimator is SequenceClassifier else TABLE
    model = make(estimator, max_epochs=1).fit(inputs, y)
    assert model.classes_.tolist() == sorted(set(plain.tolist()))
    found = model.predict(inputs)
    assert found.dtype == model.classes_.dtype
    assert set(found.tolist()) <= set(plain.tolist())
    shares = model.predict_proba(inputs)
    assert shares.shape == (N, 3)
    assert (model.classes_[shares.argmax(axis=1)] == found).all()


@pytest.mark.torch
def test_labels_and_numbers_may_be_tensors() -> None:
    import torch

    model = classifier(max_epochs=1).fit(TABLE, torch.from_numpy(LABELS))
    assert model.classes_.tolist() == [0, 1, 2]
    expected = regressor().fit(TABLE, TABLE[:, 0]).weights_
    same = regressor().fit(torch.from_numpy(TABLE), torch.from_numpy(TABLE[:, 0])).weights_
    np.testing.assert_array_equal(same, expected)


def test_two_classes_and_bools() -> None:
    model = classifier(max_epochs=60, learning_rate=0.05).fit(TABLE, TABLE[:, 0] > 0)
    assert model.classes_.tolist() == [False, True]
    assert model.predict(TABLE).dtype == bool
    assert (model.predict(TABLE) == (TABLE[:, 0] > 0)).mean() > 0.9
    assert model.predict_proba(TABLE).shape == (N, 2)


def test_one_class_is_always_predicted() -> None:
    model = classifier().fit(TABLE, ["only"] * N)
    assert set(model.predict(TABLE)) == {"only"}
    np.testing.assert_array_equal(model.predict_proba(TABLE), 1.0)


@pytest.mark.parametrize(
    ("y", "said"),
    [
        ([*NAMES[LABELS][:5], None, *NAMES[LABELS][6:]], "row 5"),
        (pd.Series([*NAMES[LABELS][:5], pd.NA, *NAMES[LABELS][6:]], dtype="string"), "row 5"),
        ([*LABELS[:7].astype(float), np.nan, *LABELS[8:]], "NaN in row 7"),
        ([*LABELS[:7].astype(float), np.inf, *LABELS[8:]], "infinity in row 7"),
        (np.array([*LABELS[:7], np.nan, *LABELS[8:]], dtype=object), "row 7"),
        (np.linspace(0, 1, N), "Unknown label type: continuous"),
        (np.stack([LABELS, LABELS], axis=1), "1d array"),
        (LABELS[:-1], r"\[24, 23\]"),
        (None, "requires y to be passed"),
    ],
)
def test_labels_that_cannot_be(y: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        classifier().fit(TABLE, y)


def test_a_column_of_labels_is_flattened_with_a_warning() -> None:
    with pytest.warns(match="column-vector y was passed"):
        model = classifier().fit(TABLE, LABELS[:, None])
    assert model.predict(TABLE).shape == (N,)


def test_numbers_of_every_kind() -> None:
    y = TABLE[:, 0]
    expected = regressor().fit(TABLE, y).weights_
    kinds = (y.tolist(), pd.Series(y), pl.Series(y), pa.array(y), tuple(y))
    for same in kinds:
        np.testing.assert_array_equal(regressor().fit(TABLE, same).weights_, expected)
    whole = (10 * y).astype(int)
    np.testing.assert_array_equal(
        regressor().fit(TABLE, whole).weights_, regressor().fit(TABLE, whole.astype(float)).weights_
    )


@pytest.mark.parametrize("estimator", [SequenceRegressor, FeedForwardRegressor])
def test_several_numbers_a_row(estimator: Any) -> None:
    inputs: Any = X if estimator is SequenceRegressor else TABLE
    y = np.column_stack([TABLE[:, 0], 1000 - 100 * TABLE[:, 1]])
    model = make(estimator, max_epochs=150, learning_rate=0.03).fit(inputs, y)
    assert model.n_outputs_ == 2
    found = model.predict(inputs)
    assert found.shape == (N, 2)
    for column in range(2):
        error = ((found[:, column] - y[:, column]) ** 2).mean() / y[:, column].var()
        assert error < 0.3, "each output in its own units"
    np.testing.assert_allclose(model.target_scaler_.mean, y.mean(axis=0))
    assert model.score(inputs, y) > 0.7
    frame = pd.DataFrame(y, columns=["a", "b"])
    np.testing.assert_array_equal(
        make(estimator).fit(inputs, frame).weights_, make(estimator).fit(inputs, y).weights_
    )


def test_a_column_of_numbers_is_predicted_as_a_column() -> None:
    flat, column = regressor().fit(TABLE, TABLE[:, 0]), regressor().fit(TABLE, TABLE[:, :1])
    assert flat.predict(TABLE).shape == (N,)
    assert column.predict(TABLE).shape == (N, 1)
    np.testing.assert_array_equal(flat.predict(TABLE), column.predict(TABLE)[:, 0])


def spoilt(row: int, bad: Any) -> Any:
    y = TABLE.copy().astype(object if isinstance(bad, str) else float)
    y[row, 1] = bad
    return y


@pytest.mark.parametrize(
    ("y", "error", "said"),
    [
        (spoilt(7, np.nan), ValueError, "y holds NaN in row 7, column 1"),
        (spoilt(7, -np.inf)[:, 1], ValueError, "y holds infinity in row 7;"),
        (spoilt(7, "x"), TypeError, r"y\[7, 1\]"),
        (["a"] * N, TypeError, "y holds text"),
        (np.ones((N, 2, 2)), ValueError, r"y must be \[N\] or \[N, K\]"),
        (np.ones((N, 0)), ValueError, r"y must be \[N\] or \[N, K\]"),
        (TABLE[:-1, 0], ValueError, r"\[24, 23\]"),
        (TABLE[:, 0] + 1j, ValueError, "Complex"),
        (3.0, TypeError, "y must be"),
        (None, ValueError, "requires y to be passed"),
    ],
)
def test_numbers_that_cannot_be(y: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        regressor().fit(TABLE, y)


@pytest.mark.parametrize(
    ("kind", "labels"), [("Int64", [3, 5]), ("boolean", [False, True]), ("string", ["a", "b"])]
)
def test_labels_of_pandas_nullable_types_stay_what_they_are(kind: str, labels: list[Any]) -> None:
    X = np.random.default_rng(0).normal(size=(8, 3))
    model = FeedForwardClassifier(max_epochs=1).fit(X, pd.Series(labels * 4, dtype=kind))
    assert model.classes_.tolist() == labels
    assert {type(label) for label in model.classes_.tolist()} == {type(labels[0])}


def test_labels_without_an_order_are_named() -> None:
    X = np.random.default_rng(0).normal(size=(4, 3))
    model = FeedForwardClassifier(max_epochs=1)
    with pytest.raises(TypeError, match="y holds texts and other labels"):
        model.fit(X, np.array(["a", 1, "b", 2], dtype=object))
    texts = np.array(["a", "b", "a", "b"], dtype=object)
    with pytest.raises(TypeError, match="do not compare with the known classes, such as 'a'"):
        model.fit(X, texts, validation_data=(X, [0, 1, 0, 1]))
