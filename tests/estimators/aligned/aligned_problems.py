"""Small problems with a label or a number for each step, and small models of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from unrolled import SequenceTagger, SignalRegressor
from unrolled.estimators.checkpoints import Run

LENGTHS = [7, 1, 12, 4, 9, 9, 3, 6, 5, 11]
Signals = list[np.ndarray]


def characters(seed: int = 0) -> tuple[list[str], list[list[str]]]:
    """Texts, and of each character whether it is a vowel, a consonant behind one, or another."""
    rng = np.random.default_rng(seed)
    X = ["".join(rng.choice(list("abcde"), n)) for n in LENGTHS]
    y = []
    for text in X:
        pairs = zip(" " + text, text, strict=False)
        y.append(["V" if c in "ae" else "B" if before in "ae" else "O" for before, c in pairs])
    return X, y


def numbers(seed: int = 0) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Signals [T_i, 2], and of each step the sign of a sum of two steps, -1, 0 or 1."""
    rng = np.random.default_rng(seed)
    X = [rng.normal(5.0, 3.0, size=(n, 2)) for n in LENGTHS]
    y = []
    for x in X:
        total = x[:, 0] + np.append(5.0, x[:-1, 1]) - 10.0
        y.append(np.where(np.abs(total) < 2.0, 0, np.sign(total)).astype(np.int64))
    return X, y


def words(seed: int = 0) -> tuple[list[list[str]], list[list[str]]]:
    """Sentences of words whose ends tell their labels."""
    rng = np.random.default_rng(seed)
    known = {"walking": "VERB", "Running": "VERB", "dog": "NOUN", "Dogs": "NOUN", "the": "DET"}
    X = [rng.choice(list(known), n).tolist() for n in LENGTHS]
    return X, [[known[word] for word in sentence] for sentence in X]


KINDS = {"characters": characters, "numbers": numbers, "words": words}


def signals(K: int = 0, C: int = 2, seed: int = 0) -> tuple[Signals, Signals]:
    """Signals [T_i, C] of unequal lengths, and a sum of two steps for each, [T_i] or [T_i, K]."""
    rng = np.random.default_rng(seed)
    X = [rng.normal(2.0, 3.0, size=(n, C)) for n in LENGTHS]
    y = []
    for x in X:
        before = np.vstack([np.zeros(C), x[:-1]])
        row = 10.0 + 5.0 * (x[:, 0] + before[:, -1])
        y.append(row if K == 0 else np.stack([row * (k + 1) - 3.0 * k for k in range(K)], axis=1))
    return X, y


def tagger(**changes: Any) -> SequenceTagger:
    given = {
        "hidden_size": 4, "embedding_size": 6, "affix_size": 3, "max_epochs": 3, "batch_size": 4,
        "random_state": 0, **changes,
    }  # fmt: skip
    return SequenceTagger(**given)


def signal(**changes: Any) -> SignalRegressor:
    given = {"hidden_size": 5, "max_epochs": 3, "batch_size": 4, "random_state": 0, **changes}
    return SignalRegressor(**given)


def flat(rows: Any) -> list[Any]:
    return [item for row in rows for item in row]


class KilledError(BaseException):
    pass


def die_at_second_save(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fit that writes checkpoints ends with a KilledError behind the second one."""
    save, left = Run.save, [2]

    def save_and_die(self: Run, *arguments: Any) -> None:
        save(self, *arguments)
        left[0] -= 1
        if left[0] == 0:
            raise KilledError

    monkeypatch.setattr(Run, "save", save_and_die)
