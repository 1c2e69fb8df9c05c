"""Texts that go on from a prompt, one symbol at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from unrolled.runtime.repeated_step import State
from unrolled.runtime.sampling import Sampling
from unrolled.runtime.stepper import Stepper

# Symbols drawn at a time, at most: the first ones come at once, the others without much between.
BLOCK = 32
# Steps of a prompt that are read at once, which bounds the memory.
READ = 1024
# Pairs of symbols whose texts are remembered.
MOST_KNOWN = 2**16
# Stands for bytes of a character that is not whole yet, of which there are at most three.
PART = "\ufffd"
WAITING = 3
Tokens = NDArray[np.int64]


def read(stepper: Stepper, tokens: Tokens) -> tuple[NDArray[np.float32], State]:
    """Scores [V] of what follows the tokens [T], T >= 1, and the state behind them."""
    state = stepper.zeros(1)
    for start in range(0, len(tokens) - 1, READ):
        state = stepper.run(tokens[start : min(start + READ, len(tokens) - 1), None], state)
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
    draw = stepper.walk(*read(stepper, prompt), sampling)
    drawn, block = 0, 1
    while length is None or drawn < length:
        count = block if length is None else min(block, length - drawn)
        for symbol in draw(rng.random(count), end):
            if symbol == end:
                return
            yield symbol
            drawn += 1
        block = min(2 * block, BLOCK)


def texts(
    found: Iterator[int], decode: Callable[[list[int]], str], before: list[int]
) -> Iterator[str]:
    """What each symbol adds to the text; joined it is the text that follows `before`.

    A symbol may add white space in front of itself, or nothing until the next one has come, as the
    first bytes of a character.
    """
    held = tuple(before[-1:])
    shown = len(decode(list(held))) if held else 0
    # What a symbol adds depends on the one before it alone, or on the bytes that wait.
    known: dict[tuple[int, ...], tuple[str, tuple[int, ...], int]] = {}
    for symbol in found:
        held = (*held, symbol)
        seen = (shown, *held)
        after = known.get(seen)
        if after is None:
            if len(known) == MOST_KNOWN:
                known.clear()
            after = known[seen] = _after(held, shown, decode)
        added, held, shown = after
        if added:
            yield added
    if held and (rest := decode(list(held))[shown:]):
        yield rest


def _after(
    held: tuple[int, ...], shown: int, decode: Callable[[list[int]], str]
) -> tuple[str, tuple[int, ...], int]:
    """What symbols add to the first `shown` letters of their text, and with what to go on."""
    text = decode(list(held))
    waits = text.endswith(PART)
    added = text[shown : len(text) - waits]
    held = held[-WAITING if waits else -1 :]
    return added, held, len(decode(list(held))) - waits
