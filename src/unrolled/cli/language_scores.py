"""Scores of a language model on texts, beside those of its symbols' shares alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from unrolled.data.text_files import encode_corpus

# Tokens that are counted at a time.
CHUNK = 2**24
SHARES = "its symbols' shares"


@dataclass(frozen=True)
class Scores:
    """Scores of a model and of the plain guess on the same texts.

    Attributes:
        symbols: how many were foretold.
        model: perplexity, nats, bits_per_character and unknown.
        guess: the same, without unknown, of the shares of the symbols in the texts themselves.
    """

    symbols: int
    model: dict[str, float]
    guess: dict[str, float]


class Part(NamedTuple):
    """Texts that were not learnt from, with their scores: "watched" in training, or of a "test"."""

    name: str
    described: str
    scores: Scores


def columns(parts: Sequence[Part]) -> list[tuple[str, dict[str, float]]]:
    """As `show_scores` takes them; the guess is that of the last part."""
    return [*((part.name, part.scores.model) for part in parts), (SHARES, parts[-1].scores.guess)]


def scores(model: Any, texts: Sequence[Any]) -> Scores:
    """Score texts.

    Args:
        model: a fitted `LanguageModel`.
        texts: texts and files.

    Raises:
        TypeError, ValueError, OSError: one cannot be read.
    """
    found = model.evaluate(list(texts))
    symbols = int(found.pop("symbols"))
    corpus = encode_corpus(list(texts), model.vocabulary_)
    counts = np.zeros(len(model.vocabulary_), np.int64)
    for start in range(1, len(corpus.tokens), CHUNK):
        part = corpus.tokens[start : start + CHUNK]
        counts += np.bincount(part, minlength=len(counts))
    there = counts[counts > 0] / counts.sum()
    nats = abs(float((there * np.log(there)).sum()))
    guess = {
        "perplexity": math.exp(nats),
        "nats": nats,
        "bits_per_character": nats * symbols / math.log(2) / corpus.num_characters,
    }
    return Scores(symbols, found, guess)
