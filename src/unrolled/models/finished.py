"""What was written, and hypotheses of a beam that go no further."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Decoded:
    """What was written for one row.

    Attributes:
        tokens: [T] int64, without the end.
        log_probability: of the tokens, and of the end where it was written, by the model.
        score: what hypotheses are compared by: `log_probability` over a power of the number of
            symbols written, the end among them; where nothing else was asked for, over the number.
        ended: whether the end was written; else there was no room for more.
    """

    tokens: Integers
    log_probability: float
    score: float
    ended: bool


class Finished:
    """Hypotheses of N rows that go no further: arrays [N, width], filled from the left."""

    def __init__(self, num_rows: int, width: int) -> None:
        shape = (num_rows, width)
        self.count = np.zeros(num_rows, np.int64)
        self.log_p = np.zeros(shape)
        self.score = np.full(shape, -np.inf)
        self.ended = np.zeros(shape, np.bool_)
        self.steps = np.zeros(shape, np.int64)
        self.place = np.zeros(shape, np.int64)

    def add(
        self,
        row: Integers,
        steps: int,
        place: Integers,
        log_p: Floats,
        ended: NDArray[np.bool_],
        length_penalty: float,
    ) -> None:
        """Put in hypotheses of these rows, rising, from these places among those of a step."""
        at = self.count[row] + np.arange(len(row)) - np.searchsorted(row, row)
        self.log_p[row, at] = log_p
        self.score[row, at] = log_p / float(steps) ** length_penalty
        self.ended[row, at] = ended
        self.steps[row, at] = steps
        self.place[row, at] = place
        self.count += np.bincount(row, minlength=len(self.count))

    def bars(self, n_best: int) -> Floats:
        """[N] what must be surpassed to be among the `n_best` of a row that have ended."""
        ended = np.where(self.ended, self.score, -np.inf)
        bars: Floats = np.sort(ended, axis=1)[:, -n_best]
        return bars

    def best(
        self, row: int, n_best: int, history: list[tuple[Integers, Integers]]
    ) -> list[Decoded]:
        """The `n_best` of a row, the best first; of equal ones the shorter."""
        n = self.count[row]
        order = np.lexsort((-self.score[row, :n], ~self.ended[row, :n]))[:n_best]
        return [
            Decoded(
                tokens=self._tokens(history, row, i),
                log_probability=float(self.log_p[row, i]),
                score=float(self.score[row, i]),
                ended=bool(self.ended[row, i]),
            )
            for i in order
        ]

    def _tokens(self, history: list[tuple[Integers, Integers]], row: int, i: int) -> Integers:
        """Read back, from the place of the last symbol to that of the first."""
        tokens = np.empty(self.steps[row, i], np.int64)
        place = self.place[row, i]
        for step in range(len(tokens) - 1, -1, -1):
            parent, token = history[step]
            tokens[step], place = token[place], parent[place]
        return tokens[: len(tokens) - int(self.ended[row, i])]
