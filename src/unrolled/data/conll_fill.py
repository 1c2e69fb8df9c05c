"""Other labels in a file of tagged sentences, all else as it stands."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from unrolled.data.conll import (
    FIELDS,
    RANGE_OR_EMPTY,
    check_written,
    column_number,
    is_conllu,
    label_field,
    packed,
)
from unrolled.data.open_files import character_blocks, existing_file
from unrolled.runtime.files import write_whole

_BETWEEN_BLANKS = re.compile("[^ ]+")
_MARK = "\ufeff"  # byte order mark


def fill_tagged(
    source: str | os.PathLike[str],
    path: str | os.PathLike[str],
    labels: Iterable[Sequence[str]],
    *,
    field: int | str | None = None,
    new_column: bool = False,
) -> None:
    """Write a file that `read_tagged` reads anew, with other labels for its words.

    Every line, field, blank and line end is kept but for the labels: so are comments, ranges of
    several words and empty nodes of CoNLL-U, and a byte order mark. The
    new file appears whole or not at all, and is packed if its name ends in .gz.

    Args:
        source: the file, which has been read by `read_tagged`.
        path: the new file.
        labels: labels of the words of each sentence.
        field: where they stand: a field of CoNLL-U, None for UPOS; or the number of a column from
            1, None for the last one.
        new_column: put them behind the last column instead, of a file of columns. They are parted
            from it as the other columns are, by a tab if it is the only one.

    Raises:
        FileNotFoundError: there is no such source.
        TypeError: a label is no string; `field` is no whole number for a file of columns.
        ValueError: the source is no whole gzip file, or no UTF-8; there is no such field or column,
            or both it and a new column are asked for;
            there are not as many labels as words; a label is blank or holds a tab or a line end, or
            a blank where these part columns.
        OSError: the file cannot be written.
    """
    file = existing_file(source)
    if new_column and (field is not None or is_conllu(file)):
        raise ValueError(
            f"new_column=True is for files of columns, without a field; got {file} and "
            f"field={field!r}."
        )
    text = "".join(_filled(file, labels, field, new_column)).encode()
    write_whole(path, packed(Path(path), text))


def _filled(
    file: Path, labels: Iterable[Sequence[str]], field: int | str | None, new_column: bool
) -> Iterator[str]:
    flat = (label for sentence in labels for label in sentence)
    conllu, tabs, alone, first, done = is_conllu(file), True, False, True, 0
    if conllu:
        column = FIELDS.index(label_field("upos" if field is None else field))
    elif isinstance(field, str):
        raise ValueError(f"field={field!r} names a field, and {file} has columns; give a number.")
    else:
        column = -1 if field is None else column_number("field", field) - 1
    text = "".join(character_blocks(file, 2**18, as_is=True))
    if text.startswith(_MARK):
        yield _MARK
    for number, line in enumerate(io.StringIO(text.removeprefix(_MARK), newline=""), start=1):
        body = line.rstrip("\r\n")
        if not body.strip() or (conllu and _no_word(body)):
            yield line
            continue
        if first:
            tabs, first = conllu or "\t" in body, False
            alone = not tabs and len(_spans(body, tabs)) == 1
        spans = _spans(body, tabs)
        if column >= len(spans):
            raise ValueError(
                f"{file} line {number} has {len(spans)} columns, so labels={column + 1} is none."
            )
        label = next(flat, None)
        if label is None:
            raise ValueError(f"{file} line {number} has a word without a label: they are {done}.")
        check_written(f"label {done + 1}", label)
        if not tabs and not (new_column and alone) and " " in label:
            raise ValueError(f"label {done + 1} is {label!r}; blanks part the columns of {file}.")
        done += 1
        start, end = spans[column]
        if new_column and alone:
            # Blanks around the word would be parts of it where a tab follows.
            yield f"{body[start:end]}\t{label}{line[len(body) :]}"
        elif new_column:
            between = "\t" if tabs else " "
            yield f"{body[:end]}{between}{label}{line[end:]}"
        else:
            yield f"{body[:start]}{label}{line[end:]}"
    if next(flat, None) is not None:
        raise ValueError(f"{file} has {done} words, and there are more labels.")


def _no_word(line: str) -> bool:
    """Whether a line of CoNLL-U is a comment, a range of words or an empty node."""
    return line.startswith("#") or bool(RANGE_OR_EMPTY.fullmatch(line.partition("\t")[0]))


def _spans(line: str, tabs: bool) -> list[tuple[int, int]]:
    """Where each column begins and ends."""
    if not tabs:
        return [found.span() for found in _BETWEEN_BLANKS.finditer(line)]
    ends = [i for i, mark in enumerate(line) if mark == "\t"] + [len(line)]
    return list(zip([0, *(end + 1 for end in ends[:-1])], ends, strict=True))
