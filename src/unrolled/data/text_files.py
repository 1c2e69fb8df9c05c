"""Texts and text files of any size to one row of tokens, piece by piece."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from unrolled.data import checks
from unrolled.data.open_files import character_blocks, existing_file

PathName: TypeAlias = "str | os.PathLike[str]"
# A string is a text, a path is a file.
Source: TypeAlias = "str | os.PathLike[str]"

PIECE = 2**20
IN_MEMORY = 2**28
END_TOKEN = 1


class Symbols(Protocol):
    """What numbers the symbols of a text: a `Vocabulary`, or `Subwords`."""

    @property
    def unit(self) -> str: ...
    @property
    def end(self) -> bool: ...
    def __len__(self) -> int: ...
    def encode(self, text: str) -> NDArray[np.int64]: ...


@dataclass(frozen=True, eq=False)
class Corpus:
    """Texts as one row of tokens.

    Attributes:
        tokens: array [M] of the smallest unsigned dtype that holds the vocabulary; a memory map
            over a temporary file without a name where it is too large for memory.
        num_texts: texts and files that it was made from.
        num_characters: characters that it was made from.
        ends: array [num_texts] int64, how many tokens there are to the end of each text; where
            several texts have ends, tokens[ends] are these.
    """

    tokens: NDArray[Any]
    num_texts: int
    num_characters: int
    ends: NDArray[np.int64]

    def __len__(self) -> int:
        """M, tokens with the ends of texts."""
        return len(self.tokens)


def text_pieces(
    path_or_paths: PathName | Iterable[PathName],
    *,
    piece: int = PIECE,
    encoding: str = "utf-8",
    anywhere: bool = False,
) -> Iterator[str]:
    r"""Read one or several text files of any size in pieces; their sum is the files' text.

    A piece ends at a line end, or before white space where a line is longer than a piece, so that
    words stay whole. Line ends of every kind become "\n"; a byte order mark is left out; a file
    whose name ends in .gz is unpacked.

    Args:
        path_or_paths: files.
        piece: characters of a piece, about.
        encoding: of the files.
        anywhere: a piece may also end inside a run of `piece` characters without white space,
            which is longer than memory otherwise; never inside a character.

    Raises:
        TypeError: an argument is of another kind.
        FileNotFoundError: a file is not there.
        ValueError: a file is empty or no text in this encoding, said while it is read.
    """
    size = checks.as_count(piece, "piece")
    if isinstance(path_or_paths, (str, os.PathLike)):
        path_or_paths = [path_or_paths]
    files = [existing_file(path) for path in path_or_paths]
    return (part for file in files for part in _pieces_of_file(file, size, encoding, anywhere))


def source_pieces(
    sources: Source | Iterable[Source],
    *,
    piece: int = PIECE,
    encoding: str = "utf-8",
    anywhere: bool = False,
) -> Iterator[str]:
    """The pieces of texts (strings) and files (paths), one after another; see `text_pieces`.

    Raises:
        TypeError: a source is neither a string nor a path.
        FileNotFoundError: a file is not there.
        ValueError: there are no sources; a file is empty or no text, said while it is read.
    """
    size = checks.as_count(piece, "piece")
    checked = as_sources(sources)
    return (
        part for source in checked for part in _pieces_of_source(source, size, encoding, anywhere)
    )


def as_sources(sources: Source | Iterable[Source]) -> list[str | Path]:
    """Each source as a text or as the path of a file that is there.

    Raises:
        TypeError: one is neither a string nor a path.
        FileNotFoundError: a file is not there.
        ValueError: there are none.
    """
    if isinstance(sources, (str, os.PathLike)):
        sources = [sources]
    found: list[str | Path] = []
    for i, source in enumerate(sources):
        if isinstance(source, str):
            found.append(source)
        elif isinstance(source, os.PathLike):
            found.append(existing_file(source))
        else:
            raise TypeError(
                f"sources[{i}] must be a text (str) or a file (pathlib.Path), got "
                f"{type(source).__name__}."
            )
    if not found:
        raise ValueError("sources is empty; at least one text or file is needed.")
    return found


def encode_corpus(
    sources: Source | Iterable[Source],
    vocabulary: Symbols,
    *,
    in_memory: int = IN_MEMORY,
    encoding: str = "utf-8",
    name: str = "sources",
) -> Corpus:
    """Number the symbols of texts and files of any size.

    Where the vocabulary has the symbol `<end>`, the row begins with it, and with several sources
    it stands after each of them.

    Args:
        sources: texts (strings) and files (paths), each a text of its own.
        vocabulary: a `Vocabulary` or `Subwords`.
        in_memory: bytes of tokens that are kept in memory; more go to a temporary file, which has
            no name and is gone with the corpus.
        encoding: of the files.
        name: by which errors call the sources.

    Raises:
        TypeError: a source is neither a string nor a path.
        FileNotFoundError: a file is not there.
        ValueError: there are no sources; one has no symbols; a file is no text in this encoding.
    """
    checked = as_sources(sources)
    most = checks.as_count(in_memory, "in_memory", 0)
    end = np.full(1 if vocabulary.end else 0, END_TOKEN)
    num_characters, ends = 0, []
    with ExitStack() as files:
        dtype = np.min_scalar_type(len(vocabulary) - 1)
        tokens = _Row(dtype, most, lambda: files.enter_context(tempfile.TemporaryFile()))
        tokens.extend(end)
        for i, source in enumerate(checked):
            before = tokens.length
            for part in _pieces_of_source(source, PIECE, encoding, vocabulary.unit == "character"):
                tokens.extend(vocabulary.encode(part))
                num_characters += len(part)
            if tokens.length == before:
                what = f"{name}[{i}]" if isinstance(source, str) else str(source)
                raise ValueError(f"{what} has no {vocabulary.unit}; leave it out.")
            ends.append(tokens.length)
            if len(checked) > 1:
                tokens.extend(end)
        return Corpus(tokens.whole(), len(checked), num_characters, np.array(ends, np.int64))


class _Row:
    """A row of tokens that grows, in memory as long as it is small, then in a temporary file."""

    def __init__(self, dtype: np.dtype[Any], in_memory: int, new_file: Callable[[], Any]) -> None:
        self.length = 0
        self._dtype = dtype
        self._most = in_memory // dtype.itemsize
        self._parts: list[NDArray[Any]] = []
        self._new_file = new_file
        self._file: Any = None

    def extend(self, tokens: NDArray[np.int64]) -> None:
        self._parts.append(tokens.astype(self._dtype))
        self.length += len(tokens)
        if self.length > self._most:
            if self._file is None:
                self._file = self._new_file()
            for part in self._parts:
                part.tofile(self._file)
            self._parts.clear()

    def whole(self) -> NDArray[Any]:
        if self._file is None:
            return np.concatenate(self._parts)
        self._file.flush()
        # The map outlives the open file.
        return np.memmap(self._file, self._dtype, "r", shape=(self.length,))


def _pieces_of_source(
    source: str | Path, size: int, encoding: str, anywhere: bool
) -> Iterator[str]:
    if isinstance(source, Path):
        return _pieces_of_file(source, size, encoding, anywhere)
    blocks = (source[start : start + size] for start in range(0, len(source), size))
    return _pieces(blocks, size, anywhere)


def _pieces_of_file(file: Path, size: int, encoding: str, anywhere: bool) -> Iterator[str]:
    empty = True
    for part in _pieces(character_blocks(file, size, encoding), size, anywhere):
        empty = False
        yield part
    if empty:
        raise ValueError(f"{file} is empty; leave it out.")


def _pieces(blocks: Iterable[str], size: int, anywhere: bool) -> Iterator[str]:
    """Blocks of characters, cut anew where lines or words end."""
    held, limit = "", size
    for block in blocks:
        begin = len(held)
        held += block
        cut = held.rfind("\n", begin) + 1
        if not cut and len(held) >= limit:
            cut = _before_last_blank(held) or (len(held) if anywhere else 0)
            # To look for white space again and again in a long run would take its square.
            limit = 2 * len(held)
        if cut:
            yield held[:cut]
            held, limit = held[cut:], size
    if held:
        yield held


def _before_last_blank(text: str) -> int:
    """Where the last run of white space begins, 0 without one."""
    if not text[-1].isspace():
        last = text.rsplit(None, 1)[-1]
        text = text[: len(text) - len(last)]
    return len(text.rstrip())
