"""New steps of series that are known, as users give them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data import checks
from unrolled.data.regular_times import shown
from unrolled.data.series import Covariates, SeriesSet
from unrolled.data.series_arrays import series_from_arrays
from unrolled.data.series_tables import MAX_FILL
from unrolled.data.tables import frame_of, is_dataframe
from unrolled.estimators.forecasting.reading import Kind, Roles, read

F64 = NDArray[np.float64]
Int = NDArray[np.int64]


def one_step(values: Any, kind: Kind, S: int, K: int) -> F64 | None:
    """[S, K] of what holds one step of each series, by the shortest way; None of anything else.

    Args:
        values: a number, an array, or a list or tuple of numbers.
        kind: what the series were given as.
        S: series.
        K: targets.

    Raises:
        ValueError: a value is infinite.
    """
    if isinstance(values, list | tuple):
        # [v] of one series, [K] of one of several targets, [S] of several of one target.
        wanted = (1 if kind.flat else K) if kind.single else (S if kind.flat else -1)
        if len(values) != wanted or not all(
            isinstance(value, float | int | np.number) for value in values
        ):
            return None
        values = np.array(values)
    elif not isinstance(values, np.ndarray | float | int | np.number):
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
) -> tuple[SeriesSet, Int]:
    """New steps of series that are known, of which any value may be missing.

    Args:
        values: of all series, nested as they were given, a step less deep for one step of each, []
            for a series without new values; or a DataFrame.
        roles, levels: as in `reading.read`.
        tail: the series so far.
        kind: what they were given as.
        past, future, times: of the new steps.

    Returns:
        The new steps, and [their number] which series of `tail` each continues.

    Raises:
        ValueError, TypeError: they cannot be used, or there are other series than those known.
    """
    if is_dataframe(values) or isinstance(values, SeriesSet):
        given = {"past": past, "future": future, "times": times}
        roles = replace(_known_frequency(roles, tail), static=())
        new = read(values, roles, levels, all_missing=True, **given)[0]
        return _following(new, tail, _named(new, tail), gaps=roles.gaps)
    if times is not None and tail.frequency is None:
        raise ValueError("the series were given without times, and so must be the new values")
    K, S = len(tail.targets), len(tail)
    if kind.single:
        parts, which = [_steps(values, K)], np.zeros(1, np.int64)
    else:
        several = isinstance(values, list | tuple) or np.ndim(values) > 0
        if not several or len(values) != S:
            raise ValueError(f"values must be of the {S} series, got {values!r:.80}")
        parts = [_steps(part, K, empty=True) for part in values]
        which = np.flatnonzero([len(part) for part in parts])
        if not len(which):
            raise ValueError(f"values hold no step of any of the {S} series")
        parts = [parts[s] for s in which]
        if len(which) < S:
            past = _of_these("past", past, which, S)
            future = _of_these("future", future, which, S)
            if times is not None and (not len(times) or np.ndim(times[0]) > 0):
                times = _of_these("times", times, which, S)
    if past is not None or future is not None or times is not None:
        blank = [np.zeros_like(part) for part in parts]
        nested = blank[0] if kind.single else blank
        frequency = None if tail.frequency is None else tail.frequency.name
        new = series_from_arrays(
            *(nested, past, future, None, times), frequency=frequency, levels=levels
        )
        new = replace(new, values=np.concatenate(parts))
    else:
        lengths = np.array([len(part) for part in parts], np.int64)
        starts = np.cumsum(lengths) - lengths
        ids = tuple(tail.ids[s] for s in which)
        new = SeriesSet(np.concatenate(parts), starts, lengths, ids, tail.targets)
    if (new.past is None) != (tail.past is None):
        raise ValueError(
            f"past covariates were {'not ' if tail.past is None else ''}given with the series, and "
            f"so must {'not ' if tail.past is None else ''}be given with new values"
        )
    return _following(new, tail, which, gaps="error")


def read_ahead(
    future: Any,
    roles: Roles,
    levels: Mapping[str, Sequence[str]] | None,
    tail: SeriesSet,
    kind: Kind,
) -> tuple[SeriesSet, Int]:
    """What is known of the next steps of series that are known, the next one first.

    Args:
        future: covariates of all series, nested as the series were given; or a DataFrame.
        roles, levels: as in `reading.read`.
        tail: the series so far.
        kind: what they were given as.

    Returns:
        Series with these covariates, and [their number] which series of `tail` each goes on.

    Raises:
        ValueError, TypeError: they cannot be used.
    """
    if tail.future is None:
        raise ValueError("future: the series were given without covariates known ahead")
    if is_dataframe(future):
        import narwhals.stable.v2 as nw

        if not roles.target:
            raise ValueError("future is a DataFrame, but the series were given as arrays")
        table = frame_of(future, "future")
        target = roles.target[0]
        blank = table.with_columns(nw.lit(np.nan).alias(target)).to_native()
        roles = replace(_known_frequency(roles, tail), target=(target,), past=(), static=())
        new = read(blank, roles, levels, all_missing=True)[0]
        return _following(new, tail, _named(new, tail), gaps="error")
    S = len(tail)
    which = np.arange(S)
    if not kind.single:
        which = np.flatnonzero([len(part) for part in _of_these("future", future, which, S)])
        future = _of_these("future", future, which, S)
    one = np.zeros((1, 1))
    nested: Any = one if kind.single else [one] * len(which)
    return series_from_arrays(nested, None, future, levels=levels), which


def _known_frequency(roles: Roles, tail: SeriesSet) -> Roles:
    if tail.frequency is None or roles.frequency is not None:
        return roles
    return replace(roles, frequency=tail.frequency.name)


def _of_these(name: str, part: Any, which: Int, S: int) -> Any:
    """Of what is nested like S series that of some; the others must be empty."""
    if part is None:
        return None
    nested = isinstance(part, list | tuple) or np.ndim(part) > 0
    if not nested or len(part) != S:
        raise ValueError(f"{name} must be nested like the {S} series, got {part!r:.80}")
    rest = [s for s in range(S) if s not in set(which.tolist()) and len(part[s])]
    if rest:
        raise ValueError(
            f"{name} is given for series {rest[0]}, which has no new values; leave it empty"
        )
    return [part[s] for s in which]


def _steps(values: Any, K: int, *, empty: bool = False) -> F64:
    """[n, K] of one number, of [n] where K is 1, of [K] or of [n, K]; `empty` allows [].

    Raises:
        ValueError: it is none of these, or infinite.
    """
    one = isinstance(values, float | int | np.number)
    if empty and isinstance(values, list | tuple | np.ndarray) and _no_rows(values):
        return np.empty((0, K))
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


def _no_rows(values: Any) -> bool:
    return values.shape[:1] == (0,) if isinstance(values, np.ndarray) else not values


def _named(new: SeriesSet, tail: SeriesSet) -> Int:
    """[len(new)] the series of `tail` that have the names of those of `new`.

    Raises:
        ValueError: one is not known.
    """
    places = {name: s for s, name in enumerate(tail.ids)}
    unknown = [name for name in new.ids if name not in places]
    if unknown:
        raise ValueError(
            f"the series {unknown[0]!r} is none of the {len(tail)} that are remembered; fit "
            "with it, or give it to predict as X"
        )
    return np.array([places[name] for name in new.ids], np.int64)


def _following(new: SeriesSet, tail: SeriesSet, which: Int, *, gaps: str) -> tuple[SeriesSet, Int]:
    """Series that begin where those before end; gaps "fill" takes steps between as missing.

    Raises:
        ValueError: they begin elsewhere.
    """
    new = replace(new, ids=tuple(tail.ids[s] for s in which))
    if new.first is None or tail.first is None or tail.frequency is None:
        return new, which
    lacks = np.zeros(len(new), np.int64)
    for place, s in enumerate(which.tolist()):
        ends = int(tail.lengths[s])
        wanted, begins = tail.times(s, ends, ends + 1)[0], new.first[place]
        if begins == wanted:
            continue
        index = int(tail.frequency.index(wanted, new.first[place])) if begins > wanted else -1
        if index < 0 or gaps == "error":
            between = " (gaps='fill' takes steps between as missing)" if index > 0 else ""
            raise ValueError(
                f"the new values of series {tail.ids[s]!r} begin at {shown(begins)}, but "
                f"its next step is {shown(wanted)}{between}"
            )
        lacks[place] = index
    if lacks.sum() > MAX_FILL * len(new.values):
        raise ValueError(
            f"gaps='fill' would put {lacks.sum()} missing steps before {len(new.values)} new ones; "
            "correct their times, or fit anew"
        )
    return (_begun_earlier(new, lacks) if lacks.any() else new), which


def _begun_earlier(series: SeriesSet, more: Int) -> SeriesSet:
    """Series with `more` [S] missing steps before their first."""
    starts, lengths = _cuts(series.lengths + more)
    made: dict[str, Any] = {
        "values": _behind(series.values, series.starts, series.lengths, more, np.nan),
        "starts": starts,
        "lengths": lengths,
    }
    if series.past is not None:
        made["past"] = _behind_all(series.past, series.starts, series.lengths, more)
    if series.future is not None:
        assert series.future_starts is not None
        assert series.future_lengths is not None
        made["future"] = _behind_all(
            series.future, series.future_starts, series.future_lengths, more
        )
        made["future_starts"], made["future_lengths"] = _cuts(series.future_lengths + more)
    assert series.frequency is not None
    return replace(series, first=series.frequency.at(series.first, -more), **made)


def _cuts(lengths: Int) -> tuple[Int, Int]:
    return np.cumsum(lengths) - lengths, lengths


def _behind_all(part: Covariates, starts: Int, lengths: Int, more: Int) -> Covariates:
    blank = [np.nan if level is None else 0.0 for level in part.levels]
    return replace(part, values=_behind(part.values, starts, lengths, more, blank))


def _behind(rows: F64, starts: Int, lengths: Int, more: Int, blank: Any) -> F64:
    """Rows of each series behind `more` blank ones."""
    parts = []
    for start, length, n in zip(starts, lengths, more, strict=True):
        parts += [np.full((n, rows.shape[1]), blank), rows[start : start + length]]
    return np.concatenate(parts)
