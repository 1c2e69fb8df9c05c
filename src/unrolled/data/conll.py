"""Tagged sentences in files: CoNLL-U, and columns with a word a line."""

from __future__ import annotations

import gzip
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from unrolled.data import checks
from unrolled.data.open_files import existing_file, lines
from unrolled.runtime.files import write_whole

FIELDS = ("id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")

RANGE_OR_EMPTY = re.compile(r"\d+-\d+|\d+\.\d+", re.ASCII)
_NUMBER = re.compile(r"[1-9]\d*", re.ASCII)

Tagged = tuple[list[list[str]], list[list[str]]]
# A line of a file: its number, and its columns.
Columns = tuple[int, list[str]]


def read_tagged(
    path: str | os.PathLike[str],
    *,
    words: int | str | None = None,
    labels: int | str | None = None,
) -> Tagged:
    """Read sentences as lists of words, and a label for each word.

    Files that end in .conllu are CoNLL-U: 10 fields between tabs; comments, ranges of several
    words ("3-4") and empty nodes ("5.1") are left out. All others have two or more columns between
    tabs, or between blanks where the first line has no tab. A blank line stands between sentences.
    Both are UTF-8, and are unpacked where .gz follows.

    Source of CoNLL-U: https://universaldependencies.org/format.html

    Args:
        path: the file.
        words: name of a field of CoNLL-U, or number of a column from 1; None: FORM, or column 1.
        labels: the same of the labels; None: UPOS, or the last column.

    Returns:
        N sentences of words, and N lists of as many labels, as they are written.

    Raises:
        FileNotFoundError: there is no such file.
        TypeError: `words` or `labels` is neither a name nor a whole number.
        ValueError: the file is not so, or there is no such field; the line is named.
    """
    file = existing_file(path)
    if is_conllu(file):
        word = _field("words", "form" if words is None else words)
        label = _field("labels", "upos" if labels is None else labels)
        rows = _conllu(file)
    else:
        word = 1 if words is None else column_number("words", words)
        label = 0 if labels is None else column_number("labels", labels)
        rows = _columns(file)
    found, tags = _sentences(file, rows, words=word, labels=label)
    return found, tags


def read_words(path: str | os.PathLike[str], *, words: int | str | None = None) -> list[list[str]]:
    """The words that `read_tagged` reads, of a file which may have no column of labels.

    Raises:
        FileNotFoundError, TypeError, ValueError: as `read_tagged`.
    """
    file = existing_file(path)
    if is_conllu(file):
        field = _field("words", "form" if words is None else words)
        return _sentences(file, _conllu(file), words=field)[0]
    column = 1 if words is None else column_number("words", words)
    return _sentences(file, _columns(file, fewest=1), words=column)[0]


def num_columns(path: str | os.PathLike[str]) -> int:
    """How many columns the first word of a file of columns has, which may be one.

    Raises:
        FileNotFoundError, ValueError: as `read_tagged`.
    """
    file = existing_file(path)
    for _, columns in _columns(file, fewest=1):
        if columns:
            return len(columns)
    raise ValueError(f"{file} holds no sentence.")


def write_tagged(
    path: str | os.PathLike[str],
    sentences: Iterable[Sequence[str]],
    labels: Iterable[Sequence[str]],
    *,
    field: str = "upos",
) -> None:
    """Write sentences and labels so that `read_tagged` gives them back.

    A file that ends in .conllu becomes CoNLL-U with the labels in the field `field`; any other has
    a word, a tab and its label a line. With .gz after that it is packed. It appears whole or not at
    all.

    Raises:
        TypeError: a word or label is no string.
        ValueError: there are not as many labels as words; a sentence has no words; a word or label
            is blank or holds a tab or a line end; CoNLL-U has no such field for labels.
        OSError: the file cannot be written.
    """
    file = Path(path)
    text = tagged_text(sentences, labels, field=field if is_conllu(file) else None)
    write_whole(file, packed(file, text.encode()))


def tagged_text(
    sentences: Iterable[Sequence[str]],
    labels: Iterable[Sequence[str]],
    *,
    field: str | None = None,
) -> str:
    """What `write_tagged` writes: CoNLL-U with the labels in `field`, or two columns without one.

    Raises:
        TypeError, ValueError: as `write_tagged`.
    """
    sentences, labels = list(sentences), list(labels)
    if len(sentences) != len(labels):
        raise ValueError(f"labels are {len(labels)} lists for {len(sentences)} sentences.")
    column = None if field is None else FIELDS.index(label_field(field))
    parts = []
    for i, (words, tags) in enumerate(zip(sentences, labels, strict=True)):
        if len(words) != len(tags) or len(words) == 0:
            raise ValueError(
                f"sentence {i} has {len(words)} words and {len(tags)} labels; as many of both, and "
                f"at least one, are needed."
            )
        for j, (word, tag) in enumerate(zip(words, tags, strict=True), start=1):
            check_written(f"word {j} of sentence {i}", word)
            check_written(f"label {j} of sentence {i}", tag)
            row = [word, tag]
            if column is not None:
                row = [str(j), word, *"_" * (len(FIELDS) - 2)]
                row[column] = tag
            parts.append("\t".join(row) + "\n")
        parts.append("\n")
    return "".join(parts)


def is_conllu(file: Path) -> bool:
    """Whether a file's name says that it is CoNLL-U."""
    return file.name.lower().endswith((".conllu", ".conllu.gz"))


def packed(file: Path, content: bytes) -> bytes:
    """What a file of this name holds: the content, packed for .gz."""
    return gzip.compress(content, mtime=0) if file.suffix.lower() == ".gz" else content


def label_field(field: int | str) -> str:
    """The name of a field of CoNLL-U that labels may be written to.

    Raises:
        ValueError: there is no such field, or it is ID or FORM.
    """
    name = field.lower() if isinstance(field, str) else FIELDS[_field("field", field) - 1]
    if name not in FIELDS[2:]:
        raise ValueError(f"field={field!r} is no field for labels; use {', '.join(FIELDS[2:])}.")
    return name


def _field(name: str, field: int | str) -> int:
    """The number of a field of CoNLL-U, from 1."""
    if not isinstance(field, str):
        number = checks.as_count(field, name)
        if number > len(FIELDS):
            raise ValueError(f"{name}={number} is no field; CoNLL-U has {len(FIELDS)}.")
        return number
    if field.lower() not in FIELDS:
        raise ValueError(f"{name}={field!r} is no field of CoNLL-U; it has {', '.join(FIELDS)}.")
    return FIELDS.index(field.lower()) + 1


def column_number(name: str, column: int | str) -> int:
    """The number of a column, from 1.

    Raises:
        TypeError, ValueError: it is none.
    """
    if isinstance(column, str):
        raise TypeError(
            f"{name}={column!r} names a field, which only .conllu files have; pass the number of "
            f"a column from 1."
        )
    return checks.as_count(column, name)


def _sentences(file: Path, rows: Iterable[Columns], **wanted: int) -> list[list[list[str]]]:
    """Sentences of each wanted column, from 1; 0 is the last one."""
    parts: list[list[list[str]]] = [[[]] for _ in wanted]
    for number, columns in rows:
        if not columns:
            if parts[0][-1]:
                for part in parts:
                    part.append([])
            continue
        for part, (name, column) in zip(parts, wanted.items(), strict=True):
            if column > len(columns):
                raise ValueError(
                    f"{file} line {number} has {_many(columns)}, so {name}={column} is none."
                )
            part[-1].append(columns[column - 1])
    if not parts[0][-1]:
        for part in parts:
            del part[-1]
    if not parts[0]:
        raise ValueError(f"{file} holds no sentence.")
    return parts


def _many(columns: list[str]) -> str:
    return "one column" if len(columns) == 1 else f"{len(columns)} columns"


def _conllu(file: Path) -> Iterator[Columns]:
    """The lines of words, and those without columns between sentences."""
    expected = 1
    for number, line in lines(file):
        if not line.strip():
            expected = 1
            yield number, []
            continue
        if line.startswith("#"):
            continue
        columns = line.split("\t")
        if len(columns) != len(FIELDS):
            raise ValueError(
                f"{file} line {number} has {len(columns)} fields between tabs; CoNLL-U has "
                f"{len(FIELDS)}."
            )
        if RANGE_OR_EMPTY.fullmatch(columns[0]):
            continue
        _check_filled(file, number, columns)
        if not _NUMBER.fullmatch(columns[0]) or columns[0] != str(expected):
            raise ValueError(
                f"{file} line {number} has the ID {columns[0]!r} where {expected} is expected; a "
                f"blank line ends a sentence."
            )
        expected += 1
        yield number, columns


def _columns(file: Path, fewest: int = 2) -> Iterator[Columns]:
    """The same of a file of columns."""
    tabs, width, first = False, 0, 0
    for number, line in lines(file):
        if not line.strip():
            yield number, []
            continue
        if not first:
            tabs = "\t" in line
        columns = line.split("\t") if tabs else re.split(" +", line.strip(" "))
        if not first:
            first, width = number, len(columns)
            if width < fewest:
                raise ValueError(
                    f"{file} line {number} has one column; a word and its label, with a tab or "
                    f"blanks between them, are needed."
                )
        if len(columns) != width:
            raise ValueError(
                f"{file} line {number} has {len(columns)} columns between "
                f"{'tabs' if tabs else 'blanks'}, where line {first} has {width}."
            )
        _check_filled(file, number, columns)
        yield number, columns


def _check_filled(file: Path, number: int, columns: list[str]) -> None:
    for i, column in enumerate(columns, start=1):
        if not column.strip():
            raise ValueError(f"{file} line {number} has nothing in column {i}.")


def check_written(what: str, text: object) -> None:
    """Refuse what cannot stand in a field of its own.

    Raises:
        TypeError, ValueError: it is no string; it is blank, or holds a tab or a line end.
    """
    if not isinstance(text, str):
        raise TypeError(f"{what} must be a string, got {type(text).__name__} {text!r}.")
    if not text.strip() or any(mark in text for mark in "\t\n\r"):
        raise ValueError(f"{what} is {text!r}; it must have letters, and no tab and no line end.")
