"""A DataFrame in long or wide form to a set of series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data import checks
from unrolled.data.covariates import Categories, covariates, finite_or_missing
from unrolled.data.frequency import DAY, Frequency, infer
from unrolled.data.local_clock import without_skips, zone_of
from unrolled.data.regular_times import shown, steps_of
from unrolled.data.series import Covariates, SeriesSet
from unrolled.data.series_columns import (
    codes_of,
    covariate_column,
    has_time_zone,
    missing_cells,
    order_column,
    time_column,
)
from unrolled.data.tables import frame_of, numbers_of, type_of

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw

# Filling may make at most so many steps of a row.
MAX_FILL = 1000


@dataclass(frozen=True, eq=False)
class _Cuts:
    """Where the S series lie in the rows of a table, sorted by series and time."""

    order: NDArray[np.int64] | None  # [M] the table's row of each sorted row; None: as it is
    times: NDArray[Any]  # [M] sorted
    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]
    ids: tuple[Any, ...]
    names: tuple[str, ...]  # for messages

    @property
    def series(self) -> NDArray[np.int64]:
        """The series of each sorted row [M]."""
        return np.repeat(np.arange(len(self.starts)), self.lengths)

    def sort(self, column: NDArray[Any]) -> NDArray[Any]:
        return column if self.order is None else column[self.order]


def series_from_table(
    frame: Any,
    *,
    time: str,
    target: str | Sequence[str] | None = None,
    group: str | None = None,
    past: Sequence[str] = (),
    future: Sequence[str] = (),
    static: Sequence[str] = (),
    frequency: str | Frequency | None = None,
    gaps: str = "error",
    levels: Mapping[str, Sequence[str]] | None = None,
    all_missing: bool = False,
) -> SeriesSet:
    """Series from a DataFrame of any library, rows in any order.

    In long form, with `target`, a row is one time of one series. In wide form, without `target`,
    every column but `time` is a series, which has the column's name as its id.

    A missing target cell is a missing value. Rows at the end of a series whose targets are all
    missing while a cell of `future` is given are not steps of the series but its known future.
    Numeric covariates may miss cells; text, categorical and bool columns are categories, where a
    missing cell has the code 0.

    Args:
        frame: DataFrame.
        time: the column of datetimes, dates, ISO 8601 text or whole numbers. Times with a time zone
            are taken in UTC for steps below a day, else by the local clock.
        target: the numeric column to forecast, or several; None for wide form.
        group: the column that says which series a row belongs to; without it the table is one.
        past: columns known up to the present.
        future: columns known ahead.
        static: columns that are constant inside each series.
        frequency: what leads from step to step, see `Frequency.parse`; None infers it; "rows" takes
            each row as a step whatever its time, so that the series have no times.
        gaps: "error" refuses steps without a row; "fill" takes them as missing.
        levels: the levels of training by column, which makes it categorical; a level that is not
            there gets the code 0.
        all_missing: allow targets without a value, as new steps of a known series may be.

    Returns:
        Series in order of first appearance.

    Raises:
        TypeError: a target holds no numbers, a covariate neither numbers nor categories, or `time`
            no times.
        ValueError: a column is not there or named twice; a time is missing, comes twice in a
            series, lies between the steps or lacks; series differ in frequency; a static column
            varies inside a series; a value is infinite; a target of a series is all missing.
    """
    table = frame_of(frame, "table")
    if gaps not in ("error", "fill"):
        raise ValueError(f"gaps must be 'error' or 'fill', got {gaps!r}.")
    _check_columns(table, time, target, group, {"past": past, "future": future, "static": static})
    targets = [target] if isinstance(target, str) else list(target or ())
    wide = not targets
    if wide:
        targets = [name for name in table.columns if name != time]
    step = frequency if isinstance(frequency, Frequency) else None
    if isinstance(frequency, str) and frequency != "rows":
        step = Frequency.parse(frequency)
    cuts = _cuts(table, time, group, by_rows=frequency == "rows")
    values = np.stack([cuts.sort(_target(table, name)) for name in targets], axis=1)
    known = {} if levels is None else levels
    columns = {}
    for name in [*past, *future, *static]:
        column = covariate_column(table.get_column(name), category=name in known)
        columns[name] = (
            Categories(cuts.sort(column.codes), column.levels)
            if isinstance(column, Categories)
            else cuts.sort(column)
        )
    series = SeriesSet(
        values=values,
        starts=cuts.starts,
        lengths=_lengths(values, [columns[name] for name in future], cuts),
        ids=cuts.ids,
        targets=tuple(targets),
        past=covariates({name: columns[name] for name in past}, levels) if past else None,
        future=covariates({name: columns[name] for name in future}, levels) if future else None,
        future_starts=cuts.starts if future else None,
        future_lengths=cuts.lengths if future else None,
        static=_static({name: columns[name] for name in static}, levels, cuts) if static else None,
    )
    if not all_missing:
        _refuse_all_missing(series, cuts)
    if frequency != "rows":
        times = _zoned(table.get_column(time), cuts, step)
        found, steps = steps_of(times, cuts.starts, cuts.lengths, cuts.names, step, gaps=gaps)
        series = replace(series, first=times[cuts.starts], frequency=found)
        series = _filled(series, steps, cuts)
    return _apart(series) if wide else series


def _check_columns(
    table: nw.DataFrame[Any],
    time: str,
    target: str | Sequence[str] | None,
    group: str | None,
    given: Mapping[str, Sequence[str]],
) -> None:
    for name, columns in given.items():
        if isinstance(columns, str):
            raise TypeError(f"{name} must be a list of column names, got the text {columns!r}.")
    targets = [target] if isinstance(target, str) else list(target or ())
    roles = [("time", time), *(("target", name) for name in targets)]
    roles += [(role, name) for role, columns in given.items() for name in columns]
    grouped = [] if group is None else [("group", group)]
    for role, name in [*roles, *grouped]:
        if name not in table.columns:
            index = "; an index becomes a column by reset_index()"
            raise ValueError(
                f"table has no {role} column {name!r}; it has "
                f"{', '.join(map(repr, table.columns))}"
                f"{index if table.implementation.is_pandas_like() else ''}."
            )
    seen: dict[str, str] = {}
    # The group may be a static covariate too.
    for role, name in [*roles, *grouped]:
        other = seen.setdefault(name, role)
        if (other, role) != (role, role) and {other, role} != {"static", "group"}:
            raise ValueError(f"column {name!r} cannot be both {other} and {role}; choose one.")
    names = [name for _, name in roles]
    again = next((name for i, name in enumerate(names) if name in names[:i]), None)
    if again is not None:
        raise ValueError(f"column {again!r} is named twice as {seen[again]}; name it once.")
    if not targets:
        extra = next((role for role, _ in [*roles[1:], *grouped]), None)
        if extra is not None:
            raise ValueError(
                f"{extra} needs a target column: without target every column is a series."
            )
        if len(table.columns) == 1:
            raise ValueError(f"table has no column but time {time!r}; it needs one per series.")
    if len(table) == 0:
        raise checks.too_few("table", "row", table.shape)


def _cuts(table: nw.DataFrame[Any], time: str, group: str | None, *, by_rows: bool) -> _Cuts:
    column = table.get_column(time)
    times = order_column(column) if by_rows else time_column(column)
    if group is None:
        codes, labels = np.zeros(len(times), dtype=np.int64), [0]
        names: tuple[str, ...] = ("the table",)
    else:
        codes, labels = codes_of(table.get_column(group))
        if codes.min() == 0:
            raise ValueError(
                f"column {group!r} of table is missing in row {int(np.argmin(codes))}; fill or "
                f"drop it."
            )
        codes = codes - 1
        names = tuple(f"series {label!r}" for label in labels)
    order: NDArray[np.int64] | None = None
    rising = (codes[1:] == codes[:-1]) & (times[1:] > times[:-1]) | (codes[1:] > codes[:-1])
    if not rising.all():
        order = _order(codes, times)
        codes, times = codes[order], times[order]
        again = (codes[1:] == codes[:-1]) & (times[1:] == times[:-1])
        if again.any():
            row = int(np.argmax(again))
            raise ValueError(
                f"a time comes twice in {int(again.sum())} rows of table, first "
                f"{shown(times[row])} in {names[codes[row]]}; keep one row a time, or name the "
                f"group column that tells series apart."
            )
    lengths = np.bincount(codes, minlength=len(labels)).astype(np.int64)
    return _Cuts(order, times, np.cumsum(lengths) - lengths, lengths, tuple(labels), names)


def _order(codes: NDArray[np.int64], times: NDArray[Any]) -> NDArray[np.int64]:
    """Rows by series, then time; by one key where both fit into it, which is faster."""
    if times.dtype.kind != "f":
        numbers: NDArray[np.int64] = times.astype(np.int64)
        span = int(numbers.max()) - int(numbers.min()) + 1
        if (int(codes.max()) + 1) * span < 2**63:
            return np.argsort(codes * span + (numbers - numbers.min()))
    return np.lexsort((times, codes))


def _zoned(column: nw.Series[Any], cuts: _Cuts, step: Frequency | None) -> NDArray[Any]:
    """Sorted times [M]: with a time zone in UTC for steps below a day, else by the local clock."""
    if not has_time_zone(column):
        return cuts.times
    local = cuts.sort(time_column(column, wall_clock=True))
    zone = zone_of(str(getattr(type_of(column), "time_zone", None)))
    if zone is not None:
        local = without_skips(local, cuts.times, cuts.starts, cuts.lengths, zone)
    if step is None:
        follows = np.ones(len(local), dtype=bool)
        follows[cuts.starts] = False
        now = np.flatnonzero(follows)
        if not len(now) or not (local[now] > local[now - 1]).all():
            return cuts.times
        step = infer(local, cuts.starts)
    return cuts.times if step.kind == "time" and step.step < DAY else local


def _target(table: nw.DataFrame[Any], name: str) -> NDArray[np.float64]:
    values = np.asarray(numbers_of(table.get_column(name), "table"), dtype=np.float64)
    finite_or_missing(values, f"target {name!r}")
    return values


def _lengths(
    values: NDArray[np.float64], future: list[NDArray[Any] | Categories], cuts: _Cuts
) -> NDArray[np.int64]:
    """Steps [S] of each series before the rows that only tell its future."""
    if not future:
        return cuts.lengths
    rows = np.arange(len(values))
    present = ~np.isnan(values).all(axis=1)
    last = np.maximum.reduceat(np.where(present, rows, -1), cuts.starts)
    given = ~np.logical_and.reduce([missing_cells(column) for column in future])
    ahead = given & (rows > last[cuts.series])
    told = np.logical_or.reduceat(ahead, cuts.starts) & (last >= 0)
    return np.where(told, last + 1 - cuts.starts, cuts.lengths)


def _refuse_all_missing(series: SeriesSet, cuts: _Cuts) -> None:
    present = np.add.reduceat(~np.isnan(series.values), cuts.starts, axis=0)
    if present.all():
        return
    bad = (present == 0).any(axis=1)
    s = int(np.argmax(bad))
    name = series.targets[int(np.argmin(present[s]))]
    others = f" and {int(bad.sum()) - 1} more" if bad.sum() > 1 else ""
    raise ValueError(
        f"target {name!r} has no value in {cuts.names[s]}{others}: all are missing; leave such "
        f"series out."
    )


def _static(
    columns: Mapping[str, NDArray[Any] | Categories],
    levels: Mapping[str, Sequence[str]] | None,
    cuts: _Cuts,
) -> Covariates:
    """Static covariates [S, Q] from columns [M] that are constant inside each series."""
    for name, column in columns.items():
        cells = column.codes if isinstance(column, Categories) else column.astype(np.float64)
        first = cells[cuts.starts][cuts.series]
        varies = (cells != first) & ~((cells != cells) & (first != first))
        if varies.any():
            row = int(np.argmax(varies))
            many = len(np.unique(cuts.series[varies]))
            was, is_ = (_cell(column, r) for r in (int(cuts.starts[cuts.series[row]]), row))
            raise ValueError(
                f"static column {name!r} changes inside {many} series, first in "
                f"{cuts.names[cuts.series[row]]} from {was} to {is_} at "
                f"{shown(cuts.times[row])}; name it in past or future."
            )
    found = covariates(columns, levels)
    return replace(found, values=found.values[cuts.starts])


def _cell(column: NDArray[Any] | Categories, row: int) -> str:
    if not isinstance(column, Categories):
        return str(column[row])
    code = int(column.codes[row])
    return repr(column.levels[code - 1]) if code else "a missing cell"


def _filled(series: SeriesSet, steps: NDArray[np.int64], cuts: _Cuts) -> SeriesSet:
    """The series with a row for each step, those that had none being missing."""
    ends = cuts.starts + cuts.lengths
    spans = steps[ends - 1] + 1
    total = int(spans.sum())
    if total == len(steps):
        return series
    if total > MAX_FILL * len(steps):
        s = int(np.argmax(spans / cuts.lengths))
        raise ValueError(
            f"gaps='fill' would make {total} steps of {len(steps)} rows, {spans[s]} of them in "
            f"{cuts.names[s]}; correct its times, or give a longer frequency."
        )
    starts = np.cumsum(spans) - spans
    rows = starts[cuts.series] + steps
    values = np.full((total, series.values.shape[1]), np.nan)
    values[rows] = series.values
    return replace(
        series,
        values=values,
        starts=starts,
        lengths=steps[cuts.starts + series.lengths - 1] + 1,
        past=_spread(series.past, rows, total),
        future=_spread(series.future, rows, total),
        future_starts=None if series.future is None else starts,
        future_lengths=None if series.future is None else spans,
    )


def _spread(part: Covariates | None, rows: NDArray[np.int64], total: int) -> Covariates | None:
    if part is None:
        return None
    missing = [np.nan if levels is None else 0.0 for levels in part.levels]
    values = np.tile(missing, (total, 1))
    values[rows] = part.values
    return replace(part, values=values)


def _apart(series: SeriesSet) -> SeriesSet:
    """A series of K targets as K series of one target."""
    T, K = series.values.shape
    return SeriesSet(
        values=series.values.T.reshape(-1, 1),
        starts=np.arange(K) * T,
        lengths=np.full(K, T),
        ids=series.targets,
        targets=("y",),
        first=None if series.first is None else np.repeat(series.first, K),
        frequency=series.frequency,
    )
