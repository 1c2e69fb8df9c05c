"""Arrays and lists of arrays to a set of series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data import checks, tables
from unrolled.data.covariates import covariates, finite_or_missing
from unrolled.data.frequency import Frequency, infer
from unrolled.data.iso_times import as_times
from unrolled.data.regular_times import shown
from unrolled.data.series import Covariates, SeriesSet


def series_from_arrays(
    X: Any,
    past: Any = None,
    future: Any = None,
    static: Any = None,
    times: Any = None,
    ids: Sequence[Any] | None = None,
    *,
    frequency: str | None = None,
    levels: Mapping[str, Sequence[str]] | None = None,
) -> SeriesSet:
    """Series from arrays; a contiguous float64 array is shared, not copied.

    Targets are named "y", or "y0", "y1", ...; covariates "past0", "future0", "static0", ...
    Covariates are numbers, where NaN is a missing value, or text and truth values, which are
    categories.

    Args:
        X: [T] or [T, K] for one series; [S, T, K] or a list of [T_s] or [T_s, K] for S of them; NaN
            is a missing value. A SeriesSet is passed through when nothing else is given.
        past: nested like X, [T, P] or [T]; known up to the last step of X.
        future: nested like X, [T', F] or [T'] with T' at least T; known for T' steps.
        static: [S, Q], or [Q] for one series.
        times: nested like X, [T] datetimes, ISO text or whole numbers, rising regularly; or one [T]
            for series of equal length.
        ids: S labels; 0..S-1 without.
        frequency: the name of the step of `times`, see `Frequency.parse`; inferred without.
        levels: the levels of training by covariate name; a level that is not there gets code 0.

    Raises:
        TypeError: X or a numeric covariate holds no numbers.
        ValueError: shapes do not fit each other, a value is infinite, a target is all missing, or
            times are irregular.
    """
    if isinstance(X, SeriesSet):
        given = {"past": past, "future": future, "static": static, "times": times, "ids": ids}
        for name, part in given.items():
            if part is not None:
                raise ValueError(f"X is a SeriesSet, which holds its own {name}; leave it out.")
        return X
    if tables.is_dataframe(X):
        raise TypeError("X is a DataFrame; read it by series_from_table.")
    single = _is_single(X)
    parts = [_matrix(part, _place("X", s, single)) for s, part in enumerate([X] if single else X)]
    if not parts:
        raise checks.too_few("X", "series", (0,))
    for s, part in enumerate(parts):
        where = _place("X", s, single)
        if part.shape[1] != parts[0].shape[1]:
            raise ValueError(
                f"X has {parts[0].shape[1]} targets in series 0 and {part.shape[1]} in series {s}; "
                f"all need the same."
            )
        finite_or_missing(part, where, ("step", "target"))
        gone = np.isnan(part).all(axis=0)
        if gone.any():
            raise ValueError(
                f"{where} has no value for target {int(np.argmax(gone))}: all "
                f"{len(part)} are missing."
            )
    values = parts[0] if len(parts) == 1 else np.concatenate(parts)
    lengths = np.array([len(part) for part in parts], dtype=np.int64)
    K = values.shape[1]
    labels = tuple(range(len(parts))) if ids is None else tuple(ids)
    if len(labels) != len(parts):
        raise ValueError(f"ids must be {len(parts)} labels, one a series, got {len(labels)}.")
    if len(set(labels)) != len(labels):
        again = next(label for i, label in enumerate(labels) if label in labels[:i])
        raise ValueError(f"ids must differ from each other, got {again!r} twice.")
    series = SeriesSet(
        values=values,
        starts=np.cumsum(lengths) - lengths,
        lengths=lengths,
        ids=labels,
        targets=("y",) if K == 1 else tuple(f"y{k}" for k in range(K)),
        static=None if static is None else _static(static, len(parts), levels),
    )
    if past is not None:
        columns, found = _columns(past, "past", single, lengths)
        _fits("past", found, lengths, exact=True)
        series = replace(series, past=covariates(columns, levels))
    if future is not None:
        columns, found = _columns(future, "future", single, lengths)
        _fits("future", found, lengths, exact=False)
        series = replace(
            series,
            future=covariates(columns, levels),
            future_starts=np.cumsum(found) - found,
            future_lengths=found,
        )
    if times is not None:
        first, step = _times(times, single, lengths, labels, frequency)
        series = replace(series, first=first, frequency=step)
    return series


def _is_single(X: Any) -> bool:
    """Whether X is one series: an array of at most two dimensions, or a list of numbers."""
    if isinstance(X, (list, tuple)):
        return len(X) > 0 and np.ndim(X[0]) == 0
    return np.ndim(X) <= 2


def _place(name: str, s: int, single: bool) -> str:
    return name if single else f"{name}[{s}]"


def _matrix(part: Any, name: str) -> NDArray[np.float64]:
    array = checks.as_float(part, name)
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2:
        raise ValueError(f"{name} must be [T] or [T, K], got shape {list(array.shape)}.")
    if 0 in array.shape:
        raise checks.too_few(name, "step" if len(array) == 0 else "target", array.shape)
    return np.asarray(array, dtype=np.float64)


def _columns(
    X: Any, name: str, single: bool, lengths: NDArray[np.int64]
) -> tuple[dict[str, NDArray[Any]], NDArray[np.int64]]:
    """Columns of all series one after another, and the rows of each series."""
    parts = [X] if single else list(X)
    if len(parts) != len(lengths):
        raise ValueError(
            f"{name} must be nested like X, which is {len(lengths)} series; got {len(parts)}."
        )
    arrays: list[NDArray[Any]] = []
    for s, part in enumerate(parts):
        if tables.is_dataframe(part):
            raise TypeError(f"{name} is a DataFrame; read it by series_from_table.")
        array = np.asarray(part, dtype=_dtype(part))
        array = array[:, None] if array.ndim == 1 else array
        if array.ndim != 2 or array.shape[1] == 0:
            raise ValueError(
                f"{_place(name, s, single)} must be [T] or [T, P], got shape {list(array.shape)}."
            )
        if arrays and array.shape[1] != arrays[0].shape[1]:
            raise ValueError(
                f"{name} has {arrays[0].shape[1]} columns in series 0 and {array.shape[1]} in "
                f"series {s}; all need the same."
            )
        arrays.append(array)
    found = np.array([len(array) for array in arrays], dtype=np.int64)
    width = range(arrays[0].shape[1])
    return {f"{name}{p}": _stacked([a[:, p] for a in arrays]) for p in width}, found


def _dtype(part: Any) -> Any:
    """Objects where lists could mix text and numbers, which NumPy would make text."""
    return object if isinstance(part, (list, tuple)) else None


def _stacked(columns: list[NDArray[Any]]) -> NDArray[Any]:
    kinds = {column.dtype.kind for column in columns}
    if len(kinds) > 1 and not kinds <= set("fiu"):
        columns = [column.astype(object) for column in columns]
    return np.concatenate(columns)


def _fits(name: str, found: NDArray[np.int64], lengths: NDArray[np.int64], *, exact: bool) -> None:
    wrong = found != lengths if exact else found < lengths
    if wrong.any():
        s = int(np.argmax(wrong))
        wanted = f"{lengths[s]}" if exact else f"at least {lengths[s]}"
        raise ValueError(
            f"{name} must have {wanted} rows for series {s}, whose X has {lengths[s]} steps; got "
            f"{found[s]}."
        )


def _static(X: Any, S: int, levels: Mapping[str, Sequence[str]] | None) -> Covariates:
    if tables.is_dataframe(X):
        raise TypeError("static is a DataFrame; read it by series_from_table.")
    array = np.asarray(X, dtype=_dtype(X))
    if array.ndim == 1 and S == 1:
        array = array[None, :]
    if array.ndim != 2 or len(array) != S or array.shape[1] == 0:
        wanted = "[Q] or [1, Q]" if S == 1 else f"[S, Q] with a row for each of the {S} series"
        raise ValueError(f"static must be {wanted}, got shape {list(array.shape)}.")
    return covariates({f"static{q}": array[:, q] for q in range(array.shape[1])}, levels)


def _times(
    times: Any,
    single: bool,
    lengths: NDArray[np.int64],
    ids: tuple[Any, ...],
    name: str | None,
) -> tuple[NDArray[Any], Frequency]:
    """Time of each first step [S], and the frequency, which is one for all."""
    shared = not single and len(times) > 0 and np.ndim(times[0]) == 0
    parts = [times] if single or shared else list(times)
    if len(parts) != len(lengths) and not shared:
        raise ValueError(
            f"times must be nested like X, which is {len(lengths)} series; got {len(parts)}."
        )
    read = [as_times(part, _place("times", s, len(parts) == 1)) for s, part in enumerate(parts)]
    if shared:
        read = read * len(lengths)
    frequency = infer(read[0]) if name is None else Frequency.parse(name)
    for s, part in enumerate(read):
        if len(part) != lengths[s]:
            raise ValueError(
                f"times must have {lengths[s]} entries for series {ids[s]!r}, got {len(part)}."
            )
        if (part.dtype.kind == "M") != (frequency.kind != "number"):
            raise ValueError(
                f"times of series {ids[s]!r} are {part.dtype}, which have no steps of "
                f"{frequency.name!r}."
            )
        off = frequency.index(part[0], part) != np.arange(len(part))
        if off.any():
            i = int(np.argmax(off))
            if i == 0:
                raise ValueError(
                    f"times of series {ids[s]!r} begin at {shown(part[0])}, where no step of the "
                    f"frequency {frequency.name!r} can be."
                )
            raise ValueError(
                f"times must rise regularly: after {shown(part[i - 1])} series {ids[s]!r} has "
                f"{shown(part[i])} where the frequency {frequency.name!r} gives "
                f"{shown(frequency.at(part[i - 1], 1)[()])}; give a step without values as NaN "
                f"(gaps='fill' does so for DataFrames, not for arrays)."
            )
    return np.array([part[0] for part in read], dtype=read[0].dtype), frequency
