"""Texts to tokens."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

from unrolled.data import encode
from unrolled.data.text import as_texts, is_sentences, is_texts
from unrolled.runtime.transforms import Vocabulary

TEXTS = ["the cat sat", "the end", "a dog"]


def test_tokens_follow_the_vocabulary() -> None:
    vocabulary = Vocabulary.fit(TEXTS[:2], unit="word")
    sequences = encode(TEXTS, vocabulary)
    assert sequences.values.dtype == np.int64
    np.testing.assert_array_equal(sequences.lengths, [3, 2, 2])
    np.testing.assert_array_equal(sequences.starts, [0, 3, 5])
    assert [vocabulary.decode(tokens) for tokens in sequences][:2] == TEXTS[:2]
    np.testing.assert_array_equal(sequences[2], [0, 0])
    letters = encode(TEXTS, Vocabulary.fit(TEXTS, unit="character"))
    np.testing.assert_array_equal(letters.lengths, [len(text) for text in TEXTS])


@pytest.mark.parametrize("kind", [list, tuple, np.array, pd.Series, pl.Series])
def test_any_collection_of_strings(kind: type) -> None:
    assert is_texts(kind(TEXTS))
    assert as_texts(kind(TEXTS)) == TEXTS


@pytest.mark.parametrize(
    "X",
    [
        *("text", b"text", None, 3, [], [1.0], [b"a"], [["a", "b"]]),
        *(np.ones(3), np.array([["a"]]), np.array(3.0), pd.DataFrame({"a": TEXTS})),
    ],
    ids=repr,
)
def test_what_is_no_collection_of_texts(X: object) -> None:
    assert not is_texts(X)


@pytest.mark.parametrize("kind", [list, tuple, np.array, pd.Series])
def test_lists_of_words_are_no_texts(kind: type) -> None:
    words = [["a", "b"], ["c", "d"]]
    assert is_sentences(kind(words))
    assert is_sentences([[], ["a"]])
    assert not is_texts(kind(words))


@pytest.mark.parametrize(
    "X",
    [
        *("text", b"text", None, 3, [], [[]], [1.0], [[1.0]], ["ab"], iter([["a"]])),
        *(np.ones((3, 3)), np.array("a"), np.array(["a"]), pd.DataFrame({"a": TEXTS})),
        [pd.DataFrame({"a": TEXTS})],
    ],
    ids=repr,
)
def test_what_is_no_list_of_words(X: object) -> None:
    assert not is_sentences(X)


def test_errors() -> None:
    vocabulary = Vocabulary.fit(TEXTS)
    with pytest.raises(ValueError, match=r"^X\[1\] is ' ', a text without a word; drop it"):
        encode(["a", " "], vocabulary)
    with pytest.raises(ValueError, match=r"^reviews\[0\] is '', a text without a word"):
        encode([""], vocabulary, name="reviews")
    with pytest.raises(ValueError, match=r"^X holds no texts"):
        encode([], vocabulary)
    with pytest.raises(TypeError, match=r"^X is one str; pass a list of texts\.$"):
        encode("the cat", vocabulary)
    with pytest.raises(TypeError, match=r"^X\[1\] must be a text, got NoneType None\.$"):
        encode(["a", None], vocabulary)


def test_what_can_be_read_only_once_is_refused_before_an_item_is_lost() -> None:
    for texts in (iter(TEXTS), (text for text in TEXTS)):
        with pytest.raises(TypeError, match=r"which can be read only once; pass list\(X\)\.$"):
            is_texts(texts)
        assert list(texts) == TEXTS
