from __future__ import annotations

import copy
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unrolled.runtime import subwords
from unrolled.runtime.subwords import Subwords

pytest.importorskip("tokenizers")

TEXTS = ["the cat sat on the mat,\n\n  the cats sat\n", "a naïve 日本 cat 😀 sat"] * 3


def one_sentence(error: pytest.ExceptionInfo[Exception]) -> bool:
    text = str(error.value)
    return "\n" not in text and 10 < len(text) < 300


@pytest.fixture(scope="module")
def known() -> Subwords:
    return Subwords.fit(TEXTS, size=280)


def test_symbols(known: Subwords) -> None:
    assert (known.unit, known.end, known.lowercase) == ("subword", True, False)
    assert known.symbols[:2] == ("<unk>", "<end>")
    assert len(known) == len(known.symbols) == len(set(known.symbols)) == 280
    assert {"!", "a", " ", "\n", "\\xe6", " sat", " the", " cat"} <= set(known.symbols)
    # A word is joined to the white space before it, a line end to nothing.
    assert not any("\n" in symbol and symbol != "\n" for symbol in known.symbols)
    assert not any(symbol.endswith(" ") and symbol.strip() for symbol in known.symbols)


def test_encoding_by_symbols(known: Subwords) -> None:
    tokens = known.encode("a cat\n sat")
    assert tokens.dtype == np.int64
    assert [known.symbols[i] for i in tokens] == ["a", " cat", "\n", " sat"]
    assert known.encode("").shape == (0,)
    assert known.decode([]) == ""


def test_no_text_gives_unknown_or_end(known: Subwords) -> None:
    for text in ("<unk>", "a <end> b<end>", "☃"):
        tokens = known.encode(text)
        assert tokens.min() >= 2
        assert known.decode(tokens) == text
    cat = known.encode(" cat").tolist()
    assert known.decode([1, *cat, 1, 0, *cat]) == "<end> cat<end><unk> cat"


@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=60))
def test_any_text_comes_back(known: Subwords, text: str) -> None:
    tokens = known.encode(text)
    assert known.decode(tokens) == text
    assert "".join(known.symbols[i] for i in tokens).isascii() or text.strip()


@given(st.text("ab. \n\té", max_size=60), st.text("ab. \n\té", max_size=60))
def test_pieces_that_end_with_a_line_have_the_symbols_of_the_text(
    known: Subwords, first: str, second: str
) -> None:
    for one, two in ((first + "\n", second), (first + "a", " " + second)):
        parts = [*known.encode(one), *known.encode(two)]
        assert parts == known.encode(one + two).tolist()


def test_a_character_that_is_not_whole() -> None:
    known = Subwords.fit(["a"], size=258)
    assert len(known) == 258
    tokens = known.encode("日a")
    assert len(tokens) == 4
    assert known.decode(tokens[:2]) == "\ufffd"
    assert known.decode(tokens[3:]) == "a"


def test_size_and_order() -> None:
    assert len(Subwords.fit(TEXTS, size=260)) == 260
    assert Subwords.fit(TEXTS, size=260) != Subwords.fit(TEXTS, size=261)
    assert Subwords.fit(TEXTS, size=300) == Subwords.fit(iter(TEXTS), size=300)


def test_lowercase() -> None:
    known = Subwords.fit(["The THE the"] * 3, size=300, lowercase=True)
    assert known.decode(known.encode("THE")) == "the"
    assert " the" in known.symbols
    assert not any(letter.isupper() for symbol in known.symbols[258:] for letter in symbol)


def test_round_trip(known: Subwords) -> None:
    config = json.loads(json.dumps(known.to_config()))
    assert set(config) == {"tokenizer", "unit", "lowercase"}
    assert config["unit"] == "subword"
    for again in (Subwords.from_config(config), copy.deepcopy(known)):
        assert again == known
        assert again.symbols == known.symbols
        for text in TEXTS:
            np.testing.assert_array_equal(again.encode(text), known.encode(text))


def test_a_play(data_folder: Callable[[str], Path]) -> None:
    text = (data_folder("tinyshakespeare") / "input.txt").read_text()[:200_000]
    known = Subwords.fit([text], size=1000)
    tokens = known.encode(text)
    assert len(known) == 1000
    assert len(tokens) < 0.5 * len(text)
    assert known.decode(tokens) == text


def test_without_the_library(monkeypatch: pytest.MonkeyPatch, known: Subwords) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    for call in (lambda: Subwords.fit(TEXTS), lambda: Subwords.from_config(known.to_config())):
        with pytest.raises(
            ModuleNotFoundError, match=r"run: pip install 'unrolled\[text\]'$"
        ) as error:
            call()
        assert error.value.name == "tokenizers"
        assert one_sentence(error)


def unwilling() -> Iterator[str]:
    yield "a"
    raise OSError("the disk is gone")


@pytest.mark.parametrize(
    ("arguments", "kind", "said"),
    [
        ({"texts": "one string"}, TypeError, "single string"),
        ({"texts": ["a", 3]}, TypeError, r"texts\[1\] is 3"),
        ({"texts": unwilling()}, OSError, "the disk is gone"),
        ({"texts": []}, ValueError, "no characters"),
        ({"texts": [""]}, ValueError, "no characters"),
        ({"texts": ["a\ud800"]}, ValueError, r"texts\[0\] holds half of a surrogate pair"),
        ({"size": 257}, ValueError, "size needs a whole number of at least 258"),
        ({"size": 1e3}, TypeError, "size"),
        ({"size": 10**8}, ValueError, "too large"),
        ({"lowercase": 1}, ValueError, "lowercase"),
    ],
)
def test_fit_refuses(arguments: dict[str, Any], kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said) as error:
        Subwords.fit(**{"texts": TEXTS, **arguments})
    assert one_sentence(error)


def test_encode_and_decode_refuse(known: Subwords) -> None:
    with pytest.raises(ValueError, match="half of a surrogate pair"):
        known.encode("a\udfff")
    for tokens in ([-1], [len(known)], [0.5], [[1]]):
        with pytest.raises(ValueError, match="tokens"):
            known.decode(tokens)


def changed(known: Subwords, change: Callable[[Any], object]) -> dict[str, Any]:
    config = known.to_config()
    held = json.loads(config["tokenizer"])
    change(held)
    return {**config, "tokenizer": json.dumps(held)}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda held: held.clear(), "no JSON of byte-pair encoding"),
        (lambda held: held.update(model=[]), "no JSON of byte-pair encoding"),
        (lambda held: held["model"].update(vocab=3), "no JSON of byte-pair encoding"),
        (lambda held: held["model"].update(merges=["abc"]), "no JSON of byte-pair encoding"),
        (lambda held: held["model"]["vocab"].update(a="x"), "no JSON of byte-pair encoding"),
        (lambda held: held["model"].update(type="WordPiece"), "another one"),
        (lambda held: held.update(normalizer={"type": "NFC"}), "another one"),
        (lambda held: held.update(added_tokens=[{"id": 0}]), "another one"),
        (lambda held: held["model"]["vocab"].update(a=0), "numbered from 0"),
        (lambda held: held["model"]["vocab"].update(a=-1), "numbered from 0"),
        (lambda held: held["model"]["vocab"].update(a=10**30), "numbered from 0"),
        (lambda held: held["model"]["vocab"].popitem(), "numbered from 0|merges that do not fit"),
        (lambda held: held["model"].update(vocab={"a": 0}), "lacks bytes"),
        (lambda held: held["model"]["vocab"].update({"日": 278}), "no row of bytes"),
        (lambda held: held["model"]["vocab"].update({"": 278}), "no row of bytes"),
        (lambda held: held["model"]["merges"].append(["q", "q"]), "merges that do not fit"),
        (lambda held: held["model"]["merges"].append([1, 2]), "merges that do not fit"),
    ],
)
def test_another_tokenizer_is_refused(
    known: Subwords, change: Callable[[Any], object], said: str
) -> None:
    assert len(known) == 280, "278 is the first number that is not taken"
    with pytest.raises(ValueError, match=said) as error:
        Subwords.from_config(changed(known, change))
    assert one_sentence(error)


def config(**changes: Any) -> dict[str, Any]:
    return {"tokenizer": "{}", "unit": "subword", "lowercase": False, **changes}


@pytest.mark.parametrize(
    ("changed_config", "said"),
    [
        (None, "mapping"),
        ({"unit": "subword", "lowercase": False}, "lacks tokenizer"),
        (config(tokenizer="{"), "no JSON of byte-pair encoding"),
        (config(tokenizer="[" * 100_000), "no JSON of byte-pair encoding"),
        (config(tokenizer={}), "JSON text"),
        (config(unit="word"), "unit of subwords"),
        (config(lowercase=0), "lowercase"),
        (config(more=1), "more"),
    ],
)
def test_from_config_refuses(changed_config: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said) as error:
        Subwords.from_config(changed_config)
    assert one_sentence(error)


def test_the_table_of_bytes_is_the_librarys() -> None:
    from tokenizers.pre_tokenizers import ByteLevel

    table = subwords._bytes_of_letters()
    assert sorted(table) == sorted(ByteLevel.alphabet())
    assert sorted(table.values()) == list(range(256))
