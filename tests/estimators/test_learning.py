"""Small problems that must be learnt, each against what could be had without learning."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from unrolled import FeedForwardClassifier, SequenceClassifier, SequenceRegressor
from unrolled.data import digits, random_walk, temporal_order, ucr

# Two steps of variance 0.01 lie between the last input of a walk and its target.
FLOOR = 0.02


def test_ten_random_walks_are_learnt_by_heart() -> None:
    """Below the floor, which no model of new walks gets under."""
    X, y = random_walk(num_samples=10, sequence_length=4, random_state=0)
    model = SequenceRegressor(
        cell="rnn", standardize=False, max_epochs=150, learning_rate=0.005, random_state=0
    )
    before = model.initialize(X, y).evaluate(X, y)["mse"]
    after = model.fit(X, y).evaluate(X, y)["mse"]
    assert before > 0.1
    assert after < FLOOR / 2


def test_a_thousand_random_walks_end_at_the_floor() -> None:
    """The last value is the best forecast there is; a mean is far off."""
    X, y = random_walk(num_samples=1000, sequence_length=4, random_state=0)
    new_X, new_y = random_walk(num_samples=4000, sequence_length=4, random_state=1)
    model = SequenceRegressor(
        cell="rnn",
        hidden_size=32,
        max_epochs=10,
        learning_rate=0.005,
        schedule="linear",
        random_state=0,
    ).fit(X, y)
    error = model.evaluate(new_X, new_y)["mse"]
    repeat_last = ((new_X.reshape(4000, -1)[:, -1] - new_y) ** 2).mean()
    assert repeat_last == pytest.approx(FLOOR, rel=0.1)
    assert repeat_last * 0.99 < error < repeat_last * 1.15
    assert error < 0.1 * new_y.var()
    assert model.evaluate(X, y)["mse"] > 0.8 * FLOOR, "a thousand cannot be learnt by heart"


def test_temporal_order_is_remembered() -> None:
    X, y = temporal_order(500, 20, random_state=0)
    new_X, new_y = temporal_order(300, 20, random_state=1)
    model = SequenceClassifier(
        cell="gru",
        hidden_size=16,
        embedding_size=8,
        unit="character",
        max_epochs=8,
        learning_rate=0.03,
        random_state=0,
    ).fit(X, y)
    assert model.score(new_X, new_y) > 0.95
    swapped = [x.translate(str.maketrans("XY", "YX")) for x in new_X]
    assert model.score(swapped, new_y) < 0.05


def reviews(many: int, seed: int) -> tuple[list[str], list[str]]:
    """Texts whose label no single word tells: "good" and "not good" among other words."""
    rng = np.random.default_rng(seed)
    other = [
        "the",
        "film",
        "was",
        "a",
        "very",
        "long",
        "story",
        "about",
        "some",
        "people",
        "and",
        "their",
        "dog",
    ]
    texts, labels = [], []
    for _ in range(many):
        words = list(rng.choice(other, rng.integers(3, 9)))
        good, negated = rng.integers(0, 2, 2)
        place = rng.integers(0, len(words) + 1)
        words[place:place] = ["not"] * negated + ["good" if good else "bad"]
        texts.append(" ".join(words))
        labels.append("like" if good != negated else "dislike")
    return texts, labels


def test_a_text_classifier_reads_words_together() -> None:
    X, y = reviews(400, seed=0)
    new_X, new_y = reviews(200, seed=1)
    model = SequenceClassifier(
        hidden_size=16, embedding_size=8, max_epochs=15, learning_rate=0.02, random_state=0
    ).fit(X, y)
    assert model.score(new_X, new_y) > 0.95
    assert list(model.predict(["not bad", "bad dog", "a good film"])) == ["like", "dislike", "like"]


def test_speakers_are_known_by_their_vowels(data_folder: Callable[[str], Path]) -> None:
    data_folder("ucr_uea")
    problem = ucr("JapaneseVowels")
    model = SequenceClassifier(
        hidden_size=32, pooling="mean", max_epochs=12, learning_rate=0.01, random_state=0
    ).fit(problem.X_train, problem.y_train)
    assert len({len(x) for x in problem.X_train}) > 5, "lengths differ"
    assert model.score(problem.X_test, problem.y_test) > 0.9


def test_digits_in_one_look_and_row_by_row() -> None:
    X, y = digits()
    X = X.reshape(len(X), 8, 8)
    few, new = slice(0, 900), slice(900, 1400)
    at_once = FeedForwardClassifier(max_epochs=12, learning_rate=0.005, random_state=0)
    at_once.fit(X[few].reshape(900, -1), y[few])
    assert at_once.score(X[new].reshape(500, -1), y[new]) > 0.9
    by_rows = SequenceClassifier(max_epochs=8, learning_rate=0.01, random_state=0)
    assert by_rows.fit(X[few], y[few]).score(X[new], y[new]) > 0.85
