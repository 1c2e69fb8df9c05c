"""Pairs of texts: read and checked, numbered, each with an end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from unrolled.data.fixed_inputs import FixedInputs
from unrolled.data.pairs import with_end
from unrolled.data.sequences import Sequences
from unrolled.data.text import as_texts, encode
from unrolled.estimators.contract import check_consistent_length
from unrolled.estimators.parts import Part
from unrolled.estimators.symbols import fit_symbols, symbols_from_config
from unrolled.estimators.translation.arguments import TranslationArguments
from unrolled.estimators.translation.writing_arguments import WritingArguments
from unrolled.runtime.encoder_decoder import FIRST

if TYPE_CHECKING:
    from unrolled.estimators.symbols import Symbols


Source = Sequences | FixedInputs


class Vocabularies(NamedTuple):
    """The symbols of what is read and of what is written; one and the same where shared."""

    source: Symbols
    target: Symbols


def read_pairs(X: Any, y: Any) -> Part:
    """As many texts as texts.

    Raises:
        TypeError: one of them is no list of texts.
        ValueError: there are none, or not as many of one as of the other.
    """
    if isinstance(y, list | tuple) and any(isinstance(text, list | tuple) for text in y):
        raise TypeError(
            "y holds several texts for one of X, which only score and evaluate take; fit needs one "
            "text each, so repeat those of X"
        )
    sources, targets = as_texts(X), as_texts(y, name="y")
    check_consistent_length(sources, targets)
    return Part(sources, np.array(targets, dtype=object), None)


def fit_vocabularies(part: Part, arguments: TranslationArguments) -> Vocabularies:
    """The symbols of the training part."""
    units = arguments._units()
    sides: list[Any] = [part.inputs, part.y.tolist()]
    if arguments.shared_vocabulary:
        sides = [chain(*sides)]
    found = [fit_target(texts, arguments, unit) for texts, unit in zip(sides, units, strict=False)]
    return Vocabularies(found[0], found[-1])


def fit_target(texts: Iterable[str], arguments: WritingArguments, unit: str) -> Symbols:
    """The symbols of what is written, with an end."""
    return fit_symbols(
        texts,
        unit,
        min_count=arguments.min_count,
        vocabulary_size=arguments.vocabulary_size,
        lowercase=arguments.lowercase,
        end=True,
    )


def numbered(texts: Any, vocabulary: Symbols, name: str = "X") -> Sequences:
    """The symbols of texts, each with the end behind its last.

    Raises:
        TypeError: it is no list of texts.
        ValueError: there are none, or one has no symbols.
    """
    return with_end(encode(texts, vocabulary, name=name), FIRST)


def read_references(y: Any, num_texts: int) -> list[list[str]]:
    """Several texts, or one, for each of so many, as N lists.

    Raises:
        TypeError: y is no list of texts or of lists of texts.
        ValueError: there are not as many, or none for one of them.
    """
    if isinstance(y, list | tuple) and any(isinstance(row, list | tuple) for row in y):
        references = [
            as_texts([row] if isinstance(row, str) else row, name=f"y[{i}]")
            for i, row in enumerate(y)
        ]
    else:
        references = [[text] for text in as_texts(y, name="y")]
    check_consistent_length(range(num_texts), references)
    return references


def symbols_of(config: Mapping[str, Any], num_symbols: int) -> Symbols:
    """A vocabulary from what `to_config` gave, with an end and so many symbols.

    Raises:
        ValueError: it is another one.
    """
    vocabulary = symbols_from_config(config)
    if not vocabulary.end:
        raise ValueError("the vocabulary of what is written needs the end of a text as symbol 1")
    if len(vocabulary) != num_symbols:
        raise ValueError(
            f"a vocabulary has {len(vocabulary)} symbols, but the network is of {num_symbols}"
        )
    return vocabulary
