"""Strings of the embedded Reber grammar."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unrolled.data import checks
from unrolled.data.generated import RandomState, generator

SYMBOLS = "BTPSXVE"

# Reber's grammar, its two arrows out of each state: (symbol, next state). Both are E at the end.
_ARROWS = (
    (("T", 1), ("P", 2)),
    (("S", 1), ("X", 3)),
    (("T", 2), ("V", 4)),
    (("X", 2), ("S", 5)),
    (("P", 3), ("V", 5)),
    (("E", 6), ("E", 6)),
)
_END = 6


@dataclass(frozen=True, eq=False)
class ReberStrings:
    """N strings of the embedded Reber grammar, with what can be asked about them.

    Many to one: `prefixes` in, `target` out. Many to many: `strings` in, `next_symbols` out.

    Attributes:
        strings: N whole strings, such as BTBTXSETE.
        prefixes: the same without their last two symbols, which leaves BTBTXSE.
        target: array [N] of "T" or "P", the symbol that follows the prefix; it is the second symbol
            of the string, and so has to be remembered over all between.
        next_symbols: N arrays [T_i, 7] bool, which of the symbols BTPSXVE the grammar allows after
            each step of the string; none after the last.
    """

    strings: list[str]
    prefixes: list[str]
    target: np.ndarray
    next_symbols: list[np.ndarray]


def embedded_reber(num_samples: int = 1000, random_state: RandomState = None) -> ReberStrings:
    """Draw strings of the embedded Reber grammar; every arrow is taken with probability 1/2.

    A string is B, a symbol T or P, a string of Reber's grammar, the same symbol again, E.

    Source: Hochreiter and Schmidhuber (1997), Long short-term memory, experiment 1; the inner
    grammar is that of Reber (1967), Implicit learning of artificial grammars.
    """
    N = checks.as_count(num_samples, "num_samples")
    rng = generator(random_state)
    outer = rng.integers(0, 2, N)
    code = {symbol: i for i, symbol in enumerate(SYMBOLS)}
    symbol_after = np.array([[code[symbol] for symbol, _ in arrows] for arrows in _ARROWS])
    state_after = np.array([[state for _, state in arrows] for arrows in _ARROWS])
    allowed = np.zeros((len(_ARROWS), len(SYMBOLS)), dtype=bool)
    for row, arrows in zip(allowed, _ARROWS, strict=True):
        row[[code[symbol] for symbol, _ in arrows]] = True

    state = np.zeros(N, dtype=np.int64)
    states, symbols = [], []
    # One step of all N walks at a time; walks at their end draw on and are cut below.
    while (state != _END).any():
        states.append(state)
        at = np.minimum(state, _END - 1)
        arrow = rng.integers(0, 2, N)
        symbols.append(symbol_after[at, arrow])
        state = np.where(state == _END, _END, state_after[at, arrow])
    walked, written = np.stack(states, axis=1), np.stack(symbols, axis=1)  # [N, steps]
    lengths = (walked != _END).sum(axis=1)

    strings, next_symbols = [], []
    for n in range(N):
        inner = written[n, : lengths[n]]
        letter = "TP"[outer[n]]
        strings.append(f"B{letter}B{''.join(SYMBOLS[i] for i in inner)}{letter}E")
        after = np.zeros((lengths[n] + 5, len(SYMBOLS)), dtype=bool)
        after[0, [code["T"], code["P"]]] = True
        after[1, code["B"]] = True
        after[2:-3] = allowed[walked[n, : lengths[n]]]
        after[-3, code[letter]] = True
        after[-2, code["E"]] = True
        next_symbols.append(after)
    prefixes = [string[:-2] for string in strings]
    return ReberStrings(strings, prefixes, np.array(list("TP"))[outer], next_symbols)
