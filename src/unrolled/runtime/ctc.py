"""Connectionist temporal classification (Graves et al. 2006): from scores of steps to symbols.

A model gives log-probabilities [T, V] of T steps, where 0 is the blank. A path, one of V at each
step, stands for the symbols that are left when repetitions are drawn together and then blanks taken
out; the probability of symbols is the sum of those of all their paths. All is float64, and sums of
powers are taken as logarithms.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unrolled.runtime.config_checks import is_finite_number, shown, whole_number
from unrolled.runtime.ctc_prefixes import BLANK, Prefixes
from unrolled.runtime.ctc_prefixes import Scorer as Scorer

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

# Sums of float32 powers that should be 1 are off by less.
SLACK = 1e-3


@dataclass(frozen=True, eq=False)
class CtcDecoded:
    """What was read from T steps.

    Attributes:
        symbols: [K] int64, from 1 to V - 1.
        steps: [K, 2] int64, the first and the last step of each symbol.
        log_probability: of the path, by `ctc_greedy`; of the symbols, all found paths of theirs
            together, by `ctc_beam`.
        score: what hypotheses are compared by; `log_probability` where no model had a say.
    """

    symbols: Integers
    steps: Integers
    log_probability: float
    score: float


def collapse(path: ArrayLike) -> tuple[Integers, Integers, Integers]:
    """The symbols [K] of a path [T] and the first and last step, [K], of each.

    Raises:
        TypeError: the path is no row of whole numbers.
        ValueError: one of them is negative.
    """
    path = _symbols("path", path, least=BLANK)
    changes = np.flatnonzero(np.diff(path, prepend=-1))
    last = np.append(changes[1:], len(path)) - 1 if len(path) else changes
    kept = path[changes] != BLANK
    first = changes[kept]
    return path[first], first, last[kept]


def ctc_greedy(log_p: ArrayLike) -> CtcDecoded:
    """The symbols of the likeliest path: the likeliest at each step, of equal ones the smaller.

    Args:
        log_p: [T, V] log-probabilities of each step, 0 the blank.

    Raises:
        ValueError: log_p is not so.
    """
    log_p = _checked(log_p)
    symbols, first, last = collapse(log_p.argmax(axis=1))
    total = float(log_p.max(axis=1).sum())
    return CtcDecoded(symbols, np.stack([first, last], axis=1), total, total)


def ctc_beam(
    log_p: ArrayLike,
    width: int = 10,
    *,
    model: Scorer | None = None,
    weight: float = 0.5,
    bonus: float = 0.0,
    prune: float = -12.0,
    n_best: int = 1,
) -> list[CtcDecoded]:
    """Prefix beam search (Graves & Jaitly 2014; Hannun et al. 2014, arXiv 1408.2873).

    Hypotheses are symbols, not paths: of each prefix the probability of its paths that end in a
    blank and of those that do not are carried on, and the `width` best are kept at each step. Their
    score is

        log P(symbols | steps) + weight * log P(symbols by the model) + bonus * number of symbols

    Args:
        log_p: [T, V] log-probabilities of each step, 0 the blank.
        width: prefixes that are kept, at least 1.
        model: what knows which symbols follow which; None for none.
        weight: of the model's log-probabilities, at least 0.
        bonus: for each symbol, which makes up for what the model takes from long ones.
        prune: symbols less likely than this log-probability are not tried at a step; -inf tries
            all.
        n_best: how many are given, 1 to `width`.

    Returns:
        The best first, different from each other; fewer where there are not so many. Of equal
        scores the one that was ahead before is first. `steps` are those of `ctc_align`.

    Raises:
        TypeError: an argument is of another kind.
        ValueError: an argument does not fit, or nothing is left that has a probability above 0.
    """
    log_p = _checked(log_p)
    width = whole_number("width", width, least=1)
    if whole_number("n_best", n_best, least=1) > width:
        raise ValueError(f"n_best needs at most the width of the beam, {width}, not {n_best}")
    if not is_finite_number(weight) or weight < 0:
        raise ValueError(f"weight needs a number of at least 0, not {shown(weight)}")
    if not is_finite_number(bonus):
        raise ValueError(f"bonus needs a finite number, not {shown(bonus)}")
    if not isinstance(prune, (int, float)) or not prune <= 0:
        raise ValueError(f"prune needs a log-probability of at most 0, not {shown(prune)}")
    prefixes = Prefixes(log_p.shape[1], width, model, weight, bonus)
    for step_p in log_p:
        prefixes.advance(step_p, np.flatnonzero(step_p[1:] >= prune) + 1)
    best = prefixes.best(n_best)
    if not best:
        raise ValueError(
            "no symbols have a probability above 0; let prune be lower or width be greater"
        )
    return [
        CtcDecoded(symbols, ctc_align(log_p, symbols), total, score)
        for symbols, total, score in best
    ]


def steps_needed(symbols: ArrayLike) -> int:
    """The fewest steps that symbols [K] may come from: one each, and one between equal ones.

    Raises:
        TypeError: symbols is no row of whole numbers.
        ValueError: one is below 1.
    """
    symbols = _symbols("symbols", symbols, least=BLANK + 1)
    return len(symbols) + int((symbols[1:] == symbols[:-1]).sum())


def ctc_log_likelihood(log_p: ArrayLike, symbols: ArrayLike) -> float:
    """Logarithm of the probability of symbols [K]: of all their paths together.

    It is -inf where no path stands for them: they need a step each, and one more between two that
    are equal.

    Args:
        log_p: [T, V] log-probabilities of each step, 0 the blank.
        symbols: [K] whole numbers from 1 to V - 1; none is allowed.

    Raises:
        TypeError: symbols is no row of whole numbers.
        ValueError: an argument is not so.
    """
    log_p = _checked(log_p)
    states, skips = _chain(log_p, symbols)
    a = np.full(len(states), -np.inf)
    a[:2] = log_p[0, states[:2]]
    for step_p in log_p[1:, states]:
        stay_or_next = np.logaddexp(a, _moved(a, 1))
        a = np.logaddexp(stay_or_next, np.where(skips, _moved(a, 2), -np.inf)) + step_p
    return float(np.logaddexp.reduce(a[-2:]))


def ctc_align(log_p: ArrayLike, symbols: ArrayLike) -> Integers:
    """When each symbol was: the first and last step [K, 2] in the likeliest path of symbols [K].

    Args:
        log_p: [T, V] log-probabilities of each step, 0 the blank.
        symbols: [K] whole numbers from 1 to V - 1; none is allowed.

    Raises:
        TypeError: symbols is no row of whole numbers.
        ValueError: an argument is not so, or no path stands for the symbols.
    """
    log_p = _checked(log_p)
    states, skips = _chain(log_p, symbols)
    T, K = len(log_p), len(states) // 2
    needed = K + int((~skips[3::2]).sum())
    if needed > T:
        raise ValueError(f"{K} symbols came that need {needed} steps or more, but there are {T}")
    a = np.full(len(states), -np.inf)
    a[:2] = log_p[0, states[:2]]
    back = np.zeros((T, len(states)), np.int8)
    for t in range(1, T):
        # [3, states] the best path that was in the same state, one or two before.
        ways = np.stack([_moved(a, 1), a, np.where(skips, _moved(a, 2), -np.inf)])
        back[t] = ways.argmax(axis=0)
        a = ways.max(axis=0) + log_p[t, states]
    at = len(states) - 1
    if at and a[at - 1] > a[at]:
        at -= 1
    if a[at] == -np.inf:
        raise ValueError(f"no path of the {T} steps that has a probability stands for the symbols")
    path = np.empty(T, np.int64)
    for t in range(T - 1, -1, -1):
        path[t] = at
        at -= BACK[back[t, at]]
    symbol_at = np.arange(1, 2 * K, 2)
    first = np.searchsorted(path, symbol_at, side="left")
    last = np.searchsorted(path, symbol_at, side="right") - 1
    return np.stack([first, last], axis=1)


# States that each way of `ctc_align` came over.
BACK = (1, 0, 2)


def _chain(log_p: Floats, symbols: ArrayLike) -> tuple[Integers, NDArray[np.bool_]]:
    """The 2K + 1 states, symbols between blanks, and which may be reached over a blank."""
    symbols = _symbols("symbols", symbols, least=BLANK + 1)
    V = log_p.shape[1]
    if len(symbols) and symbols.max() >= V:
        raise ValueError(f"symbols needs numbers from 1 to {V - 1}, not {symbols.max()}")
    states = np.full(2 * len(symbols) + 1, BLANK)
    states[1::2] = symbols
    skips = np.zeros(len(states), np.bool_)
    skips[3::2] = symbols[1:] != symbols[:-1]
    return states, skips


def _moved(a: Floats, by: int) -> Floats:
    moved = np.full_like(a, -np.inf)
    moved[by:] = a[:-by]
    return moved


def _checked(log_p: ArrayLike) -> Floats:
    array = np.asarray(log_p, np.float64)
    if array.ndim != 2 or not len(array) or array.shape[1] < 2:
        raise ValueError(
            f"log_p has shape {list(array.shape)}; [T, V] with T >= 1 steps and V >= 2 is needed"
        )
    most = array.max()
    if np.isnan(most):
        raise ValueError("log_p holds NaN; log-probabilities are needed")
    if most > SLACK:
        raise ValueError(
            f"log_p holds {most:.4g}, but log-probabilities are at most 0; take a log-softmax first"
        )
    return array


def _symbols(name: str, values: ArrayLike, *, least: int) -> Integers:
    array = np.asarray(values)
    if array.ndim != 1 or (array.size and not np.issubdtype(array.dtype, np.integer)):
        raise TypeError(f"{name} needs a row of whole numbers, not {shown(values)}")
    if array.size and array.min() < least:
        raise ValueError(f"{name} needs numbers of at least {least}, not {array.min()}")
    return array.astype(np.int64)
