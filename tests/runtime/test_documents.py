from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unrolled.runtime import documents
from unrolled.runtime.documents import (
    FormatError,
    check_identity,
    check_plain,
    check_seal,
    dump_document,
    identify,
    parse_document,
    seal,
)

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**200), 2**200)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXT, inner, max_size=5),
    max_leaves=10,
)


def same(left: object, right: object) -> bool:
    # repr tells -0.0 from 0.0, 1 from 1.0 and True from 1.
    return repr(left) == repr(right)


@given(st.dictionaries(TEXT, PLAIN, max_size=5))
def test_documents_come_back_exactly(document: dict[str, Any]) -> None:
    raw = dump_document(document)
    assert same(parse_document(raw, "it"), document)
    assert same(json.loads(raw), document)


def test_documents_are_readable_lines() -> None:
    numbers = [0.1] * 100
    text = dump_document({"a": {"numbers": numbers, "b": [1, {"c": "é"}]}}).decode()
    assert text.splitlines()[0] == "{"
    assert f'    "numbers": {numbers},' in text.splitlines()
    assert '    "b": [1, {"c": "é"}]' in text.splitlines()
    assert text.endswith("}\n")


def loop() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"a": (1, 2)}, r"\['a'\] is a tuple"),
        ({"a": [1, {3: 4}]}, r"\['a'\]\[1\] has the key 3"),
        ({"a": np.int64(3)}, "int64"),
        ({"a": np.zeros(2)}, "ndarray"),
        ({"a": {1, 2}}, "set"),
        ({"a": b"x"}, "bytes"),
        ({"a": math.nan}, "nan"),
        ({"a": [math.inf]}, r"\['a'\]\[0\] is inf"),
        ({"a": 10**5000}, "bits"),
        ({"a": "\ud800"}, "Unicode"),
        ({"a": ["\ud800"]}, "Unicode"),
        ({"\udfff": 1}, "Unicode"),
        ({"a": loop()}, "nested deeper"),
    ],
)
def test_what_json_would_bend_is_not_written(value: Any, said: str) -> None:
    with pytest.raises(FormatError, match=said) as error:
        dump_document(value)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 400


def nested(levels: int, opening: str = "[", closing: str = "]") -> str:
    return '{"a": ' + opening * levels + "0" + closing * levels + "}"


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b'{"a": 1', "not JSON"),
        (b'{"a": 1} x', "not JSON"),
        (b"[1]", "list, not an object"),
        (b'"a"', "str, not an object"),
        (b"\xff{}", "UTF-8 at byte 0"),
        (b'{"a": "\xc3"}', "UTF-8 at byte 7"),
        ("\ufeff{}".encode(), "BOM|not JSON"),
        (b'{"a": 1, "a": 1}', "'a' twice"),
        (b'{"b": {"a": 1, "a": 2}}', "'a' twice"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": [Infinity]}', "Infinity"),
        (b'{"a": -Infinity}', "-Infinity"),
        (b'{"a": 1e999}', "1e999"),
        (b'{"a": ' + b"9" * 129 + b"}", "129 digits"),
        (b'{"a": ' + b"9" * 100_000 + b"}", "100000 digits"),
        (b'{"a": 0.' + b"9" * 5000 + b"}", "5002 digits"),
        (b'{"a": "\\ud800"}', "Unicode"),
        (b'{"a": "tab\there"}', "not JSON"),
        (nested(32).encode(), "32 levels"),
        (nested(100_000).encode(), "32 levels"),
        (nested(100_000, '{"b":', "}").encode(), "32 levels"),
        (('{"\\\\": "\\"", "a": ' + "[" * 90_000).encode(), "32 levels"),
        (b'{"a\\\\": ' + b"[" * 90_000 + b'"x"', "32 levels"),
        (b"[" * 1_000_000, "32 levels"),
        (b'{"a": [' + b"[]," * 1_000_000 + b"0]}", "1000000 objects"),
        (b"\x00" * 100, "not JSON"),
    ],
)
def test_what_is_not_strict_json_is_not_read(raw: bytes, said: str) -> None:
    with pytest.raises(FormatError, match=said) as error:
        parse_document(raw, "it")
    assert str(error.value).startswith("it")
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 300


def test_brackets_in_strings_are_no_nesting() -> None:
    document = {"a": "[" * 1000 + '"' + "{" * 1000 + "\\", "b": ["\\[\\", '\\"[' * 50]}
    assert parse_document(dump_document(document), "it") == document
    assert parse_document(nested(31).encode(), "it")["a"]


def test_depth_is_the_same_in_both_directions() -> None:
    value: Any = 0
    for _ in range(documents.MAX_DEPTH - 1):
        value = [value]
    document = {"a": value}
    assert parse_document(dump_document(document), "it") == document
    with pytest.raises(FormatError, match="nested"):
        check_plain({"a": [document]})


def test_seal_finds_every_changed_byte() -> None:
    document = {**identify("test", 1), "note": "0" * 80}
    head, rest = dump_document(document), b"behind"
    sealed = seal(head, rest)
    assert len(sealed) == len(head)
    read = parse_document(sealed, "it")
    check_seal(read, sealed, rest)
    assert read["note"] == "0" * 80
    with pytest.raises(FormatError, match="checksum"):
        check_seal(read, sealed, b"behinD")
    for i in range(len(sealed)):
        changed = bytearray(sealed)
        changed[i] ^= 1
        try:
            other = parse_document(bytes(changed), "it")
        except FormatError:
            continue
        with pytest.raises(FormatError, match="checksum"):
            check_seal(other, bytes(changed), rest)


@pytest.mark.parametrize("digest", [None, 3, "", "0" * 63, "G" * 64, "A" * 64, ["0" * 64]])
def test_seal_must_be_a_digest(digest: Any) -> None:
    with pytest.raises(FormatError, match="lacks its sha256"):
        check_seal({"sha256": digest}, b"")


def test_seal_must_be_written_plainly() -> None:
    digits = "\\u0061" + "b" * 63
    raw = b'{"sha256": "' + digits.encode() + b'"}'
    with pytest.raises(FormatError, match="plain digits"):
        check_seal(parse_document(raw, "it"), raw)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format": "other"}, "'other', not \"test\""),
        ({"format": None}, "None"),
        ({"format_version": 3, "written_by": "unrolled 9.9"}, "unrolled 9.9.*upgrade"),
        ({"format_version": 0}, "no version"),
        ({"format_version": -1}, "no version"),
        ({"format_version": True}, "no version"),
        ({"format_version": "2"}, "no version"),
        ({"format_version": 2.0}, "no version"),
        ({"format_version": None}, "no version"),
    ],
)
def test_identity(changes: dict[str, Any], said: str) -> None:
    document = identify("test", 2)
    check_identity(document, "test", 2)
    check_identity({**document, "format_version": 1}, "test", 2)
    with pytest.raises(FormatError, match=said):
        check_identity({**document, **changes}, "test", 2)
