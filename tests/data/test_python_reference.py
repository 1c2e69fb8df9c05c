"""Texts that come with every CPython."""

from __future__ import annotations

import importlib
import keyword
import sys
import tokenize
from pathlib import Path

import pytest

from unrolled.data import python_reference, python_tokens
from unrolled.data.python_reference import CLASSES, MODULES, token_classes

LETTERS = {
    "string": "S", "space": "_", "name": "n", "comment": "#", "operator": "o", "keyword": "k",
    "number": "1",
}  # fmt: skip


def classes(source: str) -> str:
    return "".join(LETTERS[label] for label in token_classes(source))


def test_the_reference_is_the_topics_in_order() -> None:
    from pydoc_data import topics

    text = python_reference()
    assert 400_000 < len(text) < 800_000
    assert text == python_reference()
    places = [text.index(topics.topics[name].strip("\n")) for name in ("assert", "if", "while")]
    assert places == sorted(places)
    assert all(topic.strip("\n") in text for topic in topics.topics.values())


def test_a_python_without_topics_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pydoc_data", None)
    with pytest.raises(
        ModuleNotFoundError, match=r"reads pydoc_data\.topics, which this Python was"
    ):
        python_reference()


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("x = 1", "n_o_1"),
        ("@f(0x1F)\ndef g(é): # hm\n\treturn None\n", "ono1111o_kkk_nonoo_####__kkkkkk_kkkk_"),
        # The same on every Python, though from 3.12 on an f-string is several tokens.
        ("f\"a{x!r:>{w}} {{}} {f'b{y}'}\"+z", "SSSSSSSSSSSSSSSSSSSSSSSSSSSSSon"),
        ("f'''a\n{b}''' if 1.5e3 \\\n else z", "SSSSSSSSSSSS_kk_11111_o__kkkk_n"),
        ("a = \\\n  b\n", "n_o_o___n_"),
        ('"""two\nlines"""\n', "SSSSSSSSSSSSSSS_"),
        ("a\x0c = b\n", "n__o_n_"),
        ("match = _\n", "nnnnn_o_n_"),
        ("\n\n", "__"),
        ("", ""),
    ],
)
def test_classes_are_those_of_the_tokens(source: str, wanted: str) -> None:
    assert len(wanted) == len(source)
    assert classes(source) == wanted


def test_pieces_are_the_sources_with_a_class_a_character() -> None:
    X, y = python_tokens()
    assert [len(x) for x in X] == [len(labels) for labels in y]
    assert {label for labels in y for label in labels} == set(CLASSES)
    assert max(map(len, X)) <= 300
    assert len(X) > 1000
    whole = "".join(X)
    for module in ("bisect", "json.decoder", "weakref"):
        assert module in MODULES
        file = importlib.import_module(module).__file__
        assert file is not None
        assert Path(file).read_text(encoding="utf-8") in whole
    assert all(x.endswith("\n") for x in X)
    assert whole.isascii()
    for x, labels in zip(X, y, strict=True):
        for character, label in zip(x, labels, strict=True):
            if label not in ("string", "comment"):
                assert character.isspace() == (label == "space")


def test_keywords_are_those_of_python() -> None:
    X, y = python_tokens(piece=1)
    words: dict[str, set[str]] = {}
    for x, labels in zip(X[:3000], y[:3000], strict=True):
        start = 0
        for i in range(1, len(x) + 1):
            if i == len(x) or labels[i] != labels[start]:
                words.setdefault(labels[start], set()).add(x[start:i])
                start = i
    assert words["keyword"] <= set(keyword.kwlist)
    assert not words["name"] & set(keyword.kwlist)
    # A line is a piece where pieces are shorter.
    assert all(x.count("\n") == 1 for x in X)


def test_errors_say_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    module = sys.modules["unrolled.data.python_reference"]
    with pytest.raises(ValueError, match="piece must be at least 1, got 0"):
        python_tokens(0)
    monkeypatch.setattr(module, "MODULES", ("no.such_module",))
    with pytest.raises(
        FileNotFoundError, match=r"such_module\.py, which this Python was installed"
    ):
        python_tokens()


def test_f_strings_of_several_tokens_are_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """What Python 3.12 and later give, on every Python: also a string inside a string."""
    source = "f'a{f\"{b}\"}'+c"
    kinds = {901: "FSTRING_START", 902: "FSTRING_MIDDLE", 903: "FSTRING_END"}
    for number, name in kinds.items():
        monkeypatch.setitem(tokenize.tok_name, number, name)
    parts = [
        (901, 0, 2), (902, 2, 3), (tokenize.OP, 3, 4), (901, 4, 6), (tokenize.OP, 6, 7),
        (tokenize.NAME, 7, 8), (tokenize.OP, 8, 9), (903, 9, 10), (tokenize.OP, 10, 11),
        (903, 11, 12), (tokenize.OP, 12, 13), (tokenize.NAME, 13, 14),
    ]  # fmt: skip
    tokens = [
        tokenize.TokenInfo(kind, source[start:stop], (1, start), (1, stop), source)
        for kind, start, stop in parts
    ]
    monkeypatch.setattr(tokenize, "generate_tokens", lambda readline: iter(tokens))
    assert classes(source) == "S" * 12 + "on"
