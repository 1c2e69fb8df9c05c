"""A long table, with a row per id and time, to sequences."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timezone
from typing import TYPE_CHECKING, Any

import numpy as np

from unrolled.data import checks
from unrolled.data.sequences import Sequences
from unrolled.data.tables import frame_of, numbers_of

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw


@dataclass(frozen=True, eq=False)
class LongTable:
    """What `long` reads from a table with a row per id and time.

    Attributes:
        sequences: N sequences with a channel per value column.
        ids: array [N], in order of first appearance in the table.
        target: array [N], the target of each id; None without a target column.
    """

    sequences: Sequences
    ids: np.ndarray
    target: np.ndarray | None


def long(table: Any, id: str, time: str, values: list[str], target: str | None = None) -> LongTable:
    """Sequences from a DataFrame with a row per id and time; each id is sorted by time.

    Args:
        table: DataFrame, rows in any order.
        id: the column that says which sequence a row belongs to.
        time: the column to sort by: numbers, dates, or text as ISO 8601 writes dates.
        values: the numeric columns, one channel each.
        target: a column that is constant inside each id, if there is one.

    Raises:
        TypeError: a value column holds no numbers, or the time column no times.
        ValueError: a column is missing, a cell is missing, an (id, time) pair occurs twice, or the
            target changes inside an id.
    """
    frame = frame_of(table, "table")
    if not isinstance(values, (list, tuple)) or not values:
        raise TypeError(f"values must be a list of column names, got {values!r}.")
    for column in [id, time, *values, *([] if target is None else [target])]:
        if column not in frame.columns:
            raise ValueError(
                f"table has no column {column!r}; it has {', '.join(map(repr, frame.columns))}."
            )
    if len(frame) == 0:
        raise checks.too_few("table", "row", frame.shape)
    ids = _complete(frame, id)
    seen: dict[Any, int] = {}
    codes = np.array([seen.setdefault(i, len(seen)) for i in ids], dtype=np.int64)
    times = _times(frame, time, ids)
    order = np.lexsort((times, codes))
    codes, times = codes[order], times[order]
    again = (codes[1:] == codes[:-1]) & (times[1:] == times[:-1])
    if again.any():
        row = int(order[np.argmax(again) + 1])
        raise ValueError(f"table holds {_place(frame, id, time, row)} twice; keep one of the rows.")
    columns = []
    for column in values:
        array = numbers_of(frame.get_column(column), "table")
        bad = checks.first_not_finite(array)
        if bad is not None:
            raise checks.not_finite(
                f"column {column!r} of table", array[bad], f"at {_place(frame, id, time, bad[0])}"
            )
        columns.append(array)
    lengths = np.bincount(codes, minlength=len(seen)).astype(np.int64)
    starts = np.cumsum(lengths) - lengths
    sequences = Sequences(np.stack(columns, axis=1)[order], starts, lengths)
    goals = None if target is None else _constant(frame, ids, target)
    return LongTable(sequences, _as_array(list(seen)), goals)


def _complete(frame: nw.DataFrame[Any], column: str) -> list[Any]:
    """The cells of an id column, none of which may be missing."""
    cells = frame.get_column(column).to_list()
    for row, cell in enumerate(cells):
        if _is_missing(cell):
            raise ValueError(
                f"column {column!r} of table is missing in row {row}; fill or drop it."
            )
    return cells


def _times(frame: nw.DataFrame[Any], column: str, ids: list[Any]) -> np.ndarray:
    """The time column [M] as numbers or datetime64."""
    import narwhals.stable.v2 as nw

    series = frame.get_column(column)
    if series.dtype.is_float():
        missing = np.isnan(series.to_numpy())
    else:
        missing = series.is_null().to_numpy()
    if missing.any():
        row = int(np.argmax(missing))
        raise ValueError(
            f"column {column!r} of table is missing for id {ids[row]!r} in row {row}; "
            f"fill or drop it."
        )
    if series.dtype in (nw.String, nw.Object):
        return _iso_times(series.to_list(), column, ids)
    times = series.to_numpy()
    if times.dtype.kind not in "Mmfiu":
        raise TypeError(f"column {column!r} of table holds {series.dtype}, not times or numbers.")
    return times


def _iso_times(cells: list[Any], column: str, ids: list[Any]) -> np.ndarray:
    """Dates, or text as ISO 8601 writes them, [M] datetime64; times with an offset are in UTC."""
    times = np.empty(len(cells), dtype="datetime64[us]")
    zoned: set[bool] = set()
    for row, cell in enumerate(cells):
        try:
            moment = _moment(cell)
        except ValueError as error:
            raise TypeError(
                f"column {column!r} of table holds {cell!r} for id {ids[row]!r}, which is no time "
                f"that sorts; write times as 2024-01-31 or 2024-01-31T12:00:00, or as numbers."
            ) from error
        zoned.add(moment.tzinfo is not None)
        if len(zoned) > 1:
            raise ValueError(
                f"column {column!r} of table has times with and without a UTC offset, "
                f"{cell!r} for id {ids[row]!r} is the first of the other kind; use one of them."
            )
        if moment.tzinfo is not None:
            moment = moment.astimezone(timezone.utc).replace(tzinfo=None)
        times[row] = np.datetime64(moment, "us")
    return times


def _moment(cell: Any) -> datetime:
    if isinstance(cell, datetime):
        return cell
    if isinstance(cell, date):
        return datetime(cell.year, cell.month, cell.day)
    if not isinstance(cell, str):
        raise ValueError(f"{cell!r} is neither text nor a date")
    text = f"{cell}-01" if len(cell) == len("2024-01") else cell
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _constant(frame: nw.DataFrame[Any], ids: list[Any], column: str) -> np.ndarray:
    """The target of each id [N], which must be one value inside the id."""
    goals: dict[Any, Any] = {}
    for row, (who, cell) in enumerate(zip(ids, frame.get_column(column).to_list(), strict=True)):
        if _is_missing(cell):
            raise ValueError(
                f"target column {column!r} of table is missing for id {who!r} in row {row}; "
                f"fill or drop it."
            )
        if goals.setdefault(who, cell) != cell:
            raise ValueError(
                f"target column {column!r} of table changes inside id {who!r}, from "
                f"{goals[who]!r} to {cell!r}; a target is one value for a whole sequence."
            )
    return _as_array(list(goals.values()))


def _is_missing(cell: Any) -> bool:
    return cell is None or bool(cell != cell)


def _as_array(cells: list[Any]) -> np.ndarray:
    """Numbers or texts as an array of their own dtype, never one turned into the other."""
    array = np.asarray(cells)
    if array.dtype.kind in "US" and not all(isinstance(cell, str) for cell in cells):
        return np.asarray(cells, dtype=object)
    return array


def _place(frame: nw.DataFrame[Any], id: str, time: str, row: int) -> str:
    cells = (frame.get_column(column).to_list()[row] for column in (id, time))
    return ", ".join(
        f"{column} {cell if isinstance(cell, date) else repr(cell)}"
        for column, cell in zip((id, time), cells, strict=True)
    )
