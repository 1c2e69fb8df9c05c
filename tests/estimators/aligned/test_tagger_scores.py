"""Scores and reports of a tagger are those of scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from aligned_problems import (
    LENGTHS,
    characters,
    flat,
    tagger,
)
from sklearn import metrics

from unrolled.estimators.tag_report import tag_report


def test_scores_of_a_bad_model_are_those_of_scikit_learn() -> None:
    X, y = characters()
    model = tagger().initialize(X, y)
    weight = np.arange(10) % 4 + 0.5
    steps = np.repeat(weight, LENGTHS)
    truth, guess = flat(y), flat(model.predict(X))
    assert 0.0 < metrics.accuracy_score(truth, guess) < 0.9
    scores = model.evaluate(X, y, weight)
    assert scores["accuracy"] == pytest.approx(
        metrics.accuracy_score(truth, guess, sample_weight=steps)
    )
    assert scores["f1_macro"] == pytest.approx(
        metrics.f1_score(truth, guess, average="macro", zero_division=0, sample_weight=steps)
    )
    shares = np.concatenate(model.predict_proba(X))
    assert scores["log_loss"] == pytest.approx(metrics.log_loss(truth, shares, sample_weight=steps))
    assert model.score(X, y, weight) == pytest.approx(scores["accuracy"])
    # Two of three sequences are met.
    mixed = [
        found if i % 3 else truth
        for i, (truth, found) in enumerate(zip(y, model.predict(X), strict=True))
    ]
    right = [a == b for a, b in zip(mixed, model.predict(X), strict=True)]
    assert 0 < sum(right) < 10
    scores = model.evaluate(X, mixed, weight)
    assert scores["sequence_accuracy"] == pytest.approx(np.average(right, weights=weight))


def test_an_unknown_label_without_weight_takes_no_score_away() -> None:
    X, y = characters()
    model = tagger().fit(X, y)
    other = [list(row) for row in y]
    other[2][1] = "X"
    weight = np.arange(10) % 4 + 0.5
    weight[2] = 0.0
    assert model.evaluate(X, other, weight) == pytest.approx(model.evaluate(X, y, weight))


def test_labels_unknown_to_the_model() -> None:
    X, y = characters()
    model = tagger().fit(X, y)
    other = [list(row) for row in y]
    other[2][3] = "X"
    other[0][0] = "A"
    truth, guess = flat(other), flat(model.predict(X))
    scores = model.evaluate(X, other)
    assert scores["accuracy"] == pytest.approx(metrics.accuracy_score(truth, guess))
    assert model.score(X, other) == scores["accuracy"]
    assert scores["f1_macro"] == pytest.approx(
        metrics.f1_score(truth, guess, average="macro", zero_division=0)
    )
    # scikit-learn refuses labels without a probability; here that score alone is none.
    with pytest.raises(ValueError, match="y_true contains values"):
        metrics.log_loss(truth, np.concatenate(model.predict_proba(X)), labels=["B", "O", "V"])
    assert np.isnan(scores["log_loss"])
    report = model.report(X, other)
    assert [row["label"] for row in report.rows] == ["A", "B", "O", "V", "X"]
    expected = metrics.classification_report(truth, guess, output_dict=True, zero_division=0)
    for row in report.rows:
        assert row["recall"] == pytest.approx(expected[row["label"]]["recall"])
        assert row["support"] == expected[row["label"]]["support"]
    with pytest.raises(ValueError, match="the label 'X', which is not among the 3 known"):
        model.partial_fit(X, [["X"] * n for n in LENGTHS])
    with pytest.raises(TypeError, match="do not compare"):
        model.score(X, [[1] * n for n in LENGTHS])
    # A sequence without weight is not scored, nor is its label.
    counted = np.arange(10) % 2 * 1.0
    assert np.isfinite(model.evaluate(X, other, counted)["log_loss"])


def test_the_report_is_that_of_scikit_learn() -> None:
    X, y = characters()
    model = tagger().initialize(X, y)
    truth, guess = flat(y), flat(model.predict(X))
    report = model.report(X, y)
    expected = metrics.classification_report(truth, guess, output_dict=True, zero_division=0)
    assert [row["label"] for row in report.rows] == ["B", "O", "V"]
    for row in report.rows:
        of = expected[row["label"]]
        assert row["precision"] == pytest.approx(of["precision"])
        assert row["recall"] == pytest.approx(of["recall"])
        assert row["f1"] == pytest.approx(of["f1-score"])
        assert row["support"] == of["support"]
        assert type(row["support"]) is int
    macro = expected["macro avg"]
    assert report.macro["f1"] == pytest.approx(macro["f1-score"])
    assert report.macro["precision"] == pytest.approx(macro["precision"])
    assert report.micro["recall"] == pytest.approx(expected["accuracy"])
    assert report.micro["support"] == len(truth)
    for library in ("polars", "pandas"):
        frame = report.frame(library)
        assert list(frame.columns) == ["label", "precision", "recall", "f1", "support"]
        assert list(frame["label"]) == ["B", "O", "V"]
    with pytest.raises(ValueError, match="library must be"):
        report.frame("csv")


def test_the_report_is_readable() -> None:
    truth, guess = np.array([0, 0, 0, 1, 1, 2] * 250), np.array([0, 0, 1, 1, 1, 0] * 250)
    assert str(tag_report(["NOUN", "PROPN", "X"], truth, guess)) == (
        "label  precision  recall      f1  support\n"
        "-----  ---------  ------  ------  -------\n"
        "NOUN      0.6667  0.6667  0.6667      750\n"
        "PROPN     0.6667  1.0000  0.8000      500\n"
        "X         0.0000  0.0000  0.0000      250\n"
        "-----  ---------  ------  ------  -------\n"
        "micro     0.6667  0.6667  0.6667    1,500\n"
        "macro     0.4444  0.5556  0.4889    1,500"
    )
