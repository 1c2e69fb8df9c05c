"""What users give and get: arrays or DataFrames in, forecasts of the same kind out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data import checks
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


def read_new(
    values: Any,
    roles: Roles,
    levels: Mapping[str, Sequence[str]] | None,
    tail: SeriesSet,
    kind: Kind,
    *,
    past: Any = None,
    future: Any = None,
    times: Any = None,
) -> SeriesSet:
    """New steps of series that are known; any value may be missing.

    Args:
        values: of all series, nested as they were given, a step less deep for one step of each; or
            a DataFrame.
        roles, levels: as in `read`.
        tail: the series so far.
        kind: what they were given as.
        past, future, times: of the new steps.

    Raises:
        ValueError, TypeError: they cannot be used, or there are other series than those known.
    """
    if is_dataframe(values) or isinstance(values, SeriesSet):
        if tail.frequency is not None and roles.frequency is None:
            roles = replace(roles, frequency=tail.frequency.name)
        return read(values, roles, levels, all_missing=True)[0]
    K, S = len(tail.targets), len(tail)
    if kind.single:
        parts = [_steps(values, K)]
    else:
        if np.ndim(values) == 0 or len(values) != S:
            raise ValueError(f"values must be of the {S} series, got {values!r:.80}")
        parts = [_steps(part, K) for part in values]
    lengths = np.array([len(part) for part in parts], np.int64)
    if times is not None and tail.frequency is None:
        raise ValueError("the series were given without times, and so must be the new values")
    if past is not None or future is not None or times is not None:
        blank = [np.zeros_like(part) for part in parts]
        nested = blank[0] if kind.single else blank
        frequency = None if tail.frequency is None else tail.frequency.name
        new = series_from_arrays(
            *(nested, past, future, None, times), frequency=frequency, levels=levels
        )
        new = replace(new, values=np.concatenate(parts))
    else:
        starts = np.cumsum(lengths) - lengths
        new = SeriesSet(np.concatenate(parts), starts, lengths, tail.ids, tail.targets)
    if (new.past is None) != (tail.past is None):
        raise ValueError(
            f"past covariates were {'not ' if tail.past is None else ''}given with the series, and "
            f"so must {'not ' if tail.past is None else ''}be given with new values"
        )
    return replace(new, ids=tail.ids)


def one_step(values: Any, kind: Kind, S: int, K: int) -> F64 | None:
    """[S, K] of numbers or an array that hold one step of each series; None of anything else.

    Raises:
        ValueError: a value is infinite.
    """
    if not isinstance(values, np.ndarray | float | int | np.number):
        return None
    shapes: list[tuple[int, ...]] = [(S, 1, K)]
    if kind.single:
        shapes = [(1, K), (K,)]
    if kind.flat:
        shapes = [(1,), (), (1, 1)] if kind.single else [(S,), (S, 1)]
    if np.shape(values) not in shapes or (np.asarray(values).dtype.kind not in "fiu"):
        return None
    found = np.array(values, dtype=np.float64).reshape(S, K)
    if np.isinf(found).any():
        raise ValueError("values hold infinity; give finite numbers, or NaN for a missing one")
    return found


def _steps(values: Any, K: int) -> F64:
    """[n, K] of one number, of [n] where K is 1, of [K] or of [n, K].

    Raises:
        ValueError: it is none of these, or infinite.
    """
    one = isinstance(values, float | int | np.number)
    found = np.asarray(checks.as_float([values] if one else values, "values"), np.float64)
    if found.ndim < 2:
        found = found.reshape(-1, K) if found.size % K == 0 and found.size else found
    if found.ndim != 2 or found.shape[1] != K or not len(found):
        raise ValueError(
            f"values must be [n, {K}] for a series of {K} targets, got shape {np.shape(values)}"
        )
    if np.isinf(found).any():
        raise ValueError("values hold infinity; give finite numbers, or NaN for a missing one")
    return found


def which_series(new: SeriesSet, tail: SeriesSet, *, by_name: bool) -> NDArray[np.int64]:
    """[len(new)] the series of `tail` that each continues.

    Raises:
        ValueError: one is not known, or does not begin where the known one ends.
    """
    if by_name:
        places = {name: s for s, name in enumerate(tail.ids)}
        unknown = [name for name in new.ids if name not in places]
        if unknown:
            raise ValueError(
                f"the series {unknown[0]!r} is none of the {len(tail)} that are remembered; fit "
                "with it, or give it to predict as X"
            )
        which = np.array([places[name] for name in new.ids], np.int64)
    else:
        which = np.arange(len(new), dtype=np.int64)
    if new.first is not None and tail.first is not None:
        for place, s in enumerate(which.tolist()):
            ends = int(tail.lengths[s])
            wanted = tail.times(s, ends, ends + 1)[0]
            if new.first[place] != wanted:
                raise ValueError(
                    f"the new values of series {tail.ids[s]!r} begin at {new.first[place]}, but "
                    f"its next step is {wanted}"
                )
    return which
