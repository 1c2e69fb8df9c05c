"""Which symbol comes next: from a model's scores to one draw, greedy or at random."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np
from numpy.typing import NDArray

from unrolled.runtime.spec_checks import shown

F64 = NDArray[np.float64]
# Temperatures by which float32 scores may be divided without overflow.
LOW = 1e-6


@dataclass(frozen=True)
class Sampling:
    """A rule to draw one of V symbols by their scores.

    The scores are divided by `temperature`; of the shares of 1 that a softmax makes of them, the
    `top_k` largest are kept, and of those the largest that together reach `top_p` (nucleus
    sampling: Holtzman et al. 2020, arXiv 1904.09751); a symbol is drawn by what is left.

    Attributes:
        temperature: at least 0; 1 draws by the model's own shares, 0 takes the likeliest symbol.
        top_k: symbols that are kept, at least 1; None keeps all.
        top_p: above 0, at most 1; None keeps all.
        barred: symbols that are never drawn.

    Raises:
        ValueError: an argument is not so.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    barred: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        t, k, p = self.temperature, self.top_k, self.top_p
        if not _is_number(t) or not 0.0 <= t < math.inf:
            raise ValueError(f"temperature must be a number of at least 0, got {shown(t)}")
        if k is not None and (not isinstance(k, Integral) or isinstance(k, bool) or k < 1):
            raise ValueError(f"top_k must be a whole number of at least 1 or None, got {shown(k)}")
        if p is not None and (not _is_number(p) or not 0.0 < p <= 1.0):
            raise ValueError(
                f"top_p must be a number above 0 and at most 1, or None, got {shown(p)}"
            )

    def shares(self, scores: NDArray[np.float32]) -> F64:
        """Probabilities [V] of a draw by scores [V].

        Raises:
            ValueError: every symbol is barred.
        """
        y = scores.astype(np.float64)
        if self.barred:
            y[list(self.barred)] = -np.inf
        most = y.max()
        if most == -np.inf:
            raise ValueError("all symbols are barred, so that none can be drawn")
        if self.temperature == 0.0:
            first = np.zeros_like(y)
            first[y.argmax()] = 1.0
            return first
        y -= most
        # So low a temperature that the quotient is no number: the likeliest ones alone.
        with np.errstate(over="ignore"):
            shares = np.exp(np.divide(y, self.temperature, out=y, where=y != 0.0))
        if self.top_k is not None and self.top_k < len(shares):
            shares[np.argsort(-shares, kind="stable")[self.top_k :]] = 0.0
        shares /= shares.sum()
        if self.top_p is not None and self.top_p < 1.0:
            order = np.argsort(-shares, kind="stable")
            # A symbol is kept while those before it have not reached top_p.
            before = np.cumsum(shares[order]) - shares[order]
            shares[order[before >= self.top_p]] = 0.0
            shares /= shares.sum()
        return shares

    def draw(self, scores: NDArray[np.float32], uniform: float) -> int:
        """A symbol by scores [V] and a number drawn evenly from [0, 1)."""
        if self.temperature == 0.0 and not self.barred:
            return int(scores.argmax())
        reached = self._weights(scores).cumsum()
        most = reached[-1]
        if not most > 0.0:  # beside what is barred all others have vanished
            reached = self.shares(scores).cumsum()
            most = reached[-1]
        # Behind the last share that is not 0 nothing is drawn, however the sum was rounded.
        return int(reached.searchsorted(uniform * most, side="right"))

    def _weights(self, scores: NDArray[np.float32]) -> F64:
        """Numbers [V] in proportion to the shares, or all 0: few steps where nothing is sorted."""
        if self.top_k is not None or self.top_p is not None or self.temperature < LOW:
            return self.shares(scores)
        y: F64 = np.subtract(scores, scores.max(), dtype=np.float64)
        if self.temperature != 1.0:
            y *= 1.0 / self.temperature
        np.exp(y, out=y)
        for symbol in self.barred:
            y[symbol] = 0.0
        return y


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)
