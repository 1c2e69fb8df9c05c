"""Targets as a network reads them, and back: logarithm, differences, a scale for each series."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.data.series import SeriesSet

F64 = NDArray[np.float64]
Int = NDArray[np.int64]
SCALINGS = ("standard", "mean", "none")


class Scaled(NamedTuple):
    """Targets of S series, one after another.

    Attributes:
        values: [M, K] float64, transformed and scaled, gaps filled with the last value before them.
        observed: [M, K] bool, whether a value was there.
        base: [M, K] float64, before differences and scale, gaps filled: what differences add to.
        starts: [S] first row of each series.
    """

    values: F64
    observed: NDArray[np.bool_]
    base: F64
    starts: Int


class Scales(NamedTuple):
    """Of each series and target, [S, K] float64: what is taken off, and what it is divided by."""

    center: F64
    scale: F64


@dataclass(frozen=True)
class TargetTransform:
    """`((difference of log y) - center) / scale` and its inverse.

    Attributes:
        log: the natural logarithm of the targets, which must be above 0.
        difference: d, each value minus the one d steps before; 0 takes none.
        scaling: "standard" (mean 0 and standard deviation 1 of each series), "mean" (divided by
            the mean magnitude) or "none".
        counts: the targets are counts: whole numbers of at least 0.
    """

    log: bool = False
    difference: int = 0
    scaling: str = "standard"
    counts: bool = False

    def fit(self, series: SeriesSet) -> Scales:
        """The scales of each series, from the values that are there.

        Raises:
            ValueError: a value is not above 0 and `log` is set, or is no count.
        """
        values, rows = self._differences(series)
        S, K = len(series), values.shape[1]
        center, scale = np.zeros((S, K)), np.ones((S, K))
        if self.scaling == "none":
            return Scales(center, scale)
        starts = _starts(series.lengths)
        there = np.isfinite(values)
        filled = np.where(there, values, 0.0)
        count = np.maximum(1, np.add.reduceat(there.astype(np.int64), starts, axis=0))
        if self.scaling == "mean":
            scale = np.add.reduceat(np.abs(filled), starts, axis=0) / count
        else:
            center = np.add.reduceat(filled, starts, axis=0) / count
            deviation = np.where(there, values - center[rows], 0.0)
            scale = np.sqrt(np.add.reduceat(deviation**2, starts, axis=0) / count)
        # What does not vary beyond the rounding of its own size keeps its unit.
        least = 8 * np.finfo(np.float64).eps * np.maximum(np.abs(center), 1e-300)
        return Scales(center, np.where(scale > least, scale, 1.0))

    def apply(self, series: SeriesSet, scales: Scales) -> Scaled:
        """The targets of all series as the network reads them.

        Raises:
            ValueError: a value is not above 0 and `log` is set, or is no count.
        """
        starts, base = _starts(series.lengths), self._logs(series)
        values, rows = self._differences(series)
        scaled = (values - scales.center[rows]) / scales.scale[rows]
        observed = np.isfinite(scaled)
        return Scaled(
            fill_forward(scaled, starts[rows], 0.0),
            observed,
            fill_forward(base, starts[rows], 0.0),
            starts,
        )

    def invert(self, values: F64, scales: Scales, which: Int, before: F64) -> F64:
        """Forecasts in the units of the targets.

        Args:
            values: [n, H, K, ...] as the network gave them.
            scales: of the series.
            which: [n] series of each.
            before: [n, d, K], `base` of the last d steps before each forecast.
        """
        more = (1,) * (values.ndim - 3)
        shape = (len(which), 1, values.shape[2], *more)
        out = values * scales.scale[which].reshape(shape) + scales.center[which].reshape(shape)
        d = self.difference
        for h in range(out.shape[1]) if d else ():
            earlier = out[:, h - d] if h >= d else before[:, h].reshape(shape)[:, 0]
            out[:, h] += earlier
        found: F64 = np.exp(out) if self.log else out
        return found

    def _logs(self, series: SeriesSet) -> F64:
        values = _one_after_another(series)
        wrong = self._wrong(values)
        if wrong.any():
            row, target = np.argwhere(wrong)[0]
            s = int(np.searchsorted(np.cumsum(series.lengths), row, side="right"))
            step = row - int(series.lengths[:s].sum())
            self.check(values[row, target], f" in series {series.ids[s]!r} at step {step}")
        return np.log(values) if self.log else values

    def check(self, values: Any, where: str = "") -> None:
        """Refuse values that cannot be transformed.

        Raises:
            ValueError: a value is not above 0 and `log` is set, or is no count.
        """
        wrong = self._wrong(values)
        if not wrong.any():
            return
        first = np.asarray(values)[wrong].ravel()[0]
        if self.log:
            raise ValueError(
                f"log=True needs values above 0, got {first:g}{where}; leave log=False or add a "
                "constant first"
            )
        raise ValueError(
            f"loss='negative_binomial' needs counts, whole numbers of at least 0, got "
            f"{first:g}{where}; take 'student_t' or 'normal' for other numbers"
        )

    def _wrong(self, values: Any) -> NDArray[np.bool_]:
        # A missing value is none of both.
        found = np.asarray(values)
        wrong: NDArray[np.bool_] = np.zeros(found.shape, np.bool_)
        if self.log:
            wrong = np.asarray(found <= 0)
        elif self.counts:
            wrong = np.asarray((found < 0) | (np.isfinite(found) & (found != np.floor(found))))
        return wrong

    def _differences(self, series: SeriesSet) -> tuple[F64, Int]:
        values = self._logs(series)
        rows = np.repeat(np.arange(len(series)), series.lengths)
        d = self.difference
        if d:
            place = np.arange(len(values)) - _starts(series.lengths)[rows]
            earlier = np.full_like(values, np.nan)
            earlier[d:] = values[:-d]
            values = np.where((place >= d)[:, None], values - earlier, np.nan)
        return values, rows


def fill_forward(values: F64, first_rows: Int, default: float) -> F64:
    """Gaps of [M, K] filled with the last value before them; `default` where there is none.

    Args:
        values: NaN where a value is missing.
        first_rows: [M] first row of the series that each row is of.
        default: for gaps at the begin of a series.
    """
    there = np.isfinite(values)
    if there.all():
        return values
    rows = np.arange(len(values))[:, None]
    last = np.maximum.accumulate(np.where(there, rows, -1), axis=0)
    found = last >= first_rows[:, None]
    return np.where(found, np.take_along_axis(values, np.maximum(last, 0), axis=0), default)


def _one_after_another(series: SeriesSet) -> F64:
    """Values [M, K] of all series, without gaps between them."""
    starts = _starts(series.lengths)
    rows = np.repeat(series.starts - starts, series.lengths) + np.arange(series.lengths.sum())
    values: F64 = series.values[rows]
    return values


def _starts(lengths: Int) -> Int:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)[:-1]])
