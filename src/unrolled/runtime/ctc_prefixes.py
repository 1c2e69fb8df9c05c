"""The prefixes of `ctc_beam`, side by side, and what may score them."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

BLANK = 0
ROOT = 0
# States of the model that are kept for each prefix that is.
STATES_OF_ONE = 64


class Scorer(Protocol):
    """A model of which symbols follow which; what it carries along is a value."""

    def start(self) -> Any:
        """The state before the first symbol."""

    def following(self, state: Any) -> NDArray[Any]:
        """Log-probabilities [V] of what comes next; entry 0, the blank's, is not looked at."""

    def extend(self, state: Any, symbol: int) -> Any:
        """The state behind one more symbol; the state given is not changed."""

    def end(self, state: Any) -> float:
        """Log-probability that nothing comes next; 0.0 of a model that knows no ends."""


class Prefixes:
    """At most `width` prefixes of symbols, the likeliest of those tried.

    A prefix is a node of a tree, which keeps its number when it is given up and found again. Arrays
    [B] hold, of each that is kept, its node, that of the prefix one shorter, its last symbol, the
    log-probabilities of its paths that end in a blank and that end in its last symbol, and what its
    symbols alone are worth: the model's and the bonus.

    Args:
        num_symbols: V, the blank counted.
        width: see `ctc_beam`.
        model: likewise.
        weight: likewise.
        bonus: likewise.
    """

    def __init__(
        self, num_symbols: int, width: int, model: Scorer | None, weight: float, bonus: float
    ) -> None:
        self._V, self._width = num_symbols, width
        self._model, self._weight, self._bonus = model, weight, bonus
        self._children: dict[tuple[int, int], int] = {}
        # Of each node: the shorter prefix, and the last symbol.
        self._tree: list[tuple[int, int]] = [(-1, BLANK)]
        self._states: dict[int, Any] = {} if model is None else {ROOT: model.start()}
        # Of each node: what each next symbol is worth, [V].
        self._worth_of: dict[int, Floats] = {}
        self._node = np.array([ROOT])
        self._parent = np.array([-1])
        self._last = np.array([BLANK])
        self._blank = np.zeros(1)
        self._symbol = np.full(1, -np.inf)
        self._worth = np.zeros(1)

    def advance(self, step_p: Floats, tried: Integers) -> None:
        """One step: log-probabilities [V], and the symbols [S] by which prefixes may grow."""
        B, S = len(self._node), len(tried)
        total = np.logaddexp(self._blank, self._symbol)
        blank = total + step_p[BLANK]
        symbol = self._symbol + step_p[self._last]  # the root's is -inf
        if not S or not B:
            self._blank, self._symbol = blank, symbol
            return
        # [B, S] longer by one symbol. The last one again is another one only behind a blank.
        same = self._last[:, None] == tried
        grown = np.where(same, self._blank[:, None], total[:, None]) + step_p[tried]
        if B > 1:
            # Prefixes that another one grows into: their paths are added up.
            shorter, longer = np.nonzero(self._node[:, None] == self._parent)
            place = np.searchsorted(tried, self._last[longer])
            is_tried = tried[np.minimum(place, S - 1)] == self._last[longer]
            shorter, longer, place = shorter[is_tried], longer[is_tried], place[is_tried]
            symbol[longer] = np.logaddexp(symbol[longer], grown[shorter, place])
            grown[shorter, place] = -np.inf
        worth = self._next_worths(tried)
        scores = np.concatenate(
            [np.logaddexp(blank, symbol) + self._worth, (grown + worth).ravel()]
        )
        best = _largest(scores, self._width)
        kept, new = best[best < B], best[best >= B] - B
        at, k = np.divmod(new, S)
        nodes = [self._child(*pair) for pair in zip(self._node[at], tried[k], strict=True)]
        # In the order of the scores.
        order = np.argsort(np.concatenate([np.flatnonzero(best < B), np.flatnonzero(best >= B)]))

        def joined(old: NDArray[Any], added: Any) -> NDArray[Any]:
            return np.concatenate([old[kept], np.asarray(added, old.dtype)])[order]

        none = np.full(len(new), -np.inf)
        self._parent = joined(self._parent, self._node[at])
        self._node = joined(self._node, nodes)
        self._last = joined(self._last, tried[k])
        self._blank, self._symbol = joined(blank, none), joined(symbol, grown[at, k])
        self._worth = joined(self._worth, worth[at, k])
        if len(self._states) > STATES_OF_ONE * self._width:
            # Whatever is found again grows from one of these.
            self._states = {int(node): self._state(int(node)) for node in self._node}
            self._worth_of = {n: w for n, w in self._worth_of.items() if n in self._states}

    def best(self, n: int) -> list[tuple[Integers, float, float]]:
        """The n best: symbols, log-probability by the steps, and score with all that counts."""
        total = np.logaddexp(self._blank, self._symbol)
        scores = total + self._worth
        if self._model is not None:
            ends = [self._model.end(self._state(int(node))) for node in self._node]
            scores = scores + _weighted(np.array(ends), self._weight)
        return [
            (self._symbols(int(self._node[i])), float(total[i]), float(scores[i]))
            for i in _largest(scores, n)
        ]

    def _next_worths(self, tried: Integers) -> Floats:
        """[B, S], or [B, 1] where there is no model, what prefixes with one more are worth."""
        if self._model is None:
            return np.broadcast_to(
                self._worth[:, None] + self._bonus, (len(self._worth), len(tried))
            )
        return self._worth[:, None] + np.stack([self._worths(int(n))[tried] for n in self._node])

    def _worths(self, node: int) -> Floats:
        """[V] what each symbol behind this prefix adds, asked of the model once."""
        worths = self._worth_of.get(node)
        if worths is None and self._model is not None:
            log_p = np.asarray(self._model.following(self._state(node)), np.float64)
            if log_p.shape != (self._V,) or np.isnan(log_p[1:]).any():
                raise ValueError(
                    f"the model gave log-probabilities of shape {list(log_p.shape)} or NaN; "
                    f"[{self._V}] of the symbols are needed"
                )
            worths = self._worth_of[node] = _weighted(log_p, self._weight) + self._bonus
        assert worths is not None
        return worths

    def _state(self, node: int) -> Any:
        """The model's state behind a prefix; that of the one shorter was asked for before."""
        assert self._model is not None
        if node not in self._states:
            parent, symbol = self._tree[node]
            self._states[node] = self._model.extend(self._states[parent], symbol)
        return self._states[node]

    def _child(self, node: np.int64, symbol: np.int64) -> int:
        pair = int(node), int(symbol)
        number = self._children.get(pair)
        if number is None:
            number = self._children[pair] = len(self._tree)
            self._tree.append(pair)
        return number

    def _symbols(self, node: int) -> Integers:
        symbols: list[int] = []
        while node != ROOT:
            node, symbol = self._tree[node]
            symbols.append(symbol)
        return np.array(symbols[::-1], np.int64)


def _weighted(log_p: Floats, weight: float) -> Floats:
    """A weight of 0 lets the model say nothing, not even that a symbol is impossible."""
    return weight * log_p if weight else np.zeros_like(log_p)


def _largest(values: Floats, n: int) -> Integers:
    """Places of the n largest that are not -inf, falling; of equal ones the first."""
    if n < len(values):
        bound = np.partition(values, -n)[-n]
        places = np.flatnonzero(values >= bound)
    else:
        places = np.arange(len(values))
    places = places[np.argsort(-values[places], kind="stable")][:n]
    possible: Integers = places[values[places] > -np.inf]
    return possible
