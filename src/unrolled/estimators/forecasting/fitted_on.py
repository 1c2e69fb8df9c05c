"""Which series a forecaster was fitted on, and how far: what a backtest must not score."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.data.series import SeriesSet

Int = NDArray[np.int64]


class FittedOn(NamedTuple):
    """The ends of the S series of a fit, which `update` does not move.

    Attributes:
        lengths: [S] steps.
        last: [S, K] values of the last step, 0 where missing.
        ends: [S] time behind the last step; None without times.
    """

    lengths: Int
    last: NDArray[np.float64]
    ends: NDArray[Any] | None

    @classmethod
    def of(cls, series: SeriesSet) -> FittedOn:
        """All steps of these series."""
        last = np.nan_to_num(series.values[series.starts + series.lengths - 1])
        if series.first is None or series.frequency is None:
            return cls(series.lengths, last, None)
        return cls(series.lengths, last, series.frequency.at(series.first, series.lengths))

    def seen(self, series: SeriesSet, places: Int, first: Int) -> Int:
        """[n] how many steps from the origin `first` on were part of the fit, as far as known.

        By their times; without times only where a series holds the last value of the fit at the
        place where it was.

        Args:
            series: n series.
            places: [n] which series of the fit each is, -1 none.
            first: [n] steps before the first origin.
        """
        found = np.zeros(len(series), np.int64)
        for s in np.flatnonzero(places >= 0).tolist():
            place, start, stop = int(places[s]), int(first[s]), int(series.lengths[s])
            if self.ends is not None:
                end = self.ends[place]
                if series.first is not None and series.first.dtype.kind == end.dtype.kind:
                    found[s] = int((series.times(s, start, stop) < end).sum())
                continue
            T = int(self.lengths[place])
            alike = series.first is None and stop >= T
            if alike and np.array_equal(np.nan_to_num(series[s][T - 1]), self.last[place]):
                found[s] = max(0, T - start)
        return found

    def recognized(self, series: SeriesSet, places: Int) -> Int:
        """`places`, -1 where a series does not hold the last value of the fit where it was."""
        found = np.full(len(series), -1, np.int64)
        for s in np.flatnonzero(places >= 0).tolist():
            place, T = int(places[s]), int(self.lengths[places[s]])
            if (self.ends is None) != (series.first is None):
                continue
            if self.ends is not None:
                times, end = series.times(s, 0, int(series.lengths[s])), self.ends[place]
                T = int((times < end).sum()) if times.dtype.kind == end.dtype.kind else 0
            if 1 <= T <= series.lengths[s] and np.array_equal(
                np.nan_to_num(series[s][T - 1]), self.last[place]
            ):
                found[s] = place
        return found

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """For a saved model; `from_arrays` reads them back."""
        arrays: dict[str, NDArray[Any]] = {"fit.lengths": self.lengths, "fit.last": self.last}
        if self.ends is not None:
            arrays["fit.ends"] = self.ends.astype(np.int64)
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], series: SeriesSet) -> FittedOn:
        """From what `to_arrays` gave, beside the last steps of the series.

        Raises:
            KeyError, ValueError: the arrays are missing, or do not fit the series.
        """
        lengths, last = np.array(arrays["fit.lengths"]), np.array(arrays["fit.last"])
        shapes = ((len(series),), (len(series), len(series.targets)))
        if (lengths.shape, last.shape) != shapes or lengths.dtype != np.int64:
            raise ValueError(f"the ends of its series are not those of {len(series)} series")
        if series.first is None:
            return cls(lengths, last, None)
        ends = np.array(arrays["fit.ends"]).astype(series.first.dtype)
        if ends.shape != lengths.shape:
            raise ValueError(f"the ends of its series are not those of {len(series)} series")
        return cls(lengths, last, ends)


def same_series(series: SeriesSet, known: SeriesSet, *, by_name: bool) -> Int:
    """[n] which of the series `known` each is, -1 for none.

    Args:
        series: n series.
        known: those of a fit.
        by_name: they have names; else they are the same if there are as many.
    """
    if by_name:
        places = {name: s for s, name in enumerate(known.ids)}
        return np.array([places.get(name, -1) for name in series.ids], np.int64)
    if len(series) == len(known):
        return np.arange(len(series), dtype=np.int64)
    return np.full(len(series), -1, np.int64)
