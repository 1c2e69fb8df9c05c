"""The symbols of texts, of any unit: numbered in training, read back from a saved model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from unrolled.runtime.vocabulary import Vocabulary

if TYPE_CHECKING:
    from unrolled.runtime.subwords import Subwords

    Symbols = Vocabulary | Subwords

UNITS = ("word", "character", "token", "subword")
SUBWORDS = 8000
# Unknown symbols that are named.
NAMED = 5


def fit_symbols(
    texts: Iterable[str],
    unit: str,
    *,
    min_count: int,
    vocabulary_size: int | None,
    lowercase: bool,
    lines: bool = False,
    end: bool = False,
) -> Symbols:
    """The symbols of texts, or of pieces of them; see `Vocabulary.fit` and `Subwords.fit`.

    Args:
        texts: gone through once.
        unit: of `UNITS`.
        min_count: rarer symbols are unknown; not of subwords.
        vocabulary_size: most symbols; None keeps all, and is `SUBWORDS` for subwords.
        lowercase: texts are lower-cased.
        lines: a line end is a symbol of its own; not of subwords, where it always is.
        end: symbol 1 is the end of a text; of subwords it always is.

    Raises:
        ValueError: there are too few symbols, or too few are asked for.
        ModuleNotFoundError: the library for subwords is not installed.
    """
    size = None if vocabulary_size is None else int(vocabulary_size)
    if unit == "subword":
        from unrolled.runtime.subwords import SMALLEST, Subwords

        size = SUBWORDS if size is None else size
        if size < SMALLEST:
            raise ValueError(
                f'vocabulary_size={size} is too small for unit="subword", which has a symbol for '
                f"each of 256 bytes; at least {SMALLEST} are needed"
            )
        return Subwords.fit(texts, size=size, lowercase=bool(lowercase))
    return Vocabulary.fit(
        texts,
        unit=unit,
        min_count=int(min_count),
        max_size=size,
        lowercase=bool(lowercase),
        lines=lines,
        end=end,
    )


def symbols_from_config(config: Mapping[str, Any]) -> Symbols:
    """What `to_config` of either kind gave.

    Raises:
        ValueError: it is neither.
        ModuleNotFoundError: the library for subwords is not installed.
    """
    if isinstance(config, Mapping) and config.get("unit") == "subword":
        from unrolled.runtime.subwords import Subwords

        return Subwords.from_config(config)
    return Vocabulary.from_config(config)


def unseen(texts: Iterable[str], vocabulary: Symbols, whose: str) -> str:
    """A sentence about the unknown symbols of texts, "" where there are none."""
    # Pieces of words are made of bytes, none of which is unknown.
    if vocabulary.unit == "subword":
        return ""
    found, total = [], 0
    for text in texts:
        tokens = vocabulary.encode(text)
        total += len(tokens)
        if not tokens.all():
            pairs = zip(vocabulary.split(text), tokens, strict=True)
            found += [symbol for symbol, token in pairs if token == 0]
    if not found:
        return ""
    first = list(dict.fromkeys(found))
    rest = " and others" if len(first) > NAMED else ""
    named = ", ".join(map(repr, first[:NAMED])) + rest
    return (
        f"{len(found):,} of the {total:,} symbols of {whose} were not in training and are read as "
        f"the unknown symbol: {named}"
    )
