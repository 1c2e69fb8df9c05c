"""Series as a network reads them: targets, covariates and calendar, scaled by the training part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.data.calendar import calendar_features
from unrolled.data.series import Covariates, SeriesSet
from unrolled.data.series_windows import Steps
from unrolled.estimators.forecasting.transform import Scales, TargetTransform
from unrolled.runtime.transforms import Scaler

Int = NDArray[np.int64]


class Prepared(NamedTuple):
    """Series ready for windows.

    Attributes:
        steps: what the network reads.
        base: [M, K] float64, targets before differences and scale, gaps filled.
        scales: of each series.
    """

    steps: Steps
    base: NDArray[np.float64]
    scales: Scales

    def before(self, which: Int, origins: Int, difference: int) -> NDArray[np.float64]:
        """[n, difference, K], `base` of the last steps before each origin."""
        rows = (self.steps.starts[which] + origins)[:, None] + np.arange(-difference, 0)
        base: NDArray[np.float64] = self.base[np.maximum(rows, self.steps.starts[which][:, None])]
        return base


@dataclass(frozen=True)
class Columns:
    """Covariates of one kind: a scale for those that are numbers, levels of those that are not.

    Attributes:
        names: of all, in their order.
        levels: of each, None for numbers.
        scaler: of the numbers; None where there are none.
    """

    names: tuple[str, ...]
    levels: tuple[tuple[str, ...] | None, ...]
    scaler: Scaler | None

    @classmethod
    def fit(cls, covariates: Covariates, rows: NDArray[Any] | None, standardize: bool) -> Columns:
        """From the rows of the training part; None takes all."""
        numbers = [i for i, level in enumerate(covariates.levels) if level is None]
        scaler = None
        if numbers:
            values = covariates.values[:, numbers]
            values = values if rows is None else values[rows]
            scaler = Scaler.identity(len(numbers))
            if standardize:
                parts = [
                    Scaler.fit(column[np.isfinite(column)][:, None])
                    if np.isfinite(column).any()
                    else Scaler.identity(1)
                    for column in values.T
                ]
                scaler = Scaler(
                    np.concatenate([part.mean for part in parts]),
                    np.concatenate([part.scale for part in parts]),
                )
        levels = [
            None if known is None else _seen(known, covariates.values[:, i], rows)
            for i, known in enumerate(covariates.levels)
        ]
        return cls(covariates.names, tuple(levels), scaler)

    @property
    def numbers(self) -> list[int]:
        """Places of the columns of numbers."""
        return [i for i, level in enumerate(self.levels) if level is None]

    @property
    def codes(self) -> list[int]:
        """Places of the categorical columns."""
        return [i for i, level in enumerate(self.levels) if level is not None]

    def apply(self, covariates: Covariates) -> NDArray[np.float32]:
        """[M, P] float32: numbers scaled, 0 (the mean) where missing, then codes.

        Raises:
            ValueError: the covariates are others than in training.
        """
        if covariates.names != self.names:
            raise ValueError(
                f"the covariates are {', '.join(covariates.names)}, but those of the training "
                f"were {', '.join(self.names)}"
            )
        for name, had, has in zip(self.names, self.levels, covariates.levels, strict=True):
            if (had is None) != (has is None):
                was, is_ = ("numbers" if one is None else "categories" for one in (had, has))
                raise ValueError(f"covariate {name!r} is {is_}, but was {was} in the training")
        values = covariates.values
        parts = []
        if self.scaler is not None:
            numbers = values[:, self.numbers]
            scaled = (numbers - self.scaler.mean) / self.scaler.scale
            parts.append(np.where(np.isfinite(scaled), scaled, 0.0))
        parts += [
            _recoded(values[:, i], covariates.levels[i], self.levels[i])[:, None]
            for i in self.codes
        ]
        return np.ascontiguousarray(np.concatenate(parts, axis=1), dtype=np.float32)

    def sizes(self) -> list[int]:
        """Codes that each categorical column has: one for each level, and 0 for others."""
        return [len(level) + 1 for level in self.levels if level is not None]

    def to_config(self) -> dict[str, Any]:
        """As plain data; `from_config` reads it back."""
        return {
            "names": list(self.names),
            "levels": [None if level is None else list(level) for level in self.levels],
            "scaler": None if self.scaler is None else self.scaler.to_config(),
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Columns:
        """From what `to_config` gave.

        Raises:
            ValueError, KeyError: it is none.
        """
        levels = tuple(None if one is None else tuple(map(str, one)) for one in config["levels"])
        names = tuple(map(str, config["names"]))
        scaler = None if config["scaler"] is None else Scaler.from_config(config["scaler"])
        numbers = sum(one is None for one in levels)
        if len(names) != len(levels) or (scaler.channels if scaler else 0) != numbers:
            raise ValueError("its covariates have names, levels and scales that do not fit")
        return cls(names, levels, scaler)


@dataclass(frozen=True)
class Preparation:
    """How series become steps of a network: all that is learnt of the training part but weights.

    Attributes:
        transform: of the targets.
        past: covariates known up to the present, or None.
        future: covariates known ahead, or None.
        static: of a series, or None.
        calendar: features of the time, read as covariates known ahead.
        standardize: covariates to mean 0 and standard deviation 1.
    """

    transform: TargetTransform
    past: Columns | None
    future: Columns | None
    static: Columns | None
    calendar: tuple[str, ...]

    @classmethod
    def fit(
        cls,
        series: SeriesSet,
        transform: TargetTransform,
        calendar: tuple[str, ...],
        standardize: bool,
    ) -> Preparation:
        """From the training part."""
        parts: list[Columns | None] = []
        for kind in ("past", "future"):
            covariates = getattr(series, kind)
            starts = series.starts if kind == "past" else series.future_starts
            rows = None if covariates is None else _rows(starts, series.lengths)
            parts.append(None if covariates is None else Columns.fit(covariates, rows, standardize))
        static = None if series.static is None else Columns.fit(series.static, None, standardize)
        return cls(transform, parts[0], parts[1], static, calendar)

    def apply(self, series: SeriesSet, scales: Scales, ahead: int) -> Prepared:
        """Series ready for windows, the calendar known for `ahead` steps behind their end.

        Raises:
            ValueError: covariates or times are missing that the training had.
        """
        for kind in ("past", "future", "static"):
            had, has = getattr(self, kind), getattr(series, kind)
            if (had is None) != (has is None):
                raise ValueError(
                    f"the series have {'no ' if has is None else ''}{kind} covariates, but those "
                    f"of the training had {'none' if had is None else ', '.join(had.names)}"
                )
        scaled = self.transform.apply(series, scales)
        past, P = None, self.past
        if P is not None and series.past is not None:
            past = P.apply(series.past)[_rows(series.starts, series.lengths)]
        known, known_starts, known_lengths = self._known(series, ahead)
        static = None
        if self.static is not None and series.static is not None:
            static = self.static.apply(series.static)
        observed = None if scaled.observed.all() else scaled.observed
        steps = Steps(
            np.ascontiguousarray(scaled.values, dtype=np.float32),
            *(observed, scaled.starts, series.lengths),
            *(past, 0 if P is None else len(P.codes)),
            *(known, 0 if self.future is None else len(self.future.codes)),
            *(known_starts, known_lengths),
            *(static, 0 if self.static is None else len(self.static.codes)),
        )
        return Prepared(steps, scaled.base, scales)

    @property
    def num_known(self) -> int:
        """F, covariates known ahead with those of the calendar."""
        return len(self.calendar) + (0 if self.future is None else len(self.future.names))

    def levels(self) -> dict[str, tuple[str, ...]]:
        """Levels of the categorical covariates, by name."""
        return {
            name: level
            for columns in (self.past, self.future, self.static)
            if columns is not None
            for name, level in zip(columns.names, columns.levels, strict=True)
            if level is not None
        }

    def _known(
        self, series: SeriesSet, ahead: int
    ) -> tuple[NDArray[np.float32] | None, Int | None, Int | None]:
        """Calendar, then covariates known ahead [M', F], and where each series' rows are."""
        if not self.num_known:
            return None, None, None
        lengths = series.lengths + ahead
        parts = []
        if self.future is not None and series.future is not None:
            assert series.future_starts is not None
            assert series.future_lengths is not None
            lengths = np.minimum(lengths, series.future_lengths)
            parts.append(self.future.apply(series.future)[_rows(series.future_starts, lengths)])
        starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)[:-1]])
        if self.calendar:
            if series.first is None or series.frequency is None:
                raise ValueError(
                    f"calendar features ({', '.join(self.calendar)}) need times, which these "
                    "series do not have"
                )
            step = _rows(np.zeros_like(starts), lengths)
            times = series.frequency.at(np.repeat(series.first, lengths), step)
            parts.insert(0, calendar_features(times, self.calendar))
        return np.concatenate(parts, axis=1), starts, lengths

    def to_config(self) -> dict[str, Any]:
        """As plain data; `from_config` reads it back."""
        kinds = {kind: getattr(self, kind) for kind in ("past", "future", "static")}
        return {
            **{kind: None if one is None else one.to_config() for kind, one in kinds.items()},
            "calendar": list(self.calendar),
        }

    @classmethod
    def from_config(cls, transform: TargetTransform, config: Mapping[str, Any]) -> Preparation:
        """From what `to_config` gave, and the transform that the arguments name.

        Raises:
            ValueError, KeyError: it is none.
        """
        kinds = [
            None if config[kind] is None else Columns.from_config(config[kind])
            for kind in ("past", "future", "static")
        ]
        calendar = tuple(map(str, config["calendar"]))
        return cls(transform, kinds[0], kinds[1], kinds[2], calendar)


def _rows(starts: Int | None, lengths: Int) -> Int:
    """Rows of each series, one after another."""
    assert starts is not None
    begin = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)[:-1]])
    rows: Int = np.repeat(starts - begin, lengths) + np.arange(lengths.sum())
    return rows


def _seen(
    levels: tuple[str, ...], codes: NDArray[np.float64], rows: NDArray[Any] | None
) -> tuple[str, ...]:
    """The levels that are in these rows: of others training would learn nothing."""
    there = set((codes if rows is None else codes[rows]).astype(np.int64).tolist())
    return tuple(level for code, level in enumerate(levels, start=1) if code in there)


def _recoded(
    codes: NDArray[np.float64], levels: tuple[str, ...] | None, known: tuple[str, ...] | None
) -> NDArray[np.float64]:
    """Codes of `levels` as codes of the `known` ones, 0 of others."""
    if levels == known or levels is None or known is None:
        return codes
    places = {level: code for code, level in enumerate(known, start=1)}
    table = np.array([0, *(places.get(level, 0) for level in levels)], np.float64)
    return table[codes.astype(np.int64)]
