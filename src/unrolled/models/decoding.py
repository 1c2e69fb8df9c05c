"""How a model writes one symbol after another: the likeliest, drawn at random, or by beam search.

One implementation for every model that writes. What it writes with is a `Stepwise`; its state is a
value that is only passed on. All rows, and all hypotheses of each, go through the model side by
side; those that have ended leave it. Everything here is NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from unrolled.runtime.config_checks import is_finite_number, shown, whole_number
from unrolled.runtime.finished import Decoded as Decoded
from unrolled.runtime.finished import Finished, Floats, Integers
from unrolled.runtime.sampling import Sampling

Scores = NDArray[np.float32]

# Of the power of the length.
MOST_PENALTY = 10.0


class Stepwise(Protocol):
    """A model that writes R rows side by side, a symbol each at a step."""

    def step(self, tokens: Integers, state: Any) -> tuple[Scores, Any]:
        """From the symbols before, [R] int64: log-probabilities [R, V] float32 and a state.

        Entry v of a row is that of symbol v being the next one, at most 0; -inf is one that cannot
        follow. The array is the caller's, who may write into it; the state given is not changed.
        """

    def take(self, state: Any, rows: Integers) -> Any:
        """The state of these rows in this order; a row may come several times."""


def greedy(
    model: Stepwise,
    state: Any,
    first: Integers,
    end: int,
    most: Integers | int,
    *,
    barred: tuple[int, ...] = (),
    least: int = 0,
) -> list[Decoded]:
    """The likeliest symbol after another; of equally likely ones the smaller.

    Args:
        model: see `Stepwise`.
        state: of N rows, before their first symbol.
        first: [N] int64, what the model reads at the first step.
        end: the symbol that ends a row.
        most: how many symbols a row may have, its end counted; one number or [N] int64, at least 1.
        barred: symbols that are never written.
        least: how many symbols stand before the end at least.

    Returns:
        One for each row, in their order.

    Raises:
        TypeError: an argument is of another kind.
        ValueError: an argument does not fit, or the model gives NaN or lets no symbol follow.
    """

    def likeliest(scores: Scores) -> Integers:
        tokens: Integers = scores.argmax(axis=1)
        return tokens

    return _write(model, state, first, end, most, likeliest, barred, least)


def sample(
    model: Stepwise,
    state: Any,
    first: Integers,
    end: int,
    most: Integers | int,
    sampling: Sampling,
    rng: np.random.Generator,
    *,
    least: int = 0,
) -> list[Decoded]:
    """A symbol drawn after another by the rule of `sampling`; otherwise as `greedy`.

    Log-probabilities are the model's own, whatever the rule. Each step takes one number of `rng`
    for each row that still writes.
    """

    def drawn(scores: Scores) -> Integers:
        _refuse_unlikely(scores.max(axis=1))
        pairs = zip(scores, rng.random(len(scores)), strict=True)
        return np.array([sampling.draw(row, uniform) for row, uniform in pairs], np.int64)

    return _write(model, state, first, end, most, drawn, tuple(sampling.barred), least)


def beam(
    model: Stepwise,
    state: Any,
    first: Integers,
    end: int,
    most: Integers | int,
    width: int,
    *,
    length_penalty: float = 1.0,
    n_best: int = 1,
    barred: tuple[int, ...] = (),
    least: int = 0,
    margin: float = math.inf,
    ahead: float = math.inf,
) -> list[list[Decoded]]:
    """The best of what `width` hypotheses side by side find; a width of 1 is `greedy`.

    At each step the likeliest continuations of a row's hypotheses go on, as many as `width` less
    those that have ended (Sutskever, Vinyals & Le 2014, arXiv 1409.3215). The score of an ended one
    is its log-probability / (symbols with the end) ** length_penalty. A hypothesis is given up when
    `n_best` have ended with a score that it cannot reach however it goes on, and where `margin` or
    `ahead` says so; a row is done when none is left. Of equally likely continuations the one of the
    likelier hypothesis, then the smaller symbol goes on. A hypothesis without an end, for which
    there was no room, comes behind all that have ended.

    Args:
        model: see `Stepwise`; the first step has N rows, later ones at most N * width.
        state: as those from here on of `greedy`.
        first: likewise.
        end: likewise.
        most: likewise.
        width: hypotheses of a row, at least 1.
        length_penalty: 0 to 10; 0 compares log-probabilities, which short ones win.
        n_best: how many are given of each row, 1 to `width`.
        barred: symbols that are never written.
        least: how many symbols stand before the end at least.
        margin: a hypothesis is given up that is less likely than its row's likeliest by more than
            so many nats (Freitag & Al-Onaizan 2017, arXiv 1702.01806), ended ones not counted.
        ahead: what a hypothesis can reach is taken as if it ended, with certainty, within so many
            times the symbols that it has, and not within `most`; at least 1.

    Returns:
        For each row, in their order, `n_best` of different symbols, the best first; fewer where
        there are not so many.

    Raises:
        TypeError: an argument is of another kind.
        ValueError: an argument does not fit, or the model gives NaN or lets no symbol follow.
    """
    token, limit = _checked(first, most)
    width = whole_number("width", width, least=1)
    if whole_number("n_best", n_best, least=1) > width:
        raise ValueError(f"n_best needs at most the width of the beam, {width}, not {n_best}")
    if not is_finite_number(length_penalty) or not 0 <= length_penalty <= MOST_PENALTY:
        raise ValueError(f"length_penalty needs a number from 0 to 10, not {shown(length_penalty)}")
    for name, value, lowest in (("margin", margin, 0), ("ahead", ahead, 1)):
        if not value >= lowest:
            raise ValueError(f"{name} needs a number of at least {lowest}, not {shown(value)}")
    done = Finished(len(token), width)
    history: list[tuple[Integers, Integers]] = []
    # Of each hypothesis that goes on: its row, rising; its place among those of the last step.
    row = before = np.arange(len(token))
    log_p = np.zeros(len(token))
    bar = np.full(len(token), -np.inf)
    while len(row):
        scores, state = _step(model, token, state, end, barred, may_end=len(history) >= least)
        parent, token, log_p = _continuations(scores, log_p, row, width - done.count)
        history.append((before[parent], token))
        row, steps = row[parent], len(history)
        ended = token == end
        stops = np.flatnonzero(ended | (limit[row] <= steps))
        if len(stops):
            done.add(row[stops], steps, stops, log_p[stops], ended[stops], length_penalty)
            bar = done.bars(n_best)
        longest = np.minimum(limit[row], max(ahead * steps, steps + 1.0))
        goes_on = ~ended & (limit[row] > steps) & (log_p / longest**length_penalty > bar[row])
        if margin < math.inf:
            likeliest = np.full(len(limit), -np.inf)
            np.maximum.at(likeliest, row[goes_on], log_p[goes_on])
            goes_on &= log_p >= likeliest[row] - margin
        before = np.flatnonzero(goes_on)
        if len(before):
            rows = parent[before]
            if not np.array_equal(rows, np.arange(len(scores))):
                state = model.take(state, rows)
        row, token, log_p = row[before], token[before], log_p[before]
    if not done.count.all():
        raise ValueError(f"no symbol can follow in any hypothesis of row {done.count.argmin()}")
    return [done.best(row, n_best, history) for row in range(len(done.count))]


def _continuations(
    scores: Scores, log_p: Floats, row: Integers, room: Integers
) -> tuple[Integers, Integers, Floats]:
    """The likeliest continuations of each row's hypotheses, `room[row]` of them.

    Each turn takes one more of every row, and looks again only at the hypothesis it was of: about
    two passes over the scores in all, whatever the width.

    Args:
        scores: [R, V] of the hypotheses, overwritten.
        log_p: [R].
        row: [R] rising.
        room: of each row.

    Returns:
        The hypothesis, symbol and log-probability of each, by row and then falling.
    """
    R = len(row)
    start = np.flatnonzero(np.diff(row, prepend=-1))
    group = np.repeat(np.arange(len(start)), np.diff(start, append=R))
    likeliest = scores.argmax(axis=1)
    step_p = scores[np.arange(R), likeliest]
    _refuse_nan(step_p)
    rank = np.arange(R) - start[group]
    # [G, most hypotheses of one] what the next continuation of each would have.
    table = np.full((len(start), rank.max() + 1), -np.inf)
    table[group, rank] = log_p + step_p
    left = room[row[start]]
    g, turn = np.arange(len(start)), 0
    found: list[tuple[Integers, Integers, Floats]] = []
    while True:
        g = g[left[g] > turn]
        best = table[g].argmax(axis=1)
        value = table[g, best]
        possible = value > -np.inf
        if not possible.all():
            g, best, value = g[possible], best[possible], value[possible]
        at = start[g] + best
        found.append((at, likeliest[at], value))
        turn += 1
        more = left[g] > turn
        g, at, best = g[more], at[more], best[more]
        if not len(g):
            break
        scores[at, likeliest[at]] = -np.inf
        lines = scores[at]
        likeliest[at] = symbol = lines.argmax(axis=1)
        table[g, best] = log_p[at] + lines[np.arange(len(at)), symbol]
    at, token, value = (np.concatenate(parts) for parts in zip(*found, strict=True))
    order = np.argsort(row[at], kind="stable")
    return at[order], token[order], value[order]


def _write(
    model: Stepwise,
    state: Any,
    first: Integers,
    end: int,
    most: Integers | int,
    choose: Callable[[Scores], Integers],
    barred: tuple[int, ...],
    least: int = 0,
) -> list[Decoded]:
    """One hypothesis a row; `choose` gives a symbol of each row of scores [R, V]."""
    token, limit = _checked(first, most)
    N = len(token)
    log_p, steps, ended = np.zeros(N), np.zeros(N, np.int64), np.zeros(N, np.bool_)
    history: list[tuple[Integers, Integers]] = []
    row = np.arange(N)
    while len(row):
        scores, state = _step(model, token, state, end, barred, may_end=len(history) >= least)
        token = choose(scores)
        step_p = scores[np.arange(len(row)), token]
        _refuse_unlikely(step_p)
        history.append((row, token))
        log_p[row] += step_p
        steps[row] += 1
        ended[row] = token == end
        rows = np.flatnonzero(~ended[row] & (steps[row] < limit[row]))
        if 0 < len(rows) < len(row):
            state = model.take(state, rows)
        row, token = row[rows], token[rows]
    written = np.zeros((N, len(history)), np.int64)
    for step, (row, token) in enumerate(history):
        written[row, step] = token
    return [
        Decoded(
            tokens=written[n, : steps[n] - ended[n]].copy(),
            log_probability=float(log_p[n]),
            score=float(log_p[n] / steps[n]),
            ended=bool(ended[n]),
        )
        for n in range(N)
    ]


def _step(
    model: Stepwise,
    token: Integers,
    state: Any,
    end: int,
    barred: tuple[int, ...],
    *,
    may_end: bool,
) -> tuple[Scores, Any]:
    """Log-probabilities [R, V] that may be written into, -inf of what must not be written."""
    scores, state = model.step(token, state)
    if scores.ndim != 2 or len(scores) != len(token):
        raise ValueError(
            f"a step of {len(token)} rows gave log-probabilities of shape {list(scores.shape)}; "
            f"[{len(token)}, V] is needed"
        )
    V = scores.shape[1]
    for name, symbol in (("end", end), *(("barred", symbol) for symbol in barred)):
        if not 0 <= symbol < V:
            raise ValueError(f"{name} needs a symbol from 0 to {V - 1}, not {shown(symbol)}")
    scores = np.require(scores, requirements="W")
    if barred:
        scores[:, list(barred)] = -np.inf
    if not may_end:
        scores[:, end] = -np.inf
    return scores, state


def _checked(first: Integers, most: Integers | int) -> tuple[Integers, Integers]:
    """The first symbols [N], and how many each row may have, [N]."""
    if not isinstance(first, np.ndarray) or first.ndim != 1 or first.dtype != np.int64:
        raise TypeError(f"first needs an array [N] of int64, not {shown(first)}")
    if not isinstance(most, np.ndarray):
        return first, np.full(len(first), whole_number("most", most, least=1))
    if most.shape != first.shape or most.dtype != np.int64:
        raise TypeError(f"most needs one whole number or an array [{len(first)}] of int64")
    if len(most) and most.min() < 1:
        raise ValueError(f"most needs whole numbers of at least 1, not {most.min()}")
    return first, most


def _refuse_nan(log_p: Scores) -> None:
    # argmax and max give the NaN of a row where there is one.
    if np.isnan(log_p).any():
        raise ValueError("the model gave NaN where log-probabilities are needed")


def _refuse_unlikely(log_p: Scores) -> None:
    _refuse_nan(log_p)
    if len(log_p) and log_p.min() == -math.inf:
        raise ValueError("the model lets no symbol follow that is not barred")
