"""Images of digits to the words that name them, spelt letter by letter."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from unrolled import plots
from unrolled.cli.captioned import nearest_captions
from unrolled.cli.report import Picture, Section, Table
from unrolled.data import digits
from unrolled.estimators import ImageCaptioner

NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
HELD_OUT = 0.25
SHOWN = 8  # images with their words


@dataclass(frozen=True)
class DigitWords:
    """A captioner of digit images.

    Attributes:
        model: the fitted estimator.
        exact: share of held-out images whose word is right in all letters.
        nearest: the same of giving each the word of the nearest image in training.
        seconds: of the fit.
        num_learnt: images that were learnt.
        num_held_out: images that were not.
        images: some held-out ones, [n, 8, 8] from 0 to 1.
        written: their words.
        right: the right ones.
    """

    model: ImageCaptioner
    exact: float
    nearest: float
    seconds: float
    num_learnt: int
    num_held_out: int
    images: NDArray[np.float64]
    written: list[str]
    right: list[str]


def learn_digit_words(quick: bool = False) -> DigitWords:
    """Learn to name the digits of scikit-learn; a quarter of the images is held out."""
    X, y = digits()
    X = X / X.max()
    words = [NAMES[digit] for digit in y]
    X_train, X_held, y_train, y_held = train_test_split(
        X, words, test_size=HELD_OUT, random_state=0, stratify=y
    )
    model = ImageCaptioner(
        unit="character",
        attention="additive",
        convolutions=(8, 8) if quick else (16, 32, 64),
        hidden_size=16 if quick else 64,
        embedding_size=16,
        batch_size=32,
        learning_rate=4e-3,
        max_epochs=1 if quick else 20,
        random_state=0,
        verbose=False,
    )
    started = time.perf_counter()
    model.fit(X_train, y_train)
    seconds = time.perf_counter() - started
    written = model.predict(X_held)
    nearest = nearest_captions(X_train, y_train, X_held, model.shape_)
    wrong = [i for i, word in enumerate(written) if word != y_held[i]]
    # What it got wrong is shown too, but not alone.
    some = np.array([*wrong[: SHOWN // 2], *(i for i in range(len(written)) if i not in wrong)])
    some = np.sort(some[:SHOWN])
    return DigitWords(
        model=model,
        exact=_share(written, y_held),
        nearest=_share(nearest, y_held),
        seconds=seconds,
        num_learnt=len(y_train),
        num_held_out=len(y_held),
        images=X_held[some],
        written=[written[i] for i in some],
        right=[y_held[i] for i in some],
    )


def digit_words_table(found: DigitWords) -> Table:
    """Words that are right, beside those of the nearest image."""
    rows: list[tuple[Any, ...]] = [
        ("convolutions and a decoder", round(found.exact, 3), round(found.seconds, 1)),
        ("word of the nearest image", round(found.nearest, 3), ""),
    ]
    return Table(
        ("method", "words right in all letters", "seconds"),
        rows,
        f"Digit images to words, {found.num_held_out} held-out images",
    )


def digit_words_section(found: DigitWords) -> Section:
    """The part of the report."""
    return Section(
        "Images to words: one to many",
        (
            (
                f"Layers of convolutions read the 8 x 8 image of a digit, and a network spells the "
                f"word that names it, letter by letter. It learnt {found.num_learnt:,} images; "
                f"nobody told it that there are ten words. Of {found.num_held_out} images that it "
                f"has not seen, {found.exact:.1%} are named without a wrong letter."
            ),
            digit_words_table(found),
            Picture(
                plots.captions(
                    list(found.images), found.written, found.right, title="Held-out digits"
                ),
                "Images of digits with the words that were written of them",
                f"Up to {SHOWN // 2} of these were chosen because they are wrong.",
            ),
        ),
    )


def _share(written: list[str], right: list[str]) -> float:
    return float(np.mean([a == b for a, b in zip(written, right, strict=True)]))
