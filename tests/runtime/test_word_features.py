from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unrolled.runtime import word_features
from unrolled.runtime.word_features import WordFeatures, shape

SENTENCES = [["The", "cats", "sat", "."], ["the", "Cats", "ran", "."], ["bats", "ran", "10-20"]]


def one_sentence(error: pytest.ExceptionInfo[Exception]) -> bool:
    text = str(error.value)
    return "\n" not in text and 10 < len(text) < 300


@pytest.mark.parametrize(
    ("word", "squeezed"),
    [
        ("the", "x"),
        ("Xxx-dd", "Xx-x"),
        ("Abc-12", "Xx-d"),
        ("McGee-10", "XxXx-d"),
        ("U.S.", "X.X."),
        ("...", "."),
        ("1,000.50", "d,d.d"),
        ("Straße", "Xx"),
        ("Ωμέγα", "Xx"),
        ("日本", "x"),
        ("٣", "d"),
    ],
)
def test_shapes(word: str, squeezed: str) -> None:
    assert shape(word) == squeezed


def test_columns_by_hand() -> None:
    features = WordFeatures.fit(SENTENCES, prefixes=(1,), suffixes=(3, 2))
    assert features.names == ("word", "lower", "prefix1", "suffix2", "suffix3", "shape")
    words = (".", "ran", "10-20", "Cats", "The", "bats", "cats", "sat", "the")
    assert features.symbols[0] == words
    assert features.symbols[1] == (".", "cats", "ran", "the", "10-20", "bats", "sat")
    # Those that come once are left out: 1, b, s of the prefixes.
    assert features.symbols[2] == (".", "c", "r", "t")
    assert features.symbols[3] == ("ts", ".", "an", "he")
    assert features.symbols[4] == ("ats", ".", "ran", "the")
    assert features.symbols[5] == ("x", ".", "Xx")
    assert features.sizes == (10, 8, 5, 5, 5, 4)
    codes = features.encode(["Cats", "THE", "dots", "10-20", "I"])
    assert codes.dtype == np.float32
    assert codes.tolist() == [
        [4, 2, 2, 1, 1, 3],
        [0, 4, 4, 4, 4, 0],
        [0, 0, 0, 1, 0, 1],
        [3, 5, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0],
    ]


def test_defaults() -> None:
    features = WordFeatures.fit(SENTENCES)
    assert features.names == (
        *("word", "lower", "prefix1", "prefix2", "prefix3"),
        *("suffix1", "suffix2", "suffix3", "suffix4", "shape"),
    )
    assert features.encode([]).shape == (0, 10)
    assert features.encode(("a",)).shape == (1, 10)
    assert features.encode(np.array(["the", "cats"])).shape == (2, 10)


def test_min_count_is_of_words() -> None:
    features = WordFeatures.fit(SENTENCES, min_count=2)
    assert features.symbols[0] == (".", "ran")
    assert features.symbols[1] == (".", "cats", "ran", "the")
    assert features.symbols[2:] == WordFeatures.fit(SENTENCES).symbols[2:]


def test_fit_goes_once_through_sentences() -> None:
    def sentences() -> Iterator[list[str]]:
        yield from SENTENCES

    assert WordFeatures.fit(sentences()) == WordFeatures.fit(SENTENCES)


@given(
    st.lists(st.lists(st.text(st.characters(exclude_categories=("Cs",)), min_size=1)), min_size=1)
)
def test_codes_lie_in_their_columns_and_name_their_symbols(sentences: list[list[str]]) -> None:
    features = WordFeatures.fit([*sentences, ["a"]], prefixes=(), suffixes=(2,))
    for sentence in sentences:
        codes = features.encode(sentence)
        assert (codes < features.sizes).all()
        assert (codes >= 0).all()
        assert [features.symbols[0][int(code) - 1] for code in codes[:, 0]] == sentence


def test_round_trip() -> None:
    features = WordFeatures.fit(SENTENCES, prefixes=(2,), suffixes=())
    again = WordFeatures.from_config(json.loads(json.dumps(features.to_config())))
    assert again == features
    np.testing.assert_array_equal(again.encode(["The", "x"]), features.encode(["The", "x"]))


@pytest.mark.parametrize(
    ("arguments", "kind", "said"),
    [
        ({"sentences": "the cat"}, TypeError, "single string"),
        ({"sentences": [["a"], "the cat"]}, TypeError, r"sentences\[1\] is 'the cat'"),
        ({"sentences": [None]}, TypeError, r"sentences\[0\] is None"),
        ({"sentences": [["a", 3]]}, TypeError, r"sentences\[0\]\[1\] is 3"),
        ({"sentences": [["a", ""]]}, ValueError, r"sentences\[0\]\[1\] is an empty"),
        ({"sentences": []}, ValueError, "no word"),
        ({"sentences": [[]]}, ValueError, "no word"),
        ({"sentences": [["a\ud800"]]}, ValueError, "UTF-8"),
        ({"min_count": 0}, ValueError, "min_count"),
        ({"min_count": "1"}, TypeError, "min_count"),
        ({"prefixes": (0,)}, ValueError, "prefixes"),
        ({"suffixes": (1.5,)}, TypeError, "suffixes"),
        ({"suffixes": (33,)}, ValueError, "suffixes"),
        ({"suffixes": range(1, 20)}, ValueError, "at most 16"),
    ],
)
def test_fit_refuses(arguments: dict[str, Any], kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said) as error:
        WordFeatures.fit(**{"sentences": SENTENCES, **arguments})
    assert one_sentence(error)


@pytest.mark.parametrize(
    ("words", "kind"),
    [("cats", TypeError), (["a", 1], TypeError), ([""], ValueError), (3, TypeError)],
)
def test_encode_refuses(words: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind, match="words") as error:
        WordFeatures.fit(SENTENCES).encode(words)
    assert one_sentence(error)


def config(**changes: Any) -> dict[str, Any]:
    return {"prefixes": [1], "suffixes": [], "symbols": [["a"], ["a"], ["a"], ["x"]], **changes}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (None, "mapping"),
        ({}, "lacks prefixes"),
        (config(extra=1), "extra"),
        (config(prefixes=1), "list of prefixes"),
        (config(prefixes=[2, 1]), "rising"),
        (config(prefixes=[1, 1]), "rising"),
        (config(prefixes=[True]), "whole numbers"),
        (config(prefixes=["1"]), "whole numbers"),
        (config(prefixes=[[1]]), "whole numbers"),
        (config(prefixes=[10**9000]), "1 to 32"),
        (config(suffixes=[1]), "5 columns, not 4"),
        (config(symbols={}), "list of symbols"),
        (config(symbols=[["a"], ["a"], ["a"], "x"]), "lists of symbols"),
        (config(symbols=[["a"], ["a"], ["a"], [3]]), "symbol 1 of the word feature shape is 3"),
        (config(symbols=[["a"], ["a"], ["a"], [["x"]]]), "symbol 1 of the word feature shape"),
        (config(symbols=[["a"], ["a", ""], ["a"], []]), "symbol 2 of the word feature lower"),
        (config(symbols=[["b", "a", "b"], [], [], []]), "word holds 'b' twice"),
    ],
)
def test_from_config_refuses(changed: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said) as error:
        WordFeatures.from_config(changed)
    assert one_sentence(error)


def test_too_many_symbols(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(word_features, "MAX_SYMBOLS", 3)
    with pytest.raises(ValueError, match="a higher min_count brings about"):
        WordFeatures.from_config(config())
