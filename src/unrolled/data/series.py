"""S time series of unequal length: one flat array and its cuts, with covariates and times."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from unrolled.data.frequency import Frequency


@dataclass(frozen=True, eq=False)
class Covariates:
    """P columns beside the targets.

    Attributes:
        values: array [M, P]. A numeric column may hold NaN for a missing value; a categorical one
            holds codes 1..len(levels), and 0 for a missing level or one not seen in training.
        names: P names.
        levels: P entries: the levels of a categorical column, None for a numeric one.

    Raises:
        ValueError: `values` is not [M, P] with P names and P levels.
    """

    values: NDArray[np.float64]
    names: tuple[str, ...]
    levels: tuple[tuple[str, ...] | None, ...]

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or not (
            self.values.shape[1] == len(self.names) == len(self.levels)
        ):
            raise ValueError(
                f"values must be [M, P] for P names and P levels, got shape "
                f"{list(self.values.shape)} for {len(self.names)} and {len(self.levels)}."
            )


@dataclass(frozen=True, eq=False)
class SeriesSet:
    """S series of K targets as cuts of flat arrays; nothing is copied.

    Series s is `values[starts[s] : starts[s] + lengths[s]]`. The series may overlap.

    Attributes:
        values: array [M, K], NaN where a value is missing.
        starts: array [S], the first row of each series in `values`.
        lengths: array [S], steps of each series, at least 1.
        ids: S labels.
        targets: K names.
        past: covariates [M, P], whose rows go with those of `values`; None without.
        future: covariates [M', F] with rows of their own: row i of series s is
            `future_starts[s] + i`; None without.
        future_starts: array [S]; None without `future`.
        future_lengths: array [S], for how many steps `future` is known, at least `lengths`; None
            without `future`.
        static: covariates [S, Q], a row per series; None without.
        first: array [S], the time of each series' first step, datetime64[us] or int64; None where
            steps have no times.
        frequency: what leads from one step to the next; None where steps have no times.

    Raises:
        ValueError: a cut is empty or leaves its array, or the parts do not fit each other.
    """

    values: NDArray[np.float64]
    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]
    ids: tuple[Any, ...]
    targets: tuple[str, ...]
    past: Covariates | None = None
    future: Covariates | None = None
    future_starts: NDArray[np.int64] | None = None
    future_lengths: NDArray[np.int64] | None = None
    static: Covariates | None = None
    first: NDArray[Any] | None = None
    frequency: Frequency | None = None

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or self.values.shape[1] != len(self.targets):
            raise ValueError(
                f"values must be [M, K] for the {len(self.targets)} targets, got shape "
                f"{list(self.values.shape)}."
            )
        self._same_number("lengths", self.lengths)
        self._same_number("ids", self.ids)
        _check_cuts(self.starts, self.lengths, len(self.values), "values")
        if self.past is not None and len(self.past.values) != len(self.values):
            raise ValueError(
                f"past must have a row for each of the {len(self.values)} rows of values, got "
                f"{len(self.past.values)}."
            )
        if self.static is not None:
            self._same_number("static", self.static.values)
        if (self.first is None) != (self.frequency is None):
            raise ValueError("first and frequency must be given together, or neither.")
        if self.first is not None:
            self._same_number("first", self.first)
        self._check_future()

    def _check_future(self) -> None:
        parts = (self.future, self.future_starts, self.future_lengths)
        if all(part is None for part in parts):
            return
        if self.future is None or self.future_starts is None or self.future_lengths is None:
            raise ValueError(
                "future, future_starts and future_lengths must be given together, or none of them."
            )
        self._same_number("future_starts", self.future_starts)
        self._same_number("future_lengths", self.future_lengths)
        _check_cuts(self.future_starts, self.future_lengths, len(self.future.values), "future")
        short = self.future_lengths < self.lengths
        if short.any():
            s = int(np.argmax(short))
            raise ValueError(
                f"future must cover its series: series {self.ids[s]!r} has {self.lengths[s]} steps "
                f"and future {self.future_lengths[s]}."
            )

    def _same_number(self, name: str, part: NDArray[Any] | tuple[Any, ...]) -> None:
        if len(part) != len(self.starts):
            raise ValueError(
                f"{name} must have an entry for each of the {len(self.starts)} series, got "
                f"{len(part)}."
            )

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, s: int) -> NDArray[np.float64]:
        """The targets of series s, a view [T_s, K]."""
        start = self.starts[s]
        return self.values[start : start + self.lengths[s]]

    def take(self, which: NDArray[np.int64]) -> SeriesSet:
        """The series that `which` (indices or a mask over S) names; flat arrays are shared."""
        rows = np.arange(len(self))[np.asarray(which)]
        static = self.static
        return replace(
            self,
            starts=self.starts[rows],
            lengths=self.lengths[rows],
            ids=tuple(self.ids[s] for s in rows),
            future_starts=None if self.future_starts is None else self.future_starts[rows],
            future_lengths=None if self.future_lengths is None else self.future_lengths[rows],
            static=None if static is None else replace(static, values=static.values[rows]),
            first=None if self.first is None else self.first[rows],
        )

    def upto(self, stops: NDArray[np.int64]) -> SeriesSet:
        """The first `stops[s]` steps of each series; what is known of the future stays known.

        Raises:
            ValueError: a stop is below 1 or behind the end of its series.
        """
        stops = np.asarray(stops, dtype=np.int64)
        self._same_number("stops", stops)
        wrong = (stops < 1) | (stops > self.lengths)
        if wrong.any():
            s = int(np.argmax(wrong))
            raise ValueError(
                f"stops must lie in 1..{self.lengths[s]} for series {self.ids[s]!r}, got "
                f"{stops[s]}."
            )
        return replace(self, lengths=stops)

    def times(self, s: int, start: int, stop: int) -> NDArray[Any]:
        """Times of the steps start..stop-1 of series s, which may lie behind its end.

        Returns:
            Array [stop - start], datetime64[us] or int64.

        Raises:
            ValueError: the series have no times.
        """
        if self.first is None or self.frequency is None:
            raise ValueError("these series have no times; make them with a time column or `times`.")
        return self.frequency.at(self.first[s], np.arange(start, stop))


def _check_cuts(
    starts: NDArray[np.int64], lengths: NDArray[np.int64], num_rows: int, name: str
) -> None:
    if len(starts) == 0:
        return
    if lengths.min() < 1:
        raise ValueError(
            f"series {int(np.argmin(lengths))} has no step in {name}; every series needs one."
        )
    outside = (starts < 0) | (starts + lengths > num_rows)
    if outside.any():
        s = int(np.argmax(outside))
        raise ValueError(
            f"series {s} takes rows {starts[s]} to {starts[s] + lengths[s] - 1} of {name}, which "
            f"has {num_rows} rows."
        )
