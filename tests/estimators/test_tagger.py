"""SequenceTagger: a label for each step of texts, sentences and numbers; reports."""

from __future__ import annotations

import copy
import itertools
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics
from sklearn.base import clone, is_classifier
from sklearn.model_selection import GridSearchCV, cross_val_score

from unrolled import SequenceTagger, SignalRegressor, load
from unrolled.data.sequences import Sequences, rows_of
from unrolled.estimators import base
from unrolled.estimators.checkpoints import Run
from unrolled.estimators.tag_report import tag_report
from unrolled.runtime.artifact import ArtifactError, load_artifact, save_artifact
from unrolled.training.checkpoint import CheckpointError

LENGTHS = [7, 1, 12, 4, 9, 9, 3, 6, 5, 11]


def characters(seed: int = 0) -> tuple[list[str], list[list[str]]]:
    """Texts, and of each character whether it is a vowel, a consonant behind one, or another."""
    rng = np.random.default_rng(seed)
    X = ["".join(rng.choice(list("abcde"), n)) for n in LENGTHS]
    y = []
    for text in X:
        pairs = zip(" " + text, text, strict=False)
        y.append(["V" if c in "ae" else "B" if before in "ae" else "O" for before, c in pairs])
    return X, y


def numbers(seed: int = 0) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Signals [T_i, 2], and of each step the sign of a sum of two steps, -1, 0 or 1."""
    rng = np.random.default_rng(seed)
    X = [rng.normal(5.0, 3.0, size=(n, 2)) for n in LENGTHS]
    y = []
    for x in X:
        total = x[:, 0] + np.append(5.0, x[:-1, 1]) - 10.0
        y.append(np.where(np.abs(total) < 2.0, 0, np.sign(total)).astype(np.int64))
    return X, y


def words(seed: int = 0) -> tuple[list[list[str]], list[list[str]]]:
    """Sentences of words whose ends tell their labels."""
    rng = np.random.default_rng(seed)
    known = {"walking": "VERB", "Running": "VERB", "dog": "NOUN", "Dogs": "NOUN", "the": "DET"}
    X = [rng.choice(list(known), n).tolist() for n in LENGTHS]
    return X, [[known[word] for word in sentence] for sentence in X]


KINDS = {"characters": characters, "numbers": numbers, "words": words}


def make(**changes: Any) -> SequenceTagger:
    given = {
        "hidden_size": 4, "embedding_size": 6, "affix_size": 3, "max_epochs": 3, "batch_size": 4,
        "random_state": 0, **changes,
    }  # fmt: skip
    return SequenceTagger(**given)


def flat(rows: Any) -> list[Any]:
    return [item for row in rows for item in row]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("both", [False, True])
def test_the_labels_are_learnt_and_each_step_gets_its_likeliest(kind: str, both: bool) -> None:
    X, y = KINDS[kind]()
    model = make(
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
    model = make(cell="lstm").fit(X, y)
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
    model = make(engine=engine, class_weight="balanced").fit(X, gaps)
    nans = [[float("nan") if label is None else label for label in row] for row in gaps]
    same = make(engine=engine, class_weight="balanced").fit(X, nans)
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


def test_scores_of_a_bad_model_are_those_of_scikit_learn() -> None:
    X, y = characters()
    model = make().initialize(X, y)
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


def test_the_loss_is_the_mean_over_labelled_steps() -> None:
    X, y = characters()
    y[3] = [None] * len(y[3])
    model = make(batch_size=10).initialize(X, y)
    first = model.evaluate(X, y)["log_loss"]
    trained = make(batch_size=10, max_epochs=1).fit(X, y)
    assert trained.history_[0]["train_loss"] == pytest.approx(first, rel=1e-5)
    weight = np.linspace(0.2, 2.0, 10)
    weighed = make(batch_size=10, max_epochs=1).fit(X, y, weight)
    expected = make(batch_size=10).initialize(X, y).evaluate(X, y, weight)["log_loss"]
    assert weighed.history_[0]["train_loss"] == pytest.approx(expected, rel=1e-5)


def test_weights_of_classes_are_of_steps() -> None:
    X, y = characters()
    labels = np.array(flat(y))
    weights = {"V": 0.5, "B": 2.0, "O": 1.0}
    model = make(batch_size=10, max_epochs=1, class_weight=weights).fit(X, y)
    data = model._batches(model._read(X, y))
    steps = np.array([weights[label] for label in labels])
    assert data.weight is not None
    np.testing.assert_allclose(data.weight, steps / steps.mean(), rtol=1e-6)
    counts = {label: (labels == label).sum() for label in weights}
    balanced = make(batch_size=10, max_epochs=1, class_weight="balanced").fit(X, y)
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
    none = make(max_epochs=1, class_weight={"V": 0.0}).fit(X, y)
    missing = [[None if label == "V" else label for label in row] for row in y]
    as_missing = make(max_epochs=1).initialize(X, y)
    data, expected = (
        none._batches(none._read(X, y)),
        as_missing._batches(as_missing._read(X, missing)),
    )
    np.testing.assert_array_equal(data.y, expected.y)
    with pytest.raises(ValueError, match="leave no step a weight above zero"):
        make(class_weight={"V": 0, "B": 0, "O": 0}).fit(X, y)


def test_sequences_without_weight_are_left_out() -> None:
    X, y = characters()
    weight = np.ones(10)
    weight[[1, 4]] = 0.0
    kept = [i for i in range(10) if weight[i]]
    model = make().fit(X, y, weight)
    few = [X[i] for i in kept], [y[i] for i in kept]
    same = make().fit(*few)
    np.testing.assert_array_equal(model.weights_, same.weights_)
    assert model.evaluate(X, y, weight) == same.evaluate(*few)


def test_labels_of_any_kind_and_arrays_of_them() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(8, 5, 2))
    y = rng.integers(3, size=(8, 5))
    expected = make().fit(x, y)
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
        model = make().fit(X, Y)
        np.testing.assert_array_equal(model.weights_, expected.weights_, err_msg=name)
        names = model.classes_.tolist()
        assert model.predict(X) == [[names[i] for i in row] for row in expected.predict(x)]
        assert model.score(X, Y) == expected.score(x, y)
    bools = make().fit(x, y > 0)
    assert {type(label) for label in flat(bools.predict(x))} == {bool}


def test_windows_that_overlap_learn_the_labels_of_each() -> None:
    rng = np.random.default_rng(5)
    starts = np.arange(0, 25, 2)
    cuts = Sequences(rng.normal(size=(30, 1)), starts, np.full(len(starts), 5, np.int64))
    y = rng.integers(2, size=(len(starts), 5))
    model, lone = make().fit(cuts, y), make().fit([cuts[i] for i in range(len(cuts))], y)
    np.testing.assert_allclose(model.weights_, lone.weights_, atol=1e-5)
    data = model._batches(model._read(cuts, y))
    assert data.y is not None
    np.testing.assert_array_equal(data.y[rows_of(data.inputs)], y.ravel())


def test_labels_unknown_to_the_model() -> None:
    X, y = characters()
    model = make().fit(X, y)
    other = [list(row) for row in y]
    other[2][3] = "X"
    other[0][0] = "A"
    known = np.array([label not in "XA" for label in flat(other)])
    truth, guess = flat(other), flat(model.predict(X))
    scores = model.evaluate(X, other)
    assert scores["accuracy"] == pytest.approx(metrics.accuracy_score(truth, guess))
    assert model.score(X, other) == scores["accuracy"]
    assert scores["f1_macro"] == pytest.approx(
        metrics.f1_score(truth, guess, average="macro", zero_division=0)
    )
    shares = np.concatenate(model.predict_proba(X))[known]
    assert scores["log_loss"] == pytest.approx(
        metrics.log_loss(np.array(truth)[known], shares, labels=["B", "O", "V"])
    )
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
    assert np.isnan(model.evaluate(["ab"], [["X", "X"]])["log_loss"])


def test_the_report_is_that_of_scikit_learn() -> None:
    X, y = characters()
    model = make().initialize(X, y)
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


@pytest.mark.parametrize("kind", KINDS)
def test_saved_pickled_and_cloned(kind: str, tmp_path: Path) -> None:
    X, y = KINDS[kind]()
    dropped = {} if kind == "numbers" else {"word_dropout": 0.1}
    model = make(**dropped).fit(X, y)
    model.save(tmp_path / "model")
    for again in (load(tmp_path / "model"), pickle.loads(pickle.dumps(model))):  # noqa: S301
        assert isinstance(again, SequenceTagger)
        assert again.predict(X) == model.predict(X)
        for a, b in zip(again.predict_proba(X), model.predict_proba(X), strict=True):
            np.testing.assert_array_equal(a, b)
        assert again.evaluate(X, y) == model.evaluate(X, y)
    twin = clone(model)
    assert not twin.__sklearn_is_fitted__()
    np.testing.assert_array_equal(twin.fit(X, y).weights_, model.weights_)


class KilledError(BaseException):
    pass


@pytest.mark.parametrize("kind", KINDS)
def test_a_stopped_fit_goes_on_with_the_same_bits(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    X, y = KINDS[kind]()
    given: dict[str, Any] = {
        "max_epochs": 4, "dropout": 0.2, "validation_fraction": 0.2, "crf": kind == "words",
        "word_dropout": 0.0 if kind == "numbers" else 0.3,
    }  # fmt: skip
    whole = make(**given).fit(X, y)
    save, left = Run.save, [2]

    def save_and_die(self: Run, *arguments: Any) -> None:
        save(self, *arguments)
        left[0] -= 1
        if left[0] == 0:
            raise KilledError

    monkeypatch.setattr(Run, "save", save_and_die)
    run = tmp_path / "run"
    with pytest.raises(KilledError):
        make(checkpoint=run, checkpoint_epochs=1, **given).fit(X, y)
    again = make(**given).fit(X, y, resume_from=run)
    np.testing.assert_array_equal(again.weights_, whole.weights_)
    with pytest.raises(CheckpointError):
        make(**given).fit(X, [row[::-1] for row in y], resume_from=run)


def test_partial_fit_goes_on_and_knows_labels_to_come() -> None:
    X, y = characters()
    model = make(shuffle=False)
    for _ in range(3):
        model.partial_fit(X, y)
    np.testing.assert_allclose(model.weights_, make(shuffle=False).fit(X, y).weights_, atol=1e-6)
    model = make().partial_fit(["ae"], [["V", "V"]], classes=["V", "B", "O"])
    model.partial_fit(X, y)
    assert model.classes_.tolist() == ["B", "O", "V"]
    with pytest.raises(ValueError, match="classes must be those of the first call"):
        model.partial_fit(X, y, classes=["V"])


def test_whole_sequences_are_held_out_and_their_labels_known() -> None:
    X, y = characters()
    rare = [list(row) for row in y]
    for seed in range(6):
        rare[seed][0] = f"R{seed}"
    model = make(validation_fraction=0.4, patience=2).fit(X, rare)
    assert len(model.classes_) == 9
    assert all(record["valid_loss"] is not None for record in model.history_)
    given = make().fit(X[:7], y[:7], validation_data=(X[7:], y[7:]))
    assert given.history_[-1]["valid_loss"] == pytest.approx(
        given.evaluate(X[7:], y[7:])["log_loss"], rel=1e-5
    )


def test_one_sequence_of_one_step() -> None:
    assert make().fit(["a"], [["x"]]).predict(["b"]) == [["x"]]
    assert make().fit([[1.0, 2.0]], [[True, False]]).predict(np.ones((2, 7)))[1][6] in (True, False)


def test_a_search_over_a_list_of_sequences() -> None:
    for X, y in (characters(), words()):
        search = GridSearchCV(make(max_epochs=1), {"hidden_size": [2, 3]}, cv=2).fit(X, y)
        assert (search.cv_results_["mean_test_score"] > 0).all()
        assert len(search.predict(X)) == len(X)
    assert len(cross_val_score(make(max_epochs=1), *numbers(), cv=3)) == 3
    assert not is_classifier(make())


def test_characters_are_read_as_they_are() -> None:
    X = ["aA İ\n", "é a\u0301"]
    model = make().fit(X, [list("12345"), list("1234")])
    assert [len(row) for row in model.predict(X)] == [5, 4]
    rare = make(min_count=2).fit(["aab"], [["x", "x", "y"]])
    assert rare.vocabulary_ is not None
    assert rare.vocabulary_.symbols == ("<unk>", "a")


def test_sentences_of_any_kind_give_the_same_bits() -> None:
    X, y = words()
    expected = make().fit(X, y)
    arrays = np.array([*map(np.array, X), None], dtype=object)[:-1]
    for same in (tuple(map(tuple, X)), arrays, [pd.Series(row) for row in X]):
        model = make().fit(same, y)
        np.testing.assert_array_equal(model.weights_, expected.weights_)
        assert model.predict(same) == expected.predict(X)
    table = np.array([["the", "dog"], ["Dogs", "walking"]])
    labels = [["DET", "NOUN"], ["NOUN", "VERB"]]
    made = make().fit(table, labels)
    np.testing.assert_array_equal(made.weights_, make().fit(table.tolist(), labels).weights_)


def test_the_vectors_of_words_and_of_their_parts() -> None:
    X, y = words()
    model = make(min_count=2, word_dropout=0.25).fit(X, y)
    assert model.words_ is not None
    sizes = model.words_.sizes
    assert model.spec_.categories[:2] == ((sizes[0], 6), (sizes[1], 6))
    assert {size for _, size in model.spec_.categories[2:]} == {3}
    assert [codes for codes, _ in model.spec_.categories] == list(sizes)
    assert model.spec_.symbol_dropout == 0.25
    characters_model = make(word_dropout=0.25).fit(*characters())
    assert characters_model.spec_.symbol_dropout == 0.25


def test_an_unseen_word_is_read_by_its_end() -> None:
    X, y = words()
    model = make(max_epochs=80, learning_rate=0.03, word_dropout=0.3).fit(X, y)
    assert model.predict([["the", "talking"]]) == [["DET", "VERB"]]


def paths(scores: np.ndarray, named: Any) -> tuple[np.ndarray, np.ndarray]:
    """All label paths [P, T] of a sequence and their probabilities [P], one after the other."""
    T, K = scores.shape
    every = np.array(list(itertools.product(range(K), repeat=T)))
    energy = named["crf.start"][every[:, 0]] + named["crf.end"][every[:, -1]]
    energy = energy + scores[np.arange(T), every].sum(axis=1)
    energy = energy + named["crf.transition"][every[:, :-1], every[:, 1:]].sum(axis=1)
    powers = np.exp(energy.astype(np.float64))
    return every, powers / powers.sum()


@pytest.mark.parametrize("kind", KINDS)
def test_crf_gives_the_likeliest_path_and_the_shares_of_its_labels(kind: str) -> None:
    X, y = KINDS[kind]()
    X, y = [x[:5] for x in X], [row[:5] for row in y]
    model = make(crf=True, max_epochs=20, learning_rate=0.05, batch_size=3).fit(X, y)
    named, K = model.named_parameters(), len(model.classes_)
    assert np.abs(named["crf.transition"]).max() > 0.2
    nats, right, steps = 0.0, 0.0, 0
    found, shares = model.predict(X), model.predict_proba(X)
    for i, states in enumerate(model.hidden_states(X)):
        scores = states @ named["head.weight"].T + named["head.bias"]
        every, of_path = paths(scores, named)
        assert found[i] == model.classes_[every[of_path.argmax()]].tolist()
        expected = np.array([of_path @ (every == k) for k in range(K)]).T
        np.testing.assert_allclose(shares[i], expected, rtol=1e-4, atol=1e-6)
        truth = np.searchsorted(model.classes_, y[i])
        nats -= np.log(expected[np.arange(len(truth)), truth]).sum()
        right += float((model.classes_[truth] == np.array(found[i])).sum())
        steps += len(truth)
    scores = model.evaluate(X, y)
    assert scores["log_loss"] == pytest.approx(nats / steps, rel=1e-4)
    assert scores["accuracy"] == pytest.approx(right / steps)
    assert model.score(X, y) == scores["accuracy"]


@pytest.mark.parametrize("engine", ["kernels", pytest.param("torch", marks=pytest.mark.torch)])
def test_crf_is_trained_on_the_likelihood_of_known_labels(engine: str) -> None:
    X, y = characters()
    X, y = [x[:4] for x in X], [row[:4] for row in y]
    y[2][1], y[4] = None, [None] * 4  # type: ignore[list-item]
    weight = np.linspace(0.5, 1.5, 10)
    given: dict[str, Any] = {"crf": True, "batch_size": 10, "engine": engine}
    start = make(**given).initialize(X, y)
    named = start.named_parameters()
    known = np.array([sum(label is not None for label in row) for row in y])
    total = 0.0
    for i, states in enumerate(start.hidden_states(X)):
        every, of_path = paths(states @ named["head.weight"].T + named["head.bias"], named)
        fits = [
            all(label in (None, start.classes_[k]) for label, k in zip(y[i], path, strict=True))
            for path in every
        ]
        total -= weight[i] * np.log(of_path[fits].sum())
    expected = total / known.sum() / np.average(weight, weights=known)
    model = make(max_epochs=1, **given).fit(X, y, weight)
    assert model.history_[0]["train_loss"] == pytest.approx(expected, rel=1e-4)
    assert model.engine_ == engine


def test_crf_learns_which_labels_follow_each_other(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    # Each label but the first is told by the one before alone.
    X, y = [], []
    for n in rng.integers(3, 9, size=60):
        first = int(rng.integers(3))
        x = np.zeros((n, 3))
        x[0, first] = 1.0
        X.append(x)
        y.append([(first + t) % 3 for t in range(n)])
    given: dict[str, Any] = {
        "hidden_size": 1, "bidirectional": False, "max_epochs": 60, "learning_rate": 0.05,
        "standardize": False,
    }  # fmt: skip
    model, without = (make(crf=crf, **given).fit(X, y) for crf in (True, False))
    assert model.evaluate(X, y)["sequence_accuracy"] > 0.95
    assert without.evaluate(X, y)["sequence_accuracy"] < 0.9
    model.save(tmp_path / "model")
    again = load(tmp_path / "model")
    assert again.predict(X) == model.predict(X)
    assert again.evaluate(X, y) == model.evaluate(X, y)
    held = make(crf=True, validation_fraction=0.3, max_epochs=2).fit(X, y)
    assert all(record["valid_loss"] is not None for record in held.history_)
    model.crf = False
    with pytest.raises(ArtifactError, match="another model"):
        model.save(tmp_path / "model")


def test_predictions_are_made_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = words()
    model = make(crf=True).fit(X, y)
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


FORGED: dict[str, tuple[str, Any]] = {
    "no words": ("inputs", {"words": None}),
    "a scaler too": ("inputs", {"scaler": {"mean": [0.0], "scale": [1.0]}}),
    "other words": ("words", {"symbols": [["a"]] * 10}),
    "other columns": ("words", {"suffixes": [1]}),
    "other labels": ("targets", {"classes": ["DET", "NOUN"]}),
    "unsorted labels": ("targets", {"classes": ["NOUN", "DET", "VERB"]}),
    "no crf": ("parameters", {"crf": True}),
    "other vectors": ("parameters", {"affix_size": 4}),
}


@pytest.mark.parametrize("case", FORGED)
def test_a_forged_model_is_refused(case: str, tmp_path: Path) -> None:
    make(max_epochs=1).fit(*words()).save(tmp_path / "model")
    artifact = load_artifact(tmp_path / "model")
    content = copy.deepcopy(dict(artifact.content))
    where, changes = FORGED[case]
    (content["inputs"]["words"] if where == "words" else content[where]).update(changes)
    save_artifact(tmp_path / "model", content, dict(artifact.arrays))
    with pytest.raises(ArtifactError):
        load(tmp_path / "model")


def test_a_vocabulary_of_words_is_no_characters_model(tmp_path: Path) -> None:
    make(max_epochs=1).fit(*characters()).save(tmp_path / "model")
    artifact = load_artifact(tmp_path / "model")
    for name, value in (("unit", "word"), ("lowercase", True)):
        content = copy.deepcopy(dict(artifact.content))
        content["inputs"]["vocabulary"][name] = value
        save_artifact(tmp_path / "model", content, dict(artifact.arrays))
        with pytest.raises(ArtifactError, match="a vocabulary of characters as they are"):
            load(tmp_path / "model")


X, Y = characters()
WRONG: dict[str, tuple[dict[str, Any], Any, Any, type[Exception], str]] = {
    "no y": ({}, X, None, ValueError, "requires y to be passed"),
    "too few": ({}, X, Y[:-1], ValueError, "inconsistent numbers of samples"),
    "shorter": ({}, X, [*Y[:2], Y[2][1:], *Y[3:]], ValueError, r"X\[2\] has 12 .* y\[2\] 11"),
    "a label a sequence": ({}, X, [1] * 10, TypeError, r"y\[0\] is 1, not a list"),
    "texts": ({}, X, ["V" * n for n in LENGTHS], ValueError, r"list\(text\) makes one"),
    "a text within": ({}, X, [*Y[:-1], "V" * 11], TypeError, r"y\[9\] is 'VVV.*, not a list"),
    "two kinds": ({}, X, [*Y[:-1], [1] * 11], TypeError, "type int and str"),
    "bools and numbers": ({}, X, [[True] * 7, *([1] * n for n in LENGTHS[1:])], TypeError, "bool"),
    "tuples": ({}, X, [[(1, 2)] * n for n in LENGTHS], TypeError, "type tuple"),
    "lists": ({}, X, [[[1]] * n for n in LENGTHS], TypeError, "type list"),
    "fractions": ({}, X, [[0.5] * n for n in LENGTHS], ValueError, "SignalRegressor"),
    "nothing known": ({}, X, [[None] * n for n in LENGTHS], ValueError, "no label: all"),
    "empty": ({}, X, [*Y[:-1], []], ValueError, r"y\[9\] is empty"),
    "a frame": ({}, X, pd.DataFrame({"a": [1]}), TypeError, "y is a DataFrame"),
    "an empty text": ({}, ["", "a"], [["x"], ["y"]], ValueError, r"X\[0\] is ''"),
    "an empty sentence": ({}, [["a"], []], [["x"], []], ValueError, r"X\[1\] is a sentence with"),
    "no word": ({}, [["a", 1]], [["x", "x"]], TypeError, r"X\[0\]\[1\] must be a word, got int 1"),
    "an empty word": ({}, [["b", ""]], [["x", "x"]], ValueError, r"X\[0\]\[1\] is ''"),
    "a text for a sentence": ({}, [["a"], "b"], [["x"], ["x"]], TypeError, r"X\[1\] is 'b'"),
    "dropped numbers": ({"word_dropout": 0.1}, [[1.0]], [["x"]], ValueError, "word_dropout=0.1"),
    "weighed crf": (
        {"crf": True, "class_weight": {"V": 2.0}}, X, Y, ValueError, "class_weight weighs each",
    ),
    "a share of 1": ({"word_dropout": 1.0}, X, Y, ValueError, "word_dropout must be"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_in_one_sentence(case: str) -> None:
    arguments, inputs, targets, kind, said = WRONG[case]
    model = make(**arguments)
    with pytest.raises(kind, match=said):
        model.fit(inputs, targets)
    assert not model.__sklearn_is_fitted__()


def test_new_inputs_of_another_kind_are_refused() -> None:
    made = {kind: KINDS[kind]() for kind in KINDS}
    said = {"characters": "texts", "numbers": "numbers", "words": "words"}
    for fitted, (inputs, targets) in made.items():
        model = make().fit(inputs, targets)
        for other in set(made) - {fitted}:
            message = f"X holds {said[other]}, but SequenceTagger was fitted on {said[fitted]}"
            with pytest.raises(TypeError, match=message):
                model.predict(made[other][0])
        with pytest.raises(ValueError, match="y holds no label"):
            model.evaluate(inputs, [[None] * n for n in LENGTHS])
    with pytest.raises(TypeError, match="X holds texts, but SignalRegressor reads numbers"):
        SignalRegressor().fit(X, [[1.0] * n for n in LENGTHS])
