from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unrolled.runtime import transforms, vocabulary
from unrolled.runtime.vocabulary import Vocabulary


def one_sentence(error: pytest.ExceptionInfo[Exception]) -> bool:
    text = str(error.value)
    return "\n" not in text and 10 < len(text) < 300


TEXTS = ["the cat sat, the cat ran", "A cat! The dog..."]


def test_vocabulary_orders_by_falling_count_then_alphabet() -> None:
    known = Vocabulary.fit(TEXTS)
    assert known.symbols == (
        *("<unk>", ".", "cat", "the", "!", ",", "A", "The", "dog", "ran", "sat"),
    )
    assert len(known) == 11
    lower = Vocabulary.fit(TEXTS, lowercase=True)
    assert lower.symbols[:4] == ("<unk>", ".", "cat", "the")
    assert lower.encode("THE Cat").tolist() == [3, 2]


def test_vocabulary_min_count_and_max_size() -> None:
    assert Vocabulary.fit(TEXTS, min_count=2).symbols == ("<unk>", ".", "cat", "the")
    assert Vocabulary.fit(TEXTS, max_size=3).symbols == ("<unk>", ".", "cat")
    assert len(Vocabulary.fit(TEXTS, max_size=10_000)) == 11


def test_vocabulary_encodes_and_decodes() -> None:
    known = Vocabulary.fit(TEXTS)
    tokens = known.encode("the bird sat")
    assert tokens.dtype == np.int64
    assert tokens.tolist() == [3, 0, 10]
    assert known.decode(tokens) == "the <unk> sat"
    assert known.encode("").shape == (0,)
    assert known.decode([]) == ""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't go.", ["Don", "'", "t", "go", "."]),
        ("  a\tb\n\nc\u00a0d ", ["a", "b", "c", "d"]),
        ("3.14 x_1", ["3", ".", "14", "x_1"]),
        ("<unk>", ["<", "unk", ">"]),
        ("naïve Straße", ["naïve", "Straße"]),
        ("cafe\u0301!", ["cafe\u0301", "!"]),
        ("हिन्दी किताब", ["हिन्दी", "किताब"]),
        ("می‌خواهم", ["می‌خواهم"]),
        ("日本。語", ["日本", "。", "語"]),
        ("I❤️you", ["I", "❤️", "you"]),
        ("", []),
        (" \n", []),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert Vocabulary(("<unk>",), "word", False).split(text) == words


@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=40))
def test_splitting_loses_nothing_but_white_space(text: str) -> None:
    words = Vocabulary(("<unk>",), "word", False).split(text)
    assert "".join(words) == "".join(text.split())
    assert all(words)
    assert Vocabulary(("<unk>",), "character", False).split(text) == list(text)


@given(st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=40))
def test_characters_round_trip(text: str) -> None:
    known = Vocabulary.fit([text], unit="character")
    assert known.decode(known.encode(text)) == text


@pytest.mark.parametrize("unit", ["word", "character"])
def test_vocabulary_round_trip(unit: str) -> None:
    known = Vocabulary.fit([*TEXTS, 'é "日本" \\ \x00'], unit=unit, lowercase=True)
    again = Vocabulary.from_config(json.loads(json.dumps(known.to_config())))
    assert again == known
    assert again.encode("the é").tolist() == known.encode("the é").tolist()


@pytest.mark.parametrize(
    ("arguments", "kind", "said"),
    [
        ({"texts": "one string"}, TypeError, "single string"),
        ({"texts": ["a", 3]}, TypeError, r"texts\[1\] is 3"),
        ({"texts": ["a", None]}, TypeError, r"texts\[1\] is None"),
        ({"texts": []}, ValueError, "no word"),
        ({"texts": ["  "]}, ValueError, "no word"),
        ({"texts": ["a b"], "min_count": 2}, ValueError, "min_count"),
        ({"texts": ["a"], "min_count": 0}, ValueError, "min_count"),
        ({"texts": ["a"], "min_count": 1.5}, TypeError, "min_count"),
        ({"texts": ["a"], "min_count": True}, TypeError, "min_count"),
        ({"texts": ["a"], "max_size": 1}, ValueError, "max_size"),
        ({"texts": ["a"], "unit": "letter"}, ValueError, "unit"),
        ({"texts": ["a"], "lowercase": 1}, ValueError, "lowercase"),
        ({"texts": ["a"], "lines": 1}, ValueError, "lines"),
        ({"texts": ["a"], "end": 1}, ValueError, "end"),
        ({"texts": ["<unk> <end>"], "unit": "token", "end": True}, ValueError, "no token"),
        ({"texts": ["a\ud800"], "unit": "character"}, ValueError, "UTF-8"),
    ],
)
def test_vocabulary_fit_refuses(
    arguments: dict[str, Any], kind: type[Exception], said: str
) -> None:
    with pytest.raises(kind, match=said) as error:
        Vocabulary.fit(**arguments)
    assert one_sentence(error)


@pytest.mark.parametrize("tokens", [[-1], [11], [0.5], [[1]], 3])
def test_vocabulary_decode_refuses(tokens: Any) -> None:
    with pytest.raises(ValueError, match="tokens") as error:
        Vocabulary.fit(TEXTS).decode(tokens)
    assert one_sentence(error)


def vocabulary_config(**changes: Any) -> dict[str, Any]:
    return {"symbols": ["<unk>", "a"], "unit": "word", "lowercase": False, **changes}


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (None, "mapping"),
        ({}, "lacks symbols"),
        (vocabulary_config(extra=1), "extra"),
        (vocabulary_config(symbols="<unk>"), "list"),
        (vocabulary_config(symbols=[]), "0 symbols"),
        (vocabulary_config(symbols=["a", "<unk>"]), "symbol 0"),
        (vocabulary_config(symbols=[3, "a"]), "symbol 0"),
        (vocabulary_config(symbols=["<unk>", 3]), "symbol 1"),
        (vocabulary_config(symbols=["<unk>", ["a"]]), "symbol 1"),
        (vocabulary_config(symbols=["<unk>", {}]), "symbol 1"),
        (vocabulary_config(symbols=["<unk>", ""]), "symbol 1"),
        (vocabulary_config(symbols=["<unk>", "\udfff"]), "UTF-8"),
        (vocabulary_config(symbols=["<unk>", "a", "b", "a"]), "'a' twice"),
        (vocabulary_config(symbols=["<unk>", "<unk>"]), "twice"),
        (vocabulary_config(symbols=["<unk>", "ab"], unit="character"), "one character"),
        (vocabulary_config(unit="letter"), "unit"),
        (vocabulary_config(unit=["word"]), "unit"),
        (vocabulary_config(lowercase=0), "lowercase"),
        (vocabulary_config(lowercase="yes"), "lowercase"),
        (vocabulary_config(lines=1), "lines"),
        (vocabulary_config(end="no"), "end"),
        (vocabulary_config(end=True), 'symbol 1 of a vocabulary needs to be "<end>"'),
        (vocabulary_config(end=True, symbols=["<unk>"]), "not left out"),
        (vocabulary_config(end=True, symbols=["<unk>", "<end>", "<end>"]), "twice"),
        (vocabulary_config(unit="token", symbols=["<unk>", "a b"]), "no white space"),
        (vocabulary_config(unit="token", symbols=["<unk>", "\n"]), "no white space"),
    ],
)
def test_vocabulary_from_config_refuses(config: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said) as error:
        Vocabulary.from_config(config)
    assert one_sentence(error)


def test_vocabulary_refuses_too_many_symbols(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vocabulary, "MAX_SYMBOLS", 5)
    with pytest.raises(ValueError, match="a higher min_count brings about"):
        Vocabulary.fit(TEXTS)
    assert len(Vocabulary.fit(TEXTS, max_size=5)) == 5


def test_old_imports_find_it() -> None:
    assert transforms.Vocabulary is Vocabulary


def test_tokens_stand_between_white_space() -> None:
    known = Vocabulary.fit(["N 's <unk> a.b\tN\n the"], unit="token")
    assert known.symbols == ("<unk>", "N", "'s", "a.b", "the")
    assert known.encode("a.b\n<unk> N N. <end>").tolist() == [3, 0, 1, 0, 0]
    assert known.decode([1, 2, 0]) == "N 's <unk>"


LINES = "the cat\n\nran .\r\n the dog\n"


@pytest.mark.parametrize("unit", ["word", "token"])
def test_line_ends_as_symbols(unit: str) -> None:
    known = Vocabulary.fit([LINES], unit=unit, lines=True)
    assert known.symbols == ("<unk>", "\n", "the", ".", "cat", "dog", "ran")
    assert known.encode(LINES).tolist() == [2, 4, 1, 1, 6, 3, 1, 2, 5, 1]
    assert known.decode(known.encode(LINES)) == "the cat\n\nran .\nthe dog\n"
    assert known.decode([1, 2, 1]) == "\nthe\n"
    without = Vocabulary.fit([LINES], unit=unit)
    assert "\n" not in without.symbols
    assert without.encode(LINES).tolist() == [1, 3, 5, 2, 1, 4]


def test_line_ends_beside_marks_of_other_scripts() -> None:
    splitter = Vocabulary(("<unk>",), "word", False, lines=True)
    assert splitter.split("cafe\u0301\n\u0301a\n日本") == [
        "cafe\u0301",
        "\n",
        "\u0301",
        "a",
        "\n",
        "日本",
    ]


@pytest.mark.parametrize("unit", ["word", "token", "character"])
def test_end_is_symbol_1_that_no_text_gives(unit: str) -> None:
    known = Vocabulary.fit(["a <end> b a a"], unit=unit, end=True)
    assert known.symbols[:2] == ("<unk>", "<end>")
    assert "a" in known.symbols
    assert 1 not in known.encode("a <end> b").tolist()
    assert known.decode([1]) == "<end>"
    ordinary = Vocabulary.fit(["<end> b"], unit="token")
    assert ordinary.encode("<end>").tolist() == [1]


def test_end_counts_in_max_size() -> None:
    known = Vocabulary.fit(TEXTS, max_size=4, end=True)
    assert known.symbols == ("<unk>", "<end>", ".", "cat")
    with pytest.raises(ValueError, match="max_size needs a whole number of at least 3"):
        Vocabulary.fit(TEXTS, max_size=2, end=True)


def test_fit_goes_once_through_pieces() -> None:
    def pieces() -> Iterator[str]:
        yield from ("the cat ", "sat, the ", "cat ran")

    assert Vocabulary.fit(pieces()) == Vocabulary.fit(TEXTS[:1])


@given(st.text(max_size=40), st.text(max_size=40), st.booleans())
def test_characters_are_found_as_by_a_dictionary(seen: str, text: str, lowercase: bool) -> None:
    seen = "a" + "".join(letter for letter in seen if not "\ud800" <= letter <= "\udfff")
    known = Vocabulary.fit([seen], unit="character", lowercase=lowercase)
    numbers = {symbol: i for i, symbol in enumerate(known.symbols)}
    tokens = known.encode(text)
    assert tokens.dtype == np.int64
    assert tokens.tolist() == [numbers.get(letter, 0) for letter in known.split(text)]


@pytest.mark.parametrize("unit", ["word", "token", "character"])
@pytest.mark.parametrize("lines", [False, True])
def test_round_trip_of_lines_and_end(unit: str, lines: bool) -> None:
    known = Vocabulary.fit([LINES], unit=unit, lines=lines, end=True)
    again = Vocabulary.from_config(json.loads(json.dumps(known.to_config())))
    assert again == known
    assert again.encode(LINES).tolist() == known.encode(LINES).tolist()


def test_config_of_before_lines_and_end_loads() -> None:
    known = Vocabulary.from_config(vocabulary_config())
    assert (known.lines, known.end) == (False, False)
    assert known.encode("a").tolist() == [1]
