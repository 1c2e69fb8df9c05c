"""From texts and files to a vocabulary and the tokens to train and to watch on."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.data.tables import is_dataframe
from unrolled.data.text_files import as_sources, encode_corpus, source_pieces
from unrolled.estimators.language.arguments import LanguageArguments
from unrolled.estimators.symbols import fit_symbols, symbols_from_config

if TYPE_CHECKING:
    from unrolled.estimators.symbols import Symbols

Tokens = NDArray[Any]
Source = str | Path
LONGEST_NAME = 4096


class Learned(NamedTuple):
    """What a fit reads: the vocabulary, and tokens [M], those watched from the last learnt one on.

    The first of both is given, not foretold; the first learnt one is the end of a text.
    """

    vocabulary: Symbols
    tokens: Tokens
    watched: Tokens | None


def as_texts(X: Any, name: str = "X") -> list[Source]:
    """The texts (strings) and files (paths) of X.

    Raises:
        TypeError: X is neither a text, nor a path, nor a list of such.
        ValueError: there are none, one is empty, or X is a string that names a file.
        FileNotFoundError: a file is not there.
    """
    if isinstance(X, str) and _names_file(X):
        raise ValueError(
            f"{name} is the text {X!r}, which is the name of a file; give pathlib.Path({X!r}) to "
            "read it, or a list of this text"
        )
    if isinstance(X, str | os.PathLike):
        X = [X]
    table = is_dataframe(X) or isinstance(X, Mapping) or getattr(X, "ndim", 1) != 1
    if table or isinstance(X, bytes) or not isinstance(X, Iterable):
        raise TypeError(
            f"{name} must be a text, a pathlib.Path, or a list of such, got {type(X).__name__}"
        )
    texts = [x.as_py() if hasattr(x, "as_py") else x for x in X]
    for i, text in enumerate(texts):
        if not isinstance(text, str | os.PathLike):
            raise TypeError(
                f"{name}[{i}] must be a text or a pathlib.Path, got {type(text).__name__}"
            )
        if text == "":
            raise ValueError(f"{name}[{i}] is an empty text; leave it out")
    if not texts:
        raise ValueError(f"{name} holds no texts; at least one is needed")
    return as_sources(texts)


def learn(sources: list[Source], arguments: LanguageArguments) -> Learned:
    """Fit a vocabulary on the training part, and number the symbols of both parts.

    With several texts whole ones are held out, the last; with one its end.

    Raises:
        ValueError: a part would be empty; or see `unrolled.data.text_files`.
    """
    fraction = float(arguments.validation_fraction)
    if not fraction:
        vocabulary = fit_vocabulary(_pieces(sources, arguments.unit), arguments)
        return Learned(vocabulary, encode(sources, vocabulary), None)
    if len(sources) > 1:
        first = _first_held_out(sources, fraction)
        vocabulary = fit_vocabulary(_pieces(sources[:first], arguments.unit), arguments)
        corpus = encode_corpus(sources, vocabulary, name="X")
        tokens, edge = corpus.tokens, int(corpus.ends[first - 1]) + 1
    else:
        size = sum(map(len, _pieces(sources, arguments.unit)))
        count = round(size * (1 - fraction))
        vocabulary = fit_vocabulary(_first(sources, arguments.unit, count), arguments)
        tokens = encode(sources, vocabulary)
        edge = 1 + sum(len(vocabulary.encode(p)) for p in _first(sources, arguments.unit, count))
        if not 1 < edge < len(tokens):
            raise ValueError(
                f"validation_fraction={fraction:g} of {len(tokens) - 1} symbols leaves none in "
                "one part; give validation_data or another fraction"
            )
    # Views, which may be of more than fits in memory.
    return Learned(vocabulary, tokens[:edge], tokens[edge - 1 :])


def held_out_texts(sources: list[Source], fraction: float) -> list[Source]:
    """Of several texts those that `learn` holds out."""
    return sources[_first_held_out(sources, fraction) :]


def held_out_pieces(source: Source, fraction: float, unit: str) -> Iterator[str]:
    """Of a single text the end that `learn` holds out, in pieces."""
    size = sum(map(len, _pieces([source], unit)))
    parts = _parted([source], unit, round(size * (1 - fraction)))
    return (piece for piece, is_first in parts if piece and not is_first)


def encode(sources: list[Source], vocabulary: Symbols, name: str = "X") -> Tokens:
    """Tokens [M] of the smallest dtype, a memory map where they are many."""
    return encode_corpus(sources, vocabulary, name=name).tokens


def fit_vocabulary(pieces: Iterable[str], arguments: LanguageArguments) -> Symbols:
    """The vocabulary of texts that come in pieces."""
    return fit_symbols(
        pieces,
        arguments.unit,
        min_count=arguments.min_count,
        vocabulary_size=arguments.vocabulary_size,
        lowercase=arguments.lowercase,
        lines=arguments.unit != "character",
        end=True,
    )


def vocabulary_from_config(config: Any) -> Symbols:
    """What `to_config` of either kind gave.

    Raises:
        ValueError: it is neither, or lacks the end of a text.
    """
    vocabulary = symbols_from_config(config)
    if not vocabulary.end:
        raise ValueError("the vocabulary of a language model needs the end of a text as symbol 1")
    return vocabulary


def _names_file(text: str) -> bool:
    return len(text) < LONGEST_NAME and os.path.isfile(text)


def _pieces(sources: list[Source], unit: str) -> Iterator[str]:
    return source_pieces(sources, anywhere=unit == "character")


def _first(sources: list[Source], unit: str, count: int) -> Iterator[str]:
    """The first `count` characters; of words the one at the edge whole."""
    for piece, is_first in _parted(sources, unit, count):
        if not is_first:
            return
        yield piece


def _parted(sources: list[Source], unit: str, count: int) -> Iterator[tuple[str, bool]]:
    """Pieces, and whether they are of the first `count` characters, cut behind these.

    A word at the edge is of the first ones whole.
    """
    is_first = True
    for piece in _pieces(sources, unit):
        if is_first and len(piece) < count:
            count -= len(piece)
            yield piece, True
        elif is_first:
            edge = count
            while unit != "character" and edge < len(piece) and not piece[edge].isspace():
                edge += 1
            yield piece[:edge], True
            yield piece[edge:], False
            is_first = False
        else:
            yield piece, False


def _first_held_out(sources: list[Source], fraction: float) -> int:
    """How many texts are trained on: those that begin in the first 1 - fraction of all."""
    sizes = [sum(map(len, source_pieces([s], anywhere=True))) for s in sources]
    begins = np.cumsum([0, *sizes[:-1]])
    kept = int((begins < sum(sizes) * (1 - fraction)).sum())
    return min(max(kept, 1), len(sources) - 1)
