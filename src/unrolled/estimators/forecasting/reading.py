"""What users give and get: arrays or DataFrames in, forecasts of the same kind out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data.frequency import Frequency
from unrolled.data.series import SeriesSet
from unrolled.data.series_arrays import series_from_arrays
from unrolled.data.series_tables import series_from_table
from unrolled.data.tables import frame_of, is_dataframe

F64 = NDArray[np.float64]


@dataclass(frozen=True)
class Roles:
    """Which column of a DataFrame is what; names as in `Forecaster`."""

    time: str | None
    group: str | None
    target: tuple[str, ...]
    past: tuple[str, ...]
    future: tuple[str, ...]
    static: tuple[str, ...]
    frequency: str | None
    gaps: str


@dataclass(frozen=True)
class Kind:
    """What was given, and so what is given back.

    Attributes:
        single: one series and not a list of them.
        flat: series [T] and not [T, K].
        like: the first row of the DataFrame that was given, for its library, its types and how it
            writes times; None for arrays.
    """

    single: bool
    flat: bool
    like: Any = None

    def shape(self, forecasts: F64) -> Any:
        """Forecasts [S, H, K, ...] as arrays like what was given: [H], [H, K], [S, H] or more."""
        out = forecasts[:, :, 0] if self.flat else forecasts
        return out[0] if self.single else out


def read(
    X: Any,
    roles: Roles,
    levels: Mapping[str, Sequence[str]] | None,
    *,
    past: Any = None,
    future: Any = None,
    static: Any = None,
    times: Any = None,
    all_missing: bool = False,
) -> tuple[SeriesSet, Kind]:
    """Series of any kind, checked once; `all_missing` allows DataFrames without any target.

    Raises:
        ValueError, TypeError: they cannot be used; says which and why.
    """
    if is_dataframe(X):
        given = {"past": past, "future": future, "static": static, "times": times}
        for name, part in given.items():
            if part is not None:
                raise ValueError(
                    "X is a DataFrame, whose columns hold all that goes with it: name them by "
                    f"{'time_column' if name == 'times' else f'{name}_columns'} instead of giving "
                    f"{name}"
                )
        return _read_frame(X, roles, levels, all_missing)
    if times is not None and roles.frequency == "rows":
        raise ValueError(
            "frequency='rows' takes each row as a step whatever its time; leave out times"
        )
    series = series_from_arrays(
        *(X, past, future, static, times), frequency=_or_none(roles.frequency), levels=levels
    )
    if isinstance(X, SeriesSet):
        return series, Kind(False, series.values.shape[1] == 1)
    single = not isinstance(X, list | tuple) or not len(X) or np.ndim(X[0]) == 0
    single = single and np.ndim(X) <= 2
    first = X if single else X[0]
    return series, Kind(single, np.ndim(first) == 1)


def _read_frame(
    X: Any, roles: Roles, levels: Mapping[str, Sequence[str]] | None, all_missing: bool
) -> tuple[SeriesSet, Kind]:
    table = frame_of(X, "X")
    if roles.time is None:
        raise ValueError("X is a DataFrame; name the column of the time of each row by time_column")
    series = series_from_table(
        X,
        time=roles.time,
        target=roles.target or None,  # in wide form every other column is a series
        group=roles.group,
        past=roles.past,
        future=roles.future,
        static=roles.static,
        frequency=roles.frequency,
        gaps=roles.gaps,
        levels=levels,
        all_missing=all_missing,
    )
    like = table.head(1).to_native()
    single = roles.group is None and bool(roles.target)
    return series, Kind(single, len(series.targets) == 1, like)


def _or_none(frequency: str | None) -> str | None:
    return None if frequency == "rows" else frequency


def several(value: str | Sequence[str]) -> tuple[str, ...]:
    """One name or several as a tuple."""
    return (value,) if isinstance(value, str) else tuple(value)


def read_alike(
    X: Any,
    roles: Roles,
    levels: Mapping[str, Sequence[str]] | None,
    known: Frequency | None,
    **given: Any,
) -> tuple[SeriesSet, Kind]:
    """Series for a forecaster that was fitted; times, if any, must have its frequency `known`.

    Raises:
        ValueError, TypeError: they cannot be used, or have another frequency.
    """
    if known is None:
        return read(X, roles, levels, **given)
    free = replace(roles, frequency=None)
    try:
        series, kind = read(X, replace(roles, frequency=known.name), levels, **given)
    except ValueError:
        _refuse_other(X, free, levels, known, given)
        raise
    if isinstance(X, SeriesSet):
        _same_frequency(series, known)
    elif roles.gaps == "fill" and series.frequency is not None and _has_no_two_in_a_row(series):
        _refuse_other(X, free, levels, known, given)
    return series, kind


def _refuse_other(
    X: Any,
    roles: Roles,
    levels: Mapping[str, Sequence[str]] | None,
    known: Frequency,
    given: Mapping[str, Any],
) -> None:
    try:
        series = read(X, roles, levels, **given)[0]
    except ValueError:
        return  # which does not come of the frequency
    _same_frequency(series, known)


def _same_frequency(series: SeriesSet, known: Frequency) -> None:
    """Refuse steps of another length.

    Raises:
        ValueError: they are.
    """
    found = series.frequency
    if found is not None and (found.kind, found.step) != (known.kind, known.step):
        raise ValueError(
            f"X has {found.steps_are}, but the forecaster was fitted on {known.steps_are}; give "
            "series of the same frequency"
        )


def _has_no_two_in_a_row(series: SeriesSet) -> bool:
    """Whether each value stands alone between missing ones, as where steps are longer."""
    there = [np.isfinite(series[s]).any(axis=1).reshape(-1) for s in range(len(series))]
    most = max(int(one.sum()) for one in there)
    return most > 1 and not any((one[1:] & one[:-1]).any() for one in there)
