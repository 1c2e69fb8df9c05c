"""Texts that come with every CPython: its language reference, and source with token classes."""

from __future__ import annotations

import io
import keyword
import sysconfig
import tokenize
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path

# Plain modules of the standard library, with comments, docstrings and strings of all kinds, that
# stay much the same from version to version.
MODULES = (
    "bisect", "calendar", "cmd", "contextlib", "copy", "csv", "filecmp", "fileinput", "fnmatch",
    "glob", "graphlib", "json.decoder", "json.encoder", "linecache", "netrc", "numbers", "pprint",
    "queue", "reprlib", "sched", "string", "tempfile", "textwrap", "timeit", "tokenize",
    "weakref",
)  # fmt: skip
CLASSES = ("comment", "keyword", "name", "number", "operator", "space", "string")
PIECE = 300


def python_reference() -> str:
    """The topics of Python's language reference, some 450,000 to 510,000 characters.

    They ship with every CPython as `pydoc_data.topics`, which `help("topics")` reads; their text is
    that of the Python that runs. Source: Python Software Foundation (PSF licence).

    Returns:
        The topics in the order of their names, with a blank line between two.

    Raises:
        ModuleNotFoundError: this Python was installed without them.
    """
    try:
        from pydoc_data import topics
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "python_reference() reads pydoc_data.topics, which this Python was installed without; "
            "install the whole standard library"
        ) from error
    found: dict[str, str] = topics.topics
    return "\n\n".join(found[name].strip("\n") for name in sorted(found)) + "\n"


def python_tokens(piece: int = PIECE) -> tuple[list[str], list[list[str]]]:
    """Pieces of Python source, and the class of each of their characters.

    The source is that of modules of the standard library of the Python that runs; the classes are
    found by its own `tokenize`: "comment", "keyword", "name", "number", "operator", "string" (whole
    f-strings too) and "space", which is all between tokens. Pieces are whole lines. Source: Python
    Software Foundation (PSF licence).

    Args:
        piece: characters of a piece at most, unless a line is longer.

    Returns:
        X: N pieces of text, in the order of the modules.
        y: N lists of classes, one a character.

    Raises:
        ValueError: piece is below 1.
        FileNotFoundError: this Python was installed without the source of a module.
    """
    if piece < 1:
        raise ValueError(f"piece must be at least 1, got {piece}.")
    X: list[str] = []
    y: list[list[str]] = []
    for module in MODULES:
        source = _source(module)
        classes = token_classes(source)
        for start, stop in _cuts(source, piece):
            X.append(source[start:stop])
            y.append(classes[start:stop])
    return X, y


def token_classes(source: str) -> list[str]:
    """The class of each character of Python source, see `python_tokens`.

    Raises:
        tokenize.TokenError, SyntaxError: it is no Python source that is whole.
    """
    lines = _lines(source)
    # The place of the first character of each line, and behind them the end.
    begins = list(accumulate(map(len, lines), initial=0))
    found = ["space"] * len(source)
    depth, string_from = 0, 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        name = tokenize.tok_name[token.type]
        start, stop = (
            begins[min(row, len(begins)) - 1] + column for row, column in (token.start, token.end)
        )
        # From Python 3.12 on an f-string is several tokens, with names and operators in them.
        if name.endswith("STRING_START"):
            if depth == 0:
                string_from = start
            depth += 1
        elif name.endswith("STRING_END"):
            depth -= 1
            if depth == 0:
                found[string_from:stop] = ["string"] * (stop - string_from)
        elif depth == 0:
            kind = _CLASSES.get(name)
            if name == "NAME" and keyword.iskeyword(token.string):
                kind = "keyword"
            if kind is not None:
                found[start:stop] = [kind] * (stop - start)
    # A backslash that joins two lines is no token, and no blank either.
    for i, character in enumerate(source):
        if found[i] == "space" and character == "\\":
            found[i] = "operator"
    return found


_CLASSES = {
    "COMMENT": "comment",
    "NAME": "name",
    "NUMBER": "number",
    "OP": "operator",
    "STRING": "string",
}


def _source(module: str) -> str:
    """The source of a module, which is not imported."""
    file = Path(sysconfig.get_path("stdlib"), *module.split(".")).with_suffix(".py")
    if not file.is_file():
        raise FileNotFoundError(
            f"python_tokens() reads {file}, which this Python was installed without; install the "
            f"whole standard library"
        )
    with tokenize.open(file) as opened:
        return opened.read()


def _lines(source: str) -> list[str]:
    """Lines as `tokenize` counts them: a form feed ends none."""
    return list(io.StringIO(source))


def _cuts(source: str, piece: int) -> Iterator[tuple[int, int]]:
    """Where pieces of whole lines begin and end."""
    start = stop = 0
    for line in _lines(source):
        if stop > start and stop + len(line) - start > piece:
            yield start, stop
            start = stop
        stop += len(line)
    if stop > start:
        yield start, stop
