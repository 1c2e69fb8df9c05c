"""Strict JSON and its checksum: what the saved model and the checkpoint have in common.

A document is plain data (dict with string keys, list, str, int, float, bool, None). What is read
is what was written: anything that JSON or Python would bend on the way is refused in both
directions.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

MAX_DEPTH = 32
MAX_CONTAINERS = 1_000_000
MAX_DIGITS = 128
_LINE_LENGTH = 88
UNSEALED = "0" * 64

_STRING = re.compile(rb'"[^"]*"')
_NO_BRACKETS = bytes(set(range(256)) - set(b"{}[]"))
_DIGEST = re.compile(r"[0-9a-f]{64}")


class FormatError(ValueError):
    """What was read or is to be written breaks the format; the message is one sentence."""


def dump_document(document: dict[str, Any]) -> bytes:
    """A document as UTF-8 JSON: short parts and lists of numbers or strings on one line each.

    Raises:
        FormatError: reading would not give back exactly the same data.
    """
    check_plain(document)
    return (_text(document, "\n") + "\n").encode()


def parse_document(raw: bytes, name: str) -> dict[str, Any]:
    """A document from UTF-8 JSON.

    Strict JSON: no key twice, no NaN or infinity, at most MAX_DEPTH levels, MAX_CONTAINERS objects
    and lists, MAX_DIGITS digits.

    Raises:
        FormatError: it is anything else; the message starts with `name`.
    """
    _check_nesting(raw, name)
    try:
        document = json.loads(
            raw.decode(),
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_int=_whole,
            parse_float=_finite,
        )
    except FormatError as error:
        raise FormatError(f"{name} {error}") from error
    except UnicodeDecodeError as error:
        raise FormatError(f"{name} is not UTF-8 at byte {error.start}") from error
    except json.JSONDecodeError as error:
        raise FormatError(f"{name} is not JSON: {error.msg} at character {error.pos}") from error
    if not isinstance(document, dict):
        raise FormatError(f"{name} holds a {type(document).__name__}, not an object")
    try:
        check_plain(document)
    except FormatError as error:
        raise FormatError(f"{name}: {error}") from error
    return document


def check_plain(value: object, place: str = "the document", depth: int = 1) -> None:
    """Let pass what JSON keeps exactly as it is.

    Raises:
        FormatError: `value` is something else; the message says where, beginning with `place`.
    """
    if depth > MAX_DEPTH and isinstance(value, (dict, list)):
        raise FormatError(f"{place:.80} is nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise FormatError(f"{place:.200} has the key {key!r:.60}; only strings can be keys")
            _check_text(key, place)
            check_plain(item, f"{place}[{key!r:.60}]", depth + 1)
    elif isinstance(value, list):
        for i, item in enumerate(value):
            if isinstance(item, str):
                _check_text(item, place)
            else:
                check_plain(item, f"{place}[{i}]", depth + 1)
    elif isinstance(value, str):
        _check_text(value, place)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise FormatError(f"{place:.200} is {value}; only finite numbers can be kept")
    elif isinstance(value, int):
        if value.bit_length() > 3 * MAX_DIGITS:
            raise FormatError(f"{place:.200} is a whole number of {value.bit_length()} bits")
    elif value is not None:
        raise FormatError(
            f"{place:.200} is a {type(value).__name__}; dict, list, str, int, float, bool and None "
            "can be kept"
        )


def identify(format_name: str, format_version: int) -> dict[str, Any]:
    """The first entries of a document: format, version, writer, and the checksum still open."""
    return {
        "format": format_name,
        "format_version": format_version,
        "written_by": f"unrolled {_package_version()}",
        "sha256": UNSEALED,
    }


def check_identity(document: dict[str, Any], format_name: str, format_version: int) -> None:
    """Let pass a document of this format and of a version known here.

    Raises:
        FormatError: the document is another.
    """
    if document.get("format") != format_name:
        raise FormatError(f'its format is {document.get("format")!r:.60}, not "{format_name}"')
    found = document.get("format_version")
    if not isinstance(found, int) or isinstance(found, bool) or found < 1:
        raise FormatError(f"its format version is {found!r:.60}, which is no version")
    if found > format_version:
        raise FormatError(
            f"its format version {found}, written by {document.get('written_by')!r:.60}, is newer "
            f"than {format_version}, the newest that unrolled {_package_version()} reads; upgrade "
            "with `pip install --upgrade unrolled`"
        )


def seal(head: bytes, *rest: bytes | memoryview) -> bytes:
    """`head` with its open checksum, the first 64 zeros in a row, set.

    The checksum is the SHA-256 of `head` as given and of all that follows it in the file.
    """
    start = head.index(UNSEALED.encode())
    return head[:start] + sha256(head, *rest).encode() + head[start + len(UNSEALED) :]


def check_seal(document: dict[str, Any], head: bytes, *rest: bytes | memoryview) -> None:
    """Compare document["sha256"], found in `head`, with the checksum of `head` and `rest`.

    Raises:
        FormatError: it is another, or is not in `head`.
    """
    digest = document.get("sha256")
    if not isinstance(digest, str) or _DIGEST.fullmatch(digest) is None:
        raise FormatError("it lacks its sha256 checksum")
    start = head.find(digest.encode())
    if start < 0:
        raise FormatError("its sha256 checksum is not written in plain digits")
    opened = head[:start] + UNSEALED.encode() + head[start + len(digest) :]
    if sha256(opened, *rest) != digest:
        raise FormatError("its sha256 checksum does not fit: the file was damaged or changed")


def sha256(*parts: bytes | memoryview) -> str:
    """SHA-256 of the parts, one after another, as 64 hexadecimal digits."""
    total = hashlib.sha256()
    for part in parts:
        total.update(part)
    return total.hexdigest()


def _package_version() -> str:
    try:
        return version("unrolled")
    except PackageNotFoundError:
        return "from source"


def _text(value: object, line: str) -> str:
    flat = json.dumps(value, ensure_ascii=False, allow_nan=False)
    if len(flat) <= _LINE_LENGTH or not isinstance(value, (dict, list)):
        return flat
    deeper = line + "  "
    if isinstance(value, dict):
        items = [
            f"{json.dumps(key, ensure_ascii=False)}: {_text(item, deeper)}"
            for key, item in value.items()
        ]
        return "{" + deeper + ("," + deeper).join(items) + line + "}"
    if any(isinstance(item, (dict, list)) for item in value):
        return "[" + deeper + ("," + deeper).join(_text(i, deeper) for i in value) + line + "]"
    return flat


def _check_text(text: str, place: str) -> None:
    if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
        raise FormatError(f"{place:.200} holds {text!r:.60}, which is no Unicode text")


def _check_nesting(raw: bytes, name: str) -> None:
    # Outside of strings every bracket is structure; up to the first place where this is not JSON,
    # the parser sees the same brackets, so it never goes deeper than what is counted here.
    bare = _STRING.sub(b"", raw.replace(b"\\\\", b"").replace(b'\\"', b""))
    brackets = np.frombuffer(bare.translate(None, _NO_BRACKETS), np.uint8)
    opens = (brackets == ord("{")) | (brackets == ord("["))
    if int(opens.sum()) > MAX_CONTAINERS:
        raise FormatError(f"{name} holds more than {MAX_CONTAINERS} objects and lists")
    depth = np.cumsum(np.where(opens, 1, -1))
    if depth.size and int(depth.max()) > MAX_DEPTH:
        raise FormatError(f"{name} is nested deeper than {MAX_DEPTH} levels")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries: dict[str, Any] = {}
    for key, value in pairs:
        if key in entries:
            raise FormatError(f"holds the key {key!r:.60} twice")
        entries[key] = value
    return entries


def _no_constant(text: str) -> float:
    raise FormatError(f"holds {text}; only finite numbers are allowed")


def _whole(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise FormatError(f"holds a number of {len(text)} digits; at most {MAX_DIGITS} are read")
    return int(text)


def _finite(text: str) -> float:
    if len(text) > MAX_DIGITS:
        raise FormatError(f"holds a number of {len(text)} digits; at most {MAX_DIGITS} are read")
    number = float(text)
    if not math.isfinite(number):
        raise FormatError(f"holds {text}, which is beyond float64")
    return number
