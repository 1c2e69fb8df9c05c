"""Which symbol follows which, counted: a model for `ctc_beam` that is plain data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unrolled.runtime.config_checks import check_keys, shown, whole_number

Floats = NDArray[np.float64]
Context = tuple[int, ...]

BOUNDARY = 0
MAX_ORDER = 20
MAX_SYMBOLS = 1_000_000


@dataclass(frozen=True, eq=False)
class NGram:
    """An n-gram model with the smoothing of Witten & Bell (1991, method C), interpolated:

        P(v | h) = (count(h v) + kinds(h) * P(v | h without its first)) / (count(h) + kinds(h))

    where kinds(h) is how many different symbols have followed h, and below the empty h all V are
    equally likely. Number 0 is the boundary, before the first symbol and behind the last.

    Attributes:
        order: n; a symbol is told by the n - 1 before it.
        num_symbols: V, the boundary counted.
        counts: of each context of 0 to n - 1 symbols that was seen, how often which followed.

    Raises:
        TypeError: a number is no whole one.
        ValueError: a number is beyond its bounds, or the contexts are not whole.
    """

    order: int
    num_symbols: int
    counts: Mapping[Context, Mapping[int, int]]
    _shares: dict[Context, Floats] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        for name, least, most in (("order", 1, MAX_ORDER), ("num_symbols", 2, MAX_SYMBOLS)):
            if whole_number(name, getattr(self, name), least=least) > most:
                raise ValueError(f"{name} needs at most {most}, not {shown(getattr(self, name))}")
        for context, followed in self.counts.items():
            if len(context) >= self.order or not followed:
                raise ValueError(f"the context {shown(context)} is too long or followed by nothing")
            if context and context[1:] not in self.counts:
                raise ValueError(f"the context {list(context)} came without the one shorter by one")
            for symbol in (*context, *followed):
                if whole_number("a symbol", symbol, least=0) >= self.num_symbols:
                    raise ValueError(
                        f"a symbol needs a number from 0 to {self.num_symbols - 1}, not {symbol}"
                    )
            for count in followed.values():
                whole_number("a count", count, least=1)
        if () not in self.counts:
            raise ValueError("the counts lack the empty context, which every symbol follows")

    @classmethod
    def fit(cls, sequences: Iterable[ArrayLike], num_symbols: int, order: int = 3) -> NGram:
        """Count sequences of symbols from 1 to V - 1.

        Raises:
            TypeError: a number is no whole one.
            ValueError: there is no sequence, or a number is beyond its bounds.
        """
        n = whole_number("order", order, least=1)
        counts: dict[Context, Counter[int]] = {}
        for i, sequence in enumerate(sequences):
            symbols = [whole_number(f"sequence {i}", v, least=1) for v in np.asarray(sequence)]
            whole = (BOUNDARY, *symbols, BOUNDARY)
            for t in range(1, len(whole)):
                for start in range(max(0, t - n + 1), t + 1):
                    counts.setdefault(whole[start:t], Counter())[whole[t]] += 1
        if not counts:
            raise ValueError("an n-gram model needs at least one sequence")
        return cls(n, num_symbols, counts)

    def start(self) -> Context:
        """The state before the first symbol."""
        return self._seen((BOUNDARY,))

    def following(self, state: Context) -> Floats:
        """Log-probabilities [V] of what comes next, entry 0 that of nothing more."""
        return np.log(self._shares_behind(state))

    def extend(self, state: Context, symbol: int) -> Context:
        """The state behind one more symbol: what was seen of the last n - 1."""
        return self._seen((*state, symbol))

    def end(self, state: Context) -> float:
        """Log-probability that nothing comes next."""
        return float(self.following(state)[BOUNDARY])

    def log_probability(self, symbols: ArrayLike) -> float:
        """Of a whole sequence [K] of symbols from 1 to V - 1, with its end."""
        state, total = self.start(), 0.0
        for symbol in np.asarray(symbols).tolist():
            total += float(self.following(state)[symbol])
            state = self.extend(state, symbol)
        return total + self.end(state)

    def _seen(self, context: Context) -> Context:
        """The longest end of it that is a context."""
        context = context[max(0, len(context) - self.order + 1) :]
        while context not in self.counts:
            context = context[1:]
        return context

    def _shares_behind(self, context: Context) -> Floats:
        shares = self._shares.get(context)
        if shares is None:
            V = self.num_symbols
            lower = self._shares_behind(context[1:]) if context else np.full(V, 1.0 / V)
            followed = self.counts[context]
            shares = len(followed) * lower
            shares[list(followed)] += list(followed.values())
            shares /= sum(followed.values()) + len(followed)
            self._shares[context] = shares
        return shares

    def to_config(self) -> dict[str, Any]:
        """Plain JSON-ready data; `from_config` gives back the same model."""
        rows = [
            [list(context), list(followed), list(followed.values())]
            for context, followed in self.counts.items()
        ]
        return {"order": self.order, "num_symbols": self.num_symbols, "counts": rows}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> NGram:
        """Inverse of `to_config`.

        Raises:
            TypeError: a number is no whole one.
            ValueError: the data holds anything else that is unexpected.
        """
        check_keys("n-gram model", config, ("order", "num_symbols", "counts"))
        rows, counts = config["counts"], dict[Context, dict[int, int]]()
        if not isinstance(rows, list):
            raise ValueError(f"the counts of an n-gram model need a list, not {shown(rows)}")
        for row in rows:
            if (
                not isinstance(row, list)
                or len(row) != 3
                or not all(isinstance(part, list) for part in row)
                or not all(isinstance(number, int) for part in row for number in part)
                or len(row[1]) != len(set(row[1]))
                or len(row[1]) != len(row[2])
                or tuple(row[0]) in counts
            ):
                raise ValueError(
                    "each row of the counts needs three lists of whole numbers: a context that "
                    f"comes once, different symbols, and as many counts; {shown(row)} came"
                )
            counts[tuple(row[0])] = dict(zip(row[1], row[2], strict=True))
        return cls(config["order"], config["num_symbols"], counts)
