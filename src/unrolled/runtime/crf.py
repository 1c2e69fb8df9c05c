"""The linear-chain conditional random field (Lafferty, McCallum & Pereira 2001) of the loss "crf".

A path of labels y of a sequence of T steps has the score

    s(y) = start[y_0] + end[y_T-1] + sum of e_t[y_t] over t >= 0
         + sum of transition[y_t-1, y_t] over t >= 1

with the emissions e, the raw outputs of a model, and the parameters "crf.start", "crf.end" and
"crf.transition" of its spec. Its probability is exp(s(y)) / Z, where Z is the sum of exp(s) over
all paths.

All functions take N sequences at once, as `Network.predict` gives them: the rows of `emissions`
[M, K] are the steps of the first sequence, then those of the second, and so on; `lengths` [N] int64
says how many each has, at least 1. Everything is float64 and sums of powers are taken as
logarithms. They raise TypeError and ValueError where arrays do not fit each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

# Where all transitions lie within this, what underflows in a product of powers, below e^-700, is
# less than e^-400 of any sum.
NARROW = 300.0
# Numbers that a sum over pairs of labels holds at once.
AT_ONCE = 2**21


def log_likelihood(
    emissions: ArrayLike,
    labels: Integers,
    lengths: Integers,
    start: ArrayLike,
    end: ArrayLike,
    transition: ArrayLike,
) -> Floats:
    """Logarithm of the probability of the labels of each sequence, [N].

    Args:
        emissions: [M, K].
        labels: [M] int64; -1 is a missing one, which may be any: paths that agree are summed over.
        lengths: [N] int64.
        start: [K] of the first label.
        end: [K] of the last label.
        transition: [K, K] of label j being followed by label k.
    """
    field = _field(emissions, lengths, start, end, transition)
    M, K = field.emissions.shape
    _check_integers("labels", labels, -1, K - 1)
    if labels.shape != (M,):
        raise ValueError(f"labels must have shape [{M}], got {list(labels.shape)}")
    wrong = (labels[:, None] >= 0) & (labels[:, None] != np.arange(K))
    agreeing = _Field(np.where(wrong, -np.inf, field.emissions), lengths, field.transition)
    return agreeing.log_totals - field.log_totals


def viterbi(
    emissions: ArrayLike,
    lengths: Integers,
    start: ArrayLike,
    end: ArrayLike,
    transition: ArrayLike,
) -> Integers:
    """The path of the highest score of each sequence (Viterbi 1967), [M]; arguments as above.

    Of equal scores the one with the lower label, looking from the end, is taken.
    """
    field = _field(emissions, lengths, start, end, transition)
    e, steps = field.emissions, field.steps
    score = e[steps[0]]
    before = np.zeros(e.shape, np.int32)
    for rows in steps[1:]:
        n = len(rows)
        best = np.empty_like(score[:n])
        for at, sums in _sums(score[:n], field.transition):
            before[rows, at] = sums.argmax(axis=1)
            best[:, at] = sums.max(axis=1)
        score[:n] = e[rows] + best
    y = score.argmax(axis=1)  # of a sequence that goes on, not yet used
    labels = np.empty(len(e), np.int64)
    for rows in reversed(steps):
        n = len(rows)
        labels[rows] = y[:n]
        y[:n] = before[rows, y[:n]]
    return labels


def marginals(
    emissions: ArrayLike,
    lengths: Integers,
    start: ArrayLike,
    end: ArrayLike,
    transition: ArrayLike,
) -> Floats:
    """The probability of each label at each step, [M, K], each row summing to 1; likewise."""
    field = _field(emissions, lengths, start, end, transition)
    e, backward = field.emissions, np.zeros_like(field.emissions)
    for before, rows in reversed(list(pairwise(field.steps))):
        backward[before[: len(rows)]] = _log_sums(e[rows] + backward[rows], field.transition.T)
    log_total = np.repeat(field.log_totals, lengths)[:, None]
    powers = np.exp(field.forward + backward - log_total)
    shares: Floats = powers / powers.sum(axis=1, keepdims=True)
    return shares


@dataclass(frozen=True, eq=False)
class _Field:
    """Scores of N sequences.

    Attributes:
        emissions: [M, K] with `start` and `end` added to the first and last steps.
        lengths: [N].
        transition: [K, K].
    """

    emissions: Floats
    lengths: Integers
    transition: Floats

    @cached_property
    def order(self) -> Integers:
        """The sequences in falling order of length."""
        return np.argsort(-self.lengths, kind="stable")

    @cached_property
    def steps(self) -> list[Integers]:
        """Of each step t, the rows of those that have it, in that order."""
        first = (np.cumsum(self.lengths) - self.lengths)[self.order]
        falling = self.lengths[self.order]
        return [first[: (falling > t).sum()] + t for t in range(falling[0])]

    @cached_property
    def forward(self) -> Floats:
        """[M, K] log of the sum of exp of the scores of all paths to a step that end in a label."""
        e, steps = self.emissions, self.steps
        a = np.empty_like(e)
        a[steps[0]] = e[steps[0]]
        for before, rows in pairwise(steps):
            a[rows] = e[rows] + _log_sums(a[before[: len(rows)]], self.transition)
        return a

    @cached_property
    def log_totals(self) -> Floats:
        """[N] log Z."""
        last = self.forward[np.cumsum(self.lengths) - 1]
        largest = last.max(axis=1)
        totals: Floats = largest + np.log(np.exp(last - largest[:, None]).sum(axis=1))
        return totals


def _log_sums(scores: Floats, transition: Floats) -> Floats:
    """`log(sum over j of exp(scores[n, j] + transition[j, k]))`, [n, K]."""
    largest = transition.max()
    if largest - transition.min() <= NARROW:
        most = scores.max(axis=1, keepdims=True)
        powers = np.exp(scores - most) @ np.exp(transition - largest)
        found: Floats = np.log(powers) + (most + largest)
        return found
    found = np.empty_like(scores)
    for at, sums in _sums(scores, transition):
        most = sums.max(axis=1)
        found[:, at] = most + np.log(np.exp(sums - most[:, None]).sum(axis=1))
    return found


def _sums(scores: Floats, transition: Floats) -> Iterator[tuple[slice, Floats]]:
    """Some labels k at a time, and `scores[n, j] + transition[j, k]` of them, [n, j, k]."""
    width = max(1, AT_ONCE // scores.size)
    for k in range(0, len(transition), width):
        at = slice(k, k + width)
        yield at, scores[:, :, None] + transition[:, at]


def _field(
    emissions: ArrayLike,
    lengths: Integers,
    start: ArrayLike,
    end: ArrayLike,
    transition: ArrayLike,
) -> _Field:
    e = np.array(emissions, np.float64)
    if e.ndim != 2 or e.shape[1] < 1:
        raise ValueError(f"emissions must have shape [M, K], got {list(e.shape)}")
    M, K = e.shape
    _check_integers("lengths", lengths, 1, M)
    if lengths.ndim != 1 or not len(lengths) or lengths.sum() != M:
        raise ValueError(f"lengths must add up to the {M} rows of emissions, got {lengths!r:.80}")
    named = {"start": (start, (K,)), "end": (end, (K,)), "transition": (transition, (K, K))}
    found = {name: np.asarray(array, np.float64) for name, (array, _) in named.items()}
    for name, (_, shape) in named.items():
        if found[name].shape != shape:
            raise ValueError(f"{name} must have shape {list(shape)}, got {list(found[name].shape)}")
    for name, array in {"emissions": e, **found}.items():
        if not np.isfinite(array).all():
            raise ValueError(f"{name} holds NaN or infinity, but scores must be finite")
    last = np.cumsum(lengths) - 1
    e[last - lengths + 1] += found["start"]
    e[last] += found["end"]
    return _Field(e, lengths, found["transition"])


def _check_integers(name: str, array: Integers, least: int, most: int) -> None:
    if not isinstance(array, np.ndarray) or array.dtype != np.int64:
        kind = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
        raise TypeError(f"{name} must be an array of int64, got {kind}")
    if array.size and not (least <= array.min() and array.max() <= most):
        wrong = array[(array < least) | (array > most)][0]
        raise ValueError(f"{name} must be from {least} to {most}, got {wrong}")
