from __future__ import annotations

import copy
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unrolled import SequenceGenerator, load

pytestmark = pytest.mark.torch

NAMES = ["ant", "bee", "crow", "dove", "eel"]
X = NAMES * 12
Y = [f"{name}s" for name in X]


def generator(**changes: Any) -> SequenceGenerator:
    arguments: dict[str, Any] = {
        "unit": "character", "hidden_size": 24, "embedding_size": 8, "learning_rate": 0.02,
        "max_epochs": 15, "batch_size": 10, "random_state": 0, "verbose": False, **changes,
    }  # fmt: skip
    return SequenceGenerator(**arguments)


@cache
def fitted(**changes: Any) -> SequenceGenerator:
    return generator(**changes).fit(X, Y)


@pytest.mark.parametrize("every_step", [False, True])
def test_a_label_is_written_as_it_was_learnt(every_step: bool) -> None:
    model = fitted(every_step=every_step)
    assert model.predict(["eel", "ant"]) == ["eels", "ants"]
    assert model.classes_ is not None
    assert model.classes_.tolist() == NAMES
    assert model.generate(NAMES, temperature=0) == model.predict(NAMES)
    found = model.evaluate(NAMES, [f"{name}s" for name in NAMES])
    assert found["exact_match"] == 1.0
    assert found["perplexity"] < 1.1


def test_draws_follow_the_shares_that_were_learnt() -> None:
    labels = [1] * 120 + [2] * 40
    texts = ["a", "a", "b"] * 40 + ["c"] * 40
    model = generator(max_epochs=30).fit(labels, texts)
    assert model.predict([1, 2]) == ["a", "c"]
    drawn = Counter(model.generate([1] * 900, random_state=0))
    assert drawn["a"] + drawn["b"] > 890
    assert 0.6 < drawn["a"] / 900 < 0.73
    assert set(model.generate([1] * 50, top_k=1)) == {"a"}
    assert set(model.generate([1] * 50, top_p=0.5)) == {"a"}
    assert model.generate([1] * 9, random_state=3) == model.generate([1] * 9, random_state=3)
    assert set(model.generate([2] * 50, random_state=1, top_p=0.9)) == {"c"}


def test_vectors_are_scaled_and_written_of(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    V = rng.normal(100, 20, (150, 3))
    texts = ["high" if v[1] > 100 else "low" for v in V]
    model = generator(hidden_layer_sizes=(16,), max_epochs=20).fit(V, texts)
    new = rng.normal(100, 20, (60, 3))
    right = ["high" if v[1] > 100 else "low" for v in new]
    assert model.evaluate(new, right)["exact_match"] > 0.9
    model.save(tmp_path / "model")
    assert load(tmp_path / "model").predict(new) == model.predict(new)
    with pytest.raises(ValueError, match="X has 4 numbers a vector, but SequenceGenerator was fi"):
        model.predict(np.zeros((1, 4)))
    with pytest.raises(TypeError, match="X holds labels, but SequenceGenerator was fitted on vec"):
        model.predict(["high"])


def test_lists_of_symbols_are_written_as_lists(tmp_path: Path) -> None:
    lists = [[name, "and", name] for name in X]
    model = generator(unit="word").fit(X, lists)
    assert model.predict(["bee"]) == [["bee", "and", "bee"]]
    assert model.generate(["crow"], temperature=0) == [["crow", "and", "crow"]]
    assert model.predict_n_best(["eel"], 2)[0][0].text == ["eel", "and", "eel"]
    assert model.evaluate(["bee"], [["bee", "and", "bee"]])["exact_match"] == 1.0
    several = [[["x"], ["bee", "and", "bee"]]]
    assert model.evaluate(["bee"], several)["symbol_error_rate"] == 0.0
    model.save(tmp_path / "model")
    again = load(tmp_path / "model")
    assert again.lists_
    assert again.predict(NAMES) == model.predict(NAMES)


def test_a_saved_model_writes_the_same(tmp_path: Path) -> None:
    for i, (labels, changes) in enumerate(
        [
            (X, {"cell": "lstm", "tied": True}),
            (list(range(60)), {"every_step": False}),
            (np.arange(60) % 2 == 0, {"memory_dropout": 0.1, "unit": "word"}),
        ]
    ):
        model = generator(max_epochs=1, **changes).fit(labels, Y)
        model.save(tmp_path / f"model{i}")
        again = load(tmp_path / f"model{i}")
        assert type(again) is SequenceGenerator
        assert again.get_params() == model.get_params()
        assert again.predict(labels) == model.predict(labels)
        drawn = [m.generate(labels, random_state=1) for m in (model, again)]
        assert drawn[0] == drawn[1]


def test_a_label_that_is_held_out_is_known() -> None:
    model = generator(max_epochs=1, validation_fraction=0.3).fit(range(10), ["a"] * 10)
    assert model.classes_ is not None
    assert len(model.classes_) == 10
    assert len(model.predict([9])) == 1


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("labels", None, "inputs need labels where the model reads labels, else a scaler"),
        ("more", 1, "the part inputs holds 'more'"),
    ],
)
def test_saved_parts_that_do_not_fit_are_refused(key: str, value: Any, sentence: str) -> None:
    model = copy.copy(fitted())
    config = {**model._inputs_to_config(), key: value}
    with pytest.raises(ValueError, match=sentence):
        model._inputs_from_config(config)
    with pytest.raises(ValueError, match="lists must be true or false, got 3"):
        model._targets_from_config({**model._targets_to_config(), "lists": 3})


@pytest.mark.parametrize(
    ("pair", "kind", "sentence"),
    [
        (("abc", ["A"]), TypeError, "X must be a list of labels or an array .*, got str"),
        (([], []), ValueError, "X holds no labels"),
        ((["a", 1], ["A", "B"]), TypeError, "labels that are all texts or all whole .* int, str"),
        (([0.5, 1.5], ["A", "B"]), TypeError, "labels that are all texts .*, got float"),
        ((["a", "b"], ["A"]), ValueError, "inconsistent numbers of samples"),
        ((["a", "b"], [["A"], "B"]), TypeError, r"y\[1\] must be a list of symbols"),
        ((["a", "b"], [["A"], []]), ValueError, r"y\[1\] holds no symbols"),
        ((["a", "b"], [["A"], [3]]), TypeError, r"y\[1\]\[0\] must be a text, got 3"),
        ((["a"], [["A B"]]), ValueError, r"y\[0\]\[0\] is 'A B'; a symbol of a list needs"),
    ],
)
def test_pairs_that_are_none_are_refused(pair: Any, kind: Any, sentence: str) -> None:
    with pytest.raises(kind, match=sentence):
        generator().fit(*pair)


def test_what_does_not_fit_the_model_is_refused() -> None:
    model = fitted()
    with pytest.raises(ValueError, match="the label 'fly', which is not among the 5 known ones"):
        model.predict(["bee", "fly"])
    with pytest.raises(TypeError, match="X holds labels such as 3, but the model was fitted on"):
        model.predict([3])
    with pytest.raises(TypeError, match="X holds vectors, but SequenceGenerator was fitted on la"):
        model.predict(np.zeros((1, 4)))
    with pytest.raises(ValueError, match="temperature must be a number of at least 0, got -1"):
        model.generate(["bee"], temperature=-1)
    with pytest.raises(Exception, match="not fitted"):
        generator().generate(["bee"])


def test_what_is_drawn_is_never_empty_and_is_scored() -> None:
    model = generator(max_epochs=1).fit(X, [list(name) for name in Y])
    drawn = model.generate(NAMES * 40, temperature=3.0, random_state=0)
    assert min(map(len, drawn)) >= 1
    found = model.evaluate_written([list(name) for name in Y], [list(name) for name in Y])
    assert found["exact_match"] == 1.0
