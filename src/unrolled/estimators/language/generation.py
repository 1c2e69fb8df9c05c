"""Texts that go on from a prompt, one symbol at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from unrolled.runtime.repeated_step import State
from unrolled.runtime.sampling import Sampling
from unrolled.runtime.stepper import Stepper

# Uniform numbers are drawn so many at a time.
DRAWN = 256
# Pairs of symbols whose texts are remembered.
MOST_KNOWN = 2**16
PART = "\ufffd"
Tokens = NDArray[np.int64]


def read(stepper: Stepper, tokens: Tokens) -> tuple[NDArray[np.float32], State]:
    """Scores [V] of what follows the tokens [T], T >= 1, and the state behind them."""
    state = stepper.zeros(1)
    if len(tokens) > 1:
        state = stepper.run(tokens[:-1, None], state)
    scores, state = stepper.step(tokens[-1:], state)
    return scores[0], state


def symbols(
    stepper: Stepper,
    prompt: Tokens,
    length: int | None,
    sampling: Sampling,
    rng: np.random.Generator,
    end: int,
) -> Iterator[int]:
    """Symbols that follow a prompt, until `length` of them or the symbol `end`."""
    scores, state = read(stepper, prompt)
    drawn = 0
    uniform: list[float] = []
    x = np.empty(1, np.int64)
    while length is None or drawn < length:
        if not uniform:
            uniform = rng.random(DRAWN)[::-1].tolist()
        symbol = sampling.draw(scores, uniform.pop())
        if symbol == end:
            return
        yield symbol
        drawn += 1
        if drawn == length:
            return
        x[0] = symbol
        rows, state = stepper.step(x, state)
        scores = rows[0]


def texts(
    found: Iterator[int], decode: Callable[[list[int]], str], before: list[int]
) -> Iterator[str]:
    """What each symbol adds to the text; joined it is the text that follows `before`.

    A symbol may add white space in front of itself, or nothing until the next one has come, as the
    first bytes of a character.
    """
    held = tuple(before[-1:])
    shown = len(held)  # of those held, the first ones, which stand in the text already
    # What a symbol adds depends on the one before it alone, or on the bytes that wait.
    known: dict[tuple[int, ...], str] = {}
    for symbol in found:
        held = (*held, symbol)
        seen = (shown, *held)
        added = known.get(seen)
        if added is None:
            if len(known) == MOST_KNOWN:
                known.clear()
            added = known[seen] = _behind(shown, held, decode)
        # U+FFFD stands for bytes of a character that is not whole yet.
        if not added.endswith(PART):
            yield added
            held, shown = held[-1:], 1
    if len(held) > shown:
        yield _behind(shown, held, decode)


def _behind(shown: int, held: tuple[int, ...], decode: Callable[[list[int]], str]) -> str:
    """The text of symbols that follows that of the first `shown` of them."""
    return decode(list(held))[len(decode(list(held[:shown]))) if shown else 0 :]
