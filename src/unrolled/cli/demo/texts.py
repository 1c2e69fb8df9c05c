"""Texts that come with Python: a language model of its reference, and a highlighter of its code."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.cli.language_scores import Scores, scores
from unrolled.data import python_reference, python_tokens
from unrolled.estimators import LanguageModel, SequenceTagger
from unrolled.estimators.tag_report import TagReport

CHARACTERS, HELD_OUT, QUICK = 140_000, 10_000, 20_000
PIECES, HELD_OUT_PIECES, QUICK_PIECES = 400, 100, 60
PROMPT, LENGTH, TEMPERATURE = 'The "for" statement', 400, 0.6
SHOWN = 900  # characters of the held-out text in the picture


@dataclass(frozen=True)
class Reference:
    """A character language model of Python's language reference.

    Attributes:
        model: the fitted estimator.
        scores: on held-out text, beside those of the characters' shares.
        seconds: of the fit.
        written: what it wrote behind `PROMPT`.
        shown: a held-out text.
        nats: [T] -log p of each of its characters.
    """

    model: LanguageModel
    scores: Scores
    seconds: float
    written: str
    shown: str
    nats: NDArray[np.float64]


@dataclass(frozen=True)
class Highlighter:
    """A tagger that gives each character of Python source its token class.

    Attributes:
        model: the fitted estimator.
        report: by class, on held-out pieces.
        commonest: the share of the commonest class among the held-out characters.
        seconds: of the fit.
        snippet: a held-out piece of source.
        predicted: the class of each of its characters by the model.
        truth: by Python's own `tokenize`.
    """

    model: SequenceTagger
    report: TagReport
    commonest: float
    seconds: float
    snippet: str
    predicted: list[str]
    truth: list[str]

    @property
    def accuracy(self) -> float:
        """Share of the held-out characters with the right class."""
        return float(self.report.micro["f1"])


def learn_reference(quick: bool = False) -> Reference:
    """Learn the reference character by character; the text behind that is held out."""
    text = python_reference()
    edge = QUICK if quick else CHARACTERS
    held = text[edge : edge + (HELD_OUT // 10 if quick else HELD_OUT)]
    model = LanguageModel(
        hidden_size=32 if quick else 96,
        batch_size=16,
        bptt=64,
        max_epochs=1 if quick else 3,
        learning_rate=8e-3,
        random_state=0,
        verbose=False,
    )
    started = time.perf_counter()
    model.fit(text[:edge], validation_data=held)
    seconds = time.perf_counter() - started
    written = model.generate(PROMPT, LENGTH, temperature=TEMPERATURE, random_state=0)
    return Reference(
        model=model,
        scores=scores(model, [held]),
        seconds=seconds,
        written=PROMPT + "".join(written),
        shown=held[:SHOWN],
        nats=-model.log_probabilities(held)[:SHOWN],
    )


def learn_highlighting(quick: bool = False) -> Highlighter:
    """Learn token classes from some modules of the standard library; the end is held out."""
    X, y = python_tokens()
    edge = len(X) - HELD_OUT_PIECES
    part = slice(edge - (QUICK_PIECES if quick else PIECES), edge)
    model = SequenceTagger(
        hidden_size=16 if quick else 48,
        embedding_size=16,
        batch_size=8,
        max_epochs=1 if quick else 3,
        learning_rate=1e-2,
        schedule="one_cycle",
        random_state=0,
        verbose=False,
    )
    started = time.perf_counter()
    model.fit(X[part], y[part])
    seconds = time.perf_counter() - started
    X_held, y_held = X[edge:], y[edge:]
    counts: Counter[Any] = Counter(chain.from_iterable(y_held))
    shown = _most_varied(y_held)
    return Highlighter(
        model=model,
        report=model.report(X_held, y_held),
        commonest=counts.most_common(1)[0][1] / counts.total(),
        seconds=seconds,
        snippet=X_held[shown],
        predicted=model.predict([X_held[shown]])[0],
        truth=y_held[shown],
    )


def _most_varied(y: list[list[str]]) -> int:
    """The piece whose rarest class is least rare, of those with the most classes."""
    return max(
        range(len(y)), key=lambda i: (len(set(y[i])), min(Counter(y[i]).values()), len(y[i]))
    )
