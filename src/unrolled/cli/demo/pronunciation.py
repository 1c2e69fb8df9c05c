"""Spellings and their sounds: short words of the CMU pronouncing dictionary."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled import plots
from unrolled.cli.pairs import Pairs
from unrolled.cli.report import Picture, Section, Table
from unrolled.cli.translate_scores import nearest_targets
from unrolled.data import pronunciations
from unrolled.estimators import Translator

LETTERS = (3, 6)  # of a word
WORDS, HELD_OUT, QUICK = 10_000, 500, 300
SHOWN = 8  # words in the table of examples


@dataclass(frozen=True)
class Pronunciation:
    """An encoder and decoder that writes the sounds of a spelling.

    Attributes:
        model: the fitted estimator.
        scores: on held-out words, by all their pronunciations in the dictionary.
        nearest: the same of giving each the sounds of the word most alike among those learnt.
        seconds: of the fit.
        num_words: how many words were learnt.
        examples: some held-out words, what was written, and the pronunciations.
        source: the letters of one of them.
        written: its sounds as they were written.
        attention: [T, S] where the model looked meanwhile.
    """

    model: Translator
    scores: dict[str, float]
    nearest: dict[str, float]
    seconds: float
    num_words: int
    examples: list[tuple[str, str, list[str]]]
    source: list[str]
    written: list[str]
    attention: NDArray[np.float32]


def learn_pronunciation(quick: bool = False) -> Pronunciation:
    """Learn the sounds of some thousand words; other words are held out."""
    known = {
        word: sounds
        for word, sounds in pronunciations().items()
        if LETTERS[0] <= len(word) <= LETTERS[1]
    }
    words = sorted(known)
    order = np.random.default_rng(0).permutation(len(words))
    num = QUICK if quick else WORDS
    held = [words[i] for i in order[: HELD_OUT // 10 if quick else HELD_OUT]]
    learnt = [words[i] for i in order[HELD_OUT : HELD_OUT + num]]
    pairs = [(word, sounds) for word in learnt for sounds in known[word]]
    X, y = [word for word, _ in pairs], [sounds for _, sounds in pairs]
    model = Translator(
        unit="character",
        target_unit="token",
        hidden_size=16 if quick else 96,
        embedding_size=32,
        batch_size=64,
        max_epochs=1 if quick else 5,
        learning_rate=6e-3,
        schedule="one_cycle",
        random_state=0,
        verbose=False,
    )
    started = time.perf_counter()
    model.fit(X, y)
    seconds = time.perf_counter() - started
    references = [known[word] for word in held]
    written = model.predict(held)
    nearest = nearest_targets(Pairs("", X, y), held)
    longest = max(held[:SHOWN], key=len)
    (looked,) = model.attention_weights([longest])
    return Pronunciation(
        model=model,
        scores=model.evaluate_written(written, references),
        nearest=model.evaluate_written(nearest, references),
        seconds=seconds,
        num_words=len(learnt),
        examples=list(zip(held[:SHOWN], written, references, strict=False)),
        source=looked.source,
        written=looked.written,
        attention=looked.weights,
    )


def pronunciation_table(p: Pronunciation) -> Table:
    """Error rates beside those of the word that is most alike."""
    rows: list[tuple[Any, ...]] = [
        ("words", *(round(1 - of["exact_match"], 3) for of in (p.scores, p.nearest))),
        ("phones", *(round(of["symbol_error_rate"], 3) for of in (p.scores, p.nearest))),
    ]
    return Table(
        ("error rate of", "here", "sounds of the nearest word", "seconds"),
        [(*row, round(p.seconds, 1)) for row in rows],
        f"Spelling to sound, {p.num_words:,} words learnt, by words that were not among them",
    )


def pronunciation_section(p: Pronunciation) -> Section:
    """The part of the report."""
    return Section(
        "Spelling to sound: a sequence of another length",
        (
            (
                f"One network reads the letters of a word both ways, another writes its sounds, "
                f"and looks back at the letters while it does. It learnt {p.num_words:,} words of "
                f"{LETTERS[0]} to {LETTERS[1]} letters of the CMU pronouncing dictionary, without "
                f"stress; of words that it has not seen it gets {p.scores['exact_match']:.0%} "
                f"wholly right, by any pronunciation that the dictionary has."
            ),
            pronunciation_table(p),
            Table(
                ("word", "written", "dictionary"),
                [(word, written, " / ".join(right)) for word, written, right in p.examples],
                "The first of the held-out words",
            ),
            Picture(
                plots.attention_matrix(
                    p.attention, p.source, p.written, title="Where the model looked"
                ),
                "Attention matrix: letters across, sounds down",
            ),
        ),
    )
