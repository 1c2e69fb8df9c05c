"""From texts and files to a vocabulary and the tokens to train and to watch on."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.data.text_files import as_sources, encode_corpus, source_pieces
from unrolled.estimators.language.arguments import LanguageArguments
from unrolled.runtime.vocabulary import Vocabulary

if TYPE_CHECKING:
    from unrolled.runtime.subwords import Subwords

    Symbols = Vocabulary | Subwords

Tokens = NDArray[Any]
Source = str | Path
SUBWORDS = 8000


class Learned(NamedTuple):
    """What a fit reads: the vocabulary, and tokens [M] that each begin with the end of a text."""

    vocabulary: Symbols
    tokens: Tokens
    watched: Tokens | None


def as_texts(X: Any, name: str = "X") -> list[Source]:
    """The texts (strings) and files (paths) of X.

    Raises:
        TypeError: X is neither a text, nor a path, nor a list of such.
        ValueError: there are none.
        FileNotFoundError: a file is not there.
    """
    if isinstance(X, str | os.PathLike):
        X = [X]
    if isinstance(X, bytes) or not isinstance(X, Iterable):
        raise TypeError(
            f"{name} must be a text, a pathlib.Path, or a list of such, got {type(X).__name__}"
        )
    texts = [x.as_py() if hasattr(x, "as_py") else x for x in X]
    for i, text in enumerate(texts):
        if not isinstance(text, str | os.PathLike):
            raise TypeError(
                f"{name}[{i}] must be a text or a pathlib.Path, got {type(text).__name__}"
            )
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
        parts = (encode(part, vocabulary) for part in (sources[:first], sources[first:]))
        return Learned(vocabulary, *map(_ended, parts))
    size = sum(map(len, _pieces(sources, arguments.unit)))
    count = round(size * (1 - fraction))
    vocabulary = fit_vocabulary(_first(_pieces(sources, arguments.unit), count), arguments)
    tokens = encode(sources, vocabulary)
    edge = 1 + sum(
        len(vocabulary.encode(p)) for p in _first(_pieces(sources, vocabulary.unit), count)
    )
    if not 1 < edge < len(tokens):
        raise ValueError(
            f"validation_fraction={fraction:g} of {len(tokens) - 1} symbols leaves none in one "
            "part; give validation_data or another fraction"
        )
    watched = np.concatenate([tokens[:1], tokens[edge:]])
    return Learned(vocabulary, tokens[:edge], watched)


def held_out_texts(sources: list[Source], fraction: float) -> list[Source]:
    """Of several texts those that `learn` holds out."""
    return sources[_first_held_out(sources, fraction) :]


def held_out_pieces(source: Source, fraction: float, unit: str) -> Iterator[str]:
    """Of a single text the end that `learn` holds out, in pieces."""
    size = sum(map(len, _pieces([source], unit)))
    parts = _parted(_pieces([source], unit), round(size * (1 - fraction)))
    return (piece for piece, is_first in parts if piece and not is_first)


def encode(sources: list[Source], vocabulary: Symbols) -> Tokens:
    """Tokens [M] of the smallest dtype, a memory map where they are many."""
    return encode_corpus(sources, vocabulary).tokens


def fit_vocabulary(pieces: Iterable[str], arguments: LanguageArguments) -> Symbols:
    """The vocabulary of texts that come in pieces."""
    most = arguments.vocabulary_size
    if arguments.unit == "subword":
        from unrolled.runtime.subwords import Subwords

        size = SUBWORDS if most is None else int(most)
        return Subwords.fit(pieces, size=size, lowercase=bool(arguments.lowercase))
    return Vocabulary.fit(
        pieces,
        unit=arguments.unit,
        min_count=int(arguments.min_count),
        max_size=None if most is None else int(most),
        lowercase=bool(arguments.lowercase),
        lines=arguments.unit != "character",
        end=True,
    )


def vocabulary_from_config(config: dict[str, Any]) -> Symbols:
    """What `to_config` of either kind gave.

    Raises:
        ValueError: it is neither, or lacks the end of a text.
    """
    vocabulary: Symbols
    if config.get("unit") == "subword":
        from unrolled.runtime.subwords import Subwords

        vocabulary = Subwords.from_config(config)
    else:
        vocabulary = Vocabulary.from_config(config)
    if not vocabulary.end:
        raise ValueError("the vocabulary of a language model needs the end of a text as symbol 1")
    return vocabulary


def _ended(tokens: Tokens) -> Tokens:
    """Tokens that close with the end of a text, as those of a single one do not."""
    return tokens if tokens[-1] == 1 else np.append(tokens, tokens[:1])


def _pieces(sources: list[Source], unit: str) -> Iterator[str]:
    return source_pieces(sources, anywhere=unit == "character")


def _first(pieces: Iterator[str], count: int) -> Iterator[str]:
    """The first `count` characters; of words the one at the edge whole."""
    for piece, is_first in _parted(pieces, count):
        if not is_first:
            return
        yield piece


def _parted(pieces: Iterator[str], count: int) -> Iterator[tuple[str, bool]]:
    """Pieces, and whether they are of the first `count` characters, cut behind these."""
    is_first = True
    for piece in pieces:
        if is_first and len(piece) < count:
            count -= len(piece)
            yield piece, True
        elif is_first:
            edge = count
            while edge < len(piece) and not piece[edge].isspace():
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
