"""SequenceTagger: a label for each step of texts, sentences and numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from aligned_problems import (
    KINDS,
    LENGTHS,
    characters,
    flat,
    numbers,
    tagger,
    words,
)
from sklearn import metrics
from sklearn.base import is_classifier
from sklearn.model_selection import GridSearchCV, cross_val_score

from unrolled.data.sequences import Sequences, rows_of
from unrolled.estimators import base


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("both", [False, True])
def test_the_labels_are_learnt_and_each_step_gets_its_likeliest(kind: str, both: bool) -> None:
    X, y = KINDS[kind]()
    model = tagger(
        hidden_size=12, max_epochs=120, learning_rate=0.03, bidirectional=both, schedule="linear"
    ).fit(X, y)
    found = model.predict(X)
    assert [len(row) for row in found] == LENGTHS
    assert all(isinstance(row, list) and type(row[0]) in (str, int) for row in found)
    assert model.score(X, y) > 0.95
    assert model.score(X, y) == np.mean(np.array(flat(found)) == np.array(flat(y)))
    shares = model.predict_proba(X)
    assert [share.shape for share in shares] == [(n, len(model.classes_)) for n in LENGTHS]
    for share, labels in zip(shares, found, strict=True):
        np.testing.assert_allclose(share.sum(axis=1), 1.0)
        assert model.classes_[share.argmax(axis=1)].tolist() == labels
    again = model.predict(X[::-1])
    assert again == found[::-1]


@pytest.mark.parametrize("kind", KINDS)
def test_probabilities_are_of_the_states_at_each_step(kind: str) -> None:
    X, y = KINDS[kind]()
    model = tagger(cell="lstm").fit(X, y)
    named = model.named_parameters()
    for states, shares in zip(model.hidden_states(X), model.predict_proba(X), strict=True):
        scores = np.exp(states @ named["head.weight"].T + named["head.bias"])
        np.testing.assert_allclose(shares, scores / scores.sum(axis=1, keepdims=True), rtol=1e-4)


@pytest.mark.parametrize("engine", ["kernels", pytest.param("torch", marks=pytest.mark.torch)])
@pytest.mark.parametrize("kind", KINDS)
def test_missing_labels_have_no_part_in_anything(kind: str, engine: str) -> None:
    X, y = KINDS[kind]()
    rng = np.random.default_rng(1)
    holes = [rng.random(n) < 0.3 for n in LENGTHS]
    holes[5][:] = True
    gaps = [
        [None if hole else label for hole, label in zip(*row, strict=True)]
        for row in zip(holes, y, strict=True)
    ]
    model = tagger(engine=engine, class_weight="balanced").fit(X, gaps)
    nans = [[float("nan") if label is None else label for label in row] for row in gaps]
    same = tagger(engine=engine, class_weight="balanced").fit(X, nans)
    np.testing.assert_array_equal(model.weights_, same.weights_)
    known = [i for i, hole in enumerate(flat(holes)) if not hole]
    truth = [flat(y)[i] for i in known]
    assert model.classes_.tolist() == sorted(set(truth))
    guess = [flat(model.predict(X))[i] for i in known]
    shares = np.concatenate(model.predict_proba(X))[known]
    scores = model.evaluate(X, gaps)
    assert scores["accuracy"] == pytest.approx(metrics.accuracy_score(truth, guess))
    assert scores["accuracy"] == pytest.approx(model.score(X, gaps))
    expected = metrics.f1_score(truth, guess, average="macro", zero_division=0)
    assert scores["f1_macro"] == pytest.approx(expected)
    assert scores["log_loss"] == pytest.approx(
        metrics.log_loss(truth, shares, labels=model.classes_.tolist())
    )
    right = [
        all(a in (None, b) for a, b in zip(*rows, strict=True))
        for rows in zip(gaps, model.predict(X), strict=True)
        if any(label is not None for label in rows[0])
    ]
    assert scores["sequence_accuracy"] == pytest.approx(np.mean(right))


def test_the_loss_is_the_mean_over_labelled_steps() -> None:
    X, y = characters()
    y[3] = [None] * len(y[3])
    model = tagger(batch_size=10).initialize(X, y)
    first = model.evaluate(X, y)["log_loss"]
    trained = tagger(batch_size=10, max_epochs=1).fit(X, y)
    assert trained.history_[0]["train_loss"] == pytest.approx(first, rel=1e-5)
    weight = np.linspace(0.2, 2.0, 10)
    weighed = tagger(batch_size=10, max_epochs=1).fit(X, y, weight)
    expected = tagger(batch_size=10).initialize(X, y).evaluate(X, y, weight)["log_loss"]
    assert weighed.history_[0]["train_loss"] == pytest.approx(expected, rel=1e-5)


def test_weights_of_classes_are_of_steps() -> None:
    X, y = characters()
    labels = np.array(flat(y))
    weights = {"V": 0.5, "B": 2.0, "O": 1.0}
    model = tagger(batch_size=10, max_epochs=1, class_weight=weights).fit(X, y)
    data = model._batches(model._read(X, y))
    steps = np.array([weights[label] for label in labels])
    assert data.weight is not None
    np.testing.assert_allclose(data.weight, steps / steps.mean(), rtol=1e-6)
    counts = {label: (labels == label).sum() for label in weights}
    balanced = tagger(batch_size=10, max_epochs=1, class_weight="balanced").fit(X, y)
    data = balanced._batches(balanced._read(X, y))
    steps = np.array([1.0 / counts[label] for label in labels])
    np.testing.assert_allclose(data.weight, steps / steps.mean(), rtol=1e-6)
    weight = np.linspace(0.5, 2.0, 10)
    of_steps = np.repeat(weight, LENGTHS)
    totals = {label: of_steps[labels == label].sum() for label in weights}
    balanced.fit(X, y, weight)
    data = balanced._batches(balanced._read(X, y, weight))
    steps = of_steps * [1.0 / totals[label] for label in labels]
    np.testing.assert_allclose(data.weight, steps / steps.mean(), rtol=1e-6)
    none = tagger(max_epochs=1, class_weight={"V": 0.0}).fit(X, y)
    missing = [[None if label == "V" else label for label in row] for row in y]
    as_missing = tagger(max_epochs=1).initialize(X, y)
    data, expected = (
        none._batches(none._read(X, y)),
        as_missing._batches(as_missing._read(X, missing)),
    )
    np.testing.assert_array_equal(data.y, expected.y)
    with pytest.raises(ValueError, match="leave no step a weight above zero"):
        tagger(class_weight={"V": 0, "B": 0, "O": 0}).fit(X, y)


def test_sequences_without_weight_are_left_out() -> None:
    X, y = characters()
    weight = np.ones(10)
    weight[[1, 4]] = 0.0
    kept = [i for i in range(10) if weight[i]]
    model = tagger().fit(X, y, weight)
    few = [X[i] for i in kept], [y[i] for i in kept]
    same = tagger().fit(*few)
    np.testing.assert_array_equal(model.weights_, same.weights_)
    assert model.evaluate(X, y, weight) == same.evaluate(*few)


def test_labels_of_any_kind_and_arrays_of_them() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(8, 5, 2))
    y = rng.integers(3, size=(8, 5))
    expected = tagger().fit(x, y)
    cases = {
        "lists": (list(x), y.tolist()),
        "int32": (x, y.astype(np.int32)),
        "floats": (x, y.astype(float)),
        "texts": (x, np.array(["a", "b", "c"])[y]),
        "objects": (x, np.array(["a", "b", "c"], dtype=object)[y]),
        "series": (list(x), [pd.Series(row) for row in y]),
        "nullable": (list(x), [pd.Series(row, dtype="Int64") for row in y]),
        "numpy scalars": (x, [list(row) for row in y]),
        "tuples": (tuple(x), tuple(map(tuple, y.tolist()))),
    }
    for name, (X, Y) in cases.items():
        model = tagger().fit(X, Y)
        np.testing.assert_array_equal(model.weights_, expected.weights_, err_msg=name)
        names = model.classes_.tolist()
        assert model.predict(X) == [[names[i] for i in row] for row in expected.predict(x)]
        assert model.score(X, Y) == expected.score(x, y)
    bools = tagger().fit(x, y > 0)
    assert {type(label) for label in flat(bools.predict(x))} == {bool}


def test_windows_that_overlap_learn_the_labels_of_each() -> None:
    rng = np.random.default_rng(5)
    starts = np.arange(0, 25, 2)
    cuts = Sequences(rng.normal(size=(30, 1)), starts, np.full(len(starts), 5, np.int64))
    y = rng.integers(2, size=(len(starts), 5))
    model, lone = tagger().fit(cuts, y), tagger().fit([cuts[i] for i in range(len(cuts))], y)
    np.testing.assert_allclose(model.weights_, lone.weights_, atol=1e-5)
    data = model._batches(model._read(cuts, y))
    assert data.y is not None
    np.testing.assert_array_equal(data.y[rows_of(data.inputs)], y.ravel())


def test_partial_fit_goes_on_and_knows_labels_to_come() -> None:
    X, y = characters()
    model = tagger(shuffle=False)
    for _ in range(3):
        model.partial_fit(X, y)
    np.testing.assert_allclose(model.weights_, tagger(shuffle=False).fit(X, y).weights_, atol=1e-6)
    model = tagger().partial_fit(["ae"], [["V", "V"]], classes=["V", "B", "O"])
    model.partial_fit(X, y)
    assert model.classes_.tolist() == ["B", "O", "V"]
    with pytest.raises(ValueError, match="classes must be those of the first call"):
        model.partial_fit(X, y, classes=["V"])


def test_whole_sequences_are_held_out_and_their_labels_known() -> None:
    X, y = characters()
    rare = [list(row) for row in y]
    for seed in range(6):
        rare[seed][0] = f"R{seed}"
    model = tagger(validation_fraction=0.4, patience=2).fit(X, rare)
    assert len(model.classes_) == 9
    assert all(record["valid_loss"] is not None for record in model.history_)
    given = tagger().fit(X[:7], y[:7], validation_data=(X[7:], y[7:]))
    assert given.history_[-1]["valid_loss"] == pytest.approx(
        given.evaluate(X[7:], y[7:])["log_loss"], rel=1e-5
    )


def test_one_sequence_of_one_step() -> None:
    assert tagger().fit(["a"], [["x"]]).predict(["b"]) == [["x"]]
    assert tagger().fit([[1.0, 2.0]], [[True, False]]).predict(np.ones((2, 7)))[1][6] in (
        True,
        False,
    )


def test_a_search_over_a_list_of_sequences() -> None:
    for X, y in (characters(), words()):
        search = GridSearchCV(tagger(max_epochs=1), {"hidden_size": [2, 3]}, cv=2).fit(X, y)
        assert (search.cv_results_["mean_test_score"] > 0).all()
        assert len(search.predict(X)) == len(X)
    assert len(cross_val_score(tagger(max_epochs=1), *numbers(), cv=3)) == 3
    assert not is_classifier(tagger())


def test_predictions_are_made_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = words()
    model = tagger(crf=True).fit(X, y)
    expected = model.predict(X), model.predict_proba(X), model.evaluate(X, y), model.report(X, y)
    monkeypatch.setattr(base, "PREDICT_ROWS", 3)
    monkeypatch.setattr(base, "MIN_ROWS", 1)
    inputs = model._network_inputs(X)
    rows = [rows for rows, _, _ in model._outputs(inputs)]
    assert max(map(len, rows)) == 3
    assert sorted(np.concatenate(rows)) == list(range(10))
    assert model.predict(X) == expected[0]
    for a, b in zip(model.predict_proba(X), expected[1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)
    assert model.evaluate(X, y) == pytest.approx(expected[2])
    assert model.report(X, y) == expected[3]
