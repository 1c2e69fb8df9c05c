"""What a tagger refuses, in one sentence each."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from aligned_problems import (
    KINDS,
    LENGTHS,
    characters,
    tagger,
)

from unrolled import SignalRegressor

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
    "one text": ({}, "the cat", [["x"] * 7], TypeError, "X is 'the cat', a single text"),
    "nothing": ({}, [], [], ValueError, "X: found array with 0 sample"),
    "a share of 1": ({"word_dropout": 1.0}, X, Y, ValueError, "word_dropout must be"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_in_one_sentence(case: str) -> None:
    arguments, inputs, targets, kind, said = WRONG[case]
    model = tagger(**arguments)
    with pytest.raises(kind, match=said):
        model.fit(inputs, targets)
    assert not model.__sklearn_is_fitted__()


def test_new_inputs_of_another_kind_are_refused() -> None:
    made = {kind: KINDS[kind]() for kind in KINDS}
    said = {"characters": "texts", "numbers": "numbers", "words": "words"}
    for fitted, (inputs, targets) in made.items():
        model = tagger().fit(inputs, targets)
        for other in set(made) - {fitted}:
            message = f"X holds {said[other]}, but SequenceTagger was fitted on {said[fitted]}"
            with pytest.raises(TypeError, match=message):
                model.predict(made[other][0])
        with pytest.raises(TypeError, match="X is 'ab', a single text; give a list of texts"):
            model.predict("ab")
        with pytest.raises(ValueError, match="X: found array with 0 sample"):
            model.predict([])
        with pytest.raises(ValueError, match="y holds no label"):
            model.evaluate(inputs, [[None] * n for n in LENGTHS])
    with pytest.raises(TypeError, match="X holds texts, but SignalRegressor reads numbers"):
        SignalRegressor().fit(X, [[1.0] * n for n in LENGTHS])


VALIDATION: dict[str, tuple[Any, Any, type[Exception], str]] = {
    "unknown": (X, [["Z"] * n for n in LENGTHS], ValueError, "y holds the label 'Z', which is not"),
    "another kind": (X, [[1] * n for n in LENGTHS], TypeError, "y holds labels such as 1, which d"),
    "a label a sequence": (X, ["V"] * 10, ValueError, r"y\[0\] is the text 'V', not a list"),
    "shorter": (X, [*Y[:2], Y[2][1:], *Y[3:]], ValueError, r"X\[2\] has 12 steps and y\[2\] 11"),
    "too few": (X, Y[:-1], ValueError, "Found input variables with inconsistent"),
    "words": ([["a"]], [["V"]], TypeError, "X holds words, but SequenceTagger was fitted on texts"),
}


@pytest.mark.parametrize("case", VALIDATION)
def test_what_is_wrong_with_validation_data_is_said_of_it(case: str) -> None:
    inputs, targets, kind, said = VALIDATION[case]
    with pytest.raises(kind, match=f"^validation_data: {said}"):
        tagger(max_epochs=1).fit(X, Y, validation_data=(inputs, targets))
