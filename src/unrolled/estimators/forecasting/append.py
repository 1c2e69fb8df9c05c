"""Series with more steps behind them, of which only the last are kept."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data.series import Covariates, SeriesSet

Int = NDArray[np.int64]


def last_steps(series: SeriesSet, keep: int) -> SeriesSet:
    """The last `keep` steps of each series, as copies; shorter ones whole.

    What is missing of the first step that is kept is the last value before it.
    """
    drop = np.maximum(0, series.lengths - keep)
    return _cut(series, drop)


def appended(series: SeriesSet, new: SeriesSet, which: Int, keep: int) -> SeriesSet:
    """`series` with the steps of `new` behind those of series `which`; the last `keep` of each.

    Args:
        series: S series.
        new: fewer or as many, with the same targets; its times are not looked at. What it knows
            of its own steps and of the future goes over what `series` knows, see `revised`.
        which: [len(new)] the series that each continues.
        keep: steps to keep of each, as `last_steps` does.

    Raises:
        ValueError: the covariates of `new` are others, or not known for its steps.
    """
    for kind in ("past", "future"):
        if getattr(series, kind) is None and getattr(new, kind) is not None:
            raise ValueError(
                f"the new values have {kind} covariates, but the series were given without"
            )
    more = np.zeros(len(series), np.int64)
    more[which] = new.lengths
    if series.future is not None:
        if new.future is not None:
            series = revised(series, new, which)
        _check_known(series, more)
    values = [series.values, new.values]
    old_rows, new_rows = _both(
        series.starts, series.lengths, new.starts, more, which, len(values[0])
    )
    order = _interleave(old_rows, new_rows, series.lengths, more)
    lengths = series.lengths + more
    whole = replace(
        series,
        values=np.concatenate(values)[order],
        starts=_starts(lengths),
        lengths=lengths,
        past=_joined(series.past, new.past, order),
    )
    return _cut(whole, np.maximum(0, lengths - keep))


def revised(series: SeriesSet, new: SeriesSet, which: Int) -> SeriesSet:
    """`series` with what `new` knows of the steps behind the end of series `which`.

    Row 0 of `new.future` is the first step behind the end. A row that is given replaces what was
    known of its step, but for rows whose numbers are all missing; those known behind it stay.

    Args:
        series: S series with covariates known ahead.
        new: fewer or as many; of them only what is known ahead is read.
        which: [len(new)] the series that each goes on.

    Raises:
        ValueError: the covariates of `new` are others.
    """
    old, add = series.future, new.future
    assert old is not None
    assert add is not None
    assert series.future_starts is not None
    assert series.future_lengths is not None
    assert new.future_starts is not None
    assert new.future_lengths is not None
    known = series.future_lengths[which] - series.lengths[which]
    longer = np.maximum(0, new.future_lengths - known)
    lengths = series.future_lengths.copy()
    lengths[which] += longer
    more = lengths - series.future_lengths
    begin = new.future_starts + new.future_lengths - longer
    old_rows, new_rows = _both(
        series.future_starts, series.future_lengths, begin, more, which, len(old.values)
    )
    order = _interleave(old_rows, new_rows, series.future_lengths, more)
    joined, starts = _joined(old, add, order), _starts(lengths)
    assert joined is not None
    rows = _rows((starts + series.lengths)[which], new.future_lengths)
    given = add.values[_rows(new.future_starts, new.future_lengths)]
    numbers = np.array([level is None for level in old.levels])
    # The number 0 of a code is a level that was not seen in training, or none.
    told = np.isfinite(given[:, numbers]).any(axis=1) | (given[:, ~numbers] > 0).any(axis=1)
    told |= not numbers.any()
    joined.values[rows[told]] = given[told]
    return replace(series, future=joined, future_starts=starts, future_lengths=lengths)


def _check_known(series: SeriesSet, more: Int) -> None:
    """Whether the future covariates reach as far as `more` [S] steps behind the end.

    Raises:
        ValueError: they do not.
    """
    assert series.future_lengths is not None
    known = series.future_lengths - series.lengths
    if (known < more).any():
        s = int(np.argmax(known < more))
        raise ValueError(
            f"the future covariates of series {series.ids[s]!r} are known for {known[s]} steps "
            f"behind its end, fewer than the {more[s]} new values; give them with the values"
        )


def _cut(series: SeriesSet, drop: Int) -> SeriesSet:
    """Series without their first `drop` steps, in arrays of their own."""
    lengths = series.lengths - drop
    rows = _rows(series.starts + drop, lengths)
    parts: dict[str, Any] = {}
    if series.past is not None:
        parts["past"] = replace(series.past, values=series.past.values[rows])
    if series.future is not None and series.future_starts is not None:
        assert series.future_lengths is not None
        known = series.future_lengths - drop
        ahead = _rows(series.future_starts + drop, known)
        parts["future"] = replace(series.future, values=series.future.values[ahead])
        parts["future_starts"], parts["future_lengths"] = _starts(known), known
    if series.first is not None and series.frequency is not None:
        parts["first"] = series.frequency.at(series.first, drop)
    values, starts = series.values[rows], _starts(lengths)
    for s, k in np.argwhere(np.isnan(values[starts]) & (drop > 0)[:, None]):
        before = series.values[series.starts[s] : series.starts[s] + drop[s], k]
        there = np.flatnonzero(~np.isnan(before))
        if len(there):
            values[starts[s], k] = before[there[-1]]
    return replace(series, values=values, starts=starts, lengths=lengths, **parts)


def _both(
    starts: Int, lengths: Int, new_starts: Int, more: Int, which: Int, offset: int
) -> tuple[Int, Int]:
    """Rows of the old parts, and rows of the new ones behind `offset`, series after series."""
    begin = np.zeros(len(starts), np.int64)
    begin[which] = new_starts
    return _rows(starts, lengths), offset + _rows(begin, more)


def _interleave(old: Int, new: Int, lengths: Int, more: Int) -> Int:
    """Each series' old rows followed by its new ones."""
    order = np.empty(len(old) + len(new), np.int64)
    begin = _starts(lengths + more)
    order[_rows(begin, lengths)] = old
    order[_rows(begin + lengths, more)] = new
    return order


def _joined(old: Covariates | None, new: Covariates | None, order: Int) -> Covariates | None:
    if old is None:
        return None
    if new is not None and (new.names, new.levels) != (old.names, old.levels):
        raise ValueError(
            f"the covariates of the new values are {', '.join(new.names)}, but those of the series "
            f"are {', '.join(old.names)}; give the same, numbers and categories alike"
        )
    values = old.values if new is None else np.concatenate([old.values, new.values])
    return replace(old, values=values[order])


def _rows(starts: Int, lengths: Int) -> Int:
    rows: Int = np.repeat(starts - _starts(lengths), lengths) + np.arange(lengths.sum())
    return rows


def _starts(lengths: Int) -> Int:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)[:-1]])
