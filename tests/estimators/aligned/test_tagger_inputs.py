"""What a tagger reads of a character, a word and its parts."""

from __future__ import annotations

import numpy as np
import pandas as pd
from aligned_problems import (
    characters,
    tagger,
    words,
)


def test_characters_are_read_as_they_are() -> None:
    X = ["aA İ\n", "é a\u0301"]
    model = tagger().fit(X, [list("12345"), list("1234")])
    assert [len(row) for row in model.predict(X)] == [5, 4]
    rare = tagger(min_count=2).fit(["aab"], [["x", "x", "y"]])
    assert rare.vocabulary_ is not None
    assert rare.vocabulary_.symbols == ("<unk>", "a")


def test_sentences_of_any_kind_give_the_same_bits() -> None:
    X, y = words()
    expected = tagger().fit(X, y)
    arrays = np.array([*map(np.array, X), None], dtype=object)[:-1]
    for same in (tuple(map(tuple, X)), arrays, [pd.Series(row) for row in X]):
        model = tagger().fit(same, y)
        np.testing.assert_array_equal(model.weights_, expected.weights_)
        assert model.predict(same) == expected.predict(X)
    table = np.array([["the", "dog"], ["Dogs", "walking"]])
    labels = [["DET", "NOUN"], ["NOUN", "VERB"]]
    made = tagger().fit(table, labels)
    np.testing.assert_array_equal(made.weights_, tagger().fit(table.tolist(), labels).weights_)


def test_the_vectors_of_words_and_of_their_parts() -> None:
    X, y = words()
    model = tagger(min_count=2, word_dropout=0.25).fit(X, y)
    assert model.words_ is not None
    sizes = model.words_.sizes
    assert model.spec_.categories[:2] == ((sizes[0], 6), (sizes[1], 6))
    assert {size for _, size in model.spec_.categories[2:]} == {3}
    assert [codes for codes, _ in model.spec_.categories] == list(sizes)
    assert model.spec_.symbol_dropout == 0.25
    characters_model = tagger(word_dropout=0.25).fit(*characters())
    assert characters_model.spec_.symbol_dropout == 0.25


def test_an_unseen_word_is_read_by_its_end() -> None:
    X, y = words()
    model = tagger(max_epochs=80, learning_rate=0.03, word_dropout=0.3).fit(X, y)
    assert model.predict([["the", "talking"]]) == [["DET", "VERB"]]
