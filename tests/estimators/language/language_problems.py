"""A small text, a model of it, and its symbols one at a time."""

from __future__ import annotations

import random
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np

from unrolled import LanguageModel
from unrolled.estimators.language.scoring import log_softmax
from unrolled.runtime.stepper import Stepper

WORDS = ["how", "are", "you", "fine", "and", "what", "is", "new"]


def sentences(count: int, seed: int = 0) -> str:
    """Lines of words, each word likely to be followed by the next of WORDS."""
    rng = random.Random(seed)
    lines = []
    for _ in range(count):
        at, line = rng.randrange(8), []
        for _ in range(rng.randrange(3, 7)):
            line.append(WORDS[at])
            at = (at + 1) % 8 if rng.random() < 0.8 else rng.randrange(8)
        lines.append(" ".join(line))
    return "\n".join(lines) + "\n"


TEXT = sentences(120)
OTHER = sentences(30, seed=1) + "xyz!"


def model(**changes: Any) -> LanguageModel:
    arguments: dict[str, Any] = {
        "hidden_size": 24, "bptt": 20, "batch_size": 8, "max_epochs": 3, "learning_rate": 0.02,
        "random_state": 0, "verbose": False, **changes,
    }  # fmt: skip
    return LanguageModel(**arguments)


@cache
def fitted(unit: str = "character", cell: str = "lstm", num_layers: int = 1) -> LanguageModel:
    return model(unit=unit, cell=cell, num_layers=num_layers).fit(TEXT)


def one_at_a_time(m: LanguageModel, tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """log p of tokens 1 ... M - 1, and the last layer's states that foretell them."""
    stepper = Stepper(m.spec_, m.weights_)
    state, found, states = stepper.zeros(1), [], []
    layers = int(m.num_layers)
    for before, after in pairwise(tokens):
        scores, state = stepper.step(np.array([before], np.int64), state)
        found.append(log_softmax(scores[0])[after])
        states.append(state[layers - 1][0])
    return np.array(found), np.array(states)


def tokens_of(m: LanguageModel, text: str) -> np.ndarray:
    return np.concatenate([[1], m.vocabulary_.encode(text)])
