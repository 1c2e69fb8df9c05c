"""Files of pairs of texts: a table of two columns, or two files line by line."""

from __future__ import annotations

import os
from pathlib import Path

from unrolled.data.open_files import existing_file, lines

PathName = str | os.PathLike[str]


def read_pairs(
    path: PathName, targets: PathName | None = None, *, encoding: str = "utf-8"
) -> tuple[list[str], list[str]]:
    """Sources and targets, as a `Translator` learns from.

    Args:
        path: a source, a tab and its target on each line; or, with `targets`, a source a line.
        targets: the target of each line of `path`. Files whose names end in .gz are unpacked.
        encoding: of the files.

    Returns:
        (N sources, N targets).

    Raises:
        FileNotFoundError: a file is not there.
        ValueError: a line has no tab or several, or an empty side; the files have not as many lines
            as each other, or are no text. It names file and line.
    """
    if targets is None:
        pairs = [_pair(existing_file(path), *line) for line in lines(path, encoding)]
        return [source for source, _ in pairs], [target for _, target in pairs]
    sides = [_side(existing_file(file), encoding) for file in (path, targets)]
    if len(sides[0]) != len(sides[1]):
        first, second = (
            f"{os.fspath(file)} has {len(side):,}"
            for file, side in zip((path, targets), sides, strict=True)
        )
        raise ValueError(f"{first} lines and {second}; each needs a line for each of the other.")
    return sides[0], sides[1]


def read_sources(path: PathName, *, encoding: str = "utf-8") -> list[str]:
    """A source a line; where a line has a tab, what stands before it.

    Raises:
        FileNotFoundError: the file is not there.
        ValueError: a source is empty, or the file is no text; names file and line.
    """
    file = existing_file(path)
    found = [(number, line.partition("\t")[0]) for number, line in lines(file, encoding)]
    for number, source in found:
        _check(file, number, "source", source)
    return [source for _, source in found]


def _pair(file: Path, number: int, line: str) -> tuple[str, str]:
    columns = line.split("\t")
    if len(columns) == 1:
        raise ValueError(
            f"{file} line {number} has no tab between a source and its target; targets in a file "
            f"of their own are given as a second file."
        )
    if len(columns) > 2:
        raise ValueError(
            f"{file} line {number} has {len(columns) - 1} tabs; one is needed, between a source "
            f"and its target."
        )
    source, target = columns
    _check(file, number, "source", source)
    _check(file, number, "target", target)
    return source, target


def _side(file: Path, encoding: str) -> list[str]:
    found = []
    for number, line in lines(file, encoding):
        _check(file, number, "text", line)
        found.append(line)
    return found


def _check(file: Path, number: int, what: str, text: str) -> None:
    if not text.strip():
        raise ValueError(f"{file} line {number} has an empty {what}; drop its pair.")
